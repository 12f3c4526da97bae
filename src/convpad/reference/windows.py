"""Padded arrays, convolutions and pools on them, and the adjoints of all these.

Padding is written row by row from the extension rule, windows tap by tap, with no regard for speed: everything else is
judged by this file. The values that one tap reads, over all outputs, are a strided slice of the padded array.
Arrays are `(batch, *spatial, channels)` and float64 here (`extend` and `largest` keep their dtype).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.core.problem import Problem

Array = npt.NDArray[Any]
Values = tuple[tuple[Any, Any], ...]

# Padding


def _sides(problem: Problem, axis: int) -> list[tuple[int, int]]:
    """Return every position of the padded axis as (position, side): side 0 before, 1 after, -1 inside."""
    window = problem.windows[axis]
    size, before, after = window.size or 0, window.before or 0, window.after or 0
    return [(p, 0 if p < 0 else 1 if p >= size else -1) for p in range(-before, size + after)]


def _extended_axis(x: Array, problem: Problem, axis: int, fills: tuple[Any, Any]) -> Array:
    """Return `x` with one spatial axis extended; `fills` are the values of sides that copy nothing."""
    inside = np.moveaxis(x, 1 + axis, 0)
    rows: list[Array] = []
    for position, side in _sides(problem, axis):
        if side < 0:
            rows.append(inside[position])
        elif problem.modes[axis][side].copies_input:
            terms = problem.modes[axis][side].terms(position, len(inside))
            # Weights are small ints; told the dtype, NumPy keeps integers integers and halves halves.
            rows.append(sum(inside[index] * np.asarray(weight).astype(x.dtype) for index, weight in terms))  # pyright: ignore
        else:
            rows.append(np.broadcast_to(np.asarray(fills[side], x.dtype), inside.shape[1:]))
    return np.moveaxis(np.stack(rows), 0, 1 + axis) if rows else x


def extend(x: Array, problem: Problem, values: Values) -> Array:
    """Return `x` padded, axis after axis, so that at a corner the later axis decides."""
    for axis in range(problem.rank):
        x = _extended_axis(x, problem, axis, tuple(0 if v is None else v for v in values[axis]))  # pyright: ignore
    return x


def covered(problem: Problem) -> Array:
    """Return the padded axes with 1 where there is a value and 0 where the mode is `ignore`: `(1, *spatial, 1)`."""
    mask = np.ones((1, *(window.size or 0 for window in problem.windows), 1))
    for axis, modes in enumerate(problem.modes):
        mask = _extended_axis(mask, problem, axis, tuple(float(mode.is_counted) for mode in modes))  # pyright: ignore
    return (mask != 0).astype(np.float64)  # whatever the weights it was extended with


def _folded_axis(padded: Array, problem: Problem, axis: int) -> Array:
    outside = np.moveaxis(padded, 1 + axis, 0)
    size = problem.windows[axis].size or 0
    inside = np.zeros((size, *outside.shape[1:]), padded.dtype)
    for row, (position, side) in zip(outside, _sides(problem, axis), strict=True):
        terms = ((position, 1),) if side < 0 else problem.modes[axis][side].terms(position, size)
        for index, weight in terms:
            inside[index] += weight * row
    return np.moveaxis(inside, 0, 1 + axis)


def fold(padded: Array, problem: Problem) -> Array:
    """Return the adjoint of `extend`: every value outside is added, weighted, to the values it was made of."""
    for axis in reversed(range(problem.rank)):
        padded = _folded_axis(padded, problem, axis)
    return padded


def outside_sums(padded: Array, problem: Problem) -> tuple[tuple[Array, Array], ...]:
    """Return the adjoint of `extend` towards its constants: for every axis and side, one sum per channel.

    Sides that carry no value get their sum too, which is of no use.
    """
    sums: list[tuple[Array, Array]] = []
    for axis in reversed(range(problem.rank)):
        window = problem.windows[axis]
        rows = np.moveaxis(padded, (1 + axis, -1), (0, 1))
        per_row = rows.reshape(*rows.shape[:2], -1).sum(-1)
        first, last = window.before or 0, len(per_row) - (window.after or 0)
        sums.append((per_row[:first].sum(0), per_row[last:].sum(0)))
        padded = _folded_axis(padded, problem, axis)
    return tuple(reversed(sums))


# Windows


def _taps(problem: Problem) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Yield every tap with the slices of the padded array that it reads."""
    for tap in product(*(range(window.kernel) for window in problem.windows)):
        slices = [slice(None)]
        for index, window, count in zip(tap, problem.windows, _counts(problem), strict=True):
            start = index * window.dilation
            slices.append(slice(start, start + (count - 1) * window.stride + 1, window.stride))
        yield tap, tuple(slices)


def _counts(problem: Problem) -> tuple[int, ...]:
    """Return the outputs per axis of the forward window."""
    return tuple(window.output or 0 for window in problem.windows)


def _blank_padded(cotangent: Array, problem: Problem, channels: int) -> Array:
    """Return zeros for all places that windows read."""
    sizes = [(window.padded or 0) + window.overhang for window in problem.windows]
    return np.zeros((len(cotangent), *sizes, channels))


