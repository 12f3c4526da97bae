"""Candidates: convpad by every route, the workaround on the backend's own functions, and Keras's own layer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np

from convpad.benchmark.layer import Layer
from convpad.benchmark.runners import Answers, Function, Runner, Steps
from convpad.core.errors import DisagreementError, PaddingError
from convpad.core.modes import Mode
from convpad.core.padding import Constant, Padding
from convpad.ops import functions as ops
from convpad.ops.functions import pad
from convpad.ops.plan import Route

TOLERANCE = {"float32": (1e-4, 1e-3), "bfloat16": (4e-2, 1e-1), "float32 off the CPU": (4e-3, 1e-2)}
"""Largest difference of an output, and of a gradient (a longer sum), relative to the largest value.

A GPU may multiply float32 with the ten bits of TF32, unless it is told otherwise.
"""


def relative_difference(array: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest expected value; infinity where the shapes differ."""
    if array.shape != expected.shape:
        return float("inf")
    return float(np.abs(array - expected).max() / (np.abs(expected).max() or 1))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A function that is ready to run: its kind, its own name, its steps, and the reader of their tensors as arrays."""

    name: str
    function: str
    steps: Steps
    read: Callable[[tuple[Any, Any, Any]], Answers]

    def answers(self) -> Answers:
        """Run the backward step once and return its arrays."""
        return self.read(self.steps.backward())

    def verify(self, expected: Answers, precision: str, description: str = "") -> None:
        """Run both steps, which compiles them, and compare their numbers with the expected output and gradients.

        Raises:
            DisagreementError: they differ by more than the `TOLERANCE`; the message begins with the description.
        """
        tensors = self.steps.backward()
        forward, _, _ = self.read((self.steps.forward(), *tensors[1:]))
        quantities = ("output", "gradient of the input", "gradient of the kernel", "output of the forward pass")
        allowed, allowed_gradient = TOLERANCE[precision]
        tolerances = (allowed, allowed_gradient, allowed_gradient, allowed)
        rows = zip(quantities, (*self.read(tensors), forward), (*expected, expected[0]), tolerances, strict=True)
        for quantity, array, expected_array, tolerance in rows:
            difference = relative_difference(array, expected_array)
            if not difference <= tolerance:  # True for NaN too
                raise DisagreementError(
                    f"{description or f'{self.name}, {self.function}'}: the {quantity} is {difference:.1e} off, "
                    f"relative to its largest value; allowed: {tolerance:.0e}."
                )


@dataclass(frozen=True, slots=True)
class Setup:
    """A layer's tensors on a backend."""

    runner: Runner
    layer: Layer
    x: Any
    kernel: Any
    cotangent: Any

    @classmethod
    def of(cls, runner: Runner, layer: Layer) -> Setup:
        """Return the layer's arrays as float32 tensors."""
        return cls(runner, layer, *(runner.tensor(array, "float32") for array in layer.arrays))

    def candidate(self, name: str, label: str, function: Function, kernel: Any = None) -> Candidate:
        """Return a function as a candidate with both its steps."""
        steps = self.runner.steps(function, self.x, self.kernel if kernel is None else kernel, self.cotangent)
        return Candidate(name, label, steps, self.runner.arrays)


def routes(layer: Layer, mode: Any) -> list[str]:
    """Return every route that can compute the layer in a mode."""
    possible: list[str] = []
    for route in map(str, Route):
        try:
            layer.plan(mode, route)
        except PaddingError:
            continue
        possible.append(route)
    return possible


def convpad_by_route(setup: Setup, mode: Any, route: str | None) -> Candidate:
    """Return convpad by a route; None is the route of the plan."""
    layer = setup.layer
    function = partial(getattr(ops, layer.op), padding_mode=mode, route=route, **layer.options)
    return setup.candidate("convpad", f"convpad.{layer.op}", function)


def workaround(setup: Setup, padding: Padding) -> Candidate:
    """Return the workaround: the backend's own pad, then its own convolution; convpad's where the backend has none."""
    runner, layer = setup.runner, setup.layer
    sides = [tuple(map(_side, *pair)) for pair in zip(padding.modes, padding.values, strict=True)]
    pad_input, label = _pad_of(runner, layer, sides)
    all_count = all(mode.is_counted for pair in padding.modes for mode in pair)
    inside = [tuple(float(mode.is_counted) for mode in pair) for pair in padding.modes]
    pad_mask = None if all_count else _pad_of(runner, layer, inside)[0]
    name = runner.convolution_name(layer)

    def convolve(x: Any, kernel: Any, layer: Layer) -> Any:
        function = ops.depthwise_conv if layer.is_depthwise else ops.conv
        return function(x, kernel, strides=layer.strides, dilation_rate=layer.dilation)

    function = pad_then_convolve(runner, layer, pad_input, pad_mask, runner.convolve if name else convolve)
    label = f"{'gradient of ' if layer.op == 'conv_transpose' else ''}{label}, {name or 'convpad, valid'}"
    return setup.candidate("workaround", label, function)


