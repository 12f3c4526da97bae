"""Which outputs meet the padding? The border of the output as boxes, in integers.

Far from the border a padded operation is the operation without padding. Near it are bands, one on each side of each
axis, as thick as the window reaches and as long as the output, so that they meet at the corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from convpad.geometry import Window
from convpad.problem import Problem

__all__ = ["Band", "bands", "border_share", "thickness"]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Band:
    """The outputs at one end of an axis.

    Args:
        axis: the spatial axis across which it is thin, counted from 0.
        outputs: (first, stop) of its outputs along that axis.
        places: (start, stop) of what their windows read along every axis, counted from the axis' first value:
            negative before it.
    """

    axis: int
    outputs: Range
    places: tuple[Range, ...]


def _touching(window: Window) -> tuple[int, int]:
    """How many outputs have a window that reaches beyond the axis, before and after."""
    size, before, outputs = window.size or 0, window.before or 0, window.output or 0
    first_inside = -(-before // window.stride)
    last_inside = (size + before - window.span) // window.stride
    return min(first_inside, outputs), outputs - min(max(last_inside + 1, 0), outputs)


def _plain(problem: Problem) -> bool:
    """Whether the sides of zeros can be left to the operation: no constant beside them reaches into their corners."""
    return not any(
        count and mode.carries_value
        for window, modes in zip(problem.windows, problem.modes, strict=True)
        for count, mode in zip((window.before, window.after), modes, strict=True)
    )


def thickness(problem: Problem) -> list[tuple[int, int]]:
    """For every axis, how many outputs at its start and its end are not what zeros give.

    Example:

    >>> import convpad
    >>> from convpad.ops.bands import thickness
    >>> plan = convpad.plan((1, 9, 9, 1), (5, 3, 1, 1), padding="same", padding_mode=("reflect", ("zeros", "circular")))
    >>> thickness(plan.problem)
    [(2, 2), (0, 1)]
    """
    plain = _plain(problem)
    return [
        (low if before.copies or not plain else 0, high if after.copies or not plain else 0)
        for (low, high), (before, after) in zip(map(_touching, problem.windows), problem.modes, strict=True)
    ]


@lru_cache(maxsize=4096)
def bands(problem: Problem) -> tuple[Band, ...]:
    """The bands of outputs that zeros would get wrong; those of one axis do not overlap.

    Example:

    >>> import convpad
    >>> from convpad.ops.bands import bands
    >>> plan = convpad.plan((1, 9, 9, 1), (3, 3, 1, 1), padding="same", padding_mode=("zeros", "circular"))
    >>> [(band.axis, band.outputs, band.places) for band in bands(plan.problem)]
    [(1, (0, 1), ((-1, 10), (-1, 2))), (1, (8, 9), ((-1, 10), (7, 10)))]
    """
    found: list[Band] = []
    every = [(0, window.output or 0) for window in problem.windows]
    for axis, (low, high) in enumerate(thickness(problem)):
        stop = every[axis][1]
        for outputs in ((0, low), (max(low, stop - high), stop)):
            if outputs[0] < outputs[1]:
                boxes = [*every[:axis], outputs, *every[axis + 1 :]]
                places = tuple(_read(window, *box) for window, box in zip(problem.windows, boxes, strict=True))
                found.append(Band(axis, outputs, places))
    return tuple(found)


def border_share(problem: Problem) -> float:
    """The share of the outputs that are in a band, from 0 to 1."""
    clear = 1.0
    for window, (low, high) in zip(problem.windows, thickness(problem), strict=True):
        clear *= max(1 - (low + high) / max(window.output or 0, 1), 0)
    return 1 - clear


def _read(window: Window, first: int, stop: int) -> Range:
    """The places that the windows of these outputs read."""
    before = window.before or 0
    return first * window.stride - before, (stop - 1) * window.stride - before + window.span
