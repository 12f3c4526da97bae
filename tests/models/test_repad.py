"""Repadded models: the same weights and names, with the new padding."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applications import APPLICATIONS, Application, images, made
from compare import assert_close
from keras_layers import (
    ALL,
    BACKEND,
    KNOWN_WARNINGS,
    TRANSPOSED,
    ZERO_PADDINGS,
    array,
    fill_weights,
    inputs_of,
    keras,
    minimal,
    oracle,
    ours,
    rank_of,
    theirs,
)
from tool_models import MODELS, filled, inputs_for, outputs
from typer.testing import CliRunner

import convpad
from convpad.changes import Changes
from convpad.cli.commands import app
from convpad.models.layer_graph import walk_layers

pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    KNOWN_WARNINGS,
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]

EVERY = os.environ.get("CONVPAD_EVERY_APPLICATION")
USUAL_ELSEWHERE = ("MobileNetV2",)
"""What a backend runs that is not the fastest; NASNet does not run on that."""
TRIED = [application for application in APPLICATIONS if application.usual or EVERY]


def kinds(model: Any) -> dict[str, str]:
    """The module of every layer's class, and its name."""
    return {place.path: type(place.layer).__module__.split(".")[0] for place in walk_layers(model)}


def repadded(model: Any, *args: Any, **kwargs: Any) -> tuple[Any, Changes]:
    reports: list[Changes] = []
    new = convpad.repad(model, *args, report=reports.append, **kwargs)
    (report,) = reports
    return new, report


@pytest.mark.parametrize("name", MODELS)
def test_without_a_mode_it_gives_what_it_gave(name: str) -> None:
    model = filled(MODELS[name]())
    x = inputs_for(name, model)
    want = outputs(model, x)
    new, report = repadded(model)
    for got, answer in zip(outputs(new, x), want, strict=True):
        assert_close(got, answer, "float32", name)
    for got, answer in zip(outputs(model, x), want, strict=True):
        assert (got == answer).all(), "the model given has changed"
    # What code makes without a name gets another one each time.
    names, before = [sorted(path for path in kinds(each) if "normalization" not in path) for each in (new, model)]
    assert names == before
    assert not report.layers("left")
    assert {kinds(new)[layer] for layer in report.layers("replaced")} == {"convpad"}
    assert {kinds(model)[layer] for layer in report.layers("replaced")} == {"keras"}
    assert {id(weight) for weight in new.weights}.isdisjoint(map(id, model.weights))
    assert new.name == model.name


@pytest.mark.parametrize("name", MODELS)
def test_with_a_mode_every_layer_that_pads_has_it(name: str) -> None:
    model = filled(MODELS[name]())
    x = inputs_for(name, model)
    new, report = repadded(model, "circular")
    padding = [place.layer for place in walk_layers(new) if place.path in report.layers("replaced")]
    assert {layer.padding_mode for layer in padding if layer.padding != "valid"} <= {"circular"}
    assert sum(layer.padding_mode == "circular" for layer in padding) >= 3
    assert any(np.abs(a - b).max() > 1e-3 for a, b in zip(outputs(new, x), outputs(model, x), strict=True))
    again, _ = repadded(new, "zeros", where=lambda layer: "pool" not in layer.name)
    back, _ = repadded(again, "ignore", where="*pool*") if name in ("graph", "stack", "holding") else (again, None)
    for got, answer in zip(outputs(back, x), outputs(model, x), strict=True):
        assert_close(got, answer, "float32", f"{name} and back")


