"""Facts and elementary operations of JAX arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from convpad.backends.base import Context, Pairs

Tensor = jax.Array


def owns(x: object) -> bool:
    return isinstance(x, jax.Array)


def shape(x: Tensor) -> tuple[int | None, ...]:
    # A dimension that jax.export leaves open is an expression, not an int.
    return tuple(size if isinstance(size, int) else None for size in x.shape)


def tensor(array: Any, like: Tensor) -> Tensor:
    return jnp.asarray(array, like.dtype)


def wide(x: Tensor) -> Tensor:
    """Return an array in a precision that sums can be taken in."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def pad_zeros(x: Tensor, pads: Pairs) -> Tensor:
    return lax.pad(x, jnp.zeros((), x.dtype), [(*pair, 0) for pair in pads])


def context(*arrays: Tensor) -> Context:
    # A traced array is on no device yet; what is traced runs where JAX computes by default. A gradient is known only
    # when it is taken.
    return Context(jax.default_backend(), gradient=None)


def is_sharded() -> bool:
    """Return whether an axis of an array may be spread over devices."""
    return jax.device_count() > 1


def zeros(shape: Sequence[int], like: Tensor) -> Tensor:
    return jnp.zeros(shape, like.dtype)


def arange(start: Any, stop: Any, like: Tensor) -> Tensor:
    return start + jnp.arange(stop - start)


def take(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return jnp.take(x, index, axis=axis)


def flip(x: Tensor, axis: int) -> Tensor:
    return lax.rev(x, (axis,))


def sum_along(x: Tensor, axis: int) -> Tensor:
    return x.sum(axis, keepdims=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return lax.concatenate(parts, axis)


def broadcast_along(x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
    shape = list(like.shape)
    shape[axis] = count
    return jnp.broadcast_to(x, shape)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return jnp.where(mask != 0, x, jnp.asarray(value, x.dtype))
