"""What can be asked from a terminal? Each command, in its own file, parses, calls one function, and prints.

Nothing else in convpad prints. Starting it imports no framework, nor what a command only needs once it runs.
"""

from __future__ import annotations

from typing import Annotated

import typer

import convpad
from convpad.cli.audit import audit
from convpad.cli.bench import bench
from convpad.cli.compare import compare
from convpad.cli.demo import demo
from convpad.cli.explain import explain
from convpad.cli.fold import fold
from convpad.cli.repad import repad
from convpad.cli.solve import solve

__all__ = ["app"]

# Plain help: the decorated one takes longer to start than `explain` and `solve` to run.
app = typer.Typer(no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"convpad {convpad.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Any padding, in any convolution, on any backend."""


for command in (demo, explain, solve, audit, compare, repad, fold, bench):
    app.command()(command)
