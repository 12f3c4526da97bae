"""What is a convolution to JAX, where it is not simply XLA's? A form with three views, each a gradient of the others.

Convolution, its adjoint and the gradient of its kernel are three views of one form that is linear in the input, in
the kernel and in the outputs. So one primitive with three views is closed under differentiation, forward and reverse,
as often as one likes; and each view is computed in the way that is the fastest for it, with nothing kept in between.
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

from convpad.backends import Ints
from convpad.backends.jax import direct, images, volumes
from convpad.backends.jax.tensors import Tensor
from convpad.backends.jax.window import Window

_WAYS = {2: images, 3: volumes}
"""By the count of axes."""


def faster(x: Tensor, kernel: Tensor, sizes: Ints, groups: int) -> bool:
    """Whether a way of our own is possible, and faster than XLA's, for tensors of these sizes."""
    # Where an axis is spread over devices, its strips would have to be fetched.
    if len(sizes) not in _WAYS or groups > 1 or jax.default_backend() != "cpu" or jax.device_count() > 1:
        return False
    known = all(isinstance(size, int) for size in (*sizes, *x.shape[1:]))
    if not known or not jnp.issubdtype(x.dtype, jnp.floating):
        return False
    return _WAYS[len(sizes)].faster(x, kernel, sizes)


def convolved(x: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """The convolution."""
    return _view.bind(x, kernel, gives="y", window=window)  # pyright: ignore


def transposed(y: Tensor, kernel: Tensor, window: Window) -> Tensor:
    """Its adjoint: the gradient of the input."""
    return _view.bind(y, kernel, gives="x", window=window)  # pyright: ignore


def _of_kernel(x: Tensor, y: Tensor, window: Window) -> Tensor:
    """The gradient of the kernel."""
    return _view.bind(x, y, gives="kernel", window=window)  # pyright: ignore


def _shaped(one: Any, two: Any, *, gives: str, window: Window) -> Any:
    shape = {
        "y": (one.shape[0], *window.outputs, two.shape[-1]),
        "x": (one.shape[0], *window.sizes, two.shape[-2]),
        "kernel": (*window.taps, one.shape[-1], two.shape[-1]),
    }[gives]
    return ShapedArray(shape, one.dtype)


def _computed(one: Tensor, two: Tensor, *, gives: str, window: Window) -> Tensor:
    way = _WAYS[len(window.taps)].VIEWS[gives]
    return way(one, two, window, _shaped(one, two, gives=gives, window=window))


def _by_xla(one: Tensor, two: Tensor, *, gives: str, window: Window) -> Tensor:
    def conv(x: Tensor, kernel: Tensor) -> Tensor:
        return direct.convolved(x, kernel, window.strides, window.pads, window.dilation, 1, True)

    if gives == "y":
        return conv(one, two)
    like = _shaped(one, two, gives=gives, window=window)
    like = jax.ShapeDtypeStruct(like.shape, like.dtype)
    if gives == "x":
        return jax.linear_transpose(lambda x: conv(x, two), like)(one)[0]
    return jax.linear_transpose(lambda kernel: conv(one, kernel), like)(two)[0]


def _to_first(gradient: Tensor, one: Any, two: Tensor, *, gives: str, window: Window) -> Tensor:
    if gives == "y":
        return transposed(gradient, two, window)
    return convolved(gradient, two, window) if gives == "x" else transposed(two, gradient, window)


def _to_second(gradient: Tensor, one: Tensor, two: Any, *, gives: str, window: Window) -> Tensor:
    if gives == "y":
        return _of_kernel(one, gradient, window)
    return _of_kernel(gradient, one, window) if gives == "x" else convolved(one, gradient, window)


def _batched(given: Sequence[Tensor], axes: Sequence[int | None], *, gives: str, window: Window) -> tuple[Tensor, int]:
    """Inputs of one kernel are more inputs. Of several, XLA's own convolution knows groups."""
    if gives == "kernel" or axes[1] is not None:
        return jax.vmap(partial(_by_xla, gives=gives, window=window), tuple(axes))(*given), 0
    many = jnp.moveaxis(given[0], axes[0] or 0, 0)
    out = _view.bind(many.reshape(-1, *many.shape[2:]), given[1], gives=gives, window=window)  # pyright: ignore
    return out.reshape(*many.shape[:2], *out.shape[1:]), 0


_view = Primitive("convpad_view")
_view.def_impl(jax.jit(_computed, static_argnames=("gives", "window")))
_view.def_abstract_eval(_shaped)
ad.defbilinear(_view, _to_first, _to_second)
batching.primitive_batchers[_view] = _batched
mlir.register_lowering(_view, mlir.lower_fun(_computed, multiple_results=False))
