"""Paddings that explain a whole table of sizes: `solve_chain`, `Chain`, its result, and the search for the sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, NamedTuple

from convpad.core.errors import refuse
from convpad.core.validation import integer
from convpad.core.window import spanned
from convpad.display.result import Result
from convpad.display.table import Cell, Table
from convpad.frameworks import NAMES
from convpad.frameworks.code import check_choice
from convpad.solver import Solutions
from convpad.solver.query import Axes, Query, format_axes
from convpad.solver.search import Suggestion, find_solutions, suggest, why_impossible
from convpad.solver.solution import Solution
from convpad.solver.table import LayerRow, read_table

_EFFORT = 50_000
"""The largest number of windows that are tried for one table."""


@dataclass(frozen=True, slots=True)
class SolvedLayer:
    """One layer of a table, solved.

    Args:
        name: its name in the table.
        input, output: the sizes, stated or inferred; None where they cannot be inferred.
        solutions: the paddings that explain them, or suggestions; None where a size is missing.
        mismatch: the output of the row before, where the table states another input.
    """

    name: str
    input: Axes | None
    output: Axes | None
    solutions: Solutions | None
    mismatch: Axes | None = None

    @property
    def possible(self) -> bool:
        """Whether any padding explains the row, and its input is the output of the row before."""
        return bool(self.solutions) and self.mismatch is None


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
        legend = (("window", "size/stride, by dilation"), ("others", "further paddings that explain the row"))
        lines = tuple(line for layer in self for line in _lines(layer))
        return Table(self.summary, headings, tuple(map(_row, self)), lines, legend=legend)

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
    <Chain: 2 layers, 1 of them impossible; print(...) shows all>
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


# Search for the sizes between the layers that are likeliest for all layers together


class _Sizes(NamedTuple):
    """The sizes of one layer; None where they are not known."""

    input: Axes | None
    output: Axes | None


class _Path(NamedTuple):
    """The sizes of layers that follow each other, and the cost of their likeliest paddings."""

    cost: int = 0
    sizes: tuple[_Sizes, ...] = ()


_Paths = dict[Axes, _Path]
"""The cheapest path to each size that a layer may have."""


def _cheapest(paths: _Paths) -> tuple[Axes | None, tuple[_Sizes, ...]]:
    """Return the end of the cheapest path, and its sizes; None where there is no path."""
    end = min(paths, key=lambda size: paths[size].cost, default=None)
    return (None, ()) if end is None else (end, paths[end].sizes)


class ChainSearch:
    """A search through a whole table, which remembers its answers and counts its effort."""

    def __init__(self) -> None:
        self.tried = 0
        self.solutions: dict[tuple[LayerRow, Axes, Axes], tuple[Solution, ...]] = {}

    def explain(self, layer: LayerRow, input: Axes, output: Axes) -> tuple[Solution, ...]:
        """Return the solutions of a layer between two sizes."""
        key = (layer, input, output)
        if key not in self.solutions:
            self.tried += len(layer.query.windows)
            if self.tried > _EFFORT:
                mend = "Give its kernel, its strides or its sizes."
                raise refuse("table", "leave fewer things open", f"layer {layer.name!r}", mend)
            self.solutions[key] = find_solutions(layer.query_of(input, output))
        return self.solutions[key]

    def solve(self, layers: Sequence[LayerRow], *, suggestions: bool = True) -> tuple[SolvedLayer, ...]:
        """Solve every layer; `suggestions` for an impossible one are those that suit its neighbours."""
        stated = _stated(layers)
        sizes = self.likeliest_sizes(layers, stated)
        solved: list[SolvedLayer] = []
        for index, (layer, (input, output)) in enumerate(zip(layers, sizes, strict=True)):
            before = stated[index - 1].output if index else None
            mismatch = before if stated[index].input is not None and before != stated[index].input else None
            solutions = None
            if input is not None and output is not None:
                query = layer.query_of(input, output)
                solutions = Solutions(query, self.explain(layer, input, output))
                if suggestions and not solutions:
                    solutions = replace(solutions, nearest=self._suggest(layers, index, query))
            solved.append(SolvedLayer(layer.name, input, output, solutions, mismatch))
        return tuple(solved)

    def _suggest(self, layers: Sequence[LayerRow], index: int, query: Query) -> tuple[Suggestion, ...]:
        """Return the suggestions for one layer that leave fewer conflicts in the table."""
        conflicts = self._conflicts(layers)
        return tuple(near for near in suggest(query) if self._conflicts(_changed(layers, index, near)) < conflicts)

    def _conflicts(self, layers: Sequence[LayerRow]) -> int:
        """Count the layers that nothing explains, and the sizes that two rows state differently."""
        solved = self.solve(layers, suggestions=False)
        return sum((not layer.solutions) + (layer.mismatch is not None) for layer in solved)

    def likeliest_sizes(self, layers: Sequence[LayerRow], stated: Sequence[_Sizes]) -> list[_Sizes]:
        """Return the sizes of every layer: as stated, else the likeliest for all together.

        A path through the layers starts again where two rows state different sizes, and where nothing leads through
        a layer.
        """
        domains = self._domains(layers, stated)
        sizes: list[_Sizes] = []
        paths: _Paths = dict.fromkeys(domains[0][0], _Path())
        for index, (layer, (inputs, outputs)) in enumerate(zip(layers, domains, strict=True)):
            if index and inputs != domains[index - 1][1]:
                sizes += _cheapest(paths)[1]
                paths = dict.fromkeys(inputs, _Path())
            longer = self._through(layer, paths, outputs)
            if not longer:
                end, path = _cheapest(paths)
                sizes += [*path, _Sizes(end, stated[index].output)]
            paths = longer or dict.fromkeys(outputs, _Path())
        return [*sizes, *_cheapest(paths)[1]]

    def _through(self, layer: LayerRow, paths: _Paths, outputs: Sequence[Axes]) -> _Paths:
        """Return the paths that go on through a layer; none where nothing explains it."""
        longer: _Paths = {}
        for (input, path), output in product(paths.items(), outputs):
            if solutions := self.explain(layer, input, output):
                cost = path.cost + solutions[0].order[0]
                if output not in longer or cost < longer[output].cost:
                    longer[output] = _Path(cost, (*path.sizes, _Sizes(input, output)))
        return longer

    def _domains(self, layers: Sequence[LayerRow], stated: Sequence[_Sizes]) -> list[tuple[list[Axes], list[Axes]]]:
        """Return the sizes to try before and after every layer."""
        # The inputs and outputs of all layers in turn; first from each to the next, then from each to the one before.
        domains = [[size] if size else None for sizes in stated for size in sizes]
        for index in range(1, len(domains)):
            sizes = domains[index - 1]
            if domains[index] is None and sizes is not None:
                domains[index] = self._across(layers[index // 2], sizes, forward=True) if index % 2 else sizes
        for index in reversed(range(len(domains) - 1)):
            sizes = domains[index + 1]
            if domains[index] is None and sizes is not None:
                domains[index] = sizes if index % 2 else self._across(layers[index // 2], sizes, forward=False)
        if None in domains:
            raise refuse("table", "say at least one size", "none")
        known = [sizes or [] for sizes in domains]
        return list(zip(known[::2], known[1::2], strict=True))

    def _across(self, layer: LayerRow, sizes: Sequence[Axes], *, forward: bool) -> list[Axes]:
        """Return the sizes on the other side of a layer."""
        reached: set[Axes] = set()
        for size in sizes:
            for other in candidates(layer, size, forward=forward):
                if self.explain(layer, *((size, other) if forward else (other, size))):
                    reached.add(other)
        return sorted(reached)


def _stated(layers: Sequence[LayerRow]) -> list[_Sizes]:
    """Return the sizes of every layer that it or its neighbour states."""
    inputs = [layer.input for layer in layers] + [None]
    outputs = [None] + [layer.output for layer in layers]
    return [_Sizes(inputs[i] or outputs[i], outputs[i + 1] or inputs[i + 1]) for i in range(len(layers))]


def candidates(layer: LayerRow, size: Axes, *, forward: bool) -> list[Axes]:
    """Return all sizes that may be on the other side of a layer, and a few that may not."""
    query = layer.query
    ranges: list[range] = []
    for axis, value in enumerate(size):
        least, most = value, 1
        for kernel, strides, dilation in query.windows:
            stride, span = strides[axis], spanned(kernel[axis], dilation[axis])
            pads = 2 * span + sum((query.padding[axis].pair if query.padding else None) or ())
            if forward is not query.transposed:
                least, most = min(least, (value - span) // stride), max(most, (value + pads) // stride + 2)
            else:
                least, most = min(least, (value - 2) * stride - pads), max(most, value * stride + span)
        ranges.append(range(max(1, least), most + 1))
    if len(set(size)) == 1 and len(set(ranges)) == 1:
        return [(value,) * len(size) for value in ranges[0]]
    return [*product(*ranges)]


def _changed(layers: Sequence[LayerRow], index: int, suggestion: Suggestion) -> list[LayerRow]:
    """Return the table with one thing changed, for the neighbour too if it is a size between them."""
    changed = [*layers]
    layer, query, stated = layers[index], suggestion.query, _stated(layers)[index]
    if suggestion.changed == "input":
        changed[index] = replace(layer, input=query.input)
        if index and layers[index - 1].output == stated.input:
            changed[index - 1] = replace(layers[index - 1], output=query.input)
    elif suggestion.changed == "output":
        changed[index] = replace(layer, output=query.output)
        if index + 1 < len(layers) and layers[index + 1].input == stated.output:
            changed[index + 1] = replace(layers[index + 1], input=query.output)
    else:
        changed[index] = replace(layer, query=query)
    return changed
