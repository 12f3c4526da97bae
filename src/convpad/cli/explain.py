"""`convpad explain`: the facts of a padded window, and the frameworks' words for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import convpad
from convpad.cli.options import COMPLETE_MODE, COMPLETE_PADDING, MODE_HELP, PADDING_HELP, Dilation, Force, Json, choices
from convpad.cli.output import refuse_to_write, say_written, show, write
from convpad.core.operation import OPS
from convpad.core.texts import modes, numbers, padding


def explain(
    size: Annotated[str, typer.Argument(metavar="SIZE", help="The input: 224 is one axis, 224x320 two.")],
    kernel: Annotated[str, typer.Option(help="The window: 7, or 7x5.")],
    stride: Annotated[str | None, typer.Option(help="2, or 2x1; without it 1, or of a pool its size.")] = None,
    dilation: Dilation = "1",
    pad: Annotated[str, typer.Option("--padding", help=PADDING_HELP, autocompletion=COMPLETE_PADDING)] = "valid",
    mode: Annotated[str | None, typer.Option(help=MODE_HELP, autocompletion=COMPLETE_MODE)] = None,
    op: Annotated[
        str,
        typer.Option(
            help="conv, depthwise_conv, separable_conv, conv_transpose, max_pool or average_pool.",
            autocompletion=choices(*OPS),
        ),
    ] = "conv",
    output_padding: Annotated[str | None, typer.Option(help="The output_padding of a conv_transpose.")] = None,
    ceil: Annotated[bool, typer.Option("--ceil", help="Round a pool's outputs up, as ceil_mode does.")] = False,
    json: Json = False,
    svg: Annotated[Path | None, typer.Option(help="Draw the window into this SVG file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with a drawing that moves into this file.")] = None,
    force: Force = False,
) -> None:
    """What a padding does, and what other frameworks call it.

    Prints the amounts, the output's size, the values that no window reads, and the code
    for Keras, TensorFlow, PyTorch, ONNX, Caffe, Theano and Flax.

    Example: convpad explain 224x224 --kernel 7 --stride 2 --padding half

    Exit status: 0 fine, 2 there is no such window or the file cannot be written.
    """
    refuse_to_write("--svg", svg, force=force)
    refuse_to_write("--html", html, force=force)
    result = convpad.explain(
        numbers("SIZE", size),
        numbers("--kernel", kernel),
        strides=numbers("--stride", stride),
        dilation_rate=numbers("--dilation", dilation),
        padding=padding("--padding", pad),
        padding_mode=modes(mode),
        op=op,
        output_padding=numbers("--output-padding", output_padding),
        ceil_mode=ceil,
    )
    write(svg, result.to_svg)
    write(html, result.to_html)
    show(result, json=json)
    say_written(svg, "the drawing", json=json)
    say_written(html, "the page", json=json)
