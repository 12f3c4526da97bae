"""Files that someone else chose, for `convpad repad` and `convpad fold`: refused, as readers refuse them."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import h5py
import hostile
import numpy as np
import pytest
from frameworks import CHOSEN
from keras_layers import keras
from tool_models import filled
from typer.testing import CliRunner

import convpad
from convpad import ModelFileError, PaddingError
from convpad.cli import h5_check, models
from convpad.cli.commands import app

pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

once = pytest.mark.skipif("torch" not in CHOSEN, reason="once is enough")

layers = keras.layers


def small() -> Any:
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="conv")(layers.ZeroPadding2D(1, name="pad")(image))
    x = convpad.keras.Conv2D(3, 3, padding="same", padding_mode="reflect", name="ours")(x)
    x = layers.TimeDistributed(layers.Dense(2), name="each")(layers.Dropout(0.1)(layers.BatchNormalization()(x)))
    model = filled(keras.Model(image, layers.Add()([x, x])))
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A model as files of both kinds, and what is in the first."""
    folder, model = tmp_path_factory.mktemp("saved"), small()
    for suffix in (".keras", ".h5"):
        model.save(folder / f"small{suffix}")
    with zipfile.ZipFile(folder / "small.keras") as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    return found | {suffix: (folder / f"small{suffix}").read_bytes() for suffix in (".keras", ".h5")}


def keras_file(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, parts[name])
    return path


def attempt(path: Path) -> str:
    """Loads a file, folds and repads what is in it: whatever that is, nothing but a refusal may come of it."""
    try:
        model = models.load(path)
        convpad.fold(model)
        convpad.repad(model, "circular")
    except (ModelFileError, PaddingError) as error:
        assert str(error).isprintable(), error
        assert len(str(error)) < 500, error
        return "refused"
    return "loaded"


