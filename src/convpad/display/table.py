"""Tables as data: a title, headings, rows, lines of text and numbered notes, for every renderer of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Style = Literal["", "good", "warning", "bad", "code", "note"]
"""The meaning of a cell. `note`: its text is the number of one of the table's notes."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table.

    Args:
        text: the text, which may have several lines.
        style: the meaning, which renderers show by a colour, a font or a link.
    """

    text: str
    style: Style = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the text around it.

    Args:
        title: one line.
        headings: one for each column.
        rows: one cell for each column, a `Cell` or plain text; an empty row is a line between two groups of rows.
        lines: text below the rows.
        notes: text that cells refer to by number, counted from 1.
        numeric: the headings of the columns that are aligned to the right.
    """

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[Cell | str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()

    @property
    def cells(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows, with every entry as a `Cell`."""
        return tuple(tuple(Cell(entry) if isinstance(entry, str) else entry for entry in row) for row in self.rows)