def pad_then_convolve(
    runner: Runner,
    layer: Layer,
    pad_input: Callable[[Any], Any],
    pad_mask: Callable[[Any], Any] | None,
    convolve: Callable[..., Any],
) -> Function:
    """Return a pad followed by an unpadded convolution; of a transposed convolution the gradient of that.

    Where `ignore` renormalises, `pad_mask` pads a mask of ones: the partial convolution as it is published, zeros and
    the output times taps / taps inside.
    """

    def run(x: Any, kernel: Any) -> Any:
        output = convolve(pad_input(x), kernel, layer)
        if pad_mask is None:
            return output
        mask = pad_mask(runner.ones((1, *layer.sizes, 1), output))
        taps = runner.ones((*layer.window, 1, 1), output)
        count = convolve(mask, taps, replace(layer, op="conv"))
        return output * (prod(layer.window) / count)

    if layer.op != "conv_transpose":
        return run
    return runner.adjoint(run, (layer.output_shape[0], *layer.sizes, layer.output_shape[-1]))


def _side(mode: Mode, value: Any) -> Any:
    """Return one side's mode as `convpad.pad` takes it."""
    if mode.takes_value:
        return Constant(value) if isinstance(value, tuple) else value
    return mode.name if mode.is_counted else "zeros"


def _pad_of(runner: Runner, layer: Layer, sides: list[tuple[Any, ...]]) -> tuple[Callable[[Any], Any], str]:
    """Return the pad of the spatial axes, and its name: the backend's own function where that has the modes."""
    names = tuple(before if isinstance(before, str) else "constant" for before, _ in sides)
    numbers = {before for before, _ in sides if not isinstance(before, str)}
    equal_sides = all(before == after for before, after in sides) and len(numbers) <= 1
    scalar = not any(isinstance(number, Constant) for number in numbers)
    short = all(max(pair) < size for pair, size in zip(layer.pairs, layer.sizes, strict=True))
    if equal_sides and scalar and short and set(names) <= set(runner.pad_words):
        value = float(next(iter(numbers), 0.0))
        return lambda x: runner.pad(x, layer.pairs, names, value), runner.pad_function
    modes = tuple(sides)
    return lambda x: pad(x, layer.pairs, modes), "convpad.pad"


_KERAS = {"conv": "Conv{}D", "depthwise_conv": "DepthwiseConv{}D", "conv_transpose": "Conv{}DTranspose"}


def why_no_keras(layer: Layer) -> str:
    """Return why Keras's own layer is no candidate; "" if it is one."""
    if find_spec("keras") is None:
        return "Keras is not installed"
    loaded = sys.modules.get("keras")
    backend = loaded.config.backend() if loaded else os.environ.get("KERAS_BACKEND")
    if backend != layer.backend:
        return f"Keras runs on {backend}" if backend else f"KERAS_BACKEND is not set to {layer.backend}"
    if layer.padding != "same" and (layer.padding, layer.op, len(layer.window)) != ("causal", "conv", 1):
        return "it has no such padding"
    if layer.is_depthwise and len(layer.window) == 3:
        return "there is no DepthwiseConv3D"
    if max(layer.dilation) > 1 and (max(layer.strides) > 1 or layer.op == "conv_transpose"):
        return "it has no such dilation"
    return ""


def keras_layer(setup: Setup) -> Candidate:
    """Return Keras's own layer, which pads with zeros."""
    import keras

    layer = setup.layer
    name = _KERAS[layer.op].format(len(layer.window))
    sizes = (layer.window,) if layer.is_depthwise else (layer.output_shape[-1], layer.window)
    options: dict[str, Any] = {**layer.options, "use_bias": False, "dtype": "float32", "data_format": "channels_last"}
    if layer.is_depthwise:
        options["depth_multiplier"] = layer.kernel_shape[-1]
    stock = getattr(keras.layers, name)(*sizes, **options)
    stock.build((None, *layer.input_shape[1:]))
    stock.set_weights([layer.arrays[1]])
    function = setup.runner.bind(stock, stock)
    return setup.candidate("keras", f"keras.layers.{name}", function, stock.kernel.value)
