"""Comparisons of models: the alignment, and the advised padding, whose outputs the oracle computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN
from graphs import LIGHT, graph, onnx
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner
from windows import computed

import convpad
from convpad.cli.commands import app
from convpad.models.alignment import aligned
from convpad.models.readers import read

once = pytest.mark.skipif("numpy" not in CHOSEN, reason="once is enough")
torch_here = pytest.mark.skipif("torch" not in CHOSEN, reason="this process has no PyTorch")

RELU = "r = Relu (x)"
CONVS = {
    "none": ["y = Conv <strides = [2, 2]> (x, k)"],
    "same": ['y = Conv <strides = [2, 2], auto_pad = "SAME_UPPER"> (x, k)'],
    "lower": ['y = Conv <strides = [2, 2], auto_pad = "SAME_LOWER"> (x, k)'],
    "half": ["y = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, k)"],
    "one side": ["y = Conv <strides = [2, 2], pads = [2, 1, 0, 1]> (x, k)"],
    "reflect": ['q = Pad <mode = "reflect"> (x, p)', "y = Conv <strides = [2, 2]> (q, k)"],
    "zeros": ["q = Pad (x, p)", "y = Conv <strides = [2, 2]> (q, k)"],
}
POOLS = {
    "max": ["y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (x)"],
    "max of zeros": ["q = Pad (x, p)", "y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (q)"],
    "max none": ["y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (x)"],
}
PAIRS = [(rows[a], rows[b]) for rows in (CONVS, POOLS) for a in rows for b in rows]


@once
@pytest.mark.parametrize("size", ["8, 8", "9, 8"])
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_alike_is_what_computes_alike(a: list[str], b: list[str], size: str) -> None:
    comparison = convpad.compare(graph(*a, size=size), graph(*b, size=size))
    (pair,) = comparison.pairs
    rng = np.random.default_rng(3)
    x, kernel = rng.normal(size=(1, *map(int, size.split(",")), 3)) - 5, None  # so that zeros win
    if pair.a.op == "conv":
        kernel = rng.normal(size=(3, 3, 3, 4))
    mine, other = computed(pair.a, x, kernel), computed(pair.b, x, kernel)
    assert comparison.agree == (mine.shape == other.shape and np.allclose(mine, other))
    if comparison.agree:
        return
    options: dict[str, Any] = {"strides": pair.b.strides, "padding": pair.padding}
    if pair.padding_mode is not None:
        options["padding_mode"] = pair.padding_mode
    given = (pair.b.kernel,) if kernel is None else (kernel,)
    np.testing.assert_allclose(getattr(convpad, pair.b.op)(x, *given, **options), mine)
    assert (pair.fix[0].startswith("padding=")) and bool(pair.code)
    lines = [line.replace("kernel)", "k)") for line in pair.code.splitlines()]
    assert convpad.compare(graph(*a, size=size), graph(*lines, size=size)).agree, pair.code


@once
def test_zeros_never_win_over_what_is_not_negative() -> None:
    nodes = [
        ["q = Pad (r, p)", "y = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (q)"],
        ["y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (r)"],
    ]
    a, b = (graph(RELU, *rows) for rows in nodes)
    assert convpad.compare(a, b).agree
    assert not convpad.compare(*(graph("r = Tanh (x)", *rows) for rows in nodes)).agree


@once
@pytest.mark.parametrize(
    "crop", ["pads = [1, 1, 1, 1], output_padding = [1, 1]", "pads = [0, 0, 1, 1]", "pads = [1, 1, 1, 1]"]
)
def test_transposed(crop: str) -> None:
    a = graph(f"y = ConvTranspose <strides = [2, 2], {crop}> (x, t)")
    b = graph("y = ConvTranspose <strides = [2, 2]> (x, t)")
    assert convpad.compare(a, a).agree
    (pair,) = convpad.compare(a, b).differences
    lines = [line.replace("kernel)", "t)") for line in pair.code.splitlines()]
    assert convpad.compare(a, graph(*lines)).agree


@once
@given(missing=st.sets(st.integers(0, 62), max_size=12))
def test_what_is_missing_shifts_nothing(missing: set[int]) -> None:
    rest = [window for place, window in enumerate(DENSENET) if place not in missing]
    for a, b in ((DENSENET, rest), (rest, DENSENET)):
        pairs = aligned(a, b)
        assert len(pairs) == len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(rest)
        assert all(_kind(a[i]) == _kind(b[j]) for i, j in pairs)


@once
def test_branches_in_another_order() -> None:
    turned = [*DENSENET[:10], *DENSENET[20:30], *DENSENET[10:20], *DENSENET[30:]]
    assert len(aligned(DENSENET, turned)) == len(DENSENET)


@once
def test_other_windows_stand_alone() -> None:
    narrow = [window for window in read(LIGHT / "light_squeezenet.onnx").windows if window.op == "max_pool"]
    wide = [window for window in DENSENET if window.op == "conv"]
    assert aligned(narrow, wide) == []


def _kind(window: Any) -> Any:
    return window.op, window.kernel, window.strides, window.channels, window.filters, window.input


DENSENET = [window for window in read(LIGHT / "light_densenet121.onnx").windows if window.is_relevant]


@once
@pytest.mark.parametrize("name", ["densenet121", "inception_v2", "shufflenet"])
def test_one_window_of_a_network_padded_otherwise(name: str) -> None:
    path = LIGHT / f"light_{name}.onnx"
    model = onnx.load(path)
    convs = [node for node in model.graph.node if node.op_type == "Conv"]
    wide = [node for node in convs if any(sum(a.ints) for a in node.attribute if a.name == "pads")]
    for attribute in wide[3].attribute:
        if attribute.name == "pads":
            attribute.ints[:] = [0, 0, 2, 2]
    comparison = convpad.compare(path, model)
    assert [pair.b.name for pair in comparison.differences] == [wide[3].name or wide[3].output[0]]
    assert (comparison.only_a, comparison.only_b) == ((), ())
    assert not comparison.agree
    assert convpad.compare(path, path).agree


@torch_here
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("application", "graph", "count", "agree"), [
    ("DenseNet121", "densenet121", 63, True),
    ("VGG19", "vgg19", 21, True),
    ("ResNet50", "resnet50", 18, False),  # the graph strides in the 3x3 convolution, Keras in the 1x1 before it
])  # fmt: skip
def test_twins(application: str, graph: str, count: int, agree: bool) -> None:
    import keras

    with keras.device("meta"):
        model = getattr(keras.applications, application)(weights=None)
    comparison = convpad.compare(model, LIGHT / f"light_{graph}.onnx")
    assert (len(comparison.pairs), comparison.differences, comparison.only_a, comparison.agree) == (
        count,
        (),
        (),
        agree,
    )
    assert len([pair for pair in comparison.pairs if pair.other_steps]) == (0 if agree else 3)


@torch_here
@pytest.mark.filterwarnings("ignore")
def test_keras_and_torch() -> None:
    import keras
    from torch import nn

    one = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3, strides=2, padding="same"), keras.layers.MaxPooling2D(2)]
    )
    other = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.MaxPool2d(2))
    (pair,) = convpad.compare(one, other, input_shape_b=(1, 3, 32, 32)).differences
    assert pair.differs == ("(0, 1) on both axes, not (1, 1)",)
    assert pair.padding == ((0, 1), (0, 1))
    assert pair.code == "torch.nn.Sequential(torch.nn.ZeroPad2d((0, 1, 0, 1)), torch.nn.Conv2d(3, 8, 3, stride=2))"
    mended = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, stride=2), nn.MaxPool2d(2))
    assert convpad.compare(one, mended, input_shape_b=(1, 3, 32, 32)).agree
    (back,) = convpad.compare(other, one, input_shape_a=(1, 3, 32, 32)).differences
    assert back.code == "keras.Sequential([keras.layers.ZeroPadding2D(1), keras.layers.Conv2D(8, 3, strides=2)])"


@once
def test_as_people_see_it(tmp_path: Path) -> None:
    comparison = convpad.compare(graph(*CONVS["same"]), graph(*CONVS["reflect"]))
    said = str(comparison)
    assert "1 pair of windows: 0 pad equally, 1 not." in said
    assert "padding=((0, 1), (0, 1))" in said
    assert "instead of q" in said
    assert json.loads(comparison.to_json())["pairs"][0]["padding"] == [[0, 1], [0, 1]]
    page = comparison.to_html()
    assert "padding=((0, 1), (0, 1))" in page
    assert "<script" not in page
    assert repr(comparison) == "<Comparison: 1 pair of windows: 0 pad equally, 1 not; print(...) shows all>"


@once
def test_the_command(tmp_path: Path) -> None:
    def run(*arguments: Any) -> Any:
        return CliRunner().invoke(app, ["compare", *map(str, arguments)])

    vgg, page = LIGHT / "light_vgg19.onnx", tmp_path / "c.html"
    paths = [tmp_path / "same.onnx", tmp_path / "half.onnx"]
    for path in paths:
        onnx.save(graph(*CONVS[path.stem]), path)
    assert run(vgg, vgg).exit_code == 0
    assert run(*paths, "--html", page).exit_code == 1
    assert page.read_text() == convpad.compare(*paths).to_html()
    assert json.loads(run(*paths, "--json").stdout)["agree"] is False
    assert run(vgg, tmp_path / "no.onnx").exit_code == 2
    assert run(*paths, "--html", page).exit_code == 2  # it exists
