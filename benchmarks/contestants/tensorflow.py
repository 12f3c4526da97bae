"""TensorFlow: everything under `tf.function`; no other library on it has the modes, so there are no peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from benchmarks.contestants import Contestant, Entry, Task
from benchmarks.rows import Pairs
from convpad.benchmark.runners import tensorflow as engine

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


class Tensorflow(engine.Tensorflow):
    """See `Engine`."""

    def pad(self, x: Any, pairs: Pairs, modes: tuple[str, ...], value: float = 0.0) -> Any:
        if set(modes) <= set(self.pads):
            return super().pad(x, pairs, modes, value)
        for axis, (pair, mode) in enumerate(zip(pairs, modes, strict=True)):
            alone = tuple(pair if place == axis else (0, 0) for place in range(len(pairs)))
            if mode in self.pads:
                x = super().pad(x, alone, (mode,) * len(modes), value)
            elif any(pair):
                x = _extended(x, 1 + axis, pair, mode)
        return x

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
        x, kernel, cotangent = (self.tensor(array, task.dtype) for array in task.arrays)
        source = kernel if entry.layer is None else entry.layer.kernel.value
        steps = self.steps(entry.function, x, source, cotangent)

        def read(tensors: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
            out, input_gradient, kernel_gradient = map(self.array, tensors)
            return out, input_gradient, kernel_gradient

        return Contestant(entry.name, steps.forward, steps.backward, read, entry.pairs, entry.modes)


ENGINE = Tensorflow()
