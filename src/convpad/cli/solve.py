"""`convpad solve`: read two sizes, or a table of them, and print the paddings that explain them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import convpad
from convpad.cli.options import Json
from convpad.cli.output import show
from convpad.cli.parsing import numbers, padding
from convpad.core.errors import PaddingError, refuse

__all__ = ["solve"]

LONGEST = 1_000_000
"""Bytes of the longest table."""


def solve(
    input: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="What goes in: 224 is a square (see --rank), 224x320 says each axis."),
    ] = None,
    output: Annotated[str | None, typer.Argument(metavar="OUTPUT", help="What comes out.")] = None,
    kernel: Annotated[str | None, typer.Option(help="The window: 7, or 7x5.")] = None,
    stride: Annotated[str | None, typer.Option(help="2, or 2x1.")] = None,
    dilation: Annotated[str | None, typer.Option(help="2, or 2x1.")] = None,
    pad: Annotated[
        str | None, typer.Option("--padding", help="valid, same, same_lower, half, full, causal; 1; 1,2x0,3.")
    ] = None,
    op: Annotated[str, typer.Option(help="conv, conv_transpose, max_pool or average_pool.")] = "conv",
    rounding: Annotated[str | None, typer.Option(help="Of pools: floor or ceil.")] = None,
    framework: Annotated[
        str | None,
        typer.Option(help="Only what it can say itself: keras, tensorflow, torch, onnx, caffe, theano or flax."),
    ] = None,
    rank: Annotated[int | None, typer.Option(help="Axes, where a size is one number: 1, 2 or 3; without it 2.")] = None,
    table: Annotated[str | None, typer.Option(help="A file with a table of sizes, or - for standard input.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Print every solution, not the likeliest alone.")] = False,
    json: Json = False,
) -> None:
    """Every padding that explains two sizes, the likeliest first.

    What is not given is searched: kernels up to 11, strides and dilations
    up to 4. A table has a line of headings (name, op, size, kernel, stride,
    dilation, padding) and a line for each layer, in columns or CSV; what is
    not known is empty, - or ?.

    Example: convpad solve 224 112 --kernel 7 --stride 2

    Example: convpad solve --table alexnet.csv

    Exit status: 0 fine, 2 an argument or the table makes no sense.
    """
    if table is not None:
        layer = (input, output, kernel, stride, dilation, pad, rounding)
        if any(text is not None for text in layer) or op != "conv":
            raise PaddingError("--table goes with --framework, --rank and --json alone: its rows say the rest.")
        chain = convpad.solve_chain(_read(table), rank=2 if rank is None else rank, framework=framework)
        show(chain, json=json)
        return
    if input is None or output is None:
        raise PaddingError("Give two sizes, as in: convpad solve 224 112. Or --table FILE.")
    solutions = convpad.solve(
        numbers("INPUT", input),
        numbers("OUTPUT", output),
        kernel=numbers("--kernel", kernel),
        strides=numbers("--stride", stride),
        dilation_rate=numbers("--dilation", dilation),
        padding=padding("--padding", pad),
        op=op,
        rounding=rounding,
        framework=framework,
        rank=rank,
    )
    if everything and not json:
        typer.echo(solutions.to_text(None))
    else:
        show(solutions, json=json)


def _read(name: str) -> str:
    """Return the text of a file, or of standard input."""
    try:
        if name == "-":
            text = sys.stdin.buffer.read(LONGEST + 1)
        else:
            with Path(name).open("rb") as file:
                text = file.read(LONGEST + 1)
        if len(text) > LONGEST:
            raise refuse("--table", f"be a table of at most {LONGEST} bytes", name)
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("--table", "be text in UTF-8", name) from None
    except (OSError, ValueError) as error:
        if isinstance(error, PaddingError):
            raise
        raise PaddingError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
