"""Broken, foreign and hostile files: refused by the readers in one clear line, and nothing else happens."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import hostile
import pytest
from hostile import keras_config, layer, tensor, write, zipped

import convpad
from convpad import ModelFileError
from convpad.models.readers import read

pytestmark = pytest.mark.needs("numpy")

onnx = pytest.importorskip("onnx")
h5py = pytest.importorskip("h5py")

KERAS, EXPORTED = keras_config(), hostile.exported()

WHOLE: dict[str, Callable[[], bytes]] = {
    ".keras": lambda: zipped("config.json", json.dumps(KERAS)),
    ".h5": lambda: hostile.h5(json.dumps(KERAS)),
    ".pt2": lambda: zipped("archive/models/model.json", json.dumps(EXPORTED)),
    ".onnx": hostile.onnx_bytes,
}


def refusal(path: Path, **options: Any) -> str:
    """What is said to a file, on one line; fails where it is read, or where anything but a refusal comes."""
    with pytest.raises(ModelFileError) as caught:
        convpad.audit(path, **options)
    said = str(caught.value)
    assert said.isprintable(), said
    assert len(said) < 500, said
    return said


@pytest.mark.parametrize("suffix", WHOLE)
def test_whole_files_are_read(suffix: str, tmp_path: Path) -> None:
    reading = read(write(tmp_path / f"small{suffix}", WHOLE[suffix]()))
    assert [window.op for window in reading.windows][:2] == ["conv", "max_pool"]
    assert len(reading.windows[0].pads) == 1


# With those of the next test 10,500 files in all; the seed of a file is its number, so a failure is found again.
@pytest.mark.parametrize(("suffix", "count"), [(".keras", 1500), (".h5", 1500), (".pt2", 1000), (".onnx", 2500)])
def test_damaged_files(suffix: str, count: int, tmp_path: Path) -> None:
    whole, path = WHOLE[suffix](), tmp_path / f"damaged{suffix}"
    outcomes = {attempt(write(path, hostile.damaged(whole, Random(seed)))) for seed in range(count)}
    assert {"read", "refused"} <= outcomes
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("suffix", "name", "whole"), [
    (".keras", "config.json", KERAS),
    (".pt2", "archive/models/model.json", EXPORTED),
])  # fmt: skip
def test_rewritten_files(suffix: str, name: str, whole: Any, tmp_path: Path) -> None:
    path = tmp_path / f"rewritten{suffix}"
    outcomes = {
        attempt(write(path, zipped(name, json.dumps(hostile.rewritten(whole, Random(seed)))))) for seed in range(2000)
    }
    assert outcomes == {"read", "refused"}


def attempt(path: Path) -> str:
    """Reads a file and shows it in every way: whatever it holds, nothing but a refusal may come of it."""
    try:
        audit = convpad.audit(path)
        audit.to_json(), audit.to_html(), str(audit)
    except ModelFileError as error:
        assert str(error).isprintable(), error
        return "refused"
    return "read"


def test_an_error_of_another_kind_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convpad, "audit", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attempt(tmp_path / "x.keras")


class Bomb:
    """Pickled, it writes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", [*WHOLE, ".pt", ".pth", ".pkl"])
