"""What if nothing explains the sizes? The nearest readings that work, one thing changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import Amount
from convpad.solver.query import Axes, Question, shown, spelled
from convpad.solver.search import solutions
from convpad.solver.solution import Solution

__all__ = ["Reading", "nearest", "why_not"]

FAR = 32
"""How far from the given size another one is looked for."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that may have been meant instead.

    Args:
        changed: `"padding"`, `"input"`, `"output"`, `"kernel"`, `"strides"` or `"framework"`.
        given: what was said, as a text.
        instead: what works, as a text.
        question: with the change made; a changed padding is that of the solution.
        solution: the likeliest one then.

    Example:

    >>> import convpad
    >>> for reading in convpad.solve(224, 55, kernel=11, strides=4, padding="valid").nearest[:2]:
    ...     print(reading)
    input 227 instead of 224: no padding: (227 - 11) / 4 + 1 = 55.
    padding (1, 2) or (2, 1) instead of 'valid': 1 before and 2 after: (224 + 1 + 2 - 11) / 4 + 1 = 55.
    """

    changed: str
    given: str
    instead: str
    question: Question
    solution: Solution

    def __str__(self) -> str:
        return f"{self.changed} {self.instead} instead of {self.given}: {self.solution.reason}"

    def as_dict(self) -> dict[str, Any]:
        """All of it as lists, strings and ints."""
        return {
            "changed": self.changed,
            "given": self.given,
            "instead": self.instead,
            "solution": self.solution.as_dict(),
        }


def nearest(question: Question) -> tuple[Reading, ...]:
    """What else the question may have meant, sizes and padding first."""
    found: list[Reading] = []
    found += _other_size(question, "input")
    found += _other_padding(question)
    found += _other_size(question, "output")
    found += _other_window(question, "kernel")
    found += _other_window(question, "strides")
    if question.framework is not None and (free := solutions(changed := replace(question, framework=None))):
        found.append(Reading("framework", question.framework, "another", changed, free[0]))
    return tuple(found)


def why_not(question: Question) -> str:
    """One sentence: what the words give instead, or how far was searched."""
    dilation, padding = question.dilations, question.padding
    if not padding:
        return "No amounts below the window's span explain it."
    if question.kernel is None or question.strides is None or len(dilation) > 1 or question.transposed:
        return "No such window explains it."
    given = zip(question.sizes, question.kernel, question.strides, dilation[0], padding, strict=True)
    up = question.roundings == ("ceil",)
    outputs = tuple(_outputs(size, k, s, d, amount, up=up) for (size, _), k, s, d, amount in given)
    if min(outputs) < 1:
        return f"{spelled(padding)!r} leaves no room for the window."
    return f"{spelled(padding)!r} gives {shown(outputs)}, not {shown(question.output)}."


def _outputs(size: int, kernel: int, stride: int, dilation: int, amount: Amount, *, up: bool) -> int:
    span = (kernel - 1) * dilation + 1
    places = size + sum(amount.pad(size, span, stride)) - span
    return -(-places // stride) + 1 if up else places // stride + 1


def _other_size(question: Question, name: str) -> Iterator[Reading]:
    """The nearest size that works, and the nearest on the other side if it is as near."""
    given: Axes = getattr(question, name)
    for distance in range(1, FAR + 1):
        tried: list[tuple[Solution, Question, Axes]] = []
        for sign in (1, -1):
            sizes = tuple(size + sign * distance for size in given)
            if min(sizes) < 1:
                continue
            changed = replace(question, input=sizes) if name == "input" else replace(question, output=sizes)
            found = solutions(changed)
            tried += [(found[0], changed, sizes)] if found else []
        if tried:
            solution, changed, sizes = min(tried, key=lambda row: row[0].order)
            yield Reading(name, shown(given), shown(sizes), changed, solution)
            return


def _other_padding(question: Question) -> Iterator[Reading]:
    """The padding that is the least further, and the likeliest one."""
    if question.padding is None:
        return
    given = question.padding
    free = solutions(replace(question, padding=None))
    if not free:
        return

    def distance(solution: Solution) -> int:
        fits = zip(solution.fits, given, strict=True)
        pads = [amount.pad(fit.window.size, fit.window.span, fit.window.stride) for fit, amount in fits]
        rows = zip(solution.pads, pads, strict=True)
        return sum(abs(b - before) + abs(a - after) for (b, a), (before, after) in rows)

    closest = min(free, key=lambda solution: (distance(solution), solution.order))
    for solution in dict.fromkeys((closest, free[0])):
        instead = _spelling(solution)
        turned = [(after, before) for before, after in solution.pads]
        if not solution.words and turned != [*solution.pads] and any([*other.pads] == turned for other in free):
            instead += f" or {spelled_pads(turned)}"
        changed = replace(question, padding=solution.amounts)
        yield Reading("padding", repr(spelled(given)), instead, changed, solution)


def _other_window(question: Question, name: str) -> Iterator[Reading]:
    given: Axes | None = getattr(question, name)
    if given is None:
        return
    free = solutions(replace(question, kernel=None) if name == "kernel" else replace(question, strides=None))
    if free:

        def distance(solution: Solution) -> tuple[int, tuple[int, ...]]:
            return sum(abs(a - b) for a, b in zip(getattr(solution, name), given, strict=True)), solution.order

        solution = min(free, key=distance)
        other: Axes = getattr(solution, name)
        changed = replace(question, kernel=other) if name == "kernel" else replace(question, strides=other)
        yield Reading(name, shown(given), shown(other), changed, solution)


def _spelling(solution: Solution) -> str:
    return repr(solution.words[0]) if solution.words else spelled_pads([*solution.pads])


def spelled_pads(pairs: list[tuple[int, int]]) -> str:
    """`(1, 2)` where all axes are alike; `2` where both sides are too."""
    alike = set(pairs)
    if len(alike) > 1:
        return ", ".join(map(str, pairs))
    before, after = pairs[0]
    return str(before) if before == after else f"({before}, {after})"