@pytest.mark.parametrize("name", ALL)
def test_every_kind_of_layer(name: str) -> None:
    rank, more = rank_of(name), {"padding": "same", "strides": 2}
    if "Padding" in name:
        more = {"padding": 2}
    cls = ours(name) if name.startswith("Padding") else theirs(name)
    layer = cls(**minimal(name), **more, name="kept")
    model = keras.Sequential([keras.Input((*[None] * rank, 4)), layer])
    fill_weights(layer)
    x = inputs_of(name)
    if not (BACKEND == "torch" and name.startswith("Average")):  # Keras there repeats the edge: test_keras_dropin
        assert_close(outputs(convpad.repad(model), x)[0], array(model(x)), "float32", name)
    mode = ("reflect", "circular", "symmetric")[:rank] if rank > 1 else ("reflect", "circular")
    (new,) = convpad.repad(model, mode).layers
    assert (new.name, new.padding_mode) == ("kept", mode if rank > 1 else (mode,))
    assert_close(array(new(x)), oracle(name.replace("Zero", ""), new, x), "float32", name)


def test_trained_padding_is_made_and_kept() -> None:
    model = filled(MODELS["stack"]())
    new = convpad.repad(model, convpad.Learned("ones"))
    values = [weight for weight in new.weights if "padding_value" in weight.name]
    assert len(values) == 3
    assert all((array(value) == 1).all() for value in values)
    for place, value in enumerate(values):
        value.assign(np.full(value.shape, 5.0 + place))
    kept = convpad.repad(convpad.repad(new), where="conv")
    assert [array(weight).ravel()[0] for weight in kept.weights if "padding_value" in weight.name] == [5, 6, 7]
    anew = convpad.repad(new, convpad.Learned())
    assert not any(array(weight).any() for weight in anew.weights if "padding_value" in weight.name)


def test_how_much() -> None:
    """Keras's model, padded as PyTorch and Caffe do: half the window on both sides."""
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, 2, "same"), keras.layers.Conv2D(4, 1)])
    first, second = convpad.repad(filled(model), padding="half").layers
    assert (first.padding, first.padding_mode, second.padding) == ("half", "zeros", "valid")


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ("shared", {"shared"}),
        ("s[he]*", {"shared", "separable"}),
        (["stem", "p?d"], {"stem", "pad"}),
        (lambda layer: getattr(layer, "strides", 1) == (2, 2), {"stem", "up", "pool"}),
    ],
)
def test_only(where: Any, chosen: set[str]) -> None:
    model = filled(MODELS["graph"]())
    new, report = repadded(model, "reflect", where=where)
    assert set(report.layers("replaced")) == chosen
    assert {path for path, home in kinds(new).items() if home == "convpad"} == chosen
    assert {row.detail for row in report.rows if row.done == "left"} == {"not chosen"}


def test_only_in_other_models() -> None:
    _, report = repadded(MODELS["wrapped"](), "reflect", where="again/*")
    assert set(report.layers("replaced")) == {"again/inner/pad", "again/inner/conv"}


def test_layers_in_several_places_stay_one() -> None:
    new = convpad.repad(filled(MODELS["nested"]()), "reflect")
    assert new.get_layer("block").get_layer("shared") is new.get_layer("shared")
    new = convpad.repad(filled(MODELS["wrapped"]()), "reflect")
    assert new.get_layer("each").layer is new.get_layer("same_conv").layer
    assert new.get_layer("each").layer.padding_mode == "reflect"


def test_what_code_made_is_replaced_and_forgotten() -> None:
    new, report = repadded(filled(MODELS["coded"]()), "reflect")
    assert report.layers("replaced") == ("first", "rest_0", "rest_1")
    convolutions = [layer.name for layer in new.layers if isinstance(layer, keras.layers.Conv2D)]
    assert sorted(convolutions) == ["first", "rest_0", "rest_1"], "and the layers before are gone"
    assert all(layer.padding_mode == "reflect" for layer in (new.first, *new.rest))


