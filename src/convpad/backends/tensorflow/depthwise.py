"""How does TensorFlow convolve every channel by itself?"""

from __future__ import annotations

from itertools import product
from math import gcd
from typing import Any

import tensorflow as tf

from convpad.backends import Ints, Pairs
from convpad.backends.tensorflow.convolutions import explicit, undilated
from convpad.backends.tensorflow.padding import spelled
from convpad.backends.tensorflow.tensors import Tensor, as_given, planar, size, two


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    rank = len(strides)
    x = planar(x, channels_last)
    if rank == 3:
        return as_given(_depthwise_taps(x, kernel, strides, dilation), rank, channels_last)
    kernel, dilation = undilated(_guarded(kernel, x), strides, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = two(strides, strides[0]), two(pads, (0, 0)), two(dilation, 1)
    # Its strides must be equal: go by what divides both, and skip.
    common = gcd(*strides)
    window = [(taps - 1) * step + 1 for taps, step in zip(kernel.shape, dilation, strict=False)]
    padding = spelled(x, window, [common, common], pads)
    if isinstance(padding, str):
        out = tf.nn.depthwise_conv2d(x, kernel, [1, common, common, 1], padding, dilations=dilation)
    else:
        backs = tf.raw_ops.DepthwiseConv2dNativeBackpropInput, tf.raw_ops.DepthwiseConv2dNativeBackpropFilter
        out = explicit(x, kernel, [common, common], padding, tf.nn.depthwise_conv2d, *backs)
    skips = [stride // common for stride in strides]
    return as_given(out if max(skips) == 1 else out[:, :: skips[0], :: skips[1]], rank, channels_last)


def _guarded(kernel: Tensor, x: Tensor) -> Tensor:
    """The kernel, its gradient 0 for an empty batch: TensorFlow 2.21 leaves a depthwise one as memory was."""
    if x.shape[0]:
        return kernel

    @tf.custom_gradient
    def same(kernel: Tensor) -> Any:
        return tf.identity(kernel), lambda found: tf.where(tf.size(x) > 0, found, tf.zeros_like(found))

    return same(kernel)


def _depthwise_taps(x: Tensor, kernel: Tensor, strides: Ints, dilation: Ints) -> Tensor:
    """The sum over the taps of a shifted input times the tap, for ranks without a kernel of their own."""
    *window, channels, multiplier = kernel.shape
    starts = [[tap * step for tap in range(taps)] for taps, step in zip(window, dilation, strict=True)]
    spans = [places[-1] for places in starts]
    x = tf.expand_dims(x, -1)
    total: Any = 0
    for tap in product(*(range(taps) for taps in window)):
        cuts = [
            slice(places[t], size(x, 1 + axis) - span + places[t], stride)
            for axis, (places, t, span, stride) in enumerate(zip(starts, tap, spans, strides, strict=True))
        ]
        total += x[(slice(None), *cuts)] * kernel[tap]
    shape = tf.shape(total)
    out = tf.reshape(total, tf.concat([shape[:-2], [channels * multiplier]], 0))
    return tf.ensure_shape(out, [*total.shape[:-2], channels * multiplier])


def taps(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool) -> Tensor:
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    out = _depthwise_taps(tf.pad(x, [(0, 0), *pads, (0, 0)]), kernel, strides, dilation)
    return out if channels_last else tf.transpose(out, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])
