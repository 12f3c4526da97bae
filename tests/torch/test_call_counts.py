"""The Python functions that a forward of a module calls, PyTorch's own counted in: as few as torch.nn's for zeros."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import nn

import convpad

ours = convpad.torch

pytestmark = pytest.mark.needs("torch")


def calls(module: nn.Module, x: torch.Tensor) -> list[str]:
    """The Python functions that run in a later call of a module."""
    found: list[str] = []

    def watch(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            found.append(frame.f_code.co_qualname)

    module(x)
    sys.setprofile(watch)
    try:
        module(x)
    finally:
        sys.setprofile(None)
    return found


def inputs(needs_gradient: bool) -> torch.Tensor:
    return torch.randn(1, 4, 12, 13, requires_grad=needs_gradient)


OWN: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("Conv2d", (4, 8, 3), {"padding": 1}),
    ("Conv2d", (4, 8, 3), {"padding": "same"}),
    ("ConvTranspose2d", (4, 8, 3), {"padding": 1, "stride": 2}),
    ("MaxPool2d", (3, 2, 1), {}),
    ("AvgPool2d", (3, 2, 1), {}),
]


@pytest.mark.parametrize("needs_gradient", [False, True])
@pytest.mark.parametrize(("name", "arguments", "options"), OWN, ids=str)
def test_padding_of_torch_costs_what_it_costs_there(
    name: str, arguments: Any, options: Any, needs_gradient: bool
) -> None:
    x = inputs(needs_gradient)
    mine, theirs = (calls(getattr(home, name)(*arguments, **options), x) for home in (ours, nn))
    assert len(mine) <= len(theirs), mine


CONV = (4, 8, 3)
BUDGETS: list[tuple[str, tuple[Any, ...], dict[str, Any], int]] = [
    ("Conv2d", CONV, {"padding": 1, "padding_mode": "reflect"}, 15),
    ("Conv2d", CONV, {"padding": 1, "padding_mode": 2.0}, 15),
    ("Conv2d", CONV, {"padding": ((0, 1), (0, 1))}, 15),
    ("Conv2d", CONV, {"padding": 1, "padding_mode": "circular"}, 15),
    ("Conv2d", CONV, {"padding": 1, "padding_mode": ("zeros", "circular")}, 15),
    ("Conv2d", CONV, {"padding": "same", "stride": 2}, 18),
    ("Conv2d", CONV, {"padding": "same", "stride": 2, "padding_mode": "reflect"}, 18),
    ("MaxPool2d", (3, 2, "same"), {}, 45),
    ("AvgPool2d", (3, 2, "same"), {}, 40),
]
"""The modules that PyTorch has no padding for, and the calls of a forward at most. torch.nn's own circle makes 11."""


@pytest.mark.parametrize("needs_gradient", [False, True])
@pytest.mark.parametrize(("name", "arguments", "options", "budget"), BUDGETS, ids=str)
def test_other_padding(name: str, arguments: Any, options: Any, budget: int, needs_gradient: bool) -> None:
    found = calls(getattr(ours, name)(*arguments, **options), inputs(needs_gradient))
    assert len(found) <= budget, found
    decided = ("choose", "make_problem", "Operation.parse", "Padding.parse", "halo")
    assert not set(decided) & set(found), "a call like an earlier one decides nothing again"


def test_the_counter_counts() -> None:
    assert "Conv2d.forward" in calls(nn.Conv2d(4, 8, 3), inputs(False))
