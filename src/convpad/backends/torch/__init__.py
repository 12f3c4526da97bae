"""PyTorch: tensors are `torch.Tensor`.

PyTorch computes channels first. A channels-last tensor is handed over as a permuted view, which is what PyTorch
calls channels-last memory, so nothing is copied.
"""

# Plain functions stand in the place of methods, which a type checker does not take for the same.
# pyright: reportAssignmentType=false

from __future__ import annotations

from convpad.backends.base import Backend
from convpad.backends.torch import convolutions, padding, pools, tensors, updates


class TorchBackend(Backend):
    """The functions of the files of this folder, as a backend."""

    name = "torch"
    dilated_pools = frozenset({"max_pool"})

    owns = staticmethod(tensors.owns)
    shape = staticmethod(tensors.shape)
    dtype = staticmethod(tensors.dtype)
    context = staticmethod(tensors.context)
    facts = staticmethod(tensors.facts)
    call_cached = staticmethod(tensors.call_cached)
    tensor = staticmethod(tensors.tensor)
    zeros = staticmethod(tensors.zeros)
    arange = staticmethod(tensors.arange)
    take = staticmethod(tensors.take)
    flip = staticmethod(tensors.flip)
    sum = staticmethod(tensors.sum_along)
    concat = staticmethod(tensors.concat)
    broadcast_along = staticmethod(tensors.broadcast_along)
    where = staticmethod(tensors.where)
    set_kernel_layout = staticmethod(tensors.set_kernel_layout)

    why_not_native = staticmethod(padding.why_not_native)
    native_pad = staticmethod(padding.native_pad)
    pad_zeros = staticmethod(padding.pad_zeros)
    with_custom_vjp = staticmethod(padding.with_custom_vjp)
    rematerialise = staticmethod(padding.rematerialise)

    supports_inplace = staticmethod(updates.supports_inplace)
    set_slice = staticmethod(updates.set_slice)
    add_slice = staticmethod(updates.add_slice)
    take_slices = staticmethod(updates.take_slices)
    add_slices = staticmethod(updates.add_slices)
    scatter_add = staticmethod(updates.scatter_add)
    multiply = staticmethod(updates.multiply)
    add_bias = staticmethod(updates.add_bias)

    conv_kernel = staticmethod(convolutions.conv_kernel)
    conv = staticmethod(convolutions.conv)
    depthwise_conv = staticmethod(convolutions.depthwise_conv)
    conv_transpose = staticmethod(convolutions.conv_transpose)
    max_pool = staticmethod(pools.max_pool)
    average_pool = staticmethod(pools.average_pool)


BACKEND = TorchBackend()
