"""Is the story of `convpad demo` true on every backend? Its oracle for whole models, its race, its chapters."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

import convpad

keras = pytest.importorskip("keras")
pytest.importorskip("matplotlib")

import numpy as np
from rich.console import Console

import convpad.keras
from convpad.benchmark.timing import Budget, Rounds
from convpad.demo import story
from convpad.demo.facts import facts
from convpad.demo.networks import mobilenet, worked_around
from convpad.demo.oracle import TOLERANCE, answer, apart
from convpad.demo.photograph import cropped
from convpad.demo.report import shown
from convpad.models.changes import Change, Changes
from convpad.models.layer_map import PADDINGS, WINDOWED

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
layers = keras.layers
SIZE = 32


def plain(chapter: Any) -> str:
    """The text of a chapter, without colours."""
    console = Console(file=StringIO(), width=160, record=True)
    console.print(shown(chapter))
    return console.export_text()


@pytest.fixture(scope="module")
def stock() -> Any:
    return mobilenet(SIZE)


@pytest.fixture(scope="module")
def images() -> Any:
    return np.random.default_rng(0).uniform(-1, 1, (2, SIZE, SIZE, 3)).astype("float32")


LAYERS: list[Callable[[], Any]] = [
    lambda: layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
    lambda: layers.Conv2D(6, (3, 2), dilation_rate=2, groups=2, use_bias=False),
    lambda: convpad.keras.Conv2D(6, 3, padding=((1, 2), 3), padding_mode=("reflect", 0.5)),
    lambda: layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2),
    lambda: convpad.keras.DepthwiseConv2D(3, padding="same", padding_mode="circular", use_bias=False),
    lambda: layers.MaxPooling2D(3, strides=2, padding="same"),
    lambda: convpad.keras.MaxPooling2D(3, padding=1, padding_mode="zeros"),
    lambda: layers.ZeroPadding2D(((1, 2), (3, 4))),
    lambda: convpad.keras.Padding2D(((1, 2), (3, 4)), "symmetric"),
    lambda: layers.BatchNormalization(),
    lambda: layers.BatchNormalization(scale=False, epsilon=0.1),
    lambda: layers.BatchNormalization(center=False),
    lambda: layers.ReLU(),
    lambda: layers.ReLU(6, negative_slope=0.2, threshold=0.5),
    lambda: layers.Activation("relu"),
    lambda: layers.Activation("linear"),
    lambda: layers.GlobalAveragePooling2D(),
    lambda: layers.GlobalAveragePooling2D(keepdims=True),
    lambda: layers.Dense(5, activation="relu"),
]


@pytest.mark.parametrize("make", LAYERS)
def test_the_oracle_gives_what_each_layer_gives(make: Callable[[], Any]) -> None:
    image, layer, random = keras.Input((9, 8, 4)), make(), np.random.default_rng(0)
    model = keras.Model(image, layers.Add()([layer(image), layer.output]))
    layer.set_weights([random.uniform(0.5, 2, weight.shape) for weight in layer.get_weights()])
    x = 5 * random.standard_normal((2, 9, 8, 4)).astype("float32")
    found = answer(model, x)
    assert found.dtype == np.float64
    assert found.shape == tuple(model(x).shape)
    assert apart(keras.ops.convert_to_numpy(model(x)), found) <= TOLERANCE


@pytest.mark.parametrize("layer", [layers.UpSampling2D(), layers.Activation("sigmoid")], ids=["layer", "activation"])
def test_the_oracle_knows_what_it_does_not_know(layer: Any) -> None:
    image = keras.Input((8, 8, 3))
    with pytest.raises(TypeError, match=f"in plain NumPy here. Received: the layer '{layer.name}'"):
        answer(keras.Model(image, layer(image)), np.zeros((1, 8, 8, 3)))


def test_the_oracle_gives_what_the_network_gives(stock: Any, images: Any) -> None:
    assert apart(stock.predict_on_batch(images), answer(stock, images)) <= story.DEEP


def test_one_layer_that_pads_otherwise_is_seen(stock: Any, images: Any) -> None:
    """The last of them even, where the maps are a single value and the mean is taken of them."""
    right = answer(stock, images)
    for name in ("Conv1", "block_16_depthwise"):
        other = convpad.repad(stock, "replicate", only=name)
        assert apart(other.predict_on_batch(images), right) > 100 * story.DEEP


def test_the_workaround_has_no_window_of_convpad(stock: Any, images: Any) -> None:
    ours = convpad.repad(convpad.fold(stock), "symmetric")
    theirs = worked_around(ours)
    inner = [layer for place in theirs.layers for layer in getattr(place, "layers", [place])]
    windows = [layer for layer in inner if type(layer) in WINDOWED]
    assert len(windows) == 52
    assert all(type(layer).__module__.startswith("keras.") and layer.padding == "valid" for layer in windows)
    assert sum(type(layer) in PADDINGS for layer in inner) == 18
    assert apart(theirs.predict_on_batch(images), ours.predict_on_batch(images)) <= TOLERANCE


@pytest.fixture(scope="module")
def told() -> tuple[list[str], list[Any]]:
    steps: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(story, "BUDGET", Budget(seconds=0, min_rounds=2))
        return steps, list(story.tell(cropped(SIZE), steps.append))


def test_chapters(told: tuple[list[str], list[Any]]) -> None:
    steps, (audited, folded, repadded, raced) = told
    assert len(steps) == story.STEPS
    assert sum(row.window.pads_something for row in audited.audit.rows) == 18
    assert audited.audit.copied > 0
    assert folded.changes.layers("folded") == tuple(f"block_{number}_pad" for number in (1, 3, 6, 13))
    assert len(repadded.changes.layers("replaced")) == 52
    assert repadded.from_zeros > 100 * repadded.check.allowed
    assert list(raced.timings) == list(story.RACERS)
    assert all(figure.seconds > 0 and figure.rounds == 2 for figure in raced.timings.values())
    assert [chapter.wrong for chapter in told[1]] == [()] * 4


def test_each_chapter_is_shown(told: tuple[list[str], list[Any]]) -> None:
    texts = [plain(chapter) for chapter in told[1]]
    assert [text[:4] for text in texts] == ["1  c", "2  c", "3  c", "4  H"]
    assert "4 padding layers melted" in texts[1]
    assert "52 layers exchanged" in texts[2]
    assert f"Keras on {keras.config.backend()}, 2 rounds" in texts[3]


def test_all_of_it_is_told_to_programs(told: tuple[list[str], list[Any]]) -> None:
    found = json.loads(facts(told[1]))
    assert list(found) == ["audit", "fold", "repad", "speed", "wrong"]
    assert len(found["fold"]["folded"]) == 4
    assert found["repad"]["from_oracle"]["difference"] < found["repad"]["from_zeros"]
    assert list(found["speed"]["forward"]) == list(story.RACERS)
    assert found["wrong"] == []


def test_what_is_wrong_is_said() -> None:
    right = story.Check("the output", "the original's", 1e-6)
    for difference in (2e-5, float("nan")):
        wrong = story.Check("the output", "the original's", difference)
        said = (f"Not equal: the output is {difference:.0e} off the original's (allowed: 1e-05).",)
        assert story.Folded(Changes("fold", ()), wrong).wrong == said
        assert story.Repadded("reflect", Changes("repad", ()), wrong, 1.0).wrong == said
        assert story.Raced("jax", (4, 32, 32, 3), Rounds([]), (right, wrong)).wrong == said
        assert said[0] in plain(story.Folded(Changes("fold", ()), wrong))
    left = Changes("fold", (Change("pad", "ZeroPadding2D", "left", "why"),))
    assert story.Folded(left, right).wrong == ("convpad.fold left pad as it was.",)


def test_another_oracle_would_be_noticed(stock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "mobilenet", lambda size: stock)
    monkeypatch.setattr(story, "answer", lambda model, x: answer(model, x[:, ::-1]))
    chapters = story.tell(cropped(SIZE), lambda step: None)
    *_, repadded = (next(chapters) for _ in range(3))
    assert repadded.wrong
