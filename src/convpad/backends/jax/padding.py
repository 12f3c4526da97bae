"""How does JAX pad?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.backends import Ints, Pairs
from convpad.backends.jax.tensors import Tensor, settled
from convpad.core.problem import Problem, sources


def native(problem: Problem, ignored: bool) -> str:
    return "jax counts the zeros of an average" if ignored and problem.op == "average_pool" else ""


def extended(x: Tensor, problem: Problem, values: Any, *, own: bool) -> Tensor | None:
    """One gather for all axes, where all outside are copies of values inside: a third of the time of parts joined."""
    # Its gradient is a sum of values one by one. Where an axis is spread over devices, it would be fetched whole.
    places = None if own or jax.device_count() > 1 else settled(sources, problem)
    if places is None:
        return None
    lead = (slice(None),) * (1 if problem.channels_last else 2)
    return x[(*lead, *np.ix_(*places))]


def with_gradient(
    forward: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor], x: Tensor, *, shared: bool
) -> Tensor:
    return forward(x) if jax.device_count() > 1 else _adjoint(forward, back, x)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _adjoint(forward: Any, back: Any, x: Tensor) -> Tensor:
    return forward(x)


@_adjoint.defjvp
def _adjoint_jvp(forward: Any, back: Any, primals: Any, tangents: Any) -> tuple[Tensor, Tensor]:
    out = _adjoint(forward, back, *primals)
    # The adjoint of its adjoint: what is transposed twice is `back` as it is written.
    return out, jax.vjp(back, jnp.zeros_like(out))[1](*tangents)[0]


def remade(make: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return jax.checkpoint(lambda x: run(make(x)))(x)  # pyright: ignore


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
    # Linear in each array, so that its slope needs nothing of its value: XLA leaves that one out.
    return _either(alone, differentiated, *primals), jax.jvp(differentiated, *primals, *tangents)[1]


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = (*pair, 0)
    return lax.pad(x, jnp.zeros((), x.dtype), around)
