"""Renormalised windows: a zero-padded window times taps over taps covered leaves its padding out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from math import isclose, prod

from convpad.core.padding import Padding
from convpad.models.readers.values import Values
from convpad.models.windows import PaddedWindow


def without_zeros(window: PaddedWindow) -> PaddedWindow | None:
    """Return a window that leaves out the zeros that it is padded with; None where it is padded with anything else."""
    fills = {fill for axis in window.fills for fill in axis}
    counts_zeros = window.op in ("conv", "depthwise_conv", "average_pool") and not window.config.ceil_mode
    if not counts_zeros or window.amounts is None or fills != {("zeros", None)}:
        return None
    shape = list(window.problem.input_shape)
    for axis, size in zip(window.problem.axes, window.input, strict=True):
        shape[axis] = size
    padding = Padding.parse(window.amounts, "ignore", rank=len(window.kernel))
    config = replace(window.config, padding=padding)
    return replace(window, config=config, problem=config.problem(shape), pads=())


def is_coverage(window: PaddedWindow, factors: Values, axes: Sequence[int | None]) -> bool:
    """Return whether a constant is taps over taps covered at each output of a window.

    Args:
        axes: of the constant, for each axis of the window; None for an axis of one value that it has not.
    """
    ratios: list[list[float]] = []
    for axis in window.windows:
        if axis.size is None or axis.before is None or axis.output is None:
            return False
        taps = range(0, axis.kernel * axis.dilation, axis.dilation)
        starts = [output * axis.stride - axis.before for output in range(axis.output)]
        covered = [sum(0 <= start + tap < axis.size for tap in taps) for start in starts]
        ratios.append([axis.kernel / count if count else 0 for count in covered])
    numbers, lengths = factors.numbers(), [len(row) for row in ratios]
    sizes = [1 if axis is None else factors.shape[axis] for axis in axes]
    if numbers is None or lengths != sizes or prod(factors.shape) != prod(sizes):
        return False
    steps = [0 if axis is None else prod(factors.shape[axis + 1 :]) for axis in axes]
    for places in product(*map(range, lengths)):
        number = numbers[sum(place * step for place, step in zip(places, steps, strict=True))]
        if not isclose(number, prod(row[place] for row, place in zip(ratios, places, strict=True)), rel_tol=1e-4):
            return False
    return True
