"""Sizes, amounts and modes as a terminal has them: `224x320`, `1,2x0,3`, `reflect,circular`."""

from __future__ import annotations

from typing import Any

from convpad.core.errors import refuse

__all__ = ["modes", "numbers", "padding"]


def numbers(option: str, text: str | None) -> Any:
    """Read an int, or one for each axis; None stays None.

    Example:

    >>> from convpad.cli.parsing import numbers
    >>> numbers("--kernel", "7"), numbers("SIZE", "224x320"), numbers("SIZE", "224,320")
    (7, (224, 320), (224, 320))

    Raises:
        PaddingError: the text has other parts than ints.
    """
    if text is None:
        return None
    return _collapse([_number(option, part, text) for part in text.replace("x", ",").split(",")])


def padding(option: str, text: str | None) -> Any:
    """Read a named amount, ints, or for each axis two of them with a comma between; None stays None.

    Example:

    >>> from convpad.cli.parsing import padding
    >>> padding("--padding", "same"), padding("--padding", "1"), padding("--padding", "1,2x0,3")
    ('same', 1, ((1, 2), (0, 3)))

    Raises:
        PaddingError: the text is neither a word nor made of ints.
    """
    if text is None or (text.replace("_", "").isalpha() and text != "x"):
        return text
    if "x" not in text:
        return numbers(option, text)
    return tuple(_collapse([_number(option, part, text) for part in axis.split(",")]) for axis in text.split("x"))


def modes(text: str | None) -> Any:
    """Read a mode or a constant, or one for each axis (with one axis, for each side); None stays None.

    Example:

    >>> from convpad.cli.parsing import modes
    >>> modes("reflect"), modes("circular,0.5")
    ('reflect', ('circular', 0.5))
    """
    return None if text is None else _collapse([_mode(part) for part in text.split(",")])


def _number(option: str, part: str, text: str) -> int:
    try:
        return int(part)
    except ValueError:
        raise refuse(option, "be an int, or one for each axis as in 224x320", text) from None


def _mode(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _collapse(entries: list[Any]) -> Any:
    """Return the only entry, or a tuple of all."""
    return entries[0] if len(entries) == 1 else tuple(entries)
