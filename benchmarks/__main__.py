"""Command line of the suite: `python -m benchmarks layers --backend jax`, and so on; `all` runs everything."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.results import FOLDER, Cell, Measured, load, path_of, save
from benchmarks.turns import BLOCK

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


def _rows(selected: Sequence[str] | None) -> list[Any]:
    """Return the selected rows, or all; refuse unknown ones."""
    from benchmarks.rows import ROWS, row_named

    return [row_named(name) for name in _among("--row", selected, [row.name for row in ROWS])]


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
    measured: Callable[[OnStep], Iterator[Measured]],
    output: Path,
    *,
    keep: bool,
    dtype: str = "float32",
    quick: bool = False,
    setting: str = "",
) -> None:
    """Measure with a progress bar, and save after every cell, so that an interruption loses one cell at most."""
    from convpad.core.errors import DisagreementError

    cells: list[Measured] = []
    path = path_of(command, backend, output, dtype, setting)
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
                save(command, backend, cells, output, kept=kept, dtype=dtype, quick=quick, setting=setting)
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
    compiled: Annotated[bool, typer.Option("--compiled", help="PyTorch's under torch.compile.")] = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """Layers of real networks in every mode, forward and with gradient."""
    if compiled and backend != "torch":
        raise typer.BadParameter("--compiled goes with --backend torch.")
    _choose(backend)
    from benchmarks.layers import measure
    from benchmarks.rows import MODES
    from convpad.benchmark.timing import Budget

    rows = _rows(row)
    modes = _among("--mode", mode, MODES)
    budget = Budget(seconds=0.3, min_rounds=3, patience=2) if quick else Budget()
    measured = _with_progress(partial(measure, backend, rows, modes, dtype=dtype, budget=budget, compiled=compiled))
    total, setting = len(rows) * len(modes), "compiled" if compiled else ""
    _run("layers", backend, total, measured, output, keep=keep, dtype=dtype, quick=quick, setting=setting)


def _with_progress(measured: Callable[..., Iterator[Any]]) -> Callable[[OnStep], Iterator[Any]]:
    return lambda on_step: measured(on_step=on_step)


@app.command()
def across(
    row: Rows = None,
    mode: Modes = None,
    quick: Quick = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """The same layers on JAX, PyTorch and TensorFlow, a process for each: JAX next to the fastest of the others."""
    _choose("jax")
    from benchmarks.across import BUDGET, MODES, OURS, measure
    from benchmarks.rows import MODES as EVERY_MODE
    from convpad.benchmark.timing import Budget

    rows = _rows(row)
    modes = _among("--mode", mode, EVERY_MODE) if mode else MODES
    budget = Budget(seconds=0.3, min_rounds=3, max_rounds=20, patience=2) if quick else BUDGET
    measured = _with_progress(partial(measure, rows, modes, budget=budget))
    _run("across", OURS, len(rows) * len(modes), measured, output, keep=keep, quick=quick)


@app.command()
def across_networks(
    network: Annotated[list[str] | None, typer.Option(help="Only this network; may be repeated.")] = None,
    quick: Quick = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """Whole networks through convpad on JAX, next to stock Keras on JAX, PyTorch and TensorFlow."""
    _choose("jax")
    from benchmarks.across_networks import BUDGET, NETWORKS, OURS, measure
    from convpad.benchmark.timing import Budget

    networks = _among("--network", network, NETWORKS)
    budget = Budget(seconds=1, min_rounds=3, patience=8) if quick else BUDGET
    measured = _with_progress(partial(measure, networks, budget=budget))
    _run("across-networks", OURS, len(networks), measured, output, keep=keep, quick=quick)


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
def startup(
    backend: Backend,
    turns: Annotated[int | None, typer.Option(min=1, help="Fresh processes of each network.")] = None,
    quick: Quick = False,
    keep: Keep = False,
    output: Output = FOLDER,
) -> None:
    """Import, build, first forward pass, first step of training, and its memory: MobileNetV2 and its repadded twins."""
    _choose(backend)
    from benchmarks.startup import MEMORY_TURNS, TURNS, measure

    turns, memory_turns = turns or (2 if quick else TURNS), MEMORY_TURNS
    measured = _with_progress(partial(measure, backend, turns=turns, memory_turns=memory_turns))
    _run("startup", backend, turns + memory_turns, measured, output, keep=keep, quick=quick)


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
    from benchmarks.rows import MODES

    rows = _rows(row)
    modes = _among("--mode", mode, MODES)
    measured = partial(measure, backend, rows, modes, dtype=dtype)
    _run("memory", backend, len(rows) * len(modes), _with_progress(measured), output, keep=keep, dtype=dtype)


@app.command()
def remake(backend: Annotated[str, typer.Option(help="torch.")]) -> None:
    """PyTorch's gradients whose padded tensor is made again, next to those that keep it: a line for each shape."""
    if backend != "torch":
        raise typer.BadParameter(f"--backend must be torch. Received: {backend}.")
    _choose(backend)
    from benchmarks.remake import measure

    for shape, milliseconds, ratio, noise in measure():
        line = f"{shape.products:5} products, {shape.padded_bytes / 2**20:4.1f} MiB: {milliseconds:6.1f} ms kept"
        typer.echo(f"{line}, made again {ratio:.3f}, kept once more {noise:.3f}")


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
def gpu(
    backend: Annotated[str, typer.Option(help="torch or jax.")],
    output: Annotated[Path, typer.Option(help="The folder to write to.")],
    device: Annotated[str, typer.Option(help="cuda; cpu to try it.")] = "cuda",
    seconds: Annotated[float, typer.Option(min=0, help="After which no further cell begins.")] = 240,
    tiny: Annotated[
        bool, typer.Option("--tiny", help="On inputs that a CPU tries in a moment; nothing is measured.")
    ] = False,
    row: Rows = None,
    mode: Modes = None,
    way: Annotated[list[str] | None, typer.Option(help="Only eager, compiled or jit; may be repeated.")] = None,
) -> None:
    """Layers on a GPU: the most telling cells first, until the time is over. `benchmarks/gpu.sh` runs both backends."""
    if backend not in HOSTS or device not in ("cuda", "cpu"):
        raise typer.BadParameter(f"--backend must be {' or '.join(HOSTS)}, --device cuda or cpu.")
    begin = monotonic()
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    if device == "cpu":
        os.environ.update(CUDA_VISIBLE_DEVICES="", JAX_PLATFORMS="cpu")
    from benchmarks.gpu import BUDGET, Run, host_of, tasks
    from benchmarks.gpu.files import Files
    from benchmarks.report import write
    from convpad.benchmark.timing import Budget

    every = tasks(backend, tiny=tiny)
    names = _among("--row", row, list(dict.fromkeys(task.row.name for task in every)))
    modes = _among("--mode", mode, list(dict.fromkeys(task.mode for task in every)))
    ways = _among("--way", way, ["eager", "compiled", "jit"])
    chosen = [task for task in every if task.row.name in names and task.mode in modes and task.way in ways]
    budget = Budget(seconds=0, min_rounds=2, max_rounds=2) if tiny else BUDGET
    run = Run(backend, device, begin + seconds, budget, 0.0 if tiny else BLOCK, [])
    files = Files(backend, device, host_of(backend).device_name(device), output, quick=tiny)
    for dtype, one in run.measure(chosen, lambda text: errors.print(text, markup=False, highlight=False)):
        files.add(dtype, one)
        if isinstance(one, Cell):
            errors.print(_line(one), markup=False, highlight=False, soft_wrap=True)
    files.end(run.unreached)
    for path in write(output):
        _announce(path)


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
    """Every command on every backend, each in a process of its own; then the report. Takes some hours."""
    commands = [
        [command, "--backend", name]
        for name in backend or BACKENDS
        for command in ("layers", "scale", "memory", "models", "startup", *(["modules"] if name in HOSTS else []))
    ]
    if "torch" in (backend or BACKENDS):
        commands.append(["layers", "--backend", "torch", "--compiled"])
    for arguments in [*commands, *([] if backend else [["across"], ["across-networks"]])]:
        errors.print(" ".join(arguments), style="bold")
        hurry = ["--quick"] if quick and arguments[0] != "memory" else []
        command = [sys.executable, "-m", "benchmarks", *arguments, "--output", str(output), *hurry]
        done = subprocess.run(command, check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)
    report(output)


def _announce(path: Path) -> None:
    errors.print(f"Wrote {path.name}", markup=False, highlight=False)


if __name__ == "__main__":
    app()
