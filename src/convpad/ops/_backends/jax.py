"""JAX: tensors are `jax.Array`, tracers too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import product
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.geometry.window import spanned
from convpad.ops._backends import Ints, Pairs
from convpad.problem import Problem

Tensor = jax.Array

UPDATES_IN_PLACE = True


def lay_out(kernel: Tensor) -> None:
    pass


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


def device(*arrays: Tensor) -> str:
    # A traced array is on no device yet; what is traced runs where JAX computes by default.
    return jax.default_backend()


def zeros(shape: Ints, like: Tensor) -> Tensor:
    return jnp.zeros(shape, like.dtype)


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


def total(x: Tensor, axis: int) -> Tensor:
    return x.sum(axis, keepdims=True)


def extended(x: Tensor, problem: Problem, values: Any, back: Callable[[Tensor], Tensor]) -> None:
    return None


def recomputing(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return jax.checkpoint(function)  # pyright: ignore


def remaking(padded: Tensor, remake: Callable[[], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    return nullcontext()


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return lax.concatenate(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = list(rows.shape)
    wanted[axis] = count
    return jnp.broadcast_to(x, wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return jnp.where(mask != 0, x, jnp.asarray(value, x.dtype))


def _starts(x: Tensor, box: tuple[slice, ...]) -> tuple[int, ...]:
    return tuple(cut.start or 0 for cut in box) + (0,) * (x.ndim - len(box))


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = (*pair, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), around)


def put(x: Tensor, box: tuple[slice, ...], values: Tensor) -> Tensor:
    return lax.dynamic_update_slice(x, values, _starts(x, box))


def add(x: Tensor, box: tuple[slice, ...], values: Tensor) -> Tensor:
    return _add(x, jnp.broadcast_to(values, x[box].shape), _starts(x, box))


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _add(x: Tensor, values: Tensor, starts: tuple[int, ...]) -> Tensor:
    if jax.device_count() > 1:
        return _sum(x, values, starts)  # where x is spread over devices, its box would have to be fetched
    here = lax.dynamic_slice(x, starts, values.shape)
    return lax.dynamic_update_slice(x, here + values, starts)


@_add.defjvp
def _add_jvp(starts: tuple[int, ...], primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    # As a sum: its transpose hands the gradient of x on as it is, where that of the update would copy it.
    (x, values), (dx, dvalues) = primals, tangents
    return _add(x, values, starts), _sum(dx, dvalues, starts)


def _sum(x: Tensor, values: Tensor, starts: tuple[int, ...]) -> Tensor:
    rows = zip(starts, values.shape, x.shape, strict=True)
    return x + lax.pad(values, jnp.zeros((), x.dtype), [(start, size - start - n, 0) for start, n, size in rows])


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
    kernel, pads = _live(kernel, sizes, strides, pads, dilation)
    spare = _spare(kernel, sizes, strides, pads, dilation)
    out = lax.conv_general_dilated(
        x,
        kernel,
        strides,
        [*pads[:-1], (pads[-1][0], pads[-1][1] + (spare is not None))],
        rhs_dilation=dilation,
        dimension_numbers=_layout(len(strides), channels_last),
        feature_group_count=groups,
    )
    return out if spare is None else lax.slice_in_dim(out, 0, spare, axis=len(strides) + (0 if channels_last else 1))


def _as_wide(x: Tensor, kernel: Tensor, pads: Pairs, dilation: Ints, groups: int, channels_last: bool) -> bool:
    """Whether a 2-D window is just as wide as its input. On a CPU its columns are better taken for channels.

    XLA's CPU convolution goes along the last axis; where that has one output it takes twice as long.
    """
    plain = x.ndim == 4 and channels_last and groups == 1 and jax.default_backend() == "cpu"
    return plain and x.shape[2] == kernel.shape[1] > 1 == dilation[1] and not any(pads[1])


def _spare(kernel: Tensor, sizes: Ints, strides: Ints, pads: Pairs, dilation: Ints) -> int | None:
    """How many outputs the last axis has, where one value of padding after it is worth while; else None.

    On a CPU XLA 0.10.2 takes 1.4 to 1.7 times as long for a 2-D convolution without any padding as for one with some
    (`python -m benchmarks layers --backend jax`, contestant `framework`).
    """
    *_, size = sizes
    if len(strides) != 2 or any(map(any, pads)) or not isinstance(size, int) or kernel.shape[:2] == (1, 1):
        return None
    if jax.default_backend() != "cpu":
        return None
    return (size - spanned(kernel.shape[1], dilation[1])) // strides[1] + 1


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    *window, channels, multiplier = kernel.shape
    grouped = kernel.reshape(*window, 1, channels * multiplier)
    return conv(x, grouped, strides, pads, dilation, channels, channels_last)


def taps_of_whole(strides: Ints) -> bool:
    # With strides most of the padded tensor would not be read by any one tap; and where an axis is spread over
    # devices, a tensor of the same size stays where it is.
    return max(strides) == 1 and jax.device_count() == 1


def taps(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool) -> Tensor:
    x = x if channels_last else jnp.moveaxis(x, 1, -1)
    # Half precision would lose the sum; XLA widens and narrows in the same loop.
    wide = jnp.promote_types(x.dtype, jnp.float32)
    window = _Taps(tuple(strides), tuple(pads), tuple(dilation))
    out = _taps(x.astype(wide), kernel.astype(wide), window).astype(x.dtype)
    return out if channels_last else jnp.moveaxis(out, -1, 1)


class _Taps(NamedTuple):
    """Where the taps of a window are."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    def outputs(self, x: Tensor, kernel: Tensor) -> list[int]:
        rows = zip(x.shape[1:-1], kernel.shape, self.strides, self.pads, self.dilation, strict=False)
        return [(size + sum(pair) - spanned(taps, step)) // stride + 1 for size, taps, stride, pair, step in rows]


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _taps(x: Tensor, kernel: Tensor, window: _Taps) -> Tensor:
    if not taps_of_whole(window.strides) and any(map(any, window.pads)):
        return _sum_of_taps(x, kernel, window)
    # The padded tensor is made once: fused into the sum, every tap would ask anew where the padding is.
    none = window._replace(pads=((0, 0),) * len(window.pads))
    return _sum_of_taps(lax.optimization_barrier(_zero_padded(x, window.pads)), kernel, none)


@_taps.defjvp
def _taps_jvp(window: _Taps, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    (x, kernel), (dx, dkernel) = primals, tangents
    dout = _sum_of_taps(dx, kernel, window)
    if jax.device_count() > 1 or x.size == 0:
        return _taps(x, kernel, window), dout + _sum_of_taps(x, dkernel, window)  # rows would be fetched one by one
    by_rows = jax.checkpoint(partial(_taps_by_rows, window=window))  # pyright: ignore
    return _taps(x, kernel, window), dout + by_rows(x, dkernel)


def _zero_padded(x: Tensor, pads: Pairs) -> Tensor:
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*pair, 0) for pair in pads), (0, 0, 0)])


