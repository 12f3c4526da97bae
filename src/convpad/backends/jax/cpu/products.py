"""Sums of products: a convolution of few channels on a CPU, one product for each tap and channel of a group.

A convolution as a product of matrices has a row of so few values for each output that XLA 0.10.2 mostly moves them: a
sum in one loop over the outputs takes a half to a third of the time (`python -m benchmarks across`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, pad_zeros, wide
from convpad.tuning import LIMITS

Reads = list[tuple[int, int]]
"""Taps of one axis, each with the first value that it reads."""


def is_stem(kernel_shape: Sequence[int]) -> bool:
    """Return whether images have so few channels that their convolution is a sum of products."""
    *taps, channels, _ = kernel_shape
    few_channels = channels <= LIMITS["jax.stem_max_channels"]
    return few_channels and prod(taps) * channels <= LIMITS["jax.stem_max_products"]


def convolve(x: Tensor, kernel: Tensor, window: SizedWindow) -> Tensor:
    """Return the convolution."""
    *taps, channels, filters = kernel.shape
    weights = kernel.reshape(*taps, channels, window.groups, filters // window.groups)
    reads = [[(tap, tap * step) for tap in range(count)] for count, step in zip(taps, window.dilation, strict=True)]
    out = sum_of_products(padded(x, window.pads, window.groups), weights, reads, window.strides, window.outputs)
    return out.reshape(*out.shape[:-2], filters)


def unfused(compute: Callable[..., Tensor], like: Any, *arrays: Tensor) -> Tensor:
    """Return what a function computes, shaped as `like`, in a computation of its own.

    XLA fuses a sum into each of the operations that read it, and then sums all products anew in each: for the mean and
    the variance of a batch, or for every side that a gradient is folded back from.
    """
    always = lax.optimization_barrier(True)  # a condition that XLA does not know while it fuses
    return lax.cond(always, compute, lambda *_: jnp.zeros(like.shape, like.dtype), *arrays)


def padded(x: Tensor, pads: Sequence[tuple[int, int]], groups: int) -> Tensor:
    """Return a tensor padded with zeros, in groups, made once: otherwise XLA pads within every product."""
    whole = lax.optimization_barrier(pad_zeros(x, [(0, 0), *pads, (0, 0)]))
    return whole.reshape(*whole.shape[:3], groups, x.shape[-1] // groups)


def sum_of_products(
    x: Tensor, kernel: Tensor, reads: Sequence[Reads], strides: Sequence[int], counts: Sequence[int]
) -> Tensor:
    """Return the sum over taps and channels of a padded tensor in groups.

    The kernel is `(*taps, channels, groups, filters)`.
    """
    total: Any = jnp.zeros((x.shape[0], *counts, *kernel.shape[-2:]), wide(x).dtype)
    products = 0
    for (row, top), (column, left) in product(*reads):
        rows = slice(top, top + (counts[0] - 1) * strides[0] + 1, strides[0])
        columns = slice(left, left + (counts[1] - 1) * strides[1] + 1, strides[1])
        values = wide(x[:, rows, columns])
        for channel in range(x.shape[-1]):
            total = total + values[..., channel, None] * wide(kernel[row, column, channel])
            products += 1
            if products % LIMITS["jax.products_at_once"] == 0:
                total = lax.optimization_barrier(total)
    return total.astype(x.dtype)
