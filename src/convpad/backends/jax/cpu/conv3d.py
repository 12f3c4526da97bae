"""Convolution of volumes on a CPU, plane by plane: a 2-D convolution for every tap along the depth, summed.

XLA 0.10.2 takes two to three times as long for its own 3-D convolution (`python -m benchmarks layers --backend jax
--row unet3d-64`), and far longer with strides, dilation or float64. Nothing larger than a few planes is held, and
taps that meet only padding are left out. JAX's own gradient of the loops would carry whole volumes through every turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import jax.numpy as jnp
from jax import lax

from convpad.backends.base import ConvWindow
from convpad.backends.jax import xla
from convpad.backends.jax.cpu import extra_row
from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, pad_zeros, wide
from convpad.tuning import LIMITS


def is_faster(batch: Any, sizes: Sequence[int], kernel_shape: Sequence[int]) -> bool:
    """Return whether plane by plane is faster than XLA's own convolution, for volumes of these sizes.

    It is where a plane, of all volumes together, has as many places as there are channels: the kernel is read anew for
    every plane. A window of one row and column is a product of matrices to XLA, and as fast.
    """
    places = (batch if isinstance(batch, int) else 1) * sizes[1] * sizes[2]
    single = tuple(kernel_shape[1:3]) == (1, 1)
    return not single and places >= max(LIMITS["jax.planes_min_places"], *kernel_shape[-2:])


def _of_a_plane(window: SizedWindow) -> ConvWindow:
    """Return the window of the last two axes."""
    volume = window.to_conv_window()
    return ConvWindow(volume.strides[1:], volume.pads[1:], volume.dilation[1:], leftovers=volume.leftovers[1:])


def _tap_offsets(window: SizedWindow) -> list[int]:
    """Return the offset of each tap along the depth from the first output."""
    return [tap * window.dilation[0] - window.pads[0][0] for tap in range(window.taps[0])]


def _plane(x: Tensor, place: Any) -> Tensor:
    return wide(lax.dynamic_index_in_dim(x, place, 1, keepdims=False))


def _by_planes(compute: Callable[[Any], Tensor], source: Tensor, like: Any) -> Tensor:
    """Return a volume whose planes are computed one after the other from another volume."""
    # Every plane is overwritten, so any value will do to start from. One of the source keeps XLA from sharing the start
    # among loops, of which it would make copies before the first.
    start = jnp.broadcast_to(source[:, 0, 0, 0, 0].sum().astype(like.dtype), like.shape)

    def step(place: Any, out: Tensor) -> Tensor:
        return lax.dynamic_update_index_in_dim(out, compute(place).astype(out.dtype), place, 1)

    return lax.fori_loop(0, like.shape[1], step, start)


def _add_if(total: Tensor, condition: Any, term: Callable[..., Tensor], *arguments: Any) -> Tensor:
    """Return the total, plus a term where the condition holds. (A term times 0 is not 0 where it is not finite.)"""
    return lax.cond(condition, lambda: total + term(*arguments), lambda: total)


def _forward(x: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    kernel = wide(kernel)
    plane_window = _of_a_plane(window)

    def tap_term(tap: int, place: Any) -> Tensor:
        return extra_row.conv(_plane(x, place), kernel[tap], plane_window)

    def plane_at(output: Any) -> Tensor:
        total = jnp.zeros((like.shape[0], *like.shape[2:]), kernel.dtype)
        for tap, start in enumerate(_tap_offsets(window)):
            place = output * window.strides[0] + start
            total = _add_if(total, (place >= 0) & (place < window.sizes[0]), tap_term, tap, place)
        return total

    return _by_planes(plane_at, x, like)


def _input_gradient(y: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    # Flipped once and for all: with one flipped within the loop XLA 0.10.2 takes up to 40 times as long.
    flipped = lax.optimization_barrier(xla.flip_kernel(wide(kernel), 2, 1))
    plane_window = _of_a_plane(window)

    def tap_term(tap: int, output: Any) -> Tensor:
        return xla.conv_transpose(_plane(y, output), flipped[tap], plane_window, extra_row.conv)

    def plane_at(place: Any) -> Tensor:
        total = jnp.zeros((like.shape[0], *like.shape[2:]), flipped.dtype)
        for tap, start in enumerate(_tap_offsets(window)):
            output, rest = (place - start) // window.strides[0], (place - start) % window.strides[0]
            total = _add_if(total, (rest == 0) & (output >= 0) & (output < window.outputs[0]), tap_term, tap, output)
        return total

    return _by_planes(plane_at, y, like)


def _kernel_gradient(x: Tensor, y: Tensor, window: SizedWindow, like: Any) -> Tensor:
    """Return the kernel's gradient: per tap a product of matrices, the values under it and the outputs' gradients."""
    *taps, channels, filters = like.shape

    def products(gradient: Tensor, place: Any) -> Tensor:
        plane = pad_zeros(_plane(x, place), [(0, 0), *window.pads[1:], (0, 0)])
        gradients: list[Tensor] = []
        for tap in product(*map(range, taps[1:])):
            cuts = [slice(None)]
            for at, step, stride, count in zip(
                tap, window.dilation[1:], window.strides[1:], window.outputs[1:], strict=True
            ):
                cuts.append(slice(at * step, at * step + (count - 1) * stride + 1, stride))
            gradients.append(plane[tuple(cuts)].reshape(-1, channels).T @ gradient)
        return jnp.stack(gradients)

    def step(output: Any, totals: list[Tensor]) -> list[Tensor]:
        gradient = _plane(y, output).reshape(-1, filters)
        places = [output * window.strides[0] + start for start in _tap_offsets(window)]
        return [
            _add_if(total, (place >= 0) & (place < window.sizes[0]), products, gradient, place)
            for total, place in zip(totals, places, strict=True)
        ]

    totals = [wide(jnp.zeros((taps[1] * taps[2], channels, filters), like.dtype))] * taps[0]
    return jnp.stack(lax.fori_loop(0, window.outputs[0], step, totals)).reshape(like.shape).astype(like.dtype)


VIEWS = {"output": _forward, "input_gradient": _input_gradient, "kernel_gradient": _kernel_gradient}
"""The functions that compute each view: the outputs, the gradient of the inputs, and that of the kernel."""
