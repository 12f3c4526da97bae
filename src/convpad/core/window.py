"""Windows on a padded axis: their number, what they leave unread, and the windows of transposed convolutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convpad.core.amounts import Amount
from convpad.core.errors import ShapeError


def spanned(kernel: int, dilation: int) -> int:
    """Return the number of places that a kernel covers, its holes counted in."""
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
        ceil: whether the number of outputs is rounded up (`ceil_mode` of PyTorch's and ONNX's pools): the last window
            may hang over the padded axis, where it reads nothing, unless it would begin in the padding after.

    Example:

    >>> from convpad.core.window import Window
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
    ceil: bool = False

    @property
    def span(self) -> int:
        """Places the window covers."""
        return spanned(self.kernel, self.dilation)

    @property
    def is_static(self) -> bool:
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
        """Number of windows."""
        return None if self.padded is None else window_count(self, self.size, self.before, self.after)

    @property
    def leftover(self) -> int | None:
        """Values at the padded end that no window reads."""
        reach = self._reach
        return None if reach is None else max(reach, 0)

    @property
    def overhang(self) -> int:
        """Places beyond the padded end that the last window reaches; 0 while unknown."""
        return max(-(self._reach or 0), 0)

    @property
    def overhangs(self) -> bool:
        """Whether the last window reaches beyond the padded end, or may while the size is unknown."""
        return self.ceil and (not self.is_static or self.overhang > 0)

    @property
    def _reach(self) -> int | None:
        """Values between the end of the last window and the padded end."""
        padded, output = self.padded, self.output
        return None if padded is None or output is None else padded - (output - 1) * self.stride - self.span


def at_least_zero(number: Any) -> Any:
    """Return a number, or 0 where it is negative: of an int, or of a running backend's own integers."""
    return (number + abs(number)) // 2


def window_count(
    window: Window, size: Any, before: Any, after: Any, at_least_zero: Callable[[Any], Any] = at_least_zero
) -> Any:
    """Return the number of windows on an axis, whose size and amounts are ints, or a backend's own integers.

    `at_least_zero` is that of the integers.
    """
    steps = size + before + after - window.span
    if not window.ceil:
        return steps // window.stride + 1
    last = (steps + window.stride - 1) // window.stride
    beyond = last * window.stride // (size + before)
    return last + at_least_zero(1 - at_least_zero(beyond))


def padded_window(
    size: int | None, kernel: int, stride: int, dilation: int, amount: Amount, axis: int, ceil: bool = False
) -> Window:
    """Return the window of one spatial axis, or refuse a window that does not fit."""
    if size == 0:
        raise ShapeError(
            f"Every spatial axis must hold at least one value. Received: spatial axis {axis} of size 0. "
            "Drop the empty input before the window meets it."
        )
    before, after = amount.pair_or_none(size, spanned(kernel, dilation), stride) or (None, None)
    window = Window(size, kernel, stride, dilation, before, after, ceil)
    output = window.output
    if output is not None and output < 1:
        raise ShapeError(
            f"The window must fit into the padded axis. Received: spatial axis {axis} of size {size}, padded by "
            f"({before}, {after}), with a window that spans {window.span}. Pad more, or use a smaller window."
        )
    return window


def transposed_window(
    outputs: int | None, kernel: int, stride: int, dilation: int, amount: Amount, output_padding: int | None, axis: int
) -> tuple[Window, int]:
    """Return the forward window whose adjoint turns `outputs` values into its `size`, and its unread values."""
    span = spanned(kernel, dilation)
    # How far the output goes beyond (outputs - 1) * stride: the same for any number of outputs.
    if amount.follows_size:
        tail = stride if output_padding is None else span % 2 + output_padding
    elif amount.name == "valid":
        tail = max(span, stride) if output_padding is None else span + output_padding
    else:
        tail = span - sum(amount.rule(0, span)) + (output_padding or 0)
    before, after = amount.rule(max(span - tail, 0), span)
    leftover = tail + before + after - span
    if outputs is None:
        return Window(None, kernel, stride, dilation, before, after), leftover
    size = (outputs - 1) * stride + tail
    if outputs < 1 or size < 1:
        raise ShapeError(
            f"A transposed convolution must have something to give. Received: spatial axis {axis} of size {outputs}, "
            f"which would become {size}. Pad less, or use a larger kernel."
        )
    return Window(size, kernel, stride, dilation, before, after), leftover


def places_read(window: Window, start: int, stop: int) -> int:
    """Return the number of places from `start` to `stop` that any window reads; 0 is the first value of the axis."""
    # Every tap stands on places that are one stride apart, as many as there are windows: of the taps that share
    # places, each begins where the other does or later, so one pass counts their union.
    outputs, stride, before = window.output or 0, window.stride, window.before or 0
    reached: dict[int, int] = {}
    count = 0
    for tap in range(0, window.kernel * window.dilation, window.dilation):
        turn, phase = divmod(tap, stride)
        first = max(turn, reached.get(phase, 0), -((phase - start - before) // stride))
        last = min(turn + outputs, -((phase - stop - before) // stride))
        count += max(last - first, 0)
        reached[phase] = turn + outputs
    return count
