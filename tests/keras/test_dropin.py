"""Layers against Keras's own: the same arguments and weights give the same numbers."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from keras_layers import (
    ALL,
    BACKEND,
    CHANNELS,
    CONVS,
    DEPTHWISE,
    KNOWN_WARNINGS,
    POOLS,
    SEPARABLE,
    TRANSPOSED,
    ZERO_PADDINGS,
    array,
    covering,
    fill_weights,
    inputs_of,
    keras,
    minimal,
    numbers,
    oracle,
    ours,
    rank_of,
    theirs,
)

import convpad

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

FORMATS = ("channels_last", "channels_first")


def per_axis(rank: int) -> tuple[Any, ...]:
    """Odd, even, and one for each axis, which has both."""
    return {1: (3, 2), 2: (3, 2, (3, 2)), 3: (3, (3, 2, 1))}[rank]


def conv_rows(name: str) -> list[dict[str, Any]]:
    rank = rank_of(name)
    steps = [{"strides": 1}, {"strides": 2}, {"dilation_rate": 2}]
    if rank < 3:
        steps += [{"strides": 3}]
    if rank > 1:
        steps += [{"dilation_rate": (2, 1, 3)[:rank]}]
        steps += [] if name in DEPTHWISE + SEPARABLE and BACKEND == "tensorflow" else [{"strides": (2, 1, 3)[:rank]}]
    columns: dict[str, Any] = {
        "window": per_axis(rank) if name in CONVS else per_axis(rank)[::2],
        "steps": tuple(steps),
        "padding": ("valid", "same"),
        "data_format": FORMATS,
        "use_bias": (True, False),
    }
    if name in CONVS:
        columns["groups"] = (1, 2)
        if rank == 1:
            columns["padding"] += ("causal",)
    return list(covering(**columns))


def transposed_rows(name: str) -> list[dict[str, Any]]:
    steps = ({"strides": 1}, {"strides": 2}, {"strides": 3}, {"strides": 2, "output_padding": 1}, {"dilation_rate": 2})
    columns = {"window": per_axis(rank_of(name)), "steps": steps, "padding": ("valid", "same"), "data_format": FORMATS}
    return list(covering(**columns))


def pool_rows(name: str) -> list[dict[str, Any]]:
    windows = per_axis(rank_of(name))
    return list(covering(window=windows, strides=(None, 1, 2), padding=("valid", "same"), data_format=FORMATS))


def table(names: tuple[str, ...], rows: Any) -> list[Any]:
    return [
        pytest.param(name, row, id="-".join([name, *(str(value) for value in row.values())]))
        for name in names
        for row in rows(name)
    ]


def keras_answer(name: str, options: dict[str, Any], x: Any, weights: list[Any]) -> tuple[Any, Any]:
    """Keras's own layer and its output; in channels_last, transposed, where TensorFlow's CPU cannot do otherwise."""
    turned = BACKEND == "tensorflow" and options["data_format"] == "channels_first"
    if turned:
        options, x = {**options, "data_format": "channels_last"}, np.moveaxis(x, 1, -1)
    layer = theirs(name)(**options)
    layer.build(x.shape)
    layer.set_weights(weights)
    out = array(layer(x))
    return layer, np.moveaxis(out, -1, 1) if turned else out


def compared(name: str, row: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The layer, what it gives and what Keras's gives."""
    row = dict(row)
    options = {**minimal(name, row.pop("window")), **row.pop("steps", {}), **row}
    x = inputs_of(name, options["data_format"])
    layer = ours(name)(**options)
    layer.build(x.shape)
    weights = fill_weights(layer)
    out = layer(x)
    assert tuple(out.shape) == layer.compute_output_shape(x.shape)
    assert_close(array(out), oracle(name, layer, x, weights=weights), "float32", "the oracle")
    try:
        reference, want = keras_answer(name, options, x, weights)
    except Exception as error:
        # TensorFlow without oneDNN, which it leaves out on some processors.
        if "not yet support d" not in str(error):
            raise
        pytest.skip("Keras's own layer is refused by TensorFlow on this processor")
    assert [(weight.name, weight.shape) for weight in layer.weights] == [
        (weight.name, weight.shape) for weight in reference.weights
    ]
    return layer, array(out), want


