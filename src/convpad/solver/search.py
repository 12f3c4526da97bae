"""Search for all paddings that explain two sizes, and for suggestions where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from convpad.core.amounts import AMOUNTS, Amount, explicit
from convpad.core.errors import ShapeError
from convpad.core.inverse import Rounding, fit, fits, fits_beyond
from convpad.core.padding import Padding
from convpad.core.window import Window, spanned, transposed_window
from convpad.frameworks.code import collapse, shortest_pairs
from convpad.solver.query import Axes, Query, format_axes, shortest
from convpad.solver.solution import KINDS, Solution

_FAR = 32
"""The largest distance at which another size is looked for."""

_WORDS = [kind for kind in KINDS if kind in AMOUNTS]
"""Every word for an amount, the likeliest first."""

_Parts = tuple[Axes, Axes, Axes]
"""(kernel, strides, dilation) of a window."""


@lru_cache(maxsize=128)
def find_solutions(query: Query) -> tuple[Solution, ...]:
    """Return every solution of a query, sorted."""
    solutions: dict[tuple[Window, ...], Solution] = {}
    for find in (fits, fits_beyond) if query.op == "conv" and query.padding is None else (fits,):
        for parts in query.windows:
            for rounding in query.roundings:
                for solution in _solutions_of_window(query, parts, rounding, find):
                    solutions.setdefault(solution.windows, solution)
        if solutions:
            break
    likeliest = sorted(solutions.values(), key=lambda solution: solution.order)
    if query.framework is not None:
        likeliest = [solution for solution in likeliest if solution.is_native_to(query.framework)]
    return tuple(likeliest)


def _solutions_of_window(
    query: Query, parts: _Parts, rounding: Rounding, find: Callable[..., list[Window]]
) -> list[Solution]:
    """Return the solutions of one window, each with all its words.

    Words are tried even where the padding is known: they name a solution, but only the padding itself makes one.
    """
    paddings = [query.padding] if query.padding else _equal_pairs(query, parts, rounding, find)
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


def _equal_pairs(
    query: Query, parts: _Parts, rounding: Rounding, find: Callable[..., list[Window]]
) -> list[tuple[Amount, ...]]:
    """Return the pairs (before, after) that explain the first axis, each of them for all axes."""
    (size, output), (kernel, stride, dilation) = query.sizes[0], (axes[0] for axes in parts)
    fitting = find(size, output, kernel, stride, dilation, (rounding,))
    return [(explicit(window.before or 0, window.after or 0),) * query.rank for window in fitting]


def _fit_forward(query: Query, parts: _Parts, amounts: tuple[Amount, ...], rounding: Rounding) -> Solution | None:
    """Return the solution that these amounts make; None where they give another output."""
    windows: list[Window] = []
    for (size, output), kernel, stride, dilation, amount in zip(query.sizes, *parts, amounts, strict=True):
        pair = amount.pair_for(size, spanned(kernel, dilation), stride)
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


# Suggestions


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change of one thing that makes a query possible.

    Args:
        changed: `"padding"`, `"input"`, `"output"`, `"kernel"`, `"strides"` or `"framework"`.
        given: the value of the query, as a text.
        instead: a value that works, as a text.
        query: the query with the change made; a changed padding is that of the solution.
        solution: the likeliest solution then.

    Example:

    >>> import convpad
    >>> for suggestion in convpad.solve(224, 55, kernel_size=11, strides=4, padding="valid").nearest[:2]:
    ...     print(suggestion)
    input 227 instead of 224: no padding: (227 - 11) / 4 + 1 = 55.
    padding (1, 2) or (2, 1) instead of 'valid': 1 before and 2 after: (224 + 1 + 2 - 11) / 4 + 1 = 55.
    """

    changed: str
    given: str
    instead: str
    query: Query
    solution: Solution

    @property
    def change(self) -> str:
        """`input 227 instead of 224`, with the dilation that it takes if the query names none."""
        dilation = self.solution.dilation_rate if self.query.dilation_rate is None else ()
        also = f", with dilation {format_axes(dilation)}" if set(dilation) - {1} else ""
        return f"{self.changed} {self.instead} instead of {self.given}{also}"

    def __str__(self) -> str:
        return f"{self.change}: {self.solution.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Return the suggestion as lists, strings and ints."""
        texts = {"changed": self.changed, "given": self.given, "instead": self.instead}
        return {**texts, "solution": self.solution.to_dict()}


