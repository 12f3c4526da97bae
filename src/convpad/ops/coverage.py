"""The coverage of windows: the map by which `ignore` renormalises, and the mask of a maximum."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.backends.base import Backend, Box, Tensor
from convpad.core.problem import Problem
from convpad.core.window import Window
from convpad.ops.extension import extended_mask
from convpad.ops.plan import conv_window

Array = npt.NDArray[Any]


def _along(values: Array, axis: int, rank: int) -> Array:
    """Return a vector as an array of `rank` axes that varies along one."""
    return values.reshape([-1 if other == axis else 1 for other in range(rank)])


def _decisions(problem: Problem, axis: int) -> tuple[Array, Array, Array]:
    """Return three vectors along a padded axis: where earlier axes decide, where all counts, where nothing counts."""
    window, (before, after) = problem.windows[axis], problem.modes[axis]
    sides = [(window.before or 0, before), (window.size or 0, None), (window.after or 0, after)]
    earlier = [np.full(count, mode is None or mode.copies_input) for count, mode in sides]
    counts = [np.full(count, mode is not None and not mode.copies_input and mode.is_counted) for count, mode in sides]
    overhang = np.full(window.overhang, False)
    beyond = np.arange(sum(count for count, _ in sides) + window.overhang) >= (window.padded or 0)
    return np.concatenate([*earlier, overhang]), np.concatenate([*counts, overhang]), ~beyond


@lru_cache(maxsize=256)
def _static_mask(problem: Problem) -> Array:
    """Return 1 where the padded axes hold a value, 0 where it is ignored. The last axis to decide has its way."""
    mask = np.ones((1,) * problem.rank)
    within = np.ones((1,) * problem.rank)
    for axis in range(problem.rank):
        earlier, counts, inside = (_along(values, axis, problem.rank) for values in _decisions(problem, axis))
        mask = mask * earlier + counts
        within = within * inside
    return mask * within


def _per_window(values: Array, window: Window) -> Array:
    """Return the number of taps of each window of one axis that fall where `values` is true."""
    taps = np.arange(window.kernel) * window.dilation
    starts = np.arange(window.output or 0) * window.stride
    return values[starts[:, None] + taps].sum(1).astype(np.float64)


@lru_cache(maxsize=256)
def _static_renormalisation(problem: Problem) -> Array:
    """Return ``taps / taps covered`` over the output's axes, 0 where nothing is covered.

    The taps that fall on a value are counted axis by axis: an axis either leaves the decision to the earlier ones, and
    multiplies what they cover, or decides that all of their taps within the padded axes count.
    """
    coverage = within = np.ones((1,) * problem.rank)
    for axis, window in enumerate(problem.windows):
        earlier, counts, inside = (
            _along(_per_window(values, window), axis, problem.rank) for values in _decisions(problem, axis)
        )
        coverage = coverage * earlier + within * counts
        within = within * inside
    return np.where(coverage > 0, problem.taps / np.maximum(coverage, 1), 0.0)


def may_cover_nothing(problem: Problem) -> bool:
    """Return whether a window may lie on ignored padding alone. Compilers trace this, so it reads integers only."""
    return problem.renormalises and any(
        window.dilation > 1 or max(window.before or 0, window.after or 0) >= window.kernel for window in problem.windows
    )


def _to_tensor_axes(array: Array, problem: Problem) -> Array:
    """Return an array of the spatial axes with the batch and channel axes of a tensor."""
    return array[None, ..., None] if problem.channels_last else array[None, None]


def mask(backend: Backend, x: Tensor, problem: Problem) -> Tensor:
    """Return 1 where the padded axes hold a value, 0 where the mode is `ignore`, as a tensor that broadcasts."""
    if problem.is_static:
        return backend.tensor(_to_tensor_axes(backend.call_cached(_static_mask, problem), problem), x)
    return extended_mask(backend, x, problem)


@lru_cache(maxsize=256)
def thin_boxes(problem: Problem) -> tuple[tuple[Box, Array], ...] | None:
    """Return boxes, each cut along one axis, with the factors that are not 1; None where they are not thin.

    A box has factors of 1 where an earlier box has scaled already, so that their product is the whole.
    """
    full = _static_renormalisation.__wrapped__(problem)
    remaining, inside = full.copy(), [slice(None)] * problem.rank
    boxes: list[tuple[Box, Array]] = []
    for axis, tensor_axis in enumerate(problem.axes):
        others = tuple(other for other in range(problem.rank) if other != axis)
        rest = full[tuple(inside)]
        if not rest.size:
            break
        scaled: Array = np.asarray((rest != 1).all(others))
        size = len(scaled)
        low, high = (size, 0) if scaled.all() else (int(np.argmin(scaled)), int(np.argmin(scaled[::-1])))
        for cut in (slice(0, low), slice(size - high, size)):
            if cut.start < cut.stop:
                rows = (slice(None),) * axis + (cut,)
                factors = _to_tensor_axes(remaining[rows].copy(), problem)
                boxes.append(((slice(None),) * tensor_axis + (cut,), factors))
                remaining[rows] = 1
        inside[axis] = slice(low, size - high)
    return None if (remaining != 1).any() else tuple(boxes)


def renormalisation(backend: Backend, out: Tensor, x: Tensor, problem: Problem) -> Tensor:
    """Return ``taps / taps covered`` for every output, 0 where nothing is covered, as a tensor that broadcasts."""
    if problem.is_static:
        factors = backend.call_cached(_static_renormalisation, problem)
        return backend.tensor(_to_tensor_axes(factors, problem), out)
    # Where sizes are known only when it runs: a convolution of the mask with ones.
    ones = backend.tensor(np.ones((*(window.kernel for window in problem.windows), 1, 1)), x)
    window = replace(conv_window(problem).without_pads(), groups=1, size=(), leftovers=(), filters_first=False)
    covered = backend.conv(extended_mask(backend, x, problem), ones, window)
    divisor = backend.where(covered, covered, 1.0)
    return backend.where(covered, problem.taps / divisor, 0.0)
