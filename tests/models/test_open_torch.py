"""PyTorch programs with open sizes: a window reads as the padding that it has at every size, or as unread."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import judge
import numpy as np
import pytest

import convpad
from convpad.models.readers import read
from convpad.models.readers.torch_sizes import computed

pytestmark = [pytest.mark.needs("torch"), pytest.mark.filterwarnings("ignore")]

import torch
import torch_models
from torch import nn
from torch.nn import functional as F  # noqa: N812

import convpad.torch as ours

SIZES = ((17, 14, 11), (18, 12, 10), (25, 23, 9), (30, 19, 13))
"""Sizes of axes: a model is exported with the first, and judged at all of them."""


def program(model: nn.Module, rank: int, *, is_open: bool = True) -> Any:
    axes = dict.fromkeys(range(2, rank + 2), torch.export.Dim.AUTO)
    example = torch.zeros(2, 4, *SIZES[0][:rank], dtype=torch.float64)
    model = model.double().eval()
    return torch.export.export(model, (example,), dynamic_shapes=((axes,) if is_open else None), strict=False)


def errors(model: nn.Module, reading: Any, rank: int, weight: Any = None, *, sizes: Any = SIZES) -> list[str]:
    """What is wrong in a reading, at every size."""
    kernel = None if weight is None else weight.detach().numpy()

    def run(x: Any) -> Any:
        with torch.no_grad():
            return model(torch.as_tensor(x)).numpy()

    inputs = [np.random.default_rng(seed).normal(size=(2, 4, *axes[:rank])) for seed, axes in enumerate(sizes)]
    found = [judge.single_error(run, reading, x, kernel) for x in inputs]
    return [error for error in found if error]


MODES: tuple[Any, ...] = (
    "zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 0.5,
)  # fmt: skip
ROWS: list[tuple[int, Any, Any, int]] = [
    *((1, mode, amount, stride) for mode in MODES for amount, stride in (((3, 1), 1), ("same", 2), ("same_lower", 3))),
    *((2, mode, "same", 2) for mode in MODES),
    (2, ("zeros", "circular"), 2, 1),
    (2, (("reflect", "zeros"), "replicate"), ((2, 1), (0, 2)), 2),
    (2, "circular", ("same", "half"), (2, 1)),
    (2, convpad.Constant([0.5, 1.0, -2.0, 0.0]), "full", 1),
    (1, "replicate", "causal", 2),
    *((3, mode, amount, 2) for mode in ("zeros", "circular", "reflect") for amount in ("same", 1)),
]


@pytest.mark.parametrize(("rank", "mode", "amount", "stride"), ROWS, ids=str)
def test_convolutions(rank: int, mode: Any, amount: Any, stride: Any) -> None:
    conv = getattr(ours, f"Conv{rank}d")(4, 3, 5, stride, amount, padding_mode=mode, bias=False)
    model = nn.Sequential(conv)
    reading = read(program(model, rank))
    assert (reading.unsupported, reading.unattached) == ((), ())
    (window,) = reading.windows
    assert (window.name, window.input, window.is_unread) == ("0", (None,) * rank, False)
    assert errors(model, reading, rank, conv.weight) == []


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", ["MaxPool", "AvgPool"])
@pytest.mark.parametrize(
    ("mode", "amount"), [("ignore", 1), ("ignore", "same"), ("zeros", "same"), ("circular", "same")]
)
def test_pools(name: str, rank: int, mode: str, amount: Any) -> None:
    model = nn.Sequential(getattr(ours, f"{name}{rank}d")(3, 2, amount, padding_mode=mode))
    reading = read(program(model, rank))
    if name == "AvgPool" and (mode, amount) == ("ignore", "same") and reading.unsupported:
        assert reading.windows[0].is_unread
        return
    assert (reading.unsupported, reading.unattached) == ((), ())
    assert errors(model, reading, rank) == []
    fills = {fill for pair in reading.windows[0].fills for fill in pair}
    assert fills == {(mode, None)}


TRANSPOSED: list[tuple[int, Any, Any]] = [
    *((1, mode, amount) for mode in MODES for amount in (2, ((2, 1),), "same")),
    *((2, mode, 1) for mode in ("reflect", "circular", ("zeros", "symmetric"), (("replicate", "zeros"), "reflect"))),
    (3, "circular", 1),
]


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "fixed"])
@pytest.mark.parametrize(("rank", "mode", "amount"), TRANSPOSED, ids=str)
def test_transposed_convolutions(rank: int, mode: Any, amount: Any, is_open: bool) -> None:
    conv = getattr(ours, f"ConvTranspose{rank}d")(4, 3, 4, 2, amount, padding_mode=mode, bias=False)
    for model in (nn.Sequential(conv), nn.Sequential(conv, nn.ReLU())):
        reading = read(program(model, rank, is_open=is_open))
        if mode == "ignore":  # what its windows cover is made up for ahead of it
            assert reading.unsupported
            assert any(window.is_unread for window in reading.windows)
            continue
        assert reading.unsupported == ()
        if len(model) == 1:
            assert errors(model, reading, rank, conv.weight, sizes=SIZES if is_open else SIZES[:1]) == []
    assert is_open or mode == "ignore" or reading.windows[0].output == tuple(model(X1[rank]).shape[2:])


X1 = {rank: torch.zeros(2, 4, *SIZES[0][:rank], dtype=torch.float64) for rank in (1, 2, 3)}


class Net(nn.Module):
    """A function of an input and a kernel."""

    def __init__(self, function: Callable[..., Any], rank: int = 2) -> None:
        super().__init__()
        self.function, self.weight = function, nn.Parameter(torch.ones(3, 4, *(3,) * rank))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, self.weight)


def by_hand(x: Any, w: Any) -> Any:
    mirrored = torch.cat([x[..., 1:3].flip(-1), x, x[..., -3:-1].flip(-1)], -1)
    return F.conv2d(torch.cat([mirrored[:, :, -1:], mirrored], 2), w)


def same_by_hand(x: Any, w: Any) -> Any:
    rows, columns = (((-(-size // 2)) - 1) * 2 + 3 - size for size in x.shape[2:])
    return F.conv2d(F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)), w, stride=2)


def assigned(x: Any, w: Any) -> Any:
    y = x.new_zeros(x.shape[0], 4, x.shape[2] + 2, x.shape[3] + 4)
    y[:, :, 1:-1, 2:-2] = x
    return F.conv2d(y, w)


def gathered(x: Any, w: Any) -> Any:
    size = x.shape[3]
    return F.conv2d(x[..., torch.arange(-2, size + 1) % size], w)


@pytest.mark.parametrize(("function", "padding"), [
    (by_hand, ((1, 0), (2, 2))), (same_by_hand, "same"), (assigned, ((1, 1), (2, 2))), (gathered, ((0, 0), (2, 1))),
])  # fmt: skip
def test_padding_by_hand(function: Callable[..., Any], padding: Any, tmp_path: Path) -> None:
    model = Net(function)
    made = program(model, 2)
    reading = read(made)
    assert (reading.unsupported, reading.unattached) == ((), ())
    (window,) = reading.windows
    assert (window.amounts or window.padding.spelling()[0]) == padding
    assert errors(model, reading, 2, model.weight) == []
    torch.export.save(made, tmp_path / "net.pt2")
    assert read(tmp_path / "net.pt2").windows == reading.windows


def test_a_stack_keeps_its_words_at_every_depth() -> None:
    rows = [ours.Conv2d(4, 4, 3, 2, "same", padding_mode="circular") for _ in range(4)]
    model = nn.Sequential(*rows)
    axes = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    made = torch.export.export(model.eval(), (torch.zeros(1, 4, 96, 128),), dynamic_shapes=(axes,))
    reading = read(made)
    assert reading.unsupported == ()
    assert [window.padding.spelling() for window in reading.windows] == [("same", "circular")] * 4
    table = str(convpad.audit(made))
    assert table.count(" same ") == 4
    assert convpad.compare(made, model, input_shape_b=(1, 4, 96, 128)).agree
    assert not convpad.compare(made, convpad.repad(model, "reflect"), input_shape_b=(1, 4, 96, 128)).agree


# What is none


def follows_size(x: Any, w: Any) -> Any:
    return F.conv2d(F.pad(x, (0, 0, x.shape[2] // 8, 0)), w)


def follows_rest(x: Any, w: Any) -> Any:
    return F.conv2d(F.pad(x, (x.shape[3] % 3, 0)), w)


def only_where_small(x: Any, w: Any) -> Any:
    return F.conv2d(F.pad(x, (torch.sym_max(12 - x.shape[3], 0), 0)), w)


def cut_to_even(x: Any, w: Any) -> Any:
    return F.conv2d(x[:, :, : x.shape[2] // 2 * 2], w, padding=1)


def wraps_more(x: Any, w: Any) -> Any:
    return F.conv2d(torch.cat([x[..., -(x.shape[3] % 2 + 1) :], x], -1), w)


def halves(x: Any, w: Any) -> Any:
    half = x.shape[3] // 2
    return F.conv2d(torch.cat([x[..., half:], x[..., :half]], -1), w)


@pytest.mark.parametrize("function", [follows_size, follows_rest, only_where_small, cut_to_even, wraps_more, halves])
def test_amounts_that_no_word_says_are_unread(function: Callable[..., Any]) -> None:
    made = program(Net(function), 2)
    audit = convpad.audit(made)
    (row,) = audit.rows
    assert audit.reading.unsupported
    assert (row.window.is_unread, row.window.amounts, row.axes) == (True, None, None)
    assert repr(row).endswith("pads not read>")
    (entry,) = json.loads(audit.to_json())["rows"]
    assert (entry["amounts"], entry["modes"], entry["not_read"]) == (None, None, True)
    (line,) = [line for line in str(audit).splitlines() if line.startswith("conv2d")]
    assert line.split()[3:5] == ["?", "?"]
    assert ">?<" in audit.to_html()
    comparison = convpad.compare(made, made)
    assert not comparison.agree
    assert comparison.differences[0].differs == ("the padding of both was not read",)
    plain = convpad.compare(made, program(Net(lambda x, w: F.conv2d(x, w)), 2))
    assert not plain.agree


def test_windows_that_follow_the_size_are_said() -> None:
    made = program(Net(lambda x, w: F.conv2d(F.adaptive_avg_pool2d(x, (6, 7)), w, padding=1)), 2)
    reading = read(made)
    assert reading.unsupported
    assert [window.op for window in reading.windows] == ["conv"]


@pytest.mark.parametrize("kind", ["single", "composite"])
def test_random_models_are_judged_at_other_sizes(kind: str) -> None:
    count, said = int(os.environ.get("CONVPAD_GENERATED_MODELS", "25")), list[bool]()
    wrong: list[str] = []
    for seed in range(count):
        case = getattr(torch_models, kind)(seed)
        module, rank = case.module.double().eval(), len(case.shape) - 2
        axes = dict.fromkeys(range(2, rank + 2), torch.export.Dim.AUTO)
        x = torch.zeros(case.shape, dtype=torch.float64)
        try:
            made = torch.export.export(module, (x,), dynamic_shapes=(axes,), strict=False)
        except Exception:  # what cannot be exported so has no open sizes
            continue
        (name,) = made.graph_signature.user_inputs
        known = next(node for node in made.graph.nodes if node.name == name).meta["val"].shape
        open_axes = [type(size) is not int for size in known]
        reading = read(made)
        said.append(not reading.unsupported)
        weight = None if case.weight is None else case.weight.detach().numpy()
        for more in (0, 1, 2, 5):
            shape = tuple(size + more if is_open else size for size, is_open in zip(case.shape, open_axes, strict=True))

            def run(x: Any, module: Any = module) -> Any:
                with torch.no_grad():
                    return module(torch.as_tensor(x)).numpy()

            try:
                if not run(np.zeros(shape)).size:
                    continue
            except RuntimeError:
                continue
            y = np.random.default_rng(seed).normal(size=shape)
            if kind == "single":
                error = judge.single_error(run, reading, y, weight)
            else:
                error = judge.composite_error(run, reading, shape)
            if error:
                wrong.append(f"seed {seed} {case.recipe} at {shape}: {error}")
    assert wrong == []
    assert sum(said) > len(said) // 3


# Expressions


@pytest.mark.parametrize(("text", "value"), [
    ("Symbol('s0', integer=True)", 7),
    ("Add(Mul(Integer(2), Symbol('s0', integer=True, positive=True)), Integer(-1))", 13),
    ("FloorDiv(Add(Symbol('s0', integer=True), Integer(1)), Integer(2))", 4),
    ("Max(Integer(0), Add(Integer(10), Mul(Integer(-1), Symbol('s0', integer=True))))", 3),
    ("Mod(Symbol('s0', integer=True), Integer(4))", 3),
    ("Mul(Rational(1, 2), Symbol('s0', integer=True))", None),
    ("GreaterThan(Symbol('s0', integer=True), Integer(8))", False),
    ("Symbol('s1', integer=True)", None),
    ("__import__('os')", None),
    ("Pow(Symbol('s0', integer=True), Integer(999999999))", None),
    ("FloorDiv(Symbol('s0', integer=True), Integer(0))", None),
    ("Add(" * 5000 + "Integer(1)" + ")" * 5000, None),
    ("Add(Integer(1)", None),
    ("", None),
])  # fmt: skip
def test_expressions_are_computed_from_a_list_of_functions(text: str, value: Any) -> None:
    assert computed(text, {"s0": 7}) == value
