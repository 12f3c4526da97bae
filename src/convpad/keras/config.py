"""Padding modes in Keras configs: read with their initializers, written as JSON, and read back.

A mode is one entry, or tuples of entries by axis and side. Keras keeps configs as JSON, so the two entries that are
objects, `Constant` and `Learned`, become dicts there.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

from convpad.core.errors import refuse
from convpad.core.padding import Constant, Learned, Padding

__all__ = ["from_config", "learned", "parse", "to_config"]


def _map(mode: Any, change: Callable[[Any], Any]) -> Any:
    """Return the structure of a mode with every entry changed."""
    if isinstance(mode, (list, tuple)):
        return tuple(_map(entry, change) for entry in mode)  # pyright: ignore[reportUnknownVariableType]
    return change(mode)


def _entries(mode: Any) -> Iterator[Any]:
    if isinstance(mode, (list, tuple)):
        for entry in mode:  # pyright: ignore[reportUnknownVariableType]
            yield from _entries(entry)
    else:
        yield mode


def learned(mode: Any) -> list[Learned]:
    """Return every `Learned` of a mode, in order."""
    return [entry for entry in _entries(mode) if isinstance(entry, Learned)]


def parse(padding: Any, padding_mode: Any, rank: int, *, words: bool = True) -> Padding:
    """Read the padding of a layer, in which every `Learned` that was written is an object of its own.

    Args:
        padding, padding_mode: as `Padding.parse` takes them.
        rank: the number of spatial axes.
        words: False where there is no window that an amount could depend on.

    Example:

    >>> from convpad.keras.config import parse
    >>> parse([(1, 1), 2], ["reflect", "reflect"], rank=2).spelling()
    (((1, 1), (2, 2)), 'reflect')

    Raises:
        PaddingError: they are no padding, or an initializer is none.
    """
    parsed = Padding.parse(padding, _map(padding_mode, _owned), rank=rank, words=words)
    for pair in parsed.values:
        for value in pair:
            if isinstance(value, Learned):
                _check(value)
    return parsed


def _owned(entry: Any) -> Any:
    """Return an entry that belongs to the layer alone.

    A constant that came as a tensor becomes numbers: a weight is written `Learned`, and two are two weights.
    """
    if isinstance(entry, Constant) and hasattr(entry.value, "shape"):
        return Constant(keras.ops.convert_to_numpy(entry.value))
    return Learned(entry.initializer) if isinstance(entry, Learned) else entry


def _check(entry: Learned) -> None:
    try:
        keras.initializers.get(entry.initializer)
    except ValueError as error:
        allowed = "be what keras.initializers.get understands"
        raise refuse("Learned(initializer)", allowed, entry.initializer) from error


def to_config(mode: Any) -> Any:
    """Return a mode as JSON can have it.

    Example:

    >>> import convpad
    >>> from convpad.keras.config import to_config
    >>> to_config(("reflect", convpad.Constant([1.0, 2.0])))
    ('reflect', {'constant': [1.0, 2.0]})
    """

    def plain(entry: Any) -> Any:
        if isinstance(entry, Constant):
            return {"constant": list(entry.value)}
        if isinstance(entry, Learned):
            if isinstance(entry.initializer, str):
                return {"learned": entry.initializer}
            return {"learned": keras.initializers.serialize(keras.initializers.get(entry.initializer))}
        return entry

    return _map(mode, plain)


def from_config(mode: Any) -> Any:
    """Return the mode that `to_config` was given."""

    def entry_of(plain: Any) -> Any:
        if isinstance(plain, dict) and "constant" in plain:
            return Constant(plain["constant"])
        if isinstance(plain, dict) and "learned" in plain:
            initializer: Any = plain["learned"]  # pyright: ignore[reportUnknownVariableType]
            return Learned(initializer if isinstance(initializer, str) else keras.initializers.get(initializer))
        return plain  # pyright: ignore[reportUnknownVariableType]

    return _map(mode, entry_of)
