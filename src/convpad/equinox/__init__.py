"""Equinox layers with any padding: equinox.nn's own, under their own names."""

from __future__ import annotations

try:
    import equinox as _equinox  # noqa: F401 (Equinox, not this package)
except ModuleNotFoundError as _error:
    from convpad.core.errors import not_installed

    is_missing = _error.name in ("equinox", "jax")
    raise not_installed("convpad.equinox", "Equinox", "equinox") if is_missing else _error from None

from convpad.equinox.convolution import Conv, Conv1d, Conv2d, Conv3d
from convpad.equinox.pooling import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from convpad.equinox.transposed import ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "Conv",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]
