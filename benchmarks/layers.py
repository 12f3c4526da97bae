"""How fast is every layer in every mode, next to the limit, Keras, the workaround and the peers?"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence

from benchmarks.contestants import Engine, Shared, Task, engine_of, line_up
from benchmarks.contestants.agreement import check
from benchmarks.results import Cell
from benchmarks.rows import Row
from convpad.benchmark.timing import Budget, race

__all__ = ["STEPS", "cells_of", "measure"]

STEPS = ("forward", "gradient")


def cells_of(engine: Engine, task: Task, budget: Budget, shared: Shared) -> Iterator[Cell]:
    """Both steps of one row in one mode, after all contestants were found to agree."""
    contestants = line_up(engine, task, shared)
    check(engine, task, contestants, shared)
    for step in STEPS:
        runs = {one.name: one.forward if step == "forward" else one.backward for one in contestants}
        yield Cell(
            task.row.name, task.mode, step, task.row.route(task.mode, engine.name, step), race(runs, budget).figures()
        )


def measure(
    backend: str,
    rows: Sequence[Row],
    modes: Sequence[str],
    *,
    dtype: str,
    budget: Budget,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Every row in every mode, one cell after the other.

    Args:
        backend: one of `BACKENDS`.
        rows, modes: what to measure.
        dtype: of input and kernel.
        budget: of one cell.
        on_step: told what begins, once for each row and mode.
    """
    engine = engine_of(backend)
    for row in rows:
        shared = Shared()
        for mode in modes:
            on_step(f"{row.name} {mode}")
            yield from cells_of(engine, Task(row, mode, dtype), budget, shared)
            gc.collect()
