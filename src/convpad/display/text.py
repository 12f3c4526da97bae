"""Plain text of a table: one line for a row where the width allows, else the name above the row, else a block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from unicodedata import combining, east_asian_width

from convpad.display.table import Cell, Table

__all__ = ["to_text"]

_CODES = {"good": "32", "warning": "33", "bad": "1;31", "code": "32", "heading": "1"}
"""ANSI codes: green, yellow, bold red, green, bold."""

_PROSE = 24
"""Columns that a text needs, to be wrapped in them."""


def to_text(table: Table, width: int | None = 80, *, colour: bool = False) -> str:
    """Return a table as text that fits a width. No name is cut, and no line of code is broken.

    Args:
        table: the table.
        width: columns of the terminal; None for one line a row, however long.
        colour: whether to add ANSI codes.

    Example:

    >>> from convpad.display.table import Table
    >>> from convpad.display.text import to_text
    >>> table = Table("A model", ("layer", "kind", "window"), (("features/block1", "depthwise_conv", "3x3"),))
    >>> print(to_text(table, 24))
    A model
    <BLANKLINE>
      kind            window
      ----------------------
    features/block1
      depthwise_conv  3x3
    >>> print(to_text(table, 22))
    A model
    <BLANKLINE>
    features/block1
      kind: depthwise_conv
      window: 3x3
    """
    parts: list[list[str]] = []
    if table.title:
        parts.append([_painted(line, "heading", colour) for line in _wrapped(table.title, width)])
    if table.rows:
        parts.append([*_laid_out(table, width, colour)])
    below = [*table.lines, *(f"[{number}] {note}" for number, note in enumerate(table.notes, 1))]
    if below:
        parts.append([line for text in below for line in _wrapped(text, width)])
    return "\n\n".join("\n".join(lines) for lines in parts)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Columns of text.

    Args:
        widths: of the columns.
        numeric: for each column, whether it is aligned to the right.
        gap: the spaces between two columns.
        indent: the spaces before the first column.
        colour: whether to add ANSI codes.
    """

    widths: Sequence[int]
    numeric: Sequence[bool]
    gap: str
    indent: str
    colour: bool

    @property
    def width(self) -> int:
        return len(self.indent) + sum(self.widths) + len(self.gap) * (len(self.widths) - 1)

    def lines(self, row: Sequence[Cell]) -> Iterator[str]:
        """Yield the lines of a row; of an empty row a rule."""
        if not row:
            yield self.indent + "-" * (self.width - len(self.indent))
        texts = [cell.text.splitlines() for cell in row]
        for number in range(max(map(len, texts), default=0)):
            cells: list[str] = []
            for cell, lines, width, numeric in zip(row, texts, self.widths, self.numeric, strict=True):
                line = lines[number] if number < len(lines) else ""
                blank = " " * (width - _length(line))
                painted = _painted(line, cell.style, self.colour)
                cells.append(blank + painted if numeric else painted + blank)
            yield (self.indent + self.gap.join(cells)).rstrip()


def _laid_out(table: Table, width: int | None, colour: bool) -> Iterator[str]:
    """Yield the lines of the headings and of all rows, in the first layout that fits."""
    headings = [Cell(heading) for heading in table.headings]
    rows = [[_printable(cell) for cell in row] for row in table.cells]
    numeric = [heading in table.numeric for heading in table.headings]
    columns = [*zip(*(row for row in (headings, *rows) if row), strict=True)]
    widths = [max(_length(line) for cell in column for line in cell.text.splitlines() or [""]) for column in columns]
    for named, gap in ((0, "  "), (1, "  "), (1, " ")):  # columns that get lines of their own
        if named == len(headings):
            break
        indent = "  " * named
        if width is not None:
            room = width - len(indent) - sum(widths[named:-1]) - len(gap) * (len(widths) - named - 1)
            if room < widths[-1] and not _is_prose(columns[-1], room):
                continue
            widths[-1] = min(room, widths[-1])
            rows = [[*row[:-1], _narrowed(row[-1], room)] if row else row for row in rows]
        grid = _Grid(widths[named:], numeric[named:], gap, indent, colour)
        yield from (_painted(line, "heading", colour) for line in grid.lines(headings[named:]))
        yield from grid.lines([])
        for row in rows:
            yield from (_painted(cell.text, cell.style, colour) for cell in row[:named] if cell.text)
            yield from grid.lines(row[named:])
        return
    for row in rows:
        yield from _block(table.headings, row, width or 0, colour) if row else [""]


def _is_prose(column: Sequence[Cell], room: int) -> bool:
    """Whether a column can be wrapped to `room` letters and be read with ease."""
    words = [word for cell in column for word in cell.text.split()]
    return room >= _PROSE and all(cell.style != "code" for cell in column) and max(map(_length, words)) <= room


def _narrowed(cell: Cell, room: int) -> Cell:
    return cell if cell.style == "code" else Cell("\n".join(_wrapped(cell.text, room)), cell.style)


def _block(headings: Sequence[str], row: Sequence[Cell], width: int, colour: bool) -> Iterator[str]:
    """Yield the first cell of a row, then the others after their headings: as many on a line as fit, code below."""
    yield _painted(row[0].text, row[0].style, colour)
    line, below = "", list[str]()
    for heading, cell in zip(headings[1:], row[1:], strict=True):
        if cell.text in ("", "-"):
            continue
        lines = cell.text.splitlines()
        if cell.style == "code" or len(lines) > 1:
            below += [f"  {heading}:", *(f"    {_painted(text, cell.style, colour)}" for text in lines)]
            continue
        entry = f"{heading}: {cell.text}"
        if _length(entry) + 2 > width:
            below += [f"  {text}" for text in _wrapped(entry, width - 2)]
        elif line and _length(line) + _length(entry) + 2 > width:
            yield line
            line = f"  {entry}"
        else:
            line += f"{';' if line else ' '} {entry}"
    yield from [line] if line else []
    yield from below


def _printable(cell: Cell) -> Cell:
    text = f"[{cell.text}]" if cell.style == "note" and cell.text else cell.text
    return Cell("\n".join(map(_safe, text.splitlines())), cell.style)


def _safe(line: str) -> str:
    """Return a line without control characters, which a model's file may have in its names."""
    return "".join(sign if sign.isprintable() else "?" for sign in line)


def _wrapped(text: str, width: int | None) -> list[str]:
    """Return the lines of a text. What follows a word and two spaces keeps its column."""
    lines: list[str] = []
    for line in map(_safe, text.splitlines() or [""]):
        indent = re.match(r"\S+ {2,}| *", line)
        hanging = " " * (indent.end() if indent else 0)
        wrapped = wrap(
            line, width or max(len(line), 1), subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
        )
        lines += wrapped or [""]
    return lines


def _length(line: str) -> int:
    """Return the columns of a terminal that a line takes."""
    if line.isascii():
        return len(line)
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in line)


def _painted(text: str, style: str, colour: bool) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour and text and style in _CODES else text
