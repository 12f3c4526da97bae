"""The oracle against ONNX's own node tests: every case is run, or listed with the reason why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convpad

pytestmark = pytest.mark.needs("numpy")

onnx = pytest.importorskip("onnx")
# Importing one of these modules makes the cases of its operator.
from onnx.backend.test.case import node as onnx_nodes
from onnx.backend.test.case.node import averagepool, conv, convtranspose, maxpool, pad  # noqa: F401

OPERATORS = ("Conv", "ConvTranspose", "Pad", "MaxPool", "AveragePool")
CASES = {
    case.name: case
    for case in onnx_nodes._NodeTestCases
    if case.model.graph.node[0].op_type in OPERATORS and len(case.model.graph.node) == 1
}

HOLES = "the pools here, as in Keras, have no holes between their taps"
INDICES = "it asks for the places of the maxima, too"
LEFT_OUT = {
    "test_maxpool_with_argmax_2d_precomputed_pads": INDICES,
    "test_maxpool_with_argmax_2d_precomputed_strides": INDICES,
    "test_maxpool_2d_dilations": HOLES,
    "test_maxpool_3d_dilations": HOLES,
    "test_maxpool_3d_dilations_use_ref_impl": HOLES,
    "test_maxpool_3d_dilations_use_ref_impl_large": HOLES,
    "test_averagepool_2d_dilations": HOLES,
    "test_averagepool_3d_dilations_small": HOLES,
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True": HOLES,
    "test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False": HOLES,
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True": HOLES,
    "test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False": HOLES,
}
"""What has no word here, by name."""

MODES = {"constant": 0, "edge": "replicate", "reflect": "reflect", "wrap": "circular"}
WORDS = {"VALID": "valid", "SAME_UPPER": "same", "SAME_LOWER": "same_lower"}


class NoWordError(Exception):
    """The case asks for something that convpad has no word for."""


def _pairs(pads: list[int]) -> list[tuple[int, int]]:
    """ONNX lists what is before every axis, then what is after."""
    half = len(pads) // 2
    return list(zip(pads[:half], pads[half:], strict=True))


def _per_axis(entries: Any) -> Any:
    """One entry for each axis as the functions take it: with one axis, the entry itself."""
    return entries[0] if len(entries) == 1 else tuple(entries)


def _padding(attributes: dict[str, Any], rank: int) -> Any:
    word = attributes.get("auto_pad", b"NOTSET").decode()
    return WORDS[word] if word != "NOTSET" else _per_axis(_pairs(attributes.get("pads", [0] * (2 * rank))))


def _conv(attributes: dict[str, Any], x: Any, kernel: Any) -> Any:
    rank = x.ndim - 2
    return convpad.conv(
        x,
        np.moveaxis(kernel, (0, 1), (-1, -2)),
        strides=_per_axis(attributes.get("strides", [1] * rank)),
        dilation_rate=_per_axis(attributes.get("dilations", [1] * rank)),
        groups=attributes.get("group", 1),
        padding=_padding(attributes, rank),
        data_format="channels_first",
    )


def _conv_transpose(attributes: dict[str, Any], x: Any, kernel: Any) -> Any:
    rank, groups = x.ndim - 2, attributes.get("group", 1)
    strides = attributes.get("strides", [1] * rank)
    dilations = attributes.get("dilations", [1] * rank)
    padding: Any = _padding(attributes, rank)
    more: list[int] | None = attributes.get("output_padding", [0] * rank)
    if "output_shape" in attributes:
        # ONNX's own formula: what the shape leaves of the full size is cropped; what it lacks is added after.
        spans = [(k - 1) * d + 1 for k, d in zip(kernel.shape[2:], dilations, strict=True)]
        full = [s * (n - 1) + extra + span for s, n, extra, span in zip(strides, x.shape[2:], more, spans, strict=True)]
        excess = [size - size_out for size, size_out in zip(full, attributes["output_shape"], strict=True)]
        more = [extra + max(-e, 0) for extra, e in zip(more, excess, strict=True)]
        padding = _per_axis([(max(e, 0) // 2, max(e, 0) - max(e, 0) // 2) for e in excess])
    elif padding in ("same", "same_lower"):
        more = None  # input * stride, as here
    # ONNX's kernel is (channels, filters of a group, *window); here each group reads its own channels.
    window = np.moveaxis(kernel, (0, 1), (-1, -2))
    return convpad.conv_transpose(
        x,
        window,
        strides=_per_axis(strides),
        dilation_rate=_per_axis(dilations),
        groups=groups,
        padding=padding,
        output_padding=None if more is None else _per_axis(more),
        data_format="channels_first",
    )


def _pad(attributes: dict[str, Any], x: Any, pads: Any, value: Any = None, axes: Any = None) -> Any:
    pairs = [(0, 0)] * x.ndim
    for axis, pair in zip(range(x.ndim) if axes is None else axes.tolist(), _pairs(pads.tolist()), strict=True):
        pairs[axis] = pair
    if any(amount < 0 for pair in pairs for amount in pair):
        raise NoWordError("it takes values away")
    mode = MODES[attributes.get("mode", b"constant").decode()]
    if mode == 0 and value is not None:
        mode = value.item()
    # Every axis of the array is a spatial one.
    return convpad.pad(x[None, ..., None], tuple(pairs), mode)[0, ..., 0]


def _ceiled(size: int, window: int, stride: int, pair: tuple[int, int]) -> tuple[int, int]:
    """The padding with which the last, incomplete window counts, if it starts inside the axis or before it."""
    padded = size + sum(pair)
    lacks = -(padded - window) % stride
    starts = padded + lacks - window
    return (pair[0], pair[1] + lacks) if starts < size + pair[0] else pair


def _pool(attributes: dict[str, Any], x: Any, maximum: bool) -> Any:
    rank, window = x.ndim - 2, attributes["kernel_shape"]
    strides = attributes.get("strides", [1] * rank)
    padding = _padding(attributes, rank)
    counted = attributes.get("count_include_pad", 0)
    if any(d != 1 for d in attributes.get("dilations", [])):
        raise NoWordError(HOLES)
    if attributes.get("ceil_mode", 0):
        pairs = _pairs(attributes.get("pads", [0] * (2 * rank)))
        ceiled = [_ceiled(*row) for row in zip(x.shape[2:], window, strides, pairs, strict=True)]
        if counted and ceiled != pairs:
            raise NoWordError("a side that counts in part")
        padding = _per_axis(ceiled)
    pool = convpad.max_pool if maximum else convpad.average_pool
    return pool(
        x,
        _per_axis(window),
        strides=_per_axis(strides),
        padding=padding,
        padding_mode="zeros" if counted else "ignore",
        data_format="channels_first",
    )


def _answer(case: Any) -> Any:
    (node,) = case.model.graph.node
    if len(node.output) > 1:
        raise NoWordError(INDICES)
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    tensors = dict(zip([name for name in node.input if name], case.data_sets[0][0], strict=True))
    inputs = [tensors.get(name) for name in node.input]
    if node.op_type in ("MaxPool", "AveragePool"):
        return _pool(attributes, *inputs, maximum=node.op_type == "MaxPool")
    return {"Conv": _conv, "ConvTranspose": _conv_transpose, "Pad": _pad}[node.op_type](attributes, *inputs)


@pytest.mark.parametrize("name", [name for name in CASES if name not in LEFT_OUT])
def test_node(name: str) -> None:
    case = CASES[name]
    got, want = _answer(case), case.data_sets[0][1][0]
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=case.rtol, atol=1e-6)


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_has_no_word(name: str) -> None:
    with pytest.raises(NoWordError, match=LEFT_OUT[name]):
        _answer(CASES[name])


def test_all_of_onnxs_cases_are_here() -> None:
    assert {case.model.graph.node[0].op_type for case in CASES.values()} == set(OPERATORS)
    assert len(CASES) - len(LEFT_OUT) >= 49
    assert set(LEFT_OUT) <= set(CASES)


def test_the_run_can_fail() -> None:
    # The same case with ONNX's other SAME gives another answer.
    case = CASES["test_conv_with_autopad_same"]
    attributes = {"auto_pad": b"SAME_UPPER", "strides": [2, 2]}
    x, kernel = np.pad(case.data_sets[0][0][0], ((0, 0), (0, 0), (0, 1), (0, 1))), case.data_sets[0][0][1]
    lower = {**attributes, "auto_pad": b"SAME_LOWER"}
    assert not np.allclose(_conv(attributes, x, kernel), _conv(lower, x, kernel))
    assert _ceiled(4, 3, 2, (0, 0)) == (0, 1)
    assert _ceiled(2, 1, 2, (0, 0)) == (0, 0)
    assert _ceiled(5, 3, 2, (1, 1)) == (1, 1)
    with pytest.raises(NoWordError, match="takes values away"):
        _pad({}, np.ones((2, 2)), np.array([0, -1, 0, 0]))
