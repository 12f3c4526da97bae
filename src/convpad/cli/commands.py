"""The group of the commands, which prints errors on one line."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import convpad
from convpad.cli.audit import audit
from convpad.cli.bench import bench
from convpad.cli.compare import compare
from convpad.cli.demo import demo
from convpad.cli.explain import explain
from convpad.cli.fold import fold
from convpad.cli.repad import repad
from convpad.cli.solve import solve
from convpad.cli.wording import in_options
from convpad.core.errors import ConvpadError, DisagreementError, PaddingError


class _Commands(TyperGroup):
    """The commands. Each refusal, Typer's or convpad's, is one line on the standard error, with exit status 2."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command and, in standalone mode, end the process with its exit status."""
        if not standalone_mode:
            return super().main(args, *rest, standalone_mode=False, **options)
        words = sys.argv[1:] if args is None else list(args)
        name = next((word for word in words[:1] if word in self.commands), "")
        command = f"convpad {name}".rstrip()
        try:
            status = super().main(words, *rest, standalone_mode=False, **options)
        except typer.Abort:
            status = 1
        except ConvpadError as error:
            message = str(error)
            if isinstance(error, PaddingError):
                spellings = [spelling for parameter in self.commands[name].params for spelling in parameter.opts]
                message = in_options(message, name, spellings)
            typer.echo(f"{command}: {message}", err=True)
            status = 1 if isinstance(error, DisagreementError) else 2
        except OSError as error:
            if error.filename is not None:
                raise
            # The standard output is full, or nobody reads it any more. What is left of it must not be tried again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                typer.echo(f"{command}: The standard output cannot be written: {error.strerror}.", err=True)
            status = 2
        except Exception as error:
            # Typer gives them no public name: they are its own in newer versions, Click's in older ones.
            format_message, status = getattr(error, "format_message", None), getattr(error, "exit_code", None)
            if format_message is None or status is None:
                raise
            message = str(format_message())
            if words:
                message = f"{command}: {' '.join(message.split()).rstrip('.')}. Try: {command} --help"
            typer.echo(message, err=True)
        sys.exit(status if isinstance(status, int) else 0)


# Plain help: the decorated one takes longer to start than `explain` and `solve` to run.
app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _version(requested: bool) -> None:
    if requested:
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
