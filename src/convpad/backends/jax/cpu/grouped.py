"""Grouped convolution of images on a CPU: a sum of products where groups are small, else each group by itself.

XLA 0.10.2 takes 3 to 10 times as long for its own grouped convolution, and some hundred times as long for the gradient
of its kernel (`python -m benchmarks across`). Groups are never merged but for that gradient, in which they do not mix:
zeros that stand between merged groups would carry what is not finite from one to another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from convpad.backends.base import ConvWindow, merged_groups, outputs
from convpad.backends.jax import xla
from convpad.backends.jax.cpu import conv2d, products
from convpad.backends.jax.cpu.window import SizedWindow
from convpad.backends.jax.tensors import Tensor, interleave
from convpad.tuning import LIMITS


def is_faster(batch: Any, sizes: Sequence[int], kernel_shape: Sequence[int], window: ConvWindow) -> bool:
    """Return whether a grouped convolution has enough multiplications to be worth its compilation."""
    places = prod(outputs(sizes, kernel_shape, window))
    return isinstance(batch, int) and batch * places * prod(kernel_shape) >= LIMITS["jax.groups_min_products"]


def _is_small(kernel: Tensor, groups: int) -> bool:
    """Return whether few enough products are summed for each output, and for each gradient of an input."""
    *taps, channels, filters = kernel.shape
    return prod(taps) * max(channels, filters // groups) <= LIMITS["jax.group_max_products"]


def _forward(x: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    if not _is_small(kernel, window.groups):
        return _apart("output", x, kernel, window, like)
    return products.unfused(partial(products.convolve, window=window), like, x, kernel)


def _input_gradient(y: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    if not _is_small(kernel, window.groups):
        return _apart("input_gradient", y, kernel, window, like)
    return products.unfused(partial(_small_input_gradient, window=window, like=like), like, y, kernel)


def _small_input_gradient(y: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    if max(window.strides) == 1:
        flipped = lax.optimization_barrier(xla.flip_kernel(kernel, 2, window.groups))
        return products.convolve(y, flipped, window.adjoint())
    *taps, channels, filters = kernel.shape
    weights = kernel.reshape(*taps, channels, window.groups, filters // window.groups)
    weights = lax.optimization_barrier(weights.transpose(0, 1, 4, 3, 2))  # once, not within every product
    # The values at each place that a stride passes are read by the same taps: one sum for each place.
    pads, starts, counts, crops = [], [], [], []
    for axis, (stride, (before, _)) in enumerate(zip(window.strides, window.pads, strict=True)):
        first, stop = before // stride, -(-(before + window.sizes[axis]) // stride)
        most = (window.taps[axis] - 1) * window.dilation[axis] // stride
        pads.append((most, max(stop - window.outputs[axis], 0)))
        starts.append(most + first)
        counts.append(stop - first)
        crops.append(slice(before - first * stride, before - first * stride + window.sizes[axis]))
    padded = products.padded(y, pads, window.groups)

    def at(place: Sequence[int]) -> Tensor:
        reads: list[products.Reads] = []
        for axis, (rest, stride) in enumerate(zip(place, window.strides, strict=True)):
            offsets = [tap * window.dilation[axis] - rest for tap in range(window.taps[axis])]
            reads.append([(t, starts[axis] - n // stride) for t, n in enumerate(offsets) if n % stride == 0])
        return products.sum_of_products(padded, weights, reads, (1, 1), counts)

    rows = [
        interleave([at((row, column)) for column in range(window.strides[1])], 2) for row in range(window.strides[0])
    ]
    return interleave(rows, 1)[(slice(None), *crops)].reshape(like.shape)


def _apart(view: str, first: Tensor, kernel: Tensor, window: SizedWindow, like: Any) -> Tensor:
    """Return the outputs, or the gradients of the inputs, of each group by itself."""
    compute: Callable[..., Tensor] = conv2d.VIEWS[view]
    parts = zip(_split(first, window.groups), _split(kernel, window.groups), strict=True)
    return jnp.concatenate([compute(*part, window._replace(groups=1), like) for part in parts], -1)


def _kernel_gradient(x: Tensor, y: Tensor, window: SizedWindow, like: Any) -> Tensor:
    """Return the gradient of the kernel, in strips.

    For few channels that is slow: it is faster to take it for every channel of some groups with every filter, and keep
    the pairs that are in one group.
    """
    *_, channels, filters = like.shape
    filters = filters // window.groups
    merged = merged_groups(window.groups, max(channels, filters), LIMITS["jax.merged_channels"])
    parts = window.groups // merged
    pairs = jnp.concatenate(
        [
            conv2d.VIEWS["kernel_gradient"](*part, window._replace(groups=1), like)
            for part in zip(_split(x, parts), _split(y, parts), strict=True)
        ],
        -1,
    )
    if merged > 1:
        pairs = pairs.reshape(-1, merged, channels * parts, merged, filters)
        in_one_group = np.eye(merged, dtype=bool).reshape(1, merged, 1, merged, 1)
        pairs = jnp.where(in_one_group, pairs, 0).sum(1)
    return pairs.reshape(like.shape)


def _split(x: Tensor, parts: int) -> list[Tensor]:
    return jnp.split(x, parts, -1)


VIEWS = {"output": _forward, "input_gradient": _input_gradient, "kernel_gradient": _kernel_gradient}
"""The functions that compute each view: the outputs, the gradient of the inputs, and that of the kernel."""
