"""Times of every layer in every mode, next to the limit, Keras, the workaround and the peers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.candidates import Candidate, Case, Shared, framework_of, line_up
from benchmarks.candidates.verify import verify
from benchmarks.results import Cell
from benchmarks.rows import Row
from convpad.benchmark.result import STEPS
from convpad.benchmark.timing import Budget, time_interleaved

__all__ = ["cells_of", "measure"]


def cells_of(
    runner: Any, case: Case, candidates: Sequence[Candidate], budget: Budget, shared: Shared | None = None
) -> Iterator[Cell]:
    """Verify the candidates of one row in one mode, then time both steps."""
    verify(runner, case, candidates, shared)
    for step in STEPS:
        functions = {candidate.name: candidate.steps.run(step) for candidate in candidates}
        route = case.row.route(case.mode, runner.name, step)
        yield Cell(case.row.name, case.mode, step, route, time_interleaved(functions, budget).timings())


def measure(
    backend: str,
    rows: Sequence[Row],
    modes: Sequence[str],
    *,
    dtype: str,
    budget: Budget,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Measure every row in every mode, one cell after the other.

    Args:
        backend: one of `BACKENDS`.
        rows, modes: the cells.
        dtype: of input and kernel.
        budget: of one cell.
        on_step: called with the row and the mode that begin.
    """
    runner = framework_of(backend)
    for row in rows:
        shared = Shared()
        for mode in modes:
            on_step(f"{row.name} {mode}")
            case = Case(row, mode, dtype)
            yield from cells_of(runner, case, line_up(runner, case, shared), budget, shared)
            gc.collect()
