"""Translations for other frameworks and back; those for Caffe and Theano against the sources of these."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import OPS, Spoken, spoken

from convpad.core.errors import PaddingError, ShapeError
from convpad.core.operation import POOLS
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.problem import Problem, pad_problem, parse_problem
from convpad.core.window import Window
from convpad.frameworks import NAMES, TITLES, Translation, parse, to_code
from convpad.frameworks.code import rounded_up
from convpad.frameworks.query import OpQuery

pytestmark = pytest.mark.needs("numpy")


def blank(problem: Problem) -> list[Window]:
    """The windows without their amounts."""
    return [replace(window, before=None, after=None) for window in problem.windows]


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150)
@given(data=st.data())
def test_there_and_back(name: str, op: str, data: st.DataObject) -> None:
    case: Spoken = data.draw(spoken((op,)))
    problem = case.problem()
    words = to_code(problem, name, case.padding.values)
    assert words.framework == name
    if not words.exact:
        assert words.note
        assert words.arguments == ()
        return
    assert words.code
    padding = parse(name, blank(problem), op=op, **dict(words.arguments))
    query = OpQuery(problem, case.padding.values)
    if op == "conv_transpose":
        assert query.output_padding_for(padding.amounts) is not False
        return
    again = OpQuery(replace(case, options={**case.options, **spelled(padding)}).problem(), padding.values)
    assert [(w.before, w.output) for w in again.problem.windows] == [(w.before, w.output) for w in problem.windows]
    assert again.fills == query.fills


def test_a_dilation_lets_output_padding_give_back_more_than_a_stride() -> None:
    """PyTorch's output_padding is below its stride or its dilation; convpad's own is below the stride alone."""
    problem = Spoken("conv_transpose", (2, 2), (1, 1), 1, {"dilation_rate": (1, 2), "padding": (0, (1, 0))}).problem()
    words = to_code(problem, "torch")
    assert words.exact
    assert dict(words.arguments) == {"padding": (0, 1), "output_padding": (0, 1)}
    padding = parse("torch", blank(problem), op="conv_transpose", **dict(words.arguments))
    assert [amount.pair for amount in padding.amounts] == [(0, 0), (1, 0)]
    assert OpQuery(problem, padding.values).output_padding_for(padding.amounts) is None


def test_same_of_a_told_size_reads_back_where_the_axes_differ() -> None:
    """One axis has the size that "same" gives by itself, the other one that takes an output_padding of 0."""
    problem = Spoken("conv_transpose", (2, 2), (3, 4), 1, {"strides": 2, "padding": 1}).problem()
    words = to_code(problem, "tensorflow")
    assert dict(words.arguments) == {"padding": "SAME"}
    padding = parse("tensorflow", blank(problem), op="conv_transpose", **dict(words.arguments))
    assert [amount.pair for amount in padding.amounts] == [(1, 1), (1, 1)]
    assert OpQuery(problem, padding.values).output_padding_for(padding.amounts) is None


def test_a_pool_of_caffes_whose_last_window_holds_no_value() -> None:
    """Caffe drops a window that starts behind the axis only where it pads."""
    window = {"strides": (2, 1), "padding": ((0, 1), 0)}
    assert not to_code(Spoken("max_pool", (2, 2), (1, 1), 1, window).problem(), "caffe").exact
    assert to_code(Spoken("max_pool", (3, 2), (2, 1), 1, window).problem(), "caffe").exact


@pytest.mark.parametrize("op", POOLS)
def test_dilated_pools_are_written_with_their_dilation_or_as_a_workaround(op: str) -> None:
    problem = posed(op, (8, 8), (3, 3), 1, dilation_rate=2, strides=1)
    translations = {name: to_code(problem, name) for name in NAMES}
    exact = {"max_pool": ["torch", "onnx"], "average_pool": ["onnx"]}[op]
    assert [name for name, translation in translations.items() if translation.exact] == exact
    assert "dilations = [2, 2]" in translations["onnx"].code
    assert all("dilation" in translation.code for translation in translations.values() if translation.code)
    assert all("dilation" in translation.note for translation in translations.values() if not translation.exact)


def test_pools_that_are_rounded_up() -> None:
    problem = posed("max_pool", (8, 8), (3, 3), 1, strides=2, ceil_mode=True)
    assert to_code(problem, "torch").code == "torch.nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)"
    assert to_code(problem, "flax").code == "nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 2), (1, 2)))"
    counting = posed("average_pool", (8, 8), (3, 3), 1, "zeros", strides=2, ceil_mode=True)
    unknown = posed("max_pool", (None, None), (3, 3), "valid", strides=2, ceil_mode=True)
    for problem in (counting, unknown):
        for name in NAMES:
            translation = to_code(problem, name)
            assert not translation.exact
            assert "ceil_mode=True" in translation.code or name in ("onnx", "caffe", "theano")


def test_a_transposed_convolution_of_unknown_channels() -> None:
    """TensorFlow and Theano are told the output's sizes; `filters` stands for its channels."""
    padding = Padding.parse("same", rank=2)
    problem = parse_problem("conv_transpose", (None, 4, 4, None), (4, 4, None, None), padding, strides=2)
    shape = "output_shape=[tf.shape(x)[0], 8, 8, filters]"
    assert (
        to_code(problem, "tensorflow").code == f'tf.nn.conv2d_transpose(x, kernel, {shape}, strides=2, padding="SAME")'
    )
    assert "input_shape=(None, filters, 8, 8)" in to_code(problem, "theano").code


