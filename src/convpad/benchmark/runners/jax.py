"""JAX's runner: everything runs under `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.benchmark.runners import Function, Pairs, Runner, Steps

__all__ = ["RUNNER", "Jax", "convolve", "dimension_numbers"]


def dimension_numbers(rank: int) -> tuple[str, str, str]:
    """Return `dimension_numbers` of channels last."""
    space = "DHW"[3 - rank :]
    return (f"N{space}C", f"{space}IO", f"N{space}C")


def convolve(
    x: Any, kernel: Any, pairs: Pairs, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Any:
    """Return XLA's convolution, zero-padded."""
    groups = x.shape[-1] if depthwise else 1
    if depthwise:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    options = {"dimension_numbers": dimension_numbers(len(pairs)), "feature_group_count": groups}
    return lax.conv_general_dilated(x, kernel, strides, pairs, rhs_dilation=dilation, **options)


def _backward(function: Function) -> Callable[[Any, Any, Any], tuple[Any, Any, Any]]:
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

    def device(self) -> str:
        return jax.default_backend()

    def tensor(self, array: Any, dtype: str) -> Any:
        return jnp.asarray(array, dtype)

    def array(self, tensor: Any) -> Any:
        return np.asarray(tensor, "float32")

    def _pad(self, x: Any, pairs: Pairs, mode: str, value: float) -> Any:
        values = {"constant_values": value} if mode == "constant" else {}
        return jnp.pad(x, ((0, 0), *pairs, (0, 0)), self.pad_words[mode], **values)

    def convolution(self, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]) -> str:
        return "lax.conv_general_dilated"

    def convolve(self, x: Any, kernel: Any, **window: Any) -> Any:
        return convolve(x, kernel, ((0, 0),) * (x.ndim - 2), **window)

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return jnp.ones(shape, like.dtype)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        def transposed(y: Any, kernel: Any) -> Any:
            _, pullback = jax.vjp(lambda x: function(x, kernel), jnp.zeros(shape, y.dtype))
            return pullback(y)[0]

        return transposed

    def bind(self, layer: Any, call: Callable[[Any], Any]) -> Function:
        import keras

        def run(x: Any, kernel: Any) -> Any:
            with keras.StatelessScope([(layer.kernel, kernel)]):
                return call(x)

        return run

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        forward, backward = jax.jit(function), jax.jit(_backward(function))

        def temporary_bytes(step: str) -> int:
            lowered = forward.lower(x, kernel) if step == "forward" else backward.lower(x, kernel, cotangent)
            return lowered.compile().memory_analysis().temp_size_in_bytes  # pyright: ignore

        return Steps(
            lambda: jax.block_until_ready(forward(x, kernel)),
            lambda: jax.block_until_ready(backward(x, kernel, cotangent)),
            temporary_bytes,
        )


RUNNER = Jax()
