"""How is PyTorch timed? Eagerly: forward without gradients, or with `torch.autograd.grad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.benchmark.runners import Function, Pairs, Steps

__all__ = ["ENGINE", "Torch", "convolved"]

CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
WORDS = {"zeros": "constant", "ignore": "constant", "constant": "constant"}
WORDS |= {"reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def convolved(
    x: Any, weight: Any, amounts: Any, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]
) -> Any:
    """PyTorch's convolution: channels first, kernels as it has them."""
    return CONV[x.ndim - 2](x, weight, None, strides, amounts, dilation, x.shape[1] if depthwise else 1)


class Torch:
    """See `Engine`."""

    name = "torch"
    pads = tuple(WORDS)
    padding = "F.pad"

    def device(self) -> str:
        return "gpu" if torch.cuda.is_available() else "cpu"

    def tensor(self, array: Any, dtype: str) -> Any:
        place = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.tensor(array).to(place, getattr(torch, dtype))

    def array(self, tensor: Any) -> Any:
        return tensor.detach().float().cpu().numpy()

    def pad(self, x: Any, pairs: Pairs, modes: tuple[str, ...], value: float = 0.0) -> Any:
        if len(set(modes)) > 1:
            for axis, mode in enumerate(modes):
                alone = tuple(pair if place == axis else (0, 0) for place, pair in enumerate(pairs))
                x = self.pad(x, alone, (mode,) * len(modes), value)
            return x
        flat = [amount for pair in reversed(pairs) for amount in pair]
        number = {"constant": value, "zeros": 0.0, "ignore": 0.0}.get(modes[0])
        return F.pad(x.movedim(-1, 1), flat, WORDS[modes[0]], number).movedim(1, -1)

    def convolution(self, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]) -> str:
        return f"F.conv{len(strides)}d"

    def valid(self, x: Any, kernel: Any, **window: Any) -> Any:
        if window["depthwise"]:
            kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
        weight = kernel.movedim((-1, -2), (0, 1)).contiguous()
        return convolved(x.movedim(-1, 1), weight, 0, **window).movedim(1, -1)

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return torch.ones(shape, dtype=like.dtype, device=like.device)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        def transposed(y: Any, kernel: Any) -> Any:
            further = torch.is_grad_enabled()
            x = torch.zeros(shape, dtype=y.dtype, device=y.device, requires_grad=True)
            with torch.enable_grad():
                out = function(x, kernel)
            return torch.autograd.grad(out, x, y, create_graph=further)[0]

        return transposed

    def bound(self, layer: Any, call: Callable[[Any], Any]) -> Function:
        return lambda x, kernel: call(x)

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        tracked = x.detach().requires_grad_()
        if kernel.is_leaf:
            kernel.requires_grad_()

        def forward() -> Any:
            with torch.no_grad():
                return self._done(function(x, kernel))

        def backward() -> tuple[Any, Any, Any]:
            out = function(tracked, kernel)
            return self._done((out.detach(), *torch.autograd.grad(out, (tracked, kernel), cotangent)))

        return Steps(forward, backward)

    def _done(self, tensors: Any) -> Any:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return tensors


ENGINE = Torch()