def spelled(padding: Padding) -> dict[str, Any]:
    return dict(zip(("padding", "padding_mode"), padding.spelling(), strict=True))


def posed(op: str, sizes: Any, window: Any, padding: Any, mode: Any = None, **options: Any) -> Problem:
    rank = len(sizes)
    parsed = Padding.parse(padding, mode or ("ignore" if op in POOLS else "zeros"), rank=rank)
    kernel = window if op in POOLS else (*window, 3 // options.get("groups", 1), 8)
    if op == "conv_transpose":
        kernel = (*window, 8, 3)
    return parse_problem(op, (None, *sizes, 3), kernel, parsed, **options)


# op, sizes, window, padding, options, framework -> code, exact, note
SAID = [
    (
        ("conv", (224, 224), (7, 7), "same", {"strides": 2}),
        "keras",
        'keras.layers.Conv2D(8, 7, strides=2, padding="same")',
        True,
        "This pads (2, 3). PyTorch's and Caffe's habit, half the kernel on both sides, pads (3, 3): the same sizes, other values.",
    ),
    (
        ("conv", (224, 224), (7, 7), "same", {"strides": 2}),
        "torch",
        "torch.nn.Sequential(torch.nn.ZeroPad2d((2, 3, 2, 3)), torch.nn.Conv2d(3, 8, 7, stride=2))",
        False,
        "PyTorch pads both sides of an axis equally.",
    ),
    (
        ("conv", (224, 224), (7, 7), "half", {"strides": 2}),
        "torch",
        "torch.nn.Conv2d(3, 8, 7, stride=2, padding=3)",
        True,
        'This pads (3, 3). Keras\'s "same" pads (2, 3): the same sizes, other values.',
    ),
    (
        ("conv", (224, 224), (7, 7), "half", {"strides": 2}),
        "keras",
        "keras.Sequential([keras.layers.ZeroPadding2D(3), keras.layers.Conv2D(8, 7, strides=2)])",
        False,
        "Keras's layers pad with zeros, by the words valid and same alone.",
    ),
    (("conv", (8, 8), (3, 3), "same", {}), "torch", "torch.nn.Conv2d(3, 8, 3, padding=1)", True, ""),
    (("conv", (8,), (2,), "same", {}), "torch", 'torch.nn.Conv1d(3, 8, 2, padding="same")', True, ""),
    (("conv", (8,), (3,), "causal", {}), "keras", 'keras.layers.Conv1D(8, 3, padding="causal")', True, ""),
    (
        ("conv", (8, 9), (3, 5), "same", {"mode": "circular"}),
        "torch",
        'torch.nn.Conv2d(3, 8, (3, 5), padding=(1, 2), padding_mode="circular")',
        True,
        "",
    ),
    (
        ("conv", (8, 9), (3, 5), "same", {"mode": "circular"}),
        "flax",
        'nn.Conv(8, (3, 5), padding="CIRCULAR")',
        True,
        "",
    ),
    (
        ("conv", (8, 9), (3, 5), "same", {"mode": "circular"}),
        "onnx",
        'pads_0 = Constant <value_ints = [0, 0, 1, 2, 0, 0, 1, 2]> ()\npadded_0 = Pad <mode = "wrap"> (x, pads_0)\ny = Conv <kernel_shape = [3, 5]> (padded_0, kernel)',
        False,
        "ONNX's convolutions pad with zeros.",
    ),
    (
        ("conv", (8, 9), (3, 5), "same", {"mode": "circular"}),
        "caffe",
        "",
        False,
        "Caffe pads with zeros, and has no layer that pads otherwise.",
    ),
    (
        ("conv", (6, 6), (3, 3), ((1, 0), (1, 0)), {"strides": 2}),
        "torch",
        "torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)",
        True,
        'This pads (1, 0). Keras\'s "same" pads (0, 1): the same sizes, other values.',
    ),
    (
        ("conv", (None, None), (3, 3), "same", {"strides": 2}),
        "onnx",
        'y = Conv <kernel_shape = [3, 3], auto_pad = "SAME_UPPER", strides = [2, 2]> (x, kernel)',
        True,
        "",
    ),
    (
        ("conv", (None, None), (3, 3), "same", {"strides": 2}),
        "torch",
        'convpad.conv(x, kernel, strides=2, padding="same", data_format="channels_first")',
        False,
        "PyTorch has no word for an amount that depends on the size: its padding='same' is for stride 1.",
    ),
    (
        ("conv", (None, None), (3, 3), 1, {"strides": 2}),
        "tensorflow",
        "tf.nn.conv2d(x, kernel, strides=2, padding=[[0, 0], [1, 1], [1, 1], [0, 0]])",
        True,
        "",
    ),
    (
        ("conv", (224, 224), (7, 7), "half", {"strides": 2}),
        "caffe",
        'layer {\n  name: "y"  type: "Convolution"  bottom: "x"  top: "y"\n  convolution_param { num_output: 8  pad: 3  kernel_size: 7  stride: 2 }\n}',
        True,
        'This pads (3, 3). Keras\'s "same" pads (2, 3): the same sizes, other values.',
    ),
    (
        ("conv", (8, 9), (3, 5), "half", {"dilation_rate": (1, 2)}),
        "caffe",
        'layer {\n  name: "y"  type: "Convolution"  bottom: "x"  top: "y"\n  convolution_param { num_output: 8  pad: 1  pad: 4  kernel_size: 3  kernel_size: 5  dilation: 1  dilation: 2 }\n}',
        True,
        "",
    ),
    (
        ("max_pool", (112, 112), (3, 3), ((0, 1), (0, 1)), {"strides": 2}),
        "caffe",
        'layer {\n  name: "y"  type: "Pooling"  bottom: "x"  top: "y"\n  pooling_param { pool: MAX  kernel_size: 3  stride: 2 }\n}',
        True,
        "This pads (0, 1). PyTorch's and Caffe's habit, half the kernel on both sides, pads (1, 1): the same sizes, other values.",
    ),
    (
        ("max_pool", (112, 112), (3, 3), "valid", {"strides": 2}),
        "caffe",
        'layer {\n  name: "y"  type: "Pooling"  bottom: "x"  top: "y"\n  pooling_param { pool: MAX  kernel_size: 3  stride: 2  round_mode: FLOOR }\n}',
        True,
        "",
    ),
    (
        ("max_pool", (112, 112), (3, 3), "same", {"strides": 2}),
        "torch",
        "torch.nn.MaxPool2d(3, stride=2, ceil_mode=True)",
        True,
        "This pads (0, 1). PyTorch's and Caffe's habit, half the kernel on both sides, pads (1, 1): the same sizes, other values.",
    ),
    (
        ("conv", (224, 224), (7, 7), "half", {"strides": 2}),
        "theano",
        'theano.tensor.nnet.conv2d(x, kernel, border_mode="half", subsample=(2, 2), filter_flip=False)',
        True,
        'This pads (3, 3). Keras\'s "same" pads (2, 3): the same sizes, other values.',
    ),
    (
        ("conv", (6, 6), (3, 3), "same", {"strides": 2}),
        "theano",
        "theano.tensor.nnet.conv2d(x, kernel, border_mode=((0, 1), (0, 1)), subsample=(2, 2), filter_flip=False)",
        True,
        "This pads (0, 1). PyTorch's and Caffe's habit, half the kernel on both sides, pads (1, 1): the same sizes, other values.",
    ),
    (
        ("conv_transpose", (4, 4), (4, 4), "half", {"strides": 2}),
        "theano",
        "theano.tensor.nnet.abstract_conv.conv2d_grad_wrt_inputs(x, kernel, input_shape=(None, 8, 6, 6), border_mode=(2, 2), subsample=(2, 2), filter_flip=False)",
        True,
        "",
    ),
    (
        ("conv_transpose", (4, 4), (4, 4), "same", {"strides": 2}),
        "torch",
        "torch.nn.ConvTranspose2d(3, 8, 4, stride=2, padding=1)",
        True,
        "",
    ),
    (
        ("conv_transpose", (4, 4), (5, 5), "same", {"strides": 2}),
        "torch",
        'convpad.conv_transpose(x, kernel, strides=2, padding="same", data_format="channels_first")',
        False,
        "PyTorch crops both sides equally, and its output_padding only adds.",
    ),
    (
        ("conv_transpose", (4, 4), (4, 4), "same", {"strides": 2, "mode": "circular"}),
        "keras",
        'convpad.keras.Conv2DTranspose(8, 4, strides=2, padding="same", padding_mode="circular")',
        False,
        "Keras's layers pad with zeros, by the words valid and same alone.",
    ),
]


@pytest.mark.parametrize(("operation", "name", "code", "exact", "note"), SAID)
def test_said(operation: Any, name: str, code: str, exact: bool, note: str) -> None:
    op, sizes, window, padding, options = operation
    words = to_code(posed(op, sizes, window, padding, **options), name)
    assert (words.code, words.exact, words.note) == (code, exact, note)


ONE = [Window(224, 7, 2, 1, None, None)]
READ = [
    ("keras", ONE, "conv", {"padding": "causal"}, "causal", "zeros"),
    ("keras", ONE * 2, "max_pool", {"padding": "same"}, "same", "ignore"),
    ("tensorflow", ONE * 2, "conv", {"padding": [[0, 0], [1, 2], [3, 4], [0, 0]]}, ((1, 2), (3, 4)), "zeros"),
    ("tensorflow", ONE, "conv", {"padding": [[0, 0], [0, 0], [1, 2]], "data_format": "NCW"}, (1, 2), "zeros"),
    ("torch", ONE * 2, "conv", {"padding": (1, 3), "padding_mode": "replicate"}, ((1, 1), (3, 3)), "replicate"),
    ("torch", ONE * 2, "conv", {"padding": "valid"}, "valid", "zeros"),
    ("torch", [Window(112, 3, 2, 1, None, None)], "max_pool", {"ceil_mode": True}, (0, 1), "ignore"),
    ("torch", ONE, "average_pool", {"padding": 1}, (1, 1), "zeros"),
    ("torch", ONE, "average_pool", {"padding": 1, "count_include_pad": False}, (1, 1), "ignore"),
    ("onnx", ONE * 2, "conv", {"pads": [1, 2, 3, 4]}, ((1, 3), (2, 4)), "zeros"),
    ("torch", ONE * 2, "conv_transpose", {"padding": (2, 0), "output_padding": 1}, ((2, 1), (0, 0)), "zeros"),
    ("onnx", ONE * 2, "conv_transpose", {"pads": [2, 0, 3, 0], "output_padding": [1, 0]}, ((2, 2), (0, 0)), "zeros"),
    ("onnx", ONE, "conv", {"auto_pad": "SAME_LOWER"}, "same_lower", "zeros"),
    ("onnx", ONE, "average_pool", {"pads": [1, 1], "count_include_pad": 1}, (1, 1), "zeros"),
    ("onnx", [Window(112, 3, 2, 1, None, None)], "max_pool", {"ceil_mode": 1}, (0, 1), "ignore"),
    ("caffe", ONE * 2, "conv", {"pad": 3}, 3, "zeros"),
    ("caffe", [Window(112, 3, 2, 1, None, None)] * 2, "max_pool", {}, ((0, 1), (0, 1)), "ignore"),
    ("caffe", [Window(112, 3, 2, 1, None, None)] * 2, "max_pool", {"round_mode": "FLOOR"}, 0, "ignore"),
    ("theano", ONE * 2, "conv", {"border_mode": "half"}, "half", "zeros"),
    ("theano", ONE * 2, "conv", {"border_mode": (1, (2, 3))}, ((1, 1), (2, 3)), "zeros"),
    ("theano", ONE * 2, "average_pool", {"pad": (1, 2), "mode": "average_inc_pad"}, (1, 2), "zeros"),
    ("flax", ONE * 2, "conv", {"padding": "CIRCULAR"}, ((3, 3), (3, 3)), "circular"),
    ("flax", [Window(9, 2, 1, 1, None, None)], "conv", {"padding": "REFLECT"}, (0, 1), "reflect"),
    ("flax", ONE, "conv_transpose", {"padding": ((4, 5),)}, (2, 1), "zeros"),
    ("flax", ONE * 2, "conv", {"padding": (1, (2, 3))}, ((1, 1), (2, 3)), "zeros"),
]


@pytest.mark.parametrize(("name", "windows", "op", "words", "padding", "mode"), READ)
def test_read(name: str, windows: list[Window], op: str, words: dict[str, Any], padding: Any, mode: str) -> None:
    assert parse(name, windows, op=op, **words) == Padding.parse(padding, mode, rank=len(windows))


REFUSED = [
    (
        ("mxnet", ONE, {}),
        "`framework` must be one of 'keras', 'tensorflow', 'torch', 'onnx', 'caffe', 'theano', 'flax'. Received: 'mxnet'.",
    ),
    (("keras", ONE, {"pads": 1}), "`words` must be among Keras's words for padding: padding. Received: 'pads'."),
    (
        ("keras", ONE * 2, {"padding": "causal"}),
        "`padding` must be one of Keras's words here: 'valid', 'same'. Received: 'causal'.",
    ),
    (
        ("torch", ONE, {"padding": "same"}),
        "`padding` must be an int, one for each axis, 'valid', or at stride 1 'same'. Received: 'same'.",
    ),
    (
        ("torch", ONE, {"padding_mode": "symmetric"}),
        "`padding_mode` must be one of PyTorch's: 'zeros', 'reflect', 'replicate', 'circular'. Received: 'symmetric'.",
    ),
    (("onnx", ONE, {"pads": [1]}), "`pads` must have 2 ints, those before each axis first. Received: [1]."),
    (
        ("onnx", ONE, {"auto_pad": "SAME"}),
        "`auto_pad` must be one of 'NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'. Received: 'SAME'.",
    ),
    (
        ("tensorflow", ONE, {"padding": "same"}),
        "`padding` must be 'SAME', 'VALID' or 3 pairs, one for each axis. Received: 'same'.",
    ),
    (("caffe", ONE, {"pad": -1}), "`pad` must be an int of at least 0. Received: -1."),
    (("caffe", ONE, {"round_mode": "ceil"}), "`round_mode` must be 'CEIL' or 'FLOOR'. Received: 'ceil'."),
    (
        ("theano", ONE, {"border_mode": "same"}),
        "`border_mode` must be 'valid', 'half', 'full', an int, or one for each axis. Received: 'same'.",
    ),
    (
        ("flax", ONE, {"padding": "REPLICATE"}),
        "`padding` must be one of Flax's words here: 'VALID', 'SAME', 'CAUSAL', 'CIRCULAR', 'REFLECT', or pairs. Received: 'REPLICATE'.",
    ),
    (
        ("flax", ONE, {"padding": (1, 2)}),
        "`padding` must be a word of Flax's, an int, or one int or pair for each axis. Received: (1, 2).",
    ),
]


@pytest.mark.parametrize(("call", "text"), REFUSED)
def test_refused(call: Any, text: str) -> None:
    name, windows, words = call
    with pytest.raises(PaddingError) as refusal:
        parse(name, windows, **words)
    assert str(refusal.value) == text


def test_other_refusals() -> None:
    with pytest.raises(PaddingError, match="`problem.op` must be one of 'conv', .* Received: 'pad'"):
        to_code(pad_problem((1, 8, 3), Padding.parse(1, rank=1)), "keras")
    with pytest.raises(PaddingError, match="`op` must be one of .* Received: 'pad'"):
        parse("keras", ONE, op="pad")
    with pytest.raises(ShapeError, match="must come with sizes"):
        parse("torch", [Window(None, 3, 2, 1, None, None)], op="max_pool", ceil_mode=True)
    assert tuple(TITLES) == NAMES


def test_constants_are_written_where_they_are_known() -> None:
    problem = posed("conv", (8,), (3,), "same", 7)
    code = "torch.nn.Sequential(torch.nn.ConstantPad1d(1, {}), torch.nn.Conv1d(3, 8, 3))"
    assert to_code(problem, "torch").code == code.format("value")
    assert to_code(problem, "torch", ((7, 7),)).code == code.format("7")
    per_channel = Padding.parse("same", Constant([1, 2, 3]), rank=1)
    words = to_code(posed("conv", (8,), (3,), "same", Constant([1, 2, 3])), "torch", per_channel.values)
    assert "padding_mode=convpad.Constant(value=(1, 2, 3))" in words.code
    words = to_code(posed("conv", (8,), (3,), "same", Learned("ones")), "keras", ((Learned("ones"), Learned("ones")),))
    assert words.code == 'convpad.keras.Conv1D(8, 3, padding="same", padding_mode=convpad.Learned(initializer="ones"))'


# Caffe and Theano by their sources


def fields(code: str) -> dict[str, list[str]]:
    entries: dict[str, list[str]] = {}
    for key, value in re.findall(r"(\w+): ([\w\"]+)", code):
        entries.setdefault(key, []).append(value)
    return entries


def two(entries: dict[str, list[str]], name: str, wide: str, default: int) -> list[int]:
    if f"{name}_h" in entries:
        return [int(entries[f"{name}_h"][0]), int(entries[f"{name}_w"][0])]
    return [int(entries.get(wide, [default])[0])] * 2


def caffe_pool(code: str, x: Any) -> Any:
    """BVLC/caffe, src/caffe/layers/pooling_layer.cpp: LayerSetUp, Reshape and Forward_cpu, channels last."""
    entries = fields(code)
    kernel, stride, pad = (
        two(entries, "kernel", "kernel_size", 0),
        two(entries, "stride", "stride", 1),
        two(entries, "pad", "pad", 0),
    )
    floor, sizes = entries.get("round_mode") == ["FLOOR"], x.shape[1:3]
    outputs = []
    for n, k, s, p in zip(sizes, kernel, stride, pad, strict=True):
        pooled = ((n + 2 * p - k) // s if floor else -(-(n + 2 * p - k) // s)) + 1
        if any(pad):
            pooled -= (pooled - 1) * s >= n + p
        outputs.append(pooled)
    y = np.zeros((x.shape[0], *outputs, x.shape[3]))
    for row, column in np.ndindex(*outputs):
        starts = [o * s - p for o, s, p in zip((row, column), stride, pad, strict=True)]
        ends = [min(a + k, n + p) for a, k, n, p in zip(starts, kernel, sizes, pad, strict=True)]
        count = np.prod([b - a for a, b in zip(starts, ends, strict=True)])
        (top, left), (bottom, right) = (
            [max(a, 0) for a in starts],
            [min(b, n) for b, n in zip(ends, sizes, strict=True)],
        )
        seen = x[:, top:bottom, left:right]
        y[:, row, column] = seen.max((1, 2)) if entries["pool"] == ["MAX"] else seen.sum((1, 2)) / count
    return y


def theano_pool(code: str, x: Any) -> Any:
    """Theano/Theano, theano/tensor/signal/pool.py: Pool.out_shape and Pool.perform, channels last."""
    entries: dict[str, Any] = eval(re.sub(r"^.*?\(x, ", "dict(", code))
    ws, mode = entries["ws"], entries["mode"]
    stride, pad = entries.get("stride", ws), entries.get("pad", (0, 0))
    sizes = [n + 2 * p for n, p in zip(x.shape[1:3], pad, strict=True)]
    assert entries["ignore_border"] or not any(pad)
    assert all(p < k for p, k in zip(pad, ws, strict=True))
    outputs = []
    for n, k, s in zip(sizes, ws, stride, strict=True):
        if entries["ignore_border"]:
            outputs.append((n - k) // s + 1)
        else:
            outputs.append((n - 1) // s + 1 if s >= k else max(0, (n - 1 - k) // s + 1) + 1)
    padded = np.pad(x, ((0, 0), *((p, p) for p in pad), (0, 0)))
    y = np.zeros((x.shape[0], *outputs, x.shape[3]))
    for place in np.ndindex(*outputs):
        starts = [o * s for o, s in zip(place, stride, strict=True)]
        ends = [min(a + k, n) for a, k, n in zip(starts, ws, sizes, strict=True)]
        if mode != "average_inc_pad":
            starts = [max(a, p) for a, p in zip(starts, pad, strict=True)]
            ends = [min(b, n + p) for b, n, p in zip(ends, x.shape[1:3], pad, strict=True)]
        seen = padded[:, starts[0] : ends[0], starts[1] : ends[1]]
        y[:, place[0], place[1]] = seen.max((1, 2)) if mode == "max" else seen.mean((1, 2))
    return y


@pytest.mark.parametrize(("name", "pooled"), [("caffe", caffe_pool), ("theano", theano_pool)])
@pytest.mark.parametrize("op", POOLS)
def test_pools_by_their_sources(name: str, pooled: Any, op: str) -> None:
    translations: list[Translation] = []

    @settings(max_examples=400)
    @given(case=spoken((op,)).filter(lambda case: case.rank == 2))
    def holds(case: Spoken) -> None:
        words = to_code(case.problem(), name, case.padding.values)
        if words.exact:
            translations.append(words)
            np.testing.assert_allclose(
                pooled(words.code, case.arrays()[0].astype("float64")), case.answer(), atol=1e-12
            )

    holds()
    assert len(translations) > 60


def test_convolutions_by_their_sources() -> None:
    """Caffe's ConvolutionLayer::compute_output_shape, DeconvolutionLayer's, and Theano's get_conv_shape_1axis."""
    counted = {"caffe": 0, "theano": 0}

    @settings(max_examples=400)
    @given(case=spoken(("conv", "conv_transpose")).filter(lambda case: case.rank == 2))
    def holds(case: Spoken) -> None:
        problem = case.problem()
        caffe, theano = to_code(problem, "caffe"), to_code(problem, "theano")
        spatial = problem.input_shape[1:3], problem.output_shape[1:3]
        for axis, window in enumerate(problem.windows):
            if caffe.exact:
                entries = fields(caffe.code)
                p, s, d = (
                    int((entries.get(key, [default]) * 2)[axis])
                    for key, default in (("pad", 0), ("stride", 1), ("dilation", 1))
                )
                span, n, o = d * (window.kernel - 1) + 1, *(sizes[axis] for sizes in spatial)
                assert o == (s * (n - 1) + span - 2 * p if case.op == "conv_transpose" else (n + 2 * p - span) // s + 1)
                assert p == OpQuery(problem, case.padding.values).reach[axis][0]
                counted["caffe"] += 1
            if theano.exact:
                border = dict(theano.arguments)["border_mode"]
                entry = border if isinstance(border, str) else border[axis]
                words = {"half": window.span // 2, "full": window.span - 1, "valid": 0}
                left, right = (
                    (words[entry],) * 2
                    if isinstance(entry, str)
                    else entry
                    if isinstance(entry, tuple)
                    else (entry,) * 2
                )
                n, o = (sizes[axis] for sizes in (spatial if case.op == "conv" else spatial[::-1]))
                assert o == (n + left + right - window.span) // window.stride + 1
                assert left == window.before
                counted["theano"] += 1

    holds()
    assert min(counted.values()) > 60


@pytest.mark.parametrize(
    ("window", "pad", "pair"),
    [
        (Window(112, 3, 2, 1, 0, 0), 0, (0, 1)),
        (Window(5, 1, 3, 1, 0, 0), 0, (0, 0)),
        (Window(4, 2, 3, 1, 0, 0), 1, (1, 0)),
        (Window(None, 3, 2, 1, 0, 0), 0, None),
    ],
)
def test_rounding_up(window: Window, pad: int, pair: Any) -> None:
    assert rounded_up(window, pad) == pair


class Unhashable:
    """A tensor of JAX or TensorFlow, as far as code is written from it."""

    shape, dtype, __hash__ = (3,), np.dtype("float32"), None  # pyright: ignore[reportAssignmentType]

    def __repr__(self) -> str:
        return "tensor"


def test_constants_may_be_tensors_without_a_hash() -> None:
    padding = Padding.parse(1, Constant(Unhashable()), rank=2)
    problem = parse_problem("conv", (None, 8, 8, 3), (3, 3, 3, 4), padding)
    for name in NAMES:
        translation = to_code(problem, name, padding.values)
        assert not translation.exact
        assert "Constant(value=tensor)" in translation.code or name in ("onnx", "caffe", "theano")


def test_a_framework_by_another_name_is_meant() -> None:
    with pytest.raises(PaddingError, match=r" Received: 'pytorch'\. Did you mean 'torch'\?$"):
        parse("pytorch", [Window(8, 3, 1, 1, None, None)])
