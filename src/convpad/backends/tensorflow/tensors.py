"""Facts and elementary operations of TensorFlow tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from convpad.backends.base import Context

Tensor = Any  # TensorFlow ships no types


def owns(x: object) -> bool:
    return isinstance(x, (tf.Tensor, tf.Variable))


def tensor(array: Any, like: Tensor) -> Tensor:
    if owns(array):
        return tf.cast(array, like.dtype)
    return tf.constant(np.asarray(array, like.dtype.as_numpy_dtype))


def context(*arrays: Tensor) -> Context:
    # Out of a graph nothing is updated in place: every part that is added copies the whole.
    device = "gpu" if tf.config.get_visible_devices("GPU") else "cpu"
    return Context(device, eager=bool(arrays) and tf.executing_eagerly())


def zeros(shape: Sequence[int], like: Tensor) -> Tensor:
    return tf.zeros(shape, like.dtype)


def size(x: Tensor, axis: int) -> Any:
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def arange(start: Any, stop: Any, like: Tensor) -> Tensor:
    return tf.range(start, stop)


def take(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return tf.gather(x, index, axis=axis)


def flip(x: Tensor, axis: int) -> Tensor:
    return tf.reverse(x, [axis])


def sum_along(x: Tensor, axis: int) -> Tensor:
    return tf.reduce_sum(x, axis, keepdims=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return tf.concat(parts, axis)


def broadcast_along(x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
    shape = [size(like, other) for other in range(len(like.shape))]
    shape[axis] = count
    return tf.broadcast_to(x, shape)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return tf.where(mask != 0, x, tf.constant(value, x.dtype))


def planar(x: Tensor, channels_last: bool) -> Tensor:
    """Return a tensor with its channels last and at least two spatial axes."""
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    return tf.expand_dims(x, 1) if len(x.shape) == 3 else x


def as_given(x: Tensor, rank: int, channels_last: bool) -> Tensor:
    """Return the result of an operation on a `planar` tensor with the axes of the input: the inverse of `planar`."""
    if rank == 1:
        x = tf.squeeze(x, 1)
    return x if channels_last else tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


def two(entries: Sequence[Any], first: Any) -> list[Any]:
    """Return entries for at least two axes, with `first` before the entry of a single one."""
    return [first, *entries] if len(entries) == 1 else list(entries)
