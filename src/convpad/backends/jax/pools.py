"""How does JAX pool?"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.backends import Ints, Pairs
from convpad.backends.jax.tensors import Tensor


def _reduce(x: Tensor, start: Any, reducer: Any, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    def full(spatial: Sequence[Any], other: Any) -> tuple[Any, ...]:
        return (other, *spatial, other) if channels_last else (other, other, *spatial)

    return lax.reduce_window(x, start, reducer, full(size, 1), full(strides, 1), full(pads, (0, 0)))


def max_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.asarray(jnp.iinfo(x.dtype).min, x.dtype)
    return _reduce(x, lowest, lax.max, size, strides, pads, channels_last)


def average_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool) -> Tensor:
    # Half precision would lose the sum.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    return (_reduce(wide, 0.0, lax.add, size, strides, pads, channels_last) / prod(size)).astype(x.dtype)
