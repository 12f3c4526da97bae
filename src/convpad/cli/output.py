"""How does a command print what it found? As JSON, or as a table: in the terminal's width, or as wide as it is."""

from __future__ import annotations

import sys
from typing import Any

import typer

__all__ = ["show"]


def show(found: Any, *, json: bool) -> None:
    """Prints what was found: as JSON, or as a table."""
    if json:
        typer.echo(found.json())
        return
    if not sys.stdout.isatty():
        typer.echo(str(found))
        return
    from rich.console import Console

    Console().print(found, highlight=False)
