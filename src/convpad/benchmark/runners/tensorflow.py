"""How is TensorFlow timed? Everything under `tf.function`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf

from convpad.benchmark.runners import Function, Pairs, Steps

__all__ = ["ENGINE", "Tensorflow"]

WORDS: dict[str, Any] = {"zeros": "CONSTANT", "ignore": "CONSTANT", "constant": "CONSTANT"}
WORDS |= {"reflect": "REFLECT", "symmetric": "SYMMETRIC"}


def _gradient(function: Function, variable: Any, x: Any, kernel: Any, cotangent: Any) -> tuple[Any, Any, Any]:
    """The output, and its gradients for a cotangent: of a layer's variable, where there is one."""
    source = kernel if variable is None else variable
    with tf.GradientTape() as tape:
        tape.watch((x, source))
        out = function(x, kernel)
    input_gradient, kernel_gradient = tape.gradient(out, (x, source), output_gradients=cotangent)
    return out, input_gradient, kernel_gradient


class Tensorflow:
    """See `Engine`."""

    name = "tensorflow"
    pads = tuple(WORDS)
    padding = "tf.pad"

    def device(self) -> str:
        return "gpu" if tf.config.get_visible_devices("GPU") else "cpu"

    def tensor(self, array: Any, dtype: str) -> Any:
        return tf.cast(tf.constant(array), dtype)

    def array(self, tensor: Any) -> Any:
        return tf.cast(tensor, "float32").numpy()

    def pad(self, x: Any, pairs: Pairs, modes: tuple[str, ...], value: float = 0.0) -> Any:
        if len(set(modes)) == 1:
            return tf.pad(x, ((0, 0), *pairs, (0, 0)), WORDS[modes[0]], value if modes[0] == "constant" else 0)
        for axis, mode in enumerate(modes):
            alone = tuple(pair if place == axis else (0, 0) for place, pair in enumerate(pairs))
            x = self.pad(x, alone, (mode,) * len(modes), value)
        return x

    def convolution(self, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]) -> str:
        if max(strides) > 1 and max(dilation) > 1:
            return ""
        if depthwise:
            return "tf.nn.depthwise_conv2d" if len(strides) == 2 and len(set(strides)) == 1 else ""
        return "tf.nn.convolution"

    def valid(
        self, x: Any, kernel: Any, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]
    ) -> Any:
        if depthwise:
            return tf.nn.depthwise_conv2d(x, kernel, [1, *strides, 1], "VALID", dilations=list(dilation))
        return tf.nn.convolution(x, kernel, list(strides), "VALID", dilations=list(dilation))

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return tf.ones(shape, like.dtype)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        def transposed(y: Any, kernel: Any) -> Any:
            x = tf.zeros(shape, y.dtype)
            with tf.GradientTape() as tape:
                tape.watch(x)
                out = function(x, kernel)
            return tape.gradient(out, x, output_gradients=y)

        return transposed

    def bound(self, layer: Any, call: Callable[[Any], Any]) -> Function:
        return lambda x, kernel: call(x)

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        # A variable is not handed in: a layer reads its own.
        variable = kernel if isinstance(kernel, tf.Variable) else None
        given = tf.zeros(()) if variable is not None else kernel

        # Partials, as TensorFlow warns of many functions that are made of the same code.
        forward = tf.function(partial(function), autograph=False)
        backward = tf.function(partial(_gradient, function, variable), autograph=False)
        return Steps(lambda: self._done(forward(x, given)), lambda: self._done(backward(x, given, cotangent)))

    def _done(self, tensors: Any) -> Any:
        """On a CPU a tf.function has ended when it returns."""
        if self.device() != "cpu":
            tf.test.experimental.sync_devices()
        return tensors


ENGINE = Tensorflow()
