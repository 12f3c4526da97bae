"""How does JAX convolve?"""

from __future__ import annotations

from math import prod

import jax
import jax.numpy as jnp

from convpad.backends import Ints, Pairs
from convpad.backends.jax import views
from convpad.backends.jax.direct import convolved, flipped, live, transposed
from convpad.backends.jax.tensors import Tensor
from convpad.backends.jax.window import Window
from convpad.core.window import spanned


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    if _is_product(kernel, pads, groups, channels_last):
        read = x[(slice(None), *(slice(None, None, stride) for stride in strides))]
        *space, channels = read.shape
        out = read.reshape(prod(space), channels) @ kernel.reshape(kernel.shape[-2:])
        return out.reshape(*space, kernel.shape[-1])
    if _as_wide(x, kernel, pads, dilation, groups, channels_last):
        batch, height, *_ = x.shape
        rows, columns, channels, filters = kernel.shape
        out = conv(
            x.reshape(batch, 1, height, columns * channels),
            kernel.reshape(1, rows, columns * channels, filters),
            (1, strides[0]),
            ((0, 0), pads[0]),
            (1, dilation[0]),
            1,
            True,
        )
        return out.reshape(batch, -1, 1, filters)
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    kernel, pads = live(kernel, sizes, strides, pads, dilation)
    if views.faster(x, kernel, sizes, groups):
        window = Window(tuple(strides), tuple(pads), tuple(dilation), tuple(sizes), kernel.shape[:-2])
        out = views.convolved(x if channels_last else jnp.moveaxis(x, 1, -1), kernel, window)
        return out if channels_last else jnp.moveaxis(out, -1, 1)
    return convolved(x, kernel, strides, pads, dilation, groups, channels_last)


def _is_product(kernel: Tensor, pads: Pairs, groups: int, channels_last: bool) -> bool:
    """Whether it is a product of matrices. XLA's CPU convolution is one in no gradient, and often not forward."""
    pointwise = channels_last and groups == 1 and set(kernel.shape[:-2]) == {1} and not any(map(any, pads))
    return pointwise and jax.default_backend() == "cpu"


def _as_wide(x: Tensor, kernel: Tensor, pads: Pairs, dilation: Ints, groups: int, channels_last: bool) -> bool:
    """Whether a 2-D window is just as wide as its input. On a CPU its columns are better taken for channels.

    XLA's CPU convolution goes along the last axis; where that has one output it takes twice as long.
    """
    plain = x.ndim == 4 and channels_last and groups == 1 and jax.default_backend() == "cpu"
    return plain and x.shape[2] == kernel.shape[1] > 1 == dilation[1] and not any(pads[1])


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    *window, channels, multiplier = kernel.shape
    grouped = kernel.reshape(*window, 1, channels * multiplier)
    return conv(x, grouped, strides, pads, dilation, channels, channels_last)


def conv_transpose(
    y: Tensor,
    kernel: Tensor,
    strides: Ints,
    pads: Pairs,
    leftovers: Ints,
    dilation: Ints,
    groups: int,
    channels_last: bool,
) -> Tensor:
    outputs = y.shape[1:-1] if channels_last else y.shape[2:]
    sizes = [
        (count - 1) * stride + spanned(taps, step) + rest - sum(pair)
        for count, stride, taps, step, rest, pair in zip(
            outputs, strides, kernel.shape, dilation, leftovers, pads, strict=False
        )
    ]
    kernel, pads = live(kernel, sizes, strides, pads, dilation)
    if views.faster(y, kernel, sizes, groups):
        window = Window(tuple(strides), tuple(pads), tuple(dilation), tuple(sizes), kernel.shape[:-2])
        out = views.transposed(y if channels_last else jnp.moveaxis(y, 1, -1), kernel, window)
        return out if channels_last else jnp.moveaxis(out, -1, 1)
    turned = flipped(kernel, len(strides), groups)
    return transposed(y, turned, strides, pads, leftovers, dilation, groups, channels_last)
