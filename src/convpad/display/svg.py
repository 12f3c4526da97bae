"""SVG drawings of a window over padded axes, in the manner of Dumoulin & Visin (arXiv:1603.07285).

Two axes are drawn as a grid with the first window on it; every axis as a strip with all its windows below it. Of a long
axis the borders are drawn, and the middle is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from convpad.core.axis_facts import AxisFacts
from convpad.core.window import places_read

__all__ = ["to_svg"]

CELL, GAP, MARGIN, LANE, TEXT = 22, 26, 16, 9, 18
"""Pixels of a cell, of the dots for cells that are left out, of the margin, of a lane of windows, of a line of text."""

SHOWN, WHOLE, DRAWN = 8, 26, 16
"""Cells shown on either side of each border of an axis that is longer than WHOLE, and windows drawn at each end."""

INSIDE, OUTSIDE, UNREAD, WINDOW, INK, PALE = "#bfdcf2", "#f6d9a8", "#ffffff", "#d1495b", "#22303c", "#5c6b78"


@dataclass(frozen=True, slots=True)
class _Axis:
    """A padded axis and the positions of it that are drawn; position 0 is the first value."""

    facts: AxisFacts
    size: int
    positions: tuple[int, ...]
    read: frozenset[int]

    @classmethod
    def of(cls, facts: AxisFacts) -> _Axis:
        size = facts.window.size or 0
        first, end = -facts.before, size + facts.after
        positions = {*range(first, end)} if end - first <= WHOLE else set[int]()
        positions |= {
            *range(max(first, -SHOWN), min(SHOWN, size)),
            *range(max(size - SHOWN, 0), min(end, size + SHOWN)),
        }
        read = frozenset(position for position in positions if places_read(facts.window, position, position + 1))
        return cls(facts, size, tuple(sorted(positions)), read)

    @property
    def first(self) -> int:
        return -self.facts.before

    @property
    def end(self) -> int:
        return self.size + self.facts.after

    def offsets(self) -> dict[int, int]:
        """Return the pixels from the start of the strip to each position that is drawn."""
        offsets: dict[int, int] = {}
        x, expected = 0, self.first
        for position in self.positions:
            x += GAP if position != expected else 0
            offsets[position] = x
            x, expected = x + CELL, position + 1
        return offsets

    @property
    def length(self) -> int:
        last = self.positions[-1]
        return self.offsets()[last] + CELL + (GAP if last + 1 != self.end else 0)

    def gaps(self) -> list[int]:
        """Return the pixels from the start of the strip to the dots of each gap."""
        offsets, gaps = self.offsets(), list[int]()
        expected = self.first
        for position in self.positions:
            if position != expected:
                gaps.append(offsets[position] - GAP)
            expected = position + 1
        return [*gaps, self.length - GAP] if expected != self.end else gaps

    def colour(self, position: int) -> str:
        if position not in self.read:
            return UNREAD
        return INSIDE if 0 <= position < self.size else OUTSIDE

    def windows(self) -> list[range]:
        """Return the positions that each window reads, for the first and last windows that reach a drawn position."""
        window = self.facts.window
        outputs = window.output or 0
        numbers = sorted({*range(min(outputs, DRAWN)), *range(max(outputs - DRAWN, 0), outputs)})
        starts = [self.first + number * window.stride for number in numbers]
        taps = [range(start, start + window.span, window.dilation) for start in starts]
        return [positions for positions in taps if any(position in positions for position in self.positions)]


def _text(x: float, y: float, text: str, *, size: int = 12, colour: str = INK, anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'


def _cell(x: int, y: int, colour: str, *, inside: bool) -> str:
    dashes = "" if inside else ' stroke-dasharray="3 2"'
    return f'<rect x="{x}" y="{y}" width="{CELL}" height="{CELL}" fill="{colour}" stroke="{PALE}"{dashes}/>'


def _mark(x: int, y: int) -> str:
    """Return the mark of one tap of a window below the cell at `x`."""
    return f'<rect x="{x + 3}" y="{y}" width="{CELL - 6}" height="4" fill="{WINDOW}"/>'


def _strip(axis: _Axis, x: int, y: int) -> tuple[list[str], int]:
    """Return the cells of one axis with its windows below, and the y below them."""
    offsets = axis.offsets()
    parts: list[str] = []
    for position, offset in offsets.items():
        inside = 0 <= position < axis.size
        parts.append(_cell(x + offset, y, axis.colour(position), inside=inside))
        if inside and axis.size <= 1000:
            parts.append(_text(x + offset + CELL / 2, y + CELL / 2 + 4, str(position), size=10, anchor="middle"))
    parts += [_text(x + gap + GAP / 2, y + CELL / 2 + 4, "\u2026", anchor="middle") for gap in axis.gaps()]
    windows = axis.windows()
    lanes = min(-(-axis.facts.window.span // axis.facts.window.stride) + 1, max(len(windows), 1))
    for number, taps in enumerate(windows):
        level = y + CELL + 7 + LANE * (number % lanes)
        lefts = [offset for position, offset in offsets.items() if position in taps]
        start, stop = x + lefts[0], x + lefts[-1] + CELL
        parts.append(
            f'<path d="M{start + 3} {level + 2}H{stop - 3}" stroke="{WINDOW}" stroke-width="1.5" stroke-opacity="0.6"/>'
        )
        parts += [_mark(x + left, level) for left in lefts]
    return parts, y + CELL + 7 + LANE * lanes


def _grid(rows: _Axis, columns: _Axis, x: int, y: int) -> tuple[list[str], int]:
    """Return the cells of an image with the first window on it, and the y below them."""
    down, across = rows.offsets(), columns.offsets()
    taps = [
        range(axis.first, axis.first + axis.facts.window.span, axis.facts.window.dilation) for axis in (rows, columns)
    ]
    parts: list[str] = []
    for row, top in down.items():
        for column, left in across.items():
            inside = 0 <= row < rows.size and 0 <= column < columns.size
            unread = row not in rows.read or column not in columns.read
            colour = UNREAD if unread else INSIDE if inside else OUTSIDE
            parts.append(_cell(x + left, y + top, colour, inside=inside))
            if row in taps[0] and column in taps[1]:
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
    used = {axis.colour(position) for axis in axes for position in axis.positions}
    parts: list[str] = []
    for colour, meaning, inside in entries:
        if colour in used:
            parts += [_cell(x, y, colour, inside=inside), _text(x + CELL + 6, y + 15, meaning, colour=PALE)]
            y += CELL + 6
    parts.append(_mark(x, y + 9))
    parts.append(_text(x + CELL + 6, y + 15, "a window", colour=PALE))
    return parts, y + CELL


def to_svg(title: str, axes: Sequence[AxisFacts], captions: Sequence[Sequence[str]]) -> str:
    """Return the drawing of a window over one or more axes, as the text of an SVG file.

    Args:
        title: the operation.
        axes: the facts of each axis.
        captions: for each axis, the lines of text above its strip.
    """
    drawn = [_Axis.of(axis) for axis in axes]
    titles = title.replace(", padding=", ",\npadding=").splitlines()
    x, y = MARGIN, MARGIN + 14
    parts: list[str] = []
    for line in titles:
        parts.append(_text(x, y, line, size=13))
        y += TEXT
    y += 6
    if len(drawn) == 2:
        grid, y = _grid(drawn[0], drawn[1], x, y)
        parts += grid
        y += 2 * TEXT
    for axis, lines in zip(drawn, captions, strict=True):
        for line in lines:
            parts.append(_text(x, y + 4, line, colour=PALE))
            y += TEXT
        strip, y = _strip(axis, x, y + 2)
        parts += strip
        y += 2 * TEXT
    legend, y = _legend(drawn, x, y)
    longest = max(len(line) for line in (*titles, *(line for lines in captions for line in lines)))
    # 13 pixels of a sans-serif are less than 8 wide a letter, on average.
    width, height = 2 * MARGIN + max(*(axis.length for axis in drawn), 8 * longest), y + MARGIN
    description = escape(" ".join(line for lines in captions for line in lines))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="title description" '
            'font-family="Helvetica, Arial, sans-serif">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="description">{description}</desc>',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *parts,
            *legend,
            "</svg>",
            "",
        ]
    )
