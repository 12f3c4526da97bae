"""Convolutions that are faster than XLA's own on a CPU (XLA 0.10.2), by name.

All of them can be switched off: `convpad.tuning.replace(cpu_kernels=False)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import jax.numpy as jnp

from convpad.backends.base import ConvWindow, outputs
from convpad.backends.jax import xla
from convpad.backends.jax.cpu import conv2d, conv3d, depthwise, grouped, primitive, products
from convpad.backends.jax.cpu.extra_row import conv as conv_with_extra_row
from convpad.backends.jax.cpu.extra_row import extra_outputs
from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, is_sharded, wide

__all__ = ["KERNELS", "TRANSPOSED", "conv_with_extra_row", "kernel_name"]


def kernel_name(op: str, shape: Sequence[Any], kernel_shape: Sequence[int], window: ConvWindow, dtype: str) -> str:
    """Return the name of the fastest kernel for a convolution of these shapes, `"framework"` for XLA's own."""
    sizes, taps = xla.spatial(shape, window), tuple(kernel_shape[:-2])
    known = all(isinstance(size, int) for size in sizes)
    if op == "depthwise_conv":
        return "sum of taps" if known else "framework"
    if op == "conv" and window.groups > 1 and kernel_shape[-2] == 1 and known:
        return "sum of taps"
    if op == "conv" and _is_product(taps, window):
        return "matrix product"
    if any(size is None for size in sizes):
        return "framework"
    if op == "conv" and _is_as_wide(sizes, taps, window):
        return "columns as channels"
    if op == "conv_transpose":
        sizes = tuple(xla.transposed_sizes(sizes, taps, window))
    cuts, pads = xla.trim_taps(sizes, taps, window)
    taps = tuple([cut.stop - cut.start for cut in cuts])
    name = _of_primitive(op, shape, sizes, (*taps, *kernel_shape[-2:]), window, dtype)
    if op != "conv" or name != "framework":
        return name
    trimmed_shape = (*taps, *kernel_shape[-2:])
    return "extra row" if extra_outputs(shape, sizes, trimmed_shape, replace(window, pads=pads)) else name


def _is_product(taps: Sequence[int], window: ConvWindow) -> bool:
    """Return whether a convolution is a matrix product. XLA's own is one in no gradient, and often not forward."""
    return window.channels_last and window.groups == 1 and set(taps) == {1} and not window.is_padded


def _is_as_wide(sizes: Sequence[Any], taps: Sequence[int], window: ConvWindow) -> bool:
    """Return whether a 2-D window is as wide as its input, so that columns are faster as channels.

    XLA's convolution goes along the last axis; where that has one output it takes twice as long.
    """
    if window.rank != 2 or not window.channels_last or window.groups > 1:
        return False
    return sizes[1] == taps[1] > 1 == window.dilation[1] and not any(window.pads[1])


def _of_primitive(
    op: str, shape: Sequence[Any], sizes: Sequence[Any], kernel_shape: Sequence[int], window: ConvWindow, dtype: str
) -> str:
    # Where an axis is spread over devices, its strips would have to be fetched.
    if is_sharded():
        return "framework"
    known = all(isinstance(size, int) for size in (*sizes, *shape[1:]))
    if not known or not jnp.issubdtype(dtype, jnp.floating):
        return "framework"
    if window.groups > 1 and window.rank < 3:
        return "groups apart" if grouped.is_faster(shape[0], sizes, kernel_shape, window) else "framework"
    if window.groups > 1 or window.rank == 1:
        return "framework"
    if window.rank == 2 and not conv2d.is_faster(shape[0], sizes, kernel_shape):
        return "framework"
    if window.rank == 2:
        return "sum of products" if op == "conv" and products.is_stem(kernel_shape) else "gradient in strips"
    return "planes" if conv3d.is_faster(shape[0], sizes, kernel_shape) else "framework"


