"""How does a Keras config spell a padding mode, and where in it are the trained values?

A spelled mode is one entry, or tuples of them by axis and side. Keras keeps configs as JSON, so the two entries
that are objects become dicts there, and a trained value is put into its place when the layer is called.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

from convpad.core.errors import refuse
from convpad.core.padding import Constant, Learned, Padding

__all__ = ["canonical", "from_config", "learned", "to_config", "with_values"]


def _changed(mode: Any, change: Callable[[Any], Any]) -> Any:
    """The same structure with every entry changed."""
    if isinstance(mode, (list, tuple)):
        return tuple(_changed(entry, change) for entry in mode)  # pyright: ignore[reportUnknownVariableType]
    return change(mode)


def _entries(mode: Any) -> Iterator[Any]:
    if isinstance(mode, (list, tuple)):
        for entry in mode:  # pyright: ignore[reportUnknownVariableType]
            yield from _entries(entry)
    else:
        yield mode


def canonical(padding: Any, padding_mode: Any, rank: int, *, words: bool = True) -> tuple[Any, Any]:
    """The shortest spelling of both, in which every `Learned` that was spelled stays one of its own.

    `words` is False where there is no window that an amount could depend on.

    Example:

    >>> from convpad.keras.config import canonical
    >>> canonical([(1, 1), 2], ["reflect", "reflect"], rank=2)
    (((1, 1), (2, 2)), 'reflect')

    Raises:
        PaddingError: they are no padding, or an initializer is none.
    """
    padding_mode = _changed(padding_mode, _frozen)
    amount, mode = Padding.parse(padding, padding_mode, rank=rank, words=words).spelling()
    for entry in learned(mode):
        try:
            keras.initializers.get(entry.initializer)
        except ValueError as error:
            allowed = "be what keras.initializers.get understands"
            raise refuse("Learned(initializer)", allowed, entry.initializer) from error
    if learned(mode):
        # Two equal `Learned` are two weights, so equal entries must not become one.
        mode = _changed(padding_mode, lambda entry: Padding.parse("valid", entry, rank=1).spelling()[1])
    return amount, mode


def _frozen(entry: Any) -> Any:
    """A constant that came as a tensor is numbers from here on: what trains is spelled `Learned`."""
    if isinstance(entry, Constant) and hasattr(entry.value, "shape"):
        return Constant(keras.ops.convert_to_numpy(entry.value))
    return entry


def learned(mode: Any) -> list[Learned]:
    """Every `Learned` of a spelled mode, in order."""
    return [entry for entry in _entries(mode) if isinstance(entry, Learned)]


def with_values(mode: Any, values: list[Any]) -> Any:
    """A spelled mode with one value in the place of every `Learned`, in order."""
    left = iter(values)
    return _changed(mode, lambda entry: Constant(next(left)) if isinstance(entry, Learned) else entry)


def to_config(mode: Any) -> Any:
    """A spelled mode as JSON can have it.

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
            name = isinstance(entry.initializer, str)
            got = entry.initializer if name else keras.initializers.get(entry.initializer)
            return {"learned": got if name else keras.initializers.serialize(got)}
        return entry

    return _changed(mode, plain)


def from_config(mode: Any) -> Any:
    """What `to_config` was given."""

    def entry_of(plain: Any) -> Any:
        if isinstance(plain, dict) and "constant" in plain:
            return Constant(plain["constant"])
        if isinstance(plain, dict) and "learned" in plain:
            initializer: Any = plain["learned"]  # pyright: ignore[reportUnknownVariableType]
            return Learned(initializer if isinstance(initializer, str) else keras.initializers.get(initializer))
        return plain  # pyright: ignore[reportUnknownVariableType]

    return _changed(mode, entry_of)
