"""Which paddings explain the sizes? All that are in question, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from convpad.core.amounts import AMOUNTS, Amount, explicit
from convpad.core.errors import ShapeError
from convpad.core.inverse import Fit, Rounding, fit, fits
from convpad.core.padding import Padding
from convpad.core.window import Window, transposed_window
from convpad.solver.query import Axes, Question
from convpad.solver.solution import KINDS, Solution

__all__ = ["amounts_of", "solutions", "windows"]

WORDS = [kind for kind in KINDS if kind in AMOUNTS]
"""Every word for an amount, the likeliest first."""


@lru_cache(maxsize=128)
def solutions(question: Question) -> tuple[Solution, ...]:
    """Every solution of one question, sorted."""
    found: dict[tuple[Fit, ...], Solution] = {}
    for *window, rounding in product(question.kernels, question.every_strides, question.dilations, question.roundings):
        for solution in _of_window(question, (window[0], window[1], window[2]), rounding):
            found.setdefault(solution.fits, solution)
    answers = sorted(found.values(), key=lambda solution: solution.order)
    if question.framework is not None:
        answers = [solution for solution in answers if solution.said_by(question.framework)]
    return tuple(answers)


def windows(question: Question) -> list[tuple[Axes, Axes, Axes]]:
    """Every (kernel, strides, dilation) in question."""
    return [*product(question.kernels, question.every_strides, question.dilations)]


@lru_cache
def amounts_of(word: str, rank: int) -> tuple[Amount, ...]:
    """What a word says of each axis."""
    return Padding.parse(word, rank=rank).amounts


def _of_window(question: Question, window: tuple[Axes, Axes, Axes], rounding: Rounding) -> Iterator[Solution]:
    """The solutions of one window, each with all its words."""
    spellings = (
        [((), question.padding)]
        if question.padding
        else [((), amounts) for amounts in _pairs(question, window, rounding)]
    )
    named = [((word,), amounts_of(word, question.rank)) for word in WORDS]
    found: dict[tuple[Fit, ...], Solution] = {}
    wanted: set[tuple[Fit, ...]] = set()
    for free in (True, False) if question.transposed else (True,):
        for words, amounts in [*named, *spellings]:
            tried = (
                _transposed(question, window, amounts, free)
                if question.transposed
                else _forward(question, window, amounts, rounding)
            )
            if tried is None:
                continue
            key, extra = tried
            known = found.setdefault(key, Solution(question.op, key, words, extra))
            if words and known.output_padding == extra and words[0] not in known.words:
                found[key] = Solution(question.op, key, (*known.words, *words), extra)
            if not question.padding or not words:
                wanted.add(key)
    return (found[key] for key in found if key in wanted)


def _pairs(question: Question, window: tuple[Axes, Axes, Axes], rounding: Rounding) -> Iterator[tuple[Amount, ...]]:
    """One pair (before, after) for all axes: those that explain the first."""
    (size, output), (kernel, stride, dilation) = question.sizes[0], (axes[0] for axes in window)
    for one in fits(size, output, kernel, stride, dilation, (rounding,)):
        yield (explicit(one.window.before or 0, one.window.after or 0),) * question.rank


def _forward(
    question: Question, window: tuple[Axes, Axes, Axes], amounts: tuple[Amount, ...], rounding: Rounding
) -> tuple[tuple[Fit, ...], None] | None:
    found: list[Fit] = []
    for (size, output), kernel, stride, dilation, amount in zip(question.sizes, *window, amounts, strict=True):
        pair = amount.pad(size, (kernel - 1) * dilation + 1, stride)
        one = fit(Window(size, kernel, stride, dilation, *pair), output, (rounding,))
        if one is None:
            return None
        found.append(one)
    return tuple(found), None


def _transposed(
    question: Question, window: tuple[Axes, Axes, Axes], amounts: tuple[Amount, ...], free: bool
) -> tuple[tuple[Fit, ...], int | Axes | None] | None:
    """Without `output_padding` (free), or with what it has to be."""
    found: list[Fit] = []
    extras: list[int] = []
    for (size, outputs), kernel, stride, dilation, amount in zip(question.sizes, *window, amounts, strict=True):
        extra = None if free else stride - 1
        try:
            one, _ = transposed_window(outputs, kernel, stride, dilation, amount, extra, 0)
            if extra is not None:
                # Each of them is one more value.
                extra -= (one.size or 0) - size
                if not 0 <= extra < stride:
                    return None
                one, _ = transposed_window(outputs, kernel, stride, dilation, amount, extra, 0)
        except ShapeError:
            return None
        if one.size != size:
            return None
        found.append(Fit(one))
        extras.append(extra or 0)
    alike = extras[0] if len(set(extras)) == 1 else tuple(extras)
    return tuple(found), None if free else alike
