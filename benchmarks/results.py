"""Result files: the figures of a command with versions and machine, as JSON for the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from convpad.benchmark.machine import machine, versions
from convpad.benchmark.timing import Timing

__all__ = ["FOLDER", "Cell", "Determinism", "Measured", "Memory", "Results", "load", "path_of", "save"]

FOLDER = Path(__file__).parent / "results"
PEERS = {"jax": ("flax", "equinox")}
OTHERS = ("torch", "tensorflow-cpu", "tensorflow")
"""Packages that `across` and `across-networks` measure beside JAX."""


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
        variant: as in `Cell`.
    """

    row: str
    mode: str
    step: str
    route: str
    input: int
    peak: dict[str, int]
    kept: dict[str, int]
    variant: str = ""


@dataclass(frozen=True, slots=True)
class Determinism:
    """Whether gradients are the same from run to run.

    Args:
        row, mode, step, variant: as in `Cell`.
        repeated: by candidate, whether all runs gave the same bits.
        strict: by candidate, what `torch.use_deterministic_algorithms(True)` makes of it: `"runs"`, or what it says.
    """

    row: str
    mode: str
    step: str
    variant: str
    repeated: dict[str, bool]
    strict: dict[str, str]


Measured = Cell | Memory | Determinism


@dataclass(frozen=True, slots=True)
class Results:
    """All comparisons of one command on one backend.

    Args:
        command, backend, dtype, quick: of the command line.
        machine, versions: where it ran.
        cells, memory, determinism: the measurements.
        setting: `"compiled"`: by `torch.compile`; `"cuda"`: on a GPU; "": as users run it on a CPU.
        unreached: what there was no time for, or what could not run.
    """

    command: str
    backend: str
    dtype: str
    quick: bool
    machine: dict[str, str]
    versions: dict[str, str]
    cells: list[Cell]
    memory: list[Memory]
    setting: str = ""
    determinism: list[Determinism] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)


def save(
    command: str,
    backend: str,
    measured: Sequence[Measured],
    folder: Path,
    *,
    kept: Results | None = None,
    dtype: str = "float32",
    quick: bool = False,
    setting: str = "",
    gpu: str = "",
    unreached: Sequence[str] = (),
) -> Path:
    """Write measurements, and the kept ones that are not among them, to their file; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = [] if kept is None else [*kept.cells, *kept.memory, *kept.determinism]
    merged = {(type(one), one.row, one.mode, one.step, one.variant): one for one in (*earlier, *measured)}.values()
    others = OTHERS if command.startswith("across") else PEERS.get(backend, ())
    results = Results(
        command,
        backend,
        dtype,
        quick,
        machine() | ({"gpu": gpu} if gpu else {}),
        versions(backend, *others),
        cells=[one for one in merged if isinstance(one, Cell)],
        memory=[one for one in merged if isinstance(one, Memory)],
        setting=setting,
        determinism=[one for one in merged if isinstance(one, Determinism)],
        unreached=list(unreached),
    )
    path = path_of(command, backend, folder, dtype, setting)
    path.write_text(json.dumps(asdict(results), indent=1) + "\n")
    return path


def path_of(command: str, backend: str, folder: Path, dtype: str = "float32", setting: str = "") -> Path:
    """Return the path of a result file: `<command>-<backend>.json`, with setting and dtype where they are not usual."""
    parts = (command, backend, setting, "" if dtype == "float32" else dtype)
    return folder / f"{'-'.join(filter(None, parts))}.json"


def load(path: Path) -> Results:
    """Return the results of a file."""
    fields = json.loads(path.read_text())
    cells = [
        Cell(**{**cell, "figures": {name: Timing(**figure) for name, figure in cell["figures"].items()}})
        for cell in fields["cells"]
    ]
    memory = [Memory(**one) for one in fields["memory"]]
    determinism = [Determinism(**one) for one in fields.get("determinism", ())]
    return Results(**{**fields, "cells": cells, "memory": memory, "determinism": determinism})
