"""Pools in PyTorch."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends.base import ConvWindow
from convpad.backends.torch.tensors import Tensor, as_given, channels_first

_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE_POOL: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def max_pool(x: Tensor, window: ConvWindow) -> Tensor:
    first, pads = channels_first(x, window.channels_last), tuple([before for before, _ in window.pads])
    out = _MAX_POOL[window.rank](first, window.size, window.strides, pads, window.dilation)
    return as_given(out, window.channels_last)


def average_pool(x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
    first, pads = channels_first(x, window.channels_last), tuple([before for before, _ in window.pads])
    if window.rank == 3 and x.dtype.itemsize < 4:
        first = first.float()  # PyTorch's CPU kernel of three axes knows no half precision
    out = _AVERAGE_POOL[window.rank](first, window.size, window.strides, pads, count_include_pad=count_padding)
    return as_given(out.to(x.dtype), window.channels_last)
