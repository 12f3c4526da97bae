"""Which amounts turn one size into another? All of them, within bounds, along one axis.

With Dumoulin & Visin (arXiv:1603.07285) o windows that span k places and move by s read ``(o - 1) s + k`` places of an
axis of i values padded by p in all. Rounded down, the axis may hold up to s - 1 places more, which no window reads.
Rounded up, as some pools do, the last window may reach up to s - 1 places beyond the padded axis.

A transposed convolution needs no rules of its own: what turns o values into i is whatever makes o windows of i values,
and the places that no window reads are what frameworks call `output_padding`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from convpad.core.window import Window, spanned

__all__ = ["ROUNDINGS", "Fit", "Rounding", "fit", "fits", "outputs_within", "sizes_within"]

Rounding = Literal["floor", "ceil"]

ROUNDINGS: tuple[Rounding, ...] = ("floor", "ceil")
"""What becomes of a last window for which the padded axis is too short: dropped, or let hang over the end."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One window that explains two sizes.

    Args:
        window: with the amounts found.
        overhang: places that the last window reads beyond the padded axis: 0 unless the rounding is `ceil`.

    Example:

    >>> from convpad.core.inverse import Fit
    >>> from convpad.core.window import Window
    >>> Fit(Window(size=112, kernel=3, stride=2, dilation=1, before=0, after=0), overhang=1).output
    56
    """

    window: Window
    overhang: int = 0

    @property
    def output(self) -> int:
        """How many windows there are, the one that hangs over counted in."""
        return (self.window.output or 0) + bool(self.overhang)

    @property
    def spare(self) -> int:
        """Places at the padded end that no window reads."""
        return 0 if self.overhang else self.window.leftover or 0


def fit(window: Window, output: int, roundings: Collection[Rounding] = ROUNDINGS) -> Fit | None:
    """The window as it stands, if one of the roundings makes `output` of it.

    A window that would start in the padding after the axis is dropped when rounding up, as PyTorch and ONNX drop it.

    Example:

    >>> from convpad.core.window import Window
    >>> from convpad.core.inverse import fit
    >>> fit(Window(size=224, kernel=11, stride=4, dilation=1, before=0, after=0), 55, ["floor"])
    >>> fit(Window(size=227, kernel=11, stride=4, dilation=1, before=0, after=0), 55, ["floor"]).spare
    0
    """
    if window.padded is None or window.size is None or window.before is None:
        return None
    inside = window.size + window.before
    spare = window.padded - ((output - 1) * window.stride + window.span)
    if 0 <= spare < window.stride:
        next_is_dropped = spare == 0 or output * window.stride >= inside
        return Fit(window) if "floor" in roundings or next_is_dropped else None
    if "ceil" in roundings and -window.stride < spare < 0 and (output - 1) * window.stride < inside:
        return Fit(window, overhang=-spare)
    return None


def fits(
    size: int, output: int, kernel: int, stride: int, dilation: int, roundings: Collection[Rounding] = ROUNDINGS
) -> list[Fit]:
    """Every (before, after) that makes `output` of `size`, in order, both below the span of the window.

    So no window stands in the padding alone.

    Example:

    >>> from convpad.core.inverse import fits
    >>> [(fit.window.before, fit.window.after) for fit in fits(5, 3, kernel=3, stride=2, dilation=1)]
    [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)]
    """
    span = spanned(kernel, dilation)
    least = (output - 1) * stride + span - size
    found: list[Fit] = []
    for before in range(span):
        for after in range(max(0, least - stride + 1 - before), min(span, least + stride - before)):
            one = fit(Window(size, kernel, stride, dilation, before, after), output, roundings)
            if one is not None:
                found.append(one)
    return found


def outputs_within(
    size: int, kernel: int, stride: int, dilation: int, roundings: Collection[Rounding] = ROUNDINGS
) -> list[int]:
    """Every output that `fits` can explain.

    Example:

    >>> from convpad.core.inverse import outputs_within
    >>> outputs_within(224, kernel=7, stride=2, dilation=1)
    [109, 110, 111, 112, 113, 114, 115]
    """
    span = spanned(kernel, dilation)
    least, most = (size - span) // stride + 1, (size + span - 2) // stride + 2
    return [o for o in range(max(1, least), most + 1) if fits(size, o, kernel, stride, dilation, roundings)]


def sizes_within(
    output: int, kernel: int, stride: int, dilation: int, roundings: Collection[Rounding] = ROUNDINGS
) -> list[int]:
    """Every size that `fits` can explain.

    Example:

    >>> from convpad.core.inverse import sizes_within
    >>> sizes_within(5, kernel=3, stride=1, dilation=1)
    [3, 4, 5, 6, 7]
    """
    span = spanned(kernel, dilation)
    least, most = (output - 2) * stride - span + 3, output * stride + span - 1
    return [i for i in range(max(1, least), most + 1) if fits(i, output, kernel, stride, dilation, roundings)]
