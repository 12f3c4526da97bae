"""What is asked? A `Problem`: one padded operation in integers, checked, before anyone decides how to do it.

Every public function and layer, on every backend and in the oracle, comes through this door, so all of them
refuse alike and none of them meets a spelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from convpad.errors import ShapeError, refuse
from convpad.geometry import Amount, Window, padded_window, transposed_window
from convpad.modes import Mode
from convpad.spec import Padding, integer, per_axis

__all__ = ["OPS", "Problem", "pose", "pose_pad"]

Shape = tuple[int | None, ...]

OPS = ("conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool", "average_pool")
"""The operations that have a window."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One padded operation: everything that can be said of it without a tensor.

    Args:
        op: one of `OPS`, or `"pad"`.
        input_shape, output_shape: None for what is not known.
        windows: one per spatial axis. Those of `conv_transpose` belong to the forward convolution whose adjoint
            it is, so their `size` is the output's.
        modes: `(before, after)` per spatial axis.
        groups: of a convolution.
        channels_last: whether the channels are the last axis, or the second.
        amounts: one per spatial axis, for a backend that learns a size only when it runs.
        leftovers: per axis, what the padded axis holds beyond the last window (`conv_transpose` alone).
    """

    op: str
    input_shape: Shape
    output_shape: Shape
    windows: tuple[Window, ...]
    modes: tuple[tuple[Mode, Mode], ...]
    groups: int
    channels_last: bool
    amounts: tuple[Amount, ...]
    leftovers: tuple[int, ...] = ()

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.windows)

    @property
    def axes(self) -> range:
        """The spatial axes of the input."""
        return range(1, 1 + self.rank) if self.channels_last else range(2, 2 + self.rank)

    @property
    def channel_axis(self) -> int:
        """Where the channels are."""
        return 1 + self.rank if self.channels_last else 1

    @property
    def taps(self) -> int:
        """Values under one window."""
        return prod(window.kernel for window in self.windows)


def pose(
    op: str,
    input_shape: Sequence[int | None],
    kernel_shape: Sequence[int] | int,
    padding: Padding,
    *,
    strides: Any = 1,
    dilation_rate: Any = 1,
    groups: Any = 1,
    data_format: str = "channels_last",
    output_padding: Any = None,
    pointwise_shape: Sequence[int] = (),
) -> Problem:
    """Checks one operation against its shapes and says what it asks for.

    Args:
        op: one of `OPS`.
        input_shape: `(batch, *spatial, channels)`, or channels second; None where unknown.
        kernel_shape: the kernel's shape as Keras has it; for pools the pool's size.
        padding: parsed.
        strides, dilation_rate: an int, or one per axis.
        groups: of a convolution.
        data_format: `"channels_last"` or `"channels_first"`.
        output_padding: of `conv_transpose`: None, an int, or one per axis.
        pointwise_shape: the second kernel's shape, of `separable_conv`.

    Raises:
        PaddingError: an argument that is wrong by itself.
        ShapeError: arguments that do not fit each other.
    """
    last = _channels_last(data_format)
    shape = tuple(input_shape)
    rank = rank_of(shape)
    channels = shape[-1] if last else shape[1]
    sizes = shape[1:-1] if last else shape[2:]
    strides = per_axis("strides", strides, rank)
    dilation = per_axis("dilation_rate", dilation_rate, rank)
    groups = integer("groups", groups, 1)
    if op in ("max_pool", "average_pool"):
        kernel, filters = per_axis("pool_size", kernel_shape, rank), channels
    else:
        full = _kernel_shape(kernel_shape, rank)
        kernel, filters = full[:-2], _filters(op, full, channels, groups, pointwise_shape)
    padding.channelled(filters if op == "conv_transpose" else channels)
    leftovers: tuple[int, ...] = ()
    rows = list(zip(sizes, kernel, strides, dilation, padding.amounts, strict=True))
    if op == "conv_transpose":
        extra = [None] * rank if output_padding is None else per_axis("output_padding", output_padding, rank, 0)
        for stride, more in zip(strides, extra, strict=True):
            if more is not None and more >= stride:
                mend = "It tells apart the sizes that one stride makes equal."
                raise refuse("output_padding", f"be less than the stride, {stride}", more, mend)
        found = [transposed_window(*row, more, axis) for axis, (row, more) in enumerate(zip(rows, extra, strict=True))]
        windows, leftovers = tuple(window for window, _ in found), tuple(leftover for _, leftover in found)
        outputs = tuple(window.size for window in windows)
    else:
        windows = tuple(padded_window(*row, axis) for axis, row in enumerate(rows))
        outputs = tuple(window.output for window in windows)
    output_shape = (shape[0], *outputs, filters) if last else (shape[0], filters, *outputs)
    return Problem(op, shape, output_shape, windows, padding.modes, groups, last, padding.amounts, leftovers)


def pose_pad(input_shape: Sequence[int | None], padding: Padding, data_format: str = "channels_last") -> Problem:
    """The same for padding alone: windows of one tap, so that the output is the padded axis."""
    last = _channels_last(data_format)
    shape = tuple(input_shape)
    channels = shape[-1] if last else shape[1]
    padding.channelled(channels)
    windows: list[Window] = []
    for axis, (size, amount, modes) in enumerate(
        zip(shape[1:-1] if last else shape[2:], padding.amounts, padding.modes, strict=True)
    ):
        if amount.pair is None:
            mend = "There is no window here that it could depend on: give the numbers."
            raise refuse("amount", "be an int, or a pair (before, after) for each spatial axis", amount.name, mend)
        for mode, count in zip(modes, amount.pair, strict=True):
            if not mode.counts:
                mend = "It has no values to pad with: use it as the padding_mode of a convolution or a pool."
                raise refuse("padding_mode", "have values", mode.name, mend)
            if mode.copies and size == 0 and count:
                raise ShapeError(
                    f"An empty axis has nothing to copy. Received: spatial axis {axis} of size 0 with padding_mode "
                    f"{mode.name!r}. Pad it with 'zeros' or a constant."
                )
        windows.append(Window(size, 1, 1, 1, *amount.pair))
    outputs = tuple(window.padded for window in windows)
    output_shape = (shape[0], *outputs, channels) if last else (shape[0], channels, *outputs)
    return Problem("pad", shape, output_shape, tuple(windows), padding.modes, 1, last, padding.amounts)


def rank_of(input_shape: Sequence[int | None]) -> int:
    """The number of spatial axes of an input of that shape."""
    if len(input_shape) < 3:
        raise ShapeError(
            "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape "
            f"{tuple(input_shape)}. Add the missing axes, of size 1."
        )
    return len(input_shape) - 2


def _channels_last(data_format: object) -> bool:
    if data_format not in ("channels_last", "channels_first"):
        raise refuse("data_format", "be 'channels_last' or 'channels_first'", data_format)
    return data_format == "channels_last"


def _kernel_shape(kernel_shape: Any, rank: int) -> tuple[int, ...]:
    full = tuple(kernel_shape)
    if len(full) != rank + 2:
        raise ShapeError(
            f"A kernel must have {rank} window axes, like the input, and two for channels. Received: a kernel of "
            f"shape {full} for an input with {rank} spatial axes."
        )
    if 0 in full:
        raise ShapeError(f"A kernel must hold at least one value on every axis. Received: a kernel of shape {full}.")
    return full


def _filters(op: str, kernel: tuple[int, ...], channels: int | None, groups: int, pointwise: Sequence[int]) -> int:
    """The number of output channels, once the kernel is known to fit the input's."""
    one, two = kernel[-2:]
    if op == "conv":
        wanted, filters, grouped, layout = one * groups, two, two, "(*window, channels // groups, filters)"
    elif op == "conv_transpose":
        wanted, filters, grouped, layout = two, one * groups, two, "(*window, filters // groups, channels)"
    else:
        wanted, filters, grouped, layout = one, one * two, 0, "(*window, channels, depth_multiplier)"
    if channels is not None and channels != wanted:
        raise ShapeError(
            f"The kernel must be of shape {layout}. Received: a kernel of shape {kernel} with groups={groups} for an "
            f"input of {channels} channels. That kernel reads {wanted}."
        )
    if grouped % groups:
        raise ShapeError(f"The groups must divide {grouped}, the kernel's last axis. Received: groups={groups}.")
    if op != "separable_conv":
        return filters
    if tuple(pointwise[:-1]) != (1,) * (len(kernel) - 2) + (filters,):
        shape = (*(1,) * (len(kernel) - 2), filters, "filters")
        raise ShapeError(
            f"The pointwise kernel must be of shape {shape}. Received: {tuple(pointwise)}.".replace("'", "")
        )
    return pointwise[-1]
