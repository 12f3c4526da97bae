"""Temporary memory of a layer, next to the limit.

On JAX the compiler says: XLA's memory analysis of the compiled step. Elsewhere the process is watched: Linux keeps
the largest resident size since the mark was last set (`/proc/self/clear_refs`), and the allocator gives back first
what it holds for later. The mark sees everything, the outputs and the scratch space of the kernels too, so small
layers drown in its pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from benchmarks.candidates import Case, MeasuredSteps, framework_of, keras, plain
from benchmarks.resident import peak
from benchmarks.results import Memory
from benchmarks.rows import Row
from convpad.benchmark.result import STEPS
from convpad.benchmark.runners import Steps

__all__ = ["measure"]


def _memories(runner: Any, case: Case) -> Iterator[Memory]:
    row = case.row
    entries = [runner.limit(case), plain.convpad_function(case), *keras.workaround(runner, case)]
    candidates = {entry.name: runner.candidate(entry, case).steps for entry in entries}
    size = case.arrays[0].size * (2 if case.dtype == "bfloat16" else 4)
    for step in STEPS:
        peaks = {name: _bytes(steps, step) for name, steps in candidates.items()}
        saved = {
            name: steps.saved_bytes()
            for name, steps in candidates.items()
            if isinstance(steps, MeasuredSteps) and steps.saved_bytes
        }
        route = row.route(case.mode, runner.name, step)
        yield Memory(row.name, case.mode, step, route, size, peaks, saved if step == "gradient" else {})


def _bytes(steps: Steps, step: str) -> int:
    """Return the bytes of a step: from the compiler, or from watching the process."""
    if isinstance(steps, MeasuredSteps) and steps.temporary_bytes:
        return steps.temporary_bytes(step)
    run = steps.run(step)
    run()
    return peak(run)


def measure(
    backend: str, rows: Sequence[Row], modes: Sequence[str], *, dtype: str, on_step: Callable[[str], None]
) -> Iterator[Memory]:
    """Measure every row in every mode; see `layers.measure`."""
    runner = framework_of(backend)
    for row in rows:
        if backend == "tensorflow" and row.dilation > 1:
            continue  # without oneDNN it has no gradient of a dilated convolution
        for mode in modes:
            on_step(f"{row.name} {mode}")
            yield from _memories(runner, Case(row, mode, dtype))
