"""How does JAX pad?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from convpad.ops._backends import Ints, Pairs
from convpad.ops._backends.jax.tensors import Tensor
from convpad.problem import Problem


def native(problem: Problem, ignored: bool) -> str:
    return "jax counts the zeros of an average" if ignored and problem.op == "average_pool" else ""


def extended(x: Tensor, problem: Problem, values: Any, *, own: bool) -> None:
    return None


def with_gradient(
    forward: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor], x: Tensor, *, shared: bool
) -> Tensor:
    return forward(x)


def recomputing(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return jax.checkpoint(function)  # pyright: ignore


def remaking(padded: Tensor, remake: Callable[[], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    return nullcontext()


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = (*pair, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), around)
