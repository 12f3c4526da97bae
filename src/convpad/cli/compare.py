"""`convpad compare`: the different paddings of two models' files."""

from __future__ import annotations

from typing import Annotated

import typer

import convpad
from convpad.cli.options import MODEL_HELP, Force, Html, Json
from convpad.cli.output import reading, refuse_to_write, say_written, show, write
from convpad.core.texts import numbers
from convpad.display.html import to_html


def compare(
    first: Annotated[str, typer.Argument(metavar="FIRST", help=MODEL_HELP)],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another file, of any of these kinds.")],
    input_shape_first: Annotated[
        str | None, typer.Option(help="Shape of the first model's input where it is open: 1x224x224x3.")
    ] = None,
    input_shape_second: Annotated[str | None, typer.Option(help="Shape of the second model's input.")] = None,
    json: Json = False,
    html: Html = None,
    force: Force = False,
) -> None:
    """Where two models pad differently, and what makes them agree.

    Their windows are aligned by order, kernel, stride and channels. For each
    pair that pads differently it prints by how much, and the padding= that
    makes the second agree with the first. Nothing in the files is run.

    Example: convpad compare resnet50.keras resnet50.onnx

    Exit status: 0 no difference, 1 differences, 2 a file cannot be read.
    """
    refuse_to_write("--html", html, force=force)
    shape_first = numbers("--input-shape-first", input_shape_first)
    shape_second = numbers("--input-shape-second", input_shape_second)
    with reading(first, second):
        result = convpad.compare(first, second, input_shape_a=shape_first, input_shape_b=shape_second)
    table = result.to_table(arguments=("--input-shape-first ", "--input-shape-second "))
    write(html, lambda: to_html(table))
    show(result, table, json=json)
    say_written(html, "this table as a page", json=json)
    if not result.agree:
        raise typer.Exit(1)
