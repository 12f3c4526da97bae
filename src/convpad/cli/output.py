"""Output of commands: results as JSON or tables, errors on one line, a bar of progress."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from shutil import get_terminal_size
from typing import Any

import typer

from convpad.core.errors import ConvpadError
from convpad.display.result import Result
from convpad.display.text import to_text

__all__ = ["Bar", "one_line_errors", "progress", "show"]


def one_line_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command: a refusal becomes one line on the standard error, and exit status 2."""

    @wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except ConvpadError as error:
            typer.echo(f"convpad {command.__name__}: {error}", err=True)
            raise typer.Exit(2) from None

    return run


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
    """A bar of progress on the standard error; without rich, or without a terminal, nothing is shown.

    Args:
        bar: Rich's `Progress`; None without rich.
        description: the first step.
        total: the number of steps.
    """

    def __init__(self, bar: Any, description: str, total: float) -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task(description, total=total)

    def step(self, description: str, done: float | None = None) -> None:
        """Show the next step, after `done` steps; by default after one step more."""
        if self._bar is not None:
            from rich.markup import escape

            moved = {"advance": 1} if done is None else {"completed": done}
            self._bar.update(self._task, description=escape(description), **moved)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the bar while something is printed."""
        if self._bar is not None:
            self._bar.stop()
        yield
        if self._bar is not None:
            self._bar.start()


@contextmanager
def progress(description: str, total: float) -> Iterator[Bar]:
    """Show a bar of progress while the block runs."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ModuleNotFoundError:
        yield Bar(None, description, total)
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Bar(bar, description, total)
