"""Keras models in plain NumPy: layer by layer, in float64, every window by the oracle.

No framework computes anything here: it is only asked which layer reads which, and for the weights. So a model that
agrees with this agrees with the definition of every padding in it.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from functools import singledispatch
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

import convpad
from convpad.models.layer_map import PADDINGS, padding_mode_of, padding_of

__all__ = ["TOLERANCE", "answer", "answer_of_layer", "apart"]

Array = npt.NDArray[Any]

TOLERANCE = 1e-5
"""Largest difference, relative to the largest output, that float32 explains where few layers or two alike compute."""


def apart(output: Array, wanted: Array) -> float:
    """The largest difference, relative to the largest value that is wanted."""
    return float(np.abs(output - wanted).max() / np.abs(wanted).max())


def answer(model: Any, x: Array) -> Array:
    """What a functional model gives, in which each layer is called once.

    Args:
        model: of Keras's layers, or convpad's, with one input and one output, channels last.
        x: the input, `(batch, height, width, channels)`.

    Returns:
        The output, in float64.

    Example:

    >>> import keras, numpy as np
    >>> from convpad.demo.oracle import answer
    >>> image = keras.Input((3, 3, 1))
    >>> layer = keras.layers.DepthwiseConv2D(3, padding="same", depthwise_initializer="ones")
    >>> answer(keras.Model(image, layer(image)), np.ones((1, 3, 3, 1)))[0, :, :, 0]
    array([[4., 6., 4.],
           [6., 9., 6.],
           [4., 6., 4.]])

    Raises:
        TypeError: there is no layer of that kind in plain NumPy here.
    """
    known: dict[int, Any] = {}
    for layer in model.operations:
        if isinstance(layer, keras.layers.InputLayer):
            known[id(layer.output)] = np.asarray(x, np.float64)
        else:
            read = keras.tree.map_structure(lambda tensor: known[id(tensor)], layer.input)
            known[id(layer.output)] = answer_of_layer(layer, read)
    return known[id(model.output)]


@singledispatch
def answer_of_layer(layer: Any, x: Any) -> Array:
    """What one layer gives for what it reads: an array, or a list of them where it joins several.

    Raises:
        TypeError: there is no layer of that kind in plain NumPy here.
    """
    if type(layer) in PADDINGS:
        amount, mode = padding_of(layer).spelling()
        return convpad.pad(x, amount, mode)
    raise TypeError(f"There is no {type(layer).__name__} in plain NumPy here. Received: the layer {layer.name!r}.")


def _weights(layer: Any) -> list[Array]:
    return [np.asarray(weight, np.float64) for weight in layer.get_weights()]


def _finished(layer: Any, x: Array, bias: list[Array]) -> Array:
    """With the bias, if there is one, and the activation."""
    return _activated(layer, sum(bias, x))


def _activated(layer: Any, x: Array) -> Array:
    if layer.activation is keras.activations.linear:
        return x
    if layer.activation is keras.activations.relu:
        return np.maximum(x, 0)
    raise TypeError(f"There is no {layer.activation} in plain NumPy here. Received: the layer {layer.name!r}.")


@answer_of_layer.register(keras.layers.Conv2D)
def _(layer: Any, x: Any) -> Array:
    kernel, *bias = _weights(layer)
    options = {"strides": layer.strides, "dilation_rate": layer.dilation_rate, "groups": layer.groups}
    out = convpad.conv(x, kernel, padding=layer.padding, padding_mode=padding_mode_of(layer), **options)
    return _finished(layer, out, bias)


@answer_of_layer.register(keras.layers.DepthwiseConv2D)
def _(layer: Any, x: Any) -> Array:
    kernel, *bias = _weights(layer)
    options = {"strides": layer.strides, "dilation_rate": layer.dilation_rate}
    out = convpad.depthwise_conv(x, kernel, padding=layer.padding, padding_mode=padding_mode_of(layer), **options)
    return _finished(layer, out, bias)


@answer_of_layer.register(keras.layers.MaxPooling2D)
def _(layer: Any, x: Any) -> Array:
    options = {"strides": layer.strides, "padding": layer.padding, "padding_mode": padding_mode_of(layer)}
    return convpad.max_pool(x, layer.pool_size, **options)


@answer_of_layer.register(keras.layers.GlobalAveragePooling2D)
def _(layer: Any, x: Any) -> Array:
    return x.mean((1, 2), keepdims=layer.keepdims)


@answer_of_layer.register(keras.layers.Dense)
def _(layer: Any, x: Any) -> Array:
    kernel, *bias = _weights(layer)
    return _finished(layer, x @ kernel, bias)


@answer_of_layer.register(keras.layers.BatchNormalization)
def _(layer: Any, x: Any) -> Array:
    *learned, mean, variance = _weights(layer)
    scale = learned.pop(0) if layer.scale else 1
    return (x - mean) / np.sqrt(variance + layer.epsilon) * scale + sum(learned)


@answer_of_layer.register(keras.layers.ReLU)
def _(layer: Any, x: Any) -> Array:
    passed = np.where(x >= layer.threshold, x, layer.negative_slope * (x - layer.threshold))
    return np.minimum(passed, np.inf if layer.max_value is None else layer.max_value)


@answer_of_layer.register(keras.layers.Activation)
def _(layer: Any, x: Any) -> Array:
    return _activated(layer, x)


@answer_of_layer.register(keras.layers.Add)
def _(layer: Any, x: Any) -> Array:
    return np.sum(x, axis=0)
