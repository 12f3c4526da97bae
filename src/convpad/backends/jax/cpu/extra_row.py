"""A convolution with a row of outputs that nobody reads, where XLA leaves a thread idle without."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from convpad.backends.base import ConvWindow, outputs
from convpad.backends.jax import xla
from convpad.backends.jax.tensors import Tensor
from convpad.tuning import LIMITS, STATE


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the convolution, with a spare row of outputs where that is faster.

    The kernel must not have taps that read padding alone (`xla.trim_taps`).
    """
    sizes = xla.spatial(x.shape, window)
    extra = extra_outputs(x.shape, sizes, kernel.shape, window)
    if extra is None:
        return xla.conv(x, kernel, window)
    pads = tuple([(before, after + rows) for (before, after), rows in zip(window.pads, extra, strict=True)])
    out = xla.conv(x, kernel, replace(window, pads=pads))
    cuts = [slice(count) for count in outputs(sizes, kernel.shape, window)]
    return out[(slice(None), *cuts)] if window.channels_last else out[(slice(None), slice(None), *cuts)]


def extra_outputs(
    shape: Sequence[Any], sizes: Sequence[Any], kernel_shape: Sequence[int], window: ConvWindow
) -> tuple[int, int] | None:
    """Return the zeros to add after each axis of an image for speed; None if none make the convolution faster.

    On a CPU XLA 0.10.2 has two convolutions of images. YNNPACK's takes as many threads as it has tiles of some 64
    columns and 64 filters in a row of outputs: often one. Where more outputs than rows of the image are asked for,
    Eigen's is taken, with every thread, so that a row that nobody reads makes it 1.2 to 1.7 times as fast on two.
    Where it stays YNNPACK's, a large one without any padding takes 1.2 to 1.5 times as long as one with some; the
    gradient of a small one takes 1.4 to 1.6 times as long with a column to spare as without. (`python -m
    benchmarks layers --backend jax`, contestants `limit` and `framework`.)
    """
    if window.rank != 2 or tuple(kernel_shape[:2]) == (1, 1) or not STATE.cpu_kernels:
        return None
    if not all(isinstance(size, int) for size in sizes):
        return None
    height, width = outputs(sizes, kernel_shape, window)
    rows = sizes[0] + 1 - height
    has_few_rows = 0 < rows <= height * LIMITS["jax.extra_row_max_share"]
    if has_few_rows and _has_few_tiles(shape[0], kernel_shape, height, width, window):
        return rows, 0
    least = LIMITS["jax.extra_column_min_products"]
    is_small = isinstance(shape[0], int) and _products(shape[0], kernel_shape, height, width) < least
    return None if is_small or window.is_padded else (0, 1)


def _products(batch: int, kernel_shape: Sequence[int], height: int, width: int) -> int:
    """Return how many multiplications the outputs take."""
    return batch * height * width * prod(kernel_shape)


def _has_few_tiles(batch: Any, kernel_shape: Sequence[int], height: int, width: int, window: ConvWindow) -> bool:
    """Return whether YNNPACK would leave threads idle, for long enough to hand the convolution to Eigen's."""
    filters = kernel_shape[-1]
    in_range = LIMITS["jax.extra_row_min_filters"] <= filters <= LIMITS["jax.extra_row_max_filters"]
    if window.groups > 1 or window.strides[0] > 1 or not isinstance(batch, int) or not in_range:
        return False
    products = _products(batch, kernel_shape, height, width)
    return width * filters <= LIMITS["jax.extra_row_max_columns"] and products >= LIMITS["jax.extra_row_min_products"]
