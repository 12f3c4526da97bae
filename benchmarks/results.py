"""Result files: the figures of a command with versions and machine, as JSON for the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from convpad.benchmark.machine import machine, versions
from convpad.benchmark.timing import Timing

__all__ = ["FOLDER", "Cell", "Memory", "Results", "load", "path_of", "save"]

FOLDER = Path(__file__).parent / "results"
PEERS = {"jax": ("flax", "equinox")}


@dataclass(frozen=True, slots=True)
class Cell:
    """One comparison: everything in it was taken interleaved.

    Args:
        row: a layer, a network, or a size.
        mode: the padding mode.
        step: `"forward"` or `"gradient"` (forward and backward); of a network `"forward"` or `"training"`.
        route: of convpad's plan; "" where several layers or none of ours are compared.
        figures: by candidate; seconds, and ratios to the first one's.
        variant: of a module: its host, or memory format and eager or compiled.
    """

    row: str
    mode: str
    step: str
    route: str
    figures: dict[str, Timing]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one step.

    Args:
        row, mode, step: as in `Cell`.
        route: of convpad's plan.
        input: bytes of the input.
        peak: bytes of temporaries by candidate: XLA's analysis, or by how much the process grew at most.
        kept: bytes kept for the backward pass beside input and kernel, by candidate; PyTorch alone says.
    """

    row: str
    mode: str
    step: str
    route: str
    input: int
    peak: dict[str, int]
    kept: dict[str, int]


@dataclass(frozen=True, slots=True)
class Results:
    """All comparisons of one command on one backend."""

    command: str
    backend: str
    dtype: str
    quick: bool
    machine: dict[str, str]
    versions: dict[str, str]
    cells: list[Cell]
    memory: list[Memory]


def save(
    command: str,
    backend: str,
    measured: Sequence[Cell | Memory],
    folder: Path,
    *,
    kept: Results | None = None,
    dtype: str = "float32",
    quick: bool = False,
) -> Path:
    """Write cells, and the kept ones that are not among them, as `<command>-<backend>.json`; return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = [] if kept is None else [*kept.cells, *kept.memory]
    merged = {(one.row, one.mode, one.step, getattr(one, "variant", "")): one for one in (*earlier, *measured)}.values()
    cells = [one for one in merged if isinstance(one, Cell)]
    memory = [one for one in merged if isinstance(one, Memory)]
    results = Results(
        command, backend, dtype, quick, machine(), versions(backend, *PEERS.get(backend, ())), cells, memory
    )
    path = path_of(command, backend, folder, dtype)
    path.write_text(json.dumps(asdict(results), indent=1) + "\n")
    return path


def path_of(command: str, backend: str, folder: Path, dtype: str = "float32") -> Path:
    """Return the path of a result file."""
    suffix = "" if dtype == "float32" else f"-{dtype}"
    return folder / f"{command}-{backend}{suffix}.json"


def load(path: Path) -> Results:
    """Return the results of a file."""
    fields = json.loads(path.read_text())
    cells = [
        Cell(**{**cell, "figures": {name: Timing(**figure) for name, figure in cell["figures"].items()}})
        for cell in fields["cells"]
    ]
    return Results(**{**fields, "cells": cells, "memory": [Memory(**memory) for memory in fields["memory"]]})
