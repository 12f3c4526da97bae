"""Refusals of the constructor, before any backend is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from keras_layers import (
    ALL,
    CONVS,
    KNOWN_WARNINGS,
    PADDINGS,
    TRANSPOSED,
    WITH_KERNELS,
    ZERO_PADDINGS,
    keras,
    minimal,
    ours,
    rank_of,
)

import convpad
from convpad import Constant, Learned, PaddingError, ShapeError

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

AMOUNTS = ["sane", "", "reflect", -1, 1.0, True, None, float("nan"), (1, 2, 3, 4), (-1, 1), {"a": 1}, ((1, 2, 3),) * 2]
MODES: list[Any] = ["edge", "", "same", "constant", None, True, {"learned": "zeros"}, (1, 2, 3, 4), Learned("nonsense")]


@pytest.mark.parametrize("name", ALL)
def test_amounts_are_refused_by_the_constructor(name: str) -> None:
    for padding in AMOUNTS:
        with pytest.raises(PaddingError, match="Received"):
            ours(name)(**minimal(name), padding=padding)


@pytest.mark.parametrize("name", [name for name in ALL if name not in ZERO_PADDINGS])
def test_modes_are_refused_by_the_constructor(name: str) -> None:
    for mode in MODES:
        with pytest.raises(PaddingError, match="Received"):
            ours(name)(**minimal(name), padding_mode=mode)


@pytest.mark.parametrize("name", PADDINGS + ZERO_PADDINGS)
def test_padding_alone_takes_no_words(name: str) -> None:
    for word in ("same", "valid", "half"):
        with pytest.raises(PaddingError, match=word):
            ours(name)(word)


@pytest.mark.parametrize("name", PADDINGS)
def test_padding_alone_ignores_nothing(name: str) -> None:
    with pytest.raises(PaddingError, match="ignore"):
        ours(name)(1, "ignore")
    with pytest.raises(PaddingError, match="data_format"):
        ours(name)(1, data_format="channels_middle")


@pytest.mark.parametrize("name", TRANSPOSED)
def test_an_adjoint_has_nothing_to_learn(name: str) -> None:
    for mode in (Learned(), ((Learned(), 0),) * rank_of(name)):
        with pytest.raises(PaddingError, match="nothing to learn"):
            ours(name)(**minimal(name), padding_mode=mode)


@pytest.mark.parametrize("name", WITH_KERNELS)
def test_what_keras_refuses_stays_refused(name: str) -> None:
    for wrong in ({"strides": 0}, {"kernel_size": 0}, {"data_format": "channels_middle"}, {"nonsense": 1}):
        with pytest.raises(ValueError):
            ours(name)(**{**minimal(name), **wrong}, padding=1)
    with pytest.raises(TypeError):
        ours(name)()


def test_pools_refuse_strides_that_keras_lets_through() -> None:
    for strides in (0, (1, 0)):
        with pytest.raises(ValueError, match="strides"):
            convpad.keras.MaxPooling2D(2, strides)


@pytest.mark.parametrize("name", [name for name in ALL if "Padding" not in name and name not in TRANSPOSED])
def test_inputs_that_are_too_small_are_refused_when_built(name: str) -> None:
    shape = (None, *[4] * (rank_of(name) - 1), 2, 4)
    with pytest.raises(ShapeError, match="must fit"):
        ours(name)(**minimal(name)).build(shape)
    with pytest.raises(ShapeError, match="must fit"):
        ours(name)(**minimal(name))(keras.Input(shape[1:]))


@pytest.mark.parametrize("name", [name for name in ALL if name not in ZERO_PADDINGS + TRANSPOSED])
def test_a_constant_per_channel_must_fit_the_channels(name: str) -> None:
    layer = ours(name)(**minimal(name), padding=1, padding_mode=Constant([1, 2, 3]))
    with pytest.raises(PaddingError, match="channel"):
        layer(keras.Input((*[8] * rank_of(name), 4)))


def test_weights_need_to_know_the_channels() -> None:
    learned = convpad.keras.MaxPooling1D(3, padding=1, padding_mode=Learned())
    for layer in (learned, convpad.keras.Conv1D(2, 3), convpad.keras.Conv1DTranspose(2, 3, padding=1)):
        with pytest.raises(ShapeError, match="number of channels"):
            layer(keras.Input((8, None)))
    assert convpad.keras.MaxPooling1D(3, padding=1)(keras.Input((8, None))).shape == (None, 3, None)
    assert convpad.keras.DepthwiseConv1D(3).compute_output_shape((2, 8, None)) == (2, 6, None)


@pytest.mark.parametrize("name", ALL)
def test_an_input_has_as_many_axes_as_the_layer_says(name: str) -> None:
    layer = ours(name)(**minimal(name))
    for shape in ((2, *[8] * (rank_of(name) + 1), 4), (2, *[8] * (rank_of(name) - 1), 4)):
        with pytest.raises(ShapeError, match="axes"):
            layer.compute_output_shape(shape)
        with pytest.raises(ValueError, match="axes|ndim"):
            layer(np.ones(shape, "float32"))


def test_functions_refuse_what_they_cannot_pad() -> None:
    for x in (np.ones((1, 4, 4, 3)), keras.KerasTensor((None, 4, 4, 3))):
        with pytest.raises(ShapeError, match="axes"):
            convpad.keras.temporal_padding(x)
        for wrong in ({"padding": -1}, {"padding": "same"}, {"padding_mode": "edge"}, {"padding_mode": Learned()}):
            with pytest.raises(PaddingError, match="Received"):
                convpad.keras.spatial_2d_padding(x, **wrong)


@pytest.mark.parametrize("name", CONVS)
def test_refusals_are_value_errors(name: str) -> None:
    with pytest.raises(ValueError, match="`padding` must be one of 'valid', 'same'"):
        ours(name)(2, 3, padding="sane")


@pytest.mark.parametrize("name", [*WITH_KERNELS, "MaxPooling2D", "AveragePooling1D"])
@pytest.mark.parametrize("mode", ["reflect", 0.5, Constant(1)], ids=str)
def test_a_mode_without_a_padding_would_pad_nothing(name: str, mode: Any) -> None:
    said = (
        "^`padding` must be given with a `padding_mode`: its default pads nothing. Received: 'valid'. "
        "Give `padding='same'`, or an amount.$"
    )
    with pytest.raises(PaddingError, match=said):
        ours(name)(**minimal(name), padding_mode=mode)
    layer = ours(name)(**minimal(name), padding="valid", padding_mode=mode)
    assert type(layer).from_config(layer.get_config()).padding == "valid"
