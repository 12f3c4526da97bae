"""Plain text of a table: one line for a row where the width allows, else the name above the row, else a block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from unicodedata import combining, east_asian_width

from convpad.display.table import Cell, Table

_CODES = {"good": "32", "warning": "33", "bad": "1;31", "code": "32", "heading": "1"}
"""ANSI codes: green, yellow, bold red, green, bold."""

_PROSE = 24
"""Columns of a terminal that a text needs to be wrapped."""


def to_text(table: Table, width: int | None = 80, *, colour: bool = False) -> str:
    """Return a table as text that fits a width. No name is cut, and no line of code is broken.

    Args:
        table: the table.
        width: columns of the terminal; None for one line a row, however long.
        colour: whether to add ANSI codes.
    """
    text = _Text(table, width, colour)
    below = [*table.lines, *(f"[{number}] {note}" for number, note in enumerate(table.notes, 1))]
    parts = [
        [text.painted(line, "heading") for line in _wrapped(table.title, width)] if table.title else [],
        [*text.rows()] if table.rows else [],
        [line for entry in below for line in _wrapped(entry, width)],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


@dataclass(frozen=True, slots=True)
class _Text:
    """The rows of a table as lines that fit a width, with or without ANSI codes."""

    table: Table
    width: int | None
    colour: bool

    def painted(self, text: str, style: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and text and style in _CODES else text

    def rows(self) -> Iterator[str]:
        """Yield the lines of the headings and of all rows, in the first layout that fits."""
        headings = [Cell(heading) for heading in self.table.headings]
        rows = [[_printable(cell) for cell in row] for row in self.table.cells]
        columns = [*zip(*(row for row in (headings, *rows) if row), strict=True)]
        widths = [_width(column) for column in columns]
        for named, gap in ((0, "  "), (1, "  "), (1, " ")):  # columns that get lines of their own
            if named == len(headings):
                break
            indent = "  " * named
            if self.width is not None:
                room = self.width - len(indent) - sum(widths[named:-1]) - len(gap) * (len(widths) - named - 1)
                if room < widths[-1] and not _is_prose(columns[-1], room):
                    continue
                widths[-1] = min(room, widths[-1])
                rows = [[*row[:-1], _narrowed(row[-1], room)] if row else row for row in rows]
            grid = widths[named:]
            rule = indent + "-" * (sum(grid) + len(gap) * (len(grid) - 1))
            yield from (self.painted(line, "heading") for line in self.columns(headings[named:], grid, gap, indent))
            yield rule
            for row in rows:
                yield from (self.painted(cell.text, cell.style) for cell in row[:named] if cell.text)
                yield from self.columns(row[named:], grid, gap, indent) if row else [rule]
            return
        for row in rows:
            yield from self.block(row) if row else [""]

    def columns(self, row: Sequence[Cell], widths: Sequence[int], gap: str, indent: str) -> Iterator[str]:
        """Yield the lines of the last cells of a row, in columns of these widths."""
        texts = [cell.text.splitlines() for cell in row]
        headings = self.table.headings[-len(row) :]
        for number in range(max(map(len, texts), default=0)):
            cells: list[str] = []
            for cell, lines, width, heading in zip(row, texts, widths, headings, strict=True):
                line = lines[number] if number < len(lines) else ""
                blank, painted = " " * (width - _length(line)), self.painted(line, cell.style)
                cells.append(blank + painted if heading in self.table.numeric else painted + blank)
            yield (indent + gap.join(cells)).rstrip()

    def block(self, row: Sequence[Cell]) -> Iterator[str]:
        """Yield the first cell of a row, then the others after their headings: many on a line, code below."""
        yield self.painted(row[0].text, row[0].style)
        width, line, below = self.width or 0, "", list[str]()
        for heading, cell in zip(self.table.headings[1:], row[1:], strict=True):
            if cell.text in ("", "-"):
                continue
            lines = cell.text.splitlines()
            if cell.style == "code" or len(lines) > 1:
                below += [f"  {heading}:", *(f"    {self.painted(text, cell.style)}" for text in lines)]
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


def _width(column: Sequence[Cell]) -> int:
    return max(_length(line) for cell in column for line in cell.text.splitlines() or [""])


def _is_prose(column: Sequence[Cell], room: int) -> bool:
    """Return whether a column can be wrapped to `room` letters and be read with ease."""
    words = [word for cell in column for word in cell.text.split()]
    return room >= _PROSE and all(cell.style != "code" for cell in column) and max(map(_length, words)) <= room


def _narrowed(cell: Cell, room: int) -> Cell:
    return cell if cell.style == "code" else Cell("\n".join(_wrapped(cell.text, room)), cell.style)


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
