"""The error of each padding, against the photograph beyond the crop and against the oracle.

The layers are the first of ResNet-50, with convpad's convolutions and pools in the place of Keras's and of the
`ZeroPadding2D` before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

import convpad
import convpad.keras
from convpad.demo.cases import CASES, Case
from convpad.demo.networks import layers_of_resnet
from convpad.demo.oracle import TOLERANCE, answer_of_layer, apart
from convpad.demo.photograph import MARGIN, STRIDE, Crop

__all__ = ["STEPS", "Outcome", "measure", "network_input", "repadded", "truth"]

Array = npt.NDArray[Any]
Layers = list[keras.layers.Layer]

STEPS = 1 + 2 * len(CASES)
"""What `measure` says begins: the layers, and two for each padding."""


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


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    """What convpad's layers gave: the output, they themselves, and of each with a window the plan and what it read."""

    output: Array
    layers: Layers
    plans: list[convpad.Plan]
    means: list[Array]


def _passed(layers: Layers, padding: str, modes: list[Any], x: Any) -> _Pass:
    left, ours, plans, means = iter(modes), [], [], []
    for layer in layers:
        if _has_window(layer):
            means.append(keras.ops.convert_to_numpy(keras.ops.mean(x, axis=(0, 1, 2))))
            layer = repadded(layer, padding, next(left))
            plans.append(layer.plan(tuple(x.shape)))
        ours.append(layer)
        x = layer(x)
    return _Pass(np.asarray(keras.ops.convert_to_numpy(x)), ours, plans, means)


def _oracle(layers: Layers, x: Array) -> Array:
    """The same layers in plain NumPy, in float64."""
    return reduce(lambda read, layer: answer_of_layer(layer, read), layers, np.asarray(x, np.float64))


def network_input(pixels: Array) -> Array:
    """As ResNet-50 was trained to read pixels: blue, green, red, less the mean of ImageNet."""
    return np.asarray(keras.applications.resnet.preprocess_input(pixels[None].copy()))


def truth(layers: Layers, crop: Crop, padding: str, padding_mode: Any = "zeros") -> tuple[Array, list[Array]]:
    """What the layers give for the crop where the photograph goes on around it, and the mean each of them reads.

    The crop is grown by what truly surrounds it, and the outputs that belong to the surroundings are cut off:
    those that are left never see the padding, so `padding_mode` does not change them.
    """
    modes = [padding_mode] * len(layers)
    grown = _passed(layers, padding, modes, network_input(crop.grown(MARGIN)))
    around = MARGIN // STRIDE
    return grown.output[:, around:-around, around:-around], grown.means


def measure(crop: Crop, on_step: Callable[[str], None]) -> list[Outcome]:
    """One outcome for each of `CASES`."""
    on_step("ResNet-50's first layers")
    layers = [layer for layer in layers_of_resnet() if not isinstance(layer, keras.layers.ZeroPadding2D)]
    x = network_input(crop.grown(0))
    outcomes: list[Outcome] = []
    for case in CASES:
        on_step(f"{case.label}: the layers")
        true, means = truth(layers, crop, case.padding)
        modes = [convpad.Constant(mean) if case.padding_mode is None else case.padding_mode for mean in means]
        ours = _passed(layers, case.padding, modes, x)
        on_step(f"{case.label}: the oracle")
        heat = np.abs(ours.output - true).mean((0, -1))
        outcomes.append(_outcome(case, modes[0], ours, _oracle(ours.layers, x), heat, outcomes))
    return outcomes


def _outcome(case: Case, mode: Any, ours: _Pass, oracle: Array, heat: Array, earlier: list[Outcome]) -> Outcome:
    padding = [plan for plan in ours.plans if any(window.before or window.after for window in plan.windows)]
    zeros = earlier[0].heat if earlier else heat
    return Outcome(
        case=case,
        first_mode=mode,
        amounts=tuple((plan.windows[0].before or 0, plan.windows[0].after or 0) for plan in padding),
        output_shape=ours.output.shape,
        routes=tuple(str(plan.route) for plan in padding),
        difference=apart(ours.output, oracle),
        heat=heat,
        artefact=float(heat.mean() / zeros.mean()),
    )
