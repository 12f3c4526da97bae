"""Convolutions with a gradient of their own: sides that differ, and kernels of large images.

For the gradient of a kernel oneDNN goes through an image once for every few channels and filters. Of a large image in
channels-last memory it reads all channels each time, and no longer from the cache. A strip of rows stays there, and is
soon put into the other order. With vectors of 512 bits oneDNN has another kernel, faster than strips.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad import tuning
from convpad.backends.processor import vector_bits
from convpad.backends.torch.padding import flat, symmetrised
from convpad.backends.torch.tensors import Tensor, is_channels_last_memory, is_functorch, requires_grad
from convpad.core.window import spanned

_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def goes_by_strips(x: Tensor, weight: Tensor, groups: int) -> bool:
    """Return whether the gradient of a weight, if one is asked for, is summed over strips of the input."""
    return _has_large_images(x, weight, groups) and requires_grad(weight)


def _has_large_images(x: Tensor, weight: Tensor, groups: int) -> bool:
    if x.numel() < tuning.LIMITS["torch.strips_min_values"] * x.shape[0] or x.ndim != 4 or groups > 1 or not x.numel():
        return False
    filters, channels, *taps = weight.shape
    return (
        filters * channels >= tuning.LIMITS["torch.strips_min_kernels"]
        and tuning.LIMITS["torch.strips_max_vector_bits"] >= vector_bits()
        and prod(taps) > 1
        and x.is_cpu
        and x.dtype is torch.float32
        and tuning.STATE.cpu_kernels
        and not torch.compiler.is_compiling()
        and not (is_functorch(x) or is_functorch(weight))
        and is_channels_last_memory(x)
    )


def convolve_uneven(x: Tensor, weight: Tensor, strides: Any, pads: Any, dilation: Any, groups: int) -> Tensor:
    """Return a convolution whose sides may differ: padded equally on both, and its outputs to spare dropped."""
    rows = [symmetrised(pair, stride) for pair, stride in zip(pads, strides, strict=True)]
    pad = tuple([pad for pad, _ in rows])
    out = _CONV[len(rows)](x, weight, None, strides, pad, dilation, groups)
    for axis, ((_, skipped), pair) in enumerate(zip(rows, pads, strict=True), 2):
        count = (x.shape[axis] + sum(pair) - spanned(weight.shape[axis], dilation[axis - 2])) // strides[axis - 2] + 1
        if count < out.shape[axis]:
            out = out.narrow(axis, skipped, count)
    return out


class WithOwnGradient(torch.autograd.Function):
    """A gradient that pads once, and goes over large images in strips.

    Where sides differ, the gradient of the outputs dropped would be a strided copy of zeros, and with strides oneDNN
    takes 2 to 10 times as long for the gradient of a kernel that is padded more.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, *options: Any) -> Tensor:
        return convolve_uneven(x, weight, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, weight, *ctx.options = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (x, weight), (strides, pads, dilation, groups) = gradients, ctx.saved_tensors, ctx.options
        even = all(before == after for before, after in pads)
        padded, pad = (x, [before for before, _ in pads]) if even else (F.pad(x, flat(pads)), [0] * len(pads))
        options = None, strides, pad, dilation, False, [0] * len(pads), groups
        for_x, for_weight = ctx.needs_input_grad[:2]
        to_x = to_weight = None
        if for_weight and _has_large_images(padded, weight, groups):
            to_weight, for_weight = _gradient_in_strips(gradient, padded, weight, *options[1:4]), False
        if for_x or for_weight:
            needed = [for_x, for_weight, False]
            to_x, rest, _ = torch.ops.aten.convolution_backward(gradient, padded, weight, *options, needed)
            to_weight = rest if for_weight else to_weight
        if to_x is not None and not even:
            for axis, (before, _) in enumerate(pads, 2):
                to_x = to_x.narrow(axis, before, x.shape[axis])
        return to_x, to_weight, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x, weight), (dx, dweight, *_) = ctx.saved_tensors, tangents
        return convolve_uneven(dx, weight, *ctx.options) + convolve_uneven(x, dweight, *ctx.options)


def _gradient_in_strips(gradient: Tensor, x: Tensor, weight: Tensor, strides: Any, pads: Any, dilation: Any) -> Tensor:
    """Return the gradient of a weight, summed over strips of the first spatial axis that is longer than 1."""
    axis = 2 if x.shape[2] > 1 else 3
    size, stride, pad, outputs = x.shape[axis], strides[axis - 2], pads[axis - 2], gradient.shape[axis]
    span = spanned(weight.shape[axis], dilation[axis - 2])
    rows = max(tuning.LIMITS["torch.strip_values"] * size * x.shape[0] // x.numel() // stride, 1)
    others = [0 if index == axis - 2 else count for index, count in enumerate(pads)]
    options = None, strides, others, dilation, False, [0, 0], 1, [False, True, False]
    total, weight = torch.zeros_like(weight), weight.contiguous()
    for image in range(x.shape[0]):
        for first in range(0, outputs, rows):
            count = min(rows, outputs - first)
            start = first * stride - pad
            stop = start + (count - 1) * stride + span
            inside = max(start, 0), min(stop, size)
            if inside[0] >= inside[1]:
                continue  # nothing but padding
            part = x.narrow(0, image, 1).narrow(axis, inside[0], inside[1] - inside[0])
            if inside != (start, stop):
                part = F.pad(part, [*[0, 0] * (3 - axis), inside[0] - start, stop - inside[1]])
            share = gradient.narrow(0, image, 1).narrow(axis, first, count).contiguous()
            term = torch.ops.aten.convolution_backward(share, part.contiguous(), weight, *options)[1]
            total = total + term
    return total
