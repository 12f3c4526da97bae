"""How is JAX timed? Everything under `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.benchmark.runners import Function, Pairs, Steps

__all__ = ["ENGINE", "Jax", "convolved", "gradient", "layout"]

WORDS = {"zeros": "constant", "ignore": "constant", "constant": "constant", "reflect": "reflect"}
WORDS |= {"symmetric": "symmetric", "replicate": "edge", "circular": "wrap"}


def layout(rank: int) -> tuple[str, str, str]:
    """Channels last, as `dimension_numbers`."""
    space = "DHW"[3 - rank :]
    return (f"N{space}C", f"{space}IO", f"N{space}C")


def convolved(
    x: Any, kernel: Any, pairs: Pairs, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Any:
    """XLA's convolution, zero-padded."""
    groups = x.shape[-1] if depthwise else 1
    if depthwise:
        kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
    options = {"dimension_numbers": layout(len(pairs)), "feature_group_count": groups}
    return lax.conv_general_dilated(x, kernel, strides, pairs, rhs_dilation=dilation, **options)


def gradient(function: Function) -> Callable[[Any, Any, Any], tuple[Any, Any, Any]]:
    """The output, and its gradients for a cotangent."""

    def run(x: Any, kernel: Any, cotangent: Any) -> tuple[Any, Any, Any]:
        out, back = jax.vjp(function, x, kernel)
        return (out, *back(cotangent))

    return run


class Jax:
    """See `Engine`."""

    name = "jax"
    pads = tuple(WORDS)
    padding = "jnp.pad"

    def device(self) -> str:
        return jax.default_backend()

    def tensor(self, array: Any, dtype: str) -> Any:
        return jnp.asarray(array, dtype)

    def array(self, tensor: Any) -> Any:
        return np.asarray(tensor, "float32")

    def pad(self, x: Any, pairs: Pairs, modes: tuple[str, ...], value: float = 0.0) -> Any:
        if len(set(modes)) == 1:
            values = {"constant_values": value} if modes[0] == "constant" else {}
            return jnp.pad(x, ((0, 0), *pairs, (0, 0)), WORDS[modes[0]], **values)
        for axis, mode in enumerate(modes):
            alone = tuple(pair if place == axis else (0, 0) for place, pair in enumerate(pairs))
            x = self.pad(x, alone, (mode,) * len(modes), value)
        return x

    def convolution(self, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]) -> str:
        return "lax.conv_general_dilated"

    def valid(self, x: Any, kernel: Any, **window: Any) -> Any:
        return convolved(x, kernel, ((0, 0),) * (x.ndim - 2), **window)

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return jnp.ones(shape, like.dtype)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        def transposed(y: Any, kernel: Any) -> Any:
            _, back = jax.vjp(lambda x: function(x, kernel), jnp.zeros(shape, y.dtype))
            return back(y)[0]

        return transposed

    def bound(self, layer: Any, call: Callable[[Any], Any]) -> Function:
        import keras

        def run(x: Any, kernel: Any) -> Any:
            with keras.StatelessScope([(layer.kernel, kernel)]):
                return call(x)

        return run

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        forward, backward = jax.jit(function), jax.jit(gradient(function))
        return Steps(
            lambda: jax.block_until_ready(forward(x, kernel)),
            lambda: jax.block_until_ready(backward(x, kernel, cotangent)),
        )


ENGINE = Jax()
