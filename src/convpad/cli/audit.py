"""What does `convpad audit` do? It reads a model's file and prints what every window of it pads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convpad.cli.files import refuse_to_write, write
from convpad.cli.parsing import numbers
from convpad.core.errors import PaddingError

__all__ = ["audit"]


def audit(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A file that ends in .keras, .h5, .pt2 or .onnx.")],
    input_shape: Annotated[
        str | None, typer.Option(help="Of the input where the model leaves it open: 1x224x224x3, its batch first.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page into this HTML file, too.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the HTML file if it exists.")] = False,
) -> None:
    """Every padded window of a model, and what comes of it.

    Prints how much each layer pads and with what, whether it is used evenly,
    what layers that only pad copy, and where another framework's habit gives
    the same sizes and other values. Nothing in the file is run.

    Example: convpad audit model.keras --html audit.html

    Exit status: 0 fine, 2 the file cannot be read, or the page not written.
    """
    from convpad.models.audit import audit as audited

    try:
        if html is not None:
            refuse_to_write("--html", html, force=force)
        found = audited(model, input_shape=None if input_shape is None else numbers("--input-shape", input_shape))
        if html is not None:
            write(html, found.to_html())
    except PaddingError as error:
        typer.echo(f"convpad audit: {error}", err=True)
        raise typer.Exit(2) from None
    from convpad.cli.output import show

    show(found, json=json)
