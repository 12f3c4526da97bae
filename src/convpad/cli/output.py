"""Output of commands: results as JSON or tables, a bar of progress, and files, whole or not at all."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import get_terminal_size
from tempfile import TemporaryDirectory
from typing import Any

import typer

from convpad.core.errors import ConvpadError, ModelFileError
from convpad.display.result import Result
from convpad.display.table import Table
from convpad.display.text import to_text
from convpad.models.readers import line_of

_LARGE = 20_000_000
"""Bytes of a file from which on reading it may take seconds; of a .pt2 file it takes the import of PyTorch."""


def show(result: Result, table: Table | None = None, *, json: bool) -> None:
    """Print a result as JSON, or as text; a table takes the place of the result's own."""
    width, colour = terminal()
    if json:
        typer.echo(result.to_json())
    elif table is not None:
        typer.echo(to_text(table, width, colour=colour))
    else:
        typer.echo(result.to_text(width, colour=colour))


def terminal() -> tuple[int | None, bool]:
    """Return the width of the standard output, None for no limit, and whether it shows colours.

    A pipe gets one line for each row, and no colours; where COLUMNS is set, lines of that width.
    """
    is_terminal = sys.stdout.isatty()
    columns = get_terminal_size().columns if is_terminal or os.environ.get("COLUMNS") else None
    return columns, is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say_written(path: Path | None, content: str, *, json: bool) -> None:
    """Say on one line what was written where, beside JSON on the standard error; nothing without a path."""
    if path is not None:
        typer.echo(f"\nWrote {path}: {content}." if not json else f"Wrote {path}: {content}.", err=json)


@contextmanager
def reading(*models: str) -> Iterator[None]:
    """Show on the standard error that files are read while the block runs, if any of them may take its time."""
    paths = [Path(model) for model in models]
    if not any(path.suffix == ".pt2" or (path.is_file() and path.stat().st_size > _LARGE) for path in paths):
        yield
        return
    with progress(f"reading {' and '.join(path.name for path in paths)}", total=None):
        yield


@contextmanager
def progress(description: str, total: float | None) -> Iterator[tuple[Any, Callable[..., None]]]:
    """Show a bar of progress on the standard error while the block runs; without a terminal, nothing.

    Without a total, the bar says that there is something going on.
    Yield Rich's `Progress`, and `step(description, done)`, which shows the next of `total` steps: after `done` steps,
    by default after one step more.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    def step(description: str, done: float | None = None) -> None:
        bar.update(task, description=description, completed=done, advance=1 if done is None else None)

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield bar, step


def refuse_to_write(option: str, path: Path | None, *, force: bool) -> None:
    """Refuse, before any work is done, the file of an option that must not or cannot be written."""
    if path is None:
        return
    if path.is_dir():
        raise ModelFileError(f"{option} must be a file. Received: the folder {path}.")
    if path.exists() and not force:
        raise ModelFileError(f"{path} exists. Add --force to replace it, or name another file with {option}.")
    if not path.absolute().parent.is_dir():
        raise ModelFileError(f"There is no folder {path.absolute().parent} to write {path.name} into.")


def write(path: Path | None, text: Callable[[], str]) -> None:
    """Write the text that a function returns into a file; nothing without a path."""
    if path is None:
        return
    content = text()
    with whole_file(path) as part:
        part.write_text(content, encoding="utf-8")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` once the file is complete."""
    with one_line(f"{path} cannot be written"), TemporaryDirectory(dir=path.absolute().parent) as folder:
        part = Path(folder) / path.name
        yield part
        part.replace(path)


@contextmanager
def one_line(failure: str) -> Iterator[None]:
    """Turn every error of a block into a `ModelFileError` of one line, after `failure`; show no warnings."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except ConvpadError as error:
        raise ModelFileError(str(error)) from None
    except OSError as error:
        raise ModelFileError(f"{failure}: {error.strerror or line_of(error)}.") from None
    except Exception as error:
        raise ModelFileError(f"{failure}: {line_of(error)}.") from None