class Late(keras.layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.conv = keras.layers.Conv2D(2, 3, padding="same", name="late")
        self.conv.build(input_shape)

    def call(self, inputs: Any) -> Any:
        return self.conv(inputs)


class Own(keras.layers.Conv2D):
    pass


def test_what_cannot_be_replaced_is_left_with_the_reason() -> None:
    model = filled(
        keras.Sequential([keras.Input((6, 6, 2)), Late(name="holder"), Own(2, 3, padding="same", name="own")])
    )
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 2)).astype("float32")
    new, report = repadded(model, "reflect")
    assert {row.layer: row.detail for row in report.rows} == {
        "holder/late": "what holds it makes it when it is built: use convpad.keras there",
        "own": "Own is a class of its own: inherit from convpad.keras there",
    }
    assert_close(outputs(new, x)[0], outputs(model, x)[0], "float32")


def test_the_first_model_survives_the_training_of_the_second() -> None:
    model = filled(MODELS["stack"]())
    model.compile("adam", "mse")
    x = inputs_for("stack", model)
    want = outputs(model, x)[0]
    new = convpad.repad(model, "replicate")
    assert new.compiled
    assert new.optimizer is not model.optimizer
    new.fit(x, np.zeros_like(want), epochs=1, verbose=0)
    assert (outputs(model, x)[0] == want).all()
    assert not np.allclose(array(new.weights[0]), array(model.weights[0]))


def test_what_is_frozen_stays_frozen_and_losses_need_no_name() -> None:
    model = filled(MODELS["graph"]())
    model.get_layer("stem").trainable = False
    new = convpad.repad(model)
    assert [weight.trainable for weight in new.weights] == [weight.trainable for weight in model.weights]
    model.trainable = False
    assert not convpad.repad(model).trainable_weights
    model.compile("adam", loss=[lambda y, z: z, None])
    assert not convpad.repad(model).compiled, "Keras cannot write this down"


def test_normalization_keeps_what_it_learnt() -> None:
    norm = keras.layers.Normalization()
    norm.adapt(np.random.default_rng(0).normal(5, 3, (50, 6, 6, 2)))
    model = filled(keras.Sequential([keras.Input((6, 6, 2)), keras.layers.Conv2D(2, 3, padding="same")]))
    model = keras.Sequential([keras.Input((6, 6, 2)), norm, *model.layers])
    x = np.random.default_rng(1).normal(5, 3, (2, 6, 6, 2)).astype("float32")
    assert_close(outputs(convpad.repad(model), x)[0], outputs(model, x)[0], "float32")


def test_saved_it_comes_back(tmp_path: Path) -> None:
    model = convpad.repad(filled(MODELS["graph"]()), ("reflect", 0.5))
    model.save(tmp_path / "model.keras")
    x = inputs_for("graph", model)
    again = keras.saving.load_model(tmp_path / "model.keras")
    for got, want in zip(outputs(again, x), outputs(model, x), strict=True):
        assert (got == want).all()


@pytest.mark.parametrize("application", TRIED, ids=lambda application: application.name)
def test_applications(application: Application) -> None:
    if BACKEND == "torch" and application.name == "NASNetMobile":
        pytest.skip("Keras refuses it on torch")
    if BACKEND != "torch" and not EVERY and application.name not in USUAL_ELSEWHERE:
        pytest.skip("the rest runs where it is fastest")
    model, x = made(application), images(application, 1)
    want = outputs(model, x)[0]
    got = outputs(convpad.repad(model), x)[0]
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()
    for mode in ("reflect", "circular"):
        new, report = repadded(model, mode)
        got = outputs(new, x)[0]
        assert np.isfinite(got).all()
        assert np.abs(got - want).max() > 1e-3 * np.abs(want).max()
        assert not report.layers("left")