def matrix_product(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return a convolution of one tap as a product of matrices."""
    read = x[(slice(None), *(slice(None, None, stride) for stride in window.strides))]
    *space, channels = read.shape
    out = read.reshape(prod(space), channels) @ kernel.reshape(kernel.shape[-2:])
    return out.reshape(*space, kernel.shape[-1])


def columns_as_channels(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return a convolution as wide as its input as one of a single column, with more channels."""
    batch, height, *_ = x.shape
    rows, columns, channels, filters = kernel.shape
    flat = ConvWindow((1, window.strides[0]), ((0, 0), window.pads[0]), (1, window.dilation[0]))
    lines = x.reshape(batch, 1, height, columns * channels)
    taps = kernel.reshape(1, rows, columns * channels, filters)
    name = kernel_name("conv", lines.shape, taps.shape, flat, x.dtype.name)
    out = KERNELS[name](lines, taps, flat)
    return out.reshape(batch, outputs((height,), (rows,), window)[0], 1, filters)


def sum_of_taps(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the depthwise convolution, or one whose groups have one channel, as a sum over the taps of its kernel."""
    *taps, channels, filters = kernel.shape
    if window.groups == 1:
        kernel = kernel.reshape(*taps, 1, channels * filters)
    rest = max(window.groups, channels), True, window.channels_last
    sized = SizedWindow(window.strides, window.pads, window.dilation, xla.spatial(x.shape, window), tuple(taps), *rest)
    # Where an axis is spread over devices, rows would be fetched one by one for the gradient of the kernel.
    compute = depthwise.convolve if is_sharded() else primitive.convolve
    # Half precision would lose the sum; XLA widens and narrows in the same loop.
    return compute(wide(x), wide(kernel), sized).astype(x.dtype)


def by_primitive(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the convolution of images (`conv2d`, `grouped`) or volumes (`conv3d`)."""
    return _by_view(primitive.convolve, x, kernel, window, xla.spatial(x.shape, window))


def transposed_by_primitive(y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the adjoint of the convolution of images or volumes."""
    sizes = xla.transposed_sizes(xla.spatial(y.shape, window), kernel.shape, window)
    return _by_view(primitive.transpose, y, kernel, window, tuple(sizes))


def _by_view(
    compute: Callable[..., Tensor], x: Tensor, kernel: Tensor, window: ConvWindow, sizes: tuple[int, ...]
) -> Tensor:
    """Return a view of the primitive, for a convolution of inputs of these sizes. A sequence is an image of one row."""
    cuts, pads = xla.trim_taps(sizes, kernel.shape, window)
    kernel = kernel[cuts]
    x = x if window.channels_last else jnp.moveaxis(x, 1, -1)
    sized = SizedWindow(window.strides, pads, window.dilation, sizes, kernel.shape[:-2], window.groups)
    row = window.rank == 1
    out = compute(x[:, None], kernel[None], sized.as_row())[:, 0] if row else compute(x, kernel, sized)
    return out if window.channels_last else jnp.moveaxis(out, -1, 1)


def extra_row_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the convolution without the taps that read padding alone, with a spare row where that is faster."""
    cuts, pads = xla.trim_taps(xla.spatial(x.shape, window), kernel.shape, window)
    return conv_with_extra_row(x, kernel[cuts], replace(window, pads=pads))


KERNELS = {
    "matrix product": matrix_product,
    "columns as channels": columns_as_channels,
    "sum of taps": sum_of_taps,
    "gradient in strips": by_primitive,
    "planes": by_primitive,
    "groups apart": by_primitive,
    "sum of products": by_primitive,
    "extra row": extra_row_conv,
    "framework": extra_row_conv,  # of `columns_as_channels`
}
"""The kernels by the names that `kernel_name` gives."""

TRANSPOSED: dict[str, Callable[..., Tensor]] = {
    "gradient in strips": transposed_by_primitive,
    "planes": transposed_by_primitive,
    "groups apart": transposed_by_primitive,
}
"""Those that have an adjoint of their own."""
