"""Convolutions in PyTorch whose sides are padded differently, without a padded copy."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends.torch.padding import flat, symmetrised
from convpad.backends.torch.tensors import Tensor
from convpad.core.window import spanned

CONV: dict[int, Any] = {2: F.conv2d, 3: F.conv3d}

Ints = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]


def forward(x: Tensor, weight: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int) -> Tensor:
    """Return the convolution: padded equally on both sides, and its outputs to spare dropped."""
    rows = [symmetrised(pair, stride) for pair, stride in zip(pads, strides, strict=True)]
    pad = tuple([pad for pad, _ in rows])
    out = CONV[len(rows)](x, weight, None, strides, pad, dilation, groups)
    for axis, ((_, skipped), pair) in enumerate(zip(rows, pads, strict=True), 2):
        span = spanned(weight.shape[axis], dilation[axis - 2])
        out = out.narrow(axis, skipped, (x.shape[axis] + sum(pair) - span) // strides[axis - 2] + 1)
    return out


class Asymmetric(torch.autograd.Function):
    """A gradient that pads, once. That of the outputs dropped would be a strided copy of zeros, and with strides oneDNN
    takes 2 to 10 times as long for the gradient of a kernel that is padded more.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, *options: Any) -> Tensor:
        return forward(x, weight, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, weight, *ctx.options = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (x, weight), (strides, pads, dilation, groups) = gradients, ctx.saved_tensors, ctx.options
        needed = ctx.needs_input_grad[:2]
        none = [0] * len(pads)
        options = None, strides, none, dilation, False, none, groups, [*needed, False]
        padded = F.pad(x, flat(pads))
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(gradient, padded, weight, *options)
        if to_x is not None:
            for axis, (before, _) in enumerate(pads, 2):
                to_x = to_x.narrow(axis, before, x.shape[axis])
        return to_x, to_weight, None, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x, weight), (dx, dweight, *_) = ctx.saved_tensors, tangents
        return forward(dx, weight, *ctx.options) + forward(x, dweight, *ctx.options)