@pytest.mark.parametrize(("name", "row"), table(CONVS + DEPTHWISE + SEPARABLE, conv_rows))
def test_convolutions_give_keras_numbers(name: str, row: dict[str, Any]) -> None:
    _, got, want = compared(name, row)
    assert_close(got, want, "float32", name)


@pytest.mark.parametrize(("name", "row"), table(TRANSPOSED, transposed_rows))
def test_transposed_convolutions_give_keras_numbers(name: str, row: dict[str, Any]) -> None:
    _, got, want = compared(name, row)
    assert_close(got, want, "float32", name)


@pytest.mark.parametrize(("name", "row"), table(POOLS, pool_rows))
def test_pools_give_keras_numbers(name: str, row: dict[str, Any]) -> None:
    _, got, want = compared(name, row)
    if (BACKEND, name[:3], row["padding"]) != ("torch", "Ave", "same"):  # that one is the next test's
        assert_close(got, want, "float32", name)


@pytest.mark.parametrize("name", ["Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"])
def test_a_bias_is_added_to_the_channels_where_another_axis_is_as_long(name: str) -> None:
    x = numbers(2, CHANNELS, 6, 4)
    layer = ours(name)(**{**minimal(name), "depth_multiplier": 1} if name[:5] == "Depth" else minimal(name),
                       padding="same", data_format="channels_first")  # fmt: skip
    layer.build(x.shape)
    weights = fill_weights(layer)
    assert_close(array(layer(x)), oracle(name, layer, x, weights=weights), "float32", name)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="keras.ops.add adds on the other backends")
def test_keras_still_adds_a_bias_to_the_wrong_axis_on_tensorflow() -> None:
    # When this fails, `Convolution.call` can use keras.ops.add as Keras's layers do.
    bias = np.arange(4, dtype="float32").reshape(1, 4, 1, 1)
    assert (array(keras.ops.add(np.zeros((1, 4, 2, 4), "float32"), bias)) != bias).any()


@pytest.mark.skipif(BACKEND != "torch", reason="Keras's other backends agree with the oracle")
def test_keras_still_repeats_the_edge_in_averages_on_torch() -> None:
    # Keras 3.15.1 pads unevenly by repeating the edge, which then counts. TensorFlow and JAX leave padding out, and
    # so do we on every backend. When this fails Keras agrees: compare averages on torch above, and drop this test.
    x = np.arange(1, 7, dtype="float32").reshape(1, 6, 1)
    got, keras_ = (array(lib.AveragePooling1D(3, 2, "same")(x)) for lib in (convpad.keras, keras.layers))
    assert got.ravel().tolist() == [2, 4, 5.5]
    assert keras_.ravel().tolist() != got.ravel().tolist()


def test_words_may_be_written_large() -> None:
    assert convpad.keras.Conv2D(1, 3, padding="SAME").padding == "same"
    assert convpad.keras.MaxPooling1D(3, padding="Valid").padding == "valid"


def test_the_table_shows_every_pair() -> None:
    columns = {"a": (1, 2, 3), "b": ("x", "y"), "c": (True, False)}
    rows = list(covering(**columns))
    assert len(rows) < 3 * 2 * 2
    for one, other in itertools.combinations(columns, 2):
        seen = {(row[one], row[other]) for row in rows}
        assert seen == set(itertools.product(columns[one], columns[other]))


FORMS = {
    "ZeroPadding1D": (2, (1, 2), [0, 3]),
    "ZeroPadding2D": (5, (1, 2), ((1, 2), (3, 4)), [[0, 1], 2]),
    "ZeroPadding3D": (1, (1, 2, 3), ((1, 2), (3, 4), (0, 0))),
}


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("name", ZERO_PADDINGS)
def test_zero_padding_takes_all_of_keras_forms(name: str, data_format: str) -> None:
    x = inputs_of(name, data_format)
    assert ours(name)().padding == theirs(name)().padding
    for form in FORMS[name]:
        layer, reference = ours(name)(form, data_format), theirs(name)(form, data_format)
        assert layer.padding == reference.padding
        assert layer.compute_output_shape(x.shape) == reference.compute_output_shape(x.shape) == layer(x).shape
        assert_close(array(layer(x)), array(reference(x)), "float32", f"{name}({form})")


