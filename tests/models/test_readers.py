"""Windows that the readers find: the oracle computes them, and must give the outputs of the model."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pytest
from frameworks import CHOSEN
from windows import computed, keras_kernel, last

import convpad
from convpad import ModelFileError, PaddingError
from convpad.models.readers import FILES, read

# Every architecture that ships with Keras, whatever the process: those of other backends are not run.
APPLICATIONS = (
    *(f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    *(f"DenseNet{depth}" for depth in (121, 169, 201)),
    *(f"EfficientNetB{number}" for number in range(8)),
    *(f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *(f"ResNet{depth}{version}" for depth in (50, 101, 152) for version in ("", "V2")),
    *("InceptionV3", "InceptionResNetV2", "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"),
    *("NASNetLarge", "VGG16", "VGG19", "Xception"),
)

RNG = np.random.default_rng(5)


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


# ONNX

onnx_here = pytest.mark.skipif("numpy" not in CHOSEN, reason="once is enough")

HEAD = (
    '<ir_version: 8, opset_import: ["": 18]> net (float[2, 4, {size}] x{weight}) => (float[2, n, a, b] y) {consts} {{'
)
NODES = [
    ("9, 9", "6, 4, 3, 3", "y = Conv <pads = [1, 2, 0, 1]> (x, w)"),
    ("9, 9", "6, 4, 3, 3", "y = Conv <auto_pad = \"SAME_UPPER\", strides = [2, 3]> (x, w)"),
    ("8, 9", "6, 4, 3, 2", "y = Conv <auto_pad = \"SAME_LOWER\", strides = [2, 1]> (x, w)"),
    ("8, 9", "6, 4, 3, 2", "y = Conv <auto_pad = \"VALID\", dilations = [2, 1]> (x, w)"),
    ("8, 9", "6, 2, 3, 3", "y = Conv <group = 2, pads = [1, 1, 1, 1]> (x, w)"),
    ("8, 9", "8, 1, 3, 3", "y = Conv <group = 4, strides = [2, 2], pads = [0, 0, 1, 1]> (x, w)"),
    ("9, 8", None, "y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 0, 1]> (x)"),
    ("10, 8", None, "y = MaxPool <kernel_shape = [3, 2], strides = [2, 2], ceil_mode = 1> (x)"),
    ("9, 8", None, "y = MaxPool <kernel_shape = [3, 2], dilations = [2, 3], pads = [1, 1, 1, 1]> (x)"),
    ("9, 8", None, "y = MaxPool <kernel_shape = [3, 3], strides = [2, 3], dilations = [2, 1], ceil_mode = 1> (x)"),
    ("10, 8", None, "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1,"
     " count_include_pad = 1> (x)"),
    ("9, 8", None, "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (x)"),
    ("9, 8", None, "y = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1> (x)"),
    ("5, 4", "4, 3, 3, 3", "y = ConvTranspose <strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 0]> (x, w)"),
    ("5, 4", "4, 3, 4, 3", "y = ConvTranspose <strides = [2, 3], auto_pad = \"SAME_UPPER\"> (x, w)"),
    ("5, 4", "4, 3, 4, 4", "y = ConvTranspose <strides = [2, 2], output_shape = [10, 9]> (x, w)"),
    ("9, 9", "6, 4, 3, 3", "q = Pad <mode = \"{mode}\"> (x, p) y = Conv <strides = [2, 2]> (q, w)"),
    ("9, 9", None, "q = Pad <mode = \"{mode}\"> (x, p) y = MaxPool <kernel_shape = [3, 3]> (q)"),
    ("9, 9", None, "q = Pad <mode = \"{mode}\"> (x, p) r = Identity (q) y = AveragePool <kernel_shape = [2, 2]> (r)"),
]  # fmt: skip
ROWS = [
    (size, weight, node.format(mode=mode), mode)
    for size, weight, node in NODES
    for mode in (("constant", "reflect", "edge", "wrap") if "Pad <" in node else ("",))
]


def onnx_model(size: str, weight: str | None, nodes: str) -> Any:
    import onnx

    consts = "<int64[8] p = {0, 0, 1, 2, 0, 0, 2, 1}>" if "x, p" in nodes else ""
    head = HEAD.format(size=size, weight=f", float[{weight}] w" if weight else "", consts=consts)
    return onnx.parser.parse_model(f"{head} {nodes} }}")


@onnx_here
@pytest.mark.parametrize(("size", "weight", "nodes", "mode"), ROWS)
def test_onnx(size: str, weight: str | None, nodes: str, mode: str) -> None:
    runtime = pytest.importorskip("onnxruntime")
    model = onnx_model(size, weight, nodes)
    reading = read(model)
    (window,) = reading.windows
    assert (reading.unsupported, reading.unattached) == ((), ())
    x = RNG.normal(size=(2, 4, *map(int, size.split(",")))).astype("float32")
    feeds, kernel = {"x": x}, None
    if weight:
        feeds["w"] = RNG.normal(size=tuple(map(int, weight.split(",")))).astype("float32")
        kernel = keras_kernel(feeds["w"], depthwise=window.op == "depthwise_conv", groups=4)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, feeds)
    close(computed(window, last(x), kernel), last(y))
    assert window.output == y.shape[2:]
    assert window.input == x.shape[2:]
    assert (window.copied_bytes or 0) == (2 * 4 * 12 * 12 * 4 if mode else 0)


@onnx_here
def test_onnx_without_sizes() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]> net (float[1, 3, h, w] x, float[4, 3, 3, 3] k) '
        '=> (float[1, 4, a, b] y) { y = Conv <strides = [2, 2], auto_pad = "SAME_UPPER"> (x, k) }'
    )
    assert read(model).windows[0].amounts is None
    (window,) = read(model, [(1, 3, 8, 9), (4, 3, 3, 3)]).windows
    assert (window.amounts, window.output) == (((0, 1), (1, 1)), (4, 5))
    with pytest.raises(PaddingError, match="`input_shape` must have one shape for each of the 2 inputs"):
        read(model, (1, 3, 8, 9))


@onnx_here
def test_what_onnx_hides_is_said() -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 18]> net (float[1, 3, 8, 8] x, int64[8] p) => (float[1, 3, a, b] y) '
        "{ q = Pad (x, p) y = LpPool <kernel_shape = [2, 2]> (q) }"
    )
    assert read(model).unsupported == (
        "q (Pad: its amounts are computed from the input)",
        "y (LpPool: a pool that is not read)",
    )


# Files need no framework


@onnx_here
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".pt2"])
def test_files_are_read_without_their_framework(suffix: str, tmp_path: Path) -> None:
    config = json.dumps(hostile.keras_config())
    data = {
        ".keras": lambda: hostile.zipped("config.json", config),
        ".h5": lambda: hostile.h5(config),
        ".pt2": lambda: hostile.zipped("archive/models/model.json", json.dumps(hostile.exported())),
    }[suffix]()
    path = hostile.write(tmp_path / f"m{suffix}", data)
    program = f"import convpad, sys; print(len(convpad.audit({str(path)!r}).rows))\n"
    program += "print(sorted({'keras', 'torch', 'onnx', 'tensorflow', 'jax', 'h5py'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "2\n[]\n", done.stderr


@onnx_here
def test_a_file_of_keras_2(tmp_path: Path) -> None:
    def entry(kind: str, name: str, calls: list[Any], **config: Any) -> dict[str, Any]:
        return {"class_name": kind, "config": {"name": name, **config}, "name": name, "inbound_nodes": calls}

    layers = [
        entry("InputLayer", "x", [], batch_input_shape=[None, 9, 9, 3]),
        entry("ZeroPadding2D", "pad", [[["x", 0, 0, {}]]], padding=[[1, 1], [1, 1]]),
        entry("Conv2D", "conv", [[["pad", 0, 0, {}]]], filters=2, kernel_size=[3, 3], strides=[2, 2], padding="valid"),
        entry("Add", "sum", [[["conv", 0, 0, {}], ["conv", 0, 0, {}]]]),
        entry("MaxPooling2D", "pool", [[["sum", 0, 0, {}]]], pool_size=[2, 2], strides=[2, 2], padding="same"),
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["pool", 0, 0]]}
    path = tmp_path / "old.h5"
    hostile.write(path, hostile.h5(json.dumps({"class_name": "Functional", "config": config})))
    windows = read(path).windows
    assert [(w.name, w.input, w.amounts, w.output) for w in windows] == [
        ("conv", (9, 9), ((1, 1), (1, 1)), (5, 5)),
        ("pool", (5, 5), ((0, 1), (0, 1)), (3, 3)),
    ]


@onnx_here
@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
@pytest.mark.parametrize("size", [3, 200_000])
def test_attributes_of_hdf5(libver: str, size: int) -> None:
    h5py = pytest.importorskip("h5py")
    import io

    from convpad.models.readers.hdf5 import root_attribute

    for value in ("ü" * size, b"x" * min(size, 60_000)):
        file = io.BytesIO()
        with h5py.File(file, "w", libver=libver) as held:
            held.attrs["backend"] = "jax"
            held.attrs["model_config"] = value
            held["weights"] = np.zeros(1000)
        expected = value.encode() if isinstance(value, str) else value
        assert root_attribute(file, "model_config", 10**6) == expected
        assert root_attribute(file, "other", 10**6) is None


# PyTorch

torch_here = pytest.mark.skipif("torch" not in CHOSEN, reason="this process has no PyTorch")


def torch_rows() -> list[Any]:
    if "torch" not in CHOSEN:
        return []
    from torch import nn

    return [
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.Conv2d(4, 6, (3, 2), padding="same", dilation=2),
        nn.Conv2d(4, 8, 3, padding=(0, 1), groups=2),
        nn.Conv2d(4, 8, 3, stride=2, groups=4),
        *(nn.Conv2d(4, 6, 3, stride=2, padding=(1, 2), padding_mode=m) for m in ("reflect", "replicate", "circular")),
        nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1),
        nn.ConvTranspose2d(4, 6, 4, stride=3, groups=2),
        nn.MaxPool2d(3, 2, 1),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d(3, 2, 1, dilation=2),
        nn.MaxPool2d(2, 3, dilation=(3, 1), ceil_mode=True),
        nn.AvgPool2d(3, 2, 1),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True),
        nn.AvgPool2d(2, count_include_pad=False, padding=1),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        nn.Sequential(nn.ZeroPad2d((0, 1, 2, 1)), nn.Conv2d(4, 6, 3, stride=2)),
        nn.Sequential(nn.ReflectionPad2d(2), nn.Dropout(), nn.Conv2d(4, 6, 3)),
        nn.Sequential(nn.ConstantPad2d(1, 0.5), nn.AvgPool2d(3)),
    ]


@torch_here
@pytest.mark.parametrize("module", torch_rows(), ids=repr)
def test_torch(module: Any) -> None:
    import torch

    reading = read(module, (2, 4, 10, 9))
    (window,) = reading.windows
    x = RNG.normal(size=(2, 4, 10, 9)).astype("float32")
    weights = list(module.parameters())
    kernel = None
    if weights:
        torch.nn.init.zeros_(weights[1])
        kernel = keras_kernel(weights[0].detach(), depthwise=window.op == "depthwise_conv", groups=4)
    y = module.eval()(torch.as_tensor(x)).detach().numpy()
    if window.op == "conv_transpose" and window.problem.groups > 1:
        assert window.output == y.shape[2:]
        return
    close(computed(window, last(x), kernel), last(y))
    assert window.output == y.shape[2:]


@torch_here
def test_a_pool_that_counts_its_padding_and_not_the_places_beyond() -> None:
    from torch import nn

    module = nn.AvgPool2d(3, 2, 1, ceil_mode=True)
    (window,) = read(module, (2, 4, 11, 11)).windows
    assert not any(axis.ceil for axis in window.windows)  # the last window ends with the padding
    reading = read(module, (2, 4, 10, 10))
    assert (reading.unsupported, reading.windows[0].output, reading.windows[0].merged_padding) == ((), (6, 6), None)
    assert all(axis.ceil for axis in reading.windows[0].windows)


def torch_net() -> Any:
    from torch import nn
    from torch.nn import functional as F  # noqa: N812

    class Same(nn.Conv2d):
        """TensorFlow's "same", as ported networks write it."""

        def forward(self, x: Any) -> Any:
            pads = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(x.shape[2:], self.stride, self.kernel_size)]  # noqa: B905
            x = F.pad(x, [pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2])
            return super().forward(x)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(Same(3, 8, 3, stride=2), nn.ReLU())
            self.body = nn.Conv2d(8, 8, 3, padding=1, padding_mode="circular")
            self.pool = nn.MaxPool2d(3, 2, 1)

        def forward(self, x: Any) -> Any:
            x = self.stem(x)
            return self.pool(self.body(self.body(x)).relu())

    return Net()


