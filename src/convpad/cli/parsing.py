"""How are sizes, amounts and modes written in a terminal? `224x320`, `1,2x0,3`, `reflect,circular`."""

from __future__ import annotations

from typing import Any

from convpad.core.errors import refuse

__all__ = ["modes", "numbers", "padding"]


def _number(option: str, text: str, whole: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise refuse(option, "be an int, or one for each axis as in 224x320", whole) from None


def numbers(option: str, text: str) -> Any:
    """One int, or one for each axis.

    Example:

    >>> from convpad.cli.parsing import numbers
    >>> numbers("--kernel", "7"), numbers("SIZE", "224x320"), numbers("SIZE", "224,320")
    (7, (224, 320), (224, 320))

    Raises:
        PaddingError: it is not made of ints.
    """
    return _alone([_number(option, part, text) for part in text.replace("x", ",").split(",")])


def padding(option: str, text: str) -> Any:
    """A word, ints, or for each axis two of them with a comma between.

    Example:

    >>> from convpad.cli.parsing import padding
    >>> padding("--padding", "same"), padding("--padding", "1"), padding("--padding", "1,2x0,3")
    ('same', 1, ((1, 2), (0, 3)))

    Raises:
        PaddingError: it is neither a word nor made of ints.
    """
    if text.replace("_", "").isalpha() and text != "x":
        return text
    if "x" not in text:
        return numbers(option, text)
    return tuple(_alone([_number(option, part, text) for part in axis.split(",")]) for axis in text.split("x"))


def modes(text: str) -> Any:
    """A mode or a constant, or one for each axis; with one axis, one for each side.

    Example:

    >>> from convpad.cli.parsing import modes
    >>> modes("reflect"), modes("circular,0.5")
    ('reflect', ('circular', 0.5))
    """
    return _alone([_mode(part) for part in text.split(",")])


def _mode(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _alone(entries: list[Any]) -> Any:
    """The one entry there is, or all of them."""
    return entries[0] if len(entries) == 1 else tuple(entries)
