"""How does TensorFlow do it? Tensors are `tf.Tensor` and `tf.Variable`, symbolic ones too.

TensorFlow's CPU kernels know channels last alone, so channels-first tensors are transposed around them. One
spatial axis is computed as two, the first of length 1, because only the 2-D kernels take explicit pads.
"""

from __future__ import annotations

from convpad.backends.tensorflow.convolutions import conv, conv_transpose
from convpad.backends.tensorflow.depthwise import depthwise_conv, taps
from convpad.backends.tensorflow.padding import (
    extended,
    native,
    remade,
    unless_differentiated,
    widened,
    with_gradient,
)
from convpad.backends.tensorflow.parts import add, add_at, biased, parted, put, scaled, summed, updates_in_place
from convpad.backends.tensorflow.pools import average_pool, max_pool
from convpad.backends.tensorflow.tensors import (
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
