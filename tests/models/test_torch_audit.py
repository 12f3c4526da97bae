"""Audits and comparisons of PyTorch models with convpad's modules: each reads as the padding that it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import convpad
from convpad.models.readers import read

pytestmark = [pytest.mark.needs("torch"), pytest.mark.filterwarnings("ignore")]

import torch
from torch import nn

import convpad.torch as ours

X = {rank: torch.zeros(2, 4, *(9, 8, 7)[:rank]) for rank in (1, 2, 3)}


def program(model: nn.Module, x: torch.Tensor) -> Any:
    return torch.export.export(model.eval(), (x,))


def only(model: nn.Module, rank: int = 2) -> Any:
    """The one window of a stack of one module, which is read whole."""
    reading = read(program(nn.Sequential(model), X[rank]))
    assert (reading.unsupported, reading.unattached) == ((), ())
    (window,) = reading.windows
    assert (window.name, window.layer) == ("0", type(model).__name__)
    return window


MODES = ("zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore", 0.5)
CELLS: list[tuple[Any, Any, int]] = [
    *((mode, ((2, 1), (0, 2)), 2) for mode in MODES),
    ("circular", "same", 2),
    ("reflect", "half", 1),
    ("zeros", "causal", 1),
    (("zeros", "circular"), 2, 1),
    ((("reflect", "zeros"), "replicate"), 2, 1),
    (convpad.Constant([0.5, 1.0, -2.0, 0.0]), 2, 1),
]


def as_read(mode: Any) -> Any:
    (fills,) = (convpad.Padding.parse(2, mode, rank=1).modes,)
    return fills


@pytest.mark.parametrize(("mode", "amount", "stride"), CELLS, ids=str)
def test_convolutions(mode: Any, amount: Any, stride: int) -> None:
    module = ours.Conv2d(4, 8, 5, stride, amount, padding_mode=mode)
    window = only(module)
    padding = module.operation.padding
    wanted = [rule.pair_for(size, 5, stride) for rule, size in zip(padding.amounts, X[2].shape[2:], strict=True)]
    assert window.amounts == tuple(wanted)
    for axis, (pair, fills) in enumerate(zip(wanted, window.fills, strict=True)):
        for side in (0, 1):
            name, value = padding.modes[axis][side].name, padding.values[axis][side]
            if pair[side] == 1 and name.startswith("symmetric"):
                name = "replicate"  # the same value
            assert not pair[side] or fills[side] == (name, value), (axis, side)


@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks(rank: int) -> None:
    window = only(getattr(ours, f"Conv{rank}d")(4, 4, 3, 2, "half", groups=4, padding_mode="circular"), rank)
    assert window.amounts == ((1, 1),) * rank
    assert window.fills == ((("circular", None),) * 2,) * rank
    assert window.op == "depthwise_conv"


@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
@pytest.mark.parametrize("mode", ["ignore", "zeros", "circular", 0.5])
def test_pools(name: str, mode: Any) -> None:
    window = only(getattr(ours, name)(3, 2, ((1, 0), (0, 2)), padding_mode=mode))
    assert window.amounts == ((1, 0), (0, 2))
    fill = ("constant", mode) if mode == 0.5 else (mode, None)
    assert (window.fills[0][0], window.fills[1][1]) == (fill, fill)


def test_transposed_convolutions() -> None:
    window = only(ours.ConvTranspose2d(4, 3, 3, 2, 1, 1))
    assert (window.op, window.amounts, window.output) == ("conv_transpose", ((1, 1), (1, 1)), (18, 16))


@pytest.mark.parametrize("amount", [((0, 1), (1, 0)), ((2, 1), (0, 0)), "same", "same_lower", 1], ids=str)
def test_crops_of_transposed_convolutions(amount: Any) -> None:
    module = ours.ConvTranspose2d(4, 3, 3, 2, amount)
    for model in (
        module,
        nn.Sequential(module, nn.ReLU(), nn.Conv2d(3, 2, 3)),
        nn.Sequential(module, nn.Conv2d(3, 2, 3)),
    ):
        reading = read(program(model, X[2]))
        assert reading.unsupported == ()
        window, *others = reading.windows
        assert window.output == tuple(module(X[2]).shape[2:])
        assert window.amounts == tuple((each.before, each.after) for each in made(module).windows)
        assert [other.cuts for other in others if any(map(any, other.cuts))] == []


def made(module: Any) -> Any:
    weight = tuple(module.weight.permute(2, 3, 1, 0).shape)
    padding, mode = module._parsed.spelling()
    options = {"strides": module.stride, "padding": padding, "padding_mode": mode, "data_format": "channels_first"}
    return convpad.plan(tuple(X[2].shape), weight, op="conv_transpose", **options).problem


class Skips(nn.Module):
    """A decoder that reads the output of a transposed convolution whole and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(4, 3, 3, 2)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        up = self.up(x)
        return up[:, :, :-1, :-1].relu(), up.relu()


