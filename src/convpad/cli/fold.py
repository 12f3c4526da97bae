"""What does `convpad fold` do? It melts the padding layers of a model in a file, and writes another file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from convpad.core.errors import PaddingError

__all__ = ["fold"]


def fold(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model to read: .keras or .h5.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The model to write: .keras.")],
    force: Annotated[bool, typer.Option("--force", help="Replace OUT if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Melt padding layers into the convolutions and pools that follow.

    The output stays as it is. What was melted into what is printed, and
    what was left alone and why. Loading the new model needs
    `import convpad.keras`. No code is run from the file.

    Runs on KERAS_BACKEND, or on JAX where that is not set.

    Example: convpad fold resnet.keras folded.keras

    Exit status: 0 fine, 2 the model cannot be read or written.
    """
    from convpad.cli.models import load, refuse_models, save

    try:
        refuse_models(model, out, force=force)
        from convpad.models.changes import Changes
        from convpad.models.fold import fold as folded

        reports: list[Changes] = []
        save(folded(load(model), report=reports.append), out)
    except PaddingError as error:
        typer.echo(f"convpad fold: {error}", err=True)
        raise typer.Exit(2) from None
    from convpad.cli.output import show

    show(reports[0], json=json)
