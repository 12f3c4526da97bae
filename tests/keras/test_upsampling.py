"""`convpad.keras.UpSampling2D`: Keras's numbers with Keras's arguments, other edges, and Keras's manners."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compare import assert_close
from keras_layers import BACKEND, KNOWN_WARNINGS, array, keras

import convpad

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

UpSampling2D = convpad.keras.UpSampling2D
X = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype("float32")


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3"])
def test_keras_arguments_give_keras_numbers(interpolation: str) -> None:
    if BACKEND == "torch" and interpolation == "lanczos3":
        pytest.skip("Keras has no Lanczos on PyTorch")
    own = keras.layers.UpSampling2D((2, 3), "channels_last", interpolation)
    assert np.array_equal(array(UpSampling2D((2, 3), "channels_last", interpolation)(X)), array(own(X)))


def test_replicate_is_keras_bilinear_edge() -> None:
    own = keras.layers.UpSampling2D(2, interpolation="bilinear")
    ours = UpSampling2D(2, interpolation="bilinear", padding_mode="replicate")
    assert_close(array(ours(X)), array(own(X)), "float32")


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_other_edges_are_the_oracles(interpolation: str, data_format: str) -> None:
    x = X if data_format == "channels_last" else np.moveaxis(X, -1, 1)
    layer = UpSampling2D((2, 3), data_format, interpolation, padding_mode=("zeros", "circular"))
    want = convpad.resize(
        x, scale=(2, 3), method=interpolation, padding_mode=("zeros", "circular"), data_format=data_format
    )  # pyright: ignore
    assert_close(array(layer(x)), want, "float32")
    assert layer.compute_output_shape(x.shape) == want.shape


def test_a_model_of_open_sizes_is_saved_and_loaded(tmp_path: Any) -> None:
    inputs = keras.Input((None, None, 3))
    mode = ("circular", convpad.Constant([1.0, 2.0, 3.0]))
    model = keras.Model(inputs, UpSampling2D(2, interpolation="bilinear", padding_mode=mode)(inputs))
    assert model.output_shape == (None, None, None, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].padding_mode == mode
    want = convpad.resize(X, scale=2, padding_mode=mode)
    assert_close(array(loaded(X)), want, "float32")


def test_a_config_of_keras_is_read() -> None:
    layer = UpSampling2D.from_config(keras.layers.UpSampling2D(3, interpolation="bilinear").get_config())
    assert (layer.size, layer.interpolation, layer.padding_mode) == ((3, 3), "bilinear", None)


def test_integers_and_mixed_precision() -> None:
    ints = np.arange(12, dtype="int32").reshape(1, 3, 4, 1)
    layer = UpSampling2D(2, interpolation="bilinear", padding_mode="circular")
    assert_close(array(layer(ints)), convpad.resize(ints.astype("float32"), scale=2, padding_mode="circular"))
    low = UpSampling2D(2, interpolation="bilinear", padding_mode="circular", dtype="mixed_bfloat16")(X)
    assert keras.backend.standardize_dtype(low.dtype) == "bfloat16"


@pytest.mark.parametrize(("options", "message"), [
    ({"interpolation": "lanczos3", "padding_mode": "circular"}, "be None with interpolation='lanczos3'"),
    ({"interpolation": "bilinear", "padding_mode": "wrap"}, "'wrap' is 'circular' here"),
    ({"interpolation": "nearest", "padding_mode": "wrap"}, "'wrap' is 'circular' here"),
    ({"interpolation": "bilinear", "padding_mode": convpad.Learned()}, "carry its value here"),
])  # fmt: skip
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(convpad.PaddingError, match=message):
        UpSampling2D(2, **options)
