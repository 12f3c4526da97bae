"""Convolution of images on a CPU: as XLA does, but for few channels and for the gradient of the kernel, in strips.

XLA 0.10.2 takes that gradient for a convolution whose kernel is the outputs' gradient, as large as the image; where
that is more than a processor's cache holds, it takes 4 to 10 times as long as the convolution itself (`python -m
benchmarks layers --backend jax`). In strips it takes 1 to 2 times as long, and less as products of matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from convpad.backends.base import ConvWindow
from convpad.backends.jax import xla
from convpad.backends.jax.cpu import bands, products, tap_products
from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, pad_zeros, wide
from convpad.tuning import LIMITS


def is_faster(batch: Any, sizes: Sequence[int], kernel_shape: Sequence[int]) -> bool:
    """Return whether images have enough values for a gradient in strips."""
    return isinstance(batch, int) and batch * prod(sizes) * max(kernel_shape[-2:]) >= LIMITS["jax.strips_min_values"]


def _forward(x: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    if products.is_stem(kernel.shape):
        return products.convolve(x, kernel, window)
    return bands.conv(x, kernel, window.to_conv_window())


def _input_gradient(y: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    return xla.conv_transpose(y, xla.flip_kernel(kernel, 2, 1), window.to_conv_window(), bands.conv)


def _kernel_gradient(x: Tensor, y: Tensor, window: SizedWindow, like: Any) -> Tensor:
    rows = window.outputs[0]
    by_taps = tap_products.are_faster(x, y, window)
    strip_values = LIMITS["jax.tap_strip_values" if by_taps else "jax.strip_values"]
    count = -(-y.size // strip_values) if y.size > 2 * strip_values else 1
    height = -(-rows // min(count, rows))

    def reads(first: int) -> tuple[int, ...]:
        strip = min(height, rows - first)
        return strip, *window.reads(0, first, strip)[1:]

    at_once = 1 if by_taps else LIMITS["jax.strips_at_once"]
    total = wide(jnp.zeros((x.shape[-1], *window.taps, y.shape[-1]), like.dtype))
    for (strip, *_), same in groupby(range(0, rows, height), reads):
        firsts = list(same)
        add = partial(_add_strip, x, y, window, strip, firsts)
        total = lax.fori_loop(0, len(firsts), add, total, unroll=min(at_once, len(firsts)))
    return total.transpose(1, 2, 0, 3).astype(like.dtype)


def _add_strip(
    x: Tensor, y: Tensor, window: SizedWindow, rows: int, firsts: Sequence[int], strip: Any, total: Tensor
) -> Tensor:
    """Add the gradient of a strip of rows: a product for each tap, or images convolved with gradients, the channels
    taken for the images.

    Args:
        rows: how many rows of outputs there are in a strip.
        firsts: the first row of each strip. They are evenly spaced, and read equally many values.
        strip: the number of the strip.
    """
    (batch, *_, channels), columns = x.shape, window.outputs[1]
    step = firsts[1] - firsts[0] if len(firsts) > 1 else 0
    top, height, above, below = window.reads(0, firsts[0], rows)
    left, width, before, after = window.reads(1, 0, columns)
    image = lax.dynamic_slice(x, (0, top + strip * step * window.strides[0], left, 0), (batch, height, width, channels))
    gradient = lax.dynamic_slice(y, (0, firsts[0] + strip * step, 0, 0), (batch, rows, columns, y.shape[-1]))
    pads = [(above, below), (before, after)]
    by_taps = tap_products.are_faster(x, y, window)
    if by_taps or batch == 1:
        # XLA reads such an image value by value, and asks of each whether it is padding.
        image, pads = pad_zeros(image, [(0, 0), *pads, (0, 0)]), [(0, 0), (0, 0)]
    if by_taps:
        return tap_products.add(total, image, gradient, window)
    transposed = image.transpose(3, 1, 2, 0), gradient.transpose(1, 2, 0, 3)
    image, gradient = map(wide, lax.optimization_barrier(transposed))  # else XLA transposes value by value
    swapped = ConvWindow(window.dilation, tuple(pads), window.strides)  # strides and dilation change places
    return total + xla.conv(image, gradient, swapped)


VIEWS = {"output": _forward, "input_gradient": _input_gradient, "kernel_gradient": _kernel_gradient}
"""The functions that compute each view: the outputs, the gradient of the inputs, and that of the kernel."""
