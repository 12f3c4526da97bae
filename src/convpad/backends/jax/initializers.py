"""First values of trained padding in JAX, by the initializer that `Learned` carries."""

from __future__ import annotations

from typing import Any

from jax.nn import initializers

from convpad.backends.jax.tensors import Tensor
from convpad.core.errors import refuse
from convpad.core.padding import Learned

_NAMED: dict[str, Any] = {
    "zeros": initializers.zeros,
    "ones": initializers.ones,
    "normal": initializers.normal(),
    "uniform": initializers.uniform(),
    "truncated_normal": initializers.truncated_normal(),
}
"""The initializers of `jax.nn.initializers` that take a shape of one axis, by name."""


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
