"""How does PyTorch pool?"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends import Ints, Pairs
from convpad.backends.torch.tensors import Tensor, as_given, channels_first

_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE_POOL: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def max_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    first = channels_first(x, channels_last)
    out = _MAX_POOL[len(size)](first, tuple(size), tuple(strides), tuple(before for before, _ in pads))
    return as_given(out, channels_last)


def average_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool) -> Tensor:
    first = channels_first(x, channels_last)
    if len(size) == 3 and x.dtype.itemsize < 4:
        first = first.float()  # PyTorch's CPU kernel of three axes knows no half precision
    out = _AVERAGE_POOL[len(size)](
        first,
        tuple(size),
        tuple(strides),
        tuple(before for before, _ in pads),
        count_include_pad=not ignored,
    )
    return as_given(out.to(x.dtype), channels_last)
