"""How far is each padding from the truth, and from the oracle?

The layers are the first of ResNet-50, as `keras.applications` builds it, with convpad's convolutions and pools
in the place of Keras's and of the `ZeroPadding2D` before them. The weights are random with a fixed seed: no
download, and the same on every backend.
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
from convpad.demo.photograph import MARGIN, STRIDE, Crop

__all__ = ["TOLERANCE", "Outcome", "layers_of_resnet", "measure", "network_input", "repadded", "truth"]

Array = npt.NDArray[Any]
Layers = list[keras.layers.Layer]

LAST = "conv2_block1_2_relu"
"""The layers up to this one follow each other: windows of 7x7, 3x3 (a pool), 1x1 and 3x3, and a stride of 4."""

TOLERANCE = 1e-5
"""Largest difference from the oracle, relative to the largest output, that float32 explains."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one padding did.

    Args:
        case: the padding.
        first_mode: the mode of the first layer.
        amounts: of each layer that pads, `(before, after)` on both axes.
        output_shape: of the last layer.
        routes: how the layers that pad were computed.
        difference: the largest from the oracle, relative to the largest output.
        heat: |output - truth|, mean over the channels, `(height, width)`.
        artefact: the mean of `heat`, relative to what zeros leave.
    """

    case: Case
    first_mode: Any
    amounts: tuple[tuple[int, int], ...]
    output_shape: tuple[int, ...]
    routes: tuple[str, ...]
    difference: float
    heat: Array
    artefact: float

    @property
    def agrees(self) -> bool:
        """Whether the layers gave what the oracle gives."""
        return self.difference <= TOLERANCE


def layers_of_resnet() -> Layers:
    """ResNet-50 up to `LAST`: Keras's own layers, their kernels drawn by NumPy."""
    untrained: Any = None
    model = keras.applications.ResNet50(weights=untrained, include_top=False, input_shape=(None, None, 3))
    names = [layer.name for layer in model.layers]
    layers = model.layers[1 : names.index(LAST) + 1]
    random = np.random.default_rng(0)
    for layer in layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            deviation = np.sqrt(2 / kernel[..., 0].size)
            layer.set_weights([random.normal(0, deviation, kernel.shape), np.zeros_like(bias)])
    return layers


def _has_window(layer: keras.layers.Layer) -> bool:
    return isinstance(layer, (keras.layers.Conv2D, keras.layers.MaxPooling2D))


def repadded(layer: keras.layers.Layer, padding: str, padding_mode: Any) -> keras.layers.Layer:
    """convpad's layer in the place of Keras's: the same window and weights, another padding."""
    # Not from_config(get_config()): Keras's serialization imports TensorFlow wherever it is installed (3.15.1).
    options = {"strides": layer.strides, "padding": padding, "padding_mode": padding_mode}
    if isinstance(layer, keras.layers.MaxPooling2D):
        return convpad.keras.MaxPooling2D(layer.pool_size, **options)
    ours = convpad.keras.Conv2D(layer.filters, layer.kernel_size, **options)
    ours.build((None, None, None, layer.kernel.shape[-2]))
    ours.set_weights(layer.get_weights())
    return ours


def _ours(layers: Layers, padding: str, modes: list[Any], x: Any) -> tuple[Array, list[convpad.Plan], list[Array]]:
    """What convpad's layers give, the plan of each layer with a window, and the mean of what it reads."""
    left, plans, means = iter(modes), [], []
    for layer in layers:
        if _has_window(layer):
            mode = next(left)
            means.append(keras.ops.convert_to_numpy(keras.ops.mean(x, axis=(0, 1, 2))))
            layer = repadded(layer, padding, mode)
            plans.append(layer.plan(tuple(x.shape)))
        x = layer(x)
    return np.asarray(keras.ops.convert_to_numpy(x)), plans, means


def _oracle(layers: Layers, padding: str, modes: list[Any], x: Array) -> Array:
    """The same layers written out on NumPy arrays, with no framework."""
    left = iter(modes)
    for layer in layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            x = convpad.conv(x, kernel, strides=layer.strides, padding=padding, padding_mode=next(left)) + bias
        elif isinstance(layer, keras.layers.MaxPooling2D):
            options = {"strides": layer.strides, "padding": padding, "padding_mode": next(left)}
            x = convpad.max_pool(x, layer.pool_size, **options)
        elif isinstance(layer, keras.layers.BatchNormalization):
            scale, offset, mean, variance = layer.get_weights()
            x = (x - mean) / np.sqrt(variance + layer.epsilon) * scale + offset
        else:
            x = np.maximum(x, 0)
    return x


def network_input(pixels: Array) -> Array:
    """As ResNet-50 was trained to read pixels: blue, green, red, less the mean of ImageNet."""
    return np.asarray(keras.applications.resnet.preprocess_input(pixels[None].copy()))


def truth(layers: Layers, crop: Crop, padding: str, padding_mode: Any = "zeros") -> tuple[Array, list[Array]]:
    """What the layers give for the crop where the photograph goes on around it, and the mean each of them reads.

    The crop is grown by what truly surrounds it, and the outputs that belong to the surroundings are cut off:
    those that are left never see the padding, so `padding_mode` does not change them.
    """
    modes = [padding_mode] * len(layers)
    outputs, _, means = _ours(layers, padding, modes, network_input(crop.grown(MARGIN)))
    around = MARGIN // STRIDE
    return outputs[:, around:-around, around:-around], means


def measure(crop: Crop, on_step: Callable[[str], None]) -> list[Outcome]:
    """One outcome for each of `CASES`."""
    on_step("ResNet-50's first layers")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    layers = [layer for layer in layers_of_resnet() if not isinstance(layer, keras.layers.ZeroPadding2D)]
    outcomes: list[Outcome] = []
    for case in CASES:
        on_step(f"{case.label}: the layers")
        true, means = truth(layers, crop, case.padding)
        modes = [convpad.Constant(mean) if case.padding_mode is None else case.padding_mode for mean in means]
        ours, plans, _ = _ours(layers, case.padding, modes, network_input(crop.grown(0)))
        on_step(f"{case.label}: the oracle")
        oracle = _oracle(layers, case.padding, modes, network_input(crop.grown(0)))
        outcomes.append(_outcome(case, modes[0], plans, ours, oracle, np.abs(ours - true), outcomes))
    return outcomes


def _outcome(
    case: Case, mode: Any, plans: list[convpad.Plan], ours: Array, oracle: Array, errors: Array, earlier: list[Outcome]
) -> Outcome:
    heat = errors.mean((0, -1))
    zeros = earlier[0].heat.mean() if earlier else heat.mean()
    padding = [plan for plan in plans if any(window.before or window.after for window in plan.windows)]
    return Outcome(
        case=case,
        first_mode=mode,
        amounts=tuple((plan.windows[0].before or 0, plan.windows[0].after or 0) for plan in padding),
        output_shape=ours.shape,
        routes=tuple(str(plan.route) for plan in padding),
        difference=float(np.abs(ours - oracle).max() / np.abs(oracle).max()),
        heat=heat,
        artefact=float(heat.mean() / zeros),
    )
