"""Tables as data: a title, headings, rows, a legend, lines of text and numbered notes, for every renderer here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Style = Literal["", "good", "warning", "bad", "code", "note"]
"""The meaning of a cell. `note`: its text is the number of one of the table's notes."""

EMPTY = ("", "-")
"""The texts of cells that say nothing."""


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
        rows: one cell for each column, a `Cell` or plain text; a row of one cell is the title of the rows below it.
        lines: text below the rows.
        notes: text that cells refer to by number, counted from 1.
        numeric: the headings of the columns that are aligned to the right.
        legend: words of the headings and cells, each with its meaning.
    """

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[Cell | str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()

    @property
    def cells(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows, with every entry as a `Cell`."""
        return tuple(tuple(Cell(entry) if isinstance(entry, str) else entry for entry in row) for row in self.rows)

    def is_title(self, row: tuple[Cell | str, ...]) -> bool:
        """Return whether a row is the title of the rows below it."""
        return len(row) == 1 < len(self.headings)

    def without_empty_columns(self) -> Table:
        """Return the table without the columns that say nothing in any row, and without their meaning."""
        rows = [row for row in self.cells if not self.is_title(row)]
        full = [any(row[place].text not in EMPTY for row in rows) for place in range(len(self.headings))]
        if all(full) or not any(full):
            return self
        empty = {heading for heading, is_full in zip(self.headings, full, strict=True) if not is_full}
        return replace(
            self,
            headings=tuple(heading for heading in self.headings if heading not in empty),
            rows=tuple(
                row if self.is_title(row) else tuple(cell for cell, is_full in zip(row, full, strict=True) if is_full)
                for row in self.rows
            ),
            legend=tuple(entry for entry in self.legend if entry[0] not in empty),
        )