def test_an_output_that_is_read_whole_and_cut_is_said() -> None:
    reading = read(program(Skips(), X[2]))
    (window,) = reading.windows
    assert (window.is_unread, window.amounts) == (True, None)
    (entry,) = reading.unsupported
    assert entry.endswith("it cuts a transposed convolution)")


def test_padding_modules_belong_to_what_follows() -> None:
    model = nn.Sequential(ours.Pad2d(((1, 2), (0, 3)), ("circular", "reflect_odd")), nn.ReLU(), ours.Conv2d(4, 3, 3))
    (window,) = read(program(nn.Sequential(model[0], model[2]), X[2])).windows
    assert window.amounts == ((1, 2), (0, 3))
    assert window.fills[0] == (("circular", None),) * 2
    (pad,) = read(program(model, X[2])).unattached
    assert pad.pairs == ((1, 2), (0, 3))


def test_trained_constants_are_said() -> None:
    reading = read(program(nn.Sequential(ours.Conv2d(4, 8, 3, padding=1, padding_mode=convpad.Learned())), X[2]))
    (window,) = reading.windows
    assert (window.amounts, window.fills[0][0]) == (((1, 1), (1, 1)), ("constant", None))
    assert [entry.split("(")[1] for entry in reading.unsupported] == ["cat: its constant is trained or computed)"]


def test_what_repad_did_is_compared() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 2, 3, 2, padding=1)).eval()
    again, globe = convpad.repad(model), convpad.repad(model, ("zeros", "circular"))
    shape = tuple(X[2].shape)
    shapes = {"input_shape_a": shape, "input_shape_b": shape}
    assert convpad.compare(model, again, **shapes).agree
    comparison = convpad.compare(model, globe, **shapes)
    assert [(pair.a.name, pair.padding) for pair in comparison.differences] == [("0", 1), ("2", 1)]
    back = convpad.compare(globe, model, **shapes)
    assert [pair.padding_mode for pair in back.differences] == [("zeros", "circular")] * 2
    with ours.repad_(model, ("zeros", "circular")):
        assert convpad.compare(model, globe, **shapes).agree
    assert not convpad.compare(model, globe, **shapes).agree


def test_what_fold_did_reads_alike() -> None:
    model = nn.Sequential(
        nn.ReflectionPad2d(1), nn.Conv2d(4, 8, 3), nn.ReLU(), nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(2)
    )
    shapes = {"input_shape_a": tuple(X[2].shape), "input_shape_b": tuple(X[2].shape)}
    comparison = convpad.compare(model, convpad.fold(model), **shapes)
    assert comparison.agree
    assert not comparison.b.unsupported


def test_a_live_module_needs_a_shape_and_says_so() -> None:
    model = nn.Sequential(ours.Conv2d(4, 8, 3, padding="same", padding_mode="circular"))
    with pytest.raises(convpad.PaddingError, match=r"`input_shape` must be given for a PyTorch module") as error:
        convpad.audit(model)
    assert "convpad.audit(torch.export.export(model.eval(), (example,)))" in str(error.value)
    (row,) = convpad.audit(model, input_shape=(2, 4, 9, 8)).rows
    assert row.window.fills[0][0] == ("circular", None)


def test_files_of_exported_programs(tmp_path: Path) -> None:
    model = nn.Sequential(ours.Conv2d(4, 8, 3, 2, "same", padding_mode=("reflect", "circular")))
    torch.export.save(program(model, X[2]), tmp_path / "model.pt2")
    (row,) = convpad.audit(tmp_path / "model.pt2").rows
    assert row.window.amounts == ((1, 1), (0, 1))
    assert [fills[1][0] for fills in row.window.fills] == ["reflect", "circular"]
