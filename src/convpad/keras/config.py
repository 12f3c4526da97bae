"""Padding modes of layers: parsed with their initializers, written into configs as JSON, and read back.

A mode is one entry, or tuples of entries by axis and side. Keras keeps configs as JSON, so the two entries that are
objects, `Constant` and `Learned`, become dicts there.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

from convpad.core.errors import refuse
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.validation import map_entries


def has_learned(mode: Any) -> bool:
    """Return whether an entry of a mode is `Learned`."""
    if isinstance(mode, (list, tuple)):
        return any(map(has_learned, mode))  # pyright: ignore[reportUnknownArgumentType]
    return isinstance(mode, Learned)


def parse(padding: Any, padding_mode: Any, rank: int, *, has_window: bool = True) -> Padding:
    """Return the padding of a layer, in which every `Learned` that was written is an object of its own.

    Raises:
        PaddingError: as `Padding.parse`; or an initializer is none.
    """
    return Padding.parse(padding, map_entries(padding_mode, _owned), rank=rank, has_window=has_window)


def _owned(entry: Any) -> Any:
    """Return an entry that belongs to the layer alone, with the constant of a tensor as numbers."""
    if isinstance(entry, Constant) and hasattr(entry.value, "shape"):
        return Constant(keras.ops.convert_to_numpy(entry.value))
    if not isinstance(entry, Learned):
        return entry
    try:
        keras.initializers.get(entry.initializer)
    except ValueError as error:
        allowed = "be what keras.initializers.get understands"
        raise refuse("Learned(initializer)", allowed, entry.initializer) from error
    return Learned(entry.initializer)


def to_config(mode: Any) -> Any:
    """Return a mode as JSON can have it, with `{"constant": [1.0, 2.0]}` or `{"learned": "zeros"}` for an object."""

    def plain(entry: Any) -> Any:
        if isinstance(entry, Constant):
            return {"constant": list(entry.value)}
        if isinstance(entry, Learned):
            if isinstance(entry.initializer, str):
                return {"learned": entry.initializer}
            return {"learned": keras.initializers.serialize(keras.initializers.get(entry.initializer))}
        return entry

    return map_entries(mode, plain)


def from_config(mode: Any) -> Any:
    """Return the mode of which `to_config` made a config."""

    def entry_of(plain: Any) -> Any:
        if not isinstance(plain, dict):
            return plain
        if "constant" in plain:
            return Constant(plain["constant"])
        if "learned" in plain:
            initializer: Any = plain["learned"]  # pyright: ignore[reportUnknownVariableType]
            return Learned(initializer if isinstance(initializer, str) else keras.initializers.get(initializer))
        return plain  # pyright: ignore[reportUnknownVariableType]

    return map_entries(mode, entry_of)
