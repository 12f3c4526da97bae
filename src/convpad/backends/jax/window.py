"""Where are the windows of a convolution, for all that is computed of it?"""

from __future__ import annotations

from typing import NamedTuple

from convpad.core.window import spanned


class Window(NamedTuple):
    """Where the windows of a convolution are in tensors of these sizes, channels last."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    sizes: tuple[int, ...]
    taps: tuple[int, ...]

    @property
    def reach(self) -> list[int]:
        """How far from the first window's start a window may start."""
        rows = zip(self.sizes, self.taps, self.pads, self.dilation, strict=True)
        return [size + sum(pair) - spanned(taps, step) for size, taps, pair, step in rows]

    @property
    def outputs(self) -> list[int]:
        return [reach // stride + 1 for reach, stride in zip(self.reach, self.strides, strict=True)]

    @property
    def leftovers(self) -> list[int]:
        return [reach % stride for reach, stride in zip(self.reach, self.strides, strict=True)]

    def reads(self, axis: int, first: int, count: int) -> tuple[int, int, int, int]:
        """What so many outputs read: the first value, how many, and how many zeros before and after them."""
        size, stride, span = self.sizes[axis], self.strides[axis], spanned(self.taps[axis], self.dilation[axis])
        start = first * stride - self.pads[axis][0]
        whole = (count - 1) * stride + span
        before = min(max(-start, 0), whole)
        after = min(max(start + whole - size, 0), whole - before)
        return start + before, whole - before - after, before, after
