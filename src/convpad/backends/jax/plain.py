"""XLA's own convolutions, which every reader of an exported program knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from convpad.backends.base import ConvWindow, Pairs
from convpad.backends.jax import xla
from convpad.backends.jax.tensors import Tensor, cut
from convpad.core.window import spanned


def pad_zeros(x: Tensor, pads: Pairs) -> Tensor:
    return jnp.pad(x, pads)  # of which jax2onnx takes open sizes, and of lax.pad not


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    if max(window.strides) > 1 and not all(isinstance(size, int) for size in xla.spatial(x.shape, window)):
        x, window = _without_leftovers(x, kernel, window)
    cuts, pads = xla.trim_taps(xla.spatial(x.shape, window), kernel.shape, window)
    return xla.conv(x, kernel[cuts], replace(window, pads=pads))


def _without_leftovers(x: Tensor, kernel: Tensor, window: ConvWindow) -> tuple[Tensor, ConvWindow]:
    """Return a padded input of open sizes without what no window reads, of which JAX has no gradient (0.10.2)."""
    first = 1 if window.channels_last else 2
    x = pad_zeros(x, [(0, 0)] * first + list(window.pads) + [(0, 0)] * (x.ndim - first - window.rank))
    for axis, (stride, taps, dilation) in enumerate(zip(window.strides, kernel.shape, window.dilation, strict=False)):
        span = spanned(taps, dilation)
        x = cut(x, first + axis, 0, (x.shape[first + axis] - span) // stride * stride + span)
    return x, window.without_pads()


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    *taps, channels, multiplier = kernel.shape
    return conv(x, kernel.reshape(*taps, 1, channels * multiplier), replace(window, groups=channels))


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow, convolve: Callable[..., Any] = xla.conv) -> Tensor:
    sizes = xla.transposed_sizes(xla.spatial(y.shape, window), kernel.shape, window)
    cuts, pads = xla.trim_taps(sizes, kernel.shape, window)
    flipped = xla.flip_kernel(kernel[cuts], window.rank, window.groups)
    return xla.conv_transpose(y, flipped, replace(window, pads=pads), convolve)
