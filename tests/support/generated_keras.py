"""Random small Keras models, and a judge of what they pad that knows nothing of the readers.

A model is a row of steps: windows and paddings, written in every way in which people write them. The judge runs the
model and watches which outputs move when an input place is changed; and computes, with the oracle, what the windows of
an audit would give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
from keras_layers import array, keras

import convpad
from convpad.models.windows import ModelWindows, PaddedWindow
from convpad.reference import solve

layers, ops = keras.layers, keras.ops
MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", 0.5)
CHANNELS = 2


def pattern(shape: Any) -> Any:
    """The weights of every kernel: positive, so that nothing cancels, and none like its neighbour."""
    size = int(np.prod(shape))
    return (0.3 + (np.arange(size) * 7 % 13) / 13).reshape(shape).astype("float32")


@dataclass
class Shape:
    """What the steps so far have come to."""

    rank: int
    sizes: tuple[int, ...]
    random: Random
    steps: list[str] = field(default_factory=list)
    period: int = 1
    exact: bool = True

    def axes(self, make: Callable[[int], Any]) -> list[Any]:
        return [make(axis) for axis in range(self.rank)]

    def pairs(self, least: int = 0, most: int = 2) -> list[tuple[int, int]]:
        """Amounts that no mode refuses."""
        return self.axes(lambda axis: tuple(self.random.randint(least, min(most, self.sizes[axis] - 2)) for _ in "ab"))


Step = Callable[[Shape], Callable[[Any], Any]]
"""Draws a step; the result is applied to the symbolic tensor of the model."""
STEPS: dict[str, Step] = {}


def step(function: Step) -> Step:
    STEPS[function.__name__] = function
    return function


def window_options(shape: Shape, *, strides: bool = True) -> dict[str, Any]:
    options: dict[str, Any] = {"padding": shape.random.choice(["valid", "same"])}
    if strides and shape.random.random() < 0.3 and min(shape.sizes) > 6:
        options["strides"] = 2
    elif min(shape.sizes) > 6 and shape.random.random() < 0.2:
        options["dilation_rate"] = 2
    return options


def conv_layer(shape: Shape, home: Any = layers, **more: Any) -> Any:
    """A convolution or pool of Keras's, or of convpad's."""
    kind = shape.random.choice(["Conv", "Conv", "Conv", "Depthwise", "Separable", "Max", "Average"])
    rank, options = shape.rank, window_options(shape)
    size = shape.random.choice([2, 3]) if kind in ("Max", "Average") else 3
    if kind in ("Max", "Average"):
        options.pop("dilation_rate", None)
        return getattr(home, f"{kind}Pooling{rank}D")(size, **{"strides": 1, **options, **more})
    if kind == "Conv":
        if home is layers and rank == 1 and shape.random.random() < 0.3:
            options["padding"] = "causal"
        groups = shape.random.choice([1, 1, CHANNELS])
        return getattr(home, f"Conv{rank}D")(CHANNELS, size, groups=groups, **{**options, **more})
    if kind == "Depthwise":
        return getattr(home, f"DepthwiseConv{rank}D")(size, **{**options, **more})
    return getattr(home, f"SeparableConv{rank}D")(CHANNELS, size, **{**options, **more})


@step
def keras_layer(shape: Shape) -> Callable[[Any], Any]:
    return conv_layer(shape)


@step
def convpad_layer(shape: Shape) -> Callable[[Any], Any]:
    mode = shape.random.choice(MODES)
    return conv_layer(shape, convpad.keras, padding_mode=mode, padding=shape.random.choice(["same", "half", 1]))


@step
def zero_padding(shape: Shape) -> Callable[[Any], Any]:
    pairs = shape.pairs()
    return getattr(layers, f"ZeroPadding{shape.rank}D")(pairs[0] if shape.rank == 1 else pairs)


@step
def convpad_padding(shape: Shape) -> Callable[[Any], Any]:
    pairs = shape.pairs()
    return getattr(convpad.keras, f"Padding{shape.rank}D")(tuple(pairs), padding_mode=shape.random.choice(MODES))


@step
def transposed(shape: Shape) -> Callable[[Any], Any]:
    shape.period *= 2
    options = {"padding": shape.random.choice(["same", "valid"]), "strides": shape.random.choice([1, 2])}
    return getattr(layers, f"Conv{shape.rank}DTranspose")(CHANNELS, 3, **options)


def padding_function(shape: Shape) -> Callable[[Any], Any]:
    """A function of `keras.ops` that pads."""
    more = ["symmetric", "edge", "wrap"] if keras.config.backend() == "jax" else []
    pairs, mode = shape.pairs(), shape.random.choice(["constant", "reflect", *more])
    words = {"constant_values": shape.random.choice([0, 0.7])} if mode == "constant" else {}
    if shape.random.random() < 0.2:
        pairs = [pairs[0]] * shape.rank
    return lambda x: ops.pad(x, [(0, 0), *pairs, (0, 0)], mode=mode, **words)


def window_function(shape: Shape) -> Callable[[Any], Any]:
    """A function of `keras.ops` that has a window."""
    kind, options = shape.random.choice(["conv", "depthwise", "max", "average"]), window_options(shape)
    if kind in ("max", "average"):
        options.pop("dilation_rate", None)
        function = ops.max_pool if kind == "max" else ops.average_pool
        return lambda x: function(x, 2, **{"strides": 1, **options})
    kernel = pattern((*(3,) * shape.rank, CHANNELS, CHANNELS if kind == "conv" else 1))
    function = ops.conv if kind == "conv" else ops.depthwise_conv
    return lambda x: function(x, kernel, **options)


@step
def pad_operation(shape: Shape) -> Callable[[Any], Any]:
    return padding_function(shape)


@step
def window_operation(shape: Shape) -> Callable[[Any], Any]:
    return window_function(shape)


def piece(x: Any, axis: int, start: int | None, stop: int | None, step: int | None = None) -> Any:
    key = [slice(None)] * len(x.shape)
    key[axis] = slice(start, stop, step)
    return x[tuple(key)]


def extension(size: int, places: list[int]) -> Any:
    matrix = np.zeros((size, len(places)), "float32")
    matrix[places, range(len(places))] = 1
    return matrix


def by_hand(shape: Shape) -> Callable[[Any], Any]:
    """Padding of one axis as it is written by hand."""
    axis, size = shape.random.randrange(1, shape.rank + 1), 0
    size = shape.sizes[axis - 1]
    mirrored = [1, *range(size), size - 2]
    ways: dict[str, Callable[[Any], Any]] = {
        "circular": lambda x: ops.concatenate([piece(x, axis, -1, None), x, piece(x, axis, 0, 1)], axis=axis),
        "one side": lambda x: ops.concatenate([x, piece(x, axis, 0, 1)], axis),
        "zeros": lambda x: ops.concatenate([ops.zeros_like(piece(x, axis, 0, 1)), x], axis=axis),
        "mirror": lambda x: ops.concatenate([ops.flip(piece(x, axis, 1, 3), axis), x], axis=axis),
        "append": lambda x: ops.append(x, piece(x, axis, 0, 1), axis=axis),
        "take": lambda x: ops.take(x, np.array(mirrored), axis=axis),
        "roll": lambda x: ops.roll(x, 1, axis=axis),
        "tile": lambda x: piece(ops.tile(x, [3 if place == axis else 1 for place in range(len(x.shape))]),
                                axis, size - 1, 2 * size + 1),
        "repeat": lambda x: ops.repeat(x, np.array([2, *(1,) * (size - 2), 2]), axis=axis),
        "matrix": lambda x: ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), extension(size, mirrored)), -1, axis),
        "einsum": lambda x: ops.einsum("abc,bd->adc" if shape.rank == 1 else "abcd,be->aecd", x,
                                       extension(size, [0, *range(size)])) if axis == 1 else x * 1,
        "stack": lambda x: (lambda pair: ops.reshape(pair, (-1, 2 * x.shape[1], *x.shape[2:])))(
            ops.stack([ops.zeros_like(x), x], axis=2)) if axis == 1 and shape.rank == 1 else ops.roll(x, -1, axis),
        "write": lambda x: ops.slice_update(ops.concatenate([x, x], axis=axis)[:1] * 0, [0] * len(x.shape), x[:1]),
        "mask": lambda x: x * np.reshape([0.0, *(1.0,) * (size - 2), 0.0],
                                         [size if place == axis else 1 for place in range(len(x.shape))]),
        "where": lambda x: ops.where(np.reshape([False] + [True] * (size - 1),
                                                [size if place == axis else 1 for place in range(len(x.shape))]), x, 0),
        "cond": lambda x: ops.cond(ops.sum(x) > -1, lambda: ops.roll(x, 1, axis), lambda: x),
        "sum": lambda x: ops.pad(x, [(0, 0), *[(1, 0)] * shape.rank, (0, 0)])
                       + ops.pad(x, [(0, 0), *[(0, 1)] * shape.rank, (0, 0)]),
    }  # fmt: skip
    ways.pop("write")  # of one example alone, which a batch is not
    return ways[shape.random.choice(list(ways))]


@step
def hand_made(shape: Shape) -> Callable[[Any], Any]:
    return by_hand(shape)


def any_function(shape: Shape) -> Callable[[Any], Any]:
    return shape.random.choice([padding_function, window_function, by_hand])(shape)


@step
def function_layer(shape: Shape) -> Callable[[Any], Any]:
    return layers.Lambda(any_function(shape))


@step
def padding_activation(shape: Shape) -> Callable[[Any], Any]:
    function = shape.random.choice([padding_function, by_hand, zero_padding])(shape)
    if shape.random.random() < 0.5:
        return layers.Activation(function)
    return getattr(layers, f"Conv{shape.rank}D")(CHANNELS, 1, activation=function)


class Plain(layers.Layer):
    """A class of one's own without a config."""

    def __init__(self, parts: list[Any], how: str) -> None:
        super().__init__()
        self.how = how
        if how == "list":
            self.parts = list(parts)
        elif how == "dict":
            self.parts = {f"part{place}": part for place, part in enumerate(parts)}
        else:
            for place, part in enumerate(parts):
                setattr(self, f"part{place}", part)
        self.count = len(parts)

    def call(self, x: Any, training: bool = False) -> Any:
        for place in range(self.count):
            key = f"part{place}"
            part = self.parts[place] if self.how == "list" else None
            part = part or (self.parts[key] if self.how == "dict" else getattr(self, key))
            x = part(x)
        return x


