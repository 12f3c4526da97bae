"""How does JAX convolve an image on a CPU? As XLA does, but for the gradient of the kernel, which is taken in strips.

XLA 0.10.2 takes that gradient for a convolution whose kernel is the outputs' gradient, as large as the image; where
that is more than a processor's cache holds, it takes 4 to 10 times as long as the convolution itself (`python -m
benchmarks layers --backend jax`). In strips it takes 1 to 2 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from convpad.backends import Ints
from convpad.backends.jax import direct
from convpad.backends.jax.tensors import Tensor, wide, zero_padded
from convpad.backends.jax.window import Window

LEAST = 10_000
"""From how many values of the output on a gradient in strips is worth 0.1 s more of compilation."""

STRIP = 250_000
"""How many values of the outputs' gradient a strip has. Twice as many are the 2 MiB of a processor's own cache."""

TURNS = 4
"""How many strips are handed to XLA at once; it takes them side by side."""


def faster(x: Tensor, kernel: Tensor, sizes: Ints) -> bool:
    """Whether images have enough values for a way of our own."""
    batch = x.shape[0]
    return isinstance(batch, int) and batch * prod(sizes) * max(kernel.shape[-2:]) >= LEAST


def _outputs(x: Tensor, kernel: Tensor, window: Window, like: Any) -> Tensor:
    return direct.convolved(x, kernel, window.strides, window.pads, window.dilation, 1, True)


def _inputs(y: Tensor, kernel: Tensor, window: Window, like: Any) -> Tensor:
    turned = direct.flipped(kernel, 2, 1)
    return direct.transposed(y, turned, window.strides, window.pads, window.leftovers, window.dilation, 1, True)


def _kernel(x: Tensor, y: Tensor, window: Window, like: Any) -> Tensor:
    rows = window.outputs[0]
    count = -(-y.size // STRIP) if y.size > 2 * STRIP else 1
    height = -(-rows // min(count, rows))

    def alike(first: int) -> tuple[int, ...]:
        strip = min(height, rows - first)
        return strip, *window.reads(0, first, strip)[1:]

    total = wide(jnp.zeros((x.shape[-1], *window.taps, y.shape[-1]), like.dtype))
    for (strip, *_), same in groupby(range(0, rows, height), alike):
        firsts = list(same)
        add = partial(_add_strip, x, y, window, strip, firsts)
        total = lax.fori_loop(0, len(firsts), add, total, unroll=min(TURNS, len(firsts)))
    return total.transpose(1, 2, 0, 3).astype(like.dtype)


def _add_strip(
    x: Tensor, y: Tensor, window: Window, rows: int, firsts: Sequence[int], turn: Any, total: Tensor
) -> Tensor:
    """Adds what a strip of rows gives: images are convolved with gradients, the channels taken for the images.

    Args:
        rows: how many rows of outputs there are in a strip.
        firsts: the first row of each strip. They are evenly spaced, and alike in what they read.
        turn: which of them.
    """
    (batch, *_, channels), columns = x.shape, window.outputs[1]
    step = firsts[1] - firsts[0] if len(firsts) > 1 else 0
    top, tall, above, below = window.reads(0, firsts[0], rows)
    left, broad, before, after = window.reads(1, 0, columns)
    image = lax.dynamic_slice(x, (0, top + turn * step * window.strides[0], left, 0), (batch, tall, broad, channels))
    gradient = lax.dynamic_slice(y, (0, firsts[0] + turn * step, 0, 0), (batch, rows, columns, y.shape[-1]))
    pads = [(above, below), (before, after)]
    if batch == 1:
        # XLA reads such an image value by value, and asks of each whether it is padding.
        image, pads = zero_padded(image, pads), [(0, 0), (0, 0)]
    turned = image.transpose(3, 1, 2, 0), gradient.transpose(1, 2, 0, 3)
    image, gradient = map(wide, lax.optimization_barrier(turned))  # else XLA turns them value by value
    return total + direct.plain(image, gradient, window.dilation, pads, window.strides, 1, True)


VIEWS = {"y": _outputs, "x": _inputs, "kernel": _kernel}
"""What each view is computed by."""
