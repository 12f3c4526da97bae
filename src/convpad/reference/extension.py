"""The padded array, the mask of the values that count, and the adjoint of padding.

Written row by row from the extension rule, with no regard for speed: it is what everything else is judged by.
Arrays are `(batch, *spatial, channels)` here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.core.modes import Mode
from convpad.core.problem import Problem

__all__ = ["covered", "extend", "fold", "outside_sums"]

Array = npt.NDArray[Any]
Values = tuple[tuple[Any, Any], ...]


def _sides(problem: Problem, axis: int) -> list[tuple[int, int]]:
    """Every position of the padded axis as (position, side): side 0 before, 1 after, -1 inside."""
    window = problem.windows[axis]
    size, before, after = window.size or 0, window.before or 0, window.after or 0
    return [(p, 0 if p < 0 else 1 if p >= size else -1) for p in range(-before, size + after)]


def _extended_axis(x: Array, problem: Problem, axis: int, fills: tuple[Any, Any]) -> Array:
    """`x` with one spatial axis extended; `fills` is what a side that copies nothing is filled with."""
    inside = np.moveaxis(x, 1 + axis, 0)
    rows: list[Array] = []
    for position, side in _sides(problem, axis):
        if side < 0:
            rows.append(inside[position])
            continue
        mode: Mode = problem.modes[axis][side]
        if mode.copies:
            terms = mode.terms(position, len(inside))
            # Weights are small ints; told the dtype, NumPy keeps integers integers and halves halves.
            rows.append(sum(inside[index] * np.asarray(weight).astype(x.dtype) for index, weight in terms))  # pyright: ignore
        else:
            shape = inside.shape[1:]
            rows.append(np.broadcast_to(np.asarray(fills[side], x.dtype), shape))
    return np.moveaxis(np.stack(rows), 0, 1 + axis) if rows else x


def extend(x: Array, problem: Problem, values: Values) -> Array:
    """`x` padded, axis after axis, so that at a corner the later axis decides."""
    for axis in range(problem.rank):
        x = _extended_axis(x, problem, axis, tuple(0 if v is None else v for v in values[axis]))  # pyright: ignore
    return x


def covered(problem: Problem) -> Array:
    """The padded axes with 1 where there is a value and 0 where the mode is `ignore`: `(1, *spatial, 1)`."""
    mask = np.ones((1, *(window.size or 0 for window in problem.windows), 1))
    for axis, modes in enumerate(problem.modes):
        mask = _extended_axis(mask, problem, axis, tuple(float(mode.counts) for mode in modes))  # pyright: ignore
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
    """The adjoint of `extend`: every value outside is added, weighted, to the values it was made of."""
    for axis in reversed(range(problem.rank)):
        padded = _folded_axis(padded, problem, axis)
    return padded


def outside_sums(padded: Array, problem: Problem) -> tuple[tuple[Array, Array], ...]:
    """The adjoint of `extend` towards its constants: for every axis and side, one sum per channel.

    Sides that carry no value get their sum too; nobody asks for it.
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
