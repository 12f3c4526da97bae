"""Tables of sizes, read from text or CSV: a `LayerRow` for each row."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.solver.query import Axes, Query, parse_query

COLUMNS = {
    "name": ("name", "layer"),
    "op": ("op", "type"),
    "input": ("input", "in"),
    "output": ("output", "out", "size"),
    "kernel": ("kernel", "window", "filter"),
    "strides": ("strides", "stride"),
    "dilation_rate": ("dilation_rate", "dilation"),
    "padding": ("padding", "pad"),
    "rounding": ("rounding",),
}
"""The columns of a table, each with its possible headings."""

LONGEST = 1000
"""The largest number of rows."""

_COLUMN_OF = {spelling: column for column, spellings in COLUMNS.items() for spelling in spellings}
_UNKNOWN = ("", "?", "-")


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One row of a table.

    Args:
        name: the name of the layer.
        query: the known parts of its window; the sizes are those of `query_of`, not its own.
        input, output: its sizes; None where they are not stated.
    """

    name: str
    query: Query
    input: Axes | None
    output: Axes | None

    def query_of(self, input: Axes, output: Axes) -> Query:
        """Return the query for this window between two sizes."""
        return replace(self.query, input=input, output=output)


def read_table(text: Any, *, rank: int, framework: str | None = None) -> tuple[LayerRow, ...]:
    """Read the rows of a table in CSV, or in columns set apart by spaces, below a row of headings.

    Lines that start with `#` are left out. A first row with nothing but a size is the input.
    """
    if not isinstance(text, str):
        raise refuse("table", "be text", text)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if len(lines) < 2 or len(lines) > LONGEST:
        raise refuse("table", f"have a row of headings and 1 to {LONGEST} rows below it", f"{len(lines)} lines")
    separator = next((mark for mark in ("\t", ",", ";") if mark in lines[0][1]), None)
    rows = [(number, _cells(line, separator, number)) for number, line in lines]
    columns = _columns(rows[0][1])
    layers: list[LayerRow] = []
    image: Axes | None = None
    for index, (number, cells) in enumerate(rows[1:]):
        if len(cells) > len(columns):
            raise refuse("table", f"have {len(columns)} cells in each row, like its headings", cells, f"Line {number}.")
        known = {column: cell for column, cell in zip(columns, cells, strict=False) if cell not in _UNKNOWN}
        try:
            if index == 0 and set(known) <= {"name", "output"} and "output" in known and len(rows) > 2:
                image = _size(known["output"], rank)
                continue
            layer = _layer({"name": str(len(layers) + 1), **known}, columns, rank, framework)
        except (PaddingError, ValueError) as error:
            raise PaddingError(f"Line {number} of the table: {error}") from None
        layers.append(layer if layers else replace(layer, input=layer.input or image))
    return tuple(layers)


def _cells(line: str, separator: str | None, number: int) -> list[str]:
    if separator is None:
        return line.split()
    try:
        [cells] = csv.reader([line], delimiter=separator, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise refuse("table", "be CSV", line, f"Line {number}.") from None
    return [cell.strip() for cell in cells]


def _columns(headings: list[str]) -> list[str]:
    columns: list[str] = []
    for heading in headings:
        column = _COLUMN_OF.get(heading.lower())
        if column is None or column in columns:
            allowed = "; ".join(" or ".join(spellings) for spellings in COLUMNS.values())
            raise refuse("table", f"have headings, each once, out of: {allowed}", heading)
        columns.append(column)
    return columns


def _layer(cells: dict[str, str], columns: list[str], rank: int, framework: str | None) -> LayerRow:
    """Return the row of these cells, by their columns."""
    op = cells.get("op", "conv")
    kernel, _, strides = cells.get("kernel", "").partition("/")
    axes = {
        "kernel": kernel,
        "strides": cells.get("strides", strides),
        "dilation_rate": cells.get("dilation_rate", "" if "dilation_rate" in columns or "pool" in op else "1"),
    }
    query = parse_query(
        (1,) * rank,
        (1,) * rank,
        *[_numbers(name, cell) if cell else None for name, cell in axes.items()],
        padding=_padding(cells["padding"], rank) if "padding" in cells else None,
        op="max_pool" if op == "pool" else op,
        rounding=cells.get("rounding"),
        framework=framework,
    )
    input, output = (_size(cells[side], rank) if side in cells else None for side in ("input", "output"))
    return LayerRow(cells["name"], query, input, output)


def _size(cell: str, rank: int) -> Axes:
    """Read `224`, `224x224`, or with the channels `224x224x3`."""
    numbers = _numbers("size", cell)
    sizes: list[int] = [numbers] * rank if isinstance(numbers, int) else numbers
    if len(sizes) not in (rank, rank + 1) or min(sizes) < 1:
        raise refuse("size", f"be one number, or {rank} and perhaps the channels", cell)
    return tuple(sizes[:rank])


def _padding(cell: str, rank: int) -> Any:
    """Read a word, `1`, or `1,2` for before and after."""
    if not cell[0].isdigit():
        return cell
    numbers = _numbers("padding", cell, ",")
    return numbers if rank == 1 or isinstance(numbers, int) else [numbers] * rank


def _numbers(name: str, cell: str, mark: str = "x") -> Any:
    """Read `3`, an int, or `1x7`, a list of them."""
    # Papers print a multiplication sign.
    parts = cell.replace("\N{MULTIPLICATION SIGN}", "x").split(mark)
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise refuse(name, f"be numbers of up to 9 digits, {mark!r} between them", cell)
    numbers = [int(part) for part in parts]
    return numbers[0] if len(numbers) == 1 else numbers
