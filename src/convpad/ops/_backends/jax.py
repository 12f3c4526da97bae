"""JAX: tensors are `jax.Array`, tracers too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.geometry.window import spanned
from convpad.ops._backends import Ints, Pairs
from convpad.problem import Problem

Tensor = jax.Array


def owns(x: object) -> bool:
    return isinstance(x, jax.Array)


def settled(remembered: Callable[..., Any], *arguments: Any) -> Any:
    return remembered(*arguments)


def shape(x: Tensor) -> tuple[int | None, ...]:
    # A dimension that jax.export leaves open is an expression, not an int.
    return tuple(size if isinstance(size, int) else None for size in x.shape)


def dtype(x: Tensor) -> str:
    return x.dtype.name


def tensor(array: Any, like: Tensor) -> Tensor:
    return jnp.asarray(array, like.dtype)


def size(x: Tensor, axis: int) -> Any:
    return x.shape[axis]


def positions(start: Any, stop: Any, like: Tensor) -> Tensor:
    return start + jnp.arange(stop - start)


def gather(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return jnp.take(x, index, axis=axis)


def slices(x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
    return x[cuts]


def flip(x: Tensor, axis: int) -> Tensor:
    return lax.rev(x, (axis,))


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return lax.concatenate(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = list(rows.shape)
    wanted[axis] = count
    return jnp.broadcast_to(x, wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return jnp.where(mask != 0, x, jnp.asarray(value, x.dtype))


def add_at(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    return x.at[(slice(None),) * axis + (index,)].add(values)


def native(problem: Problem, ignored: bool) -> str:
    return "jax counts the zeros of an average" if ignored and problem.op == "average_pool" else ""


def _layout(rank: int, channels_last: bool) -> lax.ConvDimensionNumbers:
    space = "DHW"[3 - rank :]
    data = f"N{space}C" if channels_last else f"NC{space}"
    return lax.conv_dimension_numbers((1,) * (rank + 2), (1,) * (rank + 2), (data, f"{space}IO", data))


def _live(kernel: Tensor, sizes: Ints, strides: Ints, pads: Pairs, dilation: Ints) -> tuple[Tensor, Pairs]:
    """The kernel without outer taps that meet nothing but padding in any window, and the pads that are left.

    XLA 0.10.2 tries the same where an axis has one output and aborts the process ("Window dimensions do not match
    RHS shape"): with 2 x 4 values, a 3 x 2 kernel, pads of 1 and strides of 2, in the gradient of the convolution.
    """
    left: list[tuple[int, int]] = []
    cuts: list[slice] = []
    for size, taps, stride, (before, after), step in zip(sizes, kernel.shape, strides, pads, dilation, strict=False):
        first, last = 0, taps
        if isinstance(size, int):
            reach = (size + before + after - spanned(taps, step)) // stride * stride  # where the last window starts
            while first < last - 1 and reach + first * step < before and before - (first + 1) * step >= 0:
                first += 1
            while last - 1 > first and (last - 1) * step >= before + size and after - (taps - last + 1) * step >= 0:
                last -= 1
        cuts.append(slice(first, last))
        left.append((before - first * step, after - (taps - last) * step))
    return kernel[tuple(cuts)], left


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    kernel, pads = _live(kernel, sizes, strides, pads, dilation)
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=_layout(len(strides), channels_last),
        feature_group_count=groups,
    )


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
    # The adjoint reads the kernel the other way round, its channels exchanged within each group.
    rank = len(strides)
    outputs = y.shape[1:-1] if channels_last else y.shape[2:]
    sizes = [
        (count - 1) * stride + spanned(taps, step) + rest - sum(pair)
        for count, stride, taps, step, rest, pair in zip(
            outputs, strides, kernel.shape, dilation, leftovers, pads, strict=False
        )
    ]
    kernel, pads = _live(kernel, sizes, strides, pads, dilation)
    *window, one, two = kernel.shape
    flipped = lax.rev(kernel, tuple(range(rank))).reshape(*window, one, groups, two // groups)
    flipped = flipped.swapaxes(-1, -3).reshape(*window, two // groups, groups * one)
    # What the forward padding took away is cropped by padding less. Where that would be negative, it is sliced
    # afterwards: XLA folds negative padding wrongly under jit (openxla/xla#48715).
    rows = list(zip(window, pads, leftovers, dilation, strict=True))
    ends = [(spanned(k, d) - 1 - before, spanned(k, d) - 1 - after + rest) for k, (before, after), rest, d in rows]
    out = lax.conv_general_dilated(
        y,
        flipped,
        (1,) * rank,
        [(max(before, 0), max(after, 0)) for before, after in ends],
        lhs_dilation=strides,
        rhs_dilation=dilation,
        dimension_numbers=_layout(rank, channels_last),
        feature_group_count=groups,
    )
    space = range(1, 1 + rank) if channels_last else range(2, 2 + rank)
    cuts = [slice(None)] * out.ndim
    for axis, (before, after) in zip(space, ends, strict=True):
        cuts[axis] = slice(max(-before, 0), out.shape[axis] - max(-after, 0))
    return out[tuple(cuts)]


def _reduce(x: Tensor, start: Any, reducer: Any, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    def full(spatial: Sequence[Any], other: Any) -> tuple[Any, ...]:
        return (other, *spatial, other) if channels_last else (other, other, *spatial)

    return lax.reduce_window(x, start, reducer, full(size, 1), full(strides, 1), full(pads, (0, 0)))


def max_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.asarray(jnp.iinfo(x.dtype).min, x.dtype)
    return _reduce(x, lowest, lax.max, size, strides, pads, channels_last)


def average_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool) -> Tensor:
    # Half precision would lose the sum.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (_reduce(wide, 0.0, lax.add, size, strides, pads, channels_last) / prod(size)).astype(x.dtype)
