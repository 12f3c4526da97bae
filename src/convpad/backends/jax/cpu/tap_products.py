"""Gradient of a kernel on a CPU: for each tap, the product of the values under it and the outputs' gradients.

Products of matrices keep every thread of XLA 0.10.2 busy, which a convolution of as few outputs as there are taps does
not: they take 0.4 to 0.8 of the time of the convolutions of `conv2d` (`python -m benchmarks across`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, wide
from convpad.tuning import LIMITS


def are_faster(x: Tensor, y: Tensor, taps: Sequence[int]) -> bool:
    """Return whether the products are large enough to be faster than convolutions."""
    channels = x.shape[-1]
    products = y.size * channels * prod(taps)
    return channels >= LIMITS["jax.tap_min_channels"] and products >= LIMITS["jax.taps_min_products"]


def add(total: Tensor, image: Tensor, gradient: Tensor, window: SizedWindow) -> Tensor:
    """Add the gradient of a kernel, `(channels, *taps, filters)`, of padded images and the outputs' gradients."""
    batch, _, _, channels = image.shape
    rows, columns, filters = gradient.shape[1:]
    # With channels first the products read rows of memory; XLA is slow to transpose an operand of a product.
    image = lax.optimization_barrier(image.transpose(3, 0, 1, 2))
    gradients = wide(gradient).reshape(-1, filters)
    (row_stride, column_stride), (row_step, column_step) = window.strides, window.dilation
    extents = ((rows - 1) * row_stride + 1, (columns - 1) * column_stride + 1)

    def add_tap(tap: Any, total: Tensor) -> Tensor:
        row, column = tap // window.taps[1], tap % window.taps[1]
        read = lax.dynamic_slice(image, (0, 0, row * row_step, column * column_step), (channels, batch, *extents))
        values = wide(read[:, :, ::row_stride, ::column_stride]).reshape(channels, -1)
        here = lax.dynamic_slice(total, (0, row, column, 0), (channels, 1, 1, filters))
        sums = here + jnp.reshape(values @ gradients, here.shape)
        return lax.dynamic_update_slice(total, sums, (0, row, column, 0))

    return lax.fori_loop(0, prod(window.taps), add_tap, total)
