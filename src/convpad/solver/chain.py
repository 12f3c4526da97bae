"""What did the author pad, layer by layer? A whole table of sizes, solved together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from convpad.core.errors import refuse
from convpad.core.validation import integer
from convpad.frameworks import NAMES
from convpad.solver.chain_search import Joint, Row
from convpad.solver.query import shown
from convpad.solver.solution import Solution
from convpad.solver.suggestions import why_not
from convpad.solver.table import read_table

__all__ = ["Chain", "solve_chain"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A table of sizes, solved: a sequence of `Row`.

    Args:
        rows: one for each layer.
    """

    rows: tuple[Row, ...]

    @property
    def possible(self) -> bool:
        """Whether the table can be explained as it stands."""
        return all(row.possible for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> Row:
        return self.rows[index]

    def text(self) -> str:
        """For people: one line a layer, the likeliest padding and how many others there are; or the nearest reading."""
        cells: list[tuple[str, ...]] = [("layer", "in", "out", "window", "padding", "others", "")]
        below: dict[int, list[str]] = {}
        for row in self.rows:
            if row.gap is not None and row.input is not None:
                below[len(cells)] = [f"    It takes {shown(row.input)}, and the row before gives {shown(row.gap)}."]
            sizes = tuple("?" if size is None else shown(size) for size in (row.input, row.output))
            if row.solutions:
                first = row.solutions[0]
                padding = f"{first.padding}{', rounded up' if first.rounding == 'ceil' else ''}"
                cells.append((row.name, *sizes, _window(first), padding, str(len(row.solutions) - 1), first.reason))
                continue
            reason = "not reached: the sizes before it are not known"
            if row.solutions is not None:
                reason = why_not(row.solutions.question)
                readings = [str(reading) for reading in row.solutions.nearest]
                readings = readings or ["No one change to this row mends it."]
                below.setdefault(len(cells), []).extend(f"    {reading}" for reading in readings)
            cells.append((row.name, *sizes, "", "impossible", "", reason))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines: list[str] = []
        for place, row_cells in enumerate(cells):
            line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row_cells, widths, strict=True))
            lines += [line.rstrip(), *below.get(place, [])]
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """All of it as lists, strings and ints; of each row the likeliest solution with its code."""
        rows = [
            {
                "name": row.name,
                "input": None if row.input is None else [*row.input],
                "output": None if row.output is None else [*row.output],
                "possible": row.possible,
                "row_before_gives": None if row.gap is None else [*row.gap],
                "solved": None if row.solutions is None else row.solutions.as_dict(limit=1),
            }
            for row in self.rows
        ]
        return {"possible": self.possible, "rows": rows}

    def json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.as_dict(), indent=2)

    def __str__(self) -> str:
        return self.text()


def solve_chain(table: str, *, rank: int = 2, framework: str | None = None) -> Chain:
    """A paper's whole table of sizes, solved together: what comes out of each layer goes into the next.

    The first line has the headings: `name`, `op`, `input`, `output` (or `size`), `kernel`, `strides`, `dilation`,
    `padding`, `rounding`, in any order, each of them left out if it is not needed. CSV, or columns set apart by spaces.
    A cell that is empty, `?` or `-` is not known: sizes follow from the rows around, windows are searched as `solve`
    does. Without a column for it there is no dilation. Sizes may be `224`, `224x224` or `224x224x3`, a kernel
    `7x7/2` gives the strides too. A first row with a size alone is the input.

    Args:
        table: the text.
        rank: the number of spatial axes.
        framework: only what it can say itself: one of `convpad.frameworks.NAMES`.

    Returns:
        A sequence of rows. Where one is impossible, its `solutions.nearest` has the readings with one thing changed
        that agree with the rows around it.

    Raises:
        PaddingError: a table that cannot be read, or that leaves too much open.

    Example:

    >>> import convpad
    >>> chain = convpad.solve_chain('''
    ... name   op    size  kernel  stride  padding
    ... image  -     224
    ... conv1  conv  55    11      4       valid
    ... pool1  pool  27    3       2
    ... ''')
    >>> chain.possible
    False
    >>> [f"{reading.changed} {reading.instead}" for reading in chain[0].solutions.nearest]
    ['input 227', 'padding (1, 2) or (2, 1)', 'padding 2', 'output 54', 'kernel 8']
    >>> chain[1].solutions[0].padding
    'valid'
    """
    if framework is not None and framework not in NAMES:
        raise refuse("framework", f"be one of {', '.join(map(repr, NAMES))}", framework)
    rank = integer("rank", rank, 1)
    if rank > 3:
        raise refuse("rank", "be 1, 2 or 3", rank)
    layers = read_table(table, rank=rank, framework=framework)
    return Chain(Joint().rows(layers))


def _window(solution: Solution) -> str:
    """`3/2`, `3/1 by 2`."""
    spread = "" if set(solution.dilation_rate) == {1} else f" by {shown(solution.dilation_rate)}"
    return f"{shown(solution.kernel)}/{shown(solution.strides)}{spread}"
