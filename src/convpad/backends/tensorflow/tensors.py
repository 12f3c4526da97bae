"""How are values held and moved in TensorFlow?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from convpad.backends import Ints

Tensor = Any  # TensorFlow ships no types


def owns(x: object) -> bool:
    return isinstance(x, (tf.Tensor, tf.Variable))


def settled(remembered: Callable[..., Any], *arguments: Any) -> Any:
    return remembered(*arguments)


def shape(x: Tensor) -> tuple[int | None, ...]:
    return tuple(x.shape)


def dtype(x: Tensor) -> str:
    return x.dtype.name


def tensor(array: Any, like: Tensor) -> Tensor:
    if owns(array):
        return tf.cast(array, like.dtype)
    return tf.constant(np.asarray(array, like.dtype.as_numpy_dtype))


def device(*arrays: Tensor) -> str:
    kind = "gpu" if tf.config.get_visible_devices("GPU") else "cpu"
    # Out of a graph nothing is updated in place: every part that is added copies the whole.
    return f"{kind}, eagerly" if arrays and tf.executing_eagerly() else kind


def zeros(shape: Ints, like: Tensor) -> Tensor:
    return tf.zeros(shape, like.dtype)


def lay_out(kernel: Callable[[], Tensor], ends: int) -> None:
    pass


def size(x: Tensor, axis: int) -> Any:
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def positions(start: Any, stop: Any, like: Tensor) -> Tensor:
    return tf.range(start, stop)


def gather(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return tf.gather(x, index, axis=axis)


def slices(x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
    return x[cuts]


def flip(x: Tensor, axis: int) -> Tensor:
    return tf.reverse(x, [axis])


def total(x: Tensor, axis: int) -> Tensor:
    return tf.reduce_sum(x, axis, keepdims=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return tf.concat(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = [size(rows, other) for other in range(len(rows.shape))]
    wanted[axis] = count
    return tf.broadcast_to(x, wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return tf.where(mask != 0, x, tf.constant(value, x.dtype))


def planar(x: Tensor, channels_last: bool) -> Tensor:
    """Channels last, with two spatial axes at least."""
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    return tf.expand_dims(x, 1) if len(x.shape) == 3 else x


def as_given(x: Tensor, rank: int, channels_last: bool) -> Tensor:
    """What `planar` did, undone."""
    if rank == 1:
        x = tf.squeeze(x, 1)
    return x if channels_last else tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


def two(entries: Sequence[Any], first: Any) -> list[Any]:
    """Entries for two axes at least, from those of one."""
    return [first, *entries] if len(entries) == 1 else list(entries)