@keras.saving.register_keras_serializable(package="my", name="Conv2D")
class Conv2D(Plain):
    """A class that is named like one of Keras's."""


@keras.saving.register_keras_serializable(package="my")
class Framed(layers.Layer):
    """A class whose call pads with convpad or the backend, and has a kernel of its own."""

    def __init__(self, rank: int = 1, way: str = "pad", mode: Any = "reflect", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank, self.way, self.mode = rank, way, mode

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(*(3,) * self.rank, CHANNELS, CHANNELS), name="kernel")

    def call(self, x: Any) -> Any:
        if self.way == "pad":
            return convpad.pad(x, 1, self.mode)
        if self.way == "conv":
            return convpad.conv(x, ops.convert_to_tensor(self.kernel), padding="same", padding_mode=self.mode)
        if self.way == "odd" and x.shape[1] % 2:
            x = ops.pad(x, [(0, 0), (0, 1), *[(0, 0)] * self.rank], mode="reflect")
        return ops.conv(x, self.kernel, padding="same" if self.way == "same" else "valid")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank, "way": self.way, "mode": self.mode}


def subclass(shape: Shape) -> Any:
    """A convolution whose call pads before it calls Keras's."""
    base, function = getattr(layers, f"Conv{shape.rank}D"), shape.random.choice([padding_function, by_hand])(shape)

    class Same(base):
        def call(self, x: Any) -> Any:
            return super().call(function(x))

    if shape.random.random() < 0.5:
        Same.__name__ = f"Conv{shape.rank}D"
    return Same(CHANNELS, shape.random.choice([1, 3]), padding=shape.random.choice(["valid", "same"]))


