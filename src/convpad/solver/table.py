"""What does a table of sizes say? `Layer`: one row of it, read from text or CSV."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.solver.query import Axes, Question, ask

__all__ = ["COLUMNS", "Layer", "read_table"]

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
"""The columns of a table, and what each may be called."""

LONGEST = 1000
"""Rows of the longest table."""

_KNOWN = {spelling: column for column, spellings in COLUMNS.items() for spelling in spellings}
_UNSAID = ("", "?", "-")
_OPS = {"pool": "max_pool"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of a table.

    Args:
        name: what the row calls it.
        asked: everything it says of the window; the sizes in it mean nothing.
        input, output: its sizes; None where it does not say.
    """

    name: str
    asked: Question
    input: Axes | None
    output: Axes | None

    def question(self, input: Axes, output: Axes) -> Question:
        """The same row with sizes."""
        return replace(self.asked, input=input, output=output)


def read_table(text: Any, *, rank: int, framework: str | None = None) -> tuple[Layer, ...]:
    """The rows of a table in CSV, or in columns set apart by spaces, below a row of headings.

    Lines that start with `#` are left out. A first row that says nothing but a size is the input.

    Example:

    >>> from convpad.solver.table import read_table
    >>> [layer] = read_table('''
    ... name   size  kernel  stride
    ... image  224
    ... conv1  55    11      4
    ... ''', rank=2)
    >>> layer.name, layer.input, layer.output, layer.asked.kernel
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
    layers: list[Layer] = []
    first: Axes | None = None
    for place, (number, cells) in enumerate(rows[1:]):
        if len(cells) > len(columns):
            raise refuse("table", f"have {len(columns)} cells in each row, like its headings", cells, f"Line {number}.")
        said = {name: cell for name, cell in zip(columns, cells, strict=False) if cell not in _UNSAID}
        try:
            if place == 0 and set(said) <= {"name", "output"} and "output" in said and len(rows) > 2:
                first = _size(said["output"], rank)
                continue
            layer = _layer(said, columns, rank, framework, str(place if first else place + 1))
        except (PaddingError, ValueError) as error:
            raise PaddingError(f"Line {number} of the table: {error}") from None
        layers.append(replace(layer, input=layer.input or first) if first and not layers else layer)
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
        column = _KNOWN.get(heading.lower())
        if column is None or column in columns:
            allowed = "; ".join(" or ".join(spellings) for spellings in COLUMNS.values())
            raise refuse("table", f"have headings, each once, out of: {allowed}", heading)
        columns.append(column)
    return columns


def _layer(said: dict[str, str], columns: list[str], rank: int, framework: str | None, name: str) -> Layer:
    op = said.get("op", "conv")
    kernel, _, after = said.get("kernel", "").partition("/")
    options: dict[str, Any] = {
        "op": _OPS.get(op, op),
        "kernel": _numbers("kernel", kernel, "x", rank) if kernel else None,
        "strides": _numbers("strides", said.get("strides", after), "x", rank) if said.get("strides", after) else None,
        "padding": _padding(said["padding"], rank) if "padding" in said else None,
        "rounding": said.get("rounding"),
        "framework": framework,
    }
    if "dilation_rate" in said:
        options["dilation_rate"] = _numbers("dilation_rate", said["dilation_rate"], "x", rank)
    elif "dilation_rate" not in columns and "pool" not in options["op"]:
        options["dilation_rate"] = 1
    nothing = (1,) * rank
    return Layer(
        said.get("name", name),
        ask(nothing, nothing, **options),
        _size(said["input"], rank) if "input" in said else None,
        _size(said["output"], rank) if "output" in said else None,
    )


def _size(cell: str, rank: int) -> Axes:
    """`224`, `224x224`, or with the channels `224x224x3`."""
    numbers = _integers("size", cell, "x")
    if len(numbers) == 1:
        numbers *= rank
    if len(numbers) not in (rank, rank + 1) or min(numbers) < 1:
        raise refuse("size", f"be one number, or {rank} and perhaps the channels", cell)
    return tuple(numbers[:rank])


def _numbers(name: str, cell: str, mark: str, rank: int) -> Any:
    """`3`, or `1x7`: one for all axes, or one for each."""
    numbers = _integers(name, cell, mark)
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
