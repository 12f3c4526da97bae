"""Cells of tables about windows: `7x7 /2`, `zeros`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.display.format import format_sizes
from convpad.models.windows import PaddedWindow

__all__ = ["mode_cell", "window_cell"]


def window_cell(window: PaddedWindow) -> str:
    """Return kernel, strides and dilation: `7x7 /2`, and `*2` for a dilation; equal strides are written once."""
    text = format_sizes(window.kernel)
    if set(window.strides) != {1}:
        text += f" /{format_sizes(window.strides, shorten=True)}"
    if set(window.dilation) != {1}:
        text += f" *{format_sizes(window.dilation, shorten=True)}"
    return text


def mode_cell(window: PaddedWindow) -> str:
    """Return the padding mode of the sides that are padded: `zeros`; by axis and side where they differ."""
    if not window.pads_something:
        return "-"
    sides = [_side(fill) for pair in window.fills for fill in pair]
    if window.amounts is not None:
        amounts = [amount for pair in window.amounts for amount in pair]
        sides = [side for side, amount in zip(sides, amounts, strict=True) if amount] or sides
    if len(set(sides)) == 1:
        return sides[0]
    axes: Sequence[str] = ["/".join(dict.fromkeys(map(_side, pair))) for pair in window.fills]
    return axes[0] if len(set(axes)) == 1 else ", ".join(axes)


def _side(fill: tuple[str, Any]) -> str:
    name, value = fill
    if name == "ignore":
        return "left out"
    return f"{value:g}" if name == "constant" and isinstance(value, (int, float)) else name
