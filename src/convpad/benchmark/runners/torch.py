"""PyTorch's runner: eager, forward without gradients, or with `torch.autograd.grad`."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends.base import Context
from convpad.benchmark.layer import Layer, Pairs
from convpad.benchmark.runners import Function, Runner, Steps


def convolve(x: Any, weight: Any, layer: Layer, amounts: Any) -> Any:
    """Return PyTorch's zero-padded convolution: channels first, kernels in PyTorch's layout."""
    groups = x.shape[1] // weight.shape[1]
    convolution = getattr(F, f"conv{x.ndim - 2}d")
    return convolution(x, weight, None, layer.strides, amounts, layer.dilation, groups)


class Torch(Runner):
    """See `Runner`."""

    name = "torch"
    pad_words: ClassVar[dict[str, Any]] = {
        "zeros": "constant", "ignore": "constant", "constant": "constant",
        "reflect": "reflect", "replicate": "replicate", "circular": "circular",
    }  # fmt: skip
    pad_function = "F.pad"

    def context(self, step: str) -> Context:
        return Context("gpu" if torch.cuda.is_available() else "cpu", gradient=step == "gradient")

    def tensor(self, array: Any, dtype: str) -> Any:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return torch.tensor(array).to(device, getattr(torch, dtype))

    def array(self, tensor: Any) -> Any:
        return tensor.detach().float().cpu().numpy()

    def _pad(self, x: Any, pairs: Pairs, mode: str, value: float) -> Any:
        amounts = [amount for pair in reversed(pairs) for amount in pair]
        number = {"constant": value, "zeros": 0.0, "ignore": 0.0}.get(mode)
        return F.pad(x.movedim(-1, 1), amounts, self.pad_words[mode], number).movedim(1, -1)

    def convolution_name(self, layer: Layer) -> str:
        return f"F.conv{len(layer.strides)}d"

    def convolve(self, x: Any, kernel: Any, layer: Layer) -> Any:
        if layer.is_depthwise:
            kernel = kernel.reshape(*kernel.shape[:-2], 1, -1)
        weight = kernel.movedim((-1, -2), (0, 1)).contiguous()
        return convolve(x.movedim(-1, 1), weight, layer, 0).movedim(1, -1)

    def ones(self, shape: tuple[int, ...], like: Any) -> Any:
        return torch.ones(shape, dtype=like.dtype, device=like.device)

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        def transposed(y: Any, kernel: Any) -> Any:
            differentiated_again = torch.is_grad_enabled()
            x = torch.zeros(shape, dtype=y.dtype, device=y.device, requires_grad=True)
            with torch.enable_grad():
                output = function(x, kernel)
            return torch.autograd.grad(output, x, y, create_graph=differentiated_again)[0]

        return transposed

    def steps(self, function: Function, x: Any, kernel: Any, cotangent: Any) -> Steps:
        tracked = x.detach().requires_grad_()
        if kernel.is_leaf:
            kernel.requires_grad_()

        def forward() -> Any:
            with torch.no_grad():
                return self._wait_for(function(x, kernel))

        def backward() -> tuple[Any, Any, Any]:
            output = function(tracked, kernel)
            return self._wait_for((output.detach(), *torch.autograd.grad(output, (tracked, kernel), cotangent)))

        return Steps(forward, backward)

    def _wait_for(self, tensors: Any) -> Any:
        """Return tensors once they are computed."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return tensors


RUNNER = Torch()
