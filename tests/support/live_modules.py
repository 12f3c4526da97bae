"""Modules with forwards of their own, as libraries write them, for the tests of `repad_`."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn


def same_pairs(x: Tensor, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> list[int]:
    """TensorFlow's same for the last two axes, as F.pad takes it."""
    flat: list[int] = []
    for size, taps, step, spread in reversed(list(zip(x.shape[-2:], kernel, stride, dilation, strict=True))):
        total = max((-(size // -step) - 1) * step + (taps - 1) * spread + 1 - size, 0)
        flat += [total // 2, total - total // 2]
    return flat


class Standardised(nn.Conv2d):
    """Weight standardisation, as timm's StdConv2d has it."""

    def standardised(self) -> Tensor:
        return self.weight - self.weight.mean((1, 2, 3), keepdim=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.standardised(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class Hooked(nn.Conv2d):
    """Calls torch.nn's own hook with another weight, and does something afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * self._conv_forward(x, self.weight * 3, self.bias) + 1


class Same(nn.Conv2d):
    """TensorFlow's same, amounts from each input, as timm's Conv2dSame."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, same_pairs(x, self.kernel_size, self.stride, self.dilation))
        return F.conv2d(x, self.weight, self.bias, self.stride, (0, 0), self.dilation, self.groups)


class StandardisedSame(Standardised):
    """Both, as timm's StdConv2dSame."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, same_pairs(x, self.kernel_size, self.stride, self.dilation))
        return F.conv2d(x, self.standardised(), self.bias, self.stride, self.padding, self.dilation, self.groups)


class StaticSame(nn.Conv2d):
    """Pads by a module in it, for one size of image, as EfficientNet-PyTorch's static ones."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.static_padding = nn.ZeroPad2d((0, 1, 0, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.static_padding(x)
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class MaxSame(nn.MaxPool2d):
    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, same_pairs(x, self.kernel_size, self.stride, (1, 1)), value=-float("inf"))
        return F.max_pool2d(x, self.kernel_size, self.stride, (0, 0), self.dilation, self.ceil_mode)


class AverageSame(nn.AvgPool2d):
    """Counts its zeros, as timm's AvgPool2dSame."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, same_pairs(x, self.kernel_size, self.stride, (1, 1)))
        return F.avg_pool2d(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class Causal(nn.Conv3d):
    """A causal convolution with a cache, as in video VAEs: fewer pads where there is one."""

    def forward(self, x: Tensor, cache: Tensor | None = None) -> Tensor:
        pads = [1, 1, 1, 1, 2, 0]
        if cache is not None:
            x = torch.cat([cache, x], 2)
            pads[4] -= cache.shape[2]
        return super().forward(F.pad(x, pads))


class Adapted(nn.Conv2d):
    """A convolution with an adapter that may come later, as diffusers' LoRACompatibleConv had it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register_module("lora", None)

    def forward(self, x: Tensor, scale: float = 1.0) -> Tensor:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            x = F.pad(x, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0, 0)
        out = F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)
        return out if self.lora is None else out + scale * self.lora(x)


class Wrapper(nn.Module):
    """An adapter around a convolution, as peft's."""

    def __init__(self, base: nn.Conv2d, rank: int = 2) -> None:
        super().__init__()
        self.base_layer = base
        options = {"kernel_size": base.kernel_size, "stride": base.stride, "padding": base.padding, "bias": False}
        self.lora_A = nn.ModuleDict({"default": nn.Conv2d(base.in_channels, rank, **options)})
        self.lora_B = nn.ModuleDict({"default": nn.Conv2d(rank, base.out_channels, 1, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        return self.base_layer(x) + self.lora_B["default"](self.lora_A["default"](x))


class Twice(nn.Conv2d):
    """Convolves twice with its own weight."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + super().forward(x.flip(-1)).flip(-1)


class Branching(nn.Conv2d):
    """Pads with zeros around what it has padded circularly."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(F.pad(x, (1, 1, 1, 1), mode="circular"), (1, 1, 1, 1))
        return F.conv2d(x, self.weight, self.bias)


class Failing(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("no such cable")


class Odd(nn.Conv2d):
    """Pads by amounts that no rule has."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (x.shape[-1] % 2, 0, 0, 0)))


class Down(nn.Module):
    """Pads in its forward, as diffusers' Downsample2D."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class DownByMethod(Down):
    """Pads in a method that its forward calls."""

    def forward(self, x: Tensor) -> Tensor:
        return self.down(x)

    def down(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Magnitude(nn.Module):
    """Convolves anew with the weight of a convolution, by a function that it holds, as peft's DoRA."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_fn = F.conv2d

    def forward(self, x: Tensor, base: nn.Conv2d) -> Tensor:
        return self.conv_fn(x, base.weight, padding=base.padding)


class Renamed(nn.Module):
    """Convolves by a function under another name."""

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        convolve = F.conv1d if x.dim() == 3 else F.conv2d
        return convolve(x, weight, padding=1)


class Up(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "nearest":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        return resized(x)


class Nearest(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode="nearest")


def resized(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


class SelfAttention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        rows = x.flatten(2).transpose(1, 2)
        return F.scaled_dot_product_attention(rows, rows, rows).transpose(1, 2).reshape(x.shape)


class Tiled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.use_tiling = True

    def forward(self, x: Tensor) -> Tensor:
        return x
