"""How is a convolution handed to XLA?"""

from __future__ import annotations

from math import prod

import jax
from jax import lax

from convpad.backends import Ints, Pairs
from convpad.backends.jax.tensors import Tensor
from convpad.core.window import spanned


def _layout(rank: int, channels_last: bool) -> lax.ConvDimensionNumbers:
    space = "DHW"[3 - rank :]
    data = f"N{space}C" if channels_last else f"NC{space}"
    return lax.conv_dimension_numbers((1,) * (rank + 2), (1,) * (rank + 2), (data, f"{space}IO", data))


def convolved(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    """The convolution of `live` taps."""
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    counts = _spare(x, kernel, sizes, strides, pads, dilation, groups)
    if counts is None:
        return plain(x, kernel, strides, pads, dilation, groups, channels_last)
    outputs, more = counts
    pads = [(before, after + added) for (before, after), added in zip(pads, more, strict=True)]
    out = plain(x, kernel, strides, pads, dilation, groups, channels_last)
    cuts = [slice(0, count) for count in outputs]
    return out[(slice(None), *cuts)] if channels_last else out[(slice(None), slice(None), *cuts)]


def plain(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    """The convolution as XLA has it."""
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=_layout(len(strides), channels_last),
        feature_group_count=groups,
    )


def _spare(
    x: Tensor, kernel: Tensor, sizes: Ints, strides: Ints, pads: Pairs, dilation: Ints, groups: int
) -> tuple[Ints, Ints] | None:
    """How many outputs there are, and how many more zeros after each axis are worth while; None if none are.

    On a CPU XLA 0.10.2 has two convolutions of images. YNNPACK's takes as many threads as it has tiles of some 64
    columns and 64 filters in a row of outputs: often one. Where more outputs than rows of the image are asked for,
    Eigen's is taken, with every thread, so that a row that nobody reads makes it 1.2 to 1.7 times as fast on two.
    Where it stays YNNPACK's, one without any padding takes 1.2 to 1.5 times as long as one with some. (`python -m
    benchmarks layers --backend jax`, contestants `limit` and `framework`.)
    """
    if len(strides) != 2 or kernel.shape[:2] == (1, 1) or jax.default_backend() != "cpu":
        return None
    if not all(isinstance(size, int) for size in sizes):
        return None
    rows = zip(sizes, kernel.shape, strides, pads, dilation, strict=False)
    height, width = outputs = [
        (size + sum(pair) - spanned(taps, step)) // stride + 1 for size, taps, stride, pair, step in rows
    ]
    more = sizes[0] + 1 - height
    if _few_tiles(x, kernel, height, width, strides, groups) and 0 < more * 8 <= height:
        return outputs, (more, 0)
    return None if any(map(any, pads)) else (outputs, (0, 1))


FILTERS = range(24, 128)
COLUMNS = 6_000
PRODUCTS = 60_000_000
"""From how many filters, and up to how many columns times filters, a row of outputs has too few tiles for two threads;
and from how many multiplications on that is worth a row."""


def _few_tiles(x: Tensor, kernel: Tensor, height: int, width: int, strides: Ints, groups: int) -> bool:
    """Whether YNNPACK would leave threads idle, and long enough to hand the whole to Eigen's."""
    *window, channels, filters = kernel.shape
    if groups > 1 or strides[0] > 1 or not isinstance(x.shape[0], int) or filters not in FILTERS:
        return False
    products = x.shape[0] * height * width * prod(window) * channels * filters
    return width * filters <= COLUMNS and products >= PRODUCTS


def live(kernel: Tensor, sizes: Ints, strides: Ints, pads: Pairs, dilation: Ints) -> tuple[Tensor, Pairs]:
    """The kernel without outer taps that meet nothing but padding in any window, and the pads that are left.

    XLA 0.10.2 tries the same where an axis has one output and aborts the process ("Window dimensions do not match
    RHS shape"): with 2 x 4 values, a 3 x 2 kernel, pads of 1 and strides of 2, in the gradient of the convolution.
    """
    left: list[tuple[int, int]] = []
    cuts: list[slice] = []
    for size, taps, stride, (before, after), step in zip(sizes, kernel.shape, strides, pads, dilation, strict=False):
        first, last = 0, taps
        if isinstance(size, int):
            reach = (size + before + after - spanned(taps, step)) // stride * stride  # where the last window starts
            while first < last - 1 and reach + first * step < before and before - (first + 1) * step >= 0:
                first += 1
            while last - 1 > first and (last - 1) * step >= before + size and after - (taps - last + 1) * step >= 0:
                last -= 1
        cuts.append(slice(first, last))
        left.append((before - first * step, after - (taps - last) * step))
    return kernel[tuple(cuts)], left


def flipped(kernel: Tensor, rank: int, groups: int) -> Tensor:
    """The kernel as the adjoint reads it: its last axes the other way round, its channels exchanged in each group."""
    *window, one, two = kernel.shape
    lead = len(window) - rank
    turned = lax.rev(kernel, tuple(range(lead, len(window)))).reshape(*window, one, groups, two // groups)
    return turned.swapaxes(-1, -3).reshape(*window, two // groups, groups * one)


def transposed(
    y: Tensor,
    turned: Tensor,
    strides: Ints,
    pads: Pairs,
    leftovers: Ints,
    dilation: Ints,
    groups: int,
    channels_last: bool,
) -> Tensor:
    """The adjoint of the convolution, given the `flipped` kernel."""
    rank = len(strides)
    # What the forward padding took away is cropped by padding less. Where that would be negative, it is sliced
    # afterwards: XLA folds negative padding wrongly under jit (openxla/xla#48715).
    rows = list(zip(turned.shape[:rank], pads, leftovers, dilation, strict=True))
    ends = [(spanned(k, d) - 1 - before, spanned(k, d) - 1 - after + rest) for k, (before, after), rest, d in rows]
    around = [(max(before, 0), max(after, 0)) for before, after in ends]
    if max(strides) == 1:
        out = convolved(y, turned, strides, around, dilation, groups, channels_last)
    else:
        out = lax.conv_general_dilated(
            y,
            turned,
            (1,) * rank,
            around,
            lhs_dilation=strides,
            rhs_dilation=dilation,
            dimension_numbers=_layout(rank, channels_last),
            feature_group_count=groups,
        )
    space = range(1, 1 + rank) if channels_last else range(2, 2 + rank)
    cuts = [slice(None)] * out.ndim
    for axis, (before, after) in zip(space, ends, strict=True):
        cuts[axis] = slice(max(-before, 0), out.shape[axis] - max(-after, 0))
    return out[tuple(cuts)]
