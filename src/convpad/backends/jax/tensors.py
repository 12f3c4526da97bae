"""How are values held and moved in JAX?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from convpad.backends import Ints, Pairs

Tensor = jax.Array


def owns(x: object) -> bool:
    return isinstance(x, jax.Array)


def settled(remembered: Callable[..., Any], *arguments: Any) -> Any:
    return remembered(*arguments)


def shape(x: Tensor) -> tuple[int | None, ...]:
    # A dimension that jax.export leaves open is an expression, not an int.
    return tuple(size if isinstance(size, int) else None for size in x.shape)


def dtype(x: Tensor) -> str:
    return x.dtype.name


def tensor(array: Any, like: Tensor) -> Tensor:
    return jnp.asarray(array, like.dtype)


def wide(x: Tensor) -> Tensor:
    """In a precision that sums can be taken in."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def zero_padded(x: Tensor, pads: Pairs) -> Tensor:
    """With so many zeros around its space, channels last."""
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*pair, 0) for pair in pads), (0, 0, 0)])


def device(*arrays: Tensor) -> str:
    # A traced array is on no device yet; what is traced runs where JAX computes by default.
    return jax.default_backend()


def zeros(shape: Ints, like: Tensor) -> Tensor:
    return jnp.zeros(shape, like.dtype)


def lay_out(kernel: Callable[[], Tensor], ends: int) -> None:
    pass


def size(x: Tensor, axis: int) -> Any:
    return x.shape[axis]


def positions(start: Any, stop: Any, like: Tensor) -> Tensor:
    return start + jnp.arange(stop - start)


def gather(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return jnp.take(x, index, axis=axis)


def slices(x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
    return x[cuts]


def flip(x: Tensor, axis: int) -> Tensor:
    return lax.rev(x, (axis,))


def total(x: Tensor, axis: int) -> Tensor:
    return x.sum(axis, keepdims=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return lax.concatenate(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = list(rows.shape)
    wanted[axis] = count
    return jnp.broadcast_to(x, wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return jnp.where(mask != 0, x, jnp.asarray(value, x.dtype))