@torch_here
def test_torch_modules_programs_and_files_are_read_alike(tmp_path: Path) -> None:
    import torch

    net, shape = torch_net().eval(), (1, 3, 32, 32)
    program = torch.export.export(net, (torch.empty(shape),))
    torch.export.save(program, tmp_path / "net.pt2")
    found = read(net, shape)
    assert found.windows == read(program).windows == read(tmp_path / "net.pt2").windows
    rows = [(w.name, w.amounts, w.copied_bytes, w.nonnegative) for w in found.windows]
    assert [row[0] for row in rows][1:] == ["body", "body (call 2)", "pool"]
    assert rows[0][0].startswith("stem.0")
    assert rows[0][1:] == (((0, 1), (0, 1)), 3 * 33 * 33 * 4, False)
    assert rows[1][1:] == (((1, 1), (1, 1)), 8 * 18 * 18 * 4, True)
    assert rows[3][1:] == (((1, 1), (1, 1)), 0, True)
    assert [pad.layer for pad in found.windows[1].pads] == ["Conv2d's padding_mode"]


@torch_here
def test_torch_modules_that_cannot_be_exported() -> None:
    from torch import nn

    class Asks(nn.Module):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    with pytest.raises(PaddingError, match="torch.export cannot export this Asks for an input of shape") as caught:
        read(Asks(), (1, 3, 8, 8))
    assert "\n" not in str(caught.value)
    with pytest.raises(PaddingError, match="`input_shape` must be given for a PyTorch module"):
        read(nn.Conv2d(3, 4, 3))
    with pytest.raises(PaddingError, match="hold at most 2,147,483,648 values"):
        read(nn.Conv2d(3, 4, 3), (1, 3, 100_000, 100_000))


