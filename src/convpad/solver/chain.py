"""Paddings that explain a whole table of sizes: `solve_chain`, and `Chain`, its result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from convpad.core.errors import refuse
from convpad.core.validation import integer
from convpad.display.result import Result
from convpad.display.table import Cell, Table
from convpad.frameworks import NAMES
from convpad.frameworks.code import check_choice
from convpad.solver.chain_search import ChainSearch, SolvedLayer
from convpad.solver.query import format_axes
from convpad.solver.search import why_impossible
from convpad.solver.table import read_table


@dataclass(frozen=True, slots=True, repr=False)
class Chain(Result):
    """A table of sizes, solved: a sequence of `SolvedLayer`.

    Args:
        layers: one for each row of the table.

    Example:

    >>> import convpad
    >>> chain = convpad.solve_chain("name, in, out, kernel, stride\\nstem, 224, 112, 7, 2")
    >>> len(chain), chain.possible
    (1, True)
    """

    layers: tuple[SolvedLayer, ...]

    @property
    def possible(self) -> bool:
        """Whether the table can be explained as it stands."""
        return all(layer.possible for layer in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[SolvedLayer]:
        return iter(self.layers)

    def __getitem__(self, index: int) -> SolvedLayer:
        return self.layers[index]

    @property
    def summary(self) -> str:
        """`3 layers, 1 of them impossible`."""
        impossible = sum(not layer.possible for layer in self)
        count = "1 layer" if len(self) == 1 else f"{len(self)} layers"
        return f"{count}, {impossible} of them impossible" if impossible else f"{count}, all of them possible"

    def to_table(self) -> Table:
        """Return one row a layer, with its likeliest padding, and what may have been meant where there is none."""
        headings = ("layer", "in", "out", "window", "padding", "others", "arithmetic")
        lines = tuple(line for layer in self for line in _lines(layer))
        return Table(self.summary, headings, tuple(map(_row, self)), lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the table as lists, strings and ints; of each row the likeliest solution with its code."""
        rows = [
            {
                "name": layer.name,
                "input": None if layer.input is None else [*layer.input],
                "output": None if layer.output is None else [*layer.output],
                "possible": layer.possible,
                "row_before_gives": None if layer.mismatch is None else [*layer.mismatch],
                "solved": None if layer.solutions is None else layer.solutions.to_dict(limit=1),
            }
            for layer in self
        ]
        return {"possible": self.possible, "rows": rows}


def _row(layer: SolvedLayer) -> tuple[Cell | str, ...]:
    sizes = [format_axes(layer.input), format_axes(layer.output)]
    if not layer.solutions:
        return (layer.name, *sizes, "", Cell("impossible", "bad"), "", "")
    solution, others = layer.solutions[0], len(layer.solutions) - 1
    dilation = "" if set(solution.dilation_rate) == {1} else f" by {format_axes(solution.dilation_rate)}"
    window = f"{format_axes(solution.kernel)}/{format_axes(solution.strides)}{dilation}"  # `3/2`, `3/1 by 2`
    padding = f"{solution.padding}{', rounded up' if solution.rounding == 'ceil' else ''}"
    return (layer.name, *sizes, window, padding, str(others), solution.arithmetic)


def _lines(layer: SolvedLayer) -> Iterator[str]:
    """Yield what is wrong with a layer, and what may have been meant."""
    if layer.mismatch is not None:
        input, output = format_axes(layer.input), format_axes(layer.mismatch)
        yield f"{layer.name}: it takes {input}, and the row before gives {output}."
    if layer.solutions is None:
        yield f"{layer.name}: not reached, as the sizes before it are not known."
    elif not layer.solutions:
        yield f"{layer.name}: {why_impossible(layer.solutions.query)}"
        yield from (f"  {suggestion}" for suggestion in layer.solutions.nearest)
        if not layer.solutions.nearest:
            yield "  No one change to this row mends it."


def solve_chain(table: str, *, rank: int = 2, framework: str | None = None) -> Chain:
    """Solve a paper's whole table of sizes together: the output of each layer is the input of the next.

    The first line has the headings: `name`, `op`, `input`, `output` (or `size`), `kernel`, `strides`, `dilation`,
    `padding`, `rounding`, in any order, each of them left out if it is not needed. CSV, or columns set apart by spaces.
    A cell that is empty, `?` or `-` is not known: sizes follow from the rows around, windows are searched as `solve`
    does. Without a column for it there is no dilation. Sizes may be `224`, `224x224` or `224x224x3`, a kernel
    `7x7/2` gives the strides too. A first row with a size alone is the input.

    Args:
        table: the text.
        rank: the number of spatial axes.
        framework: only the paddings of this framework's own operations: one of `convpad.frameworks.NAMES`.

    Returns:
        A sequence of solved layers. Where one is impossible, its `solutions.nearest` has what works with one thing
        changed and agrees with the rows around it.

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
    >>> chain
    <Chain: 2 layers, 1 of them impossible>
    >>> [f"{suggestion.changed} {suggestion.instead}" for suggestion in chain[0].solutions.nearest]
    ['input 227', 'padding (1, 2) or (2, 1)', 'padding 2', 'output 54', 'kernel 8']
    >>> chain[1].solutions[0].padding
    'valid'
    """
    if framework is not None:
        check_choice("framework", framework, NAMES)
    rank = integer("rank", rank, 1)
    if rank > 3:
        raise refuse("rank", "be 1, 2 or 3", rank)
    return Chain(ChainSearch().solve(read_table(table, rank=rank, framework=framework)))
