"""`torch.export` of modules with open sizes, strict and not: no condition on a size, and the numbers at every size."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.export import Dim

import convpad
from convpad.torch import AvgPool2d, Conv1d, Conv2d, ConvTranspose2d, MaxPool2d, Pad2d, Upsample

pytestmark = [
    pytest.mark.needs("torch"),
    # What torch.export warns of by itself.
    pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec:FutureWarning"),
]

LOW, HIGH = 24, 1000
"""The least and the largest size of an axis."""

MODES = ["zeros", "reflect", "replicate", "circular", "symmetric", "ignore", 0.5, ("zeros", "circular")]


def same(*modes: Any) -> nn.Module:
    """Several layers in a row whose amounts follow the sizes."""
    return nn.Sequential(*(Conv2d(3, 3, 3, 2, "same", padding_mode=mode) for mode in modes))


CASES: dict[str, Any] = {
    **{f"{mode}": lambda mode=mode: Conv2d(3, 4, 3, padding=1, padding_mode=mode) for mode in MODES},
    "unequal sides": lambda: Conv2d(3, 4, 5, padding=((2, 1), (0, 2)), padding_mode="circular"),
    "trained": lambda: Conv2d(3, 4, 3, 2, "same", padding_mode=convpad.Learned("ones")),
    "same": lambda: Conv2d(3, 4, 3, padding="same"),
    "same, circular": lambda: Conv2d(3, 4, 3, padding="same", padding_mode="circular"),
    **{f"same, a stride, {mode}": lambda mode=mode: same(mode) for mode in MODES},
    "four in a row": lambda: same("zeros", "zeros", "zeros", "zeros"),
    "three in a row, of three modes": lambda: same("zeros", "reflect", "circular"),
    "three of stride 1 in a row": lambda: nn.Sequential(*(Conv2d(3, 3, 3, padding="same") for _ in range(3))),
    "several kinds in a row": lambda: nn.Sequential(
        Conv2d(3, 4, 5, 3, "same"),
        Conv2d(4, 4, 3, 1, "same", groups=4),
        MaxPool2d(3, 2, "same"),
        Conv2d(4, 4, 3, 2, "same_lower"),
        AvgPool2d(3, 1, "same"),  # with a stride of 2 the least size would come to 1, which torch.export takes apart
    ),
    "one axis": lambda: nn.Sequential(nn.Flatten(1, 2), Conv1d(3 * LOW, 3, 3, 2, "same", padding_mode="circular")),
    "transposed": lambda: ConvTranspose2d(3, 3, 4, 2, "same", padding_mode="circular"),
    "maximum": lambda: MaxPool2d(3, 2, "same", padding_mode="circular"),
    "average": lambda: AvgPool2d(3, 2, "same", padding_mode="ignore"),
    "padding alone": lambda: Pad2d(1, "circular"),
    "upsampling": lambda: Upsample(scale_factor=2, mode="bilinear", padding_mode="circular"),
    "upsampling by a fraction": lambda: Upsample(scale_factor=1.5, mode="bilinear", padding_mode="reflect"),
}


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_export_with_open_sizes(name: str, strict: bool) -> None:
    torch.manual_seed(0)
    network = CASES[name]().eval()
    height = None if name == "one axis" else Dim("height", min=LOW, max=HIGH)
    sizes = {0: Dim("batch", min=1, max=64), 2: height, 3: Dim("width", min=LOW, max=HIGH)}
    x = torch.randn(2, 3, LOW if height is None else 64, 65)
    program = torch.export.export(network, (x,), dynamic_shapes=(sizes,), strict=strict)
    bounds = {(bound.lower, bound.upper) for bound in program.range_constraints.values()}
    assert bounds == {(1, 64), (LOW, HIGH)}
    module = program.module()
    for batch, *size in ((2, 64, 65), (1, 97, 120), (3, 40, 41), (2, LOW, 203)):
        x = torch.randn(batch, 3, LOW if height is None else size[0], size[1])
        torch.testing.assert_close(module(x), network(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strict", [False, True])
def test_a_condition_on_a_size_would_be_noticed(strict: bool) -> None:
    class Conditional(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if x.shape[2] > 50 else -x

    sizes = {2: Dim("height", min=LOW, max=HIGH)}
    with pytest.raises(torch._dynamo.exc.UserError, match="Constraints violated"):
        torch.export.export(Conditional(), (torch.randn(1, 3, 64, 65),), dynamic_shapes=(sizes,), strict=strict)