@torch_here
def test_a_module_stays_as_it_was() -> None:
    net = torch_net()
    assert net.training
    read(net, (1, 3, 16, 16))
    assert net.training


# Keras

keras_here = pytest.mark.skipif(CHOSEN == ["numpy"], reason="this process has no Keras")


def keras_rows() -> list[Any]:
    if CHOSEN == ["numpy"]:
        return []
    import keras

    layers, ours = keras.layers, convpad.keras
    return [
        [layers.Conv2D(6, 3, strides=2, padding="same")],
        [layers.Conv2D(8, 3, groups=2)],
        [layers.Conv2D(6, (3, 2), padding="same", dilation_rate=2)],
        [layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2)],
        [layers.Conv2DTranspose(3, 3, strides=2, padding="same")],
        [layers.Conv2DTranspose(3, 4, strides=3)],
        [layers.MaxPooling2D(3, 2, "same")],
        [layers.AveragePooling2D(3, 1, padding="same")],
        [ours.MaxPooling2D(3, 2, "same", padding_mode=0)],
        [layers.ZeroPadding2D(((0, 1), (2, 1))), layers.Conv2D(6, 3, strides=2)],
        [layers.ZeroPadding2D(1), layers.MaxPooling2D(3, 2)],
        [ours.Conv2D(6, 3, strides=2, padding="half", padding_mode=("reflect", ("circular", 0.5)))],
        [ours.Padding2D(2, padding_mode="symmetric"), layers.Conv2D(6, 3)],
        [ours.ZeroPadding2D(1), ours.AveragePooling2D(2)],
    ]


