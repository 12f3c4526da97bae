"""Overhead over the limit as the input grows: one layer on 128 to 2048 squared."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence

from benchmarks.candidates import Case, framework_of, plain
from benchmarks.layers import cells_of
from benchmarks.results import Cell
from benchmarks.rows import Row
from convpad.benchmark.timing import Budget

__all__ = ["BUDGET", "EDGES", "MODES", "measure", "row_of"]

EDGES = (128, 256, 512, 1024, 2048)
MODES = ("constant", "reflect", "replicate", "circular", "ignore")
BUDGET = Budget(seconds=2, min_rounds=7, patience=12)


def row_of(edge: int, channels: int = 16) -> Row:
    """Return a 3x3 convolution on a square: 16 channels, so few that the border weighs much."""
    return Row(f"{edge}", "the scale curve", "conv", (edge, edge), channels, channels, (3, 3), batch=1)


def measure(
    backend: str,
    edges: Sequence[int],
    modes: Sequence[str],
    *,
    budget: Budget = BUDGET,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Measure every size in every mode, convpad and the framework's pad + convolution; see `layers.measure`."""
    runner = framework_of(backend)
    for edge in edges:
        for mode in modes:
            on_step(f"{edge} {mode}")
            case = Case(row_of(edge), mode)
            entries = [runner.limit(case), plain.convpad_function(case), plain.framework(runner, case)]
            candidates = [runner.candidate(entry, case) for entry in entries]
            yield from cells_of(runner, case, candidates, budget)
            gc.collect()