def _with_overhang(padded: Array, problem: Problem) -> Array:
    """Return the padded array with zeros where the last windows reach beyond it."""
    return np.pad(padded, [(0, 0), *((0, window.overhang) for window in problem.windows), (0, 0)])


def _without_overhang(padded: Array, problem: Problem) -> Array:
    return padded[(slice(None), *(slice(window.padded) for window in problem.windows))]


def _renormalised(problem: Problem) -> Array:
    """Return ``taps / taps covered``, 0 where a window covers nothing: 1 for every mode but `ignore`."""
    mask = _with_overhang(covered(problem), problem)
    coverage = sum((mask[slices] for _, slices in _taps(problem)), np.zeros((1, *_counts(problem), 1)))
    return np.divide(problem.taps, coverage, out=np.zeros_like(coverage), where=coverage > 0)


def _grouped(array: Array, groups: int) -> Array:
    """Return the last axis as (groups, channels of a group)."""
    return array.reshape(*array.shape[:-1], groups, array.shape[-1] // groups)


def _joined(array: Array) -> Array:
    """Return the last two axes as one."""
    return array.reshape(*array.shape[:-2], array.shape[-2] * array.shape[-1])


def _flat(array: Array) -> Array:
    """Return batch and spatial axes as one."""
    return array.reshape(int(np.prod(array.shape[:-2])), *array.shape[-2:])


# Convolutions


def convolve(x: Array, kernel: Array, problem: Problem, values: Values) -> Array:
    """Return the padded convolution. `kernel` is `(*window, channels // groups, filters)`."""
    padded = extend(x, problem, values)
    weights = _grouped(kernel, problem.groups)  # (*window, c, groups, f)
    out = np.zeros((len(x), *_counts(problem), problem.groups, weights.shape[-1]))
    for tap, slices in _taps(problem):
        out += np.einsum("...gc,cgf->...gf", _grouped(padded[slices], problem.groups), weights[tap])
    return _joined(out) * _renormalised(problem)


def convolve_adjoint(cotangent: Array, kernel: Array, problem: Problem) -> tuple[Array, Any]:
    """Return the gradient of `convolve` to its input, the transposed convolution, and to its constants."""
    weights = _grouped(kernel, problem.groups)
    cotangent = _grouped(cotangent * _renormalised(problem), problem.groups)
    padded = _blank_padded(cotangent, problem, kernel.shape[-2] * problem.groups)
    for tap, slices in _taps(problem):
        padded[slices] += _joined(np.einsum("...gf,cgf->...gc", cotangent, weights[tap]))
    return fold(padded, problem), outside_sums(padded, problem)


def kernel_gradient(
    x: Array, cotangent: Array, kernel_shape: tuple[int, ...], problem: Problem, values: Values
) -> Array:
    """Return the gradient of `convolve` to its kernel."""
    padded = extend(x, problem, values)
    cotangent = _grouped(cotangent * _renormalised(problem), problem.groups)
    gradient = np.zeros(kernel_shape)
    for tap, slices in _taps(problem):
        inputs = _flat(_grouped(padded[slices], problem.groups))
        gradient[tap] = _joined(np.einsum("ngc,ngf->cgf", inputs, _flat(cotangent)))
    return gradient


# Pools


def mean(x: Array, problem: Problem, values: Values) -> Array:
    """Return the average over each window, of the values that count; 0 where none does."""
    padded = _with_overhang(extend(x, problem, values), problem)
    total = sum(padded[slices] for _, slices in _taps(problem))
    return total / problem.taps * _renormalised(problem)


def mean_adjoint(cotangent: Array, problem: Problem) -> tuple[Array, Any]:
    """Return the gradient of `mean` to its input and to its constants."""
    cotangent = cotangent / problem.taps * _renormalised(problem)
    padded = _blank_padded(cotangent, problem, cotangent.shape[-1])
    for _, slices in _taps(problem):
        padded[slices] += cotangent
    padded = _without_overhang(padded, problem)
    return fold(padded, problem), outside_sums(padded, problem)


def _candidates(x: Array, problem: Problem, values: Values) -> Array:
    """Return the padded array, its ignored places so low that they never win."""
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    padded = _with_overhang(extend(x, problem, values), problem)
    return np.where(_with_overhang(covered(problem), problem) > 0, padded, np.asarray(lowest, x.dtype))


def largest(x: Array, problem: Problem, values: Values) -> Array:
    """Return the maximum of each window; the lowest value there is where a window covers nothing."""
    padded = _candidates(x, problem, values)
    return np.max(np.stack([padded[slices] for _, slices in _taps(problem)]), axis=0)


def largest_adjoint(x: Array, cotangent: Array, problem: Problem, values: Values) -> tuple[Array, Any]:
    """Return the gradient of `largest`, where each window's goes to the first value that won, and to its constants."""
    padded = _candidates(x, problem, values)
    taps = list(_taps(problem))
    winner = np.argmax(np.stack([padded[slices] for _, slices in taps]), axis=0)
    gradient = np.zeros(padded.shape)
    for number, (_, slices) in enumerate(taps):
        gradient[slices] += np.where(winner == number, cotangent, 0)
    gradient = _without_overhang(gradient, problem) * covered(problem)
    return fold(gradient, problem), outside_sums(gradient, problem)
