"""Layers in files: configs, `.keras` files, weights to and from Keras's own layers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from keras_layers import (
    ALL,
    CHANNELS,
    KNOWN_WARNINGS,
    TRANSPOSED,
    WITH_KERNELS,
    ZERO_PADDINGS,
    array,
    fill_weights,
    inputs_of,
    keras,
    minimal,
    ours,
    rank_of,
    theirs,
)

import convpad
from convpad import Constant, Learned

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

SPELLED: list[Any] = [
    ("same", "circular"),
    (1, 0.5),
    ("half", Constant([1.0, 2.0, 3.0, 4.0])),
    (2, Learned()),
    (1, Learned(keras.initializers.RandomNormal(stddev=2.0, seed=3))),
]


def spelled_for(name: str) -> list[Any]:
    """Spellings that the layer takes."""
    rank = rank_of(name)
    if name in ZERO_PADDINGS:
        return [(2, None)]
    per_side = ((Learned("ones"), 2), "reflect", (Learned(), Constant([1, 2, 3, 4])))[:rank]
    several = [((1, 2) if rank == 1 else ((1, 2), (2, 0), (1, 1))[:rank], per_side[0] if rank == 1 else per_side)]
    rows = [*SPELLED, *several]
    if name in TRANSPOSED:
        rows = [row for row in rows if "Learned" not in repr(row)]
    return [row for row in rows if not ("Padding" in name and isinstance(row[0], str))]


def layer_of(name: str, padding: Any, mode: Any, /, **more: Any) -> Any:
    return ours(name)(**minimal(name), padding=padding, **({} if mode is None else {"padding_mode": mode}), **more)


def model_of(layer: Any, name: str) -> Any:
    """A model of that layer with unknown sizes and whole-numbered weights."""
    inputs = keras.Input((*[None] * rank_of(name), CHANNELS))
    model = keras.Model(inputs, layer(inputs))
    fill_weights(layer)
    return model


@pytest.mark.parametrize("name", ALL)
def test_configs_are_json_and_come_back(name: str) -> None:
    for padding, mode in spelled_for(name):
        layer = layer_of(name, padding, mode, name="kept", dtype="float32")
        config = layer.get_config()
        text = json.dumps(keras.saving.serialize_keras_object(layer))
        again = type(layer).from_config(config)
        assert again.get_config() == config
        loaded = keras.saving.deserialize_keras_object(json.loads(text))
        assert type(loaded) is type(layer)
        assert (loaded.name, loaded.padding) == ("kept", layer.padding)
        assert json.dumps(keras.saving.serialize_keras_object(loaded)) == text
        if "Random" not in repr(mode):
            assert loaded.padding_mode == layer.padding_mode


@pytest.mark.parametrize("name", ALL)
def test_keras_files_come_back(name: str, tmp_path: Path) -> None:
    x = inputs_of(name)
    rows = spelled_for(name)
    for place, (padding, mode) in enumerate(rows[-1:] if rank_of(name) == 3 else rows[2:3] + rows[-2:]):
        model = model_of(layer_of(name, padding, mode), name)
        path = tmp_path / f"{place}.keras"
        model.save(path)
        again = keras.saving.load_model(path)
        assert [weight.path for weight in again.weights] == [weight.path for weight in model.weights]
        for one, other in zip(again.get_weights(), model.get_weights(), strict=True):
            assert (one == other).all()
        assert (array(again(x)) == array(model(x))).all()


@pytest.mark.parametrize("name", WITH_KERNELS)
def test_weights_go_to_and_from_keras_layers(name: str, tmp_path: Path) -> None:
    x, path = inputs_of(name), tmp_path / "model.weights.h5"
    mine = model_of(layer_of(name, "same", "circular"), name)
    keras_ = model_of(theirs(name)(**minimal(name), padding="same"), name)
    keras_.set_weights([weight + 1 for weight in mine.get_weights()])
    keras_.save_weights(path)
    mine.load_weights(path)
    for one, other in zip(mine.get_weights(), keras_.get_weights(), strict=True):
        assert (one == other).all()
    mine.set_weights([weight - 3 for weight in mine.get_weights()])
    mine.save_weights(path)
    keras_.load_weights(path)
    for one, other in zip(mine.get_weights(), keras_.get_weights(), strict=True):
        assert (one == other).all()
    interior = (slice(None), *[slice(3, -3)] * rank_of(name))
    assert_close(array(mine(x))[interior], array(keras_(x))[interior], "float32", "the interior")


@pytest.mark.parametrize("name", ["Conv2D", "DepthwiseConv2D", "MaxPooling2D", "Padding2D"])
def test_learned_values_are_in_the_weights_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    one, other = (model_of(layer_of(name, 1, (Learned(), Learned("ones"))), name) for _ in range(2))
    one.set_weights([weight + 0.5 for weight in one.get_weights()])
    one.save_weights(path)
    other.load_weights(path)
    assert len(one.weights) == 2 + {"Conv2D": 2, "DepthwiseConv2D": 2}.get(name, 0)
    for mine, loaded in zip(one.get_weights(), other.get_weights(), strict=True):
        assert (mine == loaded).all()


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras, of what it has just failed to load
def test_a_file_without_the_learned_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.weights.h5"
    model_of(keras.layers.Conv2D(4, 3), "Conv2D").save_weights(path)
    with pytest.raises(ValueError, match="expected 3 variables"):
        model_of(layer_of("Conv2D", 1, Learned()), "Conv2D").load_weights(path)


def test_clones_are_alike() -> None:
    model = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            convpad.keras.Padding2D(1, ("circular", Learned("ones"))),
            convpad.keras.Conv2D(4, 3, padding="same", padding_mode=Learned()),
            convpad.keras.AveragePooling2D(2, padding=((0, 1), (0, 1)), padding_mode=-1),
        ]
    )
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    x = np.random.default_rng(0).normal(size=(1, 7, 6, 3)).astype("float32")
    assert (array(clone(x)) == array(model(x))).all()


def test_lora_is_merged_when_saved(tmp_path: Path) -> None:
    x = inputs_of("Conv2D")
    model = model_of(layer_of("Conv2D", "same", Learned("ones"), lora_rank=2), "Conv2D")
    path = tmp_path / "lora.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    assert again.layers[-1].lora_enabled
    assert_close(array(again(x)), array(model(x)), "float32")