def test_a_pickle_is_not_read(suffix: str, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    data = pickle.dumps(Bomb(mark))
    refusal(write(tmp_path / f"bomb{suffix}", data))
    assert not mark.exists()
    pickle.loads(data)
    assert mark.exists()  # it would have been


def test_what_else_is_in_an_exported_program_is_not_unpickled(tmp_path: Path) -> None:
    mark, path = tmp_path / "ran", write(tmp_path / "bomb.pt2", WHOLE[".pt2"]())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("archive/data/sample_inputs/model.pt", pickle.dumps(Bomb(mark)))
    assert len(read(path).windows) == 2
    assert not mark.exists()


def keras_file(path: Path, *layers: dict[str, Any]) -> Path:
    config = keras_config()
    config["config"]["layers"] += layers
    return write(path, zipped("config.json", json.dumps(config)))


X = [tensor("x", [None, 8, 8, 3])]


@pytest.mark.parametrize(("entry", "said"), [
    (layer("Lambda", {"name": "l", "function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}, X),
     "The layer 'l' is a Lambda: code, which is not run from a file. Give the model itself."),
    (layer("Mine", {"name": "m"}, X, module="my.code", registered_name="my>Mine"),
     "The layer 'm' is of the class 'Mine', which is not Keras's own; no code is run from a file. "
     "Give the model itself."),
    (layer("Conv2D", {"name": "c", "kernel_size": 3, "filters": 2}, X, module="builtins"),
     "The layer 'c' is of the class 'Conv2D', which is not Keras's own; no code is run from a file. "
     "Give the model itself."),
    (layer("Conv2D", {"name": "c", "filters": 2, "kernel_size": 10**9, "padding": "same"}, X),
     "`c` must be made of ints of at most 100,000. Received: 1000000000."),
    (layer("UpSampling2D", {"name": "u", "size": [30_000, 30_000]}, [tensor("x", [None, 8, 8, 3])]),
     "`u` must hold at most 2,147,483,648 values. Received: (None, 240000, 240000, 3)."),
    (layer("ZeroPadding2D", {"name": "z", "padding": 50_000}, X),
     "`z` must hold at most 2,147,483,648 values. Received: (None, 100008, 100008, 3)."),
    (layer("Conv2D", {"name": "c", "filters": 2, "kernel_size": 9}, X),
     "c: The window must fit into the padded axis. Received: spatial axis 0 of size 8, padded by (0, 0), with a window "
     "that spans 9. Pad more, or use a smaller window."),
    (layer("ReLU", {"name": "r"}, [tensor("r", [None, 8, 8, 3])]),
     "Its layers must form a graph without circles, of layers that are there."),
])  # fmt: skip
def test_hostile_configs(entry: dict[str, Any], said: str, tmp_path: Path) -> None:
    assert refusal(keras_file(tmp_path / "m.keras", entry)) == f"m.keras: {said}"


INITIALIZER = {"module": "my.code", "class_name": "Mine", "config": {}, "registered_name": "my>Mine"}
LAMBDA = layer("Lambda", {"name": "inner"}, X)
FROM_A_FILE = "no code is run from a file. Give the model itself."


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("entry", "said"), [
    (layer("TimeDistributed", {"name": "t", "layer": LAMBDA}, X),
     "The layer 'inner' is a Lambda: code, which is not run from a file. Give the model itself."),
    (layer("Dense", {"name": "d", "units": 2, "activation": {"class_name": "__lambda__", "config": {}}}, X),
     "The layer 'd' holds what is a lambda: code, which is not run from a file. Give the model itself."),
    (layer("Dense", {"name": "d", "units": 2, "kernel_initializer": INITIALIZER}, X),
     f"The layer 'd' holds what is of the class 'Mine', which is not Keras's own; {FROM_A_FILE}"),
    (layer("Dense", {"name": "d", "units": 2, "activation": {"module": "keras.utils", "class_name": "function",
                                                             "config": "get_file", "registered_name": "get_file"}}, X),
     f"The layer 'd' holds what is of the class 'function', which is not Keras's own; {FROM_A_FILE}"),
    (layer("Conv2D", {"name": "c"}, X, module="os", registered_name="convpad>Conv2D"),
     f"The layer 'c' is of the class 'Conv2D', which is not Keras's own; {FROM_A_FILE}"),
    (layer("TFSMLayer", {"name": "s", "filepath": "elsewhere"}, X),
     "The layer 's' is a TFSMLayer: code, which is not run from a file. Give the model itself."),
    (layer("StringLookup", {"name": "v", "vocabulary": "/etc/hostname"}, X),
     "The layer 'v' is told its vocabulary by another file, '/etc/hostname', which is not opened."),
])  # fmt: skip
def test_code_at_any_depth(entry: dict[str, Any], said: str, suffix: str, tmp_path: Path) -> None:
    config = keras_config()
    config["config"]["layers"].append(entry)
    text = json.dumps(config)
    data = zipped("config.json", text) if suffix == ".keras" else hostile.h5(text)
    assert refusal(write(tmp_path / f"m{suffix}", data)) == f"m{suffix}: {said}"


def test_what_a_model_was_compiled_with_is_not_read(tmp_path: Path) -> None:
    config = keras_config() | {"compile_config": {"loss": INITIALIZER}}
    assert len(read(write(tmp_path / "m.keras", zipped("config.json", json.dumps(config)))).windows) == 2


def test_layers_of_convpad_are_known_by_both_of_their_names(tmp_path: Path) -> None:
    options = {"name": "ours", "filters": 2, "kernel_size": 3, "padding": "same", "padding_mode": "reflect"}
    new = layer("Conv2D", options, X, module="convpad.keras.convolution", registered_name="convpad>Conv2D")
    old = layer("convpad>Conv2D", options, X, module=None)
    for name, entry in (("new.keras", new), ("old.keras", old)):
        window = next(w for w in read(keras_file(tmp_path / name, entry)).windows if w.name == "ours")
        assert (window.op, window.fills[0][0][0]) == ("conv", "reflect")


def test_outputs_of_any_structure(tmp_path: Path) -> None:
    config = keras_config()
    config["config"]["output_layers"] = [["sum", 0, 0], {"more": [["pool", 0, 0], {"conv": ["conv", 0, 0]}]}]
    assert len(read(write(tmp_path / "m.keras", zipped("config.json", json.dumps(config)))).windows) == 2
    config["config"]["output_layers"] = "sum"
    path = write(tmp_path / "m.keras", zipped("config.json", json.dumps(config)))
    assert refusal(path) == "m.keras: Its inputs and outputs must each be written as [layer, call, output]."


@pytest.mark.parametrize(
    "width", [1, [[0, 0], [1, 1], [1, 1], ["a", 1]], [[1, 1]] * 3, [[0, 0], [-1, 1], [1, 1], [0, 0]]]
)
def test_functions_that_pad_in_ways_that_are_not_known(width: Any, tmp_path: Path) -> None:
    entry = layer("Pad", {"name": "mirror", "pad_width": width, "mode": "reflect"}, X, module="keras.src.ops.numpy")
    (unread,) = read(keras_file(tmp_path / "m.keras", entry)).unsupported
    assert unread == "mirror (Pad: it pads the batch, the channels, or in a way that is not known)"


def test_a_stack_is_known_by_what_its_layers_were_built_for(tmp_path: Path) -> None:
    conv = {"name": "c", "filters": 2, "kernel_size": 3, "padding": "same"}
    rows = [
        layer("InputLayer", {"name": "x", "batch_shape": [None, 3, 8, 8, 3]}),
        layer("ConvLSTM2D", {"name": "steps", "filters": 2}),
        layer("Conv2D", conv, build_config={"input_shape": [None, 8, 9, 2]}),
    ]
    entry = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": rows}}
    reading = read(write(tmp_path / "m.keras", zipped("config.json", json.dumps(entry))))
    assert (reading.windows[0].input, reading.unsupported) == (
        (8, 9),
        ("steps (ConvLSTM2D: its windows and paddings are not read)",),
    )


def test_a_config_that_calls_itself_again_and_again(tmp_path: Path) -> None:
    model: dict[str, Any] = keras_config()
    for depth in range(40):  # each calls the one inside it twice: 2 ** 40 calls
        name = f"deep{depth}"
        inner = model | {"config": model["config"] | {"name": name}}
        twice = layer("Functional", inner["config"], X, module="keras")
        twice["inbound_nodes"] = [{"args": X, "kwargs": {}}] * 2
        layers = [layer("InputLayer", {"name": "x", "batch_shape": [None, 8, 8, 3]}), twice]
        config = {"name": "outer", "layers": layers, "input_layers": ["x", 0, 0], "output_layers": [name, 1, 0]}
        model = {"module": "keras", "class_name": "Functional", "config": config}
    path = write(tmp_path / "deep.keras", zipped("config.json", json.dumps(model)))
    assert refusal(path) == "deep.keras: It must call its layers at most 20,000 times."


def test_a_zip_that_swells(tmp_path: Path) -> None:
    path = write(tmp_path / "bomb.keras", zipped("config.json", b" " * (2**26 + 1)))
    assert path.stat().st_size < 100_000
    assert refusal(path) == "bomb.keras: Its config must be of at most 67,108,864 bytes."


def test_nested_json(tmp_path: Path) -> None:
    assert "RecursionError" in refusal(write(tmp_path / "n.keras", zipped("config.json", "[" * 200_000)))


def external(location: str) -> Any:
    model = onnx.parser.parse_model(hostile.ONNX)
    tensor = model.graph.initializer.add()
    tensor.name, tensor.data_type, tensor.data_location = "w", onnx.TensorProto.FLOAT, onnx.TensorProto.EXTERNAL
    tensor.dims.extend([4, 3, 3, 3])
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location
    del model.graph.input[1]
    return model


def test_external_data_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = write(tmp_path / "secret", b"x" * 432)
    path = write(tmp_path / "m.onnx", external("../secret").SerializeToString())
    opened: list[str] = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    reading = read(path)
    assert reading.windows[0].filters == 4
    assert str(path) in opened
    assert not [name for name in opened if "secret" in name]
    assert secret.read_bytes() == b"x" * 432


def test_huge_tensors_of_onnx(tmp_path: Path) -> None:
    model = external("nowhere")
    model.graph.initializer[-1].dims[:] = [10**6, 10**6]
    said = refusal(write(tmp_path / "m.onnx", model.SerializeToString()))
    assert said == "m.onnx: `The tensor 'w'` must hold at most 2,147,483,648 values. Received: (1000000, 1000000)."


FOREIGN = {
    "empty": b"",
    "text": b"no model\n",
    "elf": b"\x7fELF" + bytes(64),
    "zip": zipped("a.txt", "b"),
    "json": b'{"a": 1}',
    "null": zipped("config.json", "null"),
}


@pytest.mark.parametrize("suffix", WHOLE)
@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files(suffix: str, data: bytes, tmp_path: Path) -> None:
    assert "m" + suffix in refusal(write(tmp_path / f"m{suffix}", data))


@pytest.mark.parametrize("suffix", WHOLE)
def test_the_format_of_another(suffix: str, tmp_path: Path) -> None:
    for other in set(WHOLE) - {suffix}:
        refusal(write(tmp_path / f"m{suffix}", WHOLE[other]()))


def test_what_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.onnx").endswith("no.onnx cannot be read: No such file or directory.")
    assert refusal(tmp_path).endswith("is a folder. Give a file that ends in .keras, .h5, .hdf5, .pt2 or .onnx.")
    assert "must end in .keras, .h5, .hdf5, .pt2 or .onnx." in refusal(tmp_path / "m.pb")


def test_weights_alone(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file["w"] = [1.0]
    assert refusal(path) == ("w.h5: There is no model in it; a file of weights alone does not say how they are used.")


@pytest.mark.parametrize("command", ["audit", "compare"])
def test_the_commands_end_with_status_2(command: str, tmp_path: Path) -> None:
    path = write(tmp_path / "bad.keras", b"PK\x03\x04")
    paths = [str(path)] * (2 if command == "compare" else 1)
    done = subprocess.run(
        [sys.executable, "-c", "from convpad.cli import main; main()", command, *paths],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"convpad {command}: bad.keras ")
    assert done.stderr.count("\n") == 1


def test_names_are_escaped_in_a_page(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    entry = layer("Conv2D", {"name": name, "filters": 2, "kernel_size": 3}, X)
    page = convpad.audit(keras_file(tmp_path / "m.keras", entry)).to_html()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
