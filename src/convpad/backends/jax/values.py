"""Constants and trained values of JAX layers: those of a padding mode that one layer owns, and their first values."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.nn import initializers

from convpad.backends.jax.tensors import Tensor
from convpad.core.errors import refuse
from convpad.core.padding import Constant, Learned

_NAMED: dict[str, Any] = {
    "zeros": initializers.zeros,
    "ones": initializers.ones,
    "normal": initializers.normal(),
    "uniform": initializers.uniform(),
    "truncated_normal": initializers.truncated_normal(),
}
"""The initializers of `jax.nn.initializers` that take a shape of one axis, by name."""


def owned(entry: Any) -> Any:
    """Return an entry of a mode that belongs to one layer alone, with the constant of an array as numbers."""
    if isinstance(entry, Learned):
        check_initializer(entry)
        return Learned(entry.initializer)
    return as_numbers(entry)


def as_numbers(entry: Any) -> Any:
    """Return an entry of a mode, with the constant of an array as numbers."""
    if not isinstance(entry, Constant) or not hasattr(entry.value, "shape"):
        return entry
    if isinstance(entry.value, jax.core.Tracer):  # pyright: ignore
        mend = "A value that is traced or trained is Learned() here: a parameter of the layer."
        raise refuse("padding_mode", "be known when the layer is made", entry, mend)
    return Constant(np.asarray(entry.value))


def check_initializer(learned: Learned) -> None:
    """Refuse an initializer that JAX has not."""
    initializer = learned.initializer
    if not callable(initializer) and not (isinstance(initializer, str) and initializer in _NAMED):
        allowed = f"be one of {', '.join(map(repr, _NAMED))}, or a function of (key, shape, dtype) here"
        raise refuse("Learned(initializer)", allowed, initializer, "jax.nn.initializers has such functions.")


def first_values(learned: Learned, key: Tensor, channels: int, dtype: Any) -> Tensor:
    """Return the first values of a trained padding, one for each channel."""
    make = _NAMED.get(learned.initializer, learned.initializer)
    return make(key, (channels,), dtype)
