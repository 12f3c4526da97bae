"""Search for the sizes between the layers of a table that are likeliest for all layers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

from convpad.core.errors import refuse
from convpad.core.window import spanned
from convpad.solver import Solutions
from convpad.solver.query import Axes
from convpad.solver.search import find_solutions
from convpad.solver.solution import Solution
from convpad.solver.suggestions import Suggestion, suggest
from convpad.solver.table import LayerRow

__all__ = ["EFFORT", "ChainSearch", "SolvedLayer"]

EFFORT = 50_000
"""The largest number of windows that are tried for one table."""


@dataclass(frozen=True, slots=True)
class SolvedLayer:
    """One layer of a table, solved.

    Args:
        name: its name in the table.
        input, output: the sizes, as stated or as found; None where nothing could be found.
        solutions: the paddings that explain them, or what may have been meant instead; None where a size is missing.
        mismatch: the output of the row before, where the table states another input.
    """

    name: str
    input: Axes | None
    output: Axes | None
    solutions: Solutions | None
    mismatch: Axes | None = None

    @property
    def possible(self) -> bool:
        """Whether anything explains the row, and it takes what the row before gives."""
        return bool(self.solutions) and self.mismatch is None


class _Sizes(NamedTuple):
    """The sizes of one layer; None where they are not known."""

    input: Axes | None
    output: Axes | None


class _Path:
    """The cheapest way through layers that follow each other, to each size that the last of them may have.

    Args:
        start: the index of its first layer.
        inputs: the sizes that the first layer may take.
    """

    def __init__(self, start: int, inputs: Sequence[Axes]) -> None:
        self.start = start
        self.costs = dict.fromkeys(inputs, 0)
        self.steps: list[dict[Axes, Axes]] = []  # for each layer: its output -> its input on the way there

    @property
    def likeliest(self) -> Axes | None:
        """The size that the cheapest way ends at."""
        return min(self.costs, key=self.costs.__getitem__, default=None)

    def extend(self, search: ChainSearch, layer: LayerRow, outputs: Sequence[Axes]) -> bool:
        """Go on through a layer. False, with the path as it was, if nothing leads through it."""
        costs: dict[Axes, int] = {}
        step: dict[Axes, Axes] = {}
        for input, output in product(self.costs, outputs):
            solutions = search.explain(layer, input, output)
            if solutions and (cost := self.costs[input] + solutions[0].order[0]) < costs.get(output, cost + 1):
                costs[output], step[output] = cost, input
        if costs:
            self.costs = costs
            self.steps.append(step)
        return bool(costs)

    def write(self, sizes: list[_Sizes]) -> None:
        """Write the sizes along the cheapest way."""
        output = self.likeliest
        for index in reversed(range(len(self.steps))):
            input = None if output is None else self.steps[index][output]
            sizes[self.start + index] = _Sizes(input, output)
            output = input


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
            if self.tried > EFFORT:
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
            if input is None or output is None:
                solved.append(SolvedLayer(layer.name, input, output, None, mismatch))
                continue
            query, solutions = layer.query_of(input, output), self.explain(layer, input, output)
            nearest = self._suggest(layers, index, suggest(query)) if suggestions and not solutions else ()
            solved.append(SolvedLayer(layer.name, input, output, Solutions(query, solutions, nearest), mismatch))
        return tuple(solved)

    def _suggest(
        self, layers: Sequence[LayerRow], index: int, suggestions: Sequence[Suggestion]
    ) -> tuple[Suggestion, ...]:
        """Return the suggestions that leave fewer conflicts in the table."""
        conflicts = self._conflicts(layers)
        return tuple(one for one in suggestions if self._conflicts(_changed(layers, index, one)) < conflicts)

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
        sizes = [_Sizes(None, None)] * len(layers)
        path = _Path(0, domains[0][0])
        for index, (layer, (inputs, outputs)) in enumerate(zip(layers, domains, strict=True)):
            if index and inputs != domains[index - 1][1]:
                path.write(sizes)
                path = _Path(index, inputs)
            if not path.extend(self, layer, outputs):
                path.write(sizes)
                sizes[index] = _Sizes(path.likeliest, stated[index].output)
                path = _Path(index + 1, outputs)
        path.write(sizes)
        return sizes

    def _domains(self, layers: Sequence[LayerRow], stated: Sequence[_Sizes]) -> list[tuple[list[Axes], list[Axes]]]:
        """Return the sizes to try before and after every layer."""
        domains: list[list[list[Axes] | None]] = [[[size] if size else None for size in sizes] for sizes in stated]
        for _ in range(2):
            for index, layer in enumerate(layers):
                domain = domains[index]
                if index and domain[0] is None:
                    domain[0] = domains[index - 1][1]
                if domain[1] is None and domain[0] is not None:
                    domain[1] = self._across(layer, domain[0], forward=True)
            for index, layer in reversed([*enumerate(layers)]):
                domain = domains[index]
                if index + 1 < len(layers) and domain[1] is None:
                    domain[1] = domains[index + 1][0]
                if domain[0] is None and domain[1] is not None:
                    domain[0] = self._across(layer, domain[1], forward=False)
        if any(sizes is None for domain in domains for sizes in domain):
            raise refuse("table", "say at least one size", "none")
        return [(inputs or [], outputs or []) for inputs, outputs in domains]

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
