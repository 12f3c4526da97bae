"""How far is each padding from the truth, and from the oracle?

The layers are the first seven convolutions of VGG-16, as `keras.applications` builds it, each `Conv2D` replaced
by convpad's with the same weights. The weights are random with a fixed seed: no download, and the same on every
backend. The truth is the same network fed with the photograph's true surroundings, padding nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

import convpad
import convpad.keras
from convpad.demo.cases import CASES, Case
from convpad.demo.photograph import MARGIN, Crop

__all__ = ["TOLERANCE", "Outcome", "measure"]

Array = npt.NDArray[Any]

TOLERANCE = 1e-5
"""Largest difference from the oracle, relative to the largest output: float32 over seven layers stays below."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one padding did.

    Args:
        label: its name.
        padding_mode: what the first layer was given.
        amounts: `(before, after)` for each spatial axis, the same in every layer.
        output_shape: of the last layer.
        routes: how the layers were computed.
        difference: the largest from the oracle, relative to the largest output.
        artefact: the mean of |output - truth|, relative to what `zeros` leave.
        heat: |output - truth|, mean over the channels, `(height, width)`.
    """

    label: str
    padding_mode: Any
    amounts: tuple[tuple[int, int], ...]
    output_shape: tuple[int, ...]
    routes: tuple[str, ...]
    difference: float
    artefact: float
    heat: Array

    @property
    def agrees(self) -> bool:
        """Whether the layers gave what the oracle gives."""
        return self.difference <= TOLERANCE


def _vgg(size: int) -> list[keras.layers.Layer]:
    """VGG-16 up to `block3_conv3`: Keras's own layers, with weights drawn by NumPy."""
    model = keras.applications.VGG16(weights=None, include_top=False, input_shape=(size, size, 3))
    names = [layer.name for layer in model.layers]
    layers = model.layers[1 : names.index("block3_conv3") + 1]
    random = np.random.default_rng(0)
    for layer in layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            deviation = np.sqrt(2 / kernel[..., 0].size)
            layer.set_weights([random.normal(0, deviation, kernel.shape), np.zeros_like(bias)])
    return layers


def _convolves(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, keras.layers.Conv2D)


def _repadded(layer: keras.layers.Layer, padding: str, padding_mode: Any) -> keras.layers.Layer:
    """convpad's layer in the place of Keras's: the same configuration and weights, another padding."""
    if not _convolves(layer):
        return layer
    config = {**layer.get_config(), "padding": padding, "padding_mode": padding_mode}
    ours = convpad.keras.Conv2D.from_config(config)
    ours.build((None, None, None, layer.kernel.shape[-2]))
    ours.set_weights(layer.get_weights())
    return ours


def _truth(layers: list[keras.layers.Layer], x: Array) -> tuple[Array, list[Array]]:
    """The output with nothing padded, and what each convolution reads on average, per channel."""
    means: list[Array] = []
    for layer in layers:
        if _convolves(layer):
            means.append(keras.ops.convert_to_numpy(keras.ops.mean(x, axis=(0, 1, 2))))
        x = _repadded(layer, "valid", "zeros")(x)
    return keras.ops.convert_to_numpy(x), means


def _modes(case: Case, means: list[Array]) -> list[Any]:
    """The padding mode of each convolution."""
    if case.padding_mode is None:
        return [convpad.Constant(mean) for mean in means]
    return [case.padding_mode] * len(means)


def _ours(layers: list[keras.layers.Layer], modes: list[Any], x: Array) -> tuple[Array, list[convpad.Plan]]:
    """What convpad's layers give, and the plan of each convolution."""
    left, plans = list(modes), []
    for layer in layers:
        if _convolves(layer):
            mode = left.pop(0)
            plans.append(
                convpad.plan(
                    tuple(x.shape),
                    tuple(layer.kernel.shape),
                    padding="same",
                    padding_mode=mode,
                    backend=keras.backend.backend(),
                )
            )
            layer = _repadded(layer, "same", mode)
        x = layer(x)
    return keras.ops.convert_to_numpy(x), plans


def _oracle(layers: list[keras.layers.Layer], modes: list[Any], x: Array) -> Array:
    """What the oracle gives: the same layers written out on NumPy arrays, with no framework."""
    left = list(modes)
    for layer in layers:
        if _convolves(layer):
            kernel, bias = layer.get_weights()
            x = np.maximum(convpad.conv(x, kernel, padding="same", padding_mode=left.pop(0)) + bias, 0)
        else:
            x = convpad.max_pool(x, layer.pool_size, strides=layer.strides)
    return x


def _input(pixels: Array) -> Array:
    return keras.applications.vgg16.preprocess_input(pixels[None].copy())


def measure(crop: Crop, on_step: Callable[[str], None]) -> list[Outcome]:
    """One outcome for each of `CASES`."""
    on_step("the truth: the photograph's own surroundings")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    layers = _vgg(crop.size)
    truth, means = _truth(layers, _input(crop.grown(MARGIN)))
    x, outcomes = _input(crop.grown(0)), []
    zeros = 0.0
    for case in CASES:
        modes = _modes(case, means)
        on_step(f"{case.label}: the layers")
        ours, plans = _ours(layers, modes, x)
        on_step(f"{case.label}: the oracle")
        oracle = _oracle(layers, modes, x)
        heat = np.abs(ours - truth).mean((0, -1))
        zeros = zeros or float(heat.mean())
        outcomes.append(
            Outcome(
                label=case.label,
                padding_mode=modes[0],
                amounts=tuple((window.before or 0, window.after or 0) for window in plans[0].windows),
                output_shape=ours.shape,
                routes=tuple(dict.fromkeys(str(plan.route) for plan in plans)),
                difference=float(np.abs(ours - oracle).max() / np.abs(oracle).max()),
                artefact=float(heat.mean()) / zeros,
                heat=heat,
            )
        )
    return outcomes
