"""Output of commands: results as JSON or tables, and a bar of progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import Any

import typer

from convpad.display.result import Result
from convpad.display.text import to_text

__all__ = ["Bar", "progress", "show"]


def show(result: Any, *, json: bool) -> None:
    """Print a result as JSON, or as a table: in a terminal within its width, else one line for each row."""
    if json:
        typer.echo(result.to_json())
    elif type(result).__str__ is not Result.__str__:  # its text is no table
        typer.echo(str(result))
    elif sys.stdout.isatty():
        coloured = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        typer.echo(to_text(result.to_table(), get_terminal_size().columns, colour=coloured))
    else:
        typer.echo(to_text(result.to_table(), None))


class Bar:
    """A bar of progress, drawn by Rich's `Progress`, with the description of the first step and the number of steps."""

    def __init__(self, progress: Any, description: str, total: float) -> None:
        self._progress = progress
        self._task = progress.add_task(description, total=total)

    def step(self, description: str, done: float | None = None) -> None:
        """Show the next step, after `done` steps; by default after one step more."""
        count = {"advance": 1} if done is None else {"completed": done}
        self._progress.update(self._task, description=description, **count)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the bar while the block prints."""
        self._progress.stop()
        yield
        self._progress.start()


@contextmanager
def progress(description: str, total: float) -> Iterator[Bar]:
    """Show a bar of progress on the standard error while the block runs; without a terminal, nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Bar(bar, description, total)
