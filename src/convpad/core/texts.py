"""Readers of text for sizes, amounts and modes: `224x320`, `1,2x0,3`, `reflect,circular`."""

from __future__ import annotations

from math import isfinite
from typing import Any

from convpad.core.errors import refuse


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
        raise refuse("padding_mode", "be a mode's name or a finite number", text)
    return value


def _collapse(entries: list[Any]) -> Any:
    """Return the only entry, or a tuple of all."""
    return entries[0] if len(entries) == 1 else tuple(entries)