@step
def own_layer(shape: Shape) -> Callable[[Any], Any]:
    if shape.random.random() < 0.3:
        return subclass(shape)
    if shape.random.random() < 0.4:
        way = shape.random.choice(["pad", "conv", "odd", "same", "valid"])
        return Framed(shape.rank, way, shape.random.choice(MODES))
    cls = shape.random.choice([Plain, Conv2D])
    first = shape.random.choice([keras_layer, convpad_layer, zero_padding, hand_made, pad_operation])(shape)
    rest = [conv_layer(shape, padding="same", strides=1)] if shape.random.random() < 0.5 else []
    return cls([first, *rest], shape.random.choice(["list", "dict", "attributes"]))


def _size_of(x: Any) -> Any:
    return keras.Input(x.shape[1:])


@step
def nested_graph(shape: Shape) -> Callable[[Any], Any]:
    first = shape.random.choice([keras_layer, convpad_layer, own_layer, hand_made, pad_operation, zero_padding])(shape)

    def call(x: Any) -> Any:
        image = _size_of(x)
        return keras.Model(image, first(image))(x)

    return call


@step
def nested_stack(shape: Shape) -> Callable[[Any], Any]:
    first = shape.random.choice([keras_layer, convpad_layer, own_layer, zero_padding])(shape)
    second = conv_layer(shape, padding="same", strides=1)
    return lambda x: keras.Sequential([_size_of(x), first, second] if shape.random.random() < 0.5 else [first, second])(
        x
    )


