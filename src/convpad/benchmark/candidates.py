"""Who is timed? convpad by every route, the workaround in the backend's own words, and Keras's own layer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from math import prod
from typing import Any

from convpad.benchmark.layer import Layer
from convpad.benchmark.runners import Engine, Function, Steps
from convpad.benchmark.verify import Answers, agree, answers
from convpad.core.errors import PaddingError
from convpad.core.modes import Mode
from convpad.core.padding import Constant, Padding
from convpad.ops import functions as ops
from convpad.ops.functions import pad
from convpad.ops.plan import Plan, Route
from convpad.ops.run import plan_of_call

__all__ = ["Contestant", "Field", "absent", "in_own_words", "keras_layer", "routed", "routes"]


@dataclass(slots=True, weakref_slot=True, eq=False)
class Ours:
    """convpad's function for a layer, in a mode; it looks up what is planned when it next runs."""

    layer: Layer
    mode: Any
    route: str | None
    plan: Plan | None = None

    def __call__(self, x: Any, kernel: Any) -> Any:
        layer = self.layer
        if self.plan is None:  # of the tensors themselves: with a gradient, or in a graph, it may be another
            words = {**layer.options, "padding_mode": self.mode}
            self.plan = plan_of_call(layer.op, (x, kernel), words, self.route)
        function = getattr(ops, layer.op)
        return function(x, kernel, padding_mode=self.mode, route=self.route, **layer.options)


@dataclass(frozen=True, slots=True)
class Contestant:
    """Ready to run.

    Args:
        who: `"convpad"`, `"workaround"` or `"keras"`.
        words: what it calls.
        steps: forward, and with gradient.
        ours: convpad's function.
        plans: what was planned for it, by step.
    """

    who: str
    words: str
    steps: Steps
    ours: Ours | None = None
    plans: dict[str, Plan] = field(default_factory=dict[str, Plan])

    def settle(self, engine: Engine, wanted: Answers, precision: str) -> None:
        """Runs both steps, which compiles them, and holds what comes out against what is right.

        Raises:
            DisagreementError: it is something else.
        """
        found: dict[str, Any] = {}
        for step, run in (("gradient", lambda: answers(engine, self.steps)), ("forward", self.steps.forward)):
            if self.ours is not None:
                self.ours.plan = None
            found[step] = run()
            if self.ours is not None and self.ours.plan is not None:
                self.plans[step] = self.ours.plan if step == "forward" else self.ours.plan.for_gradient()
        agree(f"{self.who}, {self.words}", found["gradient"], engine.array(found["forward"]), wanted, precision)


@dataclass(frozen=True, slots=True)
class Field:
    """Where they run: the layer's tensors on a backend."""

    engine: Engine
    layer: Layer
    x: Any
    kernel: Any
    cotangent: Any

    @classmethod
    def of(cls, engine: Engine, layer: Layer) -> Field:
        """With the layer's numbers."""
        return cls(engine, layer, *(engine.tensor(array, "float32") for array in layer.arrays))

    def contestant(self, who: str, words: str, function: Function, kernel: Any = None) -> Contestant:
        """A function with both its steps."""
        steps = self.engine.steps(function, self.x, self.kernel if kernel is None else kernel, self.cotangent)
        return Contestant(who, words, steps, function if isinstance(function, Ours) else None)


def routes(layer: Layer, mode: Any) -> list[str]:
    """Every route that can do it."""
    found: list[str] = []
    for route in map(str, Route):
        try:
            layer.plan(mode, route)
        except PaddingError:
            continue
        found.append(route)
    return found


def routed(field: Field, mode: Any, route: str | None) -> Contestant:
    """convpad by a route; None is the one it takes by itself."""
    return field.contestant("convpad", f"convpad.{field.layer.op}", Ours(field.layer, mode, route))


