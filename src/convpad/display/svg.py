"""How does a padded window look? An SVG of the padded axes, by hand, in the manner of Dumoulin & Visin.

Two axes make a grid with the first window on it; every axis makes a strip with all its windows below it. Of a long axis
the borders are shown, and the middle is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from convpad.core.window import places_read

if TYPE_CHECKING:
    from convpad.explanation import AxisFacts, Explanation

__all__ = ["drawn"]

CELL, GAP, MARGIN, LANE, TEXT = 22, 26, 16, 9, 18
"""Pixels: a cell, what stands for cells that are left out, around all, one lane of windows, a line of text."""

SHOWN, WHOLE, DRAWN = 8, 26, 16
"""Cells shown on either side of each border of an axis that is longer than WHOLE, and windows drawn at each end."""

INSIDE, OUTSIDE, UNREAD, WINDOW, INK, PALE = "#bfdcf2", "#f6d9a8", "#ffffff", "#d1495b", "#22303c", "#5c6b78"


@dataclass(frozen=True, slots=True)
class _Axis:
    """Which places of a padded axis are shown, and where."""

    facts: AxisFacts
    size: int
    places: tuple[int, ...]
    read: frozenset[int]

    @classmethod
    def of(cls, facts: AxisFacts) -> _Axis:
        size = facts.window.size or 0
        first, end = -facts.before, size + facts.after
        places = {*range(first, end)} if end - first <= WHOLE else set[int]()
        places |= {*range(max(first, -SHOWN), min(SHOWN, size)), *range(max(size - SHOWN, 0), min(end, size + SHOWN))}
        read = frozenset(place for place in places if places_read(facts.window, place, place + 1))
        return cls(facts, size, tuple(sorted(places)), read)

    @property
    def first(self) -> int:
        return -self.facts.before

    @property
    def end(self) -> int:
        return self.size + self.facts.after

    def offsets(self) -> dict[int, int]:
        """Pixels from the start of the strip to each place that is shown."""
        found: dict[int, int] = {}
        x, expected = 0, self.first
        for place in self.places:
            x += GAP if place != expected else 0
            found[place] = x
            x, expected = x + CELL, place + 1
        return found

    @property
    def length(self) -> int:
        last = self.places[-1]
        return self.offsets()[last] + CELL + (GAP if last + 1 != self.end else 0)

    def gaps(self) -> list[int]:
        """Where the dots of each place that is left out begin."""
        offsets, found = self.offsets(), list[int]()
        expected = self.first
        for place in self.places:
            if place != expected:
                found.append(offsets[place] - GAP)
            expected = place + 1
        return [*found, self.length - GAP] if expected != self.end else found

    def colour(self, place: int) -> str:
        if place not in self.read:
            return UNREAD
        return INSIDE if 0 <= place < self.size else OUTSIDE

    def windows(self) -> list[range]:
        """The places that each window reads: the first and last windows, where they reach a cell that is shown."""
        window = self.facts.window
        outputs = window.output or 0
        numbers = sorted({*range(min(outputs, DRAWN)), *range(max(outputs - DRAWN, 0), outputs)})
        starts = [self.first + number * window.stride for number in numbers]
        taps = [range(start, start + window.span, window.dilation) for start in starts]
        return [places for places in taps if any(place in places for place in self.places)]


def _text(x: float, y: float, said: str, *, size: int = 12, colour: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(said)}</text>'


def _cell(x: int, y: int, colour: str, *, inside: bool) -> str:
    dashes = "" if inside else ' stroke-dasharray="3 2"'
    return f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{colour}" stroke="{PALE}"{dashes}/>'


def _strip(axis: _Axis, x: int, y: int) -> tuple[list[str], int]:
    """The cells of one axis with its windows below; and where it ends."""
    offsets = axis.offsets()
    parts: list[str] = []
    for place, offset in offsets.items():
        inside = 0 <= place < axis.size
        parts.append(_cell(x + offset, y, axis.colour(place), inside=inside))
        if inside and axis.size <= 1000:
            parts.append(_text(x + offset + CELL / 2, y + CELL / 2 + 4, str(place), size=10, anchor="middle"))
    parts += [_text(x + gap + GAP / 2, y + CELL / 2 + 4, "\u2026", anchor="middle") for gap in axis.gaps()]
    windows = axis.windows()
    lanes = min(-(-axis.facts.window.span // axis.facts.window.stride) + 1, max(len(windows), 1))
    for number, taps in enumerate(windows):
        level = y + CELL + 7 + LANE * (number % lanes)
        seen = [offset for place, offset in offsets.items() if place in taps]
        start, stop = x + seen[0], x + seen[-1] + CELL
        parts.append(
            f'<path d="M{start + 3} {level + 2}H{stop - 3}" stroke="{WINDOW}" stroke-width="1.5" stroke-opacity="0.6"/>'
        )
        parts += [f'<rect x="{x + o + 3}" y="{level}" width="{CELL - 6}" height="4" fill="{WINDOW}"/>' for o in seen]
    return parts, y + CELL + 7 + LANE * lanes


def _grid(rows: _Axis, columns: _Axis, x: int, y: int) -> tuple[list[str], int]:
    """Both axes as the image that they are, with the first window on it."""
    down, across = rows.offsets(), columns.offsets()
    read = [{place: axis.colour(place) for place in axis.places} for axis in (rows, columns)]
    first = [
        range(-a.facts.before, a.facts.window.span - a.facts.before, a.facts.window.dilation) for a in (rows, columns)
    ]
    parts: list[str] = []
    for row, top in down.items():
        for column, left in across.items():
            colours = {read[0][row], read[1][column]}
            inside = 0 <= row < rows.size and 0 <= column < columns.size
            colour = UNREAD if UNREAD in colours else INSIDE if inside else OUTSIDE
            parts.append(_cell(x + left, y + top, colour, inside=inside))
            if row in first[0] and column in first[1]:
                size = CELL - 8
                parts.append(
                    f'<rect x="{x + left + 4}" y="{y + top + 4}" width="{size}" height="{size}" fill="{WINDOW}"/>'
                )
    for gap in columns.gaps():
        parts.append(_text(x + gap + GAP / 2, y + rows.length / 2 + 4, "\u2026", anchor="middle"))
    for gap in rows.gaps():
        parts.append(_text(x + columns.length / 2, y + gap + GAP / 2 + 4, "\u22ee", anchor="middle"))
    return parts, y + rows.length


def _legend(axes: Sequence[_Axis], x: int, y: int) -> tuple[list[str], int]:
    entries = [(INSIDE, "the axis", True), (OUTSIDE, "padding", False), (UNREAD, "read by no window", False)]
    used = {axis.colour(place) for axis in axes for place in axis.places}
    parts: list[str] = []
    for colour, said, inside in entries:
        if colour in used:
            parts += [_cell(x, y, colour, inside=inside), _text(x + CELL + 6, y + 15, said, colour=PALE)]
            y += CELL + 6
    parts.append(f'<rect x="{x + 3}" y="{y + 9}" width="{CELL - 6}" height="4" fill="{WINDOW}"/>')
    parts.append(_text(x + CELL + 6, y + 15, "a window", colour=PALE))
    return parts, y + CELL


def drawn(explanation: Explanation) -> str:
    """The picture of an explanation, as the text of an SVG file."""
    title, *facts = str(explanation).split("\n\n")
    facts = facts[: len(explanation.axes)]
    axes = [_Axis.of(axis) for axis in explanation.axes]
    lines = title.replace(", padding=", ",\npadding=").splitlines()
    x, y = MARGIN, MARGIN + 14
    parts: list[str] = []
    for line in lines:
        parts.append(_text(x, y, line, size=13))
        y += TEXT
    y += 6
    if len(axes) == 2:
        grid, y = _grid(axes[0], axes[1], x, y)
        parts += grid
        y += 2 * TEXT
    for axis, said in zip(axes, facts, strict=True):
        for line in said.splitlines():
            parts.append(_text(x, y + 4, line.strip(), colour=PALE))
            y += TEXT
        strip, y = _strip(axis, x, y + 2)
        parts += strip
        y += 2 * TEXT
    legend, y = _legend(axes, x, y)
    longest = max(len(line) for line in (*lines, *(line.strip() for fact in facts for line in fact.splitlines())))
    # 13 pixels of a sans-serif are less than 8 wide a letter, on average.
    width = 2 * MARGIN + max(*(axis.length for axis in axes), 8 * longest)
    description = escape(" ".join(" ".join(facts).split()))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + MARGIN}" '
            f'viewBox="0 0 {width} {y + MARGIN}" role="img" aria-labelledby="title description" '
            'font-family="Helvetica, Arial, sans-serif">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{description}</desc>',
            f'<rect width="{width}" height="{y + MARGIN}" fill="#ffffff"/>',
            *parts,
            *legend,
            "</svg>",
            "",
        ]
    )