def _sum_of_taps(x: Tensor, kernel: Tensor, window: _Taps) -> Tensor:
    *taps, channels, multiplier = kernel.shape
    outputs = window.outputs(x, kernel)
    total: Any = jnp.zeros((x.shape[0], *outputs, channels, multiplier), x.dtype)
    for tap in product(*map(range, taps)):
        cuts, around = [slice(None)], [(0, 0)]
        for place, at in enumerate(tap):
            # The outputs for which this tap falls on a value, and these values; for the others it falls on padding.
            stride, start = window.strides[place], at * window.dilation[place] - window.pads[place][0]
            first = max(-(start // stride), 0)
            count = max((x.shape[1 + place] - 1 - start) // stride + 1, 0)
            stop = max(min(count, outputs[place]), first)
            cuts.append(slice(first * stride + start, (stop - 1) * stride + start + 1, stride))
            around.append((first, outputs[place] - stop))
        if all(cut.start is None or cut.start < cut.stop for cut in cuts):
            total = total + _zero_padded(x[tuple(cuts)], around[1:])[..., None] * kernel[tap]
    return total.reshape(x.shape[0], *outputs, channels * multiplier)


def _taps_by_rows(x: Tensor, kernel: Tensor, window: _Taps) -> Tensor:
    """The same sum, row by row, every tap widened to a row of its own.

    Its transpose is the kernel's gradient, gathered a row at a time with nothing summed across a row until the end:
    3 to 10 times as fast as a reduction per tap, which XLA:CPU does value by value.
    """
    *taps, channels, multiplier = kernel.shape
    *lead, last = window.outputs(x, kernel)
    x = _zero_padded(x, window.pads)
    every = list(product(*map(range, taps)))
    wide = [jnp.broadcast_to(kernel[tap], (last, channels, multiplier)) for tap in every]
    rows = np.indices((x.shape[0], *lead)).reshape(1 + len(lead), -1).T * [1, *window.strides[:-1]]

    @jax.checkpoint  # pyright: ignore
    def row(wide: list[Tensor], at: Tensor) -> Tensor:
        total: Any = 0
        for tap, weights in zip(every, wide, strict=True):
            moved = [at[1 + axis] + tap[axis] * window.dilation[axis] for axis in range(len(lead))]
            line = lax.dynamic_slice(x, [at[0], *moved, 0, 0], (1, *(1,) * len(lead), *x.shape[-2:]))
            start, stride = tap[-1] * window.dilation[-1], window.strides[-1]
            line = lax.slice_in_dim(line.reshape(x.shape[-2:]), start, start + (last - 1) * stride + 1, stride)
            total = total + line[..., None] * weights
        return total

    _, out = lax.scan(lambda none, at: (none, row(wide, at)), None, jnp.asarray(rows))
    return out.reshape(x.shape[0], *lead, last, channels * multiplier)


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
