"""Search for the sizes between the layers of a table that are likeliest for all layers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from convpad.core.errors import refuse
from convpad.core.window import spanned
from convpad.solver import Solutions
from convpad.solver.query import Axes, Query
from convpad.solver.search import Suggestion, find_solutions, suggest
from convpad.solver.solution import Solution
from convpad.solver.table import LayerRow

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
