"""Runners: one class for each framework, which pads, convolves, differentiates, and waits for the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy.typing as npt

from convpad.backends import backend_named
from convpad.backends.base import Context
from convpad.benchmark.layer import Layer, Pairs

__all__ = ["Answers", "Function", "Pairs", "Runner", "Steps", "runner_of"]

Array = npt.NDArray[Any]
Tensor = Any
Function = Callable[[Tensor, Tensor], Tensor]
"""`(x, kernel) -> output`."""

Answers = tuple[Array, Array, Array]
"""Output, gradient of the input, gradient of the kernel: arrays, channels last, kernels in Keras's layout."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The two timed steps of a function, compiled where the framework compiles.

    Args:
        forward: runs once, blocks until the output is there, and returns it.
        backward: runs forward and backward once; returns the output and the gradients of the input and of the kernel.
    """

    forward: Callable[[], Tensor]
    backward: Callable[[], tuple[Tensor, Tensor, Tensor]]

    def run(self, step: str) -> Callable[[], Any]:
        """Return the callable of a step, `"forward"` or `"gradient"`."""
        return self.forward if step == "forward" else self.backward


class Runner(ABC):
    """One framework. Tensors are channels last, kernels in Keras's layout."""

    name: ClassVar[str]
    pad_words: ClassVar[dict[str, Any]]
    """The modes of the framework's own pad: convpad's name to the framework's."""
    pad_function: ClassVar[str]
    """The name of the framework's own pad."""

    def context(self, step: str) -> Context:
        """Return the circumstances of convpad's calls in a step."""
        return backend_named(self.name).context()

    @abstractmethod
    def tensor(self, array: Array, dtype: str) -> Tensor:
        """Return an array as a tensor on that device."""

    @abstractmethod
    def array(self, tensor: Tensor) -> Array:
        """Return a tensor as an array, in float32."""

    def arrays(self, tensors: tuple[Tensor, Tensor, Tensor]) -> Answers:
        """Return the tensors of a backward step as arrays."""
        return self.array(tensors[0]), self.array(tensors[1]), self.array(tensors[2])

    def pad(self, x: Tensor, pairs: Pairs, modes: tuple[str, ...], value: float = 0.0) -> Tensor:
        """Pad with the framework's own function: one call where all axes have one mode, else one for each axis.

        `ignore` is padded with zeros, `constant` with the value.
        """
        if len(set(modes)) == 1:
            return self._pad(x, pairs, modes[0], value)
        for axis, mode in enumerate(modes):
            alone = tuple(pair if index == axis else (0, 0) for index, pair in enumerate(pairs))
            x = self._pad(x, alone, mode, value)
        return x

    @abstractmethod
    def _pad(self, x: Tensor, pairs: Pairs, mode: str, value: float) -> Tensor:
        """Pad all axes with one mode."""

    @abstractmethod
    def convolution_name(self, layer: Layer) -> str:
        """Return the name of the framework's own convolution; "" where it has none with the strides of the layer."""

    @abstractmethod
    def convolve(self, x: Tensor, kernel: Tensor, layer: Layer) -> Tensor:
        """Return the unpadded convolution with the strides, the dilation and the kind of kernel of a layer."""

    @abstractmethod
    def ones(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Return ones of the dtype and on the device of another tensor."""

    @abstractmethod
    def adjoint(self, function: Function, shape: tuple[int, ...]) -> Function:
        """Return the adjoint of a function that is affine in its input of that shape, by the framework's gradient."""

    def bind(self, layer: Any, call: Callable[[Tensor], Tensor]) -> Function:
        """Return a call of a Keras layer as a function of the layer's kernel too."""
        return lambda x, kernel: call(x)

    @abstractmethod
    def steps(self, function: Function, x: Tensor, kernel: Tensor, cotangent: Tensor) -> Steps:
        """Return the steps of a function; the gradients are those of the sum of (output * cotangent)."""


def runner_of(backend: str) -> Runner:
    """Return the runner of a backend; this imports the framework."""
    return import_module(f"{__name__}.{backend}").RUNNER
