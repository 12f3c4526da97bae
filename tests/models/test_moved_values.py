"""Values that are moved by hand: the padding that they are, and what is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import convpad
from convpad.core.modes import MODES
from convpad.models.readers import read
from convpad.models.readers.movement import Movement, copied, filled, regrouped
from convpad.models.readers.recognition import evenly_taken, recognise
from convpad.models.readers.values import Values, combined

pytestmark = pytest.mark.needs("numpy", "torch")


@pytest.mark.parametrize("mode", [mode for mode in MODES.values() if mode.copies_input])
@pytest.mark.parametrize("pair", [(2, 3), (0, 2), (1, 1), (4, 0)])
def test_every_mode_is_recognised(mode: Any, pair: tuple[int, int]) -> None:
    size = 5
    places = tuple((mode.terms(place, size), 0) for place in range(-pair[0], size + pair[1]))
    paddings = recognise(places, [mode.name])
    assert paddings is not None
    assert (paddings.part, len(places)) == (range(size), size + sum(pair))
    ((before, after),) = paddings.sides
    assert [side[0] for side in (before, after)] == list(pair)
    assert all(not side[0] or side[1][0] == mode.name for side in (before, after))


def test_what_is_no_padding_is_not_recognised() -> None:
    flipped, rolled = tuple(map(copied, range(5)[::-1])), tuple(map(copied, [4, 0, 1, 2, 3]))
    doubled = tuple(map(copied, [0, 0, 1, 1, 2, 2]))
    assert [recognise(places) for places in (flipped, rolled, doubled, (filled(0),) * 3)] == [None] * 4
    assert evenly_taken(tuple(map(copied, [1, 3, 5]))) == range(1, 6, 2)
    assert evenly_taken(rolled) is None


def test_several_paddings_are_taken_apart() -> None:
    places = (filled(0.0), filled(0.0), copied(1), *map(copied, range(4)), copied(2), filled(0.0), filled(0.0))
    paddings = recognise(places)
    assert paddings is not None
    assert [(before[0], before[1][0]) for before, _ in paddings.sides] == [(1, "reflect"), (2, "zeros")]


def test_steps_that_commute_are_in_one_order_and_others_in_theirs() -> None:
    tensor = Movement.start("x", (3, 4))
    edge = (copied(0), *map(copied, range(3)))
    zeros, ones = ((filled(value), *map(copied, range(4))) for value in (0, 1))
    assert tensor.moved(0, edge).moved(1, zeros) == tensor.moved(1, zeros).moved(0, edge)
    sevens = (filled(7), *map(copied, range(3)))
    assert tensor.moved(0, sevens).moved(1, ones) != tensor.moved(1, ones).moved(0, sevens)
    assert tensor.moved(0, (copied(1), copied(2), copied(0))).moved(0, (copied(2), copied(0), copied(1))) == tensor


def test_axes_that_are_merged_and_split_again_are_themselves() -> None:
    tensor = Movement.start("x", (2, 3, 4, 5))
    merged = regrouped(tensor, (6, 1, 4, 5))
    assert merged is not None
    back = regrouped(merged, (2, 3, 4, 5))
    assert back is not None
    assert back.axes == tensor.axes
    moved = merged.moved(merged.axes[2], (copied(3), *map(copied, range(4))))
    assert regrouped(moved, (6, 25)) is None


def test_constants_are_computed() -> None:
    run = Values.known((2, 3), range(6))
    assert run.take(1, [2, 0]).flat == (2, 0, 5, 3)
    assert run.permuted([1, 0]).flat == (0, 3, 1, 4, 2, 5)
    assert combined("add", run, Values.known((3,), [10, 20, 30])).flat == (10, 21, 32, 13, 24, 35)
    assert Values.known((1, 3), [1, 2, 3]).expanded((2, 3)).along(-1) == [1, 2, 3]  # pyright: ignore
    assert run.along(1) is None


# PyTorch


def torch_rows() -> list[Any]:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def assigned(x: Any, w: Any) -> Any:
        y = x.new_zeros(1, 3, 12, 13)
        y[..., 2:-2, 2:-2] = x
        return functional.conv2d(y, w)

    def without_gradient(x: Any, w: Any) -> Any:
        with torch.no_grad():
            return functional.conv2d(x, w, padding=2)

    def called(mode: Any) -> Any:
        return lambda x, w: convpad.conv(
            x, w.permute(2, 3, 1, 0), padding=2, padding_mode=mode, data_format="channels_first"
        )

    modes = ("symmetric", "reflect_odd", "symmetric_odd", "circular", "replicate", "reflect", "ignore")
    return [
        (assigned, ("zeros", "zeros")),
        (without_gradient, ("zeros", "zeros")),
        (lambda x, w: functional.conv2d(torch.cat([x[..., -2:], x, x[..., :2]], -1), w), (None, "circular")),
        *((called(mode), (mode, mode)) for mode in modes),
        (called(("reflect", "circular")), ("reflect", "circular")),
    ]


@pytest.mark.skipif("torch" not in __import__("frameworks").CHOSEN, reason="this process has no PyTorch")
@pytest.mark.filterwarnings("ignore")
def test_modules_that_pad_by_hand_or_by_convpad(tmp_path: Any) -> None:
    import torch

    class Net(torch.nn.Module):
        def __init__(self, function: Callable[..., Any]) -> None:
            super().__init__()
            self.function, self.weight = function, torch.nn.Parameter(torch.ones(4, 3, 5, 5))

        def forward(self, x: Any) -> Any:
            return self.function(x, self.weight)

    for function, modes in torch_rows():
        net, shape = Net(function), (1, 3, 8, 9)
        reading = read(net, shape)
        (window,) = reading.windows
        assert (reading.unsupported, reading.unattached) == ((), ())
        for fills, amounts, mode in zip(window.fills, window.amounts or (), modes, strict=True):
            assert amounts == ((2, 2) if mode else (0, 0))
            assert mode is None or [fill[0] for fill in fills] == [mode, mode]
        program = torch.export.export(net, (torch.ones(shape),), strict=False)
        torch.export.save(program, tmp_path / "net.pt2")
        assert read(program).windows == read(tmp_path / "net.pt2").windows == reading.windows
        assert convpad.compare(program, program.run_decompositions({})).agree
    other = [Net(rows[0]) for rows in torch_rows()[3:5]]
    assert not convpad.compare(*other, input_shape_a=shape, input_shape_b=shape).agree


@pytest.mark.skipif("torch" not in __import__("frameworks").CHOSEN, reason="this process has no PyTorch")
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_padding_is_said_with_the_reason() -> None:
    import torch

    functional = torch.nn.functional

    class Net(torch.nn.Module):
        def __init__(self, function: Callable[..., Any]) -> None:
            super().__init__()
            self.function, self.weight = function, torch.nn.Parameter(torch.ones(4, 3, 3, 3))
            self.register_buffer("past", torch.zeros(1, 3, 8, 2))

        def forward(self, x: Any) -> Any:
            return self.function(self, x)

    def streamed(net: Any, x: Any) -> Any:
        y = torch.cat([net.past, x], -1)
        net.past.copy_(x[..., -2:])
        return functional.conv2d(y, net.weight)

    def masked(net: Any, x: Any) -> Any:
        mask = torch.zeros(8, 8)
        mask[1:-1, 1:-1] = 1
        return functional.conv2d(x * mask, net.weight)

    def chosen(net: Any, x: Any) -> Any:
        pad = lambda x: functional.conv2d(x, net.weight, padding=1)  # noqa: E731
        return torch.cond(x.sum() > 0, pad, lambda x: 2 * pad(x), (x,))

    rows: list[tuple[Callable[..., Any], str]] = [
        (streamed, "it puts different tensors side by side"),
        (masked, "its constant depends on the place"),
        (chosen, "its branches depend on the input"),
        (lambda net, x: functional.conv2d(x.roll(1, -1), net.weight), "it moves values as no padding does"),
        (lambda net, x: torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(x)), "a transform of whole axes"),
        (lambda net, x: torch.einsum("bchw,wv->bchv", x, torch.eye(8).roll(1, 0)), "it mixes the values of an axis"),
        (lambda net, x: torch.maximum(x[..., 1:], x[..., :-1]), "it combines different places of a tensor"),
        (lambda net, x: x[..., 1:] - x[..., :-1], "it moves values as no padding does"),
        (lambda net, x: x.unfold(3, 3, 1).sum(-1), "windows as an axis"),
        (lambda net, x: functional.interpolate(x, scale_factor=2.0, mode="bilinear"), "it resamples"),
        (lambda net, x: functional.pad(x, (-1, 0)), "it crops"),
        (lambda net, x: functional.pad(x, (0, 0, 0, 0, 1, 0)), "it pads the channels or the batch"),
        (lambda net, x: functional.conv2d(functional.scaled_dot_product_attention(x, x, x), net.weight), "it mixes"),
    ]
    for function, reason in rows:
        assert any(reason in entry for entry in read(Net(function), (1, 3, 8, 8)).unsupported), reason


@pytest.mark.skipif("torch" not in __import__("frameworks").CHOSEN, reason="this process has no PyTorch")
@pytest.mark.filterwarnings("ignore")
def test_the_legacy_exporter_of_onnx_is_read_as_the_module() -> None:
    import io

    import torch

    onnx = pytest.importorskip("onnx")
    for mode in ("zeros", "reflect", "replicate", "circular"):
        net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=(1, 2), padding_mode=mode)).eval()
        for axes in (None, {"x": {2: "height", 3: "width"}}):
            file = io.BytesIO()
            torch.onnx.export(net, (torch.ones(1, 3, 8, 9),), file, dynamo=False, input_names=["x"], dynamic_axes=axes)
            model = onnx.load_from_string(file.getvalue())
            comparison = convpad.compare(net, model, input_shape_a=(1, 3, 8, 9))
            assert (comparison.agree, comparison.b.unsupported) == (True, ()), mode


# Comparisons

ONNX = """<ir_version: 8, opset_import: ["": 18]>
net (float[1, 3, {size}] x, float[4, 3, 3, 3] k{more}) => (float[1, c, a, b] y)
    <int64[8] p = {{0, 0, 1, 1, 0, 0, 1, 1}}> {{ {nodes} }}"""
SAME = [
    'y = Conv <strides = [2, 2], auto_pad = "SAME_UPPER"> (x, k)',
    "y = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, k)",
    'q = Pad <mode = "reflect"> (x, p) y = Conv <strides = [2, 2]> (q, k)',
    'q = Pad (x, p) y = Conv <strides = [2, 2], auto_pad = "SAME_LOWER"> (q, k)',
    "y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (x)",
    "y = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1> (x)",
]


def onnx_model(nodes: str, size: str = "8, 9", more: str = "") -> Any:
    onnx = pytest.importorskip("onnx")
    return onnx.parser.parse_model(ONNX.format(size=size, nodes=nodes, more=more))


@pytest.mark.parametrize("nodes", SAME)
def test_a_size_that_one_model_leaves_open_is_that_of_the_other(nodes: str) -> None:
    models = [onnx_model(nodes, size) for size in ("h, w", "8, 9")]
    assert convpad.compare(*models).agree
    assert convpad.compare(*reversed(models)).agree
    other = onnx_model(SAME[(SAME.index(nodes) + 1) % len(SAME)], "h, w")
    assert not convpad.compare(other, models[1]).agree


def test_comparisons_say_in_json_what_was_not_read() -> None:
    models = [onnx_model(SAME[1]), onnx_model("q = Pad (x, v) y = Conv (q, k)", more=", int64[8] v")]
    found = convpad.compare(*models).to_dict()
    assert found["unread_a"] == ()
    assert found["unread_b"] == ("q (Pad: its amounts are computed from the input)",)


def test_a_constant_that_the_model_does_not_tell_is_said() -> None:
    reading = read(onnx_model("q = Pad (x, p, v) y = Conv (q, k)", more=", float v"))
    assert reading.unsupported == ("q (Pad: its constant is trained or computed)",)
    assert reading.windows[0].amounts == ((1, 1), (1, 1))


def test_what_is_cut_off_ahead_of_a_window_is_told_apart() -> None:
    bounds = "<int64[1] s = {{{}}}, int64[1] e = {{{}}}, int64[1] axis = {{3}}>"
    texts = [
        ONNX.format(size="8, 9", more="", nodes="q = Slice (x, s, e, axis) y = Conv <pads = [1, 1, 1, 1]> (q, k)")
        .replace("<int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}>", bounds.format(*pair))
        .replace("{{", "{")
        .replace("}}", "}")
        for pair in ((0, 8), (1, 9))
    ]
    onnx = pytest.importorskip("onnx")
    comparison = convpad.compare(*map(onnx.parser.parse_model, texts))
    assert [pair.a.cuts for pair in comparison.pairs] == [((0, 0, 1), (0, 1, 1))]
    assert [pair.differs for pair in comparison.pairs] == [("(0, 0) cut off, (0, 1) cut off ahead of it, not "
                                                            "(0, 0) cut off, (1, 0) cut off",)]  # fmt: skip
