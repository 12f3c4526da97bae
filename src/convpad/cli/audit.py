"""`convpad audit`: the padding of each window of a model's file."""

from __future__ import annotations

from typing import Annotated

import typer

import convpad
from convpad.cli.options import MODEL_HELP, Force, Html, Json
from convpad.cli.output import reading, refuse_to_write, say_written, show, write
from convpad.core.texts import numbers
from convpad.display.html import to_html


def audit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP)],
    input_shape: Annotated[
        str | None, typer.Option(help="Shape of the input where the model leaves it open: 1x224x224x3, batch first.")
    ] = None,
    json: Json = False,
    html: Html = None,
    force: Force = False,
) -> None:
    """Every padded window of a model, and what the padding does.

    Prints how much each layer pads and with what, whether the padding is used
    evenly, how much layers that only pad copy, and where the default of another
    framework gives the same sizes and different values. Nothing in the file is
    run.

    Example: convpad audit model.keras --html audit.html

    Exit status: 0 fine, 2 the file cannot be read, or the page not written.
    """
    refuse_to_write("--html", html, force=force)
    shape = numbers("--input-shape", input_shape)
    with reading(model):
        result = convpad.audit(model, input_shape=shape)
    table = result.to_table(argument="--input-shape ")
    write(html, lambda: to_html(table))
    show(result, table, json=json)
    say_written(html, "this table as a page", json=json)
