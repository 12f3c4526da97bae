"""A bilinear primitive for JAX: convolution, input gradient and kernel gradient, each the transpose of the others.

One primitive with these three views is closed under differentiation, forward and reverse, to any order. Each view is
computed in the way that is the fastest for it, with nothing kept in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from convpad.backends.jax.cpu import conv2d, conv3d, depthwise, extra_row, grouped
from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor

_VIEWS = {2: conv2d.VIEWS, 3: conv3d.VIEWS}
"""The functions that compute each view without groups, by the number of axes."""


def convolve(x: Tensor, kernel: Tensor, window: SizedWindow) -> Tensor:
    """Return the convolution."""
    return _view.bind(x, kernel, computes="output", window=window)  # pyright: ignore


def transpose(y: Tensor, kernel: Tensor, window: SizedWindow) -> Tensor:
    """Return the adjoint of the convolution: the gradient of its input."""
    return _view.bind(y, kernel, computes="input_gradient", window=window)  # pyright: ignore


def _kernel_gradient(x: Tensor, y: Tensor, window: SizedWindow) -> Tensor:
    """Return the gradient of the kernel."""
    return _view.bind(x, y, computes="kernel_gradient", window=window)  # pyright: ignore


def _shaped(first: Any, second: Any, *, computes: str, window: SizedWindow) -> Any:
    shape = {
        "output": window.shape(first.shape[0], window.outputs, second.shape[-1]),
        "input_gradient": window.shape(first.shape[0], window.sizes, second.shape[-2] * window.groups),
        "kernel_gradient": (
            *window.taps,
            first.shape[window.channel_axis] // window.groups,
            second.shape[window.channel_axis],
        ),
    }[computes]
    return ShapedArray(shape, first.dtype)


def _computed(first: Tensor, second: Tensor, *, computes: str, window: SizedWindow) -> Tensor:
    dense = grouped.VIEWS if window.groups > 1 else _VIEWS.get(len(window.taps), {})
    views = depthwise.VIEWS if window.depthwise else dense
    return views[computes](first, second, window, _shaped(first, second, computes=computes, window=window))


def _by_xla(first: Tensor, second: Tensor, *, computes: str, window: SizedWindow) -> Tensor:
    def conv(x: Tensor, kernel: Tensor) -> Tensor:
        return extra_row.conv(x, kernel, window.to_conv_window())

    if computes == "output":
        return conv(first, second)
    like = _shaped(first, second, computes=computes, window=window)
    like = jax.ShapeDtypeStruct(like.shape, like.dtype)
    if computes == "input_gradient":
        return jax.linear_transpose(lambda x: conv(x, second), like)(first)[0]
    return jax.linear_transpose(lambda kernel: conv(first, kernel), like)(second)[0]


def _transpose_first(gradient: Tensor, first: Any, second: Tensor, *, computes: str, window: SizedWindow) -> Tensor:
    if computes == "output":
        return transpose(gradient, second, window)
    return convolve(gradient, second, window) if computes == "input_gradient" else transpose(second, gradient, window)


def _transpose_second(gradient: Tensor, first: Tensor, second: Any, *, computes: str, window: SizedWindow) -> Tensor:
    if computes == "output":
        return _kernel_gradient(first, gradient, window)
    if computes == "input_gradient":
        return _kernel_gradient(gradient, first, window)
    return convolve(first, gradient, window)


def _batched(
    arrays: Sequence[Tensor], axes: Sequence[int | None], *, computes: str, window: SizedWindow
) -> tuple[Tensor, int]:
    """Batch the primitive: a batch of inputs of one kernel is a larger batch; one of kernels takes XLA's groups, and
    where each channel is convolved by itself, more channels."""
    of_kernels = computes == "kernel_gradient" or axes[1] is not None
    if of_kernels and window.depthwise:
        return _batched_by_channel(arrays, axes, computes, window)
    if of_kernels:
        return jax.vmap(partial(_by_xla, computes=computes, window=window), tuple(axes))(*arrays), 0
    many = jnp.moveaxis(arrays[0], axes[0] or 0, 0)
    out = _view.bind(many.reshape(-1, *many.shape[2:]), arrays[1], computes=computes, window=window)  # pyright: ignore
    return out.reshape(*many.shape[:2], *out.shape[1:]), 0


def _batched_by_channel(
    arrays: Sequence[Tensor], axes: Sequence[int | None], computes: str, window: SizedWindow
) -> tuple[Tensor, int]:
    count = next(array.shape[axis] for array, axis in zip(arrays, axes, strict=True) if axis is not None)
    channel_axes = [window.channel_axis, -1 if computes != "kernel_gradient" else window.channel_axis]
    merged: list[Tensor] = []
    for array, axis, channel_axis in zip(arrays, axes, channel_axes, strict=True):
        place = channel_axis % (array.ndim - (axis is not None))
        many = jnp.broadcast_to(array, (count, *array.shape)) if axis is None else jnp.moveaxis(array, axis, 0)
        channels = count * many.shape[1 + place]
        merged.append(
            jnp.moveaxis(many, 0, place).reshape(*many.shape[1 : 1 + place], channels, *many.shape[2 + place :])
        )
    wider = window._replace(groups=window.groups * count)
    out = _view.bind(*merged, computes=computes, window=wider)  # pyright: ignore
    place = (-1 if computes == "kernel_gradient" else window.channel_axis) % out.ndim
    return out.reshape(*out.shape[:place], count, out.shape[place] // count, *out.shape[place + 1 :]), place


# Its name is in the refusals of exporters that do not know it (jax2onnx): it says how to do without.
_view = Primitive("convpad_view, absent within convpad.portable_pads()")
_view.def_impl(jax.jit(_computed, static_argnames=("computes", "window")))
_view.def_abstract_eval(_shaped)
ad.defbilinear(_view, _transpose_first, _transpose_second)
batching.primitive_batchers[_view] = _batched
mlir.register_lowering(_view, mlir.lower_fun(_computed, multiple_results=False))
