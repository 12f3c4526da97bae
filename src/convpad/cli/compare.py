"""What does `convpad compare` do? It reads two models' files and prints where they pad differently."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convpad.cli.files import refuse_to_write, write
from convpad.cli.parsing import numbers
from convpad.core.errors import PaddingError

__all__ = ["compare"]


def compare(
    first: Annotated[str, typer.Argument(metavar="FIRST", help="A file that ends in .keras, .h5, .pt2 or .onnx.")],
    second: Annotated[str, typer.Argument(metavar="SECOND", help="Another, of any of these kinds.")],
    input_shape_first: Annotated[
        str | None, typer.Option(help="Of the first's input where it leaves it open: 1x224x224x3.")
    ] = None,
    input_shape_second: Annotated[str | None, typer.Option(help="Of the second's.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page into this HTML file, too.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the HTML file if it exists.")] = False,
) -> None:
    """Where two models pad differently, and what makes them agree.

    Their windows are aligned by order, kernel, stride and channels. For each
    pair that pads differently it prints by how much, and the padding= that
    makes the second agree with the first. Nothing in the files is run.

    Example: convpad compare resnet50.keras resnet50.onnx

    Exit status: 0 no difference, 1 differences, 2 a file cannot be read.
    """
    from convpad.models.compare import compare as compared

    try:
        if html is not None:
            refuse_to_write("--html", html, force=force)
        found = compared(
            first,
            second,
            input_shape_a=None if input_shape_first is None else numbers("--input-shape-first", input_shape_first),
            input_shape_b=None if input_shape_second is None else numbers("--input-shape-second", input_shape_second),
        )
        if html is not None:
            write(html, found.to_html())
    except PaddingError as error:
        typer.echo(f"convpad compare: {error}", err=True)
        raise typer.Exit(2) from None
    from convpad.cli.output import show

    show(found, json=json)
    if not found.agree:
        raise typer.Exit(1)
