"""Convolutions as XLA has them, and their adjoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jax import lax

from convpad.backends.base import ConvWindow
from convpad.backends.jax.tensors import Tensor
from convpad.core.window import spanned


def _layout(rank: int, channels_last: bool) -> lax.ConvDimensionNumbers:
    space = "DHW"[3 - rank :]
    data = f"N{space}C" if channels_last else f"NC{space}"
    return lax.conv_dimension_numbers((1,) * (rank + 2), (1,) * (rank + 2), (data, f"{space}IO", data))


def conv(x: Tensor, kernel: Tensor, window: ConvWindow, **options: Any) -> Tensor:
    """Return XLA's convolution; `options` are more of `lax.conv_general_dilated`."""
    return lax.conv_general_dilated(
        x,
        kernel,
        window.strides,
        window.pads,
        rhs_dilation=window.dilation,
        dimension_numbers=_layout(window.rank, window.channels_last),
        feature_group_count=window.groups,
        **options,
    )


def spatial(shape: Sequence[Any], window: ConvWindow) -> tuple[Any, ...]:
    """Return the spatial sizes of a tensor's shape."""
    return tuple(shape[1:-1] if window.channels_last else shape[2:])


def trim_taps(
    sizes: Sequence[Any], taps: Sequence[int], window: ConvWindow
) -> tuple[tuple[slice, ...], tuple[tuple[int, int], ...]]:
    """Return the taps that do not meet padding alone in every window, as slices, and the pads that are left.

    XLA 0.10.2 tries to drop such taps itself where an axis has one output and aborts the process ("Window dimensions do
    not match RHS shape"): with 2 x 4 values, a 3 x 2 kernel, pads of 1 and strides of 2, in the gradient of the
    convolution.
    """
    pads: list[tuple[int, int]] = []
    cuts: list[slice] = []
    for size, count, stride, (before, after), step in zip(
        sizes, taps, window.strides, window.pads, window.dilation, strict=False
    ):
        first, last = 0, count
        if isinstance(size, int):
            reach = (size + before + after - spanned(count, step)) // stride * stride  # where the last window starts
            while first < last - 1 and reach + first * step < before and before - (first + 1) * step >= 0:
                first += 1
            while last - 1 > first and (last - 1) * step >= before + size and after - (count - last + 1) * step >= 0:
                last -= 1
        cuts.append(slice(first, last))
        pads.append((before - first * step, after - (count - last) * step))
    return tuple(cuts), tuple(pads)


def flip_kernel(kernel: Tensor, rank: int, groups: int) -> Tensor:
    """Return the kernel of the adjoint: spatially reversed, its channels and filters exchanged in each group."""
    *window, first, second = kernel.shape
    lead = len(window) - rank
    flipped = lax.rev(kernel, tuple(range(lead, len(window)))).reshape(*window, first, groups, second // groups)
    return flipped.swapaxes(-1, -3).reshape(*window, second // groups, groups * first)


def transposed_sizes(outputs: Sequence[Any], taps: Sequence[int], window: ConvWindow) -> list[Any]:
    """Return the spatial sizes of a transposed convolution's result."""
    rows = zip(outputs, window.strides, taps, window.dilation, window.leftovers, window.pads, strict=False)
    return [
        (count - 1) * stride + spanned(size, step) + leftover - sum(pair)
        for count, stride, size, step, leftover, pair in rows
    ]


def conv_transpose(y: Tensor, flipped: Tensor, window: ConvWindow, convolve: Any = conv) -> Tensor:
    """Return the adjoint of a convolution, given the kernel of `flip_kernel`.

    `convolve` computes the convolution that the adjoint is with strides of 1.
    """
    rank = window.rank
    # The forward padding is cropped by padding less. Where that would be negative, the result is sliced: XLA folds
    # negative padding wrongly under jit (openxla/xla#48715).
    rows = zip(flipped.shape[:rank], window.pads, window.leftovers, window.dilation, strict=True)
    ends = [(spanned(k, d) - 1 - before, spanned(k, d) - 1 - after + rest) for k, (before, after), rest, d in rows]
    around = tuple([(max(before, 0), max(after, 0)) for before, after in ends])
    forward = replace(window, strides=(1,) * rank, pads=around, leftovers=())
    strided = max(window.strides) > 1
    out = conv(y, flipped, forward, lhs_dilation=window.strides) if strided else convolve(y, flipped, forward)
    first_axis = 1 if window.channels_last else 2
    cuts = [slice(None)] * out.ndim
    for axis, (before, after) in enumerate(ends, first_axis):
        cuts[axis] = slice(max(-before, 0), out.shape[axis] - max(-after, 0))
    return out[tuple(cuts)]
