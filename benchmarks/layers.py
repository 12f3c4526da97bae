"""Times of every layer in every mode, next to the limit, Keras, the workaround and the peers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.candidates import Candidate, Case, Shared, framework_of, line_up, line_up_compiled
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
    compiled: bool = False,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Measure every row in every mode, one cell after the other.

    Args:
        backend: one of `BACKENDS`.
        rows, modes: the cells.
        dtype: of input and kernel.
        budget: of one cell.
        compiled: whether everything runs under `torch.compile`.
        on_step: called with the row and the mode that begin.
    """
    runner = framework_of(backend)
    for row in rows:
        shared = Shared()
        for mode in modes:
            on_step(f"{row.name} {mode}")
            case = Case(row, mode, dtype)
            candidates = (line_up_compiled if compiled else line_up)(runner, case, shared)
            for cell in cells_of(runner, case, candidates, budget, shared):
                yield replace(cell, variant="compiled") if compiled else cell
            gc.collect()
