"""Depthwise convolutions in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd
from typing import Any

import tensorflow as tf

from convpad.backends.base import Context, ConvWindow
from convpad.backends.tensorflow.convolutions import explicit, undilated
from convpad.backends.tensorflow.padding import spelled
from convpad.backends.tensorflow.tensors import Tensor, as_given, planar, size, two
from convpad.core.window import spanned


def conv_kernel(
    op: str, shape: Sequence[Any], kernel_shape: Sequence[Any], window: ConvWindow, dtype: str, context: Context
) -> str:
    """Return the kernel that stands in for one that TensorFlow lacks, else `"framework"`.

    TensorFlow has no depthwise convolution of three axes, and no gradient of a grouped convolution on a CPU.
    """
    if op == "depthwise_conv":
        return "sum of taps" if window.rank == 3 else "framework"
    return "groups apart" if window.groups > 1 else "framework"


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    rank, last, strides = window.rank, window.channels_last, window.strides
    x = planar(x, last)
    if rank == 3:
        return as_given(_sum_of_taps(x, kernel, window), rank, last)
    kernel, dilation = undilated(_guarded(kernel, x), strides, window.dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = two(strides, strides[0]), two(window.pads, (0, 0)), two(dilation, 1)
    # TensorFlow's strides must be equal: go by what divides both, and skip.
    common = gcd(*strides)
    spans = [spanned(taps, step) for taps, step in zip(kernel.shape, dilation, strict=False)]
    padding = spelled(x, spans, [common, common], pads)
    if isinstance(padding, str):
        out = tf.nn.depthwise_conv2d(x, kernel, [1, common, common, 1], padding, dilations=dilation)
    else:
        backs = tf.raw_ops.DepthwiseConv2dNativeBackpropInput, tf.raw_ops.DepthwiseConv2dNativeBackpropFilter
        out = explicit(x, kernel, [common, common], padding, tf.nn.depthwise_conv2d, *backs)
    skips = [stride // common for stride in strides]
    return as_given(out if max(skips) == 1 else out[:, :: skips[0], :: skips[1]], rank, last)


def _guarded(kernel: Tensor, x: Tensor) -> Tensor:
    """Return the kernel, with a gradient of 0 for an empty batch: TensorFlow 2.21 leaves that as memory was."""
    if x.shape[0]:
        return kernel

    @tf.custom_gradient
    def same(kernel: Tensor) -> Any:
        return tf.identity(kernel), lambda gradient: tf.where(tf.size(x) > 0, gradient, tf.zeros_like(gradient))

    return same(kernel)


def _sum_of_taps(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the sum over the taps of a shifted input times the tap, for an input that is padded already."""
    *taps, channels, multiplier = kernel.shape
    starts = [[tap * step for tap in range(count)] for count, step in zip(taps, window.dilation, strict=True)]
    x = tf.expand_dims(x, -1)
    total: Any = 0
    for tap in product(*(range(count) for count in taps)):
        cuts = [
            slice(places[at], size(x, 1 + axis) - places[-1] + places[at], stride)
            for axis, (places, at, stride) in enumerate(zip(starts, tap, window.strides, strict=True))
        ]
        total += x[(slice(None), *cuts)] * kernel[tap]
    shape = tf.shape(total)
    out = tf.reshape(total, tf.concat([shape[:-2], [channels * multiplier]], 0))
    return tf.ensure_shape(out, [*total.shape[:-2], channels * multiplier])
