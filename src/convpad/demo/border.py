"""The artefact of each padding in ResNet-50's first layers, relative to the photograph that surrounds the crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import convpad
from convpad.benchmark.candidates import relative_difference
from convpad.core.modes import MODES
from convpad.demo.networks import oracle_output, resnet_stem
from convpad.demo.picture import MARGIN, STRIDE, Array, Crop
from convpad.models.layer_map import WINDOWED, is_padded

CASES: dict[str, tuple[str, Any]] = {
    **{
        f"{name} (mean)" if mode.takes_value else name: ("half", None if mode.takes_value else name)
        for name, mode in MODES.items()
    },
    "replicate, circular": ("half", ("replicate", "circular")),
    "zeros, same": ("same", "zeros"),
}
"""The amount and the mode of every padding, by its name in the table and the picture; a mode of None is a constant per
channel, the mean of the layer's input. `zeros` comes first: the artefacts of the others are relative to it."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """The result of one of `CASES`.

    Args:
        padding, padding_mode: the amount, and the name of the case.
        amounts, routes: of each layer that pads; the amounts are equal on both axes.
        from_oracle: the largest difference from the oracle, relative to the largest output.
        artefact: the mean of `heat`, relative to that of zeros.
        heat: |output - truth|, the mean over the channels, `(height, width)`.
        mode: the mode of the case.
    """

    padding: str
    padding_mode: str
    amounts: tuple[tuple[int, int], ...]
    output_shape: tuple[int, ...]
    routes: tuple[str, ...]
    from_oracle: float
    artefact: float
    heat: Array
    mode: Any


def network_input(pixels: Array) -> Array:
    """Return pixels as ResNet-50 reads them: one image of blue, green, red, less the mean of ImageNet."""
    return np.asarray(keras.applications.resnet.preprocess_input(pixels[None].copy()))


def _run(model: Any, x: Array) -> tuple[Array, dict[Any, Array]]:
    """Return the output of a model, and the inputs of the layers that pad, by layer."""
    layers = [layer for layer in model.layers if type(layer) in WINDOWED and is_padded(layer)]
    probe: Any = keras.Model(model.input, [model.output, *(layer.input for layer in layers)])
    output, *inputs = (np.asarray(keras.ops.convert_to_numpy(tensor)) for tensor in probe(x))
    return output, dict(zip(layers, inputs, strict=True))


def true_output(model: Any, crop: Crop, margin: int = MARGIN) -> tuple[Array, dict[str, Array]]:
    """Return the output for the crop in its true surroundings, and the mean input of each layer that pads.

    The layers read the crop with a margin of the photograph, and the outputs of the margin are cut off. No output that
    remains reads any padding, so the mode of the model does not change the result.
    """
    output, inputs = _run(model, network_input(crop.grown(margin)))
    around = margin // STRIDE
    return output[:, around:-around, around:-around], {layer.name: x.mean((0, 1, 2)) for layer, x in inputs.items()}


def measure(crop: Crop, on_step: Callable[[str], None], cases: Mapping[str, tuple[str, Any]] = CASES) -> list[Outcome]:
    """Return one outcome for each case, of which the first is zeros."""
    on_step("ResNet-50's first layers")
    stem, x = convpad.repad(convpad.fold(resnet_stem())), network_input(crop.grown(0))
    outcomes: list[Outcome] = []
    for label, (padding, padding_mode) in cases.items():
        on_step(f"{label}: the layers and the oracle")
        model = convpad.repad(stem, padding_mode or "zeros", padding=padding)
        truth, means = true_output(model, crop)
        for name, mean in means.items() if padding_mode is None else ():
            model = convpad.repad(model, convpad.Constant(mean), where=name)
        output, inputs = _run(model, x)
        plans = [layer.plan(tensor.shape) for layer, tensor in inputs.items()]
        heat = np.abs(output - truth).mean((0, -1))
        outcome = Outcome(
            padding=padding,
            padding_mode=label,
            amounts=tuple((plan.windows[0].before, plan.windows[0].after) for plan in plans),
            output_shape=output.shape,
            routes=tuple(str(plan.route) for plan in plans),
            from_oracle=relative_difference(output, oracle_output(model, x)),
            artefact=float(heat.mean() / (outcomes[0].heat if outcomes else heat).mean()),
            heat=heat,
            mode=padding_mode,
        )
        outcomes.append(outcome)
    return outcomes
