"""Kernels in the memory order that PyTorch's CPU convolutions are fastest with."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad import tuning
from convpad.backends.base import ConvWindow
from convpad.backends.torch.tensors import Tensor, as_given, channels_first, requires_grad

_ONEDNN = torch.backends.mkldnn.is_available()
FORMAT = {4: torch.channels_last, 5: torch.channels_last_3d}


def channels_last(weight: Tensor, x: Tensor) -> Tensor:
    """Return a weight, filters and channels first, in channels-last memory; where it has that order, uncopied."""
    if not tuning.STATE.cpu_kernels:
        return weight
    if weight.requires_grad and torch.is_grad_enabled() and _is_plain(x):
        return weight.contiguous()
    return weight.contiguous(memory_format=FORMAT[weight.ndim])


def _is_plain(x: Tensor) -> bool:
    """Return whether PyTorch's plain kernels, not oneDNN, take `x`: they want a contiguous gradient of the weight."""
    small = x.shape[0] == 1 and x.numel() <= tuning.LIMITS["torch.plain_kernel_values"]
    return x.dtype != torch.float32 or small or not _ONEDNN


def may_reorder(kernel: Tensor) -> bool:
    """Return whether a kernel is large enough for the order of its rows to matter, and not in PyTorch's order."""
    return (
        kernel.numel() >= tuning.LIMITS["torch.reorder_kernel_values"]
        and tuning.STATE.cpu_kernels
        and kernel.is_contiguous()
        and not requires_grad(kernel)
    )


def kernel_name(shape: Sequence[Any], kernel_shape: Sequence[Any], window: ConvWindow, dtype: str) -> str:
    """Return `"adjoint"` where a convolution is faster as an adjoint, for a kernel in Keras's order."""
    sizes = (*shape, *kernel_shape)
    if not tuning.STATE.cpu_kernels or not all(type(size) is int for size in sizes) or torch.compiler.is_compiling():
        return "framework"
    crops = _crops(kernel_shape, window)
    symmetric = all(before == after for before, after in window.pads)
    if window.rank != 2 or window.groups > 1 or not symmetric or min(crops) < 0 or max(window.strides) > 1:
        return "framework"
    large = prod(kernel_shape) >= tuning.LIMITS["torch.reorder_kernel_values"]
    plain = shape[0] == 1 and prod(shape) <= tuning.LIMITS["torch.plain_kernel_values"]
    return "adjoint" if large and dtype == "float32" and not plain and _ONEDNN else "framework"


def _crops(kernel_shape: Sequence[Any], window: ConvWindow) -> list[int]:
    rows = zip(kernel_shape[:-2], window.dilation, window.pads, strict=True)
    return [(taps - 1) * step - before for taps, step, (before, _) in rows]


def conv_by_adjoint(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return a convolution as the adjoint of one by the reversed kernel: possible with stride 1 and small pads.

    PyTorch wants the channels of a convolution's kernel last, and of its adjoint's the filters, as Keras has them. So
    rows of filters are moved, in a third of the time that reordering them takes
    (`python -m benchmarks layers --backend torch`: 14 squared).
    """
    weight = kernel.flip(0, 1).permute(-2, -1, 0, 1).contiguous(memory_format=FORMAT[4])
    first = channels_first(x, window.channels_last)
    out = F.conv_transpose2d(first, weight, None, 1, _crops(kernel.shape, window), 0, 1, window.dilation)
    return as_given(out, window.channels_last)


def filters_first(kernel: Tensor) -> Tensor:
    """Return a kernel in Keras's order with its filters and channels first."""
    *taps, channels, filters = kernel.shape
    if filters % tuning.LIMITS["torch.reorder_filters"] or not may_reorder(kernel):
        return kernel.permute(-1, -2, *range(len(taps)))
    # Rows that lie a power of two apart fall on the same lines of the cache: set apart first, they are copied faster.
    rows = F.pad(kernel.flatten(0, -2), (0, tuning.LIMITS["torch.reorder_gap"]))[:, :filters]
    first = torch.cat([tap.t() for tap in rows.split(channels)], 1)
    return first.unflatten(1, (*taps, channels)).movedim(-1, 1)
