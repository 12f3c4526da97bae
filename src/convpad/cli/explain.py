"""What does `convpad explain` do? It reads a window from the command line and prints what is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convpad.cli.files import refuse_to_write, write
from convpad.cli.parsing import modes, numbers, padding
from convpad.core.errors import PaddingError

__all__ = ["explain"]


def explain(
    size: Annotated[str, typer.Argument(metavar="SIZE", help="The input: 224 is one axis, 224x320 two.")],
    kernel: Annotated[str, typer.Option(help="The window: 7, or 7x5.")],
    stride: Annotated[str | None, typer.Option(help="2, or 2x1; without it 1, or of a pool its size.")] = None,
    dilation: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    pad: Annotated[
        str,
        typer.Option(
            "--padding",
            help="How much: valid, same, same_lower, half, full, causal; 1; 1x2 for each axis; 1,2x0,3 for each side.",
        ),
    ] = "valid",
    mode: Annotated[
        str | None, typer.Option(help="With what: zeros, reflect, circular, ..., a number; or circular,reflect.")
    ] = None,
    op: Annotated[
        str, typer.Option(help="conv, depthwise_conv, separable_conv, conv_transpose, max_pool or average_pool.")
    ] = "conv",
    output_padding: Annotated[str | None, typer.Option(help="Of a conv_transpose.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the window into this SVG file.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the SVG if it exists.")] = False,
) -> None:
    """What one padding comes to, and what other frameworks call it.

    Prints the amounts, the output's size, what no window reads, and the code
    for Keras, TensorFlow, PyTorch, ONNX, Caffe, Theano and Flax.

    Example: convpad explain 224x224 --kernel 7 --stride 2 --padding half

    Exit status: 0 fine, 2 there is no such window or the file cannot be written.
    """
    from convpad.explanation import explain as explained

    try:
        if svg is not None:
            refuse_to_write("--svg", svg, force=force)
        explanation = explained(
            numbers("SIZE", size),
            numbers("--kernel", kernel),
            strides=None if stride is None else numbers("--stride", stride),
            dilation_rate=numbers("--dilation", dilation),
            padding=padding("--padding", pad),
            padding_mode=None if mode is None else modes(mode),
            op=op,
            output_padding=None if output_padding is None else numbers("--output-padding", output_padding),
        )
        if svg is not None:
            write(svg, explanation.to_svg())
    except PaddingError as error:
        typer.echo(f"convpad explain: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(explanation.to_json() if json else str(explanation))
