"""Code in Keras models: layers of one's own, functions and operations are followed, or reported as not read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_layers import keras

import convpad
from convpad.models.readers import read

pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

layers, ops = keras.layers, keras.ops


def framed(x: Any) -> Any:
    return ops.pad(x, [(0, 0), (1, 1), (2, 0), (0, 0)], mode="reflect")


class Mine(layers.Layer):
    """A class that is neither registered nor has a config."""

    def __init__(self, conv: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parts = {"conv": conv}

    def call(self, x: Any, training: Any = None) -> Any:
        return self.parts["conv"](framed(x))


Mine.__module__ = "__main__"


@keras.saving.register_keras_serializable(package="my", name="Conv2D")
class Conv2D(Mine):
    """A class that Keras writes down by the name of its own."""

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@keras.saving.register_keras_serializable(package="my")
class Same(layers.Conv2D):
    def call(self, inputs: Any) -> Any:
        return super().call(framed(inputs))


class Net(keras.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [layers.Conv2D(2, 3, name="first"), layers.MaxPooling2D(2, name="pool")]

    def call(self, x: Any) -> Any:
        x = framed(x)
        for block in self.blocks:
            x = block(x)
        return x


def conv(**options: Any) -> Any:
    return layers.Conv2D(2, 3, name="conv", **options)


def model_of(layer: Callable[[Any], Any], shape: Any = (8, 8, 2)) -> Any:
    image = keras.Input(shape)
    return keras.Model(image, layer(image))


def rows(model: Any, **options: Any) -> list[Any]:
    reading = convpad.audit(model, **options).reading
    assert (reading.unsupported, reading.unattached) == ((), ())
    return [(w.name, w.op, w.amounts, w.fills[0][0][0]) for w in reading.windows]


REFLECTED = ((1, 1), (2, 0)), "reflect"


@pytest.mark.parametrize(("layer", "name"), [
    (lambda: Mine(conv(), name="mine"), "mine/conv"),
    (lambda: Conv2D(conv(), name="mine"), "mine/conv"),
    (lambda: Same(2, 3, name="mine"), "mine/conv"),
    (lambda: layers.Lambda(lambda x: ops.conv(framed(x), np.ones((3, 3, 2, 2), "float32")), name="mine"), "mine/conv"),
    (lambda: layers.Pipeline([Mine(conv(), name="mine")], name="row"), "row/mine/conv"),
    (lambda: lambda x: conv()(layers.Activation(framed, name="mine")(x)), "conv"),
    (lambda: lambda x: conv()(layers.Conv2D(2, 1, activation=lambda x: framed(x * 2), name="point")(x)), "conv"),
    (lambda: keras.Sequential([Mine(conv(), name="mine")], name="row"), "row/mine/conv"),
    (lambda: lambda x: conv()(framed(x)), "conv"),
])  # fmt: skip
def test_code_is_followed(layer: Callable[[], Any], name: str) -> None:
    model = model_of(layer())
    assert [row for row in rows(model) if row[2] != ((0, 0), (0, 0))] == [(name, "conv", *REFLECTED)]


def test_layers_for_activations(tmp_path: Path) -> None:
    point = layers.Conv2D(2, 1, activation=layers.ZeroPadding2D(((1, 1), (2, 0)), name="pad"), name="point")
    model = model_of(lambda x: conv(activation=layers.LeakyReLU())(point(x)))
    model.save(tmp_path / "m.keras")
    for reading in (read(model), read(tmp_path / "m.keras")):
        assert (reading.unsupported, reading.unattached) == ((), ())
        assert [(w.name, w.amounts) for w in reading.windows] == [("point", ((0, 0),) * 2), ("conv", ((1, 1), (2, 0)))]


def test_sizes_that_are_given_go_through_code() -> None:
    frame = layers.Lambda(lambda x: ops.pad(x, [(0, 0), (1, 1), (2, 0), (0, 0)]), name="frame")
    model = model_of(lambda x: conv(padding="same")(frame(ops.relu(x))), (None, None, 2))
    reading = read(model, [(1, 8, 9, 2)])
    assert (reading.unsupported, reading.unattached) == ((), ())
    assert [(w.name, w.input, w.amounts) for w in reading.windows] == [("conv", (8, 9), ((2, 2), (3, 1)))]


@pytest.mark.skipif(keras.config.backend() != "torch", reason="Keras pads so on PyTorch alone")
def test_symmetric_padding_of_keras_on_pytorch() -> None:
    model = model_of(lambda x: ops.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="symmetric"))
    x = np.arange(128, dtype="float32").reshape(1, 8, 8, 2)
    np.testing.assert_array_equal(model(x).detach().numpy(), np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="edge"))
    assert read(model).unattached[0].fills[0][0][0] == "replicate"


@pytest.mark.skipif(keras.config.backend() != "torch", reason="Keras pads so on PyTorch alone")
def test_uneven_average_pools_of_keras_on_pytorch() -> None:
    for pool in (layers.AveragePooling2D(3, 2, "same"), lambda x: ops.average_pool(x, 3, 2, "same")):
        model = model_of(pool)
        (window,) = read(model).windows
        x = np.arange(128, dtype="float32").reshape(1, 8, 8, 2)
        expected = convpad.average_pool(x, 3, strides=2, padding=window.amounts, padding_mode=window.fills[0][0][0])
        np.testing.assert_allclose(model(x).detach().numpy(), expected)


def test_code_for_each_step_of_time() -> None:
    class Shaped(Mine):
        def build(self, shape: Any) -> None:
            self.parts["conv"].build(shape)

        def compute_output_shape(self, shape: Any) -> Any:
            return (shape[0], 8, 8, 2)

    model = model_of(layers.TimeDistributed(Shaped(conv(), name="mine"), name="each"), (3, 8, 8, 2))
    assert rows(model) == [("each/mine/conv", "conv", *REFLECTED)]


def test_a_model_of_ones_own() -> None:
    net = Net(name="net")
    with pytest.raises(convpad.PaddingError, match="must be functional or Sequential, or have been called on one"):
        read(net)
    assert read(net, [(1, 8, 8, 2)]).unsupported == ("net (Net: it is not built: call it once on an input)",)
    net(np.ones((1, 8, 8, 2), "float32"))
    expected = [("first", "conv", *REFLECTED), ("pool", "max_pool", ((0, 0), (0, 0)), "ignore")]
    assert rows(net) == rows(net, input_shape=(1, 9, 9, 2)) == expected
    nested = [(f"net/{name}", *rest) for name, *rest in expected]
    assert rows(model_of(net)) == nested


def test_a_graph_that_its_class_does_not_run() -> None:
    class Turned(keras.Model):
        def call(self, x: Any) -> Any:
            return super().call(framed(x))

    image = keras.Input((None, None, 2))
    model = Turned(inputs=image, outputs=conv()(image))
    model(np.ones((1, 8, 8, 2), "float32"))
    assert [row[1:] for row in rows(model, input_shape=(1, 8, 8, 2))] == [("conv", *REFLECTED)]


def test_a_call_set_on_a_layer() -> None:
    layer = conv()
    call = layer.call
    layer.call = lambda x: call(framed(x))
    assert rows(model_of(layer)) == [("conv/conv", "conv", *REFLECTED)]


def joined(x: Any, axis: int = 1) -> Any:
    return ops.concatenate([x[:, -1:], x, x[:, :1]], axis=axis)


NEXT = "it puts tensors next to each other"
UNREAD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "joined": (lambda x: joined(x), f"(Concatenate: {NEXT})"),
    "layer": (lambda x: layers.Concatenate(axis=1)([x, x]), f"(Concatenate: {NEXT})"),
    "roll": (lambda x: ops.roll(x, 1, axis=2), "(Roll: it puts the end next to the beginning)"),
    "tile": (lambda x: ops.tile(x, [1, 2, 1, 1]), "(Tile: it puts copies next to each other)"),
    "take": (lambda x: ops.take(x, np.array([1, 0, 1]), axis=1), "(Take: it takes values by their indices)"),
    "mask": (lambda x: x * np.eye(8, dtype="float32")[..., None], "with an array that varies from place to place"),
    "matrix": (lambda x: ops.einsum("abcd,be->aecd", x, np.ones((8, 9), "float32")), "multiplies by a matrix"),
    "patches": (lambda x: ops.image.extract_patches(x, 3, padding="same"), "(ExtractPatches: its windows and"),
    "linear": (lambda x: layers.ConvLSTM2D(2, 3, name="steps")(x[:, None]), "steps (ConvLSTM2D: its windows"),
    "both": (lambda x: layers.Bidirectional(layers.ConvLSTM1D(2, 3), name="steps")(x), "steps (Bidirectional: its"),
    "resize": (lambda x: layers.Resizing(4, 8, pad_to_aspect_ratio=True, name="fit")(x), "fit (Resizing: its windows"),
    "batch": (lambda x: ops.pad(x, 1), "(Pad: it pads the batch, the channels"),
    "function": (lambda x: layers.Lambda(convpad.pad, arguments={"padding": 1}, name="f")(x), "f (Lambda: PaddingE"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_said(name: str) -> None:
    make, said = UNREAD[name]
    reading = read(model_of(make))
    assert len(reading.unsupported) == 1, reading.unsupported
    assert said in reading.unsupported[0]


HARMLESS: dict[str, Callable[[Any], Any]] = {
    "channels": lambda x: conv()(layers.Concatenate()([x, x])),
    "head": lambda x: layers.Dense(2)(layers.Flatten()(layers.Concatenate()([x, x]))),
    "pooled": lambda x: layers.GlobalAveragePooling2D(data_format="channels_first")(layers.Concatenate(axis=1)([x, x])),
    "first": lambda x: layers.MaxPooling2D(2, data_format="channels_first")(layers.Concatenate(axis=1)([x, x])),
    "gate": lambda x: x * ops.sigmoid(x) + 1,
    "gain": lambda x: x * np.ones(2, "float32"),
    "slices": lambda x: x[:, ::2, 1:, ::-1],
    "attention": lambda x: layers.MultiHeadAttention(1, 2)(x, x),
    "recurrent": lambda x: layers.Bidirectional(layers.LSTM(2))(layers.Reshape((8, 16))(x)),
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
    "repeat": lambda x: ops.repeat(x, 2, axis=1),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_cannot_pad_is_no_matter(name: str) -> None:
    reading = read(model_of(HARMLESS[name]))
    assert (reading.unsupported, reading.unattached) == ((), ())


def test_the_second_output_of_an_operation_is_in_doubt_too() -> None:
    model = model_of(lambda x: conv()(ops.split(joined(x), 2, axis=1)[1]))
    assert len(read(model).unsupported) == 1


def operations(x: Any) -> Any:
    kernel = np.ones((3, 3, 2, 4), "float32")
    x = ops.conv(ops.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)], constant_values=2.0), kernel, 2, padding="same")
    x = ops.depthwise_conv(x, np.ones((3, 1, 4, 1), "float32"), dilation_rate=2)
    x = ops.conv_transpose(x, np.ones((3, 3, 2, 4), "float32"), strides=2, padding="same")
    x = ops.separable_conv(x, np.ones((1, 2, 2, 1), "float32"), np.ones((1, 1, 2, 3), "float32"))
    return ops.average_pool(ops.max_pool(x, 2, 1, padding="same"), (2, 1))


def test_operations_in_memory_and_in_files(tmp_path: Path) -> None:
    model = model_of(operations, (10, 10, 2))
    windows = read(model).windows
    assert [w.op for w in windows] == [
        "conv", "depthwise_conv", "conv_transpose", "separable_conv", "max_pool", "average_pool",
    ]  # fmt: skip
    first = windows[0]
    assert (first.pads[0].pairs, first.pads[0].fills[0][0]) == (((1, 0), (0, 2)), ("constant", 2.0))
    last = windows[-1]
    assert (*last.output, last.problem.output_shape[-1]) == tuple(model.output.shape[1:])
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        assert read(tmp_path / name).windows == windows
        assert read(tmp_path / name).unsupported == ()


def test_files_say_less(tmp_path: Path) -> None:
    """Code is not in a file: it is refused, or reported as not read."""
    for layer in (Conv2D(conv(), name="mine"), Mine(conv(), name="mine")):
        if isinstance(layer, Conv2D):
            model_of(layer).save(tmp_path / "m.keras")
            with pytest.raises(convpad.ModelFileError, match="not Keras's own; no code is run from a file"):
                read(tmp_path / "m.keras")


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("activation", [framed, lambda x: ops.roll(x, 1, axis=1)])
def test_functions_in_files_are_not_read(activation: Callable[[Any], Any], tmp_path: Path) -> None:
    model_of(layers.Conv2D(2, 1, activation=activation, name="point")).save(tmp_path / "m.keras")
    unread = ("point/activation (activation: a function whose code is not here)",)
    assert read(tmp_path / "m.keras").unsupported == unread


def test_a_model_stays_as_it_was() -> None:
    layer = Mine(conv(), name="mine")
    model = model_of(layer)
    nodes = [len(operation._inbound_nodes) for operation in (layer, layer.parts["conv"])]
    read(model)
    assert [len(operation._inbound_nodes) for operation in (layer, layer.parts["conv"])] == nodes
    name = layers.Dense(1).name
    read(model)
    assert layers.Dense(1).name.rpartition("_")[2] == str(int("0" + name.rpartition("_")[2].replace("dense", "")) + 1)


@pytest.mark.parametrize("function", [lambda x: x + -3.0, lambda x: x * -1.0, lambda x: ops.minimum(x, -1.0)])
def test_numbers_may_be_below_zero(function: Callable[[Any], Any]) -> None:
    model = model_of(lambda x: layers.MaxPooling2D(2)(function(layers.ReLU()(x))))
    assert not read(model).windows[0].nonnegative


def test_pads_of_other_axes_are_not_attached() -> None:
    padded = layers.ZeroPadding2D(1, data_format="channels_last", name="pad")
    model = model_of(lambda x: layers.MaxPooling2D(2, data_format="channels_first")(padded(x)))
    reading = read(model)
    assert (reading.windows[0].pads, [pad.name for pad in reading.unattached]) == ((), ["pad"])
