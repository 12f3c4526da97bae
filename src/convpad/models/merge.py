"""Merge of two paddings: the one padding that equals one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from convpad.core.amounts import Pair, explicit
from convpad.core.fills import Fill, normalised_fills
from convpad.core.modes import MODES
from convpad.core.padding import Learned, Padding


def merge_paddings(
    first: Padding, second: Padding, spans: Sequence[int], strides: Sequence[int], sizes: Sequence[int | None]
) -> Padding | str:
    """Merge the padding of a layer into the padding of the window that follows, or return the reason why not.

    Args:
        first: the layer's padding, with explicit amounts.
        second: the window's own padding.
        spans, strides: of the window, for each axis.
        sizes: of the axes between the two, None where unknown.
    """
    inner = [amount.pair or (0, 0) for amount in first.amounts]
    inner_fills = _padded_fills(first, inner)
    if not any(inner_fills):
        return second
    rows = zip(second.amounts, sizes, spans, strides, strict=True)
    pairs = [amount.pair_or_none(size, span, stride) for amount, size, span, stride in rows]
    outer = [pair for pair in pairs if pair is not None]
    if len(outer) < second.rank:
        return "how much it pads depends on a size that is not known"
    outer_fills = _padded_fills(second, outer)
    reason = _obstacle(inner_fills, outer_fills) if any(outer_fills) else None
    if reason:
        return reason
    amounts = tuple(explicit(a[0] + b[0], a[1] + b[1]) for a, b in zip(inner, outer, strict=True))
    modes, values = [*first.modes], [*first.values]
    for axis, (inside, outside) in enumerate(zip(inner_fills, outer_fills, strict=True)):
        if inside and outside:  # equal ones, on all sides that are padded
            mode, value = inside[0]
            modes[axis], values[axis] = (MODES[mode], MODES[mode]), (value, value)
        elif outside:
            modes[axis], values[axis] = second.modes[axis], second.values[axis]
    return Padding(amounts, tuple(modes), tuple(values))


def _padded_fills(padding: Padding, pairs: Sequence[Pair]) -> list[list[Fill]]:
    """Return the fills of the sides that are padded, for each axis."""
    rows = zip(pairs, normalised_fills(padding), strict=True)
    return [[fill for amount, fill in zip(*row, strict=True) if amount] for row in rows]


def _obstacle(inner: list[list[Fill]], outer: list[list[Fill]]) -> str | None:
    """Return the reason why two paddings are not one."""
    fills = [fill for axis in [*inner, *outer] for fill in axis]
    if any(isinstance(value, Learned) for _, value in fills):
        return "its own padding is trained"
    if any(not MODES[mode].is_counted for mode, _ in fills):
        return "it leaves its own padding out of the count"
    for inside, outside in zip(inner, outer, strict=True):
        if inside and outside and not (_all_equal(inside + outside) and MODES[inside[0][0]].is_edge_alone):
            return f"it pads the same axis with {outside[0][0]!r}, after {inside[0][0]!r}"
    if any(MODES[mode].takes_value for mode, _ in fills) and not _all_equal(fills):
        return "where the axes meet, the constant of one would be padded by the other"
    return None


def _all_equal(fills: list[Fill]) -> bool:
    return all(fill == fills[0] for fill in fills)
