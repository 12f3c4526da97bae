"""Padding in JAX, and the functions that JAX computes differently where it differentiates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from convpad.backends.jax.tensors import Tensor, is_sharded
from convpad.core.problem import Problem, sources


def why_not_native(problem: Problem, *, ignored: bool) -> str:
    return "jax counts the zeros of an average" if ignored and problem.op == "average_pool" else ""


def framework_pad(x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
    # One gather for all axes, where all padding is copies, takes a third of the time of parts joined. Its gradient is a
    # sum of values one by one. Where an axis is spread over devices, it would be fetched whole.
    places = None if needs_gradient or is_sharded() else sources(problem)
    if places is None:
        return None
    lead = (slice(None),) * (1 if problem.channels_last else 2)
    return x[(*lead, *np.ix_(*places))]


def with_custom_vjp(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], x: Tensor, *, aliased: bool
) -> Tensor:
    return forward(x) if is_sharded() else _adjoint(forward, backward, x)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _adjoint(forward: Any, back: Any, x: Tensor) -> Tensor:
    return forward(x)


@_adjoint.defjvp
def _adjoint_jvp(forward: Any, back: Any, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    out = _adjoint(forward, back, *primals)
    # The adjoint of its adjoint: what is transposed twice is `back` as it is written.
    return out, jax.vjp(back, jnp.zeros_like(out))[1](*tangents)[0]


def remakes_padded(problem: Problem, dtype: str) -> bool:
    return True


def rematerialise(make: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return jax.checkpoint(lambda x: run(make(x)))(x)  # pyright: ignore


def select_for_gradient(
    forward: Callable[..., Tensor], differentiated: Callable[..., Tensor], *arrays: Tensor
) -> Tensor:
    if is_sharded():
        return differentiated(*arrays)  # where an axis is spread over devices, a tensor of the same size stays there
    return _either(forward, differentiated, arrays)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _either(forward: Any, differentiated: Any, arrays: tuple[Tensor, ...]) -> Tensor:
    return forward(*arrays)


@_either.defjvp
def _either_jvp(forward: Any, differentiated: Any, primals: Any, tangents: Any) -> Any:
    # Linear in each array, so that its slope needs nothing of its value: XLA leaves that one out.
    return _either(forward, differentiated, *primals), jax.jvp(differentiated, *primals, *tangents)[1]
