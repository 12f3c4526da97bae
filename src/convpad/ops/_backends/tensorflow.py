"""TensorFlow: tensors are `tf.Tensor` and `tf.Variable`, symbolic ones too.

TensorFlow's CPU kernels know channels last alone, so channels-first tensors are transposed around them. One
spatial axis is computed as two, the first of length 1, because only the 2-D kernels take explicit pads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import gcd
from typing import Any

import numpy as np
import tensorflow as tf

from convpad.geometry import AMOUNTS
from convpad.ops._backends import Ints, Pairs
from convpad.problem import POOLS, Problem

Tensor = Any  # TensorFlow ships no types


def owns(x: object) -> bool:
    return isinstance(x, (tf.Tensor, tf.Variable))


def settled(remembered: Callable[..., Any], *arguments: Any) -> Any:
    return remembered(*arguments)


def shape(x: Tensor) -> tuple[int | None, ...]:
    return tuple(x.shape)


def dtype(x: Tensor) -> str:
    return x.dtype.name


def tensor(array: Any, like: Tensor) -> Tensor:
    if owns(array):
        return tf.cast(array, like.dtype)
    return tf.constant(np.asarray(array, like.dtype.as_numpy_dtype))


def size(x: Tensor, axis: int) -> Any:
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def positions(start: Any, stop: Any, like: Tensor) -> Tensor:
    return tf.range(start, stop)


def gather(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return tf.gather(x, index, axis=axis)


def slices(x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
    return x[cuts]


def flip(x: Tensor, axis: int) -> Tensor:
    return tf.reverse(x, [axis])


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return tf.concat(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = [size(rows, other) for other in range(len(rows.shape))]
    wanted[axis] = count
    return tf.broadcast_to(x, wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return tf.where(mask != 0, x, tf.constant(value, x.dtype))


def add_at(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    order = [axis, *(other for other in range(len(x.shape)) if other != axis)]
    back = [order.index(place) for place in range(len(order))]
    # Not tensor_scatter_nd_add, which refuses an empty batch.
    sums = tf.math.unsorted_segment_sum(tf.transpose(values, order), tf.cast(index, "int32"), size(x, axis))
    return x + tf.transpose(sums, back)


def native(problem: Problem, ignored: bool) -> str:
    if problem.op == "conv_transpose":
        return ""
    if problem.op in POOLS:
        if not ignored:
            return "tensorflow leaves the padding of a pool out"
        # Its compiler takes no explicit pads of a pool.
        return "" if _as_same(problem) else "tensorflow pads a pool as 'same' or not at all"
    if problem.rank == 3 and problem.op in ("depthwise_conv", "separable_conv"):
        return "tensorflow has no depthwise convolution of three axes"
    if any(window.dilation > 1 for window in problem.windows):
        return "tensorflow takes no explicit pads with dilation"
    if problem.rank == 3 and not _as_same(problem):
        return "tensorflow pads three axes as 'same' or not at all"
    return ""


def _as_same(problem: Problem) -> bool:
    """Whether all windows are padded just as TensorFlow's own SAME would."""
    return all(
        window.size is not None
        and (window.before, window.after) == AMOUNTS["same"].pad(window.size, window.span, window.stride)
        for window in problem.windows
    )


def _planar(x: Tensor, channels_last: bool) -> Tensor:
    """Channels last, with two spatial axes at least."""
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    return tf.expand_dims(x, 1) if len(x.shape) == 3 else x


def _back(x: Tensor, rank: int, channels_last: bool) -> Tensor:
    """What `_planar` did, undone."""
    if rank == 1:
        x = tf.squeeze(x, 1)
    return x if channels_last else tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


def _two(entries: Sequence[Any], first: Any) -> list[Any]:
    """Entries for two axes at least, from those of one."""
    return [first, *entries] if len(entries) == 1 else list(entries)


def _padding(pads: Pairs) -> Any:
    """TensorFlow's word for the pads, or its list of them. Three axes have no list: `native` lets through SAME."""
    if not any(map(any, pads)):
        return "VALID"
    return "SAME" if len(pads) == 3 else [(0, 0), *pads, (0, 0)]


def _holed(kernel: Tensor, dilation: Ints) -> Tensor:
    """The kernel with the holes of its dilation filled in with zeros, for kernels that know no dilation."""
    for axis, step in enumerate(dilation):
        if step > 1:
            taps = kernel.shape[axis]
            kernel = tf.expand_dims(kernel, axis + 1)
            kernel = tf.pad(kernel, [(0, step - 1) if a == axis + 1 else (0, 0) for a in range(len(kernel.shape))])
            merged = [*kernel.shape[:axis], taps * step, *kernel.shape[axis + 2 :]]
            kernel = tf.reshape(kernel, merged)[(slice(None),) * axis + (slice(0, (taps - 1) * step + 1),)]
    return kernel


