"""Convolutions and pools in PyTorch, channels first; a channels-last tensor is a view, in channels-last memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad import tuning
from convpad.backends.base import Context, ConvWindow
from convpad.backends.torch import cpu
from convpad.backends.torch.gradients import WithOwnGradient, convolve_uneven, goes_by_strips
from convpad.backends.torch.padding import flat, is_remade
from convpad.backends.torch.tensors import Tensor, add_bias, as_given, channels_first, dtype, requires_grad

_CPU = Context("cpu")
_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def kernel_name(
    op: str, shape: Sequence[Any], kernel_shape: Sequence[Any], window: ConvWindow, dtype_name: str, context: Context
) -> str:
    """Return `"adjoint"` where the adjoint of a convolution by the reversed kernel is faster, else `"framework"`."""
    if op == "conv" and context.device == "cpu" and not window.filters_first and not context.gradient:
        return cpu.kernel_name(shape, kernel_shape, window, dtype_name)
    return "framework"


def prepare_conv(op: str, window: ConvWindow) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return PyTorch's convolution with a kernel in its own order, of a channels-first tensor."""
    strides, dilation, groups = window.strides, window.dilation, window.groups
    is_module = window.filters_first  # which computes what torch.nn's does, rounded alike
    if op == "conv_transpose":
        crops, extra, ends = _crops(window)
        convolve = _CONV_TRANSPOSE[window.rank]

        def transpose(y: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            out = convolve(y, weight, bias, strides, crops, extra, groups, dilation)
            return F.pad(out, ends) if any(ends) else out

        def transpose_with_zeros(y: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            out = transpose(y, weight, None)
            return out if bias is None else add_bias(out, bias.reshape(-1, *[1] * window.rank))

        return transpose if max(ends, default=0) <= 0 else transpose_with_zeros
    convolve = _CONV[window.rank]
    even = all(before == after for before, after in window.pads)
    pads = tuple([before for before, _ in window.pads]) if even else (0,) * window.rank
    around = None if even else flat(window.pads)
    pairs = tuple([(count, count) for count in pads])

    def run(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        x = x if around is None else F.pad(x, around)
        if weight.requires_grad and not is_module and goes_by_strips(x, weight, groups):
            return WithOwnGradient.apply(x, weight, strides, pairs, dilation, groups)  # pyright: ignore
        return convolve(x, weight, bias, strides, pads, dilation, groups)

    return run


def prepare_kernel(op: str, shape: Sequence[Any], context: Context) -> Callable[[Tensor, Tensor], Tensor] | None:
    """Return what `conv` and `depthwise_conv` do with a small kernel of two or three axes."""
    *taps, channels, multiplier = shape
    if len(taps) not in (2, 3) or None in shape:
        return None
    order = (-1, -2, *range(len(taps))) if op == "conv" else (-2, -1, *range(len(taps)))
    if op == "conv" and prod(shape) >= tuning.LIMITS["torch.reorder_kernel_values"]:
        return None
    if op != "conv" and multiplier > 1:
        ones = (channels * multiplier, 1, *taps)
        return lambda kernel, x: cpu.channels_last(kernel.permute(order).reshape(ones), x)
    if context.gradient or not tuning.STATE.cpu_kernels:
        return lambda kernel, x: cpu.channels_last(kernel.permute(order), x)
    layout = cpu.FORMAT[len(shape)]
    return lambda kernel, x: kernel.permute(order).contiguous(memory_format=layout)


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    if window.filters_first:
        return prepare_conv("conv", window)(x, kernel, None)
    if kernel.numel() < tuning.LIMITS["torch.reorder_kernel_values"]:
        return _conv(x, kernel.permute(-1, -2, *range(kernel.ndim - 2)), window, window.groups)
    reorders = cpu.may_reorder(kernel) and x.is_cpu and not requires_grad(x, kernel)
    if reorders and kernel_name("conv", x.shape, kernel.shape, window, dtype(x), _CPU) == "adjoint":
        return cpu.conv_by_adjoint(x, kernel, window)
    return _conv(x, cpu.filters_first(kernel), window, window.groups)


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    *taps, channels, multiplier = kernel.shape
    weight = kernel.permute(-2, -1, *range(len(taps)))
    if multiplier > 1:
        weight = weight.flatten(0, 1).unsqueeze(1)
    return _conv(x, weight, window, channels)


def _conv(x: Tensor, weight: Tensor, window: ConvWindow, groups: int) -> Tensor:
    first, last = channels_first(x, window.channels_last), window.channels_last
    strides, pads, dilation = window.strides, window.pads, window.dilation
    if len(strides) == 1:
        # PyTorch copies a channels-last axis to and fro for conv1d; conv2d on a plane one value high takes it as it is.
        strides, pads, dilation = (1, *strides), ((0, 0), *pads), (1, *dilation)
        out = _convolve(first.unsqueeze(2), weight.unsqueeze(2), strides, pads, dilation, groups)
        return as_given(out.squeeze(2), last)
    return as_given(_convolve(first, weight, strides, pads, dilation, groups), last)


def _convolve(x: Tensor, weight: Tensor, strides: Any, pads: Any, dilation: Any, groups: int) -> Tensor:
    weight = cpu.channels_last(weight, x)
    symmetric = True
    for before, after in pads:
        symmetric = symmetric and before == after
    differentiated = not symmetric and requires_grad(x, weight)
    remade = differentiated and is_remade(x.nbytes, weight.numel() / max(x.shape[1], 1), strides)
    options = tuple(strides), tuple(pads), tuple(dilation), groups
    if remade or goes_by_strips(x, weight, groups):
        return WithOwnGradient.apply(x, weight, *options)  # pyright: ignore
    if symmetric or differentiated or torch.compiler.is_compiling():
        x = x if symmetric else F.pad(x, flat(pads))
        pad = [before for before, _ in pads] if symmetric else 0
        return _CONV[len(strides)](x, weight, None, strides, pad, dilation, groups)
    return convolve_uneven(x, weight, *options)


def _crops(window: ConvWindow) -> tuple[tuple[int, ...], tuple[int, ...], list[int]]:
    """Return PyTorch's `padding` and `output_padding` of a transposed convolution, and what is padded after it."""
    # `padding` crops both sides alike and `output_padding` gives back at the end; the rest is sliced off. What
    # must be given back beyond PyTorch's limit is zeros: no window reads it.
    rows = list(zip(window.pads, window.leftovers, window.strides, window.dilation, strict=True))
    crops = [min(before, max(after - leftover, 0)) for (before, after), leftover, _, _ in rows]
    extra = [
        min(max(crop - (after - leftover), 0), max(stride, dilation) - 1)
        for crop, ((_, after), leftover, stride, dilation) in zip(crops, rows, strict=True)
    ]
    ends: list[int] = []
    for crop, given_back, ((before, after), leftover, _, _) in reversed(list(zip(crops, extra, rows, strict=True))):
        ends += [crop - before, leftover - after + crop - given_back]
    return tuple(crops), tuple(extra), ends


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    if window.filters_first:
        return prepare_conv("conv_transpose", window)(y, kernel, None)
    crops, extra, ends = _crops(window)
    first = channels_first(y, window.channels_last)
    is_1d = window.rank == 1
    if is_1d:
        first, kernel = first.unsqueeze(2), kernel.unsqueeze(0)
    out = _CONV_TRANSPOSE[max(window.rank, 2)](
        first,
        cpu.channels_last(cpu.filters_first(kernel), first),
        stride=(1, *window.strides) if is_1d else window.strides,
        padding=(0, *crops) if is_1d else crops,
        output_padding=(0, *extra) if is_1d else extra,
        dilation=(1, *window.dilation) if is_1d else window.dilation,
        groups=window.groups,
    )
    out = out.squeeze(2) if is_1d else out
    return as_given(F.pad(out, ends) if any(ends) else out, window.channels_last)


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
