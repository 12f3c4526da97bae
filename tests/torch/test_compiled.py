"""Modules under torch.compile, whole graphs: outputs and gradients are the eager ones, at one size and at others."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

import convpad
from convpad.torch import AvgPool2d, Conv2d, ConvTranspose2d, MaxPool2d, Pad2d, Upsample

pytestmark = pytest.mark.needs("torch")

CASES: dict[str, Any] = {
    "zeros": lambda: Conv2d(3, 4, 3, padding=1),
    "same with a stride": lambda: Conv2d(3, 4, 3, 2, "same"),
    "reflect": lambda: Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
    "a mode for each axis": lambda: Conv2d(3, 4, 3, padding=1, padding_mode=("zeros", "circular")),
    "symmetric": lambda: Conv2d(3, 4, 5, padding="half", padding_mode="symmetric"),
    "ignore": lambda: Conv2d(3, 4, 3, padding=1, padding_mode="ignore"),
    "trained": lambda: Conv2d(3, 4, 3, padding=1, padding_mode=convpad.Learned("ones")),
    "depthwise": lambda: Conv2d(3, 6, 3, padding=((0, 1), (2, 0)), groups=3, padding_mode="replicate"),
    "transposed": lambda: ConvTranspose2d(3, 4, 4, stride=2, padding=1, padding_mode="circular"),
    "maximum": lambda: MaxPool2d(3, 2, "same", padding_mode="circular"),
    "average": lambda: AvgPool2d(3, 2, "same", padding_mode="reflect"),
    "padding alone": lambda: Pad2d(2, ("reflect", 0.5)),
    "upsampling": lambda: Upsample(scale_factor=2, mode="bilinear", padding_mode="circular"),
}


def answers(module: Any, call: Any, size: tuple[int, int]) -> list[torch.Tensor]:
    x = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0), requires_grad=True)
    module.zero_grad()
    out = call(x)
    out.pow(2).sum().backward()
    return [out, x.grad, *(parameter.grad for parameter in module.parameters())]


@pytest.mark.parametrize("name", CASES)
def test_a_compiled_module_gives_the_eager_numbers(name: str) -> None:
    """Compiled for the first size, then, as the second is another, for any."""
    torch._dynamo.reset()
    torch.manual_seed(0)
    module = CASES[name]()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    for size in ((8, 9), (12, 7)):
        for found, wanted in zip(answers(module, compiled, size), answers(module, module, size), strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["same with a stride", "a mode for each axis", "upsampling"])
def test_sizes_that_are_open_from_the_start(name: str) -> None:
    torch._dynamo.reset()
    torch.manual_seed(0)
    module = CASES[name]()
    compiled = torch.compile(module, fullgraph=True, dynamic=True, backend="aot_eager")
    for found, wanted in zip(answers(module, compiled, (8, 9)), answers(module, module, (8, 9)), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
def test_a_compiled_network() -> None:
    """By Inductor, with several of them in a row."""
    torch._dynamo.reset()
    torch.manual_seed(0)
    module = nn.Sequential(
        Conv2d(3, 8, 3, 2, "same"),
        nn.ReLU(),
        Conv2d(8, 8, 3, padding=1, padding_mode=("zeros", "circular")),
        MaxPool2d(3, 2, "same"),
        ConvTranspose2d(8, 3, 4, 2, 1, padding_mode="reflect"),
    )
    compiled = torch.compile(module, fullgraph=True)
    for found, wanted in zip(answers(module, compiled, (16, 16)), answers(module, module, (16, 16)), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["same with a stride", "symmetric", "function"])
def test_an_import_compiles_nothing_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may not look into sys.modules: it would check every name there before each call."""
    torch._dynamo.reset()
    kernel, compilations = torch.ones(3, 3, 3, 2), []

    def count(program: Any, examples: Any) -> Any:
        compilations.append(program)
        return program.forward

    def convolve(x: torch.Tensor) -> torch.Tensor:
        return convpad.conv(x, kernel, padding="same", padding_mode="reflect", data_format="channels_first")

    call = torch.compile(CASES.get(name, lambda: convolve)(), fullgraph=True, backend=count)
    for module in ("imported_later", "imported_later_still"):
        monkeypatch.setitem(sys.modules, module, ModuleType(module))
        call(torch.ones(1, 3, 8, 8))
    assert len(compilations) == 1
