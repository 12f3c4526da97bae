"""How do arrays change between channels last and channels first? Inputs, outputs, and kernels of both kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Row

__all__ = ["first", "kernel_first", "kernel_last", "last"]

Array = npt.NDArray[Any]


def first(array: Array) -> Array:
    """Channels first."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def last(array: Array) -> Array:
    """Channels last."""
    return np.moveaxis(array, 1, -1)


def kernel_first(kernel: Array, row: Row) -> Array:
    """A kernel of Keras as PyTorch and Equinox have it; a depthwise one has a group for each channel."""
    if row.depthwise:
        kernel = np.swapaxes(kernel, -1, -2)
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def kernel_last(kernel: Array, row: Row) -> Array:
    """What `kernel_first` was given."""
    kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
    return np.swapaxes(kernel, -1, -2) if row.depthwise else kernel
