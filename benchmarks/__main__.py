"""Command line of the suite: `python -m benchmarks layers --backend jax`, and so on; `all` runs everything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.results import FOLDER, Cell, Memory, load, path_of, save

app = typer.Typer(help="How fast is convpad?", no_args_is_help=True, add_completion=False)
errors = Console(stderr=True)

BACKENDS = ("jax", "torch", "tensorflow")
HOSTS = ("jax", "torch")
"""Backends of the hosts whose modules are compared."""

Backend = Annotated[str, typer.Option(help="jax, torch or tensorflow.")]
Output = Annotated[Path, typer.Option(help="The folder to write to.")]
Quick = Annotated[bool, typer.Option("--quick", help="A fifth of the time: noisier figures.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the other figures that are in the folder.")]
Dtype = Annotated[str, typer.Option(help="float32 or bfloat16.")]
Rows = Annotated[list[str] | None, typer.Option("--row", help="Only this row; may be repeated.")]
Modes = Annotated[list[str] | None, typer.Option("--mode", help="Only this mode; may be repeated.")]


OnStep = Callable[[str], None]


def _choose(backend: str) -> None:
    """Choose Keras's backend before Keras is imported, and keep every framework quiet."""
    if backend not in BACKENDS:
        raise typer.BadParameter(f"--backend must be jax, torch or tensorflow. Received: {backend}.")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")


def _among(option: str, selected: Sequence[Any] | None, possible: Sequence[Any]) -> list[Any]:
    """Return the selected values, or all; refuse unknown ones."""
    for one in selected or ():
        if one not in possible:
            raise typer.BadParameter(f"{option} must be one of {', '.join(map(str, possible))}. Received: {one}.")
    return list(selected or possible)


def _line(cell: Cell) -> str:
    """Return one cell for the terminal: every candidate's ratio to the first, and its quartiles."""
    (_, base), *others = cell.figures.items()
    parts = [f"{name} {figure.ratio:.2f} ({figure.low:.2f}-{figure.high:.2f})" for name, figure in others]
    route = cell.route.partition(" on ")[0]
    names = f"{cell.row:<17}{cell.mode:<17}{cell.variant:<24}" if cell.variant else f"{cell.row:<17}{cell.mode:<10}"
    head = f"{names}{cell.step:<9}{base.seconds * 1e3:8.{3 if cell.variant else 2}f} ms  "
    return head + "  ".join([*parts, f"[{route}]"] if route else parts)


def _run(
    command: str,
    backend: str,
    total: int,
    measured: Callable[[OnStep], Iterator[Cell | Memory]],
    output: Path,
    *,
    keep: bool,
    dtype: str = "float32",
    quick: bool = False,
) -> None:
    """Measure with a progress bar, and save after every cell, so that an interruption loses one cell at most."""
    from convpad.core.errors import DisagreementError

    cells: list[Cell | Memory] = []
    path = path_of(command, backend, output, dtype)
    kept = load(path) if keep and path.exists() else None
    quick = quick or (kept is not None and kept.quick)  # some of the figures are
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task(f"starting {backend}", total=total)
        try:
            for one in measured(lambda text: progress.update(task, advance=1, description=escape(text))):
                cells.append(one)
                if isinstance(one, Cell):
                    progress.console.print(_line(one), markup=False, highlight=False, soft_wrap=True)
                save(command, backend, cells, output, kept=kept, dtype=dtype, quick=quick)
        except DisagreementError as error:
            errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(1) from None
    _announce(path)


@app.callback()
def _main() -> None:
    """How fast is convpad, next to zero padding and to what is used instead?"""


