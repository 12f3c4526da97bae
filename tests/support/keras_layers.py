"""Keras layers by name, numbers in and out, gradients, on whatever backend Keras runs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import convpad
import convpad.keras

BACKEND = keras.config.backend()

# Keras's torch backend calls numpy.array on tensors, whose __array__ has no `copy` (keras 3.15.1, torch 2.13).
KNOWN_WARNINGS = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

CONVS = ("Conv1D", "Conv2D", "Conv3D")
TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D")
SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
POOLS = tuple(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))
PADDINGS = ("Padding1D", "Padding2D", "Padding3D")
ZERO_PADDINGS = ("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D")
WITH_KERNELS = CONVS + TRANSPOSED + DEPTHWISE + SEPARABLE
WINDOWED = WITH_KERNELS + POOLS
ALL = WINDOWED + PADDINGS + ZERO_PADDINGS

SIZES = {1: (9,), 2: (7, 6), 3: (5, 5, 7)}
CHANNELS = 4


def ours(name: str) -> Any:
    return getattr(convpad.keras, name)


def theirs(name: str) -> Any:
    return getattr(keras.layers, name)


def rank_of(name: str) -> int:
    return int(name.replace("Transpose", "")[-2])


def minimal(name: str, window: Any = 3) -> dict[str, Any]:
    """The arguments that the layer cannot do without, and ones for kernels: JAX compiles randomness for every shape."""
    if "Pool" in name:
        return {"pool_size": window}
    if "Padding" in name:
        return {}
    if name.startswith("Depthwise"):
        return {"kernel_size": window, "depth_multiplier": 2, "depthwise_initializer": "ones"}
    if name.startswith("Separable"):
        ones = {"depthwise_initializer": "ones", "pointwise_initializer": "ones"}
        return {"filters": 4, "kernel_size": window, **ones}
    return {"filters": 4, "kernel_size": window, "kernel_initializer": "ones"}


def numbers(*shape: int, seed: int = 0) -> Any:
    """Small whole numbers: sums of their products are exact, in any order."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype("float32")


def inputs_of(name: str, data_format: str = "channels_last", seed: int = 0) -> Any:
    x = numbers(2, *SIZES[rank_of(name)], CHANNELS, seed=seed)
    return x if data_format == "channels_last" else np.moveaxis(x, -1, 1)


def array(tensor: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")))


def fill_weights(layer: Any) -> list[Any]:
    """Gives a built layer whole-numbered weights, the same for the same shapes."""
    weights = [numbers(*weight.shape, seed=7 + place) for place, weight in enumerate(layer.weights)]
    layer.set_weights(weights)
    return weights


def covering(**columns: tuple[Any, ...]) -> Iterator[dict[str, Any]]:
    """The first rows of the product that show every pair of two columns' values: what one bug needs, and few rows.

    Greedy and in a fixed order.
    """
    names = list(columns)
    rows = [dict(zip(names, values, strict=True)) for values in itertools.product(*columns.values())]

    def pairs(row: dict[str, Any]) -> set[Any]:
        return {(a, repr(row[a]), b, repr(row[b])) for a, b in itertools.combinations(names, 2)}

    missing = set().union(*map(pairs, rows))
    while missing:
        best = max(rows, key=lambda row: len(pairs(row) & missing))
        missing -= pairs(best)
        yield best


def gradients(layer: Any, x: Any, cotangent: Any) -> list[Any]:
    """The gradients of `sum(cotangent * layer(x))`: to x, then to every trainable weight."""
    weights = layer.trainable_variables
    if BACKEND == "jax":
        import jax

        others = [variable.value for variable in layer.non_trainable_variables]

        def loss(x: Any, values: list[Any]) -> Any:
            outputs, _ = layer.stateless_call(values, others, x)
            return (outputs * cotangent).sum()

        dx, dweights = jax.jit(jax.grad(loss, argnums=(0, 1)))(
            jax.numpy.asarray(x), [weight.value for weight in weights]
        )
        return [np.asarray(gradient) for gradient in (dx, *dweights)]
    if BACKEND == "tensorflow":
        import tensorflow

        x = tensorflow.constant(x)
        with tensorflow.GradientTape() as tape:
            tape.watch(x)
            loss = tensorflow.reduce_sum(layer(x) * cotangent)
        found = tape.gradient(loss, [x, *(weight.value for weight in weights)])
        return [tensorflow.convert_to_tensor(gradient).numpy() for gradient in found]
    import torch

    x = torch.tensor(x, requires_grad=True)
    (layer(x) * torch.tensor(cotangent)).sum().backward()
    return [tensor.grad.numpy() for tensor in (x, *(weight.value for weight in weights))]


def oracle(name: str, layer: Any, x: Any, padding_mode: Any = None, weights: list[Any] | None = None) -> Any:
    """What the layer should give, by convpad's functions on NumPy arrays."""
    mode = layer.padding_mode if padding_mode is None else padding_mode
    options: dict[str, Any] = {"padding": layer.padding, "padding_mode": mode, "data_format": layer.data_format}
    if "Pool" in name:
        function: Callable[..., Any] = convpad.max_pool if name.startswith("Max") else convpad.average_pool
        return function(x, layer.pool_size, strides=layer.strides, **options)
    if "Padding" in name:
        return convpad.pad(x, layer.padding, mode, data_format=layer.data_format)
    options |= {"strides": layer.strides, "dilation_rate": layer.dilation_rate}
    values = [array(weight) for weight in layer.weights] if weights is None else weights
    if name.startswith("Separable"):
        out = convpad.separable_conv(x, values[0], values[1], **options)
        values = values[1:]
    elif name.startswith("Depthwise"):
        out = convpad.depthwise_conv(x, values[0], **options)
    elif "Transpose" in name:
        out = convpad.conv_transpose(x, values[0], output_padding=layer.output_padding, **options)
    else:
        out = convpad.conv(x, values[0], groups=layer.groups, **options)
    bias = values[1] if layer.use_bias else 0.0
    if layer.data_format == "channels_first" and layer.use_bias:
        bias = bias.reshape(-1, *(1,) * layer.rank)
    return out + bias
