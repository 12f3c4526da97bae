"""SVG drawings of a window over padded axes, in the manner of Dumoulin & Visin (arXiv:1603.07285).

Two axes are drawn as a grid with the first window on it; every axis as a strip with all its windows below it. Of a long
axis the borders are drawn, and the middle is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from convpad.core.axis_facts import AxisFacts
from convpad.core.window import places_read

CELL, GAP, MARGIN, LANE, TEXT = 22, 26, 16, 9, 18
"""Pixels of a cell, of the dots in the place of cells, of the margin, of a lane of windows, of a line of text."""

SHOWN, WHOLE, DRAWN = 8, 26, 16
"""Cells shown on either side of each border of an axis that is longer than WHOLE, and windows drawn at each end."""

INSIDE, OUTSIDE, UNREAD, WINDOW, INK, PALE = "#bfdcf2", "#f6d9a8", "#ffffff", "#d1495b", "#22303c", "#5c6b78"


def shown_positions(facts: AxisFacts, *, whole: int = WHOLE, around: int = SHOWN) -> list[int]:
    """Return the positions of a padded axis that are drawn: all of a short one, of a long one those at its borders.

    Args:
        facts: the axis; position 0 is its first value.
        whole: the longest padded axis that is drawn as a whole.
        around: the positions on either side of each border of a longer one.
    """
    size = facts.window.size or 0
    first, end = -facts.before, size + facts.after
    if end - first <= whole:
        return [*range(first, end)]
    start = range(max(first, -around), min(around, size))
    return sorted({*start, *range(max(size - around, 0), min(end, size + around))})


def shown_windows(facts: AxisFacts, positions: Iterable[int], around: int = DRAWN) -> list[int]:
    """Return the numbers of the first and last windows of an axis, of those that reach one of the positions."""
    outputs, positions = facts.window.output or 0, set(positions)
    numbers = sorted({*range(min(outputs, around)), *range(max(outputs - around, 0), outputs)})
    return [number for number in numbers if not positions.isdisjoint(taps_of(facts, number))]


def taps_of(facts: AxisFacts, number: int) -> range:
    """Return the positions that a window of an axis reads."""
    start = number * facts.window.stride - facts.before
    return range(start, start + facts.window.span, facts.window.dilation)


@dataclass(frozen=True, slots=True)
class _Axis:
    """A padded axis, and the positions of it that are drawn; position 0 is the first value.

    Args:
        offsets: by position, the pixels from the start of the strip to its cell.
        gaps: the pixels from the start of the strip to the dots in the place of cells.
        length: the pixels of the strip.
        read: the positions that are drawn and that any window reads.
    """

    facts: AxisFacts
    size: int
    offsets: dict[int, int]
    gaps: list[int]
    length: int
    read: frozenset[int]

    @classmethod
    def of(cls, facts: AxisFacts) -> _Axis:
        size, end = facts.window.size or 0, (facts.window.size or 0) + facts.after
        positions = shown_positions(facts)
        offsets: dict[int, int] = {}
        gaps: list[int] = []
        length, expected = 0, -facts.before
        for position in [*positions, end]:
            if position != expected:
                gaps.append(length)
                length += GAP
            if position != end:
                offsets[position] = length
                length, expected = length + CELL, position + 1
        read = frozenset(position for position in positions if places_read(facts.window, position, position + 1))
        return cls(facts, size, offsets, gaps, length, read)

    def colour(self, position: int) -> str:
        if position not in self.read:
            return UNREAD
        return INSIDE if 0 <= position < self.size else OUTSIDE

    def taps(self, number: int) -> range:
        """Return the positions that a window reads."""
        return taps_of(self.facts, number)

    def windows(self) -> list[range]:
        """Return the taps of the windows that are drawn."""
        return [self.taps(number) for number in shown_windows(self.facts, self.offsets)]


class _Canvas:
    """The shapes drawn so far, and the height at which the next part of the drawing begins."""

    def __init__(self) -> None:
        self.shapes: list[str] = []
        self.y = MARGIN + 14

    def text(self, x: float, y: float, text: str, *, size: int = 12, colour: str = INK, anchor: str = "start") -> None:
        font = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
        self.shapes.append(f'<text x="{x:g}" y="{y:g}" {font}>{escape(text)}</text>')

    def cell(self, x: int, y: int, colour: str, *, inside: bool) -> None:
        dashes = "" if inside else ' stroke-dasharray="3 2"'
        size = f'width="{CELL}" height="{CELL}"'
        self.shapes.append(f'<rect x="{x}" y="{y}" {size} fill="{colour}" stroke="{PALE}"{dashes}/>')

    def mark(self, x: int, y: int, width: int, height: int) -> None:
        """Draw one tap of a window."""
        self.shapes.append(f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{WINDOW}"/>')

    def strip(self, axis: _Axis) -> None:
        """Draw the cells of one axis, with its windows below."""
        x, y = MARGIN, self.y + 2
        for position, offset in axis.offsets.items():
            inside = 0 <= position < axis.size
            self.cell(x + offset, y, axis.colour(position), inside=inside)
            if inside and axis.size <= 1000:
                self.text(x + offset + CELL / 2, y + CELL / 2 + 4, str(position), size=10, anchor="middle")
        for gap in axis.gaps:
            self.text(x + gap + GAP / 2, y + CELL / 2 + 4, "\u2026", anchor="middle")
        windows = axis.windows()
        lanes = min(-(-axis.facts.window.span // axis.facts.window.stride) + 1, max(len(windows), 1))
        y += CELL + 7
        for number, taps in enumerate(windows):
            level = y + LANE * (number % lanes)
            lefts = [x + offset for position, offset in axis.offsets.items() if position in taps]
            line = f"M{lefts[0] + 3} {level + 2}H{lefts[-1] + CELL - 3}"
            self.shapes.append(f'<path d="{line}" stroke="{WINDOW}" stroke-width="1.5" stroke-opacity="0.6"/>')
            for left in lefts:
                self.mark(left + 3, level, CELL - 6, 4)
        self.y = y + LANE * lanes

    def grid(self, rows: _Axis, columns: _Axis) -> None:
        """Draw the cells of an image, with the first window on it."""
        x, y = MARGIN, self.y
        for row, top in rows.offsets.items():
            for column, left in columns.offsets.items():
                inside = 0 <= row < rows.size and 0 <= column < columns.size
                unread = row not in rows.read or column not in columns.read
                colour = UNREAD if unread else INSIDE if inside else OUTSIDE
                self.cell(x + left, y + top, colour, inside=inside)
                if row in rows.taps(0) and column in columns.taps(0):
                    self.mark(x + left + 4, y + top + 4, CELL - 8, CELL - 8)
        for gap in columns.gaps:
            self.text(x + gap + GAP / 2, y + rows.length / 2 + 4, "\u2026", anchor="middle")
        for gap in rows.gaps:
            self.text(x + columns.length / 2, y + gap + GAP / 2 + 4, "\u22ee", anchor="middle")
        self.y = y + rows.length

    def legend(self, axes: Sequence[_Axis]) -> None:
        """Draw the colours that are used, each with its meaning."""
        x, used = MARGIN, {axis.colour(position) for axis in axes for position in axis.offsets}
        entries = [(INSIDE, "the axis", True), (OUTSIDE, "padding", False), (UNREAD, "read by no window", False)]
        for colour, meaning, inside in entries:
            if colour in used:
                self.cell(x, self.y, colour, inside=inside)
                self.text(x + CELL + 6, self.y + 15, meaning, colour=PALE)
                self.y += CELL + 6
        self.mark(x + 3, self.y + 9, CELL - 6, 4)
        self.text(x + CELL + 6, self.y + 15, "a window", colour=PALE)
        self.y += CELL


def to_svg(title: str, axes: Sequence[AxisFacts], captions: Sequence[Sequence[str]]) -> str:
    """Return the drawing of a window over one or more axes, as the text of an SVG file.

    Args:
        title: the operation.
        axes: the facts of each axis.
        captions: for each axis, the lines of text above its strip.
    """
    drawn = [_Axis.of(axis) for axis in axes]
    titles = title.replace(", padding=", ",\npadding=").splitlines()
    canvas = _Canvas()
    for line in titles:
        canvas.text(MARGIN, canvas.y, line, size=13)
        canvas.y += TEXT
    canvas.y += 6
    if len(drawn) == 2:
        canvas.grid(drawn[0], drawn[1])
        canvas.y += 2 * TEXT
    for axis, lines in zip(drawn, captions, strict=True):
        for line in lines:
            canvas.text(MARGIN, canvas.y + 4, line, colour=PALE)
            canvas.y += TEXT
        canvas.strip(axis)
        canvas.y += 2 * TEXT
    canvas.legend(drawn)
    texts = [line for lines in captions for line in lines]
    # 13 pixels of a sans-serif are less than 8 wide a letter, on average.
    longest = max(map(len, (*titles, *texts)))
    width, height = 2 * MARGIN + max(*(axis.length for axis in drawn), 8 * longest), canvas.y + MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title description" '
            'font-family="Helvetica, Arial, sans-serif">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{escape(" ".join(texts))}</desc>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *canvas.shapes,
            "</svg>",
            "",
        ]
    )
