"""Convolutions in JAX, each by the kernel that `kernel_name` names for its shapes; and pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad import tuning
from convpad.backends.base import Context, ConvWindow
from convpad.backends.jax import cpu, xla
from convpad.backends.jax.tensors import Tensor, wide

_CPU = Context("cpu", gradient=None)


def kernel_name(
    op: str, shape: Sequence[Any], kernel_shape: Sequence[Any], window: ConvWindow, dtype: str, context: Context
) -> str:
    """Return the name of a kernel of `cpu`, or `"framework"`."""
    if context.device != "cpu" or not tuning.STATE.cpu_kernels or None in kernel_shape:
        return "framework"
    return cpu.kernel_name(op, shape, kernel_shape, window, dtype)


def _named(op: str, x: Tensor, kernel: Tensor, window: ConvWindow) -> str:
    if jax.default_backend() != "cpu":
        return "framework"
    return kernel_name(op, x.shape, kernel.shape, window, x.dtype.name, _CPU)


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    name = _named("conv", x, kernel, window)
    if name == "framework":
        return _framework_conv(x, kernel, window)
    return cpu.KERNELS[name](x, kernel, window)


def _framework_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    cuts, pads = xla.trim_taps(xla.spatial(x.shape, window), kernel.shape, window)
    return xla.conv(x, kernel[cuts], replace(window, pads=pads))


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    name = _named("depthwise_conv", x, kernel, window)
    if name != "framework":
        return cpu.KERNELS[name](x, kernel, window)
    *taps, channels, multiplier = kernel.shape
    grouped = kernel.reshape(*taps, 1, channels * multiplier)
    return _framework_conv(x, grouped, replace(window, groups=channels))


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    name = _named("conv_transpose", y, kernel, window)
    if name != "framework":
        return cpu.TRANSPOSED[name](y, kernel, window)
    sizes = xla.transposed_sizes(xla.spatial(y.shape, window), kernel.shape, window)
    cuts, pads = xla.trim_taps(sizes, kernel.shape, window)
    flipped = xla.flip_kernel(kernel[cuts], window.rank, window.groups)
    convolve = cpu.conv_with_extra_row if jax.default_backend() == "cpu" else xla.conv
    return xla.conv_transpose(y, flipped, replace(window, pads=pads), convolve)


def _reduce(x: Tensor, start: Any, reducer: Any, window: ConvWindow) -> Tensor:
    def full(spatial: Sequence[Any], other: Any) -> tuple[Any, ...]:
        return (other, *spatial, other) if window.channels_last else (other, other, *spatial)

    return lax.reduce_window(
        x, start, reducer, full(window.size, 1), full(window.strides, 1), full(window.pads, (0, 0))
    )


def max_pool(x: Tensor, window: ConvWindow) -> Tensor:
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.asarray(jnp.iinfo(x.dtype).min, x.dtype)
    return _reduce(x, lowest, lax.max, window)


def average_pool(x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
    # Half precision would lose the sum. `why_not_native` lets no padding through that does not count.
    return (_reduce(wide(x), 0.0, lax.add, window) / prod(window.size)).astype(x.dtype)
