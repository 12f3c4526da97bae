"""`convpad bench`: the times of a layer in several modes."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

import convpad
from convpad.cli.options import (
    COMPLETE_MODE,
    COMPLETE_PADDING,
    MODE_HELP,
    PADDING_HELP,
    Backend,
    Dilation,
    Json,
    choices,
)
from convpad.cli.output import progress, show
from convpad.core.errors import PaddingError
from convpad.core.texts import modes, numbers, padding


def bench(
    size: Annotated[str, typer.Argument(help="The input and its channels: 56x56x144; one axis 16000x32.")],
    kernel: Annotated[str, typer.Option(help="The window: 3, or 3x5.")],
    filters: Annotated[int | None, typer.Option(help="Filters; without it as many as channels.")] = None,
    batch: Annotated[int, typer.Option(help="Inputs in a batch.")] = 1,
    stride: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    dilation: Dilation = "1",
    pad: Annotated[str, typer.Option("--padding", help=PADDING_HELP, autocompletion=COMPLETE_PADDING)] = "same",
    mode: Annotated[
        list[str] | None, typer.Option(help=f"{MODE_HELP} May be given again.", autocompletion=COMPLETE_MODE)
    ] = None,
    op: Annotated[
        str,
        typer.Option(
            help="conv, depthwise_conv or conv_transpose.",
            autocompletion=choices("conv", "depthwise_conv", "conv_transpose"),
        ),
    ] = "conv",
    backend: Backend = None,
    seconds: Annotated[float, typer.Option(help="Time for the rounds of each mode and step.")] = 1.0,
    json: Json = False,
) -> None:
    """What a layer costs in other modes than zeros, on this machine.

    Times the zero-padded convolution and, in turns with it, convpad by every
    route, the workaround (the backend's pad, then its convolution) and Keras's
    own layer, forward and with the gradient, in float32. Prints which route is
    taken, why, and whether another was faster. Nothing is timed whose numbers
    differ. Without --mode the mode is reflect.

    Example: convpad bench 56x56x144 --op depthwise_conv --kernel 3 --backend torch

    Example: convpad bench 224x224x64 --kernel 3 --mode circular --mode 0.5

    Exit status: 0 fine, 1 the numbers differ, 2 an argument makes no sense.
    """
    shape = numbers("SIZE", size)
    if not isinstance(shape, tuple):
        raise PaddingError(f"SIZE must have an axis or more, then the channels: 56x56x144. Received: {size}.")
    kernel_shape = _kernel_shape(op, numbers("--kernel", kernel), shape, filters)
    arguments: dict[str, Any] = {
        "op": op,
        "strides": numbers("--stride", stride),
        "dilation_rate": numbers("--dilation", dilation),
        "padding": padding("--padding", pad),
        "padding_modes": [modes(text) for text in mode or ["reflect"]],
        "seconds": seconds,
    }
    from convpad.benchmark import backend_for

    # Keras's own layer is to run on the same backend.
    os.environ["KERAS_BACKEND"] = name = backend_for(backend)
    with progress("starting", total=1) as (_, step):
        result = convpad.bench((batch, *shape), kernel_shape, backend=name, on_step=step, **arguments)
    show(result, json=json)


def _kernel_shape(op: str, window: Any, shape: tuple[int, ...], filters: int | None) -> tuple[int, ...]:
    """Return the kernel's shape, as Keras has it."""
    *axes, channels = shape
    sizes = window if isinstance(window, tuple) else (window,) * len(axes)
    if op == "depthwise_conv":
        if filters not in (None, channels):
            raise PaddingError(
                f"--filters must be left out of a depthwise_conv: it has as many as channels. Received: {filters}."
            )
        return (*sizes, channels, 1)
    filters = channels if filters is None else filters
    return (*sizes, filters, channels) if op == "conv_transpose" else (*sizes, channels, filters)
