"""Which sizes are likeliest for all layers of a table together?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from convpad.core.errors import refuse
from convpad.solver import Solutions
from convpad.solver.query import Axes
from convpad.solver.search import solutions, windows
from convpad.solver.solution import Solution
from convpad.solver.suggestions import Reading, nearest
from convpad.solver.table import Layer

__all__ = ["EFFORT", "Joint", "Row"]

EFFORT = 50_000
"""How many windows are tried for one table at most."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer of a table, solved.

    Args:
        name: what the table calls it.
        input, output: the sizes, as said or as found; None where nothing could be found.
        solutions: what explains them, or what else may have been meant; None where a size is missing.
        gap: what the row before gives, where the table says another input.
    """

    name: str
    input: Axes | None
    output: Axes | None
    solutions: Solutions | None
    gap: Axes | None = None

    @property
    def possible(self) -> bool:
        """Whether anything explains the row, and it takes what the row before gives."""
        return bool(self.solutions) and self.gap is None


class Joint:
    """Sizes for the whole table: the likeliest for all layers together, with a count of the effort."""

    def __init__(self) -> None:
        self.tried = 0
        self.found: dict[tuple[Layer, Axes, Axes], tuple[Solution, ...]] = {}

    def explain(self, layer: Layer, input: Axes, output: Axes) -> tuple[Solution, ...]:
        key = (layer, input, output)
        if key not in self.found:
            question = layer.question(input, output)
            self.tried += len(windows(question))
            if self.tried > EFFORT:
                mend = "Give its kernel, its strides or its sizes."
                raise refuse("table", "leave fewer things open", f"layer {layer.name!r}", mend)
            self.found[key] = solutions(question)
        return self.found[key]

    def rows(self, layers: Sequence[Layer], change: bool = True) -> tuple[Row, ...]:
        """Every layer solved; with `change`, the readings of what is impossible are those that suit its neighbours."""
        given = _joints(layers)
        sizes = self.sizes(layers, given)
        rows: list[Row] = []
        for place, layer in enumerate(layers):
            before, after = sizes[place]
            ends = given[place - 1][1] if place else None
            gap = ends if given[place][0] is not None and ends != given[place][0] else None
            if before is None or after is None:
                rows.append(Row(layer.name, before, after, None, gap))
                continue
            found = self.explain(layer, before, after)
            question = layer.question(before, after)
            readings = () if found or not change else self.readings(layers, place, nearest(question))
            rows.append(Row(layer.name, before, after, Solutions(question, found, readings), gap))
        return tuple(rows)

    def readings(self, layers: Sequence[Layer], place: int, readings: Sequence[Reading]) -> tuple[Reading, ...]:
        """Those that leave less wrong."""
        broken = self.broken(layers)
        return tuple(reading for reading in readings if self.broken(_changed(layers, place, reading)) < broken)

    def broken(self, layers: Sequence[Layer]) -> int:
        """How much is wrong: layers that nothing explains, and sizes that two rows say differently."""
        return sum((not row.solutions) + (row.gap is not None) for row in self.rows(layers, change=False))

    def sizes(
        self, layers: Sequence[Layer], given: Sequence[tuple[Axes | None, Axes | None]]
    ) -> list[tuple[Axes | None, Axes | None]]:
        """(input, output) of every layer: as given, else what is likeliest for all together."""
        domains = self.domains(layers, given)
        chosen: list[tuple[Axes | None, Axes | None]] = [(None, None)] * len(layers)
        costs: dict[Axes, int] = dict.fromkeys(domains[0][0], 0)
        steps: list[dict[Axes, Axes]] = []
        start = 0

        def settle(end: int, size: Axes | None) -> None:
            for place in range(end, start - 1, -1):
                before = steps[place][size] if size is not None else None
                chosen[place] = (before, size)
                size = before

        for place, layer in enumerate(layers):
            inputs, outputs = domains[place]
            if place and inputs != domains[place - 1][1]:
                # Two rows that do not say the same size.
                settle(place - 1, min(costs, key=lambda size: costs[size]) if costs else None)
                costs, start = dict.fromkeys(inputs, 0), place
            reached: dict[Axes, int] = {}
            step: dict[Axes, Axes] = {}
            for before, after in product(costs, outputs):
                found = self.explain(layer, before, after)
                if found and (cost := costs[before] + found[0].order[0]) < reached.get(after, cost + 1):
                    reached[after], step[after] = cost, before
            steps.append(step)
            if not reached:
                last = min(costs, key=lambda size: costs[size]) if costs else None
                settle(place - 1, last)
                chosen[place] = (last, given[place][1])
                reached, start = dict.fromkeys(outputs, 0), place + 1
            costs = reached
        settle(len(layers) - 1, min(costs, key=lambda size: costs[size]) if costs and start < len(layers) else None)
        return chosen

    def domains(
        self, layers: Sequence[Layer], given: Sequence[tuple[Axes | None, Axes | None]]
    ) -> list[tuple[list[Axes], list[Axes]]]:
        """The sizes that come into question before and after every layer."""
        known: list[list[list[Axes] | None]] = [[[size] if size else None for size in pair] for pair in given]
        for _ in range(2):
            for place in range(len(layers)):
                if place and known[place][0] is None:
                    known[place][0] = known[place - 1][1]
                if known[place][1] is None and (sizes := known[place][0]) is not None:
                    known[place][1] = self.across(layers[place], sizes, forward=True)
            for place in reversed(range(len(layers))):
                if place + 1 < len(layers) and known[place][1] is None:
                    known[place][1] = known[place + 1][0]
                if known[place][0] is None and (sizes := known[place][1]) is not None:
                    known[place][0] = self.across(layers[place], sizes, forward=False)
        if any(side is None for pair in known for side in pair):
            raise refuse("table", "say at least one size", "none")
        return [(before or [], after or []) for before, after in known]

    def across(self, layer: Layer, sizes: Sequence[Axes], *, forward: bool) -> list[Axes]:
        """The sizes on the other side of a layer."""
        found: dict[Axes, None] = {}
        for size in sizes:
            for other in _candidates(layer, size, forward=forward):
                pair = (size, other) if forward else (other, size)
                if self.explain(layer, *pair):
                    found[other] = None
        return sorted(found)


def _joints(layers: Sequence[Layer]) -> list[tuple[Axes | None, Axes | None]]:
    """(input, output) of every layer, where it or its neighbour says so."""
    pairs: list[tuple[Axes | None, Axes | None]] = []
    for place, layer in enumerate(layers):
        before = layers[place - 1].output if place else None
        after = layers[place + 1].input if place + 1 < len(layers) else None
        pairs.append((layer.input or before, layer.output or after))
    return pairs


def _candidates(layer: Layer, size: Axes, *, forward: bool) -> list[Axes]:
    """The sizes that could be on the other side, a few too many."""
    spans: list[range] = []
    shrinks = forward is not layer.asked.transposed
    for axis, value in enumerate(size):
        least, most = value, 1
        for kernel, strides, dilation in windows(layer.asked):
            stride, span = strides[axis], (kernel[axis] - 1) * dilation[axis] + 1
            pair = layer.asked.padding[axis].pair if layer.asked.padding else None
            pads = 2 * span + sum(pair or ())
            if shrinks:
                least, most = min(least, (value - span) // stride), max(most, (value + pads) // stride + 2)
            else:
                least = min(least, (value - 2) * stride - pads)
                most = max(most, value * stride + span)
        spans.append(range(max(1, least), most + 1))
    if len(set(size)) == 1 and len(set(spans)) == 1:
        return [(value,) * len(size) for value in spans[0]]
    return [*product(*spans)]


def _changed(layers: Sequence[Layer], place: int, reading: Reading) -> list[Layer]:
    """The table with one thing changed, for the neighbour too if it is a size between them."""
    changed = [*layers]
    layer, asked = layers[place], reading.question
    before, after = _joints(layers)[place]
    if reading.changed == "input":
        changed[place] = replace(layer, input=asked.input)
        if place and layers[place - 1].output == before:
            changed[place - 1] = replace(layers[place - 1], output=asked.input)
    elif reading.changed == "output":
        changed[place] = replace(layer, output=asked.output)
        if place + 1 < len(layers) and layers[place + 1].input == after:
            changed[place + 1] = replace(layers[place + 1], input=asked.output)
    else:
        changed[place] = replace(layer, asked=asked)
    return changed
