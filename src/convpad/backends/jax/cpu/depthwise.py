"""Depthwise convolution on a CPU: a sum over the taps of its kernel, with the axes where they are.

Where filters are several for a channel, the functions have an axis of the multiplier after that of the channels: inputs
`(batch, *sizes, channels, 1)` or `(batch, channels, 1, *sizes)`, outputs with the multiplier in the place of 1, kernels
`(*taps, channels, multiplier)`. Elsewhere they have none, as XLA copies a tensor to give it an axis of 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, interleave, is_sharded, pad_zeros
from convpad.tuning import LIMITS

Reads = Sequence[tuple[int, int]]
"""The taps of one axis that are summed, each with the place that the first output reads; outside of the input is 0."""


def _first_axis(x: Tensor, window: SizedWindow) -> int:
    """Return the first spatial axis."""
    return 1 if window.channels_last else x.ndim - len(window.taps)


def _with_multiplier(x: Tensor, filters: int, window: SizedWindow) -> Tensor:
    """Return inputs or outputs with an axis of the multiplier, where so many filters need one."""
    axis = x.ndim - 1 if window.channels_last else 1
    if filters == window.groups:
        return x
    return x.reshape(*x.shape[:axis], window.groups, x.shape[axis] // window.groups, *x.shape[axis + 1 :])


def _taps_of(kernel: Tensor, window: SizedWindow) -> Tensor:
    """Return a kernel `(*taps, 1, filters)` as `(*taps, channels)` or `(*taps, channels, multiplier)`."""
    multiplier = kernel.shape[-1] // window.groups
    return kernel.reshape(*window.taps, window.groups, *[multiplier] * (multiplier > 1))


def convolve(x: Tensor, kernel: Tensor, window: SizedWindow) -> Tensor:
    """Return the convolution by a kernel `(*taps, 1, filters)`."""
    rows = zip(window.taps, window.dilation, window.pads, strict=True)
    reads = [[(tap, tap * step - before) for tap in range(taps)] for taps, step, (before, _) in rows]
    filters = kernel.shape[-1]
    x = _with_multiplier(x, filters, window)
    out = _sum_of_reads(x, _taps_of(kernel, window), reads, window.strides, window.outputs, window)
    return out.reshape(window.shape(x.shape[0], window.outputs, filters))


def _input_gradient(y: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    """Return the gradient of the input: a sum over taps for each place that a stride passes, put in turn."""
    y, kernel = _with_multiplier(y, kernel.shape[-1], window), _taps_of(kernel, window)
    axis = _first_axis(y, window)
    starts, counts, crops = list[int](), list[int](), [slice(None)] * axis
    for size, stride, (before, _) in zip(window.sizes, window.strides, window.pads, strict=True):
        starts.append(before // stride)
        counts.append(-(-(before + size) // stride) - starts[-1])
        crops.append(slice(before % stride, before % stride + size))

    def along(*place: int) -> Tensor:
        """Return the gradients at some places of the first axes, in turn at those of the others."""
        if len(place) < len(starts):
            parts = [along(*place, rest) for rest in range(window.strides[len(place)])]
            return interleave(parts, axis + len(place)) if len(parts) > 1 else parts[0]
        reads: list[Reads] = []
        axes = zip(place, starts, window.taps, window.strides, window.dilation, strict=True)
        for rest, start, taps, stride, step in axes:
            offsets = [(tap, tap * step - rest) for tap in range(taps)]
            reads.append([(tap, start - offset // stride) for tap, offset in offsets if offset % stride == 0])
        return _sum_of_reads(y, kernel, reads, (1,) * len(starts), counts, window)

    out = along()[tuple(crops)]
    return out if out.shape == like.shape else out.sum(-1 if window.channels_last else 2)


def _sum_of_reads(
    x: Tensor,
    kernel: Tensor,
    reads: Sequence[Reads],
    strides: Sequence[int],
    counts: Sequence[int],
    window: SizedWindow,
) -> Tensor:
    """Return the sum over taps of what each reads, times its weights: so many outputs on each axis."""
    axis, rank = _first_axis(x, window), len(reads)
    ends = [(count - 1) * stride + 1 for count, stride in zip(counts, strides, strict=True)]
    many = prod(map(len, reads)) > LIMITS["jax.taps_per_stride"] * prod(strides)
    # With strides few taps read each padded value, so padding once saves little. Where an axis is spread over devices,
    # a tensor of the same size stays where it is.
    if (many or max(strides) == 1) and not is_sharded():
        x, reads = _padded_once(x, reads, ends, axis)
    more = kernel.shape[rank:]
    total = jnp.zeros((x.shape[0], *((*counts, *more) if window.channels_last else (*more, *counts))), x.dtype)
    for taps in product(*reads):
        cuts, around = [slice(None)] * axis, list[tuple[int, int]]()
        for (_, start), stride, count, size in zip(taps, strides, counts, x.shape[axis:], strict=False):
            # The outputs for which this tap falls on a value, and these values; for the others it falls on padding.
            first = max(-(start // stride), 0)
            stop = max(min((size - 1 - start) // stride + 1, count), first)
            cuts.append(slice(first * stride + start, (stop - 1) * stride + start + 1, stride))
            around.append((first, count - stop))
        if all(sum(pair) < count for pair, count in zip(around, counts, strict=True)):
            weights = kernel[tuple(tap for tap, _ in taps)]
            weights = weights if window.channels_last else weights.reshape(*weights.shape, *(1,) * rank)
            total = total + pad_zeros(x[tuple(cuts)], _around(around, x, axis)) * weights
    return total


def _padded_once(x: Tensor, reads: Sequence[Reads], ends: Sequence[int], axis: int) -> tuple[Tensor, Sequence[Reads]]:
    """Return the padded tensor, and what its taps read.

    It is made once: otherwise XLA fuses the pad, and what computes x, into each of the taps. A pad of at least one row
    prevents that.
    """
    pads: list[tuple[int, int]] = []
    for of_axis, end, size in zip(reads, ends, x.shape[axis:], strict=False):
        starts = [start for _, start in of_axis] or [0]
        pads.append((max(-min(starts), 0), max(max(starts) + end - size, 0)))
    if not any(map(any, pads)):
        pads[0] = (0, 1)
    moved = [[(tap, start + pad) for tap, start in of_axis] for of_axis, (pad, _) in zip(reads, pads, strict=True)]
    return lax.optimization_barrier(pad_zeros(x, _around(pads, x, axis))), moved


def _around(pads: Sequence[tuple[int, int]], x: Tensor, axis: int) -> list[tuple[int, int]]:
    """Return pads of the spatial axes as those of all axes."""
    return [(0, 0)] * axis + list(pads) + [(0, 0)] * (x.ndim - axis - len(pads))


def _kernel_gradient(x: Tensor, y: Tensor, window: SizedWindow, like: Any) -> Tensor:
    """Return the gradient of the kernel, gathered some rows at a time with nothing summed across a row until the end.

    A row is the longest axis with all channels, and stays in the cache for all taps: a reduction for each tap takes 5
    to 10 times as long. The taps are a loop as well: a body of all of 7 x 7 takes XLA 3 s to compile.
    """
    counts, rank, filters = window.outputs, len(window.taps), like.shape[-1]
    if not y.size:
        return jnp.zeros(like.shape, like.dtype)
    x, y = _with_multiplier(x, filters, window), _with_multiplier(y, filters, window)
    axis = _first_axis(y, window)
    if any(map(any, window.pads)):
        x = lax.optimization_barrier(pad_zeros(x, _around(window.pads, x, axis)))
    long = max(range(rank), key=lambda place: (counts[place], place))
    sizes = [y.shape[0], *counts]
    sizes[1 + long] = 1  # all of a row
    of_y, of_x, of_taps = _row_tables(sizes, window)

    def row(tensor: Tensor, starts: Tensor, length: int) -> Tensor:
        begin, shape = [jnp.int32(0)] * tensor.ndim, list(tensor.shape)
        for number, place in enumerate((0, *range(axis, axis + rank))):
            begin[place], shape[place] = starts[number], 1
        shape[axis + long] = length
        return lax.dynamic_slice(tensor, begin, shape, allow_negative_indices=False)

    stride = window.strides[long]
    reach, every = (counts[long] - 1) * stride + 1, (slice(None),) * (axis + long) + (slice(None, None, stride),)

    def step(number: Tensor, sums: Tensor) -> Tensor:
        def of_tap(tap: Tensor, sums: Tensor) -> Tensor:
            total = _at(sums, tap)
            for rows_of_x, rows_of_y in zip(_at(of_x, number), _at(of_y, number), strict=True):
                read = row(x, rows_of_x + _at(of_taps, tap), reach)
                total = total + read[every] * row(y, rows_of_y, counts[long])
            begin = [tap, *(jnp.int32(0),) * y.ndim]
            return lax.dynamic_update_slice(sums, total[None], begin, allow_negative_indices=False)

        return lax.fori_loop(jnp.int32(0), jnp.int32(len(of_taps)), of_tap, sums)

    shape = [1 if place == 0 or axis <= place < axis + rank else size for place, size in enumerate(y.shape)]
    shape[axis + long] = counts[long]
    sums = lax.fori_loop(jnp.int32(0), jnp.int32(len(of_y)), step, jnp.zeros((len(of_taps), *shape), y.dtype))
    return sums.sum((1, *range(1 + axis, 1 + axis + rank))).reshape(like.shape)


def _row_tables(sizes: Sequence[int], window: SizedWindow) -> list[Tensor]:
    """Return where the rows of the outputs start, some at once, those of the input that they read, and what each tap
    adds to these.

    Tables, as XLA would compute divisions for every row by themselves, each as a program of its own.
    """
    at_once = next(count for count in range(LIMITS["jax.rows_at_once"], 0, -1) if prod(sizes) % count == 0)
    of_y = np.indices(sizes).reshape(len(sizes), -1).T.reshape(-1, at_once, len(sizes))
    of_taps = np.indices((1, *window.taps)).reshape(len(sizes), -1).T * [0, *window.dilation]
    return [jnp.asarray(table, jnp.int32) for table in (of_y, of_y * [1, *window.strides], of_taps)]


def _at(table: Tensor, number: Tensor) -> Tensor:
    return lax.dynamic_index_in_dim(table, number, keepdims=False, allow_negative_indices=False)


VIEWS = {
    "output": lambda x, kernel, window, like: convolve(x, kernel, window),
    "input_gradient": _input_gradient,
    "kernel_gradient": _kernel_gradient,
}
"""The functions that compute each view, kernels `(*taps, 1, filters)`: the outputs and both gradients."""
