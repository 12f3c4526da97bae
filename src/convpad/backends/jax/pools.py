"""Pools in JAX."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.backends.base import ConvWindow
from convpad.backends.jax.tensors import Tensor, wide


def _reduce(x: Tensor, start: Any, reducer: Any, window: ConvWindow) -> Tensor:
    def full(spatial: Sequence[Any], other: Any) -> tuple[Any, ...]:
        return (other, *spatial, other) if window.channels_last else (other, other, *spatial)

    return lax.reduce_window(
        x, start, reducer, full(window.size, 1), full(window.strides, 1), full(window.pads, (0, 0))
    )


def max_pool(x: Tensor, window: ConvWindow) -> Tensor:
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else np.asarray(jnp.iinfo(x.dtype).min, x.dtype)
    return _reduce(x, lowest, lax.max, window)


def average_pool(x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
    # Half precision would lose the sum. `why_not_native` lets no padding through that does not count.
    return (_reduce(wide(x), 0.0, lax.add, window) / prod(window.size)).astype(x.dtype)