@pytest.mark.parametrize("name", ALL)
def test_a_keras_config_makes_our_layer(name: str) -> None:
    if name.startswith("Padding"):
        assert not hasattr(keras.layers, name)
        return
    config = theirs(name)(**minimal(name), name="same").get_config()
    layer = ours(name).from_config(config)
    assert isinstance(layer, theirs(name))
    found = layer.get_config()
    mode = found.pop("padding_mode", "zeros")
    assert mode == ("ignore" if "Pool" in name else "zeros")
    assert found == config


def test_positional_arguments_are_keras_ones() -> None:
    x = numbers(2, 6, 8, CHANNELS)
    ours_, theirs_ = (
        lib.Conv2D(3, (3, 2), (2, 1), "same", "channels_last", (1, 1), 1, "relu", False)
        for lib in (convpad.keras, keras.layers)
    )
    theirs_.build(x.shape)
    ours_.build(x.shape)
    ours_.set_weights(theirs_.get_weights())
    assert_close(array(ours_(x)), array(theirs_(x)), "float32")
    assert ours_.get_config()["activation"] == "relu"
    pool = convpad.keras.MaxPooling2D(2, 1, ((0, 1), (0, 1)))
    assert (pool.strides, pool.padding) == ((1, 1), ((0, 1), (0, 1)))
    assert convpad.keras.Conv2DTranspose(3, 3, 2, "same", 1).output_padding == (1, 1)


def test_subclasses_have_their_own_docstring_and_show_the_arguments_of_all_classes() -> None:
    class Scaled(convpad.keras.MaxPooling2D):
        """Mine."""

        def __init__(self, *args: Any, scale: float = 2.0, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    class Passing(Scaled):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    class Own(Scaled):
        def __init__(self, size: int = 3) -> None:
            super().__init__(size)

    assert (Scaled.__doc__, Passing.__doc__, Passing.rank) == ("Mine.", None, 2)
    for layer in (Scaled, Passing):
        parameters = inspect.signature(layer).parameters
        assert [*parameters][-3:] == ["padding_mode", "scale", "kwargs"]
        assert parameters["padding_mode"].default == "ignore"
        assert [*parameters][:-3] == [*inspect.signature(keras.layers.MaxPooling2D).parameters][:-1]
    assert [*inspect.signature(Own).parameters] == ["size"]
    assert Passing(3, padding="same")(numbers(1, 4, 4, 1)).shape == (1, 2, 2, 1)


@pytest.mark.parametrize("name", ["Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SeparableConv2D"])
def test_whole_numbered_images_are_cast_as_the_kernel(name: str) -> None:
    x = np.random.default_rng(0).integers(0, 255, (1, 6, 6, 3)).astype("uint8")
    layer = ours(name)(**minimal(name), padding="same")
    assert_close(array(layer(x)), array(layer(x.astype("float32"))), "float32")
    assert keras.backend.standardize_dtype(layer(x).dtype) == "float32"


def test_pools_of_integers() -> None:
    x = np.arange(16, dtype="int32").reshape(1, 4, 4, 1)
    largest = convpad.keras.MaxPooling2D(3, 1, "same")(x)
    assert keras.backend.standardize_dtype(largest.dtype) == "int32"
    assert_close(array(largest), array(theirs("MaxPooling2D")(3, 1, "same")(x)), "float32")
    mean = convpad.keras.AveragePooling2D(3, 1, "same")(x)
    assert keras.backend.standardize_dtype(mean.dtype) == "float32"
    assert_close(array(mean), convpad.average_pool(x.astype("float32"), 3, strides=1, padding="same"), "float32")


def test_keras_other_names() -> None:
    ours_ = {name: getattr(convpad.keras, name) for name in convpad.keras.__all__ if hasattr(keras.layers, name)}
    assert {"MaxPool2D", "AvgPool1D", "Convolution2D", "SeparableConvolution1D"} <= set(ours_)
    for name, layer in ours_.items():
        assert layer.__name__ == getattr(keras.layers, name).__name__
        assert issubclass(layer, getattr(keras.layers, name))