@app.command()
def layers(
    backend: Backend,
    row: Rows = None,
    mode: Modes = None,
    quick: Quick = False,
    dtype: Dtype = "float32",
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """Layers of real networks in every mode, forward and with gradient."""
    _choose(backend)
    from benchmarks.layers import measure
    from benchmarks.rows import MODES, ROWS, row_named
    from convpad.benchmark.timing import Budget

    rows = [row_named(name) for name in _among("--row", row, [row.name for row in ROWS])]
    modes = _among("--mode", mode, MODES)
    budget = Budget(seconds=0.3, min_rounds=3, patience=2) if quick else Budget()
    measured = partial(measure, backend, rows, modes, dtype=dtype, budget=budget)
    total = len(rows) * len(modes)
    _run("layers", backend, total, _with_progress(measured), output, keep=keep, dtype=dtype, quick=quick)


def _with_progress(measured: Callable[..., Iterator[Any]]) -> Callable[[OnStep], Iterator[Any]]:
    return lambda on_step: measured(on_step=on_step)


@app.command()
def models(
    backend: Backend,
    network: Annotated[list[str] | None, typer.Option(help="Only this network; may be repeated.")] = None,
    quick: Quick = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """Whole networks: a forward pass and a training step."""
    _choose(backend)
    from benchmarks.models import BUDGET, measure
    from benchmarks.networks import NETWORKS
    from convpad.benchmark.timing import Budget

    networks = _among("--network", network, list(NETWORKS))
    budget = Budget(seconds=1, min_rounds=3, patience=8) if quick else BUDGET
    measured = partial(measure, backend, networks, budget=budget)
    _run("models", backend, len(networks), _with_progress(measured), output, keep=keep, quick=quick)


@app.command()
def scale(
    backend: Backend,
    edge: Annotated[list[int] | None, typer.Option(help="Only this size; may be repeated.")] = None,
    mode: Modes = None,
    quick: Quick = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """The overhead over the limit on inputs of 128 to 2048 squared."""
    _choose(backend)
    from benchmarks.scale import BUDGET, EDGES, MODES, measure
    from convpad.benchmark.timing import Budget

    edges, modes = _among("--edge", edge, EDGES), _among("--mode", mode, MODES)
    budget = Budget(seconds=0.3, min_rounds=3, patience=3) if quick else BUDGET
    measured = partial(measure, backend, edges, modes, budget=budget)
    _run("scale", backend, len(edges) * len(modes), _with_progress(measured), output, keep=keep, quick=quick)


@app.command()
def memory(
    backend: Backend,
    row: Rows = None,
    mode: Modes = None,
    dtype: Dtype = "float32",
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """The memory that a layer needs beside its input."""
    # With oneDNN, TensorFlow's allocator keeps what it once had and tells nobody.
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    _choose(backend)
    from benchmarks.memory import measure
    from benchmarks.rows import MODES, ROWS, row_named

    rows = [row_named(name) for name in _among("--row", row, [row.name for row in ROWS])]
    modes = _among("--mode", mode, MODES)
    measured = partial(measure, backend, rows, modes, dtype=dtype)
    _run("memory", backend, len(rows) * len(modes), _with_progress(measured), output, keep=keep, dtype=dtype)


@app.command()
def modules(
    backend: Annotated[str, typer.Option(help="torch, or jax: Flax and Equinox.")],
    row: Rows = None,
    mode: Modes = None,
    quick: Quick = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """Modules next to PyTorch's, Flax's and Equinox's own, and to what their users write for a padding."""
    if backend not in HOSTS:
        raise typer.BadParameter(f"--backend must be {' or '.join(HOSTS)}. Received: {backend}.")
    _choose(backend)
    from benchmarks.modules import BUDGET, measure
    from benchmarks.modules.rows import MODES, ROWS
    from convpad.benchmark.timing import Budget

    chosen = _among("--row", row, [one.name for one in ROWS[backend]])
    rows = [one for one in ROWS[backend] if one.name in chosen]
    modes = [one for one in MODES if one in _among("--mode", mode, MODES)]
    budget = Budget(seconds=0.2, min_rounds=3, patience=2) if quick else BUDGET
    measured = partial(measure, backend, rows, modes, budget=budget)
    total = sum(one in each.modes for each in rows for one in modes)
    _run("modules", backend, total, _with_progress(measured), output, keep=keep, quick=quick)


@app.command()
def report(output: Output = FOLDER) -> None:
    """The tables and the charts, from the figures that are in the folder."""
    from benchmarks.chart import draw
    from benchmarks.report import write

    for path in [*write(output), *draw(output)]:
        _announce(path)


@app.command(name="all")
def everything(
    backend: Annotated[list[str] | None, typer.Option(help="Only this backend; may be repeated.")] = None,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Every command on every backend, each in a process of its own; then the report. Takes an hour or two."""
    for name in backend or BACKENDS:
        for command in ("layers", "scale", "memory", "models", *(["modules"] if name in HOSTS else [])):
            errors.print(f"{command} on {name}", style="bold")
            arguments = [command, "--backend", name, "--output", str(output)]
            hurry = ["--quick"] if quick and command != "memory" else []
            done = subprocess.run([sys.executable, "-m", "benchmarks", *arguments, *hurry], check=False)
            if done.returncode:
                raise typer.Exit(done.returncode)
    report(output)


def _announce(path: Path) -> None:
    errors.print(f"Wrote {path.name}", markup=False, highlight=False)


if __name__ == "__main__":
    app()
