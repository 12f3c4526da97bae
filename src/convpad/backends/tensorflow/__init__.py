"""TensorFlow: tensors are `tf.Tensor` and `tf.Variable`, symbolic ones too.

TensorFlow's CPU kernels know channels last alone, so channels-first tensors are transposed around them. One
spatial axis is computed as two, the first of length 1, because only the 2-D kernels take explicit pads.
"""

# Plain functions stand in the place of methods, which a type checker does not take for the same.
# pyright: reportAssignmentType=false

from __future__ import annotations

from convpad.backends.base import Backend
from convpad.backends.tensorflow import convolutions, depthwise, padding, pools, tensors, updates


class TensorflowBackend(Backend):
    """The functions of the files of this folder, as a backend."""

    name = "tensorflow"

    owns = staticmethod(tensors.owns)
    shape = staticmethod(tensors.shape)
    size = staticmethod(tensors.size)
    context = staticmethod(tensors.context)
    tensor = staticmethod(tensors.tensor)
    zeros = staticmethod(tensors.zeros)
    arange = staticmethod(tensors.arange)
    take = staticmethod(tensors.take)
    flip = staticmethod(tensors.flip)
    sum = staticmethod(tensors.sum_along)
    concat = staticmethod(tensors.concat)
    broadcast_along = staticmethod(tensors.broadcast_along)
    where = staticmethod(tensors.where)

    why_not_native = staticmethod(padding.why_not_native)
    native_pad = staticmethod(padding.native_pad)
    pad_zeros = staticmethod(padding.pad_zeros)
    with_custom_vjp = staticmethod(padding.with_custom_vjp)

    set_slice = staticmethod(updates.set_slice)
    add_slice = staticmethod(updates.add_slice)
    take_slices = staticmethod(updates.take_slices)
    add_slices = staticmethod(updates.add_slices)
    scatter_add = staticmethod(updates.scatter_add)
    multiply = staticmethod(updates.multiply)

    conv_kernel = staticmethod(depthwise.conv_kernel)
    conv = staticmethod(convolutions.conv)
    depthwise_conv = staticmethod(depthwise.depthwise_conv)
    conv_transpose = staticmethod(convolutions.conv_transpose)
    max_pool = staticmethod(pools.max_pool)
    average_pool = staticmethod(pools.average_pool)


BACKEND = TensorflowBackend()
