"""How is a convolution handed to XLA?"""

from __future__ import annotations

import jax
from jax import lax

from convpad.geometry.window import spanned
from convpad.ops._backends import Ints, Pairs
from convpad.ops._backends.jax.tensors import Tensor


def _layout(rank: int, channels_last: bool) -> lax.ConvDimensionNumbers:
    space = "DHW"[3 - rank :]
    data = f"N{space}C" if channels_last else f"NC{space}"
    return lax.conv_dimension_numbers((1,) * (rank + 2), (1,) * (rank + 2), (data, f"{space}IO", data))


def convolved(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    """The convolution of `live` taps."""
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    spare = _spare(kernel, sizes, strides, pads, dilation)
    out = lax.conv_general_dilated(
        x,
        kernel,
        strides,
        [*pads[:-1], (pads[-1][0], pads[-1][1] + (spare is not None))],
        rhs_dilation=dilation,
        dimension_numbers=_layout(len(strides), channels_last),
        feature_group_count=groups,
    )
    return out if spare is None else lax.slice_in_dim(out, 0, spare, axis=len(strides) + (0 if channels_last else 1))


def _spare(kernel: Tensor, sizes: Ints, strides: Ints, pads: Pairs, dilation: Ints) -> int | None:
    """How many outputs the last axis has, where one value of padding after it is worth while; else None.

    On a CPU XLA 0.10.2 takes 1.4 to 1.7 times as long for a 2-D convolution without any padding as for one with some
    (`python -m benchmarks layers --backend jax`, contestant `framework`).
    """
    *_, size = sizes
    if len(strides) != 2 or any(map(any, pads)) or not isinstance(size, int) or kernel.shape[:2] == (1, 1):
        return None
    if jax.default_backend() != "cpu":
        return None
    return (size - spanned(kernel.shape[1], dilation[1])) // strides[1] + 1


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
    out = lax.conv_general_dilated(
        y,
        turned,
        (1,) * rank,
        [(max(before, 0), max(after, 0)) for before, after in ends],
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
