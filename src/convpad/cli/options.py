"""Options that several commands share, and the readers of their text: `224x320`, `1,2x0,3`, `reflect,circular`."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
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


def numbers(option: str, text: str | None) -> Any:
    """Return the int of a text, or one for each axis: of "224x320" `(224, 320)`."""
    if text is None:
        return None
    return _collapse([_number(option, part, text) for part in text.replace("\u00d7", "x").replace("x", ",").split(",")])


def padding(option: str, text: str | None) -> Any:
    """Return the amount of a text: of "same" the word, of "1x2" `(1, 2)`, of "1,2x0,3" `((1, 2), (0, 3))`."""
    if text is None or (text.replace("_", "").isalpha() and text != "x"):
        return text
    text = text.replace("\u00d7", "x")
    if "x" not in text:
        return numbers(option, text)
    return tuple(_collapse([_number(option, part, text) for part in axis.split(",")]) for axis in text.split("x"))


def modes(text: str | None) -> Any:
    """Return the mode or number of a text, or one for each axis: of "circular,0.5" `("circular", 0.5)`."""
    return None if text is None else _collapse([_mode(part) for part in text.split(",")])


def _number(option: str, part: str, text: str) -> int:
    try:
        return int(part)
    except ValueError:
        raise refuse(option, "be an int, or one for each axis as in 224x320", text) from None


def _mode(text: str) -> str | float:
    try:
        value = float(text)
    except ValueError:
        return text
    if not isfinite(value):
        raise refuse("--mode", "be a mode's name or a finite number", text)
    return value


def _collapse(entries: list[Any]) -> Any:
    """Return the only entry, or a tuple of all."""
    return entries[0] if len(entries) == 1 else tuple(entries)
