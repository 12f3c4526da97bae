"""A window with the sizes of its input and kernel: the parameter of the convolution primitive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from convpad.backends.base import ConvWindow
from convpad.core.window import spanned


class SizedWindow(NamedTuple):
    """The window of a convolution on tensors of these sizes, with so many taps."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    sizes: tuple[int, ...]
    taps: tuple[int, ...]
    groups: int = 1
    depthwise: bool = False
    channels_last: bool = True

    @property
    def channel_axis(self) -> int:
        """Return the axis of the channels of a tensor."""
        return -1 if self.channels_last else 1

    @property
    def reach(self) -> list[int]:
        """Return how far from the first window's start a window may start, per axis."""
        rows = zip(self.sizes, self.taps, self.pads, self.dilation, strict=True)
        return [size + sum(pair) - spanned(taps, step) for size, taps, pair, step in rows]

    @property
    def outputs(self) -> list[int]:
        """Return the number of windows per axis."""
        return [reach // stride + 1 for reach, stride in zip(self.reach, self.strides, strict=True)]

    @property
    def leftovers(self) -> list[int]:
        """Return the values beyond the last window per axis."""
        return [reach % stride for reach, stride in zip(self.reach, self.strides, strict=True)]

    def shape(self, batch: int, sizes: Sequence[int], channels: int) -> tuple[int, ...]:
        """Return the shape of a tensor in the layout of the window."""
        return (batch, *sizes, channels) if self.channels_last else (batch, channels, *sizes)

    def reads(self, axis: int, first: int, count: int) -> tuple[int, int, int, int]:
        """Return what `count` outputs read: the first value, how many values, and the zeros before and after them."""
        size, stride, span = self.sizes[axis], self.strides[axis], spanned(self.taps[axis], self.dilation[axis])
        start = first * stride - self.pads[axis][0]
        whole = (count - 1) * stride + span
        before = min(max(-start, 0), whole)
        after = min(max(start + whole - size, 0), whole - before)
        return start + before, whole - before - after, before, after

    def adjoint(self) -> SizedWindow:
        """Return the window of the adjoint of a convolution with strides of 1: over its outputs, by its flipped kernel.

        Taps must not read padding alone: otherwise its pads would be negative.
        """
        spans = [spanned(taps, step) - 1 for taps, step in zip(self.taps, self.dilation, strict=True)]
        pads = tuple([(span - before, span - after) for span, (before, after) in zip(spans, self.pads, strict=True)])
        return self._replace(pads=pads, sizes=tuple(self.outputs))

    def as_row(self) -> SizedWindow:
        """Return the window of a sequence as that of an image of one row."""
        pads = (0, 0), *self.pads
        rest = (1, *self.sizes), (1, *self.taps), self.groups
        return SizedWindow((1, *self.strides), pads, (1, *self.dilation), *rest)

    def to_conv_window(self) -> ConvWindow:
        """Return the window without sizes."""
        return ConvWindow(self.strides, self.pads, self.dilation, self.groups, leftovers=tuple(self.leftovers))