@pytest.fixture
def weights_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are looked through in this process: those of a zip file, which knows when it is damaged."""

    def refuse_weights(path: Path) -> None:
        said = h5_check.fault(path)
        if said:
            raise ModelFileError(said)

    monkeypatch.setattr(models, "refuse_weights", refuse_weights)


# The seed of a file is its number, so a failure is found again.
@once
@pytest.mark.usefixtures("weights_read_here")
@pytest.mark.parametrize("start", [0, 100])
def test_rewritten_configs(start: int, saved: Any, tmp_path: Path) -> None:
    config, outcomes = json.loads(saved["config.json"]), set()
    for seed in range(start, start + 100):
        text = json.dumps(hostile.rewritten(config, Random(seed))).encode()
        outcomes.add(attempt(keras_file(tmp_path / "m.keras", saved | {"config.json": text})))
    assert outcomes == {"loaded", "refused"}


@once
@pytest.mark.usefixtures("weights_read_here")
def test_damaged_zip_files(saved: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    outcomes = [attempt(hostile.write(path, hostile.damaged(saved[".keras"], Random(seed)))) for seed in range(300)]
    assert outcomes.count("refused") > 200
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@once
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_damaged_weights(suffix: str, saved: Any, tmp_path: Path) -> None:
    path, outcomes = tmp_path / f"m{suffix}", []
    for seed in range(25):
        if suffix == ".h5":
            hostile.write(path, hostile.damaged(saved[".h5"], Random(seed)))
        else:  # and whole as a zip file
            damaged = hostile.damaged(saved["model.weights.h5"], Random(seed))
            keras_file(path, saved | {"model.weights.h5": damaged})
        outcomes.append(attempt(path))
    assert outcomes.count("refused") > 10


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_whole_files_are_loaded(suffix: str, saved: Any, tmp_path: Path) -> None:
    model, x = small(), np.ones((1, 8, 8, 3), "float32")
    loaded = models.load(hostile.write(tmp_path / f"small{suffix}", saved[suffix]))
    assert loaded.compiled == (suffix == ".keras")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(loaded(x)), keras.ops.convert_to_numpy(model(x)), rtol=1e-5, atol=1e-6
    )


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as caught:
        models.load(path)
    said = str(caught.value)
    assert said.isprintable()
    return said


def asking(saved: Any, suffix: str, path: Path) -> Path:
    """A file whose convolution asks for 10 GB."""
    if suffix == ".keras":
        config = saved["config.json"].replace(b'"filters": 4', b'"filters": 90000000')
        assert config != saved["config.json"]
        return keras_file(path, saved | {"config.json": config})
    hostile.write(path, saved[".h5"])
    with h5py.File(path, "r+") as file:
        text = str(file.attrs["model_config"])
        file.attrs["model_config"] = text.replace('"filters": 4', '"filters": 90000000')
        assert file.attrs["model_config"] != text
    return path


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_ten_gigabytes(suffix: str, saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = asking(saved, suffix, tmp_path / f"m{suffix}")
    assert refusal(path).startswith(f"m{suffix}: `conv` must hold at most 2,147,483,648 values.")
    monkeypatch.setattr(models, "read", lambda path: None)  # where shapes alone do not give it away
    assert refusal(path).startswith(f"m{suffix} is no model that Keras can load: ")


KERNEL = "layers/conv2d/vars/0"


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_no_layer_makes_its_weights_to_be_counted(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = convpad.keras
    stack = [ours.Conv2D(2, 3), ours.DepthwiseConv2D(3), ours.SeparableConv2D(3, 3), ours.Conv2DTranspose(2, 3)]
    path = tmp_path / f"m{suffix}"
    keras.Sequential([keras.Input((12, 12, 3)), *stack, layers.Flatten(), layers.Dense(2)]).save(path)
    made: list[Any] = []
    initializer, device = keras.initializers.GlorotUniform, torch_device()
    first = initializer.__call__

    def call(self: Any, shape: Any, *more: Any, **options: Any) -> Any:
        values = first(self, shape, *more, **options)
        if device is None or str(values.device) != device:
            made.append(shape)
        return values

    monkeypatch.setattr(initializer, "__call__", call)
    models.refuse_sizes(path)
    assert made == []
    models.load(path)
    assert len(made) == 6


def torch_device() -> str | None:
    """Of tensors that have a shape alone."""
    return "meta" if keras.config.backend() == "torch" else None


def spoil(kind: str, file: Any, folder: Path) -> None:
    """Weights that are elsewhere, or larger than their file."""
    name = KERNEL
    if kind == "external link":
        del file[name]
        file[name] = h5py.ExternalLink(str(folder / "secret.h5"), "/w")
    elif kind == "soft link":
        del file[name]
        file[name] = h5py.SoftLink("/layers/conv2d/vars/1")
    elif kind == "external data":
        del file[name]
        file.create_dataset(name, (3, 3, 3, 4), "float32", external=[(str(folder / "secret.h5"), 0, 432)])
    elif kind == "virtual":
        del file[name]
        layout = h5py.VirtualLayout((3, 3, 3, 4), "float32")
        layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "w", (3, 3, 3, 4))
        file.create_virtual_dataset(name, layout)
    else:
        file.create_dataset("much", (10**5, 10**5), "float32", chunks=(1000, 1000))


@once
@pytest.mark.parametrize(("kind", "said"), [
    ("external link", "Its weights must be in it, without links. Received: the link /layers/conv2d/vars/0."),
    ("soft link", "Its weights must be in it, without links. Received: the link /layers/conv2d/vars/0."),
    ("external data", "Its weights must be in it. Received: /layers/conv2d/vars/0, which is kept in another file."),
    ("virtual", "Its weights must be in it. Received: /layers/conv2d/vars/0, which is kept in another file."),
    ("large", "Its contents must be of at most "),
])  # fmt: skip
def test_weights_that_are_not_there(kind: str, said: str, saved: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["w"] = np.ones((3, 3, 3, 4), "float32")
    inside = hostile.write(tmp_path / "w.h5", saved["model.weights.h5"])
    with h5py.File(inside, "r+") as file:
        spoil(kind, file, tmp_path)
    path = keras_file(tmp_path / "m.keras", saved | {"model.weights.h5": inside.read_bytes()})
    assert refusal(path).startswith(f"m.keras: {said}")


@once
def test_a_zip_file_that_swells(saved: Any, tmp_path: Path) -> None:
    path = keras_file(tmp_path / "m.keras", saved, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/much", b" " * 2**27)
    assert refusal(path).startswith("m.keras: Its contents must be of at most ")


@once
def test_a_file_without_weights(saved: Any, tmp_path: Path) -> None:
    path = hostile.write(tmp_path / "m.keras", hostile.zipped("config.json", saved["config.json"]))
    assert refusal(path) == "m.keras: There is no model.weights.h5 in it, which every .keras file has."


@once
def test_a_library_that_does_not_end_or_breaks_off(saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = hostile.write(tmp_path / "m.keras", saved[".keras"])
    with monkeypatch.context() as patch:
        patch.setattr(h5_check, "__file__", str(hostile.write(tmp_path / "dies.py", b"import os; os.abort()")))
        assert refusal(path) == "m.keras: Its weights are damaged: the HDF5 library breaks off."
        patch.setattr(h5_check, "__file__", str(hostile.write(tmp_path / "runs.py", b"while True: pass")))
        patch.setattr(h5_check, "PATIENCE", 0.1)
        assert refusal(path) == "m.keras: Its weights are damaged: the HDF5 library does not come to an end."


@pytest.mark.parametrize("loss", [
    {"module": "my.code", "class_name": "function", "config": "mine", "registered_name": "mine"},
    {"module": "builtins", "class_name": "function", "config": "mine", "registered_name": "mine"},
])  # fmt: skip
def test_a_loss_that_is_code_stays_behind(loss: Any, saved: Any, tmp_path: Path) -> None:
    config = json.loads(saved["config.json"])
    config["compile_config"]["loss"] = loss
    model = models.load(keras_file(tmp_path / "m.keras", saved | {"config.json": json.dumps(config).encode()}))
    assert not model.compiled


@once
@pytest.mark.parametrize("command", ["repad", "fold"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_commands_refuse_what_audit_refuses(command: str, suffix: str, saved: Any, tmp_path: Path) -> None:
    entry = hostile.layer("Lambda", {"name": "inner"}, [hostile.tensor("x", [None, 8, 8, 3])])
    config = hostile.keras_config()
    config["config"]["layers"].append(hostile.layer("TimeDistributed", {"name": "t", "layer": entry}))
    text = json.dumps(config)
    data = hostile.h5(text) if suffix == ".h5" else hostile.zipped("config.json", text)
    path, out = hostile.write(tmp_path / f"m{suffix}", data), tmp_path / "out.keras"
    opened: list[str] = []
    sys.addaudithook(
        lambda event, args: opened.append(str(args[0])) if event == "open" and "w" in str(args[1]) else None
    )
    audited = CliRunner().invoke(app, ["audit", str(path)])
    done = CliRunner().invoke(app, [command, str(path), str(out)])
    assert (audited.exit_code, done.exit_code, done.stdout) == (2, 2, "")
    assert done.stderr == audited.stderr.replace("convpad audit", f"convpad {command}")
    assert not [name for name in opened if str(tmp_path) in name]
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_error_of_another_kind_would_be_noticed(saved: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convpad, "fold", lambda model: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attempt(hostile.write(tmp_path / "x.keras", saved[".keras"]))


def by_code(made: Callable[[], Any]) -> Any:
    """A class whose layers have no names of their own, and no config."""

    class Plain(keras.Model):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.body = made()

        def call(self, inputs: Any) -> Any:
            for layer in [self.body] if not isinstance(self.body, (list, tuple)) else self.body:
                inputs = layer(inputs)
            return inputs

    return Plain()


@pytest.mark.parametrize("made", [
    lambda: layers.Conv2D(3, 3, padding="same"),
    lambda: [layers.Conv2D(3, 3, padding="same"), layers.Conv2D(3, 3, padding="same")],
])  # fmt: skip
def test_layers_that_code_names_anew_are_forgotten(made: Any) -> None:
    model, x = by_code(made), np.ones((1, 6, 6, 3), "float32")
    model(x)
    new = convpad.repad(model)
    # If this fails, Keras no longer forgets what is taken out of a list that a layer holds: see `_forget`.
    assert all(isinstance(layer, convpad.keras.Conv2D) for layer in new.layers), [type(layer) for layer in new.layers]
    assert len(new.layers) == len(model.layers)
    assert not hasattr(new, "replaced")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(new(x)), keras.ops.convert_to_numpy(model(x)), rtol=1e-5, atol=1e-6
    )


def test_layers_with_lora_keep_it() -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.ZeroPadding2D(1), layers.Conv2D(4, 3)])
    model.layers[1].enable_lora(2)
    x = np.ones((1, 8, 8, 3), "float32")
    want = keras.ops.convert_to_numpy(filled(model)(x))
    for new in (convpad.fold(model), convpad.repad(model)):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(new(x)), want, rtol=1e-5, atol=1e-6)
        assert [w.name for w in new.trainable_weights] == [w.name for w in model.trainable_weights]
