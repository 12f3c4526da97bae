"""Does the overhead over the limit shrink as the input grows? One layer on 128 to 2048 squared."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence

from benchmarks.contestants import Engine, Task, engine_of, plain
from benchmarks.contestants.agreement import check
from benchmarks.layers import STEPS
from benchmarks.results import Cell
from benchmarks.rows import Row
from convpad.benchmark.timing import Budget, race

__all__ = ["BUDGET", "EDGES", "MODES", "measure", "row_of"]

EDGES = (128, 256, 512, 1024, 2048)
MODES = ("constant", "reflect", "replicate", "circular", "ignore")
BUDGET = Budget(seconds=2, least=7, patience=12)


def row_of(edge: int, channels: int = 16) -> Row:
    """A 3x3 convolution on a square: 16 channels, so few that the border weighs much."""
    return Row(f"{edge}", "the scale curve", "conv", (edge, edge), channels, channels, (3, 3), batch=1)


def cells_of(engine: Engine, task: Task, budget: Budget) -> Iterator[Cell]:
    """convpad and the framework's pad + convolution, next to the limit."""
    row = task.row
    entries = [engine.limit(task), plain.ours(task), plain.framework(engine, task, row.pairs, task.modes)]
    contestants = [engine.contestant(entry, task) for entry in entries]
    check(engine, task, contestants)
    for step in STEPS:
        runs = {one.name: one.forward if step == "forward" else one.backward for one in contestants}
        figures = race(runs, budget).figures()
        yield Cell(row.name, task.mode, step, row.route(task.mode, engine.name, step), figures)


def measure(
    backend: str,
    edges: Sequence[int],
    modes: Sequence[str],
    *,
    budget: Budget = BUDGET,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Every size in every mode; see `layers.measure`."""
    engine = engine_of(backend)
    for edge in edges:
        for mode in modes:
            on_step(f"{edge} {mode}")
            yield from cells_of(engine, Task(row_of(edge), mode), budget)
            gc.collect()
