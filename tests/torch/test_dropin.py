"""torch.nn's arguments: torch.nn's numbers, bit for bit, its parameters, its lines, its state."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch
from torch import nn

import convpad

ours = convpad.torch

pytestmark = [
    pytest.mark.needs("torch"),
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths"),
]

SHAPES = {1: (11,), 2: (9, 10), 3: (5, 6, 7)}

CONVOLUTIONS: list[dict[str, Any]] = [
    {},
    {"padding": 1},
    {"padding": 2, "bias": False},
    {"padding": 1, "stride": 2},
    {"padding": 2, "dilation": 2},
    {"padding": 1, "groups": 2},
    {"groups": 4, "padding": 1},
    {"padding": "valid"},
    {"padding": "same"},
    {"padding": "same", "dilation": 2},
    {"padding": "same", "kernel_size": 2},
    {"padding": "same", "kernel_size": 4, "dilation": 3},
    {"kernel_size": 1},
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 2, "padding_mode": "replicate"},
    {"padding": 2, "padding_mode": "circular", "stride": 2},
    {"padding": "same", "padding_mode": "circular"},
    {"padding": 0, "padding_mode": "circular"},
    {"padding": 1, "dtype": torch.float64},
    {"padding": 1, "dtype": torch.bfloat16},
]

TRANSPOSED: list[dict[str, Any]] = [
    {},
    {"padding": 1},
    {"padding": 2, "bias": False},
    {"padding": 1, "stride": 2},
    {"stride": 2, "output_padding": 1},
    {"padding": 1, "stride": 3, "output_padding": 2},
    {"padding": 1, "groups": 2},
    {"dilation": 2, "padding": 1},
    {"dilation": 3, "output_padding": 2},
    {"kernel_size": 4, "stride": 2, "padding": 1},
]

MAXIMA: list[dict[str, Any]] = [
    {},
    {"stride": 1},
    {"stride": 2, "padding": 1},
    {"stride": 2, "padding": 1, "ceil_mode": True},
    {"stride": 1, "padding": 1, "dilation": 2},
    {"return_indices": True, "padding": 1},
]

AVERAGES: list[dict[str, Any]] = [
    {},
    {"stride": 1},
    {"stride": 2, "padding": 1},
    {"stride": 2, "padding": 1, "count_include_pad": False},
    {"stride": 2, "padding": 1, "ceil_mode": True},
    {"ceil_mode": True, "count_include_pad": False},
]


def cases() -> list[Any]:
    """(class, positional arguments, keywords, shape of the input)."""
    found = []
    for rank in (1, 2, 3):
        rows = [
            *((f"Conv{rank}d", row, (4, 8)) for row in CONVOLUTIONS),
            *((f"ConvTranspose{rank}d", row, (4, 8)) for row in TRANSPOSED),
            *((f"MaxPool{rank}d", row, ()) for row in MAXIMA),
            *((f"AvgPool{rank}d", row, ()) for row in AVERAGES),
        ]
        if rank > 1:
            rows.append((f"AvgPool{rank}d", {"padding": 1, "divisor_override": 5}, ()))
        for name, row, channels in rows:
            options = {**row}
            arguments = *channels, options.pop("kernel_size", 3)
            said = ",".join(f"{key}={value}" for key, value in row.items())
            found.append(pytest.param(name, arguments, options, SHAPES[rank], id=f"{name}({said})"))
    return found


def tensors(output: Any) -> list[torch.Tensor]:
    return list(output) if isinstance(output, tuple) else [output]


@pytest.mark.parametrize(("name", "arguments", "options", "sizes"), cases())
def test_the_numbers_are_those_of_torch(name: str, arguments: Any, options: Any, sizes: Any) -> None:
    torch.manual_seed(3)
    theirs = getattr(nn, name)(*arguments, **options)
    torch.manual_seed(3)
    module = getattr(ours, name)(*arguments, **options)
    assert isinstance(module, getattr(nn, name))
    assert str(module) == str(theirs)
    assert list(module.state_dict()) == list(theirs.state_dict())
    for mine, other in zip(module.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)
    for attribute in ("padding", "stride", "kernel_size", "dilation"):
        assert getattr(module, attribute, None) == getattr(theirs, attribute, None)
    for shape in ((2, 4, *sizes), (4, *sizes)):
        x = torch.randn(shape, dtype=options.get("dtype"))
        inputs = [x.clone().requires_grad_() for _ in range(2)]
        results = [tensors(model(each)) for model, each in zip((module, theirs), inputs, strict=True)]
        for mine, other in zip(*results, strict=True):
            assert torch.equal(mine, other)
            assert mine.dtype == other.dtype
        for result in results:
            result[0].square().sum().backward()
        assert inputs[0].grad is not None
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-4, atol=1e-4)
        for mine, other in zip(module.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(mine.grad, other.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name in ours.__all__ if hasattr(nn, name)])
def test_the_constructor_has_the_order_of_torch(name: str) -> None:
    mine, theirs = (inspect.signature(getattr(module, name)).parameters for module in (ours, nn))
    positional = [key for key, parameter in mine.items() if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
    assert positional == list(theirs)
    assert [mine[key].default for key in theirs] == [parameter.default for parameter in theirs.values()]


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("extra", [0, 1])
def test_output_size(rank: int, extra: int) -> None:
    arguments = (4, 8, 3)
    torch.manual_seed(0)
    theirs = getattr(nn, f"ConvTranspose{rank}d")(*arguments, stride=2, padding=1)
    module = getattr(ours, f"ConvTranspose{rank}d")(*arguments, stride=2, padding=1)
    module.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 4, *SHAPES[rank])
    sizes = [2 * size - 1 + extra for size in SHAPES[rank]]
    for given in (sizes, [2, 8, *sizes], torch.Size(sizes)):
        assert torch.equal(module(x, given), theirs(x, given))
    assert torch.equal(module(x[0], output_size=sizes), theirs(x[0], output_size=sizes))
