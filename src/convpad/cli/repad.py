"""`convpad repad`: the model of a file on convpad's layers, in another file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import convpad
from convpad.cli.options import COMPLETE_MODE, COMPLETE_PADDING, MODE_HELP, Force, Json, ModelIn, ModelOut
from convpad.cli.output import say_written, show
from convpad.core.texts import modes, padding


def repad(
    model: ModelIn,
    out: ModelOut,
    mode: Annotated[str | None, typer.Option(help=MODE_HELP, autocompletion=COMPLETE_MODE)] = None,
    pad: Annotated[
        str | None,
        typer.Option(
            "--padding",
            help="How much, where a window pads: half, same; 1; 1,2x0,3.",
            autocompletion=COMPLETE_PADDING,
        ),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="The layers: a name or a pattern, 'conv*'. May be given again.")
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Put a Keras model on convpad's layers, with the same or another padding.

    Without --mode and --padding every layer pads as it did. Weights and
    names stay; the optimizer starts from its beginning. Prints what was done
    with each layer. Loading the new model needs `import convpad.keras`. No
    code is run from the file.

    Runs on KERAS_BACKEND, or on JAX where that is not set.

    Example: convpad repad unet.keras circular.keras --mode circular

    Exit status: 0 fine, 2 the model cannot be read, padded so, or written.
    """
    from convpad.cli.models import rewrite

    padding_mode, amount = modes(mode), padding("--padding", pad)

    def change(model: Any, report: Any) -> Any:
        return convpad.repad(model, padding_mode, padding=amount, where=where or None, report=report)

    changes = rewrite(model, out, change, force=force)
    show(changes, json=json)
    say_written(out, f"{model.name} after {changes.summary}", json=json)
