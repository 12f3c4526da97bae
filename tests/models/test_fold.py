"""Folded models: equal outputs, without the padding layers that can go."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applications import APPLICATIONS, Application, images, made
from doctests import failures
from keras_layers import BACKEND, KNOWN_WARNINGS, keras
from tool_models import MODELS, filled, inputs_for, outputs
from typer.testing import CliRunner

import convpad
from convpad.changes import Changes
from convpad.cli.commands import app
from convpad.models.layer_graph import walk_layers

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

layers = keras.layers
EVERY = os.environ.get("CONVPAD_EVERY_APPLICATION")
USUAL_ELSEWHERE = ("MobileNetV2", "NASNetMobile")[: 1 + (BACKEND == "tensorflow")]
"""What a backend runs that is not the fastest; NASNet does not run on that."""
TRIED = [application for application in APPLICATIONS if application.usual or EVERY]


def folded(model: Any) -> tuple[Any, Changes]:
    reports: list[Changes] = []
    new = convpad.fold(model, report=reports.append)
    (report,) = reports
    return new, report


def assert_same(new: Any, model: Any, x: Any, where: str = "") -> None:
    for got, want in zip(outputs(new, x), outputs(model, x), strict=True):
        scale = np.abs(want).max()
        assert got.shape == want.shape, where
        assert np.abs(got - want).max() <= 1e-5 * scale, where


@pytest.mark.parametrize(
    ("name", "gone", "left"),
    [
        ("graph", ("pad",), ()),
        ("stack", ("pad",), ()),
        ("wrapped", ("again/inner/pad",), ()),
        ("holding", ("stack/pad",), ()),
        ("coded", (), ()),
    ],
)
def test_models(name: str, gone: tuple[str, ...], left: tuple[str, ...]) -> None:
    model = filled(MODELS[name]())
    new, report = folded(model)
    assert_same(new, model, inputs_for(name, model), name)
    assert (report.layers("folded"), report.layers("left")) == (gone, left)
    # What code makes without a name gets another one each time.
    remaining = {place.path for place in walk_layers(new) if "normalization" not in place.path}
    assert remaining == {place.path for place in walk_layers(model) if "normalization" not in place.path} - set(gone)
    assert len(report.layers("replaced")) == len(gone)


def test_a_window_in_several_models_keeps_its_padding() -> None:
    model = filled(MODELS["nested"]())
    new, report = folded(model)
    assert_same(new, model, inputs_for("nested", model))
    assert report.layers("folded") == ("row/rim",)
    reasons = [row.detail for row in report.rows if row.done == "left"]
    assert len(reasons) == 2
    assert all(reason.startswith("shared reads ") and reason.endswith(" as well") for reason in reasons)


def chain(*row: Any, size: int | None = 9) -> Any:
    """A functional model of layers in a row."""
    tensor = image = keras.Input((size, size, 2))
    for layer in row:
        tensor = layer(tensor)
    return keras.Model(image, tensor)


def conv(**more: Any) -> Any:
    return layers.Conv2D(2, 3, name="window", **more)


def own_conv(padding: Any, padding_mode: Any) -> Any:
    return convpad.keras.Conv2D(2, 3, padding=padding, padding_mode=padding_mode, name="window")


Z = layers.ZeroPadding2D
P = convpad.keras.Padding2D

MELTS: dict[str, Any] = {
    "valid": lambda: (Z(1), conv()),
    "uneven": lambda: (Z(((0, 3), (2, 1))), conv(strides=2)),
    "same": lambda: (Z(2), conv(padding="same")),
    "strided same": lambda: (Z(((1, 0), (0, 2))), conv(padding="same", strides=2)),
    "dilated": lambda: (Z(2), conv(dilation_rate=2)),
    "grouped": lambda: (Z(2), conv(groups=2, activation="relu", use_bias=False)),
    "two in a row": lambda: (Z(1), Z(((2, 0), (0, 1))), conv()),
    "of no amount": lambda: (Z(0), conv(padding="same", strides=2)),
    "depthwise": lambda: (Z(1), layers.DepthwiseConv2D(3)),
    "separable": lambda: (Z(1), layers.SeparableConv2D(3, 3)),
    "max pool": lambda: (Z(1), layers.MaxPooling2D(3, 2)),
    "average pool": lambda: (Z(1), layers.AveragePooling2D(3, 2)),
    "reflect": lambda: (P(3, "reflect"), conv()),
    "modes": lambda: (P(((1, 2), (0, 3)), ("reflect_odd", ("circular", 0.5))), conv()),
    "constants": lambda: (P(1, 0.5), own_conv(1, 0.5)),
    "replicate twice": lambda: (P(1, "replicate"), own_conv(((2, 0), 1), "replicate")),
    "other axes": lambda: (P(((0, 0), (1, 1)), "circular"), own_conv(((1, 1), (0, 0)), "reflect")),
    "per channel": lambda: (P(1, convpad.Constant([0.5, -1.0])), layers.MaxPooling2D(2)),
    "channels first": lambda: (
        layers.Permute((3, 1, 2)), Z(((1, 2), (0, 1)), data_format="channels_first"),
        layers.MaxPooling2D(2, data_format="channels_first"),
    ),
}  # fmt: skip

STAYS: dict[str, tuple[Any, str]] = {
    "a layer between": (
        lambda: (Z(1, name="pad"), layers.BatchNormalization(name="norm"), conv()),
        "norm (BatchNormalization) reads it, which is no convolution or pool",
    ),
    "nothing": (lambda: (conv(), Z(1, name="pad")), "functional gives it out"),
    "transposed": (
        lambda: (Z(1, name="pad"), layers.Conv2DTranspose(2, 3, name="up")),
        "up (Conv2DTranspose) reads it, which crops where others pad",
    ),
    "a mode on another": (
        lambda: (P(1, "reflect", name="pad"), conv(padding="same")),
        "window reads it: it pads the same axis with 'zeros', after 'reflect'",
    ),
    "reflect twice": (
        lambda: (P(1, "reflect", name="pad"), own_conv(1, "reflect")),
        "window reads it: it pads the same axis with 'reflect', after 'reflect'",
    ),
    "constants that meet": (
        lambda: (P(((1, 1), (0, 0)), 2, name="pad"), own_conv(((0, 0), (1, 1)), 3)),
        "window reads it: where the axes meet, the constant of one would be padded by the other",
    ),
    "a pool that leaves out": (
        lambda: (Z(1, name="pad"), layers.MaxPooling2D(3, 1, "same", name="window")),
        "window reads it: it leaves its own padding out of the count",
    ),
    "trained": (lambda: (P(1, convpad.Learned(), name="pad"), conv()), "its values are trained"),
    "a precision of its own": (
        lambda: (Z(1, dtype="float16", name="pad"), conv()),
        "window computes in float32, not in float16",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MELTS)
def test_what_melts(case: str) -> None:
    row = MELTS[case]()
    model = filled(chain(*row))
    new, report = folded(model)
    assert not report.layers("left"), str(report)
    assert not any("Padding" in type(layer).__name__ for layer in new.layers)
    assert_same(new, model, inputs_for("", model), case)
    stacked = filled(keras.Sequential([keras.Input((9, 9, 2)), *MELTS[case]()]))
    new, report = folded(stacked)
    assert not report.layers("left"), str(report)
    assert_same(new, stacked, inputs_for("", stacked), case)


@pytest.mark.parametrize("case", STAYS)
def test_what_stays_says_why(case: str) -> None:
    make, reason = STAYS[case]
    model = filled(chain(*make()))
    model.name = "functional"
    new, report = folded(model)
    assert {row.layer: row.detail for row in report.rows if row.done == "left"} == {"pad": reason}
    assert_same(new, model, inputs_for("", model), case)


def test_an_unknown_size_keeps_what_depends_on_it() -> None:
    model = chain(Z(1, name="pad"), conv(padding="same", strides=2), size=None)
    _, report = folded(model)
    assert [row.detail for row in report.rows] == [
        "window reads it: how much it pads depends on a size that is not known"
    ]
    _, report = folded(chain(Z(1, name="pad"), conv(padding="same"), size=None))
    assert report.layers("folded") == ("pad",)


def test_several_readers() -> None:
    """Melted into each if all can take it, else into none."""
    for last, gone in ((layers.MaxPooling2D(3, 1, name="pool"), True), (layers.Cropping2D(1, name="crop"), False)):
        image = keras.Input((8, 8, 2))
        pad = Z(1, name="pad")(image)
        out = layers.Concatenate()(
            [layers.Conv2D(2, 3, name="a")(pad), layers.DepthwiseConv2D(3, name="b")(pad), last(pad)]
        )
        model = filled(keras.Model(image, out))
        new, report = folded(model)
        assert_same(new, model, inputs_for("", model))
        assert (report.layers("folded") == ("pad",)) is gone
        assert {layer.padding for layer in new.layers if layer.name in "ab"} == (
            {((1, 1), (1, 1))} if gone else {"valid"}
        )


def test_layers_that_are_called_twice() -> None:
    image = keras.Input((8, 8, 2))
    pad, window = Z(1, name="pad"), conv()
    model = filled(keras.Model(image, window(pad(window(pad(image))))))
    new, report = folded(model)
    assert report.layers("folded") == ("pad",)
    assert_same(new, model, inputs_for("", model))
    model = filled(keras.Model(image, window(window(pad(image)))))
    new, report = folded(model)
    assert [row.detail for row in report.rows] == ["window reads window as well"]
    assert_same(new, model, inputs_for("", model))
    model = filled(keras.Model(image, layers.Add()([window(pad(image)), layers.Cropping2D(1)(window(Z(2)(image)))])))
    new, report = folded(model)
    assert len(report.layers("left")) == 2
    assert_same(new, model, inputs_for("", model))


def test_two_sizes_that_pad_differently() -> None:
    image = keras.Input((8, 8, 2))
    pad, window = Z(1, name="pad"), conv(padding="same", strides=2)
    model = filled(keras.Model(image, window(pad(window(pad(image))))))
    new, report = folded(model)
    assert [row.detail for row in report.rows] == ["window reads it at two sizes, and pads them differently"]
    assert_same(new, model, inputs_for("", model))


class Caller(keras.Model):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pad, self.window = Z(1, name="pad"), conv()

    def call(self, inputs: Any) -> Any:
        return self.window(self.pad(inputs))


def test_calls_by_code_are_not_known() -> None:
    model = Caller()
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype("float32")
    model(x)
    new, report = folded(filled(model))
    assert [row.detail for row in report.rows] == ["it is called by code"]
    assert_same(new, model, x)


@pytest.mark.parametrize("application", TRIED, ids=lambda application: application.name)
def test_applications(application: Application) -> None:
    if BACKEND == "torch" and application.name == "NASNetMobile":
        pytest.skip("Keras refuses it on torch")
    if BACKEND != "torch" and not EVERY and application.name not in USUAL_ELSEWHERE:
        pytest.skip("the rest runs where it is fastest")
    model, x = made(application), images(application, 1)
    new, report = folded(model)
    assert (len(report.layers("folded")), len(report.layers("left"))) == (application.folded, application.left)
    assert {row.detail.split("reads it, ")[1] for row in report.rows if row.done == "left"} <= {
        "which is no convolution or pool"
    }
    assert_same(new, model, x, application.name)
    assert len(new.layers) == len(model.layers) - application.folded


def test_command(tmp_path: Path) -> None:
    source, out = tmp_path / "model.keras", tmp_path / "out.keras"
    model = filled(MODELS["graph"]())
    model.save(source)
    done = CliRunner().invoke(app, ["fold", str(source), str(out), "--json"])
    assert done.exit_code == 0, done.output
    rows = {row["layer"]: (row["done"], row["detail"]) for row in json.loads(done.stdout)["layers"]}
    assert rows == {
        "pad": ("folded", "into stem"),
        "stem": ("replaced", "Conv2D, ((0, 1), (1, 2)) with 'zeros'"),
    }
    assert_same(keras.saving.load_model(out), model, inputs_for("graph", model))
    before = out.read_bytes()
    done = CliRunner().invoke(app, ["fold", str(source), str(out)])
    assert (done.exit_code, done.stdout, out.read_bytes()) == (2, "", before)
    assert done.stderr == f"convpad fold: {out} exists. Add --force to replace it, or name another file with OUT.\n"
    done = CliRunner().invoke(app, ["fold", str(source), str(out), "--force"])
    assert done.stdout.startswith("fold: 1 layer replaced, 1 folded, 0 left alone\n\nlayer ")
    assert "\npad    ZeroPadding2D  folded    into stem\n" in done.stdout


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(convpad.PaddingError, match="`model` must be a Keras model or a torch.nn.Module. Received: 3."):
        convpad.fold(3)


ROOT = Path(__file__).parents[2]


def test_page() -> None:
    import doctest

    page = (ROOT / "docs" / "repad.md").read_text(encoding="utf-8").partition("\n## PyTorch modules")[0]
    test = doctest.DocTestParser().get_doctest(page.replace("```", ""), {}, "repad.md", None, 0)
    assert len(test.examples) >= 12
    assert failures(test) == ""
