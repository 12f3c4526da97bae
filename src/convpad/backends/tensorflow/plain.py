"""TensorFlow's own pads and convolutions, without gradients of ours, as converters of graphs know them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from convpad.backends.base import Box, ConvWindow
from convpad.backends.tensorflow import convolutions, tensors
from convpad.backends.tensorflow.padding import is_same, one_number
from convpad.backends.tensorflow.tensors import Tensor, tensor
from convpad.core.problem import Problem
from convpad.core.window import spanned


def framework_pad(x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
    """Return TensorFlow's own pad with a number."""
    number = one_number(problem, values)
    return None if number is None else tf.pad(x, problem.around(problem.pads), constant_values=tensor(number, x))


def add_slice(x: Tensor, box: Box, values: Tensor, *, exportable: bool = False) -> Tensor:
    return tensors.add_slice(x, box, values, exportable=True)


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    return convolutions.conv(*_padded(x, kernel, window), plain=True)


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    return convolutions.depthwise_conv(*_padded(x, kernel, window))


def _padded(x: Tensor, kernel: Tensor, window: ConvWindow) -> tuple[Tensor, Tensor, ConvWindow]:
    """Return the arguments of a convolution whose pads are none, or those of TensorFlow's SAME."""
    sizes = x.shape[1:-1] if window.channels_last else x.shape[2:]
    spans = [spanned(taps, step) for taps, step in zip(kernel.shape, window.dilation, strict=False)]
    if not window.is_padded or is_same(sizes, spans, window.strides, window.pads):
        return x, kernel, window
    around = [(0, 0), *window.pads, (0, 0)] if window.channels_last else [(0, 0), (0, 0), *window.pads]
    return tf.pad(x, around), kernel, window.without_pads()


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    out = convolutions.conv_transpose(y, kernel, window.without_pads(), plain=True)
    lead = (slice(None),) * (1 if window.channels_last else 2)
    return out[(*lead, *(slice(before, -after or None) for before, after in window.pads))]
