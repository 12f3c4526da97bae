"""`convpad solve`: the paddings that explain two sizes, or a table of them."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

import convpad
from convpad.cli.options import COMPLETE_PADDING, Json, choices
from convpad.cli.output import show, terminal
from convpad.core.errors import ModelFileError, PaddingError
from convpad.core.operation import POOLS
from convpad.core.texts import numbers, padding
from convpad.frameworks import NAMES as FRAMEWORKS

LONGEST = 1_000_000
"""Bytes of the longest table."""


def solve(
    input: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="The input: 224 is a square (see --rank), 224x320 has two sizes."),
    ] = None,
    output: Annotated[str | None, typer.Argument(metavar="OUTPUT", help="The output, likewise.")] = None,
    kernel: Annotated[str | None, typer.Option(help="The window: 7, or 7x5.")] = None,
    stride: Annotated[str | None, typer.Option(help="2, or 2x1.")] = None,
    dilation: Annotated[str | None, typer.Option(help="2, or 2x1.")] = None,
    pad: Annotated[
        str | None,
        typer.Option(
            "--padding",
            help="valid, same, same_lower, half, full, causal; 1; 1,2x0,3.",
            autocompletion=COMPLETE_PADDING,
        ),
    ] = None,
    op: Annotated[
        str,
        typer.Option(
            help="conv, conv_transpose, max_pool or average_pool.",
            autocompletion=choices("conv", "conv_transpose", *POOLS),
        ),
    ] = "conv",
    rounding: Annotated[
        str | None, typer.Option(help="How pools round: floor or ceil.", autocompletion=choices("floor", "ceil"))
    ] = None,
    framework: Annotated[
        str | None,
        typer.Option(
            help="Only what this framework can say itself: keras, tensorflow, torch, onnx, caffe, theano or flax.",
            autocompletion=choices(*FRAMEWORKS),
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            help="Axes, where a size is one number: 1, 2 or 3; without it 2.", autocompletion=choices("1", "2", "3")
        ),
    ] = None,
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

    Exit status: 0 fine, 1 impossible (of a table: one of its rows), 2 an
    argument or the table makes no sense.
    """
    if table is not None:
        layer = (input, output, kernel, stride, dilation, pad, rounding)
        if any(text is not None for text in layer) or op != "conv":
            raise PaddingError("--table goes with --framework, --rank and --json alone: its rows say the rest.")
        text = _read(table)
        chain = convpad.solve_chain(text, rank=2 if rank is None else rank, framework=framework)
        show(chain, json=json)
        raise typer.Exit(0 if all(layer.possible for layer in chain) else 1)
    if input is None or output is None:
        raise PaddingError("Give two sizes, as in: convpad solve 224 112. Or --table FILE.")
    solutions = convpad.solve(
        numbers("INPUT", input),
        numbers("OUTPUT", output),
        kernel_size=numbers("--kernel", kernel),
        strides=numbers("--stride", stride),
        dilation_rate=numbers("--dilation", dilation),
        padding=padding("--padding", pad),
        op=op,
        rounding=rounding,
        framework=framework,
        rank=rank,
    )
    if everything and not json:
        width, colour = terminal()
        typer.echo(solutions.to_text(width, colour=colour, limit=None))
    else:
        show(solutions, json=json)
    raise typer.Exit(0 if solutions else 1)


def _read(name: str) -> str:
    """Return the text of a file, or of standard input."""
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            content = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(content) > LONGEST:
        raise ModelFileError(f"`--table` must be a table of at most {LONGEST} bytes. Received: {name!r}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ModelFileError(f"`--table` must be text in UTF-8. Received: {name!r}.") from None
