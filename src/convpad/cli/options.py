"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from convpad.core.amounts import AMOUNTS
from convpad.core.modes import MODES


def choices(*words: str, separator: str = "") -> Callable[[str], list[str]]:
    """Return the function by which a shell completes an option: words, or several of them around a separator."""

    def complete(incomplete: str) -> list[str]:
        last = incomplete.rpartition(separator)[2] if separator else incomplete
        return [incomplete[: len(incomplete) - len(last)] + word for word in words if word.startswith(last)]

    return complete


# One entry a mode: `constant` has no name of its own, it is a number.
COMPLETE_MODE = choices(*(name for name, mode in MODES.items() if not mode.takes_value), separator=",")
COMPLETE_PADDING = choices(*AMOUNTS)

MODEL_HELP = "A file that ends in .keras, .h5, .hdf5, .pt2 or .onnx."
MODE_HELP = "With what: zeros, reflect, circular, ..., a number; or circular,reflect."
PADDING_HELP = "How much: valid, same, same_lower, half, full, causal; 1; 1x2 for each axis; 1,2x0,3 for each side."

Backend = Annotated[
    str | None,
    typer.Option(
        help="jax, tensorflow or torch; without it KERAS_BACKEND, or what is installed.",
        autocompletion=choices("jax", "tensorflow", "torch"),
    ),
]
Dilation = Annotated[str, typer.Option(help="2, or 2x1.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file to write if it exists.")]
Html = Annotated[Path | None, typer.Option(help="Write a page into this HTML file, too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ModelIn = Annotated[Path, typer.Argument(metavar="MODEL", help="The model to read: .keras or .h5.")]
ModelOut = Annotated[Path, typer.Argument(metavar="OUT", help="The model to write: .keras.")]
