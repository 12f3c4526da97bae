"""Convolutions in JAX, each by the kernel that `kernel_name` names for its shapes; and pools."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad import tuning
from convpad.backends.base import Context, ConvWindow
from convpad.backends.jax import cpu, plain, xla
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
        return plain.conv(x, kernel, window)
    return cpu.KERNELS[name](x, kernel, window)


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    name = _named("depthwise_conv", x, kernel, window)
    if name != "framework":
        return cpu.KERNELS[name](x, kernel, window)
    return plain.depthwise_conv(x, kernel, window)


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    name = _named("conv_transpose", y, kernel, window)
    if name != "framework":
        return cpu.TRANSPOSED[name](y, kernel, window)
    convolve = cpu.conv_with_extra_row if jax.default_backend() == "cpu" else xla.conv
    return plain.conv_transpose(y, kernel, window, convolve)


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
