"""Gradient of a kernel on a CPU: for each tap, the product of the values under it and the outputs' gradients.

Products of matrices keep every thread of XLA 0.10.2 busy, which a convolution of as few outputs as there are taps does
not: they take 0.5 to 0.9 of the time of the convolutions of `conv2d` (`python -m benchmarks across`).
"""

from __future__ import annotations

from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, wide
from convpad.backends.processor import vector_bits
from convpad.tuning import LIMITS


def are_faster(x: Tensor, y: Tensor, window: SizedWindow) -> bool:
    """Return whether products are faster than convolutions: large ones, without dilation.

    A strip of a dilated window reads far more rows than it has, each of which is transposed.
    """
    if max(window.dilation) > 1 or vector_bits() > LIMITS["jax.taps_max_vector_bits"]:
        return False
    channels = x.shape[-1]
    products = y.size * channels * prod(window.taps)
    return channels >= LIMITS["jax.tap_min_channels"] and products >= LIMITS["jax.taps_min_products"]


def add(total: Tensor, image: Tensor, gradient: Tensor, window: SizedWindow) -> Tensor:
    """Add the gradient of a kernel, `(channels, *taps, filters)`, of padded images and the outputs' gradients.

    The window has no dilation.
    """
    batch, _, _, channels = image.shape
    rows, columns, filters = gradient.shape[1:]
    # With channels first the products read rows of memory; XLA is slow to transpose an operand of a product.
    image = lax.optimization_barrier(image.transpose(3, 0, 1, 2))
    gradients = wide(gradient).reshape(-1, filters)
    row_stride, column_stride = window.strides
    extents = ((rows - 1) * row_stride + 1, (columns - 1) * column_stride + 1)

    def add_tap(tap: Any, total: Tensor) -> Tensor:
        row, column = tap // window.taps[1], tap % window.taps[1]
        read = lax.dynamic_slice(image, (0, 0, row, column), (channels, batch, *extents))
        values = wide(read[:, :, ::row_stride, ::column_stride]).reshape(channels, -1)
        here = lax.dynamic_slice(total, (0, row, column, 0), (channels, 1, 1, filters))
        sums = here + jnp.reshape(values @ gradients, here.shape)
        return lax.dynamic_update_slice(total, sums, (0, row, column, 0))

    return lax.fori_loop(0, prod(window.taps), add_tap, total)
