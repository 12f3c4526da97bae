"""PyTorch's modules that pad or have a window, as folding sees them."""

from __future__ import annotations

from typing import Any

from torch import nn

from convpad.core.padding import Padding
from convpad.core.window import spanned
from convpad.torch.base import PaddedModule
from convpad.torch.hosts import Host, declared_padding, host_of
from convpad.torch.joining import core_class, joined_class, rebased
from convpad.torch.reading import is_plain
from convpad.torch.traced_call import per_axis


def kind_of(module: nn.Module) -> str:
    """Return what a module does, `"convolution"`, `"transposed"`, `"pool"` or `"pad"`; empty for any other."""
    host = host_of(module)
    return "" if host is None or host.kind not in ("convolution", "transposed", "pool", "pad") else host.kind


def class_name(module: nn.Module) -> str:
    """Return the name of a module's class, without parametrisations of its weights."""
    return core_class(type(module)).__name__


def has_own_forward(module: nn.Module) -> bool:
    """Return whether a module of these kinds runs another forward than torch.nn's or convpad's."""
    return not is_plain(module, core_class(type(module)), _host(module))


def _host(module: nn.Module) -> Host:
    host = host_of(module)
    if host is None:
        raise TypeError(f"{type(module).__name__} neither pads nor has a window.")
    return host


def rank_of(module: nn.Module) -> int:
    """Return the number of spatial axes of one of these modules."""
    return _host(module).rank


def padding_of(module: Any) -> Padding | None:
    """Return the padding of one of these modules; None where it crops."""
    if isinstance(module, PaddedModule):
        return module._parsed
    host = _host(module)
    padding, mode = declared_padding(module, host)
    if host.kind == "pad" and min(min(pair) for pair in padding) < 0:
        return None
    return Padding.parse(padding, mode, rank=host.rank)


def set_padding(module: Any, padding: Padding) -> None:
    """Make a module with a window convpad's, with a padding of values that all count."""
    if getattr(module, "count_include_pad", True) is False and padding != padding_of(module):
        module.count_include_pad = True  # what a padding layer has put there was counted
    core = joined_class(core_class(type(module)), _host(module).ours, "plain")
    module.__class__ = rebased(type(module), core)
    module._set_padding(*padding.spelling())


def spans_of(module: Any) -> tuple[int, ...]:
    """Return the places that the window of a module covers, for each axis."""
    rank = rank_of(module)
    dilation = per_axis(getattr(module, "dilation", 1), rank)
    return tuple(spanned(*axis) for axis in zip(per_axis(module.kernel_size, rank), dilation, strict=True))


def strides_of(module: Any) -> tuple[int, ...]:
    """Return the strides of a window; a pool's are its size where none are given."""
    return per_axis(module.kernel_size if module.stride is None else module.stride, rank_of(module))