class Net(keras.Model):
    """A model whose class says how its layers are called."""

    def __init__(self, parts: list[Any]) -> None:
        super().__init__()
        self.parts = parts

    def call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x


@step
def nested_code(shape: Shape) -> Callable[[Any], Any]:
    first = shape.random.choice([keras_layer, convpad_layer, own_layer, zero_padding])(shape)
    return Net([first, conv_layer(shape, padding="same", strides=1)])


@step
def shared(shape: Shape) -> Callable[[Any], Any]:
    layer = shape.random.choice([layers, convpad.keras])
    layer = getattr(layer, f"Conv{shape.rank}D")(CHANNELS, 3, padding="same")
    return lambda x: layer(layer(x))


@step
def branches(shape: Shape) -> Callable[[Any], Any]:
    shape.exact = False
    a, b = (conv_layer(shape, padding="same", strides=1) for _ in "ab")
    return lambda x: layers.Add()([a(x), b(x)]) if shape.random.random() < 0.5 else a(x) + b(x)


@step
def crop(shape: Shape) -> Callable[[Any], Any]:
    shape.exact = False
    if shape.random.random() < 0.5:
        return lambda x: piece(x, 1, 1, -1)
    pairs = shape.pairs(0, 1)
    return getattr(layers, f"Cropping{shape.rank}D")(pairs[0] if shape.rank == 1 else pairs)


@step
def upsampling(shape: Shape) -> Callable[[Any], Any]:
    shape.exact, shape.period = False, shape.period * 2
    return getattr(layers, f"UpSampling{shape.rank}D")(2)


@step
def neutral(shape: Shape) -> Callable[[Any], Any]:
    return shape.random.choice([layers.Dropout(0.5), layers.Activation("linear"), lambda x: x * 1, layers.Identity()])


@dataclass
class Generated:
    """A model, and what is known of it apart from its padding."""

    model: Any
    shape: Shape
    sizes: tuple[int, ...]
    is_timed: bool

    def __str__(self) -> str:
        return f"{'timed ' * self.is_timed}{self.sizes}: {' > '.join(self.shape.steps)}"


def generated(seed: int) -> Generated | None:
    """A random model; None where the steps do not fit one another."""
    random = Random(seed)
    rank = random.choice([1, 1, 2])
    sizes = tuple(random.randint(7, 10) for _ in range(rank))
    shape = Shape(rank, sizes, random)
    is_timed = random.random() < 0.1
    image = keras.Input((*((2,) if is_timed else ()), *sizes, CHANNELS))
    x = keras.Input((*sizes, CHANNELS)) if is_timed else image
    start = x
    for _ in range(random.choice([1, 1, 2, 2, 3])):
        name = random.choice(list(STEPS))
        shape.steps.append(name)
        try:
            x = STEPS[name](shape)(x)
        except (ValueError, TypeError, RuntimeError, NotImplementedError):
            return None
        shape.sizes = tuple(x.shape[1:-1])
        if len(shape.sizes) != rank or None in shape.sizes or min(shape.sizes) < 4:
            return None
    if is_timed:
        x = layers.TimeDistributed(keras.Model(start, x))(image)
    model: Any = keras.Model(image, x)
    if not is_timed and random.random() < 0.15:
        model = keras.Sequential([keras.Input(model.input.shape[1:]), model])
    for weight in model.weights:
        if "kernel" in weight.name:
            weight.assign(pattern(weight.shape))
    case = Generated(model, shape, sizes, is_timed)
    try:
        outputs(case, np.ones((1, *sizes, CHANNELS)))
    except (ValueError, TypeError, RuntimeError, NotImplementedError):  # what the backend does not pad
        return None
    return case


