"""One class per framework: arrays in and out, gradients, compilation.

`CONVPAD_BACKENDS` names those a test process is to load (a comma list); the runs of `make test` load one each.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

CHOSEN = os.environ.get("CONVPAD_BACKENDS", "numpy,jax,tensorflow,torch").split(",")
ENGINES = [name for name in CHOSEN if name != "numpy"]


class Numpy:
    """NumPy arrays: the oracle itself, so that a law can be held against it too."""

    name = "numpy"
    dtypes = ("float64", "float32", "float16")

    def tensor(self, array: Any, dtype: str | None = None) -> Any:
        return np.asarray(array, dtype)

    def numpy(self, tensor: Any) -> Any:
        return np.asarray(tensor)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function


class Jax:
    """JAX with 64 bits allowed."""

    name = "jax"
    dtypes = ("float64", "float32", "bfloat16", "float16")

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self.jax = jax

    def tensor(self, array: Any, dtype: str | None = None) -> Any:
        return self.jax.numpy.asarray(array, dtype)

    def numpy(self, tensor: Any) -> Any:
        array = np.asarray(tensor)
        return array.astype(np.float64) if array.dtype.name == "bfloat16" else array

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return self.jax.jit(function)

    def gradients(self, function: Callable[..., Any], arrays: list[Any], cotangent: Any) -> list[Any]:
        # One program: operation by operation XLA compiles each of them, which takes four times as long.
        back = self.jax.jit(lambda cotangent, *arrays: self.jax.vjp(function, *arrays)[1](cotangent))
        return [self.numpy(gradient) for gradient in back(self.tensor(cotangent), *map(self.tensor, arrays))]


class Tensorflow:
    """TensorFlow, eager; compiled is a tf.function."""

    name = "tensorflow"
    dtypes = ("float64", "float32", "bfloat16", "float16")

    def __init__(self) -> None:
        import tensorflow

        self.tf = tensorflow

    def tensor(self, array: Any, dtype: str | None = None) -> Any:
        array = np.asarray(array)
        return self.tf.constant(array) if dtype is None else self.tf.cast(self.tf.constant(array), dtype)

    def numpy(self, tensor: Any) -> Any:
        return (self.tf.cast(tensor, "float64") if tensor.dtype.name == "bfloat16" else tensor).numpy()

    def compiled(self, function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
        return self.tf.function(function, **options)

    def gradients(self, function: Callable[..., Any], arrays: list[Any], cotangent: Any) -> list[Any]:
        variables = [self.tf.Variable(array) for array in arrays]
        with self.tf.GradientTape() as tape:
            out = function(*variables)
        found = tape.gradient(out, variables, output_gradients=self.tensor(cotangent))
        return [self.tf.convert_to_tensor(gradient).numpy() for gradient in found]


class Torch:
    """PyTorch on the CPU."""

    name = "torch"
    dtypes = ("float64", "float32", "bfloat16", "float16")

    def __init__(self) -> None:
        import torch

        self.torch = torch

    def tensor(self, array: Any, dtype: str | None = None) -> Any:
        tensor = self.torch.as_tensor(np.array(array, order="C"))
        return tensor if dtype is None else tensor.to(getattr(self.torch, dtype))

    def numpy(self, tensor: Any) -> Any:
        tensor = tensor.detach()
        return (tensor.double() if tensor.dtype == self.torch.bfloat16 else tensor).numpy()

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        self.torch.compiler.reset()  # it counts the programs compiled from one method, and stops at eight
        return self.torch.compile(function, backend="aot_eager", fullgraph=True)

    def gradients(self, function: Callable[..., Any], arrays: list[Any], cotangent: Any) -> list[Any]:
        tensors = [self.tensor(array).requires_grad_() for array in arrays]
        function(*tensors).backward(self.tensor(cotangent))
        return [tensor.grad.numpy() for tensor in tensors]


@cache
def framework(name: str) -> Any:
    """The adapter of that name; this imports its framework."""
    return {"numpy": Numpy, "jax": Jax, "tensorflow": Tensorflow, "torch": Torch}[name]()
