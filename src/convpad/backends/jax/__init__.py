"""How does JAX do it? Tensors are `jax.Array`, tracers too."""

from __future__ import annotations

from convpad.backends.jax.convolutions import conv, conv_transpose, depthwise_conv
from convpad.backends.jax.padding import (
    extended,
    native,
    remade,
    unless_differentiated,
    widened,
    with_gradient,
)
from convpad.backends.jax.parts import add, add_at, biased, parted, put, scaled, summed, updates_in_place
from convpad.backends.jax.pools import average_pool, max_pool
from convpad.backends.jax.taps import taps
from convpad.backends.jax.tensors import (
    concat,
    device,
    dtype,
    flip,
    gather,
    lay_out,
    owns,
    positions,
    settled,
    shape,
    size,
    slices,
    stretch,
    tensor,
    total,
    where,
    zeros,
)

__all__ = [
    "add",
    "add_at",
    "average_pool",
    "biased",
    "concat",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "device",
    "dtype",
    "extended",
    "flip",
    "gather",
    "lay_out",
    "max_pool",
    "native",
    "owns",
    "parted",
    "positions",
    "put",
    "remade",
    "scaled",
    "settled",
    "shape",
    "size",
    "slices",
    "stretch",
    "summed",
    "taps",
    "tensor",
    "total",
    "unless_differentiated",
    "updates_in_place",
    "where",
    "widened",
    "with_gradient",
    "zeros",
]
