"""How does PyTorch convolve what is padded differently on both sides?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends.torch.padding import evened, flat
from convpad.backends.torch.tensors import Tensor
from convpad.core.window import spanned

CONV: dict[int, Any] = {2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class Window:
    """A convolution whose sides are padded differently."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        """Padded alike on both sides, with outputs to spare, which are dropped: nothing is copied."""
        rows = [evened(pair, stride) for pair, stride in zip(self.pads, self.strides, strict=True)]
        pad = tuple([pad for pad, _ in rows])
        out = CONV[len(rows)](x, weight, None, self.strides, pad, self.dilation, self.groups)
        for axis, ((_, skipped), pair) in enumerate(zip(rows, self.pads, strict=True), 2):
            span = spanned(weight.shape[axis], self.dilation[axis - 2])
            out = out.narrow(axis, skipped, (x.shape[axis] + sum(pair) - span) // self.strides[axis - 2] + 1)
        return out


class Uneven(torch.autograd.Function):
    """Its gradient pads, once. That of the outputs dropped would be a strided copy of zeros, and with strides oneDNN
    takes 2 to 10 times as long for the gradient of a kernel that more is padded for.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, weight: Tensor, window: Window) -> Tensor:
        return window.forward(x, weight)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, weight, ctx.window = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (x, weight), window = gradients, ctx.saved_tensors, ctx.window
        wanted = ctx.needs_input_grad[:2]
        none = [0] * len(window.pads)
        options = None, window.strides, none, window.dilation, False, none, window.groups, [*wanted, False]
        padded = F.pad(x, flat(window.pads))
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(gradient, padded, weight, *options)
        if to_x is not None:
            for axis, (before, _) in enumerate(window.pads, 2):
                to_x = to_x.narrow(axis, before, x.shape[axis])
        return to_x, to_weight, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (x, weight), (dx, dweight, _) = ctx.saved_tensors, tangents
        return ctx.window.forward(dx, weight) + ctx.window.forward(x, dweight)
