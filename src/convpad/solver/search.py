"""Search for all paddings that explain two sizes, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from convpad.core.amounts import AMOUNTS, Amount, explicit
from convpad.core.errors import ShapeError
from convpad.core.inverse import Rounding, fit, fits
from convpad.core.padding import Padding
from convpad.core.window import Window, spanned, transposed_window
from convpad.solver.query import Axes, Query
from convpad.solver.solution import KINDS, Solution

__all__ = ["find_solutions"]

_WORDS = [kind for kind in KINDS if kind in AMOUNTS]
"""Every word for an amount, the likeliest first."""

_Fit = tuple[tuple[Window, ...], int | Axes | None]
"""The windows of all axes, and the `output_padding` of a transposed convolution."""


@lru_cache(maxsize=128)
def find_solutions(query: Query) -> tuple[Solution, ...]:
    """Return every solution of a query, sorted."""
    solutions: dict[tuple[Window, ...], Solution] = {}
    for window in query.windows:
        for rounding in query.roundings:
            for solution in _solutions_of_window(query, window, rounding):
                solutions.setdefault(solution.windows, solution)
    likeliest = sorted(solutions.values(), key=lambda solution: solution.order)
    if query.framework is not None:
        likeliest = [solution for solution in likeliest if solution.is_native_to(query.framework)]
    return tuple(likeliest)


def _solutions_of_window(query: Query, window: tuple[Axes, Axes, Axes], rounding: Rounding) -> Iterator[Solution]:
    """Yield the solutions of one kernel, strides and dilation, each with all its words.

    Words are tried even where the padding is given: they name a solution, but only the padding itself makes one.
    """
    given = [query.padding] if query.padding else _equal_pairs(query, window, rounding)
    candidates = [*((_amounts_of(word, query.rank), word) for word in _WORDS), *((amounts, None) for amounts in given)]
    solutions: dict[tuple[Window, ...], Solution] = {}
    wanted: set[tuple[Window, ...]] = set()
    for with_output_padding in (False, True) if query.transposed else (False,):
        for amounts, word in candidates:
            if query.transposed:
                fitted = _fit_transposed(query, window, amounts, with_output_padding)
            else:
                fitted = _fit_forward(query, window, amounts, rounding)
            if fitted is None:
                continue
            windows, output_padding = fitted
            solution = solutions.setdefault(windows, Solution(query.op, windows, (), output_padding))
            if word and solution.output_padding == output_padding and word not in solution.words:
                solutions[windows] = Solution(query.op, windows, (*solution.words, word), output_padding)
            if word is None or query.padding is None:
                wanted.add(windows)
    return (solution for windows, solution in solutions.items() if windows in wanted)


@lru_cache
def _amounts_of(word: str, rank: int) -> tuple[Amount, ...]:
    return Padding.parse(word, rank=rank).amounts


def _equal_pairs(query: Query, window: tuple[Axes, Axes, Axes], rounding: Rounding) -> list[tuple[Amount, ...]]:
    """Return the pairs (before, after) that explain the first axis, each of them for all axes."""
    (size, output), (kernel, stride, dilation) = query.sizes[0], (axes[0] for axes in window)
    fitting = fits(size, output, kernel, stride, dilation, (rounding,))
    return [(explicit(one.before or 0, one.after or 0),) * query.rank for one in fitting]


def _fit_forward(
    query: Query, window: tuple[Axes, Axes, Axes], amounts: tuple[Amount, ...], rounding: Rounding
) -> _Fit | None:
    windows: list[Window] = []
    for (size, output), kernel, stride, dilation, amount in zip(query.sizes, *window, amounts, strict=True):
        pair = amount.pad(size, spanned(kernel, dilation), stride)
        fitted = fit(Window(size, kernel, stride, dilation, *pair), output, (rounding,))
        if fitted is None:
            return None
        windows.append(fitted)
    return tuple(windows), None


def _fit_transposed(
    query: Query, window: tuple[Axes, Axes, Axes], amounts: tuple[Amount, ...], with_output_padding: bool
) -> _Fit | None:
    windows: list[Window] = []
    extras: list[int] = []
    for (size, outputs), kernel, stride, dilation, amount in zip(query.sizes, *window, amounts, strict=True):
        extra = stride - 1 if with_output_padding else None
        try:
            forward, _ = transposed_window(outputs, kernel, stride, dilation, amount, extra, 0)
            if extra is not None:
                # Each place of output padding is one more value.
                extra -= (forward.size or 0) - size
                if not 0 <= extra < stride:
                    return None
                forward, _ = transposed_window(outputs, kernel, stride, dilation, amount, extra, 0)
        except ShapeError:
            return None
        if forward.size != size:
            return None
        windows.append(forward)
        extras.append(extra or 0)
    if not with_output_padding:
        return tuple(windows), None
    return tuple(windows), extras[0] if len(set(extras)) == 1 else tuple(extras)
