"""What does a backend have to do to be timed? Pad and convolve in its own words, and run until it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy.typing as npt

__all__ = ["Engine", "Function", "Pairs", "Steps", "engine_of"]

Array = npt.NDArray[Any]
Tensor = Any
Function = Callable[[Tensor, Tensor], Tensor]
"""`(x, kernel) -> out`."""

Pairs = tuple[tuple[int, int], ...]
"""(before, after) for each spatial axis."""


@dataclass(frozen=True, slots=True)
class Steps:
    """A function that is compiled where its framework compiles.

    Args:
        forward: runs once, blocks until it is done, and returns the output.
        backward: the same for the output and its gradients: of the input, of the kernel.
    """

    forward: Callable[[], Tensor]
    backward: Callable[[], tuple[Tensor, Tensor, Tensor]]


class Engine(Protocol):
    """What each backend's file has. Tensors are channels last, kernels as Keras has them."""

    name: str
    pads: tuple[str, ...]
    """The modes that the framework's own function has."""
    padding: str
    """What that function is called."""

    def device(self) -> str:
        """What it computes on, as `convpad.plan` names it: "cpu", "gpu" or another."""
        ...

    def tensor(self, array: Array, dtype: str) -> Tensor:
        """An array on that device."""
        ...

    def array(self, tensor: Tensor) -> Array:
        """A tensor as float32."""
        ...

    def pad(self, x: Tensor, pairs: Pairs, modes: tuple[str, ...], value: float = 0.0) -> Tensor:
        """With the framework's own function, which must have every mode; `ignore` is zeros, `constant` the value."""
        ...

    def convolution(self, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]) -> str:
        """What the framework's own convolution without padding is called; "" where it has none for such windows."""
        ...

    def valid(
        self, x: Tensor, kernel: Tensor, *, depthwise: bool, strides: tuple[int, ...], dilation: tuple[int, ...]
    ) -> Tensor:
        """That convolution."""
        ...

    def ones(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Of the dtype of another tensor, where it is."""
        ...

    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        """The transposed of a function that is affine in its input, of that shape, by the framework's gradient."""
        ...

    def bound(self, layer: Any, call: Callable[[Tensor], Tensor]) -> Function:
        """What calls a Keras layer, as a function of its kernel too."""
        ...

    def steps(self, function: Function, x: Tensor, kernel: Tensor, cotangent: Tensor) -> Steps:
        """A function that is ready to run; its gradients are those of the sum of (output * cotangent)."""
        ...


def engine_of(backend: str) -> Engine:
    """The engine of that backend; this imports its framework."""
    return import_module(f"{__name__}.{backend}").ENGINE
