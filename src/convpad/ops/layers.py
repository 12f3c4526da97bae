"""Biases and the memory of kernels, for layers: on the backend of their tensors, whichever that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convpad.backends import NAMES, backend_named, tensors_of


def add_bias(x: Any, bias: Any, *, channels_last: bool, unaliased: bool) -> Any:
    """Return a tensor plus one number per channel.

    Args:
        x: `(batch, *spatial, channels)`, or channels second.
        bias: `(channels,)`.
        channels_last: whether the channels are the last axis, or the second.
        unaliased: whether `x` may be overwritten.
    """
    bias = bias[(slice(None), *(() if channels_last else (None,) * (len(x.shape) - 2)))]
    backend, _ = tensors_of(("x", "bias"), (x, bias)) if unaliased else (None, ())
    return x + bias if backend is None else backend.add_bias(x, bias)


def set_kernel_layout(backend: str, kernel: Callable[[], Any], trailing_axes: int) -> None:
    """Reorder the memory of a kernel for the convolutions of a backend; its shape and values stay.

    Args:
        backend: a name; nothing is done for one that is not convpad's.
        kernel: returns the tensor, where its order matters.
        trailing_axes: the number of its last axes that are those of the outputs.
    """
    if backend in NAMES:
        backend_named(backend).set_kernel_layout(kernel, trailing_axes)
