"""The networks of the demo, with random weights that are equal on every backend; their outputs in plain NumPy."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import convpad
import convpad.keras
from convpad.demo.picture import Array
from convpad.models.layer_map import WINDOWED, is_padded

TOLERANCE = 1e-5
"""Largest difference, relative to the largest output, that float32 explains in few layers, or in two equal networks."""

_applications: Any = keras.applications

_LAST = "conv2_block1_2_relu"
"""ResNet-50's layers up to this one form a chain: windows of 7x7, 3x3 (a pool), 1x1 and 3x3, a stride of 4."""


def mobilenet(size: int) -> Any:
    """Return MobileNetV2 for images of `size` x `size` pixels, with logits as its output."""
    options = {"weights": None, "classifier_activation": None}
    return _with_drawn_kernels(_applications.MobileNetV2(input_shape=(size, size, 3), **options))


def resnet_stem() -> Any:
    """Return the first layers of ResNet-50 as Keras builds them, for images of any size."""
    model = _applications.ResNet50(weights=None, include_top=False, input_shape=(None, None, 3))
    return _with_drawn_kernels(keras.Model(model.input, model.get_layer(_LAST).output))


def _with_drawn_kernels(model: Any) -> Any:
    """Set kernels after He et al. 2015 (arXiv:1502.01852) and no bias: the scale is kept through many layers."""
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
            kernel, *bias = layer.get_weights()
            outputs = kernel.shape[-2] * kernel.shape[-1] if "Depthwise" in type(layer).__name__ else kernel.shape[-1]
            drawn = random.normal(0, np.sqrt(2 * outputs / kernel.size), kernel.shape)
            layer.set_weights([drawn, *map(np.zeros_like, bias)])
    return model


def worked_around(model: Any) -> Any:
    """Return a functional model with Keras's own layers in place of convpad's, behind padding layers where they pad."""

    def own_layer(layer: Any) -> Any:
        config = layer.get_config()
        if type(layer) not in WINDOWED:
            return type(layer).from_config(config)
        mode = config.pop("padding_mode")
        window = getattr(keras.layers, type(layer).__name__).from_config({**config, "padding": "valid"})
        if not is_padded(layer):
            return window
        amounts = [(axis.before, axis.after) for axis in layer.plan(layer.input.shape).windows]
        return keras.Sequential([convpad.keras.Padding2D(amounts, mode), window], name=layer.name)

    new = keras.models.clone_model(model, clone_function=own_layer)
    new.set_weights(model.get_weights())
    return new


def oracle_output(model: Any, x: Array) -> Array:
    """Return the output of a functional model on convpad's layers: in float64, every window by convpad's oracle.

    No framework computes anything here: Keras only names the inputs of each layer, and its weights.

    Raises:
        TypeError: the model has a layer, or an activation, that is not written in plain NumPy here.
    """
    outputs: dict[int, Any] = {}
    for layer in model.operations:
        if isinstance(layer, keras.layers.InputLayer):
            outputs[id(layer.output)] = np.asarray(x, np.float64)
        else:
            inputs = keras.tree.map_structure(lambda tensor: outputs[id(tensor)], layer.input)
            outputs[id(layer.output)] = _layer_output(layer, inputs)
    return outputs[id(model.output)]


def _layer_output(layer: Any, x: Any) -> Array:
    """Return the output of a layer for an array, or of `Add` for a list of arrays."""
    linear, relu = keras.activations.linear, keras.activations.relu
    activation = getattr(layer, "activation", linear)
    weights = [np.asarray(weight, np.float64) for weight in layer.get_weights()]
    names = ("strides", "padding", "padding_mode", "dilation_rate", "groups")
    options = {name: getattr(layer, name) for name in names if hasattr(layer, name)}
    match layer:
        case convpad.keras.Conv2D() if activation is linear:
            return convpad.conv(x, weights[0], **options) + sum(weights[1:])
        case convpad.keras.DepthwiseConv2D() if activation is linear:
            return convpad.depthwise_conv(x, weights[0], **options) + sum(weights[1:])
        case convpad.keras.MaxPooling2D():
            return convpad.max_pool(x, layer.pool_size, **options)
        case keras.layers.GlobalAveragePooling2D():
            return x.mean((1, 2), keepdims=layer.keepdims)
        case keras.layers.Dense() if activation is linear:
            return x @ weights[0] + sum(weights[1:])
        case keras.layers.BatchNormalization():
            gamma, beta, mean, variance = weights
            return (x - mean) / np.sqrt(variance + layer.epsilon) * gamma + beta
        case keras.layers.ReLU(negative_slope=0, threshold=0):
            return np.clip(x, 0, layer.max_value)
        case keras.layers.Activation() if activation is relu:
            return np.maximum(x, 0)
        case keras.layers.Add():
            return np.sum(x, axis=0)
    raise TypeError(f"There is no {type(layer).__name__} like it in plain NumPy here. Received: {layer.name!r}.")
