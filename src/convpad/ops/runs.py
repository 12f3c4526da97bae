"""Which positions outside are made alike? A side of an axis as runs, in integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from convpad.core.modes import Mode

__all__ = ["Run", "runs"]


@dataclass(frozen=True, slots=True)
class Run:
    """Positions that follow each other, each the weighted sum of one value from every part.

    Args:
        length: how many positions.
        parts: (start, weight, step): position i of the run takes ``weight * inside[start + i * step]``, and the
            step is 1, 0 or -1.
    """

    length: int
    parts: tuple[tuple[int, int, int], ...]

    @property
    def sources(self) -> tuple[int, int]:
        """(first, stop) of the places that it takes values from."""
        ends = [place for start, _, step in self.parts for place in (start, start + step * (self.length - 1))]
        return min(ends), max(ends) + 1

    def moved(self, by: int) -> Run:
        """The same of an axis whose first value stands at `by`."""
        return replace(self, parts=tuple((start + by, weight, step) for start, weight, step in self.parts))


@lru_cache(maxsize=4096)
def runs(mode: Mode, start: int, stop: int, size: int) -> tuple[Run, ...]:
    """The positions from start up to stop, outside an axis of that size, as the fewest runs.

    Example:

    >>> from convpad.core.modes import MODES
    >>> runs(MODES["reflect"], -2, 0, size=4)
    (Run(length=2, parts=((2, 1, -1),)),)
    """
    found: list[Run] = []
    while start < stop:
        first = mode.terms(start, size)
        steps = (0,) * len(first)
        length = 1
        while start + length < stop:
            terms = mode.terms(start + length, size)
            if [weight for _, weight in terms] != [weight for _, weight in first]:
                break
            moved = tuple(index - at for (index, _), (at, _) in zip(terms, first, strict=True))
            if length == 1 and all(abs(step) <= 1 for step in moved):
                steps = moved
            if moved != tuple(step * length for step in steps):
                break
            length += 1
        found.append(Run(length, tuple((*term, step) for term, step in zip(first, steps, strict=True))))
        start += length
    return tuple(found)
