"""Where does a window stand on a padded axis, and what comes out?"""

from __future__ import annotations

from dataclasses import dataclass

from convpad.errors import ShapeError
from convpad.geometry.amounts import Amount

__all__ = ["Window", "padded_window", "spanned"]


def spanned(kernel: int, dilation: int) -> int:
    """How many places a kernel covers, its holes counted in."""
    return (kernel - 1) * dilation + 1


@dataclass(frozen=True, slots=True)
class Window:
    """One axis of a padded convolution or pool, all in numbers of values.

    Args:
        size: the axis before padding; None while unknown.
        kernel: taps of the window.
        stride: steps from one output to the next.
        dilation: steps from one tap to the next.
        before, after: values added on the two sides; None while they depend on an unknown size.

    Example:

    >>> from convpad.geometry import Window
    >>> w = Window(size=224, kernel=7, stride=2, dilation=1, before=2, after=3)
    >>> w.output, w.leftover
    (112, 0)
    >>> Window(size=224, kernel=7, stride=2, dilation=1, before=3, after=3).leftover
    1
    """

    size: int | None
    kernel: int
    stride: int
    dilation: int
    before: int | None
    after: int | None

    @property
    def span(self) -> int:
        """Places the window covers."""
        return spanned(self.kernel, self.dilation)

    @property
    def known(self) -> bool:
        """Whether size and amounts are ints already."""
        return self.size is not None and self.before is not None

    @property
    def padded(self) -> int | None:
        """The axis after padding."""
        if self.size is None or self.before is None or self.after is None:
            return None
        return self.size + self.before + self.after

    @property
    def output(self) -> int | None:
        """How many windows there are."""
        padded = self.padded
        return None if padded is None else (padded - self.span) // self.stride + 1

    @property
    def leftover(self) -> int | None:
        """Values at the padded end that no window reads."""
        padded = self.padded
        return None if padded is None else (padded - self.span) % self.stride


def padded_window(size: int | None, kernel: int, stride: int, dilation: int, amount: Amount, axis: int) -> Window:
    """The window of one spatial axis, or a refusal where it does not fit."""
    if size == 0:
        raise ShapeError(
            f"Every spatial axis must hold at least one value. Received: spatial axis {axis} of size 0. "
            "Drop the empty input before the window meets it."
        )
    before, after = amount.known(size, spanned(kernel, dilation), stride) or (None, None)
    window = Window(size, kernel, stride, dilation, before, after)
    if window.output is not None and window.output < 1:
        raise ShapeError(
            f"The window must fit into the padded axis. Received: spatial axis {axis} of size {size}, padded by "
            f"({before}, {after}), with a window that spans {window.span}. Pad more, or use a smaller window."
        )
    return window
