"""Search for all paddings that explain two sizes, the likeliest first."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from convpad.core.amounts import AMOUNTS, Amount, explicit
from convpad.core.errors import ShapeError
from convpad.core.inverse import Rounding, fit, fits
from convpad.core.padding import Padding
from convpad.core.window import Window, spanned, transposed_window
from convpad.frameworks.code import collapse
from convpad.solver.query import Axes, Query
from convpad.solver.solution import KINDS, Solution

__all__ = ["find_solutions"]

_WORDS = [kind for kind in KINDS if kind in AMOUNTS]
"""Every word for an amount, the likeliest first."""

_Parts = tuple[Axes, Axes, Axes]
"""(kernel, strides, dilation) of a window."""


@lru_cache(maxsize=128)
def find_solutions(query: Query) -> tuple[Solution, ...]:
    """Return every solution of a query, sorted."""
    solutions: dict[tuple[Window, ...], Solution] = {}
    for parts in query.windows:
        for rounding in query.roundings:
            for solution in _solutions_of_window(query, parts, rounding):
                solutions.setdefault(solution.windows, solution)
    likeliest = sorted(solutions.values(), key=lambda solution: solution.order)
    if query.framework is not None:
        likeliest = [solution for solution in likeliest if solution.is_native_to(query.framework)]
    return tuple(likeliest)


def _solutions_of_window(query: Query, parts: _Parts, rounding: Rounding) -> list[Solution]:
    """Return the solutions of one window, each with all its words.

    Words are tried even where the padding is known: they name a solution, but only the padding itself makes one.
    """
    paddings = [query.padding] if query.padding else _equal_pairs(query, parts, rounding)
    candidates = [*((_amounts_of(word, query.rank), word) for word in _WORDS), *((amounts, "") for amounts in paddings)]
    solutions: dict[tuple[Window, ...], Solution] = {}
    explaining: set[tuple[Window, ...]] = set()
    for extended in (False, True) if query.transposed else (False,):
        for amounts, word in candidates:
            if query.transposed:
                solution = _fit_transposed(query, parts, amounts, extended)
            else:
                solution = _fit_forward(query, parts, amounts, rounding)
            if solution is None:
                continue
            known = solutions.setdefault(solution.windows, solution)
            if word and known.output_padding == solution.output_padding and word not in known.words:
                solutions[solution.windows] = replace(known, words=(*known.words, word))
            if not word or query.padding is None:
                explaining.add(solution.windows)
    return [solution for windows, solution in solutions.items() if windows in explaining]


@lru_cache
def _amounts_of(word: str, rank: int) -> tuple[Amount, ...]:
    return Padding.parse(word, rank=rank).amounts


def _equal_pairs(query: Query, parts: _Parts, rounding: Rounding) -> list[tuple[Amount, ...]]:
    """Return the pairs (before, after) that explain the first axis, each of them for all axes."""
    (size, output), (kernel, stride, dilation) = query.sizes[0], (axes[0] for axes in parts)
    fitting = fits(size, output, kernel, stride, dilation, (rounding,))
    return [(explicit(window.before or 0, window.after or 0),) * query.rank for window in fitting]


def _fit_forward(query: Query, parts: _Parts, amounts: tuple[Amount, ...], rounding: Rounding) -> Solution | None:
    """Return the solution that these amounts make; None where they give another output."""
    windows: list[Window] = []
    for (size, output), kernel, stride, dilation, amount in zip(query.sizes, *parts, amounts, strict=True):
        pair = amount.pad(size, spanned(kernel, dilation), stride)
        window = fit(Window(size, kernel, stride, dilation, *pair), output, (rounding,))
        if window is None:
            return None
        windows.append(window)
    return Solution(query.op, tuple(windows))


def _fit_transposed(query: Query, parts: _Parts, amounts: tuple[Amount, ...], extended: bool) -> Solution | None:
    """Return the solution that these amounts make, `extended` by an output padding; None where the sizes differ."""
    windows: list[Window] = []
    extras: list[int] = []
    for (size, outputs), kernel, stride, dilation, amount in zip(query.sizes, *parts, amounts, strict=True):
        extra = stride - 1 if extended else None
        try:
            window, _ = transposed_window(outputs, kernel, stride, dilation, amount, extra, 0)
            if extra is not None:
                # Each place of output padding is one more value.
                extra -= (window.size or 0) - size
                if not 0 <= extra < stride:
                    return None
                window, _ = transposed_window(outputs, kernel, stride, dilation, amount, extra, 0)
        except ShapeError:
            return None
        if window.size != size:
            return None
        windows.append(window)
        extras.append(extra or 0)
    return Solution(query.op, tuple(windows), output_padding=collapse(extras) if extended else None)
