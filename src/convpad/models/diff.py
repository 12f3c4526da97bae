"""Differences between the paddings of two windows: of the values that the windows read, not of their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from convpad.core.fills import Fill, joined_paddings, mode_names
from convpad.core.modes import MODES
from convpad.frameworks.code import shortest_pairs
from convpad.models.values_read import as_read, values_read, with_sizes
from convpad.models.windows import PaddedWindow


def differs_ahead(a: PaddedWindow, b: PaddedWindow) -> str:
    """Return the difference of the layers that pad ahead of two transposed convolutions; no crop stands for them."""
    ahead = _paddings_ahead(a), _paddings_ahead(b)
    if a.op != "conv_transpose" or ahead[0] == ahead[1]:
        return ""
    return f"{_format_ahead(ahead[0])} ahead of it, not {_format_ahead(ahead[1])}"


def differs(a: PaddedWindow, b: PaddedWindow) -> tuple[str, ...]:
    """Return the differences of the paddings of two windows of one kind, by axis; empty where there are none.

    A size that one of them does not know is that of the other.
    """
    if a.is_unread or b.is_unread:
        whose = "of both" if a.is_unread and b.is_unread else f"of the {'first' if a.is_unread else 'second'}"
        return (f"the padding {whose} was not read",)
    if a.cuts != b.cuts:
        return (f"{_format_cuts(a)} ahead of it, not {_format_cuts(b)}",)
    a, b = with_sizes(a, b.input), with_sizes(b, a.input)
    if a.amounts is None or b.amounts is None:
        equal = a.amounts == b.amounts and a.padding == b.padding and _paddings_ahead(a) == _paddings_ahead(b)
        return () if equal else ("the amounts depend on a size that is not known",)
    rows = [_axis_difference(a, b, axis) for axis in range(len(a.windows))]
    equal = _same_values(a, b)
    if equal or (equal is None and not any(rows)):
        return ()
    if not any(rows):
        return ("where the axes meet, their order is another",)
    if len(set(rows)) == 1 and len(rows) > 1 and rows[0]:
        return (f"{rows[0][0]} on {'both' if len(rows) == 2 else 'all'} axes, not {rows[0][1]}",)
    return tuple(
        f"axis {axis}: {row[0]}, not {row[1]}" if len(rows) > 1 else f"{row[0]}, not {row[1]}"
        for axis, row in enumerate(rows)
        if row
    )


def _same_values(a: PaddedWindow, b: PaddedWindow) -> bool | None:
    """Return whether two windows read equal values at equal places; None where their sizes are not known or differ."""
    if a.op == "conv_transpose" or a.input != b.input or a.output != b.output:
        return None
    if not all(_same_reach(a, b, axis) for axis in range(len(a.windows))):
        return None
    values = values_read(a), values_read(b)
    return None if values[0] is None or values[1] is None else values[0] == values[1]


def _axis_difference(a: PaddedWindow, b: PaddedWindow, axis: int) -> tuple[str, str] | None:
    if not _same_reach(a, b, axis):
        return _format_amounts(a, axis), _format_amounts(b, axis)
    outside_a, outside_b = _outside(a, axis), _outside(b, axis)
    return None if outside_a == outside_b else (_format_fills(outside_a), _format_fills(outside_b))


def _same_reach(a: PaddedWindow, b: PaddedWindow, axis: int) -> bool:
    """Return whether the windows stand on the same values along an axis."""
    window_a, window_b = a.windows[axis], b.windows[axis]
    unread_a, unread_b = (w.problem.leftovers[axis] if w.problem.leftovers else 0 for w in (a, b))
    amount_a, amount_b = a.padding.amounts[axis], b.padding.amounts[axis]
    follows_rule = amount_a.follows_size or (window_a.ceil and window_b.ceil)
    if amount_a == amount_b and follows_rule and not (a.pads or b.pads) and unread_a == unread_b:
        return True  # the same rule, on whatever sizes
    if a.op == "conv_transpose":  # output padding takes less off, or adds
        crops = [(w.before, (w.after or 0) - unread) for w, unread in ((window_a, unread_a), (window_b, unread_b))]
        return crops[0] == crops[1]
    if window_a.ceil or window_b.ceil:
        outputs = a.output[axis], b.output[axis]
        same_sizes = window_a.size == window_b.size and outputs[0] == outputs[1]
        return None not in outputs and window_a.before == window_b.before and same_sizes
    if window_b.size is None:
        return (window_a.before, window_a.after) == (window_b.before, window_b.after)
    return window_a.before == window_b.before and replace(window_b, after=window_a.after).output == window_b.output


def _outside(window: PaddedWindow, axis: int) -> tuple[Fill | None, Fill | None]:
    """Return the values that are read on the two sides of an axis: a fill, or several by name; None for nothing."""
    if window.op == "conv_transpose":
        return None, None
    rows = zip(window.paddings_at(axis, 0), window.paddings_at(axis, 1), strict=True)
    paddings = [(before, after) for before, after in rows if before[0] or after[0]]
    before = [(amount, as_read(window, fill)) for (amount, fill), _ in paddings]
    after = [(amount, as_read(window, fill)) for _, (amount, fill) in paddings]
    read_before, read_after = window.windows[axis].before or 0, _read_after(window, axis)
    if len(paddings) > 1 and any(amount and not MODES[fill[0]].is_edge_alone for amount, fill in (*before, *after)):
        # A mode that looks into the axis meets the values that an earlier layer has put there.
        names, sides = (mode_names(before), mode_names(after)), (before, after)
        return (
            (names[0], sides) if names[0] and read_before > 0 else None,
            (names[1], sides) if names[1] and read_after > 0 else None,
        )
    overhang = window.problem.windows[axis].overhang, ("ignore", None)
    return _named(joined_paddings(before, read_before)), _named(joined_paddings([*after, overhang], read_after))


def _read_after(window: PaddedWindow, axis: int) -> int:
    """Return the number of places after an axis that the last window reaches."""
    whole, size, outputs = window.windows[axis], window.input[axis], window.output[axis]
    if size is None or outputs is None:
        return whole.after or 0
    return (outputs - 1) * whole.stride + whole.span - (whole.before or 0) - size


def _named(paddings: Sequence[tuple[int, Fill]]) -> Fill | None:
    if len(paddings) > 1:
        return mode_names(paddings), paddings
    return paddings[0][1] if paddings else None


def _format_amounts(window: PaddedWindow, axis: int) -> str:
    whole = window.windows[axis]
    return f"({whole.before}, {whole.after})" + (" rounded up" if whole.ceil else "")


def _format_fills(fills: Iterable[Fill | None]) -> str:
    names = ["nothing" if fill is None else str(fill[1]) if fill[0] == "constant" else fill[0] for fill in fills]
    return names[0] if len(set(names)) == 1 else "/".join(names)


def _format_cuts(window: PaddedWindow) -> str:
    rows = [f"{cut[:2]} cut off" + (f" at a step of {cut[2]}" if cut[2] > 1 else "") for cut in window.cuts]
    return ", ".join(rows) or "nothing cut off"


PaddingAhead = tuple[tuple[tuple[int, int], ...], list[Fill | None]]
"""(pairs, fills) of a layer that pads; the fill of a side without padding is None."""


def _paddings_ahead(window: PaddedWindow) -> list[PaddingAhead]:
    """Return the paddings of the layers before a window, one after the other, without those that pad nothing."""
    rows: list[PaddingAhead] = []
    for pad in window.pads:
        sides = zip(sum(pad.pairs, ()), sum(pad.fills, ()), strict=True)
        if any(map(any, pad.pairs)):
            rows.append((pad.pairs, [fill if amount else None for amount, fill in sides]))
    return rows


def _format_ahead(paddings: Iterable[PaddingAhead]) -> str:
    parts = [f"{shortest_pairs(pairs)} of {_format_fills(dict.fromkeys(filter(None, f)))}" for pairs, f in paddings]
    return " and ".join(parts) or "nothing"