def suggest(query: Query) -> tuple[Suggestion, ...]:
    """Return what else the query may have meant, sizes and padding first."""
    suggestions = [
        *_other_size(query, "input"),
        *_other_padding(query),
        *_other_size(query, "output"),
        *_other_window(query, "kernel"),
        *_other_window(query, "strides"),
    ]
    changed = replace(query, framework=None)
    if query.framework is not None and (solutions := find_solutions(changed)):
        suggestions.append(Suggestion("framework", query.framework, "another", changed, solutions[0]))
    return tuple(suggestions)


def why_impossible(query: Query) -> str:
    """Return one sentence: the output that the padding gives instead, or the bounds of the search."""
    if not query.padding:
        return "No amounts explain it."
    if len(query.windows) > 1 or query.transposed:
        return "No such window explains it."
    ceil = query.roundings == ("ceil",)
    outputs: list[int] = []
    for (size, _), kernel, stride, dilation, amount in zip(query.sizes, *query.windows[0], query.padding, strict=True):
        pair = amount.pair_for(size, spanned(kernel, dilation), stride)
        outputs.append(Window(size, kernel, stride, dilation, *pair, ceil).output or 0)
    padding = repr(shortest(query.padding))
    if min(outputs) < 1:
        return f"{padding} leaves no room for the window."
    return f"{padding} gives {format_axes(tuple(outputs))}, not {format_axes(query.output)}."


def _with_axes(query: Query, name: str, axes: Axes | None) -> Query:
    return replace(query, **{name: axes})  # pyright: ignore[reportArgumentType]


def _other_size(query: Query, name: str) -> Iterator[Suggestion]:
    """Yield the nearest size that works; of two that are as near the likelier one."""
    sizes: Axes = getattr(query, name)
    for distance in range(1, _FAR + 1):
        suggestions: list[Suggestion] = []
        for step in (distance, -distance):
            other = tuple(size + step for size in sizes)
            changed = _with_axes(query, name, other)
            if min(other) >= 1 and (solutions := find_solutions(changed)):
                suggestions.append(Suggestion(name, format_axes(sizes), format_axes(other), changed, solutions[0]))
        if suggestions:
            yield min(suggestions, key=lambda suggestion: suggestion.solution.order)
            return


def _other_padding(query: Query) -> Iterator[Suggestion]:
    """Yield the padding that differs least from that of the query, and the likeliest one."""
    padding = query.padding
    solutions = find_solutions(replace(query, padding=None)) if padding else ()
    if not padding or not solutions:
        return

    def distance(solution: Solution) -> int:
        rows = zip(solution.windows, solution.pads, padding, strict=True)
        pairs = [(pair, amount.pair_for(w.size, w.span, w.stride)) for w, pair, amount in rows]
        return sum(abs(side - other) for pair, others in pairs for side, other in zip(pair, others, strict=True))

    closest = min(solutions, key=lambda solution: (distance(solution), solution.order))
    for solution in dict.fromkeys((closest, solutions[0])):
        instead = repr(solution.words[0]) if solution.words else _amounts(solution.pads)
        mirrored = tuple((after, before) for before, after in solution.pads)
        if not solution.words and mirrored != solution.pads and any(other.pads == mirrored for other in solutions):
            instead += f" or {_amounts(mirrored)}"
        changed = replace(query, padding=solution.amounts)
        yield Suggestion("padding", repr(shortest(padding)), instead, changed, solution)


def _amounts(pairs: tuple[tuple[int, int], ...]) -> str:
    """Return `(1, 2)` where all axes are equal; `2` where both sides are too."""
    if len(set(pairs)) > 1:
        return ", ".join(map(str, pairs))
    return str(shortest_pairs([collapse(pairs)]))


def _other_window(query: Query, name: str) -> Iterator[Suggestion]:
    """Yield the nearest kernel, or the nearest strides, that work."""
    axes: Axes | None = getattr(query, name)
    solutions = find_solutions(_with_axes(query, name, None)) if axes else ()
    if not axes or not solutions:
        return

    def distance(solution: Solution) -> tuple[int, tuple[int, ...]]:
        return sum(abs(a - b) for a, b in zip(getattr(solution, name), axes, strict=True)), solution.order

    solution = min(solutions, key=distance)
    other: Axes = getattr(solution, name)
    yield Suggestion(name, format_axes(axes), format_axes(other), _with_axes(query, name, other), solution)