def _undilated(kernel: Tensor, strides: Ints, dilation: Ints) -> tuple[Tensor, Ints]:
    """TensorFlow refuses dilation together with strides."""
    if max(dilation) > 1 and max(strides) > 1:
        return _holed(kernel, dilation), [1] * len(dilation)
    return kernel, dilation


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    rank = len(strides)
    kernel, dilation = _undilated(kernel, strides, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = _two(strides, strides[0]), _two(pads, (0, 0)), _two(dilation, 1)

    def convolve(x: Tensor, kernel: Tensor) -> Tensor:
        if max(dilation) > 1:
            return tf.nn.convolution(x, kernel, strides, _padding(pads), dilations=dilation)
        convolution = tf.nn.conv3d if rank == 3 else tf.nn.conv2d
        return convolution(x, kernel, [1, *strides, 1], _padding(pads))

    x = _planar(x, channels_last)
    # Grouped kernels of TensorFlow's CPU build have no gradient.
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    out = convolve(x, kernel) if groups == 1 else tf.concat([convolve(*part) for part in parts], -1)
    return _back(out, rank, channels_last)


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    rank = len(strides)
    x = _planar(x, channels_last)
    if rank == 3:
        return _back(_depthwise_taps(x, kernel, strides, dilation), rank, channels_last)
    kernel, dilation = _undilated(kernel, strides, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = _two(strides, strides[0]), _two(pads, (0, 0)), _two(dilation, 1)
    # Its strides must be equal: go by what divides both, and skip.
    common = gcd(*strides)
    out = tf.nn.depthwise_conv2d(x, kernel, [1, common, common, 1], _padding(pads), dilations=dilation)
    skips = [stride // common for stride in strides]
    return _back(out if max(skips) == 1 else out[:, :: skips[0], :: skips[1]], rank, channels_last)


def _depthwise_taps(x: Tensor, kernel: Tensor, strides: Ints, dilation: Ints) -> Tensor:
    """The sum over the taps of a shifted input times the tap, for ranks without a kernel of their own."""
    *window, channels, multiplier = kernel.shape
    starts = [[tap * step for tap in range(taps)] for taps, step in zip(window, dilation, strict=True)]
    spans = [places[-1] for places in starts]
    x = tf.expand_dims(x, -1)
    total: Any = 0
    for tap in product(*(range(taps) for taps in window)):
        cuts = [
            slice(places[t], size(x, 1 + axis) - span + places[t], stride)
            for axis, (places, t, span, stride) in enumerate(zip(starts, tap, spans, strides, strict=True))
        ]
        total += x[(slice(None), *cuts)] * kernel[tap]
    shape = tf.shape(total)
    out = tf.reshape(total, tf.concat([shape[:-2], [channels * multiplier]], 0))
    return tf.ensure_shape(out, [*total.shape[:-2], channels * multiplier])


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
    rank = len(strides)
    # The gradient kernels of the CPU know no dilation.
    kernel = _holed(kernel, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    y = _planar(y, channels_last)
    strides, pads, leftovers = _two(strides, 1), _two(pads, (0, 0)), _two(leftovers, 0)
    full = [
        (size(y, 1 + axis) - 1) * stride + kernel.shape[axis] + rest
        for axis, (stride, rest) in enumerate(zip(strides, leftovers, strict=True))
    ]

    def transpose(y: Tensor, kernel: Tensor) -> Tensor:
        shape: Any = [size(y, 0), *full, kernel.shape[-2]]
        transposed = tf.nn.conv3d_transpose if rank == 3 else tf.nn.conv2d_transpose
        return transposed(y, kernel, shape, [1, *strides, 1], "VALID")

    parts = zip(tf.split(y, groups, -1), tf.split(kernel, groups, -1), strict=True)
    out = transpose(y, kernel) if groups == 1 else tf.concat([transpose(*part) for part in parts], -1)
    cuts = (slice(before, length - after) for (before, after), length in zip(pads, full, strict=True))
    return _back(out[(slice(None), *cuts)], rank, channels_last)


def _pooled(pool: Callable[..., Tensor], x: Tensor, size: Ints, strides: Ints, pads: Pairs, last: bool) -> Tensor:
    """A pool of one or two axes, or of three as one of two and one of one: the 3-D kernels lack most dtypes."""
    rank = len(size)
    padding = "SAME" if any(map(any, pads)) else "VALID"  # `native` lets nothing else through
    x = _planar(x, last)
    if rank < 3:
        return _back(pool(x, _two(size, 1), _two(strides, strides[0]), padding), rank, last)
    batch, depth, height, width, channels = tf.unstack(tf.shape(x))
    planes = pool(tf.reshape(x, [batch * depth, height, width, x.shape[-1]]), size[1:], strides[1:], padding)
    _, high, wide, _ = tf.unstack(tf.shape(planes))
    columns = tf.reshape(planes, [batch, depth, high * wide, x.shape[-1]])
    out = pool(columns, [size[0], 1], [strides[0], 1], padding)
    return _back(tf.reshape(out, [batch, tf.shape(out)[1], high, wide, channels]), rank, last)


def max_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    return _pooled(tf.nn.max_pool2d, x, size, strides, pads, channels_last)


def average_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool) -> Tensor:
    return _pooled(tf.nn.avg_pool2d, x, size, strides, pads, channels_last)
