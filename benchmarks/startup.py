"""Startup of a network: import, build, first forward pass, first step of training; its repadded twins next to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.first_call import PHASES
from benchmarks.results import Cell, Memory
from convpad.benchmark.timing import Rounds

__all__ = ["MEMORY_TURNS", "REPADDED", "SECOND", "TOTAL", "TURNS", "compare", "measure", "prepare"]

SECOND = "again"
"""A second process for the same stock network: what it is away from 1 is noise."""
REPADDED = ("zeros", "reflect")
"""The modes of the twins."""
TOTAL = "all of these"
TURNS, MEMORY_TURNS = 3, 1
BATCH = 4
ROOT = Path(__file__).parents[1]
FILES = {"stock": "stock", SECOND: "stock", **{mode: mode for mode in REPADDED}}


def prepare(model: Any, folder: Path) -> int:
    """Write a network, its repadded twins, and a batch to a folder; return the bytes of its input."""
    from benchmarks.networks import repadded

    (folder / "stock.json").write_text(model.to_json())
    for mode in REPADDED:
        (folder / f"{mode}.json").write_text(repadded(model, mode).to_json())
    random = np.random.default_rng(0)
    shapes = [(BATCH, *tensor.shape[1:]) for tensor in (model.input, model.output)]
    x, target = (random.standard_normal(shape, dtype="float32") for shape in shapes)
    np.savez(folder / "data.npz", x=x, target=target)
    return x.nbytes


def _process(backend: str, folder: Path, name: str, *, memory: bool = False) -> dict[str, float]:
    """Run one network in a fresh process, and return what it writes.

    Raises:
        RuntimeError: it failed.
    """
    output = folder / "result.json"
    output.unlink(missing_ok=True)
    words = [*(["ours"] if name in REPADDED else []), *(["memory"] if memory else [])]
    files = [str(path) for path in (folder / f"{FILES[name]}.json", folder / "data.npz", output)]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    if memory:  # with oneDNN, TensorFlow's allocator keeps what it once had
        environment["TF_ENABLE_ONEDNN_OPTS"] = "0"
    command = [sys.executable, "-m", "benchmarks.first_call", backend, *files, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode or not output.exists():
        raise RuntimeError(f"{name} on {backend} did not start:\n{done.stderr[-2000:]}")
    return json.loads(output.read_text())


def compare(
    backend: str,
    network: str,
    folder: Path,
    *,
    turns: int,
    memory_turns: int,
    input: int,
    on_step: Callable[[str], None],
) -> Iterator[Cell | Memory]:
    """Run the networks of a folder in fresh processes that take turns: the times of each phase, then the memory."""
    names = list(FILES)
    results: list[dict[str, dict[str, float]]] = []
    for turn in range(turns):
        on_step(f"{network}, turn {turn + 1}")
        first = turn % len(names)
        results.append({name: _process(backend, folder, name) for name in [*names[first:], *names[:first]]})
    for phase in (*PHASES, TOTAL):
        seconds = [
            {name: sum(taken[name].values()) if phase == TOTAL else taken[name][phase] for name in names}
            for taken in results
        ]
        yield Cell(network, "", phase, "", Rounds(seconds).timings("stock"))
    peaks: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(memory_turns):
        on_step(f"{network}, memory {turn + 1}")
        for name in names:
            peaks[name].append(_process(backend, folder, name, memory=True)["peak"])
    if memory_turns:
        least = {name: int(min(values)) for name, values in peaks.items()}
        yield Memory(network, "", "training", "", input, least, {})


def measure(
    backend: str,
    network: str = "MobileNetV2",
    *,
    turns: int = TURNS,
    memory_turns: int = MEMORY_TURNS,
    on_step: Callable[[str], None],
) -> Iterator[Cell | Memory]:
    """Measure a network of `networks.NETWORKS`; see `layers.measure`."""
    from benchmarks.networks import NETWORKS

    with TemporaryDirectory() as name:
        folder = Path(name)
        size = prepare(NETWORKS[network](), folder)
        _process(backend, folder, REPADDED[0])  # so that no file is read for the first time
        options = {"turns": turns, "memory_turns": memory_turns, "input": size}
        yield from compare(backend, network, folder, on_step=on_step, **options)
