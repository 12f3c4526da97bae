"""Plain text of a table: one line for a row where the width allows, else the name above the row, else a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from convpad.display.table import EMPTY, Cell, Table
from convpad.display.wrap import columns_of, printable, wrapped, wrapped_code

_CODES = {"good": "32", "warning": "33", "bad": "1;31", "code": "32", "heading": "1"}
"""ANSI codes: green, yellow, bold red, green, bold."""

_ROOM = {"": 24, "code": 40}
"""Columns of a terminal that a column of prose, or of code, needs to be wrapped."""


def to_text(table: Table, width: int | None = 80, *, colour: bool = False) -> str:
    """Return a table as text that fits a width. Nothing is cut.

    Args:
        table: the table.
        width: columns of the terminal; None for one line a row, however long.
        colour: whether to add ANSI codes.
    """
    text = _Text(table.without_empty_columns(), width, colour)
    terms = text.table.legend
    indent = 2 + max((columns_of(word) for word, _ in terms), default=0)
    legend = [line for word, meaning in terms for line in _defined(word, meaning, indent, width)]
    notes = [line for number, note in enumerate(table.notes, 1) for line in _defined(f"[{number}]", note, 4, width)]
    parts = [
        [painted(line, "heading", colour=colour) for line in wrapped(table.title, width)] if table.title else [],
        [*text.rows()] if table.rows else [],
        legend,
        [*(line for entry in table.lines for line in wrapped(entry, width)), *notes],
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _defined(word: str, meaning: str, indent: int, width: int | None) -> Iterator[str]:
    """Yield the lines of a word and, beside it, its meaning."""
    lines = wrapped(meaning, None if width is None else width - indent)
    yield from (f"{printable(word) if not number else '':{indent}}{line}".rstrip() for number, line in enumerate(lines))


def painted(text: str, style: str, *, colour: bool) -> str:
    """Return a line in the ANSI colour of a style, if it has one."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if colour and text and style in _CODES else text


@dataclass(frozen=True, slots=True)
class _Text:
    """The rows of a table as lines that fit a width, with or without ANSI codes."""

    table: Table
    width: int | None
    colour: bool

    def painted(self, text: str, style: str) -> str:
        return painted(text, style, colour=self.colour)

    def rows(self) -> Iterator[str]:
        """Yield the lines of the headings and of all rows, in the first layout that fits."""
        table = self.table
        rows = [tuple(_printable(cell) for cell in row) for row in table.cells]
        margin = "  " if any(map(table.is_title, rows)) else ""  # of rows below a title
        layout = self.layout([row for row in rows if not table.is_title(row)], margin)
        indent = margin if layout is None else margin + "  " * layout.named
        if layout is not None:
            yield from (self.painted(line, "heading") for line in layout.columns(layout.headings, indent, self))
            yield indent + "-" * layout.width
        for number, row in enumerate(rows):
            if table.is_title(row):
                yield from [""] if number and layout is None else []
                yield from (self.painted(line, "heading") for line in self.wrapped(row[0].text))
            elif layout is None:
                yield from self.block(row, margin)
            else:
                for cell in row[: layout.named]:
                    yield from (self.painted(margin + line, cell.style) for line in self.wrapped(cell.text, margin))
                yield from layout.columns(row[layout.named :], indent, self)

    def layout(self, rows: Sequence[Sequence[Cell]], margin: str) -> _Columns | None:
        """Return the columns of the first layout that fits, None where none does."""
        headings = [Cell(heading) for heading in self.table.headings]
        columns = [*zip(headings, *rows, strict=True)]
        widths = [max(columns_of(line) for cell in column for line in _lines(cell)) for column in columns]
        for named, gap in ((0, "  "), (1, "  "), (1, " ")):
            if named == len(headings):
                break
            grid = widths[named:]
            if self.width is not None:
                room = self.width - len(margin) - 2 * named - sum(grid[:-1]) - len(gap) * (len(grid) - 1)
                if room < grid[-1] and not _can_be_wrapped(columns[-1], room):
                    continue
                grid[-1] = min(room, grid[-1])
            return _Columns(named, gap, tuple(grid), tuple(headings[named:]), self.table.numeric)
        return None

    def block(self, row: Sequence[Cell], margin: str) -> Iterator[str]:
        """Yield the first cell of a row, then the others after their headings: many on a line, code below."""
        yield from (self.painted(margin + line, row[0].style) for line in self.wrapped(row[0].text, margin))
        indent, line, below = f"{margin}  ", "", list[str]()
        width = (self.width or 0) - len(indent)
        for name, cell in zip(self.table.headings[1:], row[1:], strict=True):
            if cell.text in EMPTY:
                continue
            heading = " ".join(name.split())
            if cell.style == "code" or "\n" in cell.text:
                texts = (wrapped_code if cell.style == "code" else wrapped)(cell.text, width - 2)
                below += [f"{indent}{heading}:", *(f"{indent}  {self.painted(text, cell.style)}" for text in texts)]
                continue
            entry = f"{heading}: {cell.text}"
            if columns_of(entry) > width:
                below += [indent + text for text in wrapped(entry, width)]
            elif line and columns_of(line) + columns_of(entry) + 2 > width:
                yield indent + line
                line = entry
            else:
                line += f"{'; ' if line else ''}{entry}"
        yield from [indent + line] if line else []
        yield from below

    def wrapped(self, text: str, indent: str = "") -> list[str]:
        return wrapped(text, None if self.width is None else self.width - len(indent))


@dataclass(frozen=True, slots=True)
class _Columns:
    """The widths of the columns of a table.

    Args:
        named: the number of columns that stand on lines of their own, above the others.
        gap: the spaces between two columns.
        widths: of the columns that stand side by side.
        headings: of these columns.
        numeric: the headings of the columns that are aligned to the right.
    """

    named: int
    gap: str
    widths: tuple[int, ...]
    headings: tuple[Cell, ...]
    numeric: tuple[str, ...]

    @property
    def width(self) -> int:
        return sum(self.widths) + len(self.gap) * (len(self.widths) - 1)

    def columns(self, row: Sequence[Cell], indent: str, text: _Text) -> Iterator[str]:
        """Yield the lines of a row, side by side."""
        last = row[-1]
        narrow = wrapped_code if last.style == "code" else wrapped
        texts = [*(_lines(cell) for cell in row[:-1]), narrow(last.text, self.widths[-1])]
        for number in range(max(map(len, texts))):
            cells: list[str] = []
            for cell, lines, width, heading in zip(row, texts, self.widths, self.headings, strict=True):
                line = lines[number] if number < len(lines) else ""
                blank, painted = " " * (width - columns_of(line)), text.painted(line, cell.style)
                cells.append(blank + painted if heading.text in self.numeric else painted + blank)
            yield (indent + self.gap.join(cells)).rstrip()


def _lines(cell: Cell) -> list[str]:
    return cell.text.split("\n")


def _can_be_wrapped(column: Sequence[Cell], room: int) -> bool:
    """Return whether a column can be wrapped to `room` letters and be read with ease."""
    return all(
        room >= _ROOM["code" if cell.style == "code" else ""]
        and all(columns_of(line) <= room for line in _narrowest(cell, room))
        for cell in column
    )


def _narrowest(cell: Cell, room: int) -> list[str]:
    return wrapped_code(cell.text, room) if cell.style == "code" else cell.text.split()


def _printable(cell: Cell) -> Cell:
    text = f"[{cell.text}]" if cell.style == "note" and cell.text else cell.text
    return Cell(printable(text), cell.style)
