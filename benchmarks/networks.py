"""Whole networks with other paddings: every convolution exchanged for one with the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

import convpad
import convpad.keras
from benchmarks.candidates.keras import pad
from benchmarks.rows import Pairs

__all__ = ["GROUPED", "NETWORKS", "repadded", "worked_around"]

EXCHANGED = ("Conv2D", "DepthwiseConv2D")
OPS = {"Conv2D": "conv", "DepthwiseConv2D": "depthwise_conv"}


def _unet(edge: int = 256, filters: int = 32) -> keras.Model:
    """Return a U-Net with four levels, its convolutions padded, half as wide as the published one."""

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    start = x = keras.Input((edge, edge, 3))
    skipped: list[Any] = []
    for level in range(3):
        x = twice(x, filters << level)
        skipped.append(x)
        x = keras.layers.MaxPooling2D()(x)
    x = twice(x, filters << 3)
    for level in reversed(range(3)):
        x = keras.layers.Conv2DTranspose(filters << level, 2, strides=2)(x)
        x = twice(keras.layers.Concatenate()([skipped[level], x]), filters << level)
    return keras.Model(start, keras.layers.Conv2D(2, 1)(x), name="unet")


def _resnext50(edge: int = 224, depths: tuple[int, ...] = (3, 4, 6, 3), width: int = 128) -> keras.Model:
    """Return the ResNeXt-50 of 32 groups, 4 wide, which Keras has not; its layers pad as "same"."""

    def convolved(x: Any, filters: int, taps: int, *, strides: int = 1, groups: int = 1) -> Any:
        options = {"strides": strides, "groups": groups, "padding": "same", "use_bias": False}
        return keras.layers.BatchNormalization()(keras.layers.Conv2D(filters, taps, **options)(x))

    def block(x: Any, filters: int, strides: int) -> Any:
        inner = keras.layers.ReLU()(convolved(x, filters, 1))
        inner = keras.layers.ReLU()(convolved(inner, filters, 3, strides=strides, groups=32))
        inner = convolved(inner, 2 * filters, 1)
        if strides > 1 or x.shape[-1] != inner.shape[-1]:
            x = convolved(x, 2 * filters, 1, strides=strides)
        return keras.layers.ReLU()(keras.layers.Add()([x, inner]))

    start = keras.Input((edge, edge, 3))
    x = keras.layers.ReLU()(convolved(start, 64, 7, strides=2))
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    for level, depth in enumerate(depths):
        for at in range(depth):
            x = block(x, width << level, 2 if level and not at else 1)
    x = keras.layers.Dense(1000)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(start, x, name="resnext50")


def _application(name: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        return getattr(keras.applications, name)(weights=None, classifier_activation=None)

    return build


NETWORKS: dict[str, Callable[[], keras.Model]] = {
    "MobileNetV2": _application("MobileNetV2"),
    "EfficientNetB0": _application("EfficientNetB0"),
    "ResNet50": _application("ResNet50"),
    "U-Net": _unet,
}
"""By name: at 224 x 224 with random weights; the U-Net at 256 x 256."""
GROUPED: dict[str, Callable[[], keras.Model]] = {"ResNeXt50": _resnext50}
"""Networks of grouped convolutions, which are compared across frameworks alone."""


def _folded_padding(model: keras.Model) -> dict[str, Pairs]:
    """Return the padding layers that are read by one `valid` convolution alone, by that one's name and their own."""
    found: dict[str, Pairs] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.ZeroPadding2D):
            readers = [other for other in model.layers if other is not layer and other.input is layer.output]
            if [type(other).__name__ in EXCHANGED and other.padding == "valid" for other in readers] == [True]:
                found[layer.name] = found[readers[0].name] = layer.padding
    return found


def _exchanged(model: keras.Model, exchange: Callable[[Any, Any], Any]) -> keras.Model:
    """Return the network with `exchange(layer, padding)` for every convolution, without their padding layers."""
    folded = _folded_padding(model)

    def clone(layer: Any) -> Any:
        if type(layer).__name__ in EXCHANGED:
            return exchange(layer, folded.get(layer.name, layer.padding))
        if layer.name in folded:
            return keras.layers.Identity(name=layer.name)
        return type(layer).from_config(layer.get_config())

    twin = keras.models.clone_model(model, clone_function=clone)
    for new, old in zip(twin.weights, model.weights, strict=True):
        new.assign(old)
    return twin


def repadded(model: keras.Model, padding_mode: str) -> keras.Model:
    """Return the network with convpad's convolutions, every one of them in that mode."""

    def exchange(layer: Any, padding: Any) -> Any:
        kind = getattr(convpad.keras, type(layer).__name__)
        return kind.from_config({**layer.get_config(), "padding": padding, "padding_mode": padding_mode})

    return _exchanged(model, exchange)


def worked_around(runner: Any, model: keras.Model, mode: str) -> keras.Model:
    """Return the network with the workaround: where a convolution pads, a pad in the mode, then `valid`."""

    def exchange(layer: Any, padding: Any) -> Any:
        kernel = layer.kernel.shape
        options = {"strides": layer.strides, "dilation_rate": layer.dilation_rate, "padding": padding}
        windows = convpad.plan(
            layer.input.shape, kernel, op=OPS[type(layer).__name__], backend="numpy", **options
        ).windows
        pairs = tuple((window.before or 0, window.after or 0) for window in windows)
        if not any(map(any, pairs)):
            return type(layer).from_config(layer.get_config())
        return _padding_first(runner, layer, pairs, mode)

    return _exchanged(model, exchange)


def _padding_first(runner: Any, layer: Any, pairs: Pairs, mode: str) -> Any:
    """Return Keras's layer with `valid` that pads its input first."""

    class PaddedFirst(type(layer)):
        def call(self, inputs: Any) -> Any:
            return super().call(pad(runner, inputs, pairs, (mode,) * 2))

        def compute_output_shape(self, input_shape: Any) -> Any:
            batch, *sizes, channels = input_shape
            grown = (size + before + after for size, (before, after) in zip(sizes, pairs, strict=True))
            return super().compute_output_shape((batch, *grown, channels))

    return PaddedFirst.from_config({**layer.get_config(), "padding": "valid"})
