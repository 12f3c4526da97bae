"""Grouped convolutions of images in TensorFlow, their adjoints, and gradients of both.

TensorFlow 2.21 convolves groups on a CPU in one operation, but has no gradient of it. The gradient of the input is a
grouped convolution, too; that of the kernel is taken for some groups at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from convpad.backends.base import ConvWindow, merged_groups
from convpad.backends.tensorflow.padding import spelled
from convpad.backends.tensorflow.tensors import Tensor, interleave, size
from convpad.core.window import spanned
from convpad.tuning import LIMITS


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return a grouped convolution of images, channels last, without strides and dilation at once."""

    @tf.custom_gradient
    def convolved(x: Tensor, kernel: Tensor) -> Any:
        def gradients(gradient: Tensor) -> tuple[Tensor, Tensor]:
            sizes = [size(x, 1), size(x, 2)]
            return adjoint(gradient, kernel, sizes, window), _kernel_gradient(x, gradient, kernel.shape, window)

        pads = spelled(x, _spans(kernel, window), window.strides, window.pads)
        return tf.nn.conv2d(x, kernel, window.strides, pads, dilations=window.dilation), gradients

    return convolved(x, kernel)


def adjoint(y: Tensor, kernel: Tensor, sizes: Sequence[Any], window: ConvWindow) -> Tensor:
    """Return the adjoint of the convolution of images of these sizes: the gradient of its input."""
    if max(window.strides) > 1:
        out = _adjoint_by_steps(y, kernel, sizes, window)
    else:
        # What the convolution pads by is cut off by padding less, or cut off the gradient before.
        ends = [
            [span - 1 - count for count in pair] for span, pair in zip(_spans(kernel, window), window.pads, strict=True)
        ]
        cuts = [slice(max(-before, 0), min(after, 0) or None) for before, after in ends]
        around = tuple([(max(before, 0), max(after, 0)) for before, after in ends])
        out = conv(y[(slice(None), *cuts)], _flipped(kernel, window.groups), replace(window, pads=around))
    return tf.ensure_shape(out, [y.shape[0], *(n if isinstance(n, int) else None for n in sizes), out.shape[-1]])


def _adjoint_by_steps(y: Tensor, kernel: Tensor, sizes: Sequence[Any], window: ConvWindow) -> Tensor:
    """Return the adjoint of a strided convolution, from one convolution for each place that a step passes.

    The values at such a place are read by the same taps alone, every `stride`-th of the kernel.
    """
    strides, taps = window.strides, kernel.shape[:2]
    most = [-(-count // stride) for count, stride in zip(taps, strides, strict=True)]
    steps = [-(-(n + sum(pair)) // stride) for n, pair, stride in zip(sizes, window.pads, strides, strict=True)]
    beyond = [(count - 1, steps[axis] - size(y, 1 + axis)) for axis, count in enumerate(most)]
    y = tf.pad(y, [(0, 0), *beyond, (0, 0)])
    plain = ConvWindow((1, 1), ((0, 0), (0, 0)), (1, 1), window.groups)

    def of_place(*place: int) -> Tensor:
        part = kernel[tuple([slice(at, None, stride) for at, stride in zip(place, strides, strict=True)])]
        if 0 in part.shape[:2]:
            return tf.zeros([size(y, 0), *steps, kernel.shape[2] * window.groups], y.dtype)
        cuts = [slice(count - own, None) for count, own in zip(most, part.shape, strict=False)]
        return conv(y[(slice(None), *cuts)], _flipped(part, window.groups), plain)

    rows = [interleave([of_place(row, column) for column in range(strides[1])], 2) for row in range(strides[0])]
    first = [before for before, _ in window.pads]
    return tf.slice(interleave(rows, 1), [0, *first, 0], [-1, *sizes, -1])


def _kernel_gradient(x: Tensor, y: Tensor, shape: Sequence[int], window: ConvWindow) -> Tensor:
    """Return the gradient of the kernel, from parts of some groups each.

    Of a few channels TensorFlow's own is slow: it is faster to take it for every channel of a part with every filter,
    and keep the pairs that are in one group.
    """
    *taps, channels, filters = shape
    filters = filters // window.groups
    merged = merged_groups(window.groups, max(channels, filters), LIMITS["tensorflow.merged_channels"])
    parts = window.groups // merged
    if window.is_padded:
        x = tf.pad(x, [(0, 0), *window.pads, (0, 0)])
    pairs = tf.concat(
        [
            tf.raw_ops.Conv2DBackpropFilter(
                input=inputs,
                filter_sizes=[*taps, merged * channels, merged * filters],
                out_backprop=gradients,
                strides=[1, *window.strides, 1],
                padding="VALID",
                dilations=[1, *window.dilation, 1],
            )
            for inputs, gradients in zip(tf.split(x, parts, -1), tf.split(y, parts, -1), strict=True)
        ],
        -1,
    )
    if merged > 1:
        pairs = tf.reshape(pairs, [-1, merged, channels * parts, merged, filters])
        in_one_group = np.eye(merged, dtype=bool).reshape(1, merged, 1, merged, 1)
        pairs = tf.reduce_sum(tf.where(in_one_group, pairs, tf.zeros_like(pairs)), 1)
    return tf.reshape(pairs, shape)


def _flipped(kernel: Tensor, groups: int) -> Tensor:
    """Return the kernel of the adjoint: spatially reversed, its channels and filters exchanged in each group."""
    *taps, channels, filters = kernel.shape
    own = tf.reshape(tf.reverse(kernel, [0, 1]), [*taps, channels, groups, filters // groups])
    return tf.reshape(tf.transpose(own, [0, 1, 4, 3, 2]), [*taps, filters // groups, groups * channels])


def _spans(kernel: Tensor, window: ConvWindow) -> list[int]:
    return [spanned(taps, step) for taps, step in zip(kernel.shape, window.dilation, strict=False)]
