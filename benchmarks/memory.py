"""How much memory does a layer need on the way, next to the limit?

On JAX the compiler says: XLA's memory analysis of the compiled step. Elsewhere the process is watched: Linux keeps
the largest resident size since the mark was last set (`/proc/self/clear_refs`), and the allocator gives back first
what it holds for later. The mark sees everything, the outputs and the scratch space of the kernels too, so small
layers drown in its pages.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contestants import Engine, Task, engine_of, keras, plain
from benchmarks.layers import STEPS
from benchmarks.results import Memory
from benchmarks.rows import Row

__all__ = ["measure", "peak"]

STATUS, MARK = Path("/proc/self/status"), Path("/proc/self/clear_refs")
ATTEMPTS = 3


def _kibibytes(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1])


def _released() -> None:
    """Has the allocator give back what it holds, so that it is asked for anew."""
    gc.collect()
    library = ctypes.CDLL(ctypes.util.find_library("c"))
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


def peak(run: Callable[[], Any]) -> int:
    """Bytes by which the process grew at most while that ran; the least of a few attempts.

    Raises:
        OSError: this is not Linux.
    """
    grown: list[int] = []
    for _ in range(ATTEMPTS):
        _released()
        MARK.write_text("5")
        before = _kibibytes("VmRSS")
        run()
        grown.append(max(_kibibytes("VmHWM") - before, 0) * 1024)
    return min(grown)


def _memories(engine: Engine, task: Task) -> Iterator[Memory]:
    row = task.row
    entries = [engine.limit(task), plain.ours(task), *keras.workaround(engine, task)]
    contestants = [engine.contestant(entry, task) for entry in entries]
    size = task.arrays[0].size * (2 if task.dtype == "bfloat16" else 4)
    for step in STEPS:
        peaks: dict[str, int] = {}
        for one in contestants:
            run = one.forward if step == "forward" else one.backward
            if one.temporary is None:
                run()
            peaks[one.name] = peak(run) if one.temporary is None else one.temporary(step)
        kept = {one.name: one.kept() for one in contestants if one.kept is not None and step == "gradient"}
        yield Memory(row.name, task.mode, step, row.route(task.mode, engine.name, step), size, peaks, kept)


def measure(
    backend: str, rows: Sequence[Row], modes: Sequence[str], *, dtype: str, on_step: Callable[[str], None]
) -> Iterator[Memory]:
    """Every row in every mode; see `layers.measure`."""
    engine = engine_of(backend)
    for row in rows:
        if backend == "tensorflow" and row.dilation > 1:
            continue  # without oneDNN it has no gradient of a dilated convolution
        for mode in modes:
            on_step(f"{row.name} {mode}")
            yield from _memories(engine, Task(row, mode, dtype))
