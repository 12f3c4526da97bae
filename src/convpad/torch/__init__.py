"""PyTorch modules with any padding: torch.nn's own, under their own names, and `Pad1d` to `Pad3d`."""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401 (PyTorch, not this package)
except ModuleNotFoundError as _error:
    from convpad.core.errors import not_installed

    raise not_installed("convpad.torch", "PyTorch", "torch") if _error.name == "torch" else _error from None

from convpad.torch.convolution import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
)
from convpad.torch.live import Handle, repad_
from convpad.torch.padding import Pad1d, Pad2d, Pad3d
from convpad.torch.pooling import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from convpad.torch.upsampling import Upsample

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Handle",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "Pad1d",
    "Pad2d",
    "Pad3d",
    "Upsample",
    "repad_",
]