def outputs(case: Generated, x: Any) -> Any:
    """The output for a batch without steps of time."""
    x = np.asarray(x, "float32")
    if case.is_timed:
        x = np.stack([x, x], 1)
    y = array(case.model(x, training=False))
    return y[:, 0] if case.is_timed else y


def pads(case: Generated) -> bool:
    """Whether windows read anything but the input, in the same way at every place: by changing one input at a time."""
    base = np.ones((*case.sizes, CHANNELS), "float32")
    places = list(np.ndindex(*case.sizes))
    batch = np.stack([base, *(base + 50 * (np.arange(base[..., 0].size).reshape(case.sizes) == number)[..., None]
                              for number in range(len(places)))])  # fmt: skip
    y = outputs(case, batch)
    moved = (np.abs(y[1:] - y[:1]) > 1e-3).any(-1)  # (input places, *outputs)
    for axis in range(len(case.sizes)):
        other = tuple(1 + place for place in range(len(case.sizes)) if place != axis)
        by_output = moved.any(other)  # (input places, outputs on the axis)
        rows = [{places[i][axis] for i in np.flatnonzero(by_output[:, o])} for o in range(by_output.shape[1])]
        if not any(_are_shifted(rows, period) for period in range(1, case.shape.period + 1)):
            return True
    return False


def _are_shifted(rows: list[set[int]], period: int) -> bool:
    """Whether every output reads the places of that a period before it, each a constant number of places further."""
    steps = {min(b, default=0) - min(a, default=0) for a, b in zip(rows, rows[period:], strict=False)}
    if len(steps) > 1:
        return False
    by = min(steps, default=0)
    return all({place + by for place in a} == b for a, b in zip(rows, rows[period:], strict=False))


def predicted(window: PaddedWindow, x: Any) -> Any:
    """The output of one window of an audit, with the kernels that every model has here."""
    for pad in window.pads:
        x = convpad.pad(x, pad.padding)
    problem, kernel = window.config.problem(x.shape), window.kernel
    channels, filters, groups = x.shape[-1], problem.output_shape[-1], problem.groups
    ones = (1,) * len(kernel)
    shapes = {
        "conv": [(*kernel, channels // groups, filters)],
        "conv_transpose": [(*kernel, filters, channels)],
        "depthwise_conv": [(*kernel, channels, (filters or channels) // channels)],
        "separable_conv": [(*kernel, channels, 1), (*ones, channels, filters)],
    }
    return solve(problem, window.padding.values, x, *map(pattern, shapes.get(window.op, [])))


def silent_error(case: Generated, reading: ModelWindows) -> str:
    """What a reading has wrong without a word; empty where it is right, or says that there is more."""
    if reading.unsupported:
        return ""
    says_padding = bool(reading.unattached) or any(window.pads_something for window in reading.windows)
    if not says_padding and "transposed" not in case.shape.steps and pads(case):
        return "something is padded, and nothing said"
    if case.shape.exact and not reading.unattached:
        x = 1 + np.random.default_rng(5).random((2, *case.sizes, CHANNELS)).astype("float32")
        y, mine = outputs(case, x), x
        try:
            for window in reading.windows:
                mine = predicted(window, mine)
        except (ValueError, ArithmeticError) as error:
            return f"the windows do not fit one another: {error}"
        if mine.shape != y.shape:
            return f"the windows give {mine.shape}, the model {y.shape}"
        if not np.allclose(mine, y, rtol=1e-3, atol=1e-3 * np.abs(y).max()):
            return "the windows give other values"
    return ""


__all__ = ["Generated", "generated", "pads", "pairwise", "silent_error"]
