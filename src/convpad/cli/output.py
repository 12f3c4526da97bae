"""Output of commands: a result as JSON or as a table, in the terminal's width and colours."""

from __future__ import annotations

import os
import sys
from shutil import get_terminal_size
from typing import Any

import typer

from convpad.display.result import Result
from convpad.display.text import to_text

__all__ = ["show"]


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
