"""TensorFlow: tensors are `tf.Tensor` and `tf.Variable`, symbolic ones too.

TensorFlow's CPU kernels know channels last alone, so channels-first tensors are transposed around them. One
spatial axis is computed as two, the first of length 1, because only the 2-D kernels take explicit pads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import product
from math import gcd, prod
from typing import Any

import numpy as np
import tensorflow as tf

from convpad.geometry import AMOUNTS
from convpad.ops._backends import Ints, Pairs
from convpad.problem import POOLS, Problem

Tensor = Any  # TensorFlow ships no types

UPDATES_IN_PLACE = False


def lay_out(kernel: Tensor) -> None:
    pass


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


def device(*arrays: Tensor) -> str:
    return "gpu" if tf.config.get_visible_devices("GPU") else "cpu"


def zeros(shape: Ints, like: Tensor) -> Tensor:
    return tf.zeros(shape, like.dtype)


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


def total(x: Tensor, axis: int) -> Tensor:
    return tf.reduce_sum(x, axis, keepdims=True)


@lru_cache(maxsize=64)
def _sources(problem: Problem) -> Any:
    """For every place of the padded axes, counted as one axis, the place of the value copied there; else None."""
    flat = np.zeros((), np.int32)
    for window, modes in zip(problem.windows, problem.modes, strict=True):
        if not window.known:
            return None
        size, end = window.size or 0, (window.size or 0) + (window.after or 0)
        found: list[int] = []
        for place in range(-(window.before or 0), end):
            mode = modes[0] if place < 0 else modes[1]
            drawn = ((place, 1),) if 0 <= place < size else mode.terms(place, size)
            if len(drawn) != 1 or drawn[0][1] != 1:
                return None
            found.append(drawn[0][0])
        flat = flat[..., None] * size + np.asarray(found, np.int32)
    return flat.reshape(-1)


def _one_number(problem: Problem, values: Any) -> float | None:
    """The number that stands everywhere outside, where it is one for all sides and all is known."""
    if any(mode.copies for pair in problem.modes for mode in pair) or not all(w.known for w in problem.windows):
        return None
    carried = [0 if value is None else value for pair in values for value in pair]
    alike = all(isinstance(value, (int, float)) for value in carried) and len(set(carried)) == 1
    return carried[0] if alike else None


def extended(x: Tensor, problem: Problem, values: Any, back: Callable[[Tensor], Tensor]) -> Tensor | None:
    """TensorFlow's own pad for a number; one gather for all axes, where all outside are copies of values inside."""
    number = _one_number(problem, values)
    if number is not None:
        space = [(0, 0), *problem.pads, (0, 0)] if problem.channels_last else [(0, 0), (0, 0), *problem.pads]
        return tf.pad(x, space, constant_values=tensor(number, x)) if number else tf.pad(x, space)
    places = _sources(problem)
    if places is None:
        return None
    sizes = [window.size or 0 for window in problem.windows]
    lead, rest = ([size(x, 0)], [size(x, -1)]) if problem.channels_last else ([size(x, 0), size(x, 1)], [])

    @tf.custom_gradient
    def gathered(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        flat = tf.gather(tf.reshape(x, [*lead, prod(sizes), *rest]), places, axis=len(lead))
        # Its own gradient is a sum over segments, which is slower than slices added in place.
        return tf.reshape(flat, [*lead, *(window.padded for window in problem.windows), *rest]), back

    return gathered(x)


def recomputing(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return function


def remaking(padded: Tensor, remake: Callable[[], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    return nullcontext()


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return tf.concat(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = [size(rows, other) for other in range(len(rows.shape))]
    wanted[axis] = count
    return tf.broadcast_to(x, wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return tf.where(mask != 0, x, tf.constant(value, x.dtype))


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0)] * len(x.shape)
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = pair
    return tf.pad(x, around)


def put(x: Tensor, box: tuple[slice, ...], values: Tensor) -> Tensor:
    # As rows: on two axes TensorFlow updates twice as fast as on four. In a graph it does so in place.
    axis = len(box) - 1
    lead, inner = _count(x, range(axis)), _count(x, range(axis + 1, len(x.shape)))
    begin, end = box[-1].start or 0, size(x, axis) if box[-1].stop is None else box[-1].stop
    rows = tf.raw_ops.TensorStridedSliceUpdate(
        input=tf.reshape(x, [lead, size(x, axis) * inner]),
        begin=[0, begin * inner],
        end=[lead, end * inner],
        strides=[1, 1],
        value=tf.reshape(values, [lead, (end - begin) * inner]),
    )
    return tf.ensure_shape(tf.reshape(rows, tf.shape(x)), x.shape)


def _count(x: Tensor, axes: range) -> Any:
    return prod(size(x, axis) for axis in axes)


def add(x: Tensor, box: tuple[slice, ...], values: Tensor) -> Tensor:
    return put(x, box, x[box] + values)


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
    windows = problem.windows
    return _same([w.size for w in windows], [w.span for w in windows], problem.strides, problem.pads)


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


def _same(sizes: Any, window: Ints, strides: Ints, pads: Pairs) -> bool:
    same = AMOUNTS["same"]
    rows = zip(sizes, window, strides, pads, strict=True)
    return all(size is not None and same.pad(size, taps, stride) == tuple(pair) for size, taps, stride, pair in rows)


def _padding(x: Tensor, window: Ints, strides: Ints, pads: Pairs) -> Any:
    """TensorFlow's word for the pads, or its list of them. Three axes have no list: `native` lets through SAME."""
    if not any(map(any, pads)):
        return "VALID"
    if len(pads) == 3 or _same(x.shape[1:-1], window, strides, pads):
        return "SAME"
    return [(0, 0), *pads, (0, 0)]


def _explicit(x: Tensor, kernel: Tensor, strides: Ints, pads: Any, forward: Any, to_x: Any, to_kernel: Any) -> Tensor:
    """A convolution with a list of pads, and a gradient with none.

    TensorFlow 2.21 computes the gradients of explicit pads without oneDNN, 2 to 4 times as slowly as those of VALID
    on a padded tensor (`python -m benchmarks layers --backend tensorflow`).
    """

    @tf.custom_gradient
    def convolved(x: Tensor, kernel: Tensor) -> Any:
        def gradients(gradient: Tensor) -> tuple[Tensor, Tensor]:
            padded = tf.pad(x, pads)
            given = {"out_backprop": gradient, "strides": [1, *strides, 1], "padding": "VALID"}
            to_padded = to_x(input_sizes=tf.shape(padded), filter=kernel, **given)
            cut = tf.slice(to_padded, [before for before, _ in pads], tf.shape(x))
            return cut, to_kernel(input=padded, filter_sizes=tf.shape(kernel), **given)

        return forward(x, kernel, [1, *strides, 1], pads), gradients

    return convolved(x, kernel)


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


def _grouped(operation: Callable[[Tensor, Tensor], Tensor], x: Tensor, kernel: Tensor, groups: int) -> Tensor:
    """Group by group: grouped kernels of TensorFlow's CPU build have no gradient."""
    if groups == 1:
        return operation(x, kernel)
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([operation(*part) for part in parts], -1)


@lru_cache
def _dilates(dtype: str) -> bool:
    """Whether this build has dilated kernels and their gradients: with oneDNN, for some dtypes. Tried once."""
    try:
        with tf.init_scope():
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=[1, 7, 7, 2],
                filter=tf.ones([3, 3, 2, 2], dtype),
                out_backprop=tf.ones([1, 3, 3, 2], dtype),
                strides=[1, 1, 1, 1],
                padding="VALID",
                dilations=[1, 2, 2, 1],
            )
    except tf.errors.OpError:
        return False
    return True


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    rank = len(strides)
    if not (rank < 3 and _dilates(x.dtype.name)):
        kernel, dilation = _undilated(kernel, strides, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = _two(strides, strides[0]), _two(pads, (0, 0)), _two(dilation, 1)
    dilation = [step if taps > 1 else 1 for step, taps in zip(dilation, kernel.shape, strict=False)]

    def convolve(x: Tensor, kernel: Tensor) -> Tensor:
        window = [(taps - 1) * step + 1 for taps, step in zip(kernel.shape, dilation, strict=False)]
        padding = _padding(x, window, strides, pads)
        if max(dilation) > 1 and rank < 3 and _dilates(x.dtype.name):
            return tf.nn.conv2d(x, kernel, [1, *strides, 1], padding, dilations=dilation)
        if max(dilation) > 1:
            return tf.nn.convolution(x, kernel, strides, padding, dilations=dilation)
        convolution: Any = tf.nn.conv3d if rank == 3 else tf.nn.conv2d
        if not isinstance(padding, str):
            raw = tf.raw_ops
            return _explicit(
                x, kernel, strides, padding, convolution, raw.Conv2DBackpropInput, raw.Conv2DBackpropFilter
            )
        return convolution(x, kernel, [1, *strides, 1], padding)

    x = _planar(x, channels_last)
    out = _grouped(convolve, x, kernel, groups)
    return _back(out, rank, channels_last)


def _guarded(kernel: Tensor, x: Tensor) -> Tensor:
    """The kernel, its gradient 0 for an empty batch: TensorFlow 2.21 leaves a depthwise one as memory was."""
    if x.shape[0]:
        return kernel

    @tf.custom_gradient
    def same(kernel: Tensor) -> Any:
        return tf.identity(kernel), lambda found: tf.where(tf.size(x) > 0, found, tf.zeros_like(found))

    return same(kernel)


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    rank = len(strides)
    x = _planar(x, channels_last)
    if rank == 3:
        return _back(_depthwise_taps(x, kernel, strides, dilation), rank, channels_last)
    kernel, dilation = _undilated(_guarded(kernel, x), strides, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = _two(strides, strides[0]), _two(pads, (0, 0)), _two(dilation, 1)
    # Its strides must be equal: go by what divides both, and skip.
    common = gcd(*strides)
    window = [(taps - 1) * step + 1 for taps, step in zip(kernel.shape, dilation, strict=False)]
    padding = _padding(x, window, [common, common], pads)
    if isinstance(padding, str):
        out = tf.nn.depthwise_conv2d(x, kernel, [1, common, common, 1], padding, dilations=dilation)
    else:
        backs = tf.raw_ops.DepthwiseConv2dNativeBackpropInput, tf.raw_ops.DepthwiseConv2dNativeBackpropFilter
        out = _explicit(x, kernel, [common, common], padding, tf.nn.depthwise_conv2d, *backs)
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


def taps_of_whole(strides: Ints) -> bool:
    return True


def taps(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool) -> Tensor:
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    out = _depthwise_taps(tf.pad(x, [(0, 0), *pads, (0, 0)]), kernel, strides, dilation)
    return out if channels_last else tf.transpose(out, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


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

    sizes = [length - sum(pair) for length, pair in zip(full, pads, strict=True)]
    cuts = [slice(None), *(slice(before, length - after) for (before, after), length in zip(pads, full, strict=True))]
    same = not any(leftovers) and all(isinstance(length, int) for length in sizes)
    same = same and any(map(any, pads)) and _same(sizes, kernel.shape[:-2], strides, pads)

    def transpose(y: Tensor, kernel: Tensor) -> Tensor:
        transposed: Any = tf.nn.conv3d_transpose if rank == 3 else tf.nn.conv2d_transpose
        channels = kernel.shape[-2]
        if same:
            return transposed(y, kernel, [size(y, 0), *sizes, channels], [1, *strides, 1], "SAME")
        if rank == 3:
            return transposed(y, kernel, [size(y, 0), *full, channels], [1, *strides, 1], "VALID")[tuple(cuts)]
        return _cropped(y, kernel, strides, pads, [size(y, 0), *full, channels], tuple(cuts))

    out = _grouped(transpose, y, kernel, groups)
    return _back(out, rank, channels_last)


def _cropped(y: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, full: Any, cuts: tuple[slice, ...]) -> Tensor:
    """A transposed convolution cut to size; its gradient pads once, where that of the cut would twice."""

    @tf.custom_gradient
    def transposed(y: Tensor, kernel: Tensor) -> Any:
        def gradients(gradient: Tensor) -> tuple[Tensor, Tensor]:
            ends = [length - cut.stop for length, cut in zip(full[1:-1], cuts[1:], strict=True)]
            around = [(0, 0), *((before, end) for (before, _), end in zip(pads, ends, strict=True)), (0, 0)]
            padded, given = tf.pad(gradient, around), {"strides": [1, *strides, 1], "padding": "VALID"}
            to_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=padded, filter_sizes=tf.shape(kernel), out_backprop=y, **given
            )
            return tf.nn.conv2d(padded, kernel, **given), to_kernel

        return tf.nn.conv2d_transpose(y, kernel, full, [1, *strides, 1], "VALID")[cuts], gradients

    return transposed(y, kernel)


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
