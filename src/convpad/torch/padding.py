"""Padding modules: one for each number of spatial axes, with every mode."""

from __future__ import annotations

from torch import Tensor

from convpad.core.types import PaddingLike, PaddingModeLike
from convpad.torch.base import PaddedModule


class _Pad(PaddedModule):
    op = "pad"
    followed = frozenset()

    def __init__(self, padding: PaddingLike, padding_mode: PaddingModeLike = "zeros") -> None:
        """Make the module.

        Args:
            padding: an int, or for each spatial axis an int or a pair `(before, after)`; with one spatial axis, a
                pair. The first spatial axis comes first, unlike in `torch.nn.functional.pad`.
            padding_mode: with what, as `Conv2d` takes it.

        Raises:
            PaddingError: no such padding.
        """
        super().__init__()
        self._set_padding(padding, padding_mode)

    def forward(self, input: Tensor) -> Tensor:
        """Return the padded input."""
        return self._run(input)

    def extra_repr(self) -> str:
        """Return the padding as it was written."""
        return f"{self.padding}, padding_mode={self._shown_mode()}"


class Pad1d(_Pad):
    """Pads one spatial axis.

    Example:

    >>> import convpad, torch
    >>> convpad.torch.Pad1d((2, 1), "circular")(torch.tensor([[[1.0, 2.0, 3.0]]]))
    tensor([[[2., 3., 1., 2., 3., 1.]]])

    Shapes: `(batch, channels, steps)` to `(batch, channels, padded_steps)`, or both without a batch.
    """

    rank = 1


class Pad2d(_Pad):
    """Pads two spatial axes.

    Example:

    >>> import convpad, torch
    >>> pad = convpad.torch.Pad2d(1, ("replicate", "circular"))
    >>> pad
    Pad2d((1, 1), padding_mode=('replicate', 'circular'))
    >>> pad(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
    tensor([[[2., 1., 2., 1.],
             [2., 1., 2., 1.],
             [4., 3., 4., 3.],
             [4., 3., 4., 3.]]])

    Shapes: `(batch, channels, height, width)` to `(batch, channels, padded_height, padded_width)`, or both without a
    batch.
    """

    rank = 2


class Pad3d(_Pad):
    """Pads three spatial axes.

    Example:

    >>> import convpad, torch
    >>> convpad.torch.Pad3d(((1, 0), 1, 1), ("replicate", 0, 0))(torch.zeros(1, 2, 4, 8, 8)).shape
    torch.Size([1, 2, 5, 10, 10])

    Shapes: `(batch, channels, depth, height, width)` to `(batch, channels, padded_depth, padded_height,
    padded_width)`, or both without a batch.
    """

    rank = 3
