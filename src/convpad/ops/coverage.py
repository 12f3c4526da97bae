"""What does a window cover? The map that `ignore` renormalises by, and the mask of a maximum."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.backends import Backend, Box, Tensor
from convpad.core.problem import Problem
from convpad.ops.pad import extended_mask

__all__ = ["mask", "renormalisation", "renormalised"]

Array = npt.NDArray[Any]


def _along(values: Array, axis: int, rank: int) -> Array:
    """A vector as an array of `rank` axes that varies along one."""
    return values.reshape([-1 if other == axis else 1 for other in range(rank)])


def _deciding(problem: Problem, axis: int) -> tuple[Array, Array]:
    """Along one padded axis: where it leaves the decision to earlier axes, and where it decides that it counts."""
    window, (before, after) = problem.windows[axis], problem.modes[axis]
    sides = [(window.before or 0, before), (window.size or 0, None), (window.after or 0, after)]
    leaves = [np.full(count, mode is None or mode.copies) for count, mode in sides]
    counts = [np.full(count, mode is not None and not mode.copies and mode.counts) for count, mode in sides]
    return np.concatenate(leaves), np.concatenate(counts)


@lru_cache(maxsize=256)
def _static_mask(problem: Problem) -> Array:
    """The padded axes: 1 where there is a value, 0 where it is ignored. The last axis to decide has its way."""
    found = np.ones((1,) * problem.rank)
    for axis in range(problem.rank):
        leaves, counts = (_along(values, axis, problem.rank) for values in _deciding(problem, axis))
        found = found * leaves + counts
    return found


def _per_window(values: Array, problem: Problem, axis: int) -> Array:
    """How many taps of each window of one axis fall where `values` is true."""
    window = problem.windows[axis]
    taps = np.arange(window.kernel) * window.dilation
    starts = np.arange(window.output or 0) * window.stride
    return values[starts[:, None] + taps].sum(1).astype(np.float64)


@lru_cache(maxsize=256)
def _static_renormalisation(problem: Problem) -> Array:
    """``taps / taps covered`` over the output's axes, 0 where nothing is covered.

    The taps that fall on a place are counted axis by axis: an axis either leaves the decision to the earlier ones,
    and multiplies what they cover, or decides that all of theirs count.
    """
    coverage, taps = np.ones((1,) * problem.rank), 1
    for axis, window in enumerate(problem.windows):
        leaves, counts = (
            _along(_per_window(values, problem, axis), axis, problem.rank) for values in _deciding(problem, axis)
        )
        coverage = coverage * leaves + taps * counts
        taps *= window.kernel
    return np.where(coverage > 0, problem.taps / np.maximum(coverage, 1), 0.0)


def _placed(array: Array, problem: Problem) -> Array:
    """With the batch and channel axes that a tensor has."""
    return array[None, ..., None] if problem.channels_last else array[None, None]


def mask(backend: Backend, x: Tensor, problem: Problem) -> Tensor:
    """1 where the padded axes hold a value, 0 where the mode is `ignore`, as a tensor that broadcasts."""
    if problem.known:
        return backend.tensor(_placed(backend.settled(_static_mask, problem), problem), x)
    return extended_mask(backend, x, problem)


def renormalised(backend: Backend, out: Tensor, x: Tensor, problem: Problem) -> Tensor:
    """`out` scaled to what its windows cover of `x`, of a problem that ignores padding."""

    def parts() -> tuple[tuple[Box, Array], ...] | None:
        return backend.settled(_rescaled, problem) if problem.known else None

    return backend.scaled(out, lambda: renormalisation(backend, out, x, problem), parts)


@lru_cache(maxsize=256)
def _rescaled(problem: Problem) -> tuple[tuple[Box, Array], ...] | None:
    """The same in thin boxes, each cut along one axis, with factors of 1 where an earlier box has scaled already.

    None where something else than thin boxes is rescaled.
    """
    full = _static_renormalisation.__wrapped__(problem)
    left, inside = full.copy(), [slice(None)] * problem.rank
    found: list[tuple[Box, Array]] = []
    for place, axis in enumerate(problem.axes):
        others = tuple(other for other in range(problem.rank) if other != place)
        rest = full[tuple(inside)]
        if not rest.size:
            break
        whole: Array = np.asarray((rest != 1).all(others))
        size = len(whole)
        low, high = (size, 0) if whole.all() else (int(np.argmin(whole)), int(np.argmin(whole[::-1])))
        for cut in (slice(0, low), slice(size - high, size)):
            if cut.start < cut.stop:
                rows = (slice(None),) * place + (cut,)
                found.append(((slice(None),) * axis + (cut,), _placed(left[rows].copy(), problem)))
                left[rows] = 1
        inside[place] = slice(low, size - high)
    return None if (left != 1).any() else tuple(found)


def renormalisation(backend: Backend, out: Tensor, x: Tensor, problem: Problem) -> Tensor:
    """``taps / taps covered`` for every output, 0 where nothing is covered, as a tensor that broadcasts."""
    windows = problem.windows
    if all(window.known for window in windows):
        return backend.tensor(_placed(backend.settled(_static_renormalisation, problem), problem), out)
    # Where sizes are known only when it runs: a convolution of the mask with ones.
    ones = backend.tensor(np.ones((*(window.kernel for window in windows), 1, 1)), x)
    covered = backend.conv(
        extended_mask(backend, x, problem),
        ones,
        problem.strides,
        [(0, 0)] * problem.rank,
        problem.dilation,
        1,
        problem.channels_last,
    )
    least = backend.where(covered, covered, 1.0)
    return backend.where(covered, problem.taps / least, 0.0)
