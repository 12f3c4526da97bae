"""How large is the output of a transposed convolution, and which forward window is it the adjoint of?

A transposed convolution turns ``o`` values into the ``n`` values of which a forward convolution makes ``o``.
With a stride several ``n`` do; the amount names one, as Keras does, and `output_padding` another. Once ``n``
is known the amounts are simply those of the forward window on ``n`` values.
"""

from __future__ import annotations

from convpad.errors import ShapeError
from convpad.geometry.amounts import Amount, lack
from convpad.geometry.window import Window, spanned

__all__ = ["transposed_window"]


def transposed_window(
    outputs: int | None, kernel: int, stride: int, dilation: int, amount: Amount, output_padding: int | None, axis: int
) -> tuple[Window, int]:
    """The forward window whose adjoint turns `outputs` values into its `size`, and what it leaves unread.

    Example:

    >>> from convpad.geometry import AMOUNTS, transposed_window
    >>> transposed_window(7, kernel=4, stride=2, dilation=1, amount=AMOUNTS["same"], output_padding=None, axis=0)
    (Window(size=14, kernel=4, stride=2, dilation=1, before=1, after=1), 0)
    """
    span = spanned(kernel, dilation)
    # How far the output goes beyond (outputs - 1) * stride: the same for any number of outputs.
    if amount.follows_size:
        tail = stride if output_padding is None else span % 2 + output_padding
    elif amount.name == "valid":
        tail = max(span, stride) if output_padding is None else span + output_padding
    else:
        tail = span - sum(amount.rule(0, span)) + (output_padding or 0)
    before, after = amount.rule(lack(tail, 1, span, stride), span)
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
