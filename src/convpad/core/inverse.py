"""Amounts of padding that turn one size into another along one axis: all of them, within bounds.

With Dumoulin & Visin (arXiv:1603.07285) o windows that span k places and move by s read ``(o - 1) s + k`` places of an
axis of i values padded by p in all. Rounded down, the axis may hold up to s - 1 places more, which no window reads.
Rounded up, as some pools do, the last window may reach up to s - 1 places beyond the padded axis.

A transposed convolution needs no rules of its own: o values become i values exactly where o windows read i values,
and the places that no window reads are what frameworks call `output_padding`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

from convpad.core.window import Window, spanned

Rounding = Literal["floor", "ceil"]

ROUNDINGS: tuple[Rounding, ...] = ("floor", "ceil")
"""What becomes of a last window for which the padded axis is too short: dropped, or let hang over the end."""


def fit(window: Window, output: int, roundings: Collection[Rounding] = ROUNDINGS) -> Window | None:
    """Return the window, if a rounding makes `output` of it, with `ceil` only where that makes a difference."""
    if "floor" in roundings and window.output == output:
        return window
    ceil = replace(window, ceil=True)
    if "ceil" not in roundings or ceil.output != output:
        return None
    return window if window.output == output else ceil


def fits(
    size: int, output: int, kernel: int, stride: int, dilation: int, roundings: Collection[Rounding] = ROUNDINGS
) -> list[Window]:
    """Return every (before, after) that makes `output` of `size`, in order, both below the span of the window.

    So no window stands in the padding alone.
    """
    span = spanned(kernel, dilation)
    lacking = (output - 1) * stride + span - size
    fitting: list[Window] = []
    for before in range(span):
        for after in range(max(0, lacking - stride + 1 - before), min(span, lacking + stride - before)):
            window = fit(Window(size, kernel, stride, dilation, before, after), output, roundings)
            if window is not None:
                fitting.append(window)
    return fitting


def fits_beyond(
    size: int, output: int, kernel: int, stride: int, dilation: int, roundings: Collection[Rounding] = ROUNDINGS
) -> list[Window]:
    """Return every (before, after) of the span of the window or more that is even, or has one more after.

    Windows stand in the padding alone there, as in FCN-8s (arXiv:1411.4038), which pads an image by 100 for 3 x 3.
    """
    span = spanned(kernel, dilation)
    lacking = (output - 1) * stride + span - size
    totals = range(max(lacking - stride + 1, 2 * span - 1), lacking + stride)
    windows = [Window(size, kernel, stride, dilation, total // 2, total - total // 2) for total in totals]
    return [window for window in windows if fit(window, output, roundings)]
