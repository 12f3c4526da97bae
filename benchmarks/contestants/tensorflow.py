"""TensorFlow: everything under `tf.function`; no other library on it has the modes, so there are no peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from benchmarks.contestants import Contestant, Entry, Task
from benchmarks.rows import VALUE, Pairs, Row

__all__ = ["ENGINE"]

tf.get_logger().setLevel("ERROR")  # it warns of every contestant that is compiled


def _extended(x: Any, axis: int, pair: tuple[int, int], mode: str) -> Any:
    """One axis, with slices joined: `tf.pad` has no edge and no wrap."""
    before, after = pair
    cut = (slice(None),) * axis
    if mode == "circular":
        size = x.shape[axis]
        parts = [x[(*cut, slice(size - before, size))], x, x[(*cut, slice(0, after))]]
    else:
        start, end = x[(*cut, slice(0, 1))], x[(*cut, slice(-1, None))]
        parts = [tf.repeat(start, before, axis), x, tf.repeat(end, after, axis)]
    return tf.concat([part for part, count in zip(parts, (before, 1, after), strict=True) if count], axis)


class Tensorflow:
    """See `Engine`."""

    name = "tensorflow"

    def pad(self, x: Any, pairs: Pairs, modes: tuple[str, ...]) -> Any:
        if len(set(modes)) > 1 or modes[0] in ("replicate", "circular"):
            for axis, (pair, mode) in enumerate(zip(pairs, modes, strict=True)):
                alone = tuple(pair if place == axis else (0, 0) for place in range(len(pairs)))
                if mode in ("replicate", "circular"):
                    x = _extended(x, 1 + axis, pair, mode) if any(pair) else x
                else:
                    x = self.pad(x, alone, (mode,) * len(modes))
            return x
        word, value = ("REFLECT", 0) if modes[0] == "reflect" else ("CONSTANT", VALUE if modes[0] == "constant" else 0)
        return tf.pad(x, ((0, 0), *pairs, (0, 0)), word, value)

    def valid(self, row: Row, x: Any, kernel: Any) -> Any:
        if row.depthwise:
            return tf.nn.depthwise_conv2d(x, kernel, [1, row.stride, row.stride, 1], "VALID")
        return tf.nn.convolution(x, kernel, [row.stride] * row.rank, "VALID", dilations=[row.dilation] * row.rank)

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return tf.ones(shape, like.dtype)

    def adjoint(self, function: Callable[[Any, Any], Any], shape: tuple[int, ...]) -> Callable[[Any, Any], Any]:
        def transposed(y: Any, kernel: Any) -> Any:
            x = tf.zeros(shape, y.dtype)
            with tf.GradientTape() as tape:
                tape.watch(x)
                out = function(x, kernel)
            return tape.gradient(out, x, output_gradients=y)

        return transposed

    def limit(self, task: Task) -> Entry:
        """`SAME`, which is what is asked: with explicit pads the gradient of `tf.nn.conv2d` takes twice as long."""
        row = task.row
        strides = [1, *(row.stride,) * row.rank, 1]
        if row.transposed:
            shape = row.output_shape
            return self._limit(task, lambda y, k: tf.nn.conv2d_transpose(y, k, shape, strides, "SAME"))
        if row.depthwise:
            return self._limit(task, lambda x, k: tf.nn.depthwise_conv2d(x, k, strides, "SAME"))
        if row.padding == "causal":  # as much of it on both sides: there is no explicit pad of one axis
            convolved = partial(tf.nn.conv1d, stride=row.stride, padding="SAME", dilations=row.dilation)
            return Entry("limit", convolved, row.even_pairs, task.zeros)
        convolution = tf.nn.conv3d if row.rank == 3 else tf.nn.conv2d
        return self._limit(task, lambda x, k: convolution(x, k, strides, "SAME"))

    def _limit(self, task: Task, function: Callable[[Any, Any], Any]) -> Entry:
        return Entry("limit", function, task.row.pairs, task.zeros)

    def peers(self, task: Task) -> list[Entry]:
        return []

    def contestant(self, entry: Entry, task: Task) -> Contestant:
        x, kernel, cotangent = (tf.cast(tf.constant(array), task.dtype) for array in task.arrays)
        variable = entry.layer.kernel.value if entry.layer is not None else None

        @tf.function
        def forward(x: Any, kernel: Any) -> Any:
            return entry.function(x, kernel)

        @tf.function
        def backward(x: Any, kernel: Any, cotangent: Any) -> tuple[Any, Any, Any]:
            source = kernel if variable is None else variable
            with tf.GradientTape() as tape:
                tape.watch((x, source))
                out = entry.function(x, kernel)
            return (out, *tape.gradient(out, (x, source), output_gradients=cotangent))

        def read(tensors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            out, input_gradient, kernel_gradient = (tf.cast(tensor, "float32").numpy() for tensor in tensors)
            return out, input_gradient, kernel_gradient

        # On a CPU a tf.function has ended when it returns.
        return Contestant(
            entry.name,
            lambda: forward(x, kernel),
            lambda: backward(x, kernel, cotangent),
            read,
            entry.pairs,
            entry.modes,
        )


ENGINE = Tensorflow()
