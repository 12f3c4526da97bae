"""How does JAX pad?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
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


def unless_differentiated(
    alone: Callable[..., Tensor], differentiated: Callable[..., Tensor], *arrays: Tensor
) -> Tensor:
    if jax.device_count() > 1:
        return differentiated(*arrays)  # where an axis is spread over devices, a tensor of the same size stays there
    return _either(alone, differentiated, arrays)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _either(alone: Any, differentiated: Any, arrays: tuple[Tensor, ...]) -> Tensor:
    return alone(*arrays)


@_either.defjvp
def _either_jvp(alone: Any, differentiated: Any, primals: Any, tangents: Any) -> Any:
    return jax.jvp(differentiated, *primals, *tangents)


def remaking(padded: Tensor, remake: Callable[[], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    return nullcontext()


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = (*pair, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), around)
