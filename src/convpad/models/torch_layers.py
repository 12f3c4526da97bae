"""PyTorch's modules that pad or have a window, and convpad's in their place."""

from __future__ import annotations

from typing import Any

from torch import nn

from convpad.core.padding import Padding
from convpad.core.window import spanned
from convpad.torch.base import PaddedModule
from convpad.torch.hosts import HOSTS, declared_padding
from convpad.torch.joining import core_class, rebased
from convpad.torch.traced_call import per_axis

_BY_CLASS = {cls: host for host in HOSTS for cls in (host.theirs, host.ours)} | {
    getattr(nn, f"ZeroPad{rank}d"): host
    for rank in (1, 2, 3)
    for host in HOSTS
    if host.theirs is getattr(nn, f"ConstantPad{rank}d")
}
"""The host of every class, torch.nn's and convpad's."""

WINDOWS = {cls: host.ours for cls, host in _BY_CLASS.items() if host.kind in ("convolution", "pool")}
"""convpad's class for each class with a window whose input is padded."""
TRANSPOSED = tuple(cls for cls, host in _BY_CLASS.items() if host.kind == "transposed")
PADS = tuple(cls for cls, host in _BY_CLASS.items() if host.kind == "pad")
"""The classes that only pad."""


def class_of(module: nn.Module) -> type:
    """Return the class of a module, without parametrisations of its weights."""
    return core_class(type(module))


def is_pad(module: nn.Module) -> bool:
    """Return whether a module only pads."""
    return class_of(module) in PADS


def rank_of(module: nn.Module) -> int:
    """Return the number of spatial axes of one of these modules."""
    return _BY_CLASS[class_of(module)].rank


def padding_of(module: Any) -> Padding | None:
    """Return the padding of one of these modules; None where it crops."""
    if isinstance(module, PaddedModule):
        return module._parsed
    host = _BY_CLASS[class_of(module)]
    padding, mode = declared_padding(module, host)
    if host.kind == "pad" and min(min(pair) for pair in padding) < 0:
        return None
    return Padding.parse(padding, mode, rank=host.rank)


def set_padding(module: Any, padding: Padding) -> None:
    """Make a module with a window convpad's, with a padding of values that all count."""
    if getattr(module, "count_include_pad", True) is False and padding != padding_of(module):
        module.count_include_pad = True  # what a padding layer has put there was counted
    module.__class__ = rebased(type(module), WINDOWS[class_of(module)])
    module._set_padding(*padding.spelling())


def spans_of(module: Any) -> tuple[int, ...]:
    """Return the places that the window of a module covers, for each axis."""
    rank = rank_of(module)
    dilation = per_axis(getattr(module, "dilation", 1), rank)
    return tuple(spanned(*axis) for axis in zip(per_axis(module.kernel_size, rank), dilation, strict=True))


def strides_of(module: Any) -> tuple[int, ...]:
    """Return the strides of a window; a pool's are its size where none are given."""
    rank = rank_of(module)
    return per_axis(module.kernel_size if module.stride is None else module.stride, rank)
