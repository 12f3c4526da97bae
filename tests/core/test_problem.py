"""Problems: shapes, windows and refusals, before there is any tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import OPS as OPERATIONS
from cases import Case, cases
from hypothesis import given, settings
from hypothesis import strategies as st

import convpad
from convpad.core.amounts import AMOUNTS, explicit
from convpad.core.errors import PaddingError, ShapeError
from convpad.core.modes import MODES
from convpad.core.operation import OPS, POOLS, Operation
from convpad.core.padding import Padding
from convpad.core.problem import (
    Problem,
    absorb_overhang,
    known_shape,
    make_problem,
    pad_problem,
    parse_problem,
    rank_of,
)
from convpad.core.window import Window

pytestmark = pytest.mark.needs("numpy")

ZEROS, REFLECT = MODES["zeros"], MODES["reflect"]


def _posed(
    op: str, shape: tuple[Any, ...], kernel: Any, padding: Any = "valid", mode: Any = "zeros", **options: Any
) -> Problem:
    return parse_problem(op, shape, kernel, Padding.parse(padding, mode, rank=len(shape) - 2), **options)


# op, input, kernel, options -> output
SHAPES = [
    ("conv", (2, 9, 3), (4, 3, 5), {}, (2, 6, 5)),
    ("conv", (2, 9, 3), (4, 3, 5), {"padding": "same"}, (2, 9, 5)),
    ("conv", (2, 9, 3), (4, 3, 5), {"padding": "same", "strides": 2}, (2, 5, 5)),
    ("conv", (2, 9, 3), (4, 3, 5), {"padding": "full", "dilation_rate": 2}, (2, 15, 5)),
    ("conv", (2, 9, 8, 6), (4, 3, 3, 4), {"groups": 2, "strides": (1, 2)}, (2, 6, 3, 4)),
    ("conv", (2, 6, 9, 8), (4, 3, 3, 4), {"groups": 2, "data_format": "channels_first"}, (2, 4, 6, 6)),
    ("conv", (None, 9, None, 3), (2, 2, 3, 4), {}, (None, 8, None, 4)),
    ("conv", (None, None, None), (2, 3, 4), {"padding": "same"}, (None, None, 4)),
    ("conv", (1, None, 9), (2, 4, 4), {"data_format": "channels_first"}, (1, 4, 8)),
    ("conv", (0, 9, 3), (4, 3, 5), {}, (0, 6, 5)),
    ("conv", (1, 4, 4, 4, 2), (2, 3, 4, 2, 1), {"padding": (0, 1, (0, 2))}, (1, 3, 4, 3, 1)),
    ("depthwise_conv", (1, 9, 9, 3), (3, 3, 3, 2), {"strides": (2, 1)}, (1, 4, 7, 6)),
    ("depthwise_conv", (1, 9, 9, None), (3, 3, 3, 2), {}, (1, 7, 7, 6)),
    ("separable_conv", (1, 9, 3), (3, 3, 2), {"pointwise_shape": (1, 6, 7)}, (1, 7, 7)),
    ("separable_conv", (1, 9, 8, 3), (3, 3, 3, 2), {"pointwise_shape": (1, 1, 6, 7)}, (1, 7, 6, 7)),
    ("conv_transpose", (1, 5, 3), (3, 4, 3), {}, (1, 7, 4)),
    ("conv_transpose", (1, 5, 3), (3, 4, 3), {"strides": 2, "padding": "same"}, (1, 10, 4)),
    ("conv_transpose", (1, 5, 3), (3, 4, 3), {"strides": 2, "padding": "same", "output_padding": 0}, (1, 9, 4)),
    (
        "conv_transpose",
        (1, 5, 6, 4),
        (3, 2, 4, 4),
        {"strides": (2, 3), "output_padding": (1, 2), "groups": 2},
        (1, 12, 19, 8),
    ),
    ("conv_transpose", (1, None, 3), (3, 4, 3), {"strides": 2}, (1, None, 4)),
    ("max_pool", (1, 9, 3), 3, {"strides": 3}, (1, 3, 3)),
    ("max_pool", (1, 3, 9), 3, {"strides": 2, "data_format": "channels_first"}, (1, 3, 4)),
    ("max_pool", (None, 9, 8, None), (3, 2), {"strides": 1}, (None, 7, 7, None)),
    ("max_pool", (None, 9, 8, None), (3, 2), {"strides": None}, (None, 3, 4, None)),
    ("average_pool", (1, 9, 9, 3), (2, 3), {"padding": ((1, 0), 1), "strides": 1}, (1, 9, 9, 3)),
]


@pytest.mark.parametrize(("op", "shape", "kernel", "options", "output"), SHAPES)
def test_output_shapes(op: str, shape: tuple[Any, ...], kernel: Any, options: dict[str, Any], output: Any) -> None:
    problem = _posed(op, shape, kernel, **options)
    assert problem.output_shape == output
    assert problem.input_shape == shape
    assert problem.op == op
    assert problem.rank == len(shape) - 2
    assert problem.groups == options.get("groups", 1)
    assert problem.channels_last == (options.get("data_format", "channels_last") == "channels_last")


def test_what_every_operation_takes() -> None:
    steps = ("strides", "dilation_rate", "data_format")
    assert {
        "conv": (*steps, "groups"),
        "depthwise_conv": steps,
        "separable_conv": steps,
        "conv_transpose": (*steps, "groups", "output_padding"),
        "max_pool": ("strides", "dilation_rate", "ceil_mode", "data_format"),
        "average_pool": ("strides", "dilation_rate", "ceil_mode", "data_format"),
    } == OPS
    assert POOLS == ("max_pool", "average_pool")


def test_every_operation_has_a_row() -> None:
    assert tuple(OPS) == OPERATIONS == tuple(dict.fromkeys(row[0] for row in SHAPES))


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=60)
@given(data=st.data())
def test_computed_shapes_are_the_oracles(op: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(op))
    assert case.call(*case.arrays).shape == case.problem().output_shape


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=60)
@given(data=st.data())
def test_what_is_unknown_stays_unknown_and_the_rest_is_the_same(op: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(op))
    known = case.problem()
    hidden = data.draw(st.sets(st.sampled_from(range(len(known.input_shape)))))
    shape = tuple(None if axis in hidden else size for axis, size in enumerate(known.input_shape))
    options = {k: v for k, v in case.options.items() if k not in ("padding", "padding_mode", "pool_size")}
    pointwise = case.shapes[2] if op == "separable_conv" else ()
    kernel = case.options["pool_size"] if "pool" in op else case.shapes[1]
    problem = parse_problem(op, shape, kernel, case.padding(), pointwise_shape=pointwise, **options)
    for axis, (found, want) in enumerate(zip(problem.output_shape, known.output_shape, strict=True)):
        unknown = axis in hidden and (axis != known.channel_axis or "pool" in op)
        assert found == (None if unknown else want)
    for found, want in zip(problem.windows, known.windows, strict=True):
        assert found.before in (None, want.before)
        assert found.after in (None, want.after)
    assert problem.leftovers == known.leftovers


def test_a_problem_says_all_that_was_asked() -> None:
    problem = _posed(
        "conv",
        (2, 9, 8, 6),
        (4, 3, 3, 4),
        ((1, 2), "same"),
        ("reflect", ("zeros", 5)),
        strides=(1, 2),
        dilation_rate=(2, 3),
        groups=2,
    )
    assert problem == Problem(
        op="conv",
        input_shape=(2, 9, 8, 6),
        output_shape=(2, 6, 4, 4),
        windows=(Window(9, 4, 1, 2, 1, 2), Window(8, 3, 2, 3, 2, 3)),
        modes=((REFLECT, REFLECT), (ZEROS, MODES["constant"])),
        groups=2,
        channels_last=True,
        amounts=(explicit(1, 2), AMOUNTS["same"]),
        leftovers=(),
        kernel_shape=(4, 3, 3, 4),
    )
    assert hash(problem)
    assert problem.taps == 12
    assert problem.axes == range(1, 3)
    assert problem.channel_axis == 3


def test_a_problem_with_the_channels_first() -> None:
    problem = _posed("max_pool", (2, 6, 9, 8, 7), (2, 3, 4), strides=2, data_format="channels_first")
    assert problem.axes == range(2, 5)
    assert problem.channel_axis == 1
    assert problem.taps == 24
    assert [window.size for window in problem.windows] == [9, 8, 7]


def test_a_transposed_problem_holds_the_forward_windows() -> None:
    problem = _posed(
        "conv_transpose", (1, 5, 4, 3), (3, 1, 2, 3), ("same", "half"), strides=(2, 3), output_padding=(1, 2)
    )
    assert problem.windows == (Window(10, 3, 2, 1, 0, 1), Window(12, 1, 3, 1, 0, 0))
    assert problem.leftovers == (0, 2)
    assert problem.output_shape == (1, 10, 12, 2)
    # One number serves all axes, and none is Keras's choice.
    one = _posed("conv_transpose", (1, 5, 4, 3), (3, 1, 2, 3), strides=2, output_padding=1)
    assert [window.size for window in one.windows] == [12, 8]
    assert _posed("conv_transpose", (1, 5, 3), (3, 4, 3), strides=3, output_padding=2).output_shape == (1, 17, 4)


def test_a_padding_of_another_rank_is_no_padding() -> None:
    two = Padding.parse(1, rank=2)
    with pytest.raises(ValueError):
        parse_problem("conv", (1, 8, 2), (3, 2, 1), two)
    with pytest.raises(ValueError):
        pad_problem((1, 8, 2), two)


def test_arguments_have_defaults() -> None:
    padding = Padding.parse("valid", rank=1)
    assert parse_problem("conv", [1, 5, 2], [3, 2, 1], padding) == parse_problem(
        "conv", (1, 5, 2), (3, 2, 1), padding, strides=1, dilation_rate=1, groups=1, data_format="channels_last"
    )


PADS = [
    ((2, 4, 3), 1, "zeros", "channels_last", (2, 6, 3)),
    ((2, 4, 3), (0, 5), "reflect", "channels_last", (2, 9, 3)),
    ((2, 3, 4, 5), ((1, 0), 2), "circular", "channels_first", (2, 3, 5, 9)),
    ((None, None, 4, None), 1, "reflect", "channels_last", (None, None, 6, None)),
    ((1, 0, 2), 2, "zeros", "channels_last", (1, 4, 2)),
    ((1, 0, 2), (0, 2), ("reflect", 0), "channels_last", (1, 2, 2)),
    ((1, 0, 2), 0, "reflect", "channels_last", (1, 0, 2)),
    ((0, 3, 0), 1, "reflect", "channels_last", (0, 5, 0)),
    ((1, 2, 2, 2, 2, 2, 1), 1, "symmetric", "channels_last", (1, 4, 4, 4, 4, 4, 1)),
]


@pytest.mark.parametrize(("shape", "amount", "mode", "data_format", "output"), PADS)
def test_padding_alone(shape: Any, amount: Any, mode: Any, data_format: str, output: Any) -> None:
    padding = Padding.parse(amount, mode, rank=len(shape) - 2)
    problem = pad_problem(shape, padding, data_format)
    assert problem.output_shape == output
    assert (problem.op, problem.input_shape, problem.groups) == ("pad", shape, 1)
    assert problem.channels_last == (data_format == "channels_last")
    assert problem.modes == padding.modes
    assert problem.amounts == padding.amounts
    assert problem.leftovers == ()
    assert all((w.kernel, w.stride, w.dilation) == (1, 1, 1) for w in problem.windows)
    assert tuple((w.before, w.after) for w in problem.windows) == tuple(a.pair for a in padding.amounts)
    if None not in shape:
        assert convpad.pad(np.zeros(shape), amount, mode, data_format=data_format).shape == output


def test_padding_is_channels_last_unless_told() -> None:
    assert pad_problem((1, 2, 3), Padding.parse(1, rank=1)).output_shape == (1, 4, 3)


@pytest.mark.parametrize(("shape", "rank"), [((1, 2, 3), 1), ([1, None, None, 3], 2), ((1,) * 9, 7)])
def test_rank_of(shape: Any, rank: int) -> None:
    assert rank_of(shape) == rank


NOT_AN_INPUT = (
    "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape {}. Add the "
    "missing axes, of size 1."
)
KERNEL_AXES = (
    "A kernel must have {}, like the input, and two for channels. Received: a {} of shape {} for an input with {}."
)
LAYOUT = "The kernel must be of shape {}. Received: a kernel of shape {}{} for an input of {} channels. That kernel reads {}."
TORCH_ORDER = " PyTorch's order is another: a kernel of a torch.nn layer fits after `kernel.permute({})`."
DIVIDE = "The groups must divide {}, the kernel's last axis. Received: groups={}."
POINTWISE = "The pointwise kernel must be of shape {}. Received: {}."

REFUSED = [
    # error, text, op, shape, kernel, options
    (ShapeError, NOT_AN_INPUT.format("(1, 2)"), "conv", [1, 2], (1, 1, 1), {"rank": 1}),
    (
        ShapeError,
        KERNEL_AXES.format("one window axis", "kernel", "(3, 3, 1, 1)", "1 spatial axis"),
        "conv",
        (1, 5, 1),
        (3, 3, 1, 1),
        {},
    ),
    (
        ShapeError,
        KERNEL_AXES.format("2 window axes", "kernel", "(3, 1, 1)", "2 spatial axes"),
        "conv_transpose",
        (1, 5, 5, 1),
        [3, 1, 1],
        {},
    ),
    (
        ShapeError,
        "A kernel must hold at least one value on every axis. Received: a kernel of shape (3, 1, 0).",
        "conv",
        (1, 5, 1),
        (3, 1, 0),
        {},
    ),
    (
        ShapeError,
        LAYOUT.format("(*window, channels // groups, filters)", "(3, 2, 4)", " with groups=2", 3, 4),
        "conv",
        (1, 5, 3),
        (3, 2, 4),
        {"groups": 2},
    ),
    (
        ShapeError,
        LAYOUT.format("(*window, filters // groups, channels)", "(3, 3, 4)", "", 3, 4) + TORCH_ORDER.format("2, 1, 0"),
        "conv_transpose",
        (1, 5, 3),
        (3, 3, 4),
        {},
    ),
    (
        ShapeError,
        LAYOUT.format("(*window, channels, depth_multiplier)", "(3, 1, 7)", "", 3, 1) + TORCH_ORDER.format("2, 0, 1"),
        "depthwise_conv",
        (1, 9, 3),
        (3, 1, 7),
        {},
    ),
    (
        ShapeError,
        LAYOUT.format("(*window, channels // groups, filters)", "(8, 2, 3, 5)", " with groups=2", 4, 6)
        + TORCH_ORDER.format("2, 3, 1, 0"),
        "conv",
        (1, 9, 9, 4),
        (8, 2, 3, 5),
        {"groups": 2},
    ),
    (
        ShapeError,
        LAYOUT.format("(*window, channels, depth_multiplier)", "(3, 2, 4)", "", 3, 2),
        "depthwise_conv",
        (1, 5, 3),
        (3, 2, 4),
        {},
    ),
    (ShapeError, DIVIDE.format(3, 2), "conv", (1, 5, 4), (3, 2, 3), {"groups": 2}),
    (ShapeError, DIVIDE.format(3, 2), "conv_transpose", (1, 5, 3), (3, 2, 3), {"groups": 2}),
    (
        ShapeError,
        POINTWISE.format("(1, 6, filters)", "(1, 5, 7)"),
        "separable_conv",
        (1, 5, 3),
        (3, 3, 2),
        {"pointwise_shape": (1, 5, 7)},
    ),
    (
        ShapeError,
        POINTWISE.format("(1, 1, 6, filters)", "(3, 1, 6, 7)"),
        "separable_conv",
        (1, 5, 5, 3),
        (3, 3, 3, 2),
        {"pointwise_shape": (3, 1, 6, 7)},
    ),
    (
        ShapeError,
        KERNEL_AXES.format("one window axis", "pointwise_kernel", "()", "1 spatial axis"),
        "separable_conv",
        (1, 5, 3),
        (3, 3, 2),
        {},
    ),
    (
        PaddingError,
        "`data_format` must be 'channels_last' or 'channels_first'. Received: 'NHWC'.",
        "conv",
        (1, 5, 3),
        (3, 3, 2),
        {"data_format": "NHWC"},
    ),
    (
        PaddingError,
        "`output_padding` must be less than the stride, 2. Received: 2. It tells apart the sizes that one stride makes equal.",
        "conv_transpose",
        (1, 5, 5, 3),
        (3, 3, 2, 3),
        {"strides": (3, 2), "output_padding": 2},
    ),
    (
        PaddingError,
        "`output_padding` must be an int of at least 0. Received: -1.",
        "conv_transpose",
        (1, 5, 3),
        (3, 2, 3),
        {"output_padding": -1},
    ),
    (PaddingError, "`groups` must be a positive int. Received: 0.", "conv", (1, 5, 3), (3, 3, 2), {"groups": 0}),
    (PaddingError, "`strides` must be a positive int. Received: 0.", "conv", (1, 5, 3), (3, 3, 2), {"strides": 0}),
    (
        PaddingError,
        "`dilation_rate` must be a positive int. Received: 0.",
        "conv",
        (1, 5, 3),
        (3, 3, 2),
        {"dilation_rate": 0},
    ),
    (PaddingError, "`pool_size` must be a positive int. Received: 0.", "average_pool", (1, 5, 3), 0, {}),
    (
        PaddingError,
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 3 channels.",
        "average_pool",
        (1, 5, 3),
        2,
        {"mode": convpad.Constant([1, 2])},
    ),
    (
        ShapeError,
        (
            "The window must fit into the padded axis. Received: spatial axis 1 of size 2, padded by (0, 0), with a window "
            "that spans 3. Pad more, or use a smaller window."
        ),
        "max_pool",
        (1, 5, 2, 3),
        3,
        {},
    ),
    (
        ShapeError,
        (
            "A transposed convolution must have something to give. Received: spatial axis 1 of size 1, which would become 0. "
            "Pad less, or use a larger kernel."
        ),
        "conv_transpose",
        (1, 5, 1, 3),
        (2, 2, 2, 3),
        {"padding": (0, 1)},
    ),
]


@pytest.mark.parametrize(("error", "text", "op", "shape", "kernel", "options"), REFUSED)
def test_refused(error: type, text: str, op: str, shape: Any, kernel: Any, options: dict[str, Any]) -> None:
    options = dict(options)
    rank = options.pop("rank", len(shape) - 2)
    padding = Padding.parse(options.pop("padding", "valid"), options.pop("mode", "zeros"), rank=rank)
    with pytest.raises(PaddingError) as refusal:
        parse_problem(op, shape, kernel, padding, **options)
    assert str(refusal.value) == text
    assert type(refusal.value) is error


def test_a_transposed_convolution_has_the_constants_of_the_forward_one() -> None:
    # Its filters are the channels that the forward convolution reads.
    four = convpad.Constant([1, 2, 3, 4])
    assert _posed("conv_transpose", (1, 5, 3), (3, 4, 3), 1, four).output_shape == (1, 5, 4)
    with pytest.raises(PaddingError, match=r"Received: 2 for 4 channels\.$"):
        _posed("conv_transpose", (1, 5, 3), (3, 4, 3), 1, convpad.Constant([1, 2]))


PAD_REFUSED = [
    (
        PaddingError,
        (
            "`padding_mode` must have values. Received: 'ignore'. It has no values to pad with: use it as the padding_mode "
            "of a convolution or a pool."
        ),
        (1, 5, 5, 3),
        1,
        ("zeros", ("zeros", "ignore")),
    ),
    (
        ShapeError,
        (
            "An empty axis has nothing to copy. Received: spatial axis 1 of size 0 with padding_mode 'circular'. Pad it "
            "with 'zeros' or a constant."
        ),
        (1, 5, 0, 3),
        (0, (0, 1)),
        ("reflect", ("zeros", "circular")),
    ),
    (
        PaddingError,
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 3 channels.",
        (1, 5, 3),
        1,
        convpad.Constant([1, 2]),
    ),
]


@pytest.mark.parametrize(("error", "text", "shape", "amount", "mode"), PAD_REFUSED)
def test_padding_alone_refused(error: type, text: str, shape: Any, amount: Any, mode: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        pad_problem(shape, Padding.parse(amount, mode, rank=len(shape) - 2))
    assert str(refusal.value) == text
    assert type(refusal.value) is error


def test_what_a_shape_is() -> None:
    assert known_shape("x", [np.int64(1), None, 3]) == (1, None, 3)
    assert known_shape("x", range(3)) == (0, 1, 2)
    assert all(type(size) is int for size in known_shape("x", np.array([1, 2])))


@pytest.mark.parametrize("shape", [3, None, "123", {1: 2}, {1, 2, 3}])
def test_what_is_no_shape(shape: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        known_shape("kernel", shape)
    assert str(refusal.value) == f"`kernel` must have a shape: one int or None for each axis. Received: {shape!r}."


@pytest.mark.parametrize("size", [-1, 1.5, "2", True])
def test_what_is_no_size(size: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        known_shape("kernel", (1, size))
    assert str(refusal.value) == f"`kernel.shape` must be an int of at least 0. Received: {size!r}."


@pytest.mark.parametrize(
    ("op", "kernel", "pointwise", "name"),
    [("conv", 3, (), "kernel"), ("separable_conv", (2, 2, 1), 3, "pointwise_kernel")],
)
def test_what_has_no_shape_is_named(op: str, kernel: Any, pointwise: Any, name: str) -> None:
    padding = Padding.parse(1, rank=1)
    with pytest.raises(PaddingError, match=f"^`{name}` must have a shape"):
        parse_problem(op, (1, 8, 2), kernel, padding, pointwise_shape=pointwise)
    with pytest.raises(PaddingError, match="^`x` must have a shape"):
        parse_problem(op, 3, kernel, padding)
    with pytest.raises(PaddingError, match="^`x` must have a shape"):
        pad_problem(3, padding)


def test_the_shape_of_a_kernel_is_known() -> None:
    with pytest.raises(ShapeError, match=r"Received: a kernel of shape \(None, 2, 1\)\.$"):
        parse_problem("conv", (1, 8, 2), (None, 2, 1), Padding.parse(1, rank=1))


@pytest.mark.parametrize(
    ("op", "channels", "kernel", "filters"),
    [
        ("conv", None, (3, None, 8), 8),
        ("conv", 4, (3, None, None), None),
        ("conv", 4, (3, 4, None), None),
        ("depthwise_conv", None, (3, None, 2), None),
        ("depthwise_conv", 4, (3, None, 2), 8),
        ("depthwise_conv", None, (3, 4, 2), 8),
        ("conv_transpose", None, (3, 8, None), 8),
        ("max_pool", None, 3, None),
    ],
)
def test_channels_may_be_unknown(op: str, channels: Any, kernel: Any, filters: Any) -> None:
    assert parse_problem(op, (None, 9, channels), kernel, Padding.parse("half", rank=1)).output_shape == (
        None,
        9,
        filters,
    )


def test_pointwise_channels_may_be_unknown() -> None:
    padding, kernel = Padding.parse("half", rank=1), (3, None, 2)
    for pointwise, filters in (((1, None, 5), 5), ((1, 8, None), None)):
        asked = parse_problem("separable_conv", (1, 9, None), kernel, padding, pointwise_shape=pointwise)
        assert asked.output_shape == (1, 9, filters)
    with pytest.raises(ShapeError, match="The pointwise kernel must be of shape"):
        parse_problem("separable_conv", (1, 9, 4), kernel, padding, pointwise_shape=(1, 9, 5))


@pytest.mark.parametrize("size", range(1, 13))
@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("pair", [(0, 0), (1, 1), (2, 0), (0, 4), (3, 5)])
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (2, 1), (3, 1), (2, 3), (3, 2)])
def test_windows_rounded_up_are_counted(
    size: int, stride: int, pair: tuple[int, int], kernel: int, dilation: int
) -> None:
    """Against the text of PyTorch and ONNX: a last window may hang over, and is dropped if it begins beyond."""
    before, after = pair
    span = (kernel - 1) * dilation + 1
    count = -(-(size + before + after - span) // stride) + 1
    if (count - 1) * stride >= size + before:
        count -= 1
    if count < 1:
        with pytest.raises(ShapeError):
            parse_problem(
                "max_pool",
                (1, size, 1),
                kernel,
                Padding.parse(pair, rank=1),
                strides=stride,
                dilation_rate=dilation,
                ceil_mode=True,
            )
        return
    asked = parse_problem(
        "max_pool",
        (1, size, 1),
        kernel,
        Padding.parse(pair, "ignore", rank=1),
        strides=stride,
        dilation_rate=dilation,
        ceil_mode=True,
    )
    assert asked.output_shape == (1, count, 1)
    plain = absorb_overhang(asked)
    assert plain.output_shape == asked.output_shape == (1, plain.windows[0].output, 1)
    assert not plain.windows[0].ceil
    assert plain.windows[0].overhang == 0


def test_an_overhang_beyond_padding_that_counts_is_kept() -> None:
    asked = parse_problem("average_pool", (1, 6, 1), 3, Padding.parse(1, "zeros", rank=1), strides=3, ceil_mode=True)
    assert asked.windows[0].overhang == 1
    assert absorb_overhang(asked).windows == asked.windows
    assert asked.renormalises


def test_ceil_mode_is_true_or_false() -> None:
    with pytest.raises(PaddingError, match="^`ceil_mode` must be True or False. Received: 1.$"):
        parse_problem("max_pool", (1, 6, 1), 3, Padding.parse(1, "zeros", rank=1), ceil_mode=1)


def test_padding_alone_counts_the_channels_where_they_are() -> None:
    padding = Padding.parse(1, convpad.Constant([1, 2]), rank=1)
    assert pad_problem((1, 2, 5), padding, "channels_first").output_shape == (1, 2, 7)
    with pytest.raises(
        PaddingError, match=r"^`data_format` must be 'channels_last' or 'channels_first'\. Received: None\.$"
    ):
        pad_problem((1, 2, 5), padding, None)


# Of 6 values, padded by 1 on both sides, windows of 3 at every third: one value is missing after them. `size` None: open.
OVERHANGS = [
    # modes, amounts, size of the first axis -> the amounts after, and whether the axis still rounds up
    (("ignore", "ignore"), (1, 1), 6, [(2, False), (2, False)]),
    (("zeros", "ignore"), (1, 1), 6, [(1, True), (2, False)]),
    (("ignore", "zeros"), (1, 1), 6, [(1, True), (1, True)]),  # at the corner the zeros of the later axis would count
    (("ignore", "reflect"), (1, 1), 6, [(2, False), (1, True)]),  # but its copies are not counted where they copy none
    (("ignore", "zeros"), (1, (1, 0)), 6, [(1, True), (2, False)]),
    (("ignore", "zeros"), (1, 0), 6, [(2, False), (0, False)]),  # nothing of the later axis is padded
    (("ignore", "ignore"), (1, 1), None, [(1, True), (2, False)]),
    (("ignore", "ignore"), (2, 1), 5, [(2, False), (2, False)]),  # nothing is missing: the last window is complete
]


@pytest.mark.parametrize(("modes", "amounts", "size", "expected"), OVERHANGS)
def test_an_overhang_is_absorbed_where_ignored_padding_can_say_it(
    modes: Any, amounts: Any, size: int | None, expected: Any
) -> None:
    padding = Padding.parse(amounts, modes, rank=2)
    asked = parse_problem("average_pool", (1, size, 6, 1), 3, padding, strides=3, ceil_mode=True)
    plain = absorb_overhang(asked)
    assert [(window.after, window.ceil) for window in plain.windows] == expected
    for axis, (window, new) in enumerate(zip(asked.windows, plain.windows, strict=True)):
        changed = (new.after or 0) > (window.after or 0)
        assert plain.modes[axis] == (asked.modes[axis][0], MODES["ignore"] if changed else asked.modes[axis][1])


def test_padding_that_only_a_dropped_window_would_read_is_dropped() -> None:
    padding = Padding.parse(((1, 2),), "ignore", rank=1)
    asked = parse_problem("max_pool", (1, 5, 1), 2, padding, strides=3, ceil_mode=True)
    plain = absorb_overhang(asked)
    assert asked.output_shape == plain.output_shape == (1, 2, 1)
    assert (asked.windows[0].after, plain.windows[0].after) == (2, 1)  # with 2, a third window would fit


def test_the_axes_of_an_input_are_named_where_they_are_too_few() -> None:
    said = r"^The input must have 4 axes: batch, 2 spatial and channels. Received: shape \(1, 8, 3\).$"
    with pytest.raises(ShapeError, match=said):
        make_problem(Operation.parse("conv", 2, padding="valid"), (1, 8, 3), (3, 3, 3, 4))


def test_amounts_are_0_where_they_are_unknown() -> None:
    asked = _posed("conv", (1, None, 8, 3), (3, 3, 3, 4), "same", strides=2)
    assert (asked.windows[0].before, asked.windows[0].after) == (None, None)
    assert asked.pads[0] == (0, 0)
    assert not asked.is_static
