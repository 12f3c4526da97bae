"""Interactive drawings of a window: their data, and HTML that holds the data and the script that draws them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from math import prod
from typing import Any
from zlib import crc32

from convpad.core.axis_facts import AxisFacts
from convpad.core.modes import MODES
from convpad.core.window import places_read
from convpad.display.svg import DRAWN, SHOWN, WHOLE, shown_positions, shown_windows, taps_of

LARGEST_PLANE = 1500
"""Cells of a plane beyond which less of its axes is drawn."""

_EDGE = 4
"""Cells on either side of each border of an axis of a plane that is too large."""


def window_data(op: str, axes: Sequence[AxisFacts], fills: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    """Return what a drawing of a window needs: per axis its sizes, the positions to draw, and the padding at each.

    Args:
        op: the operation.
        axes: the facts of each axis.
        fills: for each axis, the constants `(before, after)`; None for modes without one.
    """
    transposed = op == "conv_transpose"
    positions = [shown_positions(axis) for axis in axes]
    whole, around, drawn = WHOLE, SHOWN, DRAWN
    if len(axes) == 2 and prod(map(len, positions)) > LARGEST_PLANE:
        whole, around, drawn = 2 * _EDGE, _EDGE, _EDGE
        positions = [shown_positions(axis, whole=whole, around=around) for axis in axes]
    windows = [shown_windows(axis, shown, drawn) for axis, shown in zip(axes, positions, strict=True)]
    rows = zip(axes, positions, windows, fills, strict=True)
    return {
        "op": op,
        "padded": "output, with what is cropped or folded back" if transposed else "padded input",
        "outputs": "input" if transposed else "output",
        "axes": [
            {
                "size": axis.window.size,
                "before": axis.before,
                "stride": axis.window.stride,
                "taps": [tap * axis.window.dilation for tap in range(axis.window.kernel)],
                "positions": shown,
                "read": [position for position in shown if places_read(axis.window, position, position + 1)],
                "windows": numbers,
                "outside": _outside(
                    axis, {*shown, *(tap for number in numbers for tap in taps_of(axis, number))}, values
                ),
            }
            for axis, shown, numbers, values in rows
        ],
    }


def _outside(axis: AxisFacts, positions: Iterable[int], values: tuple[Any, Any]) -> dict[int, dict[str, Any]]:
    """Return what stands at each position outside: terms of values inside, or a constant; `-` where nothing does."""
    size = axis.window.size or 0
    found: dict[int, dict[str, Any]] = {}
    for position in sorted(positions):
        if 0 <= position < size:
            continue
        side = 0 if position < 0 else 1
        mode = MODES[axis.modes[side]]
        fill: str | None = "0"
        if not mode.is_counted or not -axis.before <= position < size + axis.after:
            fill = "-"
        elif mode.takes_value:
            fill = _number(values[side])
        elif mode.copies_input:
            fill = None
        found[position] = {"terms": mode.terms(position, size) if fill is None else [], "fill": fill}
    return found


def _number(value: Any) -> str:
    """Return a constant in a few letters: a number, or `k` for one per channel or a trained one."""
    return f"{value:g}" if isinstance(value, (int, float)) else "k"


def style() -> str:
    """Return the style of the drawings."""
    return files("convpad.display").joinpath("window.css").read_text("utf-8")


def script() -> str:
    """Return the script of the drawings, as a module that exports `mount(element, data)`."""
    return files("convpad.display").joinpath("window.js").read_text("utf-8")


def to_interactive(data: dict[str, Any], drawing: str) -> str:
    """Return HTML of an interactive drawing, which shows `drawing` where no script runs.

    The script is in the HTML: nothing is loaded.
    """
    text = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    key = f"convpad-window-{crc32(text.encode()):x}"
    code = script().replace("\nexport ", "\n")
    return (
        f'<style>\n{style()}</style><div id="{key}">{drawing}</div>'
        f"<script>(() => {{\n{code}\n"
        # A notebook may show the same drawing twice.
        f"for (const root of document.querySelectorAll('#{key}:not([data-drawn])')) {{\n"
        f'root.dataset.drawn = "";\nmount(root, {text});\n}}\n}})();</script>'
    )
