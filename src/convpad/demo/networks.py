"""The networks of the demo: MobileNetV2 and the first layers of ResNet-50, and the workaround for one.

The weights are random with a fixed seed: no download, and the same on every backend.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

import convpad.keras
from convpad.models.layer_map import WINDOWED, is_padded

__all__ = ["layers_of_resnet", "mobilenet", "worked_around"]

_UNTRAINED: Any = None
_LOGITS: Any = None

_LAST = "conv2_block1_2_relu"
"""ResNet-50's layers up to this one follow each other: windows of 7x7, 3x3 (a pool), 1x1 and 3x3, a stride of 4."""


def layers_of_resnet() -> list[keras.layers.Layer]:
    """The first layers of ResNet-50: Keras's own, their kernels drawn by NumPy."""
    model = keras.applications.ResNet50(weights=_UNTRAINED, include_top=False, input_shape=(None, None, 3))
    names = [layer.name for layer in model.layers]
    layers = model.layers[1 : names.index(_LAST) + 1]
    _draw(layers)
    return layers


def mobilenet(size: int) -> Any:
    """MobileNetV2 for images of `size` x `size` pixels as `keras.applications` builds it, giving logits."""
    shape = (size, size, 3)
    model = keras.applications.MobileNetV2(weights=_UNTRAINED, input_shape=shape, classifier_activation=_LOGITS)
    _draw(model.layers)
    return model


def _draw(layers: Iterable[Any]) -> None:
    """Kernels after He et al. 2015 (arXiv:1502.01852), no bias: what goes through many layers keeps its scale."""
    random = np.random.default_rng(0)
    for layer in layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
            kernel, *bias = layer.get_weights()
            outputs = kernel.shape[-2] * kernel.shape[-1] if "Depthwise" in type(layer).__name__ else kernel.shape[-1]
            drawn = random.normal(0, np.sqrt(2 * outputs / kernel.size), kernel.shape)
            layer.set_weights([drawn, *map(np.zeros_like, bias)])


def worked_around(model: Any) -> Any:
    """The network without convpad's windows: where one pads, a padding layer and then Keras's own with `valid`.

    Args:
        model: a functional model on convpad's layers, as `convpad.repad` makes it.
    """
    new = keras.models.clone_model(model, clone_function=_apart)
    new.set_weights(model.get_weights())
    return new


def _apart(layer: Any) -> Any:
    """A layer of Keras that does the same; behind a padding layer where it has to."""
    config = layer.get_config()
    if type(layer) not in WINDOWED:
        return type(layer).from_config(config)
    mode = config.pop("padding_mode")
    window = getattr(keras.layers, type(layer).__name__).from_config({**config, "padding": "valid"})
    if not is_padded(layer):
        return window
    amounts = [(axis.before, axis.after) for axis in layer.plan(layer.input.shape).windows]
    return keras.Sequential([convpad.keras.Padding2D(amounts, mode), window], name=layer.name)
