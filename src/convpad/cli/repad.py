"""What does `convpad repad` do? It puts a model in a file on convpad's layers, and writes another file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convpad.cli.parsing import modes, padding
from convpad.core.errors import PaddingError

__all__ = ["repad"]


def repad(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model to read: .keras or .h5.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The model to write: .keras.")],
    mode: Annotated[
        str | None, typer.Option(help="With what: zeros, reflect, circular, ..., a number; or circular,reflect.")
    ] = None,
    pad: Annotated[
        str | None, typer.Option("--padding", help="How much, where a window pads: half, same; 1; 1,2x0,3.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="The layers: a name or a pattern, 'conv*'. May be given again.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Put a Keras model on convpad's layers, to pad as before or otherwise.

    Without --mode and --padding every layer pads as it did. Weights and
    names stay; the optimizer starts anew. What became of each layer is
    printed. Loading the new model needs `import convpad.keras`. No code is
    run from the file.

    Runs on KERAS_BACKEND, or on JAX where that is not set.

    Example: convpad repad unet.keras circular.keras --mode circular

    Exit status: 0 fine, 2 the model cannot be read, padded so, or written.
    """
    from convpad.cli.models import load, refuse_models, save

    try:
        padding_mode = None if mode is None else modes(mode)
        amount = None if pad is None else padding("--padding", pad)
        refuse_models(model, out, force=force)
        from convpad.models.changes import Changes
        from convpad.models.repad import repad as repadded

        reports: list[Changes] = []
        new = repadded(load(model), padding_mode, padding=amount, only=only or None, report=reports.append)
        save(new, out)
    except PaddingError as error:
        typer.echo(f"convpad repad: {error}", err=True)
        raise typer.Exit(2) from None
    from convpad.cli.output import show

    show(reports[0], json=json)
