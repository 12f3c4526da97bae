"""PyTorch: our `Conv2d`, PyTorch's own, and subclasses of it that pad by hand as they stand in many repositories."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

from benchmarks.modules import Contestant, Group, arrays
from benchmarks.modules.rows import AGAIN, OURS, ModuleRow

__all__ = ["forget", "groups"]

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class TwoPads(nn.Conv2d):
    """The patch for seamless textures: a pad for each axis, then a convolution without padding."""

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        height, width = self.padding
        padded = F.pad(input, (width, width, 0, 0), mode="circular")
        padded = F.pad(padded, (0, 0, height, height), mode="constant")
        return F.conv2d(padded, weight, bias, self.stride, 0, self.dilation, self.groups)


class OnePad(nn.Conv2d):
    """A faster form of it: the convolution pads one axis with zeros by itself."""

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        height, width = self.padding
        padded = F.pad(input, (width, width, 0, 0), mode="circular")
        return F.conv2d(padded, weight, bias, self.stride, (height, 0), self.dilation, self.groups)


class Joined(nn.Conv2d):
    """The fastest form on channels-last memory, which `F.pad` does not keep where it wraps around."""

    def _conv_forward(self, input: Any, weight: Any, bias: Any) -> Any:
        height, width = self.padding
        padded = torch.cat((input[..., -width:], input, input[..., :width]), 3)
        return F.conv2d(padded, weight, bias, self.stride, (height, 0), self.dilation, self.groups)


class DynamicSame(nn.Conv2d):
    """TensorFlow's `same`: the amounts are computed from the input in every call, as networks ported from there do."""

    def forward(self, input: Any) -> Any:
        height, width = input.shape[-2:]
        window, stride, dilation = self.weight.shape[-2:], self.stride, self.dilation
        rows = max((-(height // -stride[0]) - 1) * stride[0] + (window[0] - 1) * dilation[0] + 1 - height, 0)
        columns = max((-(width // -stride[1]) - 1) * stride[1] + (window[1] - 1) * dilation[1] + 1 - width, 0)
        if rows > 0 or columns > 0:
            input = F.pad(input, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return F.conv2d(input, self.weight, self.bias, stride, 0, dilation, self.groups)


class StaticSame(nn.Conv2d):
    """The same for one size of the input: a padding layer in front, with the amounts written down."""

    def __init__(self, *arguments: Any, pad: tuple[int, ...], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pad = nn.ZeroPad2d(pad)

    def forward(self, input: Any) -> Any:
        return super().forward(self.pad(input))


def _modules(row: ModuleRow, mode: str) -> dict[str, nn.Module]:
    """Return the modules by name, the host's or those written by hand first, ours at the end."""
    import convpad.torch as convpad_torch

    half = row.window // 2
    options: dict[str, Any] = {"stride": row.stride, "groups": row.groups}

    def build(kind: Callable[..., nn.Module], **more: Any) -> nn.Module:
        return kind(row.channels, row.filters, row.window, **options, **more)

    match mode:
        case "zeros":
            theirs = {"torch.nn": build(nn.Conv2d, padding=half), AGAIN: build(nn.Conv2d, padding=half)}
            ours = build(convpad_torch.Conv2d, padding=half)
        case "zeros x circular":
            kinds = {"two F.pad": TwoPads, "F.pad": OnePad, "torch.cat": Joined}
            theirs = {name: build(kind, padding=half) for name, kind in kinds.items()}
            ours = build(convpad_torch.Conv2d, padding=half, padding_mode=row.spelled(mode))
        case "same":
            rows, columns = row.same_pairs()
            theirs = {"Conv2dSame": build(DynamicSame), "ZeroPad2d": build(StaticSame, pad=(*columns, *rows))}
            ours = build(convpad_torch.Conv2d, padding="same")
        case _:
            theirs = {"torch.nn": build(nn.Conv2d, padding=half, padding_mode=mode)}
            ours = build(convpad_torch.Conv2d, padding=half, padding_mode=mode)
    return {**theirs, OURS: ours}


def _contestant(module: nn.Module, row: ModuleRow, memory: torch.memory_format, *, compiled: bool) -> Contestant:
    tensors = [torch.tensor(array) for array in arrays(row)]
    x, cotangent = (tensor.contiguous(memory_format=memory) for tensor in (tensors[0], tensors[-1]))
    parameters = dict(module.named_parameters())
    with torch.no_grad():
        for name, tensor in zip(("weight", "bias"), tensors[1:3], strict=True):
            parameters[name].copy_(tensor)
    module = module.to(memory_format=memory)  # pyright: ignore
    variables = [x.clone(memory_format=memory).requires_grad_(), *(parameters[name] for name in ("weight", "bias"))]
    call = torch.compile(module, fullgraph=True, dynamic=False) if compiled else module

    def forward() -> Any:
        with torch.no_grad():
            return call(x)

    def gradient() -> tuple[Any, ...]:
        output = call(variables[0])
        return (output, *torch.autograd.grad(output, variables, cotangent))

    return Contestant(forward, gradient, lambda tensor: tensor.detach().contiguous().numpy())


def groups(row: ModuleRow, mode: str) -> Iterator[Group]:
    """Yield the contestants in both memory formats: eager, and compiled where the row asks for it."""
    for compiled in (False, True) if mode in row.compiled else (False,):
        for name, memory in FORMATS.items():
            modules = _modules(row, mode)
            if compiled:  # which takes seconds for each of them
                modules = {kind: module for kind, module in modules.items() if kind not in (AGAIN, "two F.pad")}
            contestants = {
                kind: _contestant(module, row, memory, compiled=compiled) for kind, module in modules.items()
            }
            yield Group(f"{name}, {'compiled' if compiled else 'eager'}", contestants)


def forget() -> None:
    """Forget compiled programs."""
    torch.compiler.reset()
