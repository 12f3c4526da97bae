"""Convolutions and pools, tap by tap, and their adjoints.

Everything is a loop over the taps of a window: the values that one tap meets, over all outputs, are a strided
slice of the padded array. Arrays are `(batch, *spatial, channels)` and float64 here (`max_pool` keeps its dtype).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.core.problem import Problem
from convpad.reference.extension import Values, covered, extend, fold, outside_sums

__all__ = ["convolve", "convolve_adjoint", "kernel_gradient", "largest", "largest_adjoint", "mean", "mean_adjoint"]

Array = npt.NDArray[Any]
Tap = tuple[int, ...]


def _taps(problem: Problem, counts: tuple[int, ...]) -> Iterator[tuple[Tap, tuple[slice, ...]]]:
    """Every tap with the slices of the padded array that it meets, `counts` outputs on each axis."""
    for tap in product(*(range(window.kernel) for window in problem.windows)):
        starts = [t * window.dilation for t, window in zip(tap, problem.windows, strict=True)]
        yield (
            tap,
            (
                slice(None),
                *(
                    slice(start, start + (count - 1) * window.stride + 1, window.stride)
                    for start, count, window in zip(starts, counts, problem.windows, strict=True)
                ),
            ),
        )


def _counts(problem: Problem) -> tuple[int, ...]:
    """Outputs per axis of the forward window."""
    return tuple(window.output or 0 for window in problem.windows)


def _padded_shape(problem: Problem) -> tuple[int, ...]:
    return tuple((window.padded or 0) + window.overhang for window in problem.windows)


def _with_overhang(padded: Array, problem: Problem) -> Array:
    """The padded array with zeros where the last windows reach beyond it."""
    return np.pad(padded, [(0, 0), *((0, window.overhang) for window in problem.windows), (0, 0)])


def _without_overhang(padded: Array, problem: Problem) -> Array:
    return padded[(slice(None), *(slice(window.padded) for window in problem.windows))]


def _coverage(problem: Problem) -> Array:
    """Return the number of values that each window covers: all its taps, unless a mode ignores the outside."""
    mask, counts = _with_overhang(covered(problem), problem), _counts(problem)
    return sum((mask[slices] for _, slices in _taps(problem, counts)), np.zeros((1, *counts, 1)))


def _renormalised(problem: Problem) -> Array:
    """``taps / taps covered``, 0 where a window covers nothing: 1 for every mode but `ignore`."""
    coverage = _coverage(problem)
    return np.divide(problem.taps, coverage, out=np.zeros_like(coverage), where=coverage > 0)


def _grouped(array: Array, groups: int) -> Array:
    """The last axis as (groups, channels of a group)."""
    return array.reshape(*array.shape[:-1], groups, array.shape[-1] // groups)


def _joined(array: Array) -> Array:
    """The last two axes as one."""
    return array.reshape(*array.shape[:-2], array.shape[-2] * array.shape[-1])


def _flat(array: Array) -> Array:
    """Batch and spatial axes as one."""
    return array.reshape(int(np.prod(array.shape[:-2])), *array.shape[-2:])


def convolve(x: Array, kernel: Array, problem: Problem, values: Values) -> Array:
    """The padded convolution. `kernel` is `(*window, channels // groups, filters)`."""
    padded = extend(x, problem, values)
    weights = _grouped(kernel, problem.groups)  # (*window, c, groups, f)
    counts = _counts(problem)
    out = np.zeros((len(x), *counts, problem.groups, weights.shape[-1]))
    for tap, slices in _taps(problem, counts):
        out += np.einsum("...gc,cgf->...gf", _grouped(padded[slices], problem.groups), weights[tap])
    return _joined(out) * _renormalised(problem)


def _convolve_back(cotangent: Array, kernel: Array, problem: Problem) -> Array:
    """The adjoint of the convolution alone: onto the padded array."""
    weights = _grouped(kernel, problem.groups)
    cotangent = _grouped(cotangent * _renormalised(problem), problem.groups)
    channels = kernel.shape[-2] * problem.groups
    padded = np.zeros((len(cotangent), *_padded_shape(problem), channels))
    for tap, slices in _taps(problem, _counts(problem)):
        padded[slices] += _joined(np.einsum("...gf,cgf->...gc", cotangent, weights[tap]))
    return padded


def convolve_adjoint(cotangent: Array, kernel: Array, problem: Problem) -> tuple[Array, Any]:
    """The gradient of `convolve` to its input and to its constants. The first is the transposed convolution."""
    padded = _convolve_back(cotangent, kernel, problem)
    return fold(padded, problem), outside_sums(padded, problem)


def kernel_gradient(
    x: Array, cotangent: Array, kernel_shape: tuple[int, ...], problem: Problem, values: Values
) -> Array:
    """The gradient of `convolve` to its kernel."""
    padded = extend(x, problem, values)
    cotangent = _grouped(cotangent * _renormalised(problem), problem.groups)
    gradient = np.zeros(kernel_shape)
    for tap, slices in _taps(problem, _counts(problem)):
        values_met = _flat(_grouped(padded[slices], problem.groups))
        gradient[tap] = _joined(np.einsum("ngc,ngf->cgf", values_met, _flat(cotangent)))
    return gradient


def mean(x: Array, problem: Problem, values: Values) -> Array:
    """The average over each window, of the values that count; 0 where none does."""
    padded = _with_overhang(extend(x, problem, values), problem)
    total = sum(padded[slices] for _, slices in _taps(problem, _counts(problem)))
    return total / problem.taps * _renormalised(problem)


def mean_adjoint(cotangent: Array, problem: Problem) -> tuple[Array, Any]:
    """The gradient of `mean` to its input and to its constants."""
    cotangent = cotangent / problem.taps * _renormalised(problem)
    padded = np.zeros((len(cotangent), *_padded_shape(problem), cotangent.shape[-1]))
    for _, slices in _taps(problem, _counts(problem)):
        padded[slices] += cotangent
    padded = _without_overhang(padded, problem)
    return fold(padded, problem), outside_sums(padded, problem)


def _lowest(dtype: np.dtype[Any]) -> Any:
    """Return the value that no value of a dtype is below: it never wins."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def _candidates(x: Array, problem: Problem, values: Values) -> Array:
    """The padded array, its ignored places so low that they never win."""
    padded = _with_overhang(extend(x, problem, values), problem)
    return np.where(_with_overhang(covered(problem), problem) > 0, padded, np.asarray(_lowest(x.dtype), x.dtype))


def largest(x: Array, problem: Problem, values: Values) -> Array:
    """The maximum of each window; the lowest value there is where a window covers nothing."""
    padded = _candidates(x, problem, values)
    return np.max(np.stack([padded[slices] for _, slices in _taps(problem, _counts(problem))]), axis=0)


def largest_adjoint(x: Array, cotangent: Array, problem: Problem, values: Values) -> tuple[Array, Any]:
    """The gradient of `largest`: each window hands its own to the first value that won."""
    padded = _candidates(x, problem, values)
    taps = list(_taps(problem, _counts(problem)))
    winner = np.argmax(np.stack([padded[slices] for _, slices in taps]), axis=0)
    gradient = np.zeros(padded.shape)
    for number, (_, slices) in enumerate(taps):
        gradient[slices] += np.where(winner == number, cotangent, 0)
    gradient = _without_overhang(gradient, problem) * covered(problem)
    return fold(gradient, problem), outside_sums(gradient, problem)
