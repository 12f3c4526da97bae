"""In what does the padding of two windows differ? What stands under them is compared, not what it is called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convpad.frameworks.code import shortest_pairs
from convpad.models.windows import Fill, PaddedWindow, fills_of, never_wins

__all__ = ["differs", "differs_ahead"]

_FROM_THE_EDGE = ("zeros", "constant", "replicate", "ignore")
"""Modes that know nothing of an axis but its edge."""


def differs_ahead(a: PaddedWindow, b: PaddedWindow) -> str:
    """In what layers differ that pad ahead of two transposed convolutions, for which no crop of them stands."""
    ahead = _ahead(a), _ahead(b)
    if a.op != "conv_transpose" or ahead[0] == ahead[1]:
        return ""
    return f"{_said_ahead(ahead[0])} ahead of it, not {_said_ahead(ahead[1])}"


def differs(a: PaddedWindow, b: PaddedWindow) -> tuple[str, ...]:
    """In what two paddings of one kind of window differ."""
    if a.amounts is None or b.amounts is None:
        same = a.amounts == b.amounts and a.padding == b.padding and _ahead(a) == _ahead(b)
        return () if same else ("the amounts depend on a size that is not known",)
    rows: list[str] = []
    for axis in range(len(a.windows)):
        pairs = a.amounts[axis], b.amounts[axis]
        if not _reach_alike(a, b, axis):
            rows.append(f"{pairs[0]}, not {pairs[1]}")
            continue
        fills = _what(a, axis), _what(b, axis)
        if fills[0] != fills[1]:
            rows.append(f"{_said(fills[0])}, not {_said(fills[1])}")
        else:
            rows.append("")
    if not any(rows):
        return ()
    if len(set(rows)) == 1 and len(rows) > 1:
        which = "both" if len(rows) == 2 else "all"
        found = rows[0].split(", not ")
        return (f"{found[0]} on {which} axes, not {found[1]}",)
    return tuple(f"axis {axis}: {row}" if len(rows) > 1 else row for axis, row in enumerate(rows) if row)


def _reach_alike(a: PaddedWindow, b: PaddedWindow, axis: int) -> bool:
    """Whether the windows stand on the same values along an axis."""
    one, other = a.windows[axis], b.windows[axis]
    left = [window.problem.leftovers[axis] if window.problem.leftovers else 0 for window in (a, b)]
    words = a.padding.amounts[axis], b.padding.amounts[axis]
    if words[0] == words[1] and words[0].follows_size and not (a.pads or b.pads) and left[0] == left[1]:
        return True  # the same rule, on whatever sizes
    if a.op == "conv_transpose":  # output padding takes less off, or adds
        return (one.before, (one.after or 0) - left[0]) == (other.before, (other.after or 0) - left[1])
    if other.size is None:
        return (one.before, one.after) == (other.before, other.after)
    return one.before == other.before and replace(other, after=one.after).output == other.output


def _what(window: PaddedWindow, axis: int) -> tuple[Fill | None, Fill | None]:
    """What is read on the two sides of an axis: None where nothing is."""
    if window.op == "conv_transpose":
        return None, None
    one = window.windows[axis]
    read = one.before or 0, (one.after or 0) - (one.leftover or 0)
    sides = [_layers(window, axis, side) for side in (0, 1)]
    several = sum(any(side[place][0] for side in sides) for place in range(len(sides[0]))) > 1
    if several and any(amount and fill[0] not in _FROM_THE_EDGE for side in sides for amount, fill in side):
        # A mode that looks into the axis meets what an earlier layer has put there.
        names = [", then ".join(fill[0] for amount, fill in side if amount) for side in sides]
        before, after = (
            (name, repr(sides)) if count > 0 and name else None for name, count in zip(names, read, strict=True)
        )
        return before, after
    before, after = (_met(layers, count) for layers, count in zip(sides, read, strict=True))
    return before, after


def _layers(window: PaddedWindow, axis: int, side: int) -> list[tuple[int, Fill]]:
    """(amount, fill) that is put on one side of an axis, from the inside out: by the layers before, and by its own."""
    own = window.problem.windows[axis]
    found = [(pad.pairs[axis][side], pad.fills[axis][side]) for pad in window.pads]
    found.append(((own.before, own.after)[side] or 0, fills_of(window.padding)[axis][side]))
    return [(amount, _taken(window, fill)) for amount, fill in found]


def _met(layers: Sequence[tuple[int, Fill]], count: int) -> Fill | None:
    """What `count` places hold, from the inside out."""
    found: list[tuple[int, Fill]] = []
    for amount, fill in layers:
        taken = min(amount, count - sum(number for number, _ in found))
        if taken > 0 and found and repr(found[-1][1]) == repr(fill):
            found[-1] = (found[-1][0] + taken, fill)
        elif taken > 0:
            found.append((taken, fill))
    if len(found) < 2:
        return found[0][1] if found else None
    return ", then ".join(fill[0] for _, fill in found), repr(found)


def _taken(window: PaddedWindow, fill: Fill) -> Fill:
    """A fill, or what comes to the same: in a max pool zeros over values that are not negative are as good as none."""
    if window.op == "max_pool" and (never_wins(fill) or (window.nonnegative and fill[0] == "zeros")):
        return "ignore", None
    return fill


def _said(fills: Sequence[Fill | None]) -> str:
    names = ["nothing" if fill is None else str(fill[1]) if fill[0] == "constant" else fill[0] for fill in fills]
    return names[0] if len(set(names)) == 1 else "/".join(names)


def _ahead(window: PaddedWindow) -> tuple[tuple[tuple[tuple[int, Fill], tuple[int, Fill]], ...], ...]:
    """What the layers before a window pad, one after the other; those that pad nothing left out."""
    rows = [
        tuple(
            ((pair[0], fills[0] if pair[0] else ("zeros", None)), (pair[1], fills[1] if pair[1] else ("zeros", None)))
            for pair, fills in zip(pad.pairs, pad.fills, strict=True)
        )
        for pad in window.pads
    ]
    return tuple(row for row in rows if any(amount for pair in row for amount, _ in pair))


def _said_ahead(layers: Sequence[Sequence[tuple[tuple[int, Fill], tuple[int, Fill]]]]) -> str:
    said = [
        f"{shortest_pairs(tuple((before[0], after[0]) for before, after in layer))} of "
        f"{_said(list(dict.fromkeys(fill for pair in layer for amount, fill in pair if amount)))}"
        for layer in layers
    ]
    return " and ".join(said) or "nothing"
