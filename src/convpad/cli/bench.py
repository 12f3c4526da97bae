"""What does `convpad bench` do? It times a layer in some modes, shows how far it is, and prints the table."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from convpad.cli.parsing import modes, numbers, padding
from convpad.core.errors import PaddingError

__all__ = ["bench"]


def bench(
    size: Annotated[str, typer.Argument(help="The input and its channels: 56x56x144; one axis 16000x32.")],
    kernel: Annotated[str, typer.Option(help="The window: 3, or 3x5.")],
    filters: Annotated[int | None, typer.Option(help="Of the output; without it as many as channels.")] = None,
    batch: Annotated[int, typer.Option(help="Inputs at once.")] = 1,
    stride: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    dilation: Annotated[str, typer.Option(help="2, or 2x1.")] = "1",
    pad: Annotated[
        str, typer.Option("--padding", help="How much: same, half, full, causal; 1; 1x2; 1,2x0,3.")
    ] = "same",
    mode: Annotated[
        list[str] | None,
        typer.Option(help="With what: reflect, circular, ..., a number; or circular,reflect. May be given again."),
    ] = None,
    op: Annotated[str, typer.Option(help="conv, depthwise_conv or conv_transpose.")] = "conv",
    backend: Annotated[
        str | None, typer.Option(help="jax, tensorflow or torch; without it KERAS_BACKEND, or what is installed.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Of rounds, for each mode and step.")] = 1.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What a layer costs in other modes than zeros, on this machine.

    Times the zero-padded convolution and, in turns with it, convpad by every
    route, the workaround (the backend's pad, then its convolution) and Keras's
    own layer, forward and with the gradient, in float32. Says which route is
    taken, why, and whether any was faster. What gives other numbers is not
    timed. Without --mode it is reflect.

    Example: convpad bench 56x56x144 --op depthwise_conv --kernel 3 --backend torch

    Example: convpad bench 224x224x64 --kernel 3 --mode circular --mode 0.5

    Exit status: 0 fine, 1 the numbers differ, 2 an argument makes no sense.
    """
    try:
        shape = numbers("SIZE", size)
        if not isinstance(shape, tuple):
            raise PaddingError(f"SIZE must have an axis or more, then the channels: 56x56x144. Received: {size}.")
        kernels = _kernel(op, numbers("--kernel", kernel), shape, filters)
        found = _timed(
            (batch, *shape),
            kernels,
            op=op,
            strides=numbers("--stride", stride),
            dilation_rate=numbers("--dilation", dilation),
            padding=padding("--padding", pad),
            modes=[modes(one) for one in mode or ["reflect"]],
            backend=backend,
            seconds=seconds,
        )
    except PaddingError as error:
        typer.echo(f"convpad bench: {error}", err=True)
        raise typer.Exit(2) from None
    from convpad.cli.output import show

    show(found, json=json)


def _kernel(op: str, window: Any, shape: tuple[int, ...], filters: int | None) -> tuple[int, ...]:
    """The kernel's shape, as Keras has it."""
    *axes, channels = shape
    taps = window if isinstance(window, tuple) else (window,) * len(axes)
    if op == "depthwise_conv":
        if filters not in (None, channels):
            raise PaddingError(
                f"--filters must be left out of a depthwise_conv: it has as many as channels. Received: {filters}."
            )
        return (*taps, channels, 1)
    filters = channels if filters is None else filters
    return (*taps, filters, channels) if op == "conv_transpose" else (*taps, channels, filters)


def _timed(shape: tuple[int, ...], kernel: tuple[int, ...], *, backend: str | None, **asked: Any) -> Any:
    """What `convpad.bench` finds, with its progress on the standard error."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from convpad import benchmark

    name = os.environ["KERAS_BACKEND"] = benchmark.backend_for(backend)  # Keras's own layer is to run there too
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    errors = Console(stderr=True)
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("starting", total=1)

        def on_step(text: str, done: float) -> None:
            progress.update(task, completed=done, description=escape(text))

        try:
            return benchmark.bench(shape, kernel, backend=name, on_step=on_step, **asked)
        except benchmark.DisagreementError as error:
            typer.echo(f"convpad bench: {error}", err=True)
            raise typer.Exit(1) from None
