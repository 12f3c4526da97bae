"""Layouts of arrays: channels last and channels first, for inputs, outputs and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Row
from convpad.benchmark.runners import Answers

__all__ = ["first_arrays", "kernel_first", "read"]

Array = npt.NDArray[Any]


def _first(array: Array) -> Array:
    """Return an array channels first."""
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def _last(array: Array) -> Array:
    """Return an array channels last."""
    return np.moveaxis(array, 1, -1)


def kernel_first(kernel: Array, row: Row) -> Array:
    """Return a kernel in the layout of PyTorch and Equinox; a depthwise one has a group for each channel."""
    if row.depthwise:
        kernel = np.swapaxes(kernel, -1, -2)
    return np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1)))


def _kernel_last(kernel: Array, row: Row) -> Array:
    """Return a kernel in Keras's layout: the inverse of `kernel_first`."""
    kernel = np.moveaxis(kernel, (0, 1), (-1, -2))
    return np.swapaxes(kernel, -1, -2) if row.depthwise else kernel


def first_arrays(arrays: tuple[Array, ...], row: Row) -> tuple[Array, ...]:
    """Return input, kernel and cotangent with channels first."""
    x, kernel, cotangent = arrays
    return _first(x), kernel_first(kernel, row), _first(cotangent)


def read(answers: Answers, layout: str, row: Row) -> Answers:
    """Return output and gradients of a layout with channels last, and the kernel's gradient in Keras's layout."""
    if layout == "last":
        return answers
    output, input_gradient, kernel_gradient = answers
    return _last(output), _last(input_gradient), _kernel_last(kernel_gradient, row)
