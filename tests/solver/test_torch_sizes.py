"""Output sizes of PyTorch's modules against the solver's, and of its pools that round up."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

import convpad
from convpad.core.inverse import fits
from convpad.core.window import spanned

pytestmark = pytest.mark.needs("torch")

GRID = list(product(range(1, 9), range(1, 5), range(1, 5), (1, 2)))
"""size, kernel, stride, dilation"""


def pooled(size: int, kernel: int, stride: int, dilation: int, pad: int) -> int:
    """How many outputs a pool of PyTorch's that rounds up has."""
    pool = torch.nn.MaxPool1d(kernel, stride=stride, padding=pad, dilation=dilation, ceil_mode=True)
    return int(pool(torch.zeros(1, 1, size)).shape[-1])


def test_rounding_up_is_pytorchs() -> None:
    seen = 0
    for size, kernel, stride, dilation in GRID:
        span = spanned(kernel, dilation)
        for pad in range(kernel // 2 + 1):
            if span - size - 2 * pad >= stride:
                continue  # PyTorch makes nothing of it
            output = pooled(size, kernel, stride, dilation, pad)
            windows = fits(size, output, kernel, stride, dilation, ("ceil",))
            assert (pad, pad) in [(window.before, window.after) for window in windows]
            for other in range(1, 12):
                if other != output:
                    windows = fits(size, other, kernel, stride, dilation, ("ceil",))
                    assert (pad, pad) not in [(window.before, window.after) for window in windows]
            seen += 1
    assert seen > 200


def module(code: str) -> Any:
    return eval(code, {"torch": torch, "channels": 1, "filters": 1})


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("op", ["conv", "conv_transpose", "max_pool", "average_pool"])
def test_what_pytorch_can_say_gives_these_sizes(op: str) -> None:
    seen = 0
    for size, output, kernel, strides in product((5, 8), (3, 4, 5, 8, 9, 16), (2, 3, 4), (1, 2, 3)):
        for solution in convpad.solve(size, output, kernel_size=kernel, strides=strides, op=op, framework="torch"):
            result = module(solution.to_code("torch").code)(torch.zeros(1, 1, size, size))
            assert tuple(result.shape[2:]) == (output, output)
            seen += 1
    assert seen > 20
