"""Facts and elementary operations of JAX arrays, and their slices replaced and added to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from convpad.backends.base import Box, Context, Pairs

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


def facts(arrays: Sequence[Tensor]) -> tuple[Context, tuple[Any, ...], tuple[str, ...]]:
    shapes, here = tuple([shape(x) for x in arrays]), context(*arrays)
    if any([None in sizes for sizes in shapes]):  # noqa: C419 (no generator for every call)
        here = replace(here, traced=True)
    return here, shapes, tuple([x.dtype.name for x in arrays])


def at_least_zero(number: Any) -> Any:
    return max(number, 0) if isinstance(number, int) else jax.core.max_dim(number, 0)  # pyright: ignore


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


def interleave(parts: list[Tensor], axis: int) -> Tensor:
    shape = list(parts[0].shape)
    shape[axis] *= len(parts)
    return jnp.stack(parts, axis + 1).reshape(shape)


def broadcast_along(x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
    shape = list(like.shape)
    shape[axis] = count
    return jnp.broadcast_to(x, shape)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return jnp.where(mask != 0, x, jnp.asarray(value, x.dtype))


def _starts(x: Tensor, box: Box) -> tuple[int, ...]:
    return tuple(cut.start or 0 for cut in box) + (0,) * (x.ndim - len(box))


def supports_inplace(x: Tensor) -> bool:
    return True


def cut(x: Tensor, axis: int, start: Any, count: Any) -> Tensor:
    # Its length is `count` as it is written, where that of a slice with symbols is the least of two expressions.
    return lax.dynamic_slice_in_dim(x, start, count, axis)


def set_slice(x: Tensor, box: Box, values: Tensor) -> Tensor:
    return lax.dynamic_update_slice(x, values, _starts(x, box))


def add_slice(x: Tensor, box: Box, values: Tensor, *, exportable: bool = False) -> Tensor:
    return _add(x, jnp.broadcast_to(values, x[box].shape), _starts(x, box))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _add(x: Tensor, values: Tensor, starts: tuple[int, ...]) -> Tensor:
    if is_sharded():
        return _sum(x, values, starts)  # where x is spread over devices, its box would have to be fetched
    here = lax.dynamic_slice(x, starts, values.shape)
    return lax.dynamic_update_slice(x, here + values, starts)


@_add.defjvp
def _add_jvp(starts: tuple[int, ...], primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    # As a sum: its transpose hands the gradient of x on as it is, where that of the update would copy it.
    (x, values), (dx, dvalues) = primals, tangents
    return _add(x, values, starts), _sum(dx, dvalues, starts)


def _sum(x: Tensor, values: Tensor, starts: tuple[int, ...]) -> Tensor:
    rows = zip(starts, values.shape, x.shape, strict=True)
    return x + lax.pad(values, jnp.zeros((), x.dtype), [(start, size - start - n, 0) for start, n, size in rows])


def scatter_add(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    return x.at[(slice(None),) * axis + (index,)].add(values)


def multiply(
    out: Tensor, factors: Callable[[], Tensor], boxes: Callable[[], Sequence[tuple[Box, Any]] | None]
) -> Tensor:
    thin_boxes = None if is_sharded() else boxes()  # where it is spread over devices, boxes would be fetched
    if thin_boxes is None:
        return out * factors()

    @jax.custom_jvp
    def in_parts(out: Tensor) -> Tensor:
        for box, rows in thin_boxes:
            out = set_slice(out, box, out[box] * tensor(rows, out))
        return out

    in_parts.defjvp(lambda primals, tangents: (in_parts(*primals), tangents[0] * factors()))
    return in_parts(out)
