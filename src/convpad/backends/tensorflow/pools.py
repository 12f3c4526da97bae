"""Pools in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from convpad.backends.base import ConvWindow
from convpad.backends.tensorflow.tensors import Tensor, as_given, planar, two


def max_pool(x: Tensor, window: ConvWindow) -> Tensor:
    return _pool(tf.nn.max_pool2d, x, window)


def average_pool(x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
    # `why_not_native` lets no padding through that counts.
    return _pool(tf.nn.avg_pool2d, x, window)


def _pool(pool: Callable[..., Tensor], x: Tensor, window: ConvWindow) -> Tensor:
    """Return a pool of one or two axes, or of three as one of two and one of one: the 3-D kernels lack most dtypes."""
    size, strides, last = window.size, window.strides, window.channels_last
    padding = "SAME" if window.is_padded else "VALID"  # `why_not_native` lets nothing else through
    x = planar(x, last)
    if window.rank < 3:
        return as_given(pool(x, two(size, 1), two(strides, strides[0]), padding), window.rank, last)
    batch, depth, height, width, channels = tf.unstack(tf.shape(x))
    planes = pool(tf.reshape(x, [batch * depth, height, width, x.shape[-1]]), size[1:], strides[1:], padding)
    _, rows, columns, _ = tf.unstack(tf.shape(planes))
    lines = tf.reshape(planes, [batch, depth, rows * columns, x.shape[-1]])
    out = pool(lines, [size[0], 1], [strides[0], 1], padding)
    return as_given(tf.reshape(out, [batch, tf.shape(out)[1], rows, columns, channels]), window.rank, last)
