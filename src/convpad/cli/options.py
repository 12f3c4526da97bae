"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["MODE_HELP", "PADDING_HELP", "Dilation", "Force", "Html", "Json", "ModelIn", "ModelOut"]

MODE_HELP = "With what: zeros, reflect, circular, ..., a number; or circular,reflect."
PADDING_HELP = "How much: valid, same, same_lower, half, full, causal; 1; 1x2 for each axis; 1,2x0,3 for each side."

Dilation = Annotated[str, typer.Option(help="2, or 2x1.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file to write if it exists.")]
Html = Annotated[Path | None, typer.Option(help="Write a page into this HTML file, too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelIn = Annotated[Path, typer.Argument(metavar="MODEL", help="The model to read: .keras or .h5.")]
ModelOut = Annotated[Path, typer.Argument(metavar="OUT", help="The model to write: .keras.")]
