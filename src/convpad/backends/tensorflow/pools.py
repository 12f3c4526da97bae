"""How does TensorFlow pool?"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from convpad.backends import Ints, Pairs
from convpad.backends.tensorflow.tensors import Tensor, as_given, planar, two


def max_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    return _pooled(tf.nn.max_pool2d, x, size, strides, pads, channels_last)


def average_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool) -> Tensor:
    return _pooled(tf.nn.avg_pool2d, x, size, strides, pads, channels_last)


def _pooled(pool: Callable[..., Tensor], x: Tensor, size: Ints, strides: Ints, pads: Pairs, last: bool) -> Tensor:
    """A pool of one or two axes, or of three as one of two and one of one: the 3-D kernels lack most dtypes."""
    rank = len(size)
    padding = "SAME" if any(map(any, pads)) else "VALID"  # `native` lets nothing else through
    x = planar(x, last)
    if rank < 3:
        return as_given(pool(x, two(size, 1), two(strides, strides[0]), padding), rank, last)
    batch, depth, height, width, channels = tf.unstack(tf.shape(x))
    planes = pool(tf.reshape(x, [batch * depth, height, width, x.shape[-1]]), size[1:], strides[1:], padding)
    _, high, wide, _ = tf.unstack(tf.shape(planes))
    columns = tf.reshape(planes, [batch, depth, high * wide, x.shape[-1]])
    out = pool(columns, [size[0], 1], [strides[0], 1], padding)
    return as_given(tf.reshape(out, [batch, tf.shape(out)[1], high, wide, channels]), rank, last)
