"""TensorFlow's runner: everything runs under `tf.function`."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

import tensorflow as tf

from convpad.benchmark.layer import Layer, Pairs
from convpad.benchmark.runners import Function, Runner, Steps


def _backward(function: Function, variable: Any, x: Any, kernel: Any, cotangent: Any) -> tuple[Any, Any, Any]:
    """Return the output, and its gradients for a cotangent: of a layer's variable, where there is one."""
    source = kernel if variable is None else variable
    with tf.GradientTape() as tape:
        tape.watch((x, source))
        output = function(x, kernel)
    input_gradient, kernel_gradient = tape.gradient(output, (x, source), output_gradients=cotangent)
    return output, input_gradient, kernel_gradient


class Tensorflow(Runner):
    """See `Runner`."""

    name = "tensorflow"
    pad_words: ClassVar[dict[str, Any]] = {
        "zeros": "CONSTANT", "ignore": "CONSTANT", "constant": "CONSTANT",
        "reflect": "REFLECT", "symmetric": "SYMMETRIC",
    }  # fmt: skip
    pad_function = "tf.pad"

    def tensor(self, array: Any, dtype: str) -> Any:
        return tf.cast(tf.constant(array), dtype)

    def array(self, tensor: Any) -> Any:
        return tf.cast(tensor, "float32").numpy()

    def _pad(self, x: Any, pairs: Pairs, mode: str, value: float) -> Any:
        return tf.pad(x, ((0, 0), *pairs, (0, 0)), self.pad_words[mode], value if mode == "constant" else 0)

    def convolution_name(self, layer: Layer) -> str:
        strides = layer.strides
        if max(strides) > 1 and max(layer.dilation) > 1:
            return ""
        if layer.is_depthwise:
            return "tf.nn.depthwise_conv2d" if len(strides) == 2 and len(set(strides)) == 1 else ""
        return "tf.nn.convolution"

    def convolve(self, x: Any, kernel: Any, layer: Layer) -> Any:
        strides, dilation = list(layer.strides), list(layer.dilation)
        if layer.is_depthwise:
            return tf.nn.depthwise_conv2d(x, kernel, [1, *strides, 1], "VALID", dilations=dilation)
        # Its CPU build has no gradient of a grouped convolution.
        groups = x.shape[-1] // kernel.shape[-2]
        parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True) if groups > 1 else [(x, kernel)]
        outputs = [tf.nn.convolution(*part, strides, "VALID", dilations=dilation) for part in parts]
        return tf.concat(outputs, -1) if groups > 1 else outputs[0]

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return tf.ones(shape, like.dtype)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        return lambda y, kernel: _backward(function, None, tf.zeros(shape, y.dtype), kernel, y)[1]

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        # A variable is no argument: a layer reads its own.
        variable = kernel if isinstance(kernel, tf.Variable) else None
        argument = tf.zeros(()) if variable is not None else kernel

        # Partials, as TensorFlow warns of many functions that are made of the same code.
        forward = tf.function(partial(function), autograph=False)
        backward = tf.function(partial(_backward, function, variable), autograph=False)
        return Steps(
            lambda: self._wait_for(forward(x, argument)), lambda: self._wait_for(backward(x, argument, cotangent))
        )

    def _wait_for(self, tensors: Any) -> Any:
        """Return tensors once they are computed; on a CPU a tf.function has ended when it returns."""
        if tf.config.get_visible_devices("GPU"):
            tf.test.experimental.sync_devices()
        return tensors


RUNNER = Tensorflow()