@pytest.mark.parametrize(
    ("mode", "options", "said"),
    [
        ("edge", {}, "`padding_mode` must be one of"),
        (None, {"padding": "some"}, "`padding` must be one of"),
        ("reflect", {"where": "nothing"}, "`where` must fit a layer of the model. Received: 'nothing'."),
        ("reflect", {"where": 3}, "`where` must be a layer's name, a pattern, several of them, or a function"),
        ("reflect", {"where": lambda layer: False}, "`where` must choose at least one layer."),
        ("ignore", {}, "The layer 'pad' cannot pad so. `padding_mode` must have values. Received: 'ignore'."),
        (("reflect", "zeros", "zeros"), {}, "The layer 'pad' cannot pad so. `padding_mode` must have one entry"),
        (convpad.Learned(), {"where": "up"}, "The layer 'up' cannot pad so."),
    ],
)  # fmt: skip
def test_refusals(mode: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(convpad.PaddingError) as caught:
        convpad.repad(MODELS["graph"](), mode, **options)
    assert str(caught.value).startswith(said)


def test_what_is_no_model_is_refused() -> None:
    said = "`model` must be a Keras model or a torch.nn.Module. Received: 'model.keras'."
    with pytest.raises(convpad.PaddingError, match=said):
        convpad.repad("model.keras")


def test_a_class_without_config_is_refused() -> None:
    class Bare(keras.layers.Layer):
        def __init__(self, size: Any) -> None:
            super().__init__(name="bare")
            self.size = size

        def call(self, inputs: Any) -> Any:
            return inputs

    model = keras.Sequential([keras.Input((6, 2)), Bare(object()), keras.layers.Conv1D(2, 3, padding="same")])
    cause = (
        r"NotImplementedError: Object Bare was created by passing non-serializable argument values in `__init__\(\)`"
    )
    for tool in (convpad.repad, convpad.fold):
        with pytest.raises(convpad.PaddingError, match=rf"'bare' \(Bare\) cannot be made from its config: {cause}"):
            tool(model)


class Lacking(keras.layers.Layer):
    """A class whose config does not say what its constructor must have."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv1D(filters, 3, padding="same")

    def build(self, shape: Any) -> None:
        self.conv.build(shape)

    def call(self, inputs: Any) -> Any:
        return self.conv(inputs)

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


class Broken(Lacking):
    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        raise KeyError("filters")


class Around(keras.layers.Layer):
    """A class whose config holds a layer."""

    def __init__(self, inner: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def build(self, shape: Any) -> None:
        self.inner.build(shape)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)


MISSING = "TypeError: Lacking.__init__() missing 1 required positional argument: 'filters'. Give its class"


@pytest.mark.parametrize("tool", [convpad.repad, convpad.fold])
@pytest.mark.parametrize(("make", "cause"), [
    (lambda: Lacking(2, name="own"), MISSING),
    (lambda: Broken(2, name="own"), "KeyError: 'filters'. Give its class"),
    (lambda: Around(Lacking(2), name="own"), MISSING),
])  # fmt: skip
def test_a_refusal_names_what_the_class_has_raised(tool: Any, make: Any, cause: str) -> None:
    model = keras.Sequential([keras.Input((6, 2)), make()])
    with pytest.raises(convpad.PaddingError) as caught:
        tool(model)
    assert f"cannot be made from its config: {cause}" in str(caught.value)
    assert "\n" not in str(caught.value)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["repad", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    filled(MODELS["graph"]()).save(path)
    return path


def test_command(file: Path) -> None:
    out = file.with_name("out.keras")
    done = invoke(str(file), str(out), "--mode", "reflect", "--where", "s*", "--where", "pad", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["tool"] == "repad"
    assert {row["layer"] for row in report["layers"] if row["done"] == "replaced"} == {
        "shared",
        "stem",
        "separable",
        "pad",
    }
    model = keras.saving.load_model(out)
    assert model.get_layer("shared").padding_mode == "reflect"
    assert sorted(path.name for path in file.parent.iterdir()) == ["model.keras", "out.keras"]
    again = invoke(str(file), str(out))
    assert (again.exit_code, again.stdout) == (2, "")
    assert again.stderr == f"convpad repad: {out} exists. Add --force to replace it, or name another file with OUT.\n"
    assert invoke(str(file), str(out), "--force").stdout.startswith(
        "repad: 7 layers replaced, 0 folded, 0 left alone\n"
    )


def test_command_reads_the_older_format(file: Path) -> None:
    model = filled(MODELS["stack"]())
    model.compile("adam", "mse")
    model.save(file.with_suffix(".h5"))
    done = invoke(str(file.with_suffix(".h5")), str(file), "--mode", "reflect", "--force")
    assert done.exit_code == 0, done.output
    x = inputs_for("stack", model)
    assert_close(
        outputs(keras.saving.load_model(file), x)[0], outputs(convpad.repad(model, "reflect"), x)[0], "float32"
    )


def spoilt(path: Path, kind: str) -> None:
    """A file that is no model, or that would do more than be one."""
    from zipfile import ZipFile

    if kind == "lambda":
        keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x, name="lambda")]).save(path)
    elif kind == "short":
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "text":
        path.write_text("no model")
    elif kind == "weights":
        path.unlink()
    else:
        if kind in ("huge", "large"):
            keras.Sequential([keras.Input((4,)), keras.layers.Dense(10, name="dense")]).save(path)
        with ZipFile(path) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        changed = {
            "huge": (b'"units": 10', b'"units": 4000000000'),
            "large": (b'"units": 10', b'"units": 400000000'),
            "class": (b'"module": "keras.layers", "class_name": "Add"', b'"module": "os", "class_name": "system"'),
            "json": (b"{", b"["),
            "list": (files["config.json"], b"[]"),
        }[kind]
        assert changed[0] in files["config.json"], kind
        files["config.json"] = files["config.json"].replace(*changed)
        with ZipFile(path, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("lambda", "model.keras: The layer 'lambda' is a Lambda: code, which is not run from a file."),
        ("short", "model.keras is not a .keras file that can be read: BadZipFile: "),
        ("text", "model.keras is not a .keras file that can be read: BadZipFile: "),
        ("weights", "There is no file"),
        ("huge", "model.keras: `dense` must hold at most 2,147,483,648 values. Received: (None, 4000000000)."),
        ("large", "model.keras asks for 2,000,000,000 weights and is of "),
        ("class", "is of the class 'system', which is not Keras's own; no code is run from a file."),
        ("json", "model.keras is not a .keras file that can be read: JSONDecodeError: "),
        ("list", "model.keras: Its config is not that of a Keras model."),
    ],
)
def test_command_refuses_what_is_no_model(file: Path, kind: str, said: str) -> None:
    spoilt(file, kind)
    out = file.with_name("out.keras")
    done = invoke(str(file), str(out))
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("source", "target", "more", "said"),
    [
        ("model.keras", "model.keras", ("--force",), "OUT must be another file than MODEL."),
        ("model.keras", "out.h5", (), "OUT must end in .keras."),
        ("model.keras", "nowhere/out.keras", (), "There is no folder"),
        ("missing.keras", "out.keras", (), "There is no file"),
        ("model.onnx", "out.keras", (), "MODEL must be a .keras or .h5 file."),
        ("model.keras", "out.keras", ("--mode", "edge"), "`--mode` must be one of"),
        ("model.keras", "out.keras", ("--padding", "1,2,x"), "`--padding` must be"),
    ],
)
def test_command_refuses(file: Path, source: str, target: str, more: tuple[str, ...], said: str) -> None:
    file.with_name("model.onnx").write_text("")
    before = file.read_bytes()
    done = invoke(str(file.parent / source), str(file.parent / target), *more)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["model.keras", "model.onnx"]


def test_kinds_of_layers_are_all_tried() -> None:
    from convpad.models.layer_map import PADDINGS, WINDOWED

    assert {cls.__name__ for cls in WINDOWED | PADDINGS} == set(ALL)
    assert set(ZERO_PADDINGS) | set(TRANSPOSED) < set(ALL)


class Forgetful(keras.layers.Layer):
    """Its config does not say how many layers it made."""

    def __init__(self, count: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = [keras.layers.Dense(2) for _ in range(count)]

    def call(self, inputs: Any) -> Any:
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


def test_a_config_that_leaves_layers_out_is_refused() -> None:
    model = keras.Sequential([keras.Input((6, 2)), Forgetful(2, name="some")])
    with pytest.raises(convpad.PaddingError, match="The layer 'some' .* Received: 2, then 1 other than"):
        convpad.repad(model)


def enlarging(interpolation: str, **options: Any) -> Any:
    """A model that enlarges an image, then convolves it."""
    inputs = keras.Input((None, None, 3))
    x = options.pop("cls", keras.layers.UpSampling2D)(2, interpolation=interpolation, name="up", **options)(inputs)
    return keras.Model(inputs, keras.layers.Conv2D(2, 3, padding="same", name="conv")(x))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_mode_reaches_upsampling(interpolation: str) -> None:
    model, mode = enlarging(interpolation), ("reflect", "circular")
    new, report = repadded(model, mode)
    assert report.layers("replaced") == ("up", "conv")
    assert report.rows[0].detail == f"UpSampling2D, {interpolation!r} with ('reflect', 'circular')"
    x = np.random.default_rng(0).normal(size=(1, 5, 6, 3)).astype("float32")
    method = {"bilinear": "linear", "bicubic": "cubic"}[interpolation]
    larger = convpad.resize(x, scale=2, method=method, padding_mode=mode)
    kernel, bias = map(array, model.get_layer("conv").weights)
    want = convpad.conv(larger, kernel, padding="same", padding_mode=mode) + bias
    assert_close(array(new(x)), want, "float32")
    again, _ = repadded(new, "circular", where="up")
    assert (again.get_layer("up").padding_mode, again.get_layer("conv").padding_mode) == ("circular", mode)
    kept, report = repadded(model)
    assert report.layers("replaced") == ("conv",)
    assert_close(array(kept(x)), array(model(x)), "float32")
    kept, report = repadded(model, "circular", where="conv")
    assert [(row.layer, row.detail) for row in report.rows if row.done == "left"] == [("up", "not chosen")]
    assert type(kept.get_layer("up")) is keras.layers.UpSampling2D


class Sharpened(keras.layers.UpSampling2D):
    """Does something besides."""


@pytest.mark.parametrize(
    ("interpolation", "options", "reason"),
    [
        ("nearest", {}, "'nearest' takes no padding mode"),
        ("bilinear", {"cls": Sharpened}, "Sharpened is a class of its own: inherit from convpad.keras there"),
        *([] if BACKEND == "torch" else [("lanczos3", {}, "'lanczos3' takes no padding mode")]),
    ],
)
def test_upsampling_that_takes_no_mode(interpolation: str, options: Any, reason: str) -> None:
    new, report = repadded(enlarging(interpolation, **options), "circular")
    assert [(row.layer, row.detail) for row in report.rows if row.done == "left"] == [("up", reason)]
    assert new.get_layer("up").interpolation == interpolation


def test_a_mode_that_upsampling_cannot_have_is_refused_by_name() -> None:
    with pytest.raises(convpad.PaddingError, match="The layer 'up' cannot pad so. .* Leave it out with where="):
        convpad.repad(enlarging("bilinear"), convpad.Learned())


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (None, "repeats the edge"),
        ("circular", "pads with 'circular' where it reads beyond the edge"),
        (convpad.Constant([1.0, 2.0, 3.0]), "pads with Constant(value=(1.0, 2.0, 3.0)) where it reads beyond the edge"),
    ],
)
def test_audit_says_what_upsampling_pads(mode: Any, said: str, tmp_path: Path) -> None:
    model = enlarging("bilinear", cls=convpad.keras.UpSampling2D, padding_mode=mode)
    model.save(tmp_path / "model.keras")
    for source in (model, tmp_path / "model.keras"):
        audit = convpad.audit(source, input_shape=(1, 8, 8, 3))
        assert audit.reading.unsupported == (f"up (UpSampling2D: it resamples (bilinear), and {said})",)
        assert audit.rows[0].window.input == (16, 16)
    assert convpad.audit(enlarging("nearest")).reading.unsupported == ()
