"""Depthwise convolution on a CPU: a sum over the taps of its kernel."""

from __future__ import annotations

from functools import partial
from itertools import product
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.backends.base import ConvWindow, outputs
from convpad.backends.jax.tensors import Tensor, is_sharded, pad_zeros, wide
from convpad.tuning import LIMITS


def sum_of_taps(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the depthwise convolution, or one whose groups have one channel, as a sum over the taps of its kernel."""
    last = window.channels_last
    if window.groups > 1:
        kernel = kernel.reshape(*kernel.shape[:-2], window.groups, -1)
    x = x if last else jnp.moveaxis(x, 1, -1)
    # Half precision would lose the sum; XLA widens and narrows in the same loop.
    out = _differentiable(wide(x), wide(kernel), window).astype(x.dtype)
    return out if last else jnp.moveaxis(out, -1, 1)


def _pads_first(kernel: Tensor, window: ConvWindow) -> bool:
    """Return whether the input is padded before its taps are summed.

    With strides few taps read each padded value, so padding once saves little. Where an axis is spread over devices, a
    tensor of the same size stays where it is.
    """
    many = prod(kernel.shape[:-2]) > LIMITS["jax.taps_per_stride"] * prod(window.strides)
    return (max(window.strides) == 1 or many) and not is_sharded()


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _differentiable(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    if not _pads_first(kernel, window):
        return _loop_over_taps(x, kernel, window)
    # The padded tensor is made once: otherwise XLA fuses the pad, and what computes x, into each of the 9 taps. A pad
    # of at least one row prevents that.
    valid = window.without_pads()
    pads = window.pads if window.is_padded else ((0, 1), *valid.pads[1:])
    padded = lax.optimization_barrier(pad_zeros(x, [(0, 0), *pads, (0, 0)]))
    return _loop_over_taps(padded if pads == window.pads else padded[:, :-1], kernel, valid)


@_differentiable.defjvp
def _jvp(window: ConvWindow, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    (x, kernel), (dx, dkernel) = primals, tangents
    by_rows = jax.checkpoint(partial(_scan_rows, window=window))  # pyright: ignore
    if is_sharded() or x.size == 0:
        by_rows = partial(_loop_over_taps, window=window)  # rows would be fetched one by one
    return _differentiable(x, kernel, window), _loop_over_taps(dx, kernel, window) + by_rows(x, dkernel)


def _loop_over_taps(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    *taps, channels, multiplier = kernel.shape
    counts = outputs(x.shape[1:-1], kernel.shape, window)
    total: Any = jnp.zeros((x.shape[0], *counts, channels, multiplier), x.dtype)
    for tap in product(*map(range, taps)):
        cuts, around = [slice(None)], [(0, 0)]
        for axis, at in enumerate(tap):
            # The outputs for which this tap falls on a value, and these values; for the others it falls on padding.
            stride, start = window.strides[axis], at * window.dilation[axis] - window.pads[axis][0]
            first = max(-(start // stride), 0)
            count = max((x.shape[1 + axis] - 1 - start) // stride + 1, 0)
            stop = max(min(count, counts[axis]), first)
            cuts.append(slice(first * stride + start, (stop - 1) * stride + start + 1, stride))
            around.append((first, counts[axis] - stop))
        if all(cut.start is None or cut.start < cut.stop for cut in cuts):
            total = total + pad_zeros(x[tuple(cuts)], [*around, (0, 0)])[..., None] * kernel[tap]
    return total.reshape(x.shape[0], *counts, channels * multiplier)


def _scan_rows(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the sum over taps row by row, every tap widened to a row of its own.

    Its transpose is the kernel's gradient, gathered a row at a time with nothing summed across a row until the end:
    3 to 10 times as fast as a reduction per tap, which XLA:CPU does value by value.
    """
    *taps, channels, multiplier = kernel.shape
    *lead, last = outputs(x.shape[1:-1], kernel.shape, window)
    x = pad_zeros(x, [(0, 0), *window.pads, (0, 0)])
    every = list(product(*map(range, taps)))
    kernel_rows = [jnp.broadcast_to(kernel[tap], (last, channels, multiplier)) for tap in every]
    rows = np.indices((x.shape[0], *lead)).reshape(1 + len(lead), -1).T * [1, *window.strides[:-1]]

    @jax.checkpoint  # pyright: ignore
    def row(kernel_rows: list[Tensor], at: Tensor) -> Tensor:
        total: Any = 0
        for tap, weights in zip(every, kernel_rows, strict=True):
            moved = [at[1 + axis] + tap[axis] * window.dilation[axis] for axis in range(len(lead))]
            line = lax.dynamic_slice(x, [at[0], *moved, 0, 0], (1, *(1,) * len(lead), *x.shape[-2:]))
            start, stride = tap[-1] * window.dilation[-1], window.strides[-1]
            line = lax.slice_in_dim(line.reshape(x.shape[-2:]), start, start + (last - 1) * stride + 1, stride)
            total = total + line[..., None] * weights
        return total

    _, out = lax.scan(lambda none, at: (none, row(kernel_rows, at)), None, jnp.asarray(rows))
    return out.reshape(x.shape[0], *lead, last, channels * multiplier)
