"""Tables of sizes, read from text or CSV: a `LayerRow` for each row."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.solver.query import Axes, Query, parse_query

__all__ = ["COLUMNS", "LayerRow", "read_table"]

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
_OPS = {"pool": "max_pool"}


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One row of a table.

    Args:
        name: the name of the layer.
        query: what is known of its window, between sizes that mean nothing.
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

    Example:

    >>> from convpad.solver.table import read_table
    >>> [layer] = read_table('''
    ... name   size  kernel  stride
    ... image  224
    ... conv1  55    11      4
    ... ''', rank=2)
    >>> layer.name, layer.input, layer.output, layer.query.kernel
    ('conv1', (224, 224), (55, 55), (11, 11))

    Raises:
        PaddingError: a heading or a cell that is none of them, with its line.
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
            layer = _layer(known, columns, rank, framework, str(index if image else index + 1))
        except (PaddingError, ValueError) as error:
            raise PaddingError(f"Line {number} of the table: {error}") from None
        layers.append(replace(layer, input=layer.input or image) if image and not layers else layer)
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


def _layer(known: dict[str, str], columns: list[str], rank: int, framework: str | None, name: str) -> LayerRow:
    """Return the row of these cells, by their columns; `name` where it has none."""
    op = known.get("op", "conv")
    kernel, _, after_slash = known.get("kernel", "").partition("/")
    strides = known.get("strides", after_slash)
    options: dict[str, Any] = {
        "op": _OPS.get(op, op),
        "kernel": _numbers("kernel", kernel) if kernel else None,
        "strides": _numbers("strides", strides) if strides else None,
        "padding": _padding(known["padding"], rank) if "padding" in known else None,
        "rounding": known.get("rounding"),
        "framework": framework,
    }
    if "dilation_rate" in known:
        options["dilation_rate"] = _numbers("dilation_rate", known["dilation_rate"])
    elif "dilation_rate" not in columns and "pool" not in options["op"]:
        options["dilation_rate"] = 1
    input, output = (_size(known[side], rank) if side in known else None for side in ("input", "output"))
    return LayerRow(known.get("name", name), parse_query((1,) * rank, (1,) * rank, **options), input, output)


def _size(cell: str, rank: int) -> Axes:
    """`224`, `224x224`, or with the channels `224x224x3`."""
    numbers = _integers("size", cell, "x")
    if len(numbers) == 1:
        numbers *= rank
    if len(numbers) not in (rank, rank + 1) or min(numbers) < 1:
        raise refuse("size", f"be one number, or {rank} and perhaps the channels", cell)
    return tuple(numbers[:rank])


def _numbers(name: str, cell: str) -> Any:
    """`3`, or `1x7`: one for all axes, or one for each."""
    numbers = _integers(name, cell, "x")
    return numbers[0] if len(numbers) == 1 else numbers


def _padding(cell: str, rank: int) -> Any:
    """A word, `1`, or `1,2` for before and after."""
    if not cell[0].isdigit():
        return cell
    numbers = _integers("padding", cell, ",")
    return numbers[0] if len(numbers) == 1 else numbers if rank == 1 else [numbers] * rank


def _integers(name: str, cell: str, mark: str) -> list[int]:
    # Papers print a multiplication sign.
    parts = cell.replace("\N{MULTIPLICATION SIGN}", "x").split(mark)
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):
        raise refuse(name, f"be numbers of up to 9 digits, {mark!r} between them", cell)
    return [int(part) for part in parts]