@keras_here
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
@pytest.mark.parametrize("chain", keras_rows(), ids=lambda chain: "-".join(type(layer).__name__ for layer in chain))
def test_keras(chain: list[Any], tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((10, 9, 4)), *chain])
    x = RNG.normal(size=(2, 10, 9, 4)).astype("float32")
    y = keras.ops.convert_to_numpy(model(x))
    reading = read(model)
    (window,) = reading.windows
    kernel = keras.ops.convert_to_numpy(chain[-1].kernel) if chain[-1].weights else None
    close(computed(window, x, kernel), y)
    assert window.output == y.shape[1:-1]
    image = keras.Input((10, 9, 4))
    functional = keras.Model(image, model(image))  # a model in a model
    (nested,) = read(functional).windows
    assert (nested.problem, nested.pads and nested.pads[0].pairs) == (
        window.problem,
        window.pads and window.pads[0].pairs,
    )
    assert nested.name == f"{model.name}/{chain[-1].name}"
    model.save(tmp_path / "m.keras")
    assert read(tmp_path / "m.keras").windows == reading.windows


@keras_here
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_keras_files(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    import keras

    layers = keras.layers
    image = keras.Input((None, None, 3))
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    x = shared(shared(image) * 2 + 1)
    x = layers.TimeDistributed(layers.Conv1D(4, 3, padding="causal", name="inner"), name="timed")(x)
    model = keras.Model(image, layers.Conv2D(4, 3, strides=2, padding="same", name="last")(x))
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")
    found = read(model)
    assert found.windows == read(tmp_path / "m.keras").windows == read(tmp_path / "m.h5").windows
    assert [w.name for w in found.windows] == ["shared", "shared (call 2)", "timed/inner", "last"]
    assert found.windows[3].amounts is None
    sized = read(tmp_path / "m.keras", (1, 12, 9, 3)).windows
    assert [w.amounts for w in sized] == [((1, 1), (1, 1)), ((1, 1), (1, 1)), ((2, 0),), ((0, 1), (1, 1))]


# Weights are not allocated, which PyTorch can. NASNetMobile Keras 3.15.1 has on its other backends alone.
@torch_here
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_application(name: str) -> None:
    import keras

    keras.backend.clear_session()
    with keras.device("meta"):
        model = getattr(keras.applications, name)(weights=None)
    live = {layer.name: layer for layer in model._flatten_layers()}
    reading = read(model)
    kinds = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D", "MaxPooling2D", "AveragePooling2D")
    assert len(reading.windows) == sum(type(layer).__name__ in kinds for layer in live.values())
    for window in reading.windows:
        layer = live[window.name.split("/")[-1]]
        assert (*window.output, window.filters) == tuple(layer.output.shape[1:]), window.name
    assert reading.unsupported == ()


# What is no model


def test_every_text_names_the_suffixes() -> None:
    for part in ("cli/options.py", "models/audit.py"):
        text = (Path(convpad.__file__).parent / part).read_text(encoding="utf-8")
        assert f"ends in {FILES}" in " ".join(text.split())


@pytest.mark.parametrize(("model", "error", "said"), [
    (7, PaddingError, "`model` must be a Keras model, a torch.nn.Module, an ONNX model, or the path of a file"),
    ("model.txt", ModelFileError, "model.txt must end in .keras, .h5, .hdf5, .pt2 or .onnx."),
    ("model.pth", ModelFileError, "It is a pickle, which can run code when it is read"),
])  # fmt: skip
def test_refusals(model: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        read(model)
    assert said in str(caught.value)


@pytest.mark.parametrize("shape", [5, "x", (), (1, -1), (1, 2.5), ((1, 2), (1, -3))])
def test_input_shapes_that_are_none(shape: Any) -> None:
    with pytest.raises(PaddingError, match="`input_shape` must"):
        read("m.onnx", shape)


def test_zip_files_of_others(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(ModelFileError, match="There is no config.json in it"):
        read(tmp_path / "m.keras")
