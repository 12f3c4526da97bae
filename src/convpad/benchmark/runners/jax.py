"""JAX's runner: everything runs under `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.benchmark.layer import Layer, Pairs
from convpad.benchmark.runners import Function, Runner, Steps


def dimension_numbers(rank: int) -> tuple[str, str, str]:
    """Return `dimension_numbers` of channels last."""
    space = "DHW"[3 - rank :]
    return (f"N{space}C", f"{space}IO", f"N{space}C")


def convolve(x: Any, kernel: Any, layer: Layer, pairs: Pairs) -> Any:
    """Return XLA's convolution, zero-padded."""
    if layer.is_depthwise:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    groups = x.shape[-1] // kernel.shape[-2]
    layout = {"dimension_numbers": dimension_numbers(len(pairs)), "feature_group_count": groups}
    return lax.conv_general_dilated(x, kernel, layer.strides, pairs, rhs_dilation=layer.dilation, **layout)


def backward_of(function: Function) -> Callable[[Any, Any, Any], tuple[Any, Any, Any]]:
    """Return a function that gives the output, and its gradients for a cotangent."""

    def run(x: Any, kernel: Any, cotangent: Any) -> tuple[Any, Any, Any]:
        output, pullback = jax.vjp(function, x, kernel)
        return (output, *pullback(cotangent))

    return run


class Jax(Runner):
    """See `Runner`."""

    name = "jax"
    pad_words: ClassVar[dict[str, Any]] = {
        "zeros": "constant", "ignore": "constant", "constant": "constant", "reflect": "reflect",
        "symmetric": "symmetric", "replicate": "edge", "circular": "wrap",
    }  # fmt: skip
    pad_function = "jnp.pad"

    def tensor(self, array: Any, dtype: str) -> Any:
        return jnp.asarray(array, dtype)

    def array(self, tensor: Any) -> Any:
        return np.asarray(tensor, "float32")

    def _pad(self, x: Any, pairs: Pairs, mode: str, value: float) -> Any:
        values = {"constant_values": value} if mode == "constant" else {}
        return jnp.pad(x, ((0, 0), *pairs, (0, 0)), self.pad_words[mode], **values)

    def convolution_name(self, layer: Layer) -> str:
        return "lax.conv_general_dilated"

    def convolve(self, x: Any, kernel: Any, layer: Layer) -> Any:
        return convolve(x, kernel, layer, ((0, 0),) * (x.ndim - 2))

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return jnp.ones(shape, like.dtype)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        backward = backward_of(function)
        return lambda y, kernel: backward(jnp.zeros(shape, y.dtype), kernel, y)[1]

    def bind(self, layer: Any, call: Callable[[Any], Any]) -> Function:
        import keras

        def run(x: Any, kernel: Any) -> Any:
            with keras.StatelessScope([(layer.kernel, kernel)]):
                return call(x)

        return run

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        forward, backward = jax.jit(function), jax.jit(backward_of(function))
        return Steps(
            lambda: jax.block_until_ready(forward(x, kernel)),
            lambda: jax.block_until_ready(backward(x, kernel, cotangent)),
        )


RUNNER = Jax()
