"""How does PyTorch do it? Tensors are `torch.Tensor`.

PyTorch computes channels first. A channels-last tensor is handed over as a permuted view, which is what PyTorch
calls channels-last memory, so nothing is copied.
"""

from __future__ import annotations

from convpad.backends.torch.convolutions import conv, conv_transpose, depthwise_conv, taps
from convpad.backends.torch.padding import (
    extended,
    native,
    remade,
    unless_differentiated,
    widened,
    with_gradient,
)
from convpad.backends.torch.parts import add, add_at, biased, parted, put, scaled, summed, updates_in_place
from convpad.backends.torch.pools import average_pool, max_pool
from convpad.backends.torch.tensors import (
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
