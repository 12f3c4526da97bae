"""Facts and elementary operations of TensorFlow tensors; slices replaced and added to, with gradients as thin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf

from convpad import tuning
from convpad.backends.base import Box, Context

Tensor = Any  # TensorFlow ships no types


def owns(x: object) -> bool:
    return isinstance(x, (tf.Tensor, tf.Variable))


def tensor(array: Any, like: Tensor) -> Tensor:
    if owns(array):
        return tf.cast(array, like.dtype)
    return tf.constant(np.asarray(array, like.dtype.as_numpy_dtype))


def context(*arrays: Tensor) -> Context:
    # Out of a graph nothing is updated in place: every part that is added copies the whole.
    device = "gpu" if tf.config.get_visible_devices("GPU") else "cpu"
    return Context(device, eager=bool(arrays) and tf.executing_eagerly())


def zeros(shape: Sequence[int], like: Tensor) -> Tensor:
    return tf.zeros(shape, like.dtype)


def size(x: Tensor, axis: int) -> Any:
    known = x.shape[axis]
    return tf.shape(x)[axis] if known is None else known


def arange(start: Any, stop: Any, like: Tensor) -> Tensor:
    return tf.range(start, stop)


def take(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return tf.gather(x, index, axis=axis)


def flip(x: Tensor, axis: int) -> Tensor:
    return tf.reverse(x, [axis])


def sum_along(x: Tensor, axis: int) -> Tensor:
    return tf.reduce_sum(x, axis, keepdims=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return tf.concat(parts, axis)


def interleave(parts: list[Tensor], axis: int) -> Tensor:
    shape = [size(parts[0], other) for other in range(len(parts[0].shape))]
    shape[axis] = shape[axis] * len(parts)
    return tf.reshape(tf.stack(parts, axis + 1), shape)


def broadcast_along(x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
    shape = [size(like, other) for other in range(len(like.shape))]
    shape[axis] = count
    return tf.broadcast_to(x, shape)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return tf.where(mask != 0, x, tf.constant(value, x.dtype))


def planar(x: Tensor, channels_last: bool) -> Tensor:
    """Return a tensor with its channels last and at least two spatial axes."""
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    return tf.expand_dims(x, 1) if len(x.shape) == 3 else x


def as_given(x: Tensor, rank: int, channels_last: bool) -> Tensor:
    """Return the result of an operation on a `planar` tensor with the axes of the input: the inverse of `planar`."""
    if rank == 1:
        x = tf.squeeze(x, 1)
    return x if channels_last else tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


def two(entries: Sequence[Any], first: Any) -> list[Any]:
    """Return entries for at least two axes, with `first` before the entry of a single one."""
    return [first, *entries] if len(entries) == 1 else list(entries)


def set_slice(x: Tensor, box: Box, values: Tensor) -> Tensor:
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
    if x.shape.is_fully_defined():
        return tf.reshape(rows, x.shape)
    return tf.ensure_shape(tf.reshape(rows, tf.shape(x)), x.shape)


def add_slice(x: Tensor, box: Box, values: Tensor, *, exportable: bool = False) -> Tensor:
    if not exportable:
        return set_slice(x, box, x[box] + values)
    # Converters of graphs (LiteRT, ONNX, OpenVINO) know no update in place.
    axis, lead = len(box) - 1, box[:-1]
    length, cut = size(x, axis), box[-1]
    start, stop = cut.start or 0, length if cut.stop is None else cut.stop
    # Nor empty parts: OpenVINO aborts the process.
    before = [] if isinstance(start, int) and start == 0 else [x[(*lead, slice(0, start))]]
    after = [] if isinstance(length, int) and stop == length else [x[(*lead, slice(stop, None))]]
    return tf.concat([*before, x[box] + values, *after], axis)


def _count(x: Tensor, axes: range) -> Any:
    return prod(size(x, axis) for axis in axes)


def scatter_add(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    order = [axis, *(other for other in range(len(x.shape)) if other != axis)]
    back = [order.index(dimension) for dimension in range(len(order))]
    # Not tensor_scatter_nd_add, which refuses an empty batch.
    sums = tf.math.unsorted_segment_sum(tf.transpose(values, order), tf.cast(index, "int32"), size(x, axis))
    return x + tf.transpose(sums, back)


def take_slices(x: Tensor, boxes: Sequence[Box]) -> list[Tensor]:
    if not boxes:
        return [x]

    @tf.custom_gradient
    def cut(x: Tensor) -> tuple[list[Tensor], Callable[..., Tensor]]:
        def back(whole: Tensor, *parts: Tensor) -> Tensor:
            # Its own would make of every part a tensor of zeros as large as the whole.
            for box, part in zip(boxes, parts, strict=True):
                whole = set_slice(whole, box, whole[box] + part)
            return whole

        return [tf.identity(x), *(x[box] for box in boxes)], back

    return cut(tf.convert_to_tensor(x))  # pyright: ignore


def add_slices(out: Tensor, added: Sequence[tuple[Box, Tensor]]) -> Tensor:
    boxes = [box for box, _ in added]
    if not boxes:
        return out

    @tf.custom_gradient
    def put_in(out: Tensor, *values: Tensor) -> tuple[Tensor, Callable[[Tensor], Any]]:
        def back(gradient: Tensor) -> Any:
            parts = [gradient[box] for box in boxes]
            for at, value in enumerate(values):
                if value.shape[0] == 1:  # what a constant adds is added to every image
                    parts[at] = tf.reduce_sum(parts[at], 0, keepdims=True)
            return gradient, *parts

        for box, value in zip(boxes, values, strict=True):
            out = set_slice(out, box, out[box] + value)
        return out, back

    return put_in(out, *(values for _, values in added))


def multiply(
    out: Tensor, factors: Callable[[], Tensor], boxes: Callable[[], Sequence[tuple[Box, Any]] | None]
) -> Tensor:
    # Not with an open batch: that is what converters read, which know no updates in place.
    known = None not in out.shape
    large = known and prod(out.shape) >= tuning.LIMITS["tensorflow.scale_parts_values"]
    thin_boxes = boxes() if large and not tf.executing_eagerly() else None
    if thin_boxes is None:
        return out * factors()

    @tf.custom_gradient
    def in_parts(out: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        for box, rows in thin_boxes:
            out = set_slice(out, box, out[box] * tensor(rows, out))
        return out, in_parts

    return in_parts(out)  # pyright: ignore
