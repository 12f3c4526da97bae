"""Fills: the values outside an axis, of one padding or of several, one after the other; equal ones alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from convpad.core.modes import MODES
from convpad.core.padding import Padding

Fill = tuple[str, Any]
"""(mode, value) of the padding on one side of an axis; the value is None in modes that carry none."""


def normalised_fill(mode: str, value: Any) -> Fill:
    """Return the fill of a mode and its value; a constant 0 is zeros."""
    return ("zeros", None) if mode == "constant" and type(value) in (int, float) and value == 0 else (mode, value)


def normalised_fills(padding: Padding) -> tuple[tuple[Fill, Fill], ...]:
    """Return the fills of a padding, (before, after) for each axis."""
    rows = zip(padding.modes, padding.values, strict=True)
    return tuple((normalised_fill(m[0].name, v[0]), normalised_fill(m[1].name, v[1])) for m, v in rows)


def joined_paddings(paddings: Iterable[tuple[int, Fill]], count: int | None = None) -> tuple[tuple[int, Fill], ...]:
    """Join the paddings that are read on one side of an axis.

    Args:
        paddings: (amount, fill) of each padding on that side, from the inside out.
        count: places that are read, from the inside out; None for all.

    Returns:
        (amount, fill) of each, without the unread ones; neighbours that are one padding are joined.
    """
    joined: list[tuple[int, Fill]] = []
    for amount, fill in paddings:
        read = amount if count is None else min(amount, count - sum(number for number, _ in joined))
        if read <= 0:
            continue
        if joined and joined[-1][1] == fill and MODES[fill[0]].is_edge_alone:
            read += joined.pop()[0]
        joined.append((read, fill))
    return tuple(joined)


def mode_names(paddings: Iterable[tuple[int, Fill]]) -> str:
    """Return the modes of paddings, from the inside out: `reflect, then zeros`."""
    return ", then ".join(mode for amount, (mode, _) in paddings if amount)
