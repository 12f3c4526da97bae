"""TensorFlow: everything runs under `tf.function`; no other library on it has the modes, so there are no peers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from benchmarks.candidates import Case, Entry, Framework
from benchmarks.rows import Pairs
from convpad.benchmark.runners import Steps
from convpad.benchmark.runners import tensorflow as runner

__all__ = ["RUNNER"]

tf.get_logger().setLevel("ERROR")  # it warns of every candidate that is compiled


def _extended(x: Any, axis: int, pair: tuple[int, int], mode: str) -> Any:
    """Return one axis padded by joined slices: `tf.pad` has no edge and no wrap."""
    before, after = pair
    cut = (slice(None),) * axis
    if mode == "circular":
        size = x.shape[axis]
        parts = [x[(*cut, slice(size - before, size))], x, x[(*cut, slice(0, after))]]
    else:
        start, end = x[(*cut, slice(0, 1))], x[(*cut, slice(-1, None))]
        parts = [tf.repeat(start, before, axis), x, tf.repeat(end, after, axis)]
    return tf.concat([part for part, count in zip(parts, (before, 1, after), strict=True) if count], axis)


def _differentiated_by_xla(convolution: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a convolution with groups or dilation whose gradient XLA compiles: TensorFlow's CPU build has none."""

    @tf.function(jit_compile=True, autograph=False)
    def gradients(x: Any, kernel: Any, cotangent: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((x, kernel))
            output = convolution(x, kernel)
        return tape.gradient(output, (x, kernel), cotangent)

    @tf.custom_gradient
    def run(x: Any, kernel: Any) -> Any:
        return convolution(x, kernel), lambda cotangent: gradients(x, kernel, cotangent)

    return run


class Tensorflow(runner.Tensorflow, Framework):
    """See `Framework`."""

    def _pad(self, x: Any, pairs: Pairs, mode: str, value: float) -> Any:
        if mode in self.pad_words:
            return super()._pad(x, pairs, mode, value)
        for axis, pair in enumerate(pairs):
            if any(pair):
                x = _extended(x, 1 + axis, pair, mode)
        return x

    def limit(self, case: Case) -> Entry:
        """Return the convolution with `SAME`: with explicit pads the gradient of `tf.nn.conv2d` takes twice as long."""
        row = case.row
        strides = [1, *(row.stride,) * row.rank, 1]
        if row.transposed:
            shape = row.output_shape
            return self._limit(case, lambda y, k: tf.nn.conv2d_transpose(y, k, shape, strides, "SAME"))
        if row.depthwise:
            return self._limit(case, lambda x, k: tf.nn.depthwise_conv2d(x, k, strides, "SAME"))
        if row.padding == "causal":  # as much of it on both sides: one axis has no explicit pad
            convolution_1d = partial(tf.nn.conv1d, stride=row.stride, padding="SAME", dilations=row.dilation)
            return Entry("limit", convolution_1d, row.even_pairs, case.zeros)
        options = {"strides": strides, "padding": "SAME", "dilations": [1, *(row.dilation,) * row.rank, 1]}
        convolution = partial(tf.nn.conv3d if row.rank == 3 else tf.nn.conv2d, **options)
        lacks_gradient = row.groups > 1 or row.dilation > 1
        return self._limit(case, _differentiated_by_xla(convolution) if lacks_gradient else convolution)

    def _limit(self, case: Case, function: Callable[[Any, Any], Any]) -> Entry:
        return Entry("limit", function, case.row.pairs, case.zeros)

    def peers(self, case: Case) -> list[Entry]:
        return []

    def compiled(self, entry: Entry, case: Case) -> tuple[Steps, Any]:
        x, kernel, cotangent = (self.tensor(array, case.dtype) for array in case.arrays)
        source = kernel if entry.layer is None else entry.layer.kernel.value
        return self.steps(entry.function, x, source, cotangent), self.arrays


RUNNER = Tensorflow()