def in_own_words(field: Field, padding: Padding) -> Contestant:
    """The workaround: the backend's own pad, then its own convolution; convpad's where it has none.

    `ignore` is the partial convolution as it is published: zeros, and the output times taps / taps inside, which a
    mask is convolved to count. A transposed convolution is the gradient of all this.
    """
    engine, layer = field.engine, field.layer
    padded, words = _padder(
        engine, layer, [tuple(map(_with, *pair)) for pair in zip(padding.modes, padding.values, strict=True)]
    )
    inside, _ = _padder(engine, layer, [tuple(float(mode.counts) for mode in pair) for pair in padding.modes])
    own = engine.convolution(**layer.moving)
    renormalised = not all(mode.counts for pair in padding.modes for mode in pair)

    def convolved(x: Any, kernel: Any, **window: Any) -> Any:
        if own:
            return engine.valid(x, kernel, **window)
        function = ops.depthwise_conv if window["depthwise"] else ops.conv
        return function(x, kernel, strides=layer.strides, dilation_rate=layer.dilation)

    def run(x: Any, kernel: Any) -> Any:
        out = convolved(padded(x), kernel, **layer.moving)
        if not renormalised:
            return out
        mask = inside(engine.ones((1, *layer.sizes, 1), out))
        count = convolved(mask, engine.ones((*layer.window, 1, 1), out), **{**layer.moving, "depthwise": False})
        return out * (prod(layer.window) / count)

    words += f", {own or 'convpad, valid'}"
    if layer.op != "conv_transpose":
        return field.contestant("workaround", words, run)
    shape = (layer.output_shape[0], *layer.sizes, layer.output_shape[-1])
    return field.contestant("workaround", f"gradient of {words}", engine.adjoint(run, shape))


def _with(mode: Mode, value: Any) -> Any:
    """One side's mode, as `convpad.pad` takes it."""
    if mode.carries_value:
        return Constant(value) if isinstance(value, tuple) else value
    return mode.name if mode.counts else "zeros"


def _padder(engine: Engine, layer: Layer, sides: list[tuple[Any, ...]]) -> tuple[Callable[[Any], Any], str]:
    """What pads the spatial axes, and what it is called: the backend's own function where that can."""
    names = tuple(before if isinstance(before, str) else "constant" for before, _ in sides)
    numbers = {before for before, _ in sides if not isinstance(before, str)}
    alike = all(before == after for before, after in sides) and len(numbers) <= 1
    plain = not any(isinstance(number, Constant) for number in numbers)
    short = all(max(pair) < size for pair, size in zip(layer.pairs, layer.sizes, strict=True))
    if alike and plain and short and set(names) <= set(engine.pads):
        value = float(next(iter(numbers), 0.0))
        return lambda x: engine.pad(x, layer.pairs, names, value), engine.padding
    modes = tuple(sides)
    return lambda x: pad(x, layer.pairs, modes), "convpad.pad"


_KERAS = {"conv": "Conv{}D", "depthwise_conv": "DepthwiseConv{}D", "conv_transpose": "Conv{}DTranspose"}


def absent(layer: Layer) -> str:
    """Why Keras's own layer takes no part; "" if it does."""
    if find_spec("keras") is None:
        return "Keras is not installed"
    loaded = sys.modules.get("keras")
    found = loaded.config.backend() if loaded else os.environ.get("KERAS_BACKEND")
    if found != layer.backend:
        return f"Keras runs on {found}" if found else f"KERAS_BACKEND is not set to {layer.backend}"
    if layer.padding != "same" and (layer.padding, layer.op, len(layer.window)) != ("causal", "conv", 1):
        return "it has no such padding"
    if layer.op == "depthwise_conv" and len(layer.window) == 3:
        return "there is no DepthwiseConv3D"
    if max(layer.dilation) > 1 and (max(layer.strides) > 1 or layer.op == "conv_transpose"):
        return "it has no such dilation"
    return ""


def keras_layer(field: Field) -> Contestant:
    """Keras's own layer, which pads with zeros."""
    import keras

    layer = field.layer
    name = _KERAS[layer.op].format(len(layer.window))
    sizes = (layer.window,) if layer.op == "depthwise_conv" else (layer.output_shape[-1], layer.window)
    options: dict[str, Any] = {"strides": layer.strides, "dilation_rate": layer.dilation, "padding": layer.padding}
    options |= {"use_bias": False, "dtype": "float32", "data_format": "channels_last"}
    if layer.op == "depthwise_conv":
        options["depth_multiplier"] = layer.kernel_shape[-1]
    stock = getattr(keras.layers, name)(*sizes, **options)
    stock.build((None, *layer.input_shape[1:]))
    stock.set_weights([layer.arrays[1]])
    kernel = stock.kernel.value
    return field.contestant("keras", f"keras.layers.{name}", field.engine.bound(stock, stock), kernel)
