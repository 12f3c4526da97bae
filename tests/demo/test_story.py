"""Tests of the chapters of `convpad demo` on every backend: the oracle for whole models, the workaround, the texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import convpad

keras = pytest.importorskip("keras")
pytest.importorskip("matplotlib")

import numpy as np

import convpad.keras
from convpad import demo
from convpad.benchmark.candidates import relative_difference
from convpad.benchmark.timing import Budget, Rounds
from convpad.changes import Change, Changes
from convpad.demo import story
from convpad.demo.border import CASES
from convpad.demo.networks import TOLERANCE, mobilenet, oracle_output, worked_around
from convpad.demo.picture import cropped
from convpad.display.text import to_text
from convpad.models.layer_map import PADDINGS, WINDOWED

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
layers = keras.layers
SIZE = 32


@pytest.fixture(scope="module")
def stock() -> Any:
    return mobilenet(SIZE)


@pytest.fixture(scope="module")
def images() -> Any:
    return np.random.default_rng(0).uniform(-1, 1, (2, SIZE, SIZE, 3)).astype("float32")


LAYERS: list[Callable[[], Any]] = [
    lambda: convpad.keras.Conv2D(6, 3, strides=2, padding="same"),
    lambda: convpad.keras.Conv2D(6, (3, 2), dilation_rate=2, groups=2, use_bias=False),
    lambda: convpad.keras.Conv2D(6, 3, padding=((1, 2), 3), padding_mode=("reflect", 0.5)),
    lambda: convpad.keras.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
    lambda: convpad.keras.DepthwiseConv2D(3, padding="same", padding_mode="circular", use_bias=False),
    lambda: convpad.keras.DepthwiseConv2D(3, padding="half", padding_mode="symmetric", dilation_rate=2),
    lambda: convpad.keras.MaxPooling2D(3, strides=2, padding="same", padding_mode="ignore"),
    lambda: convpad.keras.MaxPooling2D(3, padding=1, padding_mode="zeros"),
    lambda: layers.BatchNormalization(),
    lambda: layers.BatchNormalization(epsilon=0.1),
    lambda: layers.ReLU(),
    lambda: layers.ReLU(6),
    lambda: layers.Activation("relu"),
    lambda: layers.GlobalAveragePooling2D(),
    lambda: layers.GlobalAveragePooling2D(keepdims=True),
    lambda: layers.Dense(5),
]


@pytest.mark.parametrize("make", LAYERS)
def test_the_oracle_gives_what_each_layer_gives(make: Callable[[], Any]) -> None:
    image, layer, random = keras.Input((9, 8, 4)), make(), np.random.default_rng(0)
    model = keras.Model(image, layers.Add()([layer(image), layer.output]))
    layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    x = 5 * random.standard_normal((2, 9, 8, 4)).astype("float32")
    expected = oracle_output(model, x)
    assert expected.dtype == np.float64
    assert relative_difference(keras.ops.convert_to_numpy(model(x)), expected) <= TOLERANCE


UNKNOWN = [
    lambda: layers.UpSampling2D(),
    lambda: layers.Conv2D(3, 3),
    lambda: layers.Activation("sigmoid"),
    lambda: layers.ReLU(negative_slope=0.2),
    lambda: layers.ReLU(threshold=0.5),
    lambda: convpad.keras.Conv2D(3, 3, activation="relu"),
    lambda: convpad.keras.DepthwiseConv2D(3, activation="relu"),
    lambda: layers.Dense(3, activation="relu"),
]


@pytest.mark.parametrize("make", UNKNOWN)
def test_the_oracle_refuses_layers_that_it_does_not_know(make: Callable[[], Any]) -> None:
    image, layer = keras.Input((8, 8, 3)), make()
    with pytest.raises(TypeError, match=f"There is no {type(layer).__name__} like it in .* '{layer.name}'"):
        oracle_output(keras.Model(image, layer(image)), np.zeros((1, 8, 8, 3)))


def test_the_oracle_gives_what_the_network_gives(stock: Any, images: Any) -> None:
    expected = oracle_output(convpad.repad(convpad.fold(stock)), images)
    assert relative_difference(stock.predict_on_batch(images), expected) <= story.DEEP


def test_one_layer_that_pads_otherwise_is_seen(stock: Any, images: Any) -> None:
    """The last of them even, where the maps are a single value and the mean is taken of them."""
    expected = oracle_output(convpad.repad(convpad.fold(stock)), images)
    for name in ("Conv1", "block_16_depthwise"):
        other = convpad.repad(stock, "replicate", where=name)
        assert relative_difference(other.predict_on_batch(images), expected) > 100 * story.DEEP


def test_the_workaround_has_no_window_of_convpad(stock: Any, images: Any) -> None:
    ours = convpad.repad(convpad.fold(stock), "symmetric")
    theirs = worked_around(ours)
    inner = [layer for outer in theirs.layers for layer in getattr(outer, "layers", [outer])]
    windows = [layer for layer in inner if type(layer) in WINDOWED]
    assert len(windows) == 52
    assert all(type(layer).__module__.startswith("keras.") and layer.padding == "valid" for layer in windows)
    assert sum(type(layer) in PADDINGS for layer in inner) == 18
    assert relative_difference(theirs.predict_on_batch(images), ours.predict_on_batch(images)) <= TOLERANCE


@pytest.fixture(scope="module")
def chapters() -> list[story.Chapter]:
    steps: list[str] = []
    chapters = list(story.network_chapters(cropped(SIZE), steps.append, Budget(seconds=0, min_rounds=2)))
    assert len(steps) + len(["the layers", *CASES, "the picture"]) == demo.STEPS
    return chapters


def test_facts(chapters: list[story.Chapter]) -> None:
    facts = json.loads(json.dumps({name: value for chapter in chapters for name, value in chapter.facts.items()}))
    assert list(facts) == ["audit", "fold", "repad", "speed"]
    assert sum(any(map(any, row["amounts"])) for row in facts["audit"]["rows"]) == 18
    assert facts["audit"]["copied"] > 0
    assert facts["fold"]["folded"] == [f"block_{number}_pad" for number in (1, 3, 6, 13)]
    assert len(facts["repad"]["replaced"]) == 52
    assert facts["repad"]["from_zeros"] > 100 * facts["repad"]["from_oracle"]["allowed"]
    assert facts["repad"]["from_oracle"]["difference"] < facts["repad"]["from_oracle"]["allowed"]
    timings = facts["speed"]["forward"]
    assert list(timings) == list(story.MODELS)
    assert all(timing["seconds"] > 0 and timing["rounds"] == 2 for timing in timings.values())
    assert [chapter.wrong for chapter in chapters] == [()] * 4


def test_tables(chapters: list[story.Chapter]) -> None:
    texts = [to_text(chapter.table) for chapter in chapters]
    assert [text[:4] for text in texts] == ["1  c", "2  c", "3  c", "4  H"]
    assert "and 14 more." in texts[0]
    assert "4 padding layers folded" in texts[1]
    assert "52 layers exchanged" in texts[2]
    assert f"Keras on {keras.config.backend()}, 2 rounds" in texts[3]


def test_wrong_results_are_told() -> None:
    rounds = Rounds([dict.fromkeys(story.MODELS, 1.0)])
    right = story.Check("the output", "the original's", 1e-6)
    for difference in (2e-5, float("nan")):
        wrong = story.Check("the output", "the original's", difference)
        sentence = f"Not equal: the output is {difference:.0e} off the original's (allowed: 1e-05)."
        assert story.folded_chapter(Changes("fold", ()), wrong).wrong == (sentence,)
        assert story.repadded_chapter(Changes("repad", ()), wrong, 1.0).wrong == (sentence,)
        assert story.timed_chapter((4, 32, 32, 3), rounds, (right, wrong)).wrong == (sentence,)
    left = Changes("fold", (Change("pad", "ZeroPadding2D", "left", "why"),))
    assert story.folded_chapter(left, right).wrong == ("convpad.fold left pad as it was.",)


def test_a_different_oracle_is_noticed(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "mobilenet", lambda size: stock)
    monkeypatch.setattr(story, "oracle_output", lambda model, x: oracle_output(model, x[:, ::-1]))
    chapters = story.network_chapters(cropped(SIZE), lambda step: None)
    *_, repadded = (next(chapters) for _ in range(3))
    assert repadded.wrong
