"""Which one padding comes to the same as two, one after the other?"""

from __future__ import annotations

from typing import Any

from convpad.core.amounts import Pair, explicit
from convpad.core.modes import MODES, Mode
from convpad.core.padding import Learned, Padding

__all__ = ["REPEATED", "melted"]

_Fill = tuple[Mode, Any]

REPEATED = ("zeros", "constant", "replicate")
"""Modes that pad an axis twice as they would pad it once by the sum."""


def _fill(mode: Mode, value: Any) -> _Fill:
    return (MODES["zeros"], None) if mode.carries_value and value == 0 else (mode, value)


def _used(padding: Padding, amounts: tuple[Pair, ...]) -> list[list[_Fill]]:
    """For each axis, what is there to pad with on the sides that are padded."""
    rows = zip(amounts, padding.modes, padding.values, strict=True)
    return [[_fill(*side) for count, *side in zip(*row, strict=True) if count] for row in rows]


def _alike(fills: list[_Fill]) -> bool:
    return all(fill == fills[0] for fill in fills)


def melted(
    first: Padding, second: Padding, spans: tuple[int, ...], strides: tuple[int, ...], sizes: tuple[int | None, ...]
) -> Padding | str:
    """The padding of a window that first meets padding `first`, then pads by `second`; or why there is none.

    Args:
        first: explicit amounts.
        second: what the window itself pads.
        spans, strides: of the window, for each axis.
        sizes: between the two, None where unknown.

    Example:

    >>> from convpad import Padding
    >>> from convpad.models.merge import melted
    >>> one, two = Padding.parse(1, rank=1), Padding.parse((0, 2), rank=1)
    >>> melted(one, two, (3,), (1,), (None,))
    Padding.parse(((1, 3),), 'zeros', rank=1)
    >>> melted(Padding.parse(1, "reflect", rank=1), two, (3,), (1,), (None,))
    "it pads the same axis with 'zeros', after 'reflect'"
    """
    inner = tuple(amount.pair or (0, 0) for amount in first.amounts)
    fills = _used(first, inner)
    if not any(fills):
        return second
    outer = tuple(
        amount.known(size, span, stride)
        for amount, size, span, stride in zip(second.amounts, sizes, spans, strides, strict=True)
    )
    known = tuple(pair for pair in outer if pair is not None)
    if len(known) < len(outer):
        return "how much it pads depends on a size that is not known"
    more = _used(second, known)
    every = [fill for axis in [*fills, *more] for fill in axis]
    if any(fills) and any(more):
        if any(isinstance(value, Learned) for _, value in every):
            return "its own padding is trained"
        if any(not mode.counts for mode, _ in every):
            return "it leaves its own padding out of the count"
        for ours, theirs in zip(fills, more, strict=True):
            if ours and theirs and not (_alike(ours + theirs) and ours[0][0].name in REPEATED):
                return f"it pads the same axis with {theirs[0][0].name!r}, after {ours[0][0].name!r}"
        if any(mode.carries_value for mode, _ in every) and not _alike(every):
            return "where the axes meet, the constant of one would be padded by the other"
    amounts = tuple(explicit(b + d, a + e) for (b, a), (d, e) in zip(inner, known, strict=True))
    sides = [_sides(axis, first, second, *both) for axis, both in enumerate(zip(fills, more, strict=True))]
    return Padding(
        amounts,
        tuple((before[0], after[0]) for before, after in sides),
        tuple((before[1], after[1]) for before, after in sides),
    )


def _sides(axis: int, first: Padding, second: Padding, ours: list[_Fill], theirs: list[_Fill]) -> tuple[_Fill, _Fill]:
    """With what the two sides of an axis are padded: where both pad it, they pad it alike."""
    if ours and theirs:
        return ours[0], ours[0]
    padding = second if theirs else first
    (before, after), (value, other) = padding.modes[axis], padding.values[axis]
    return (before, value), (after, other)
