"""What becomes of a tensor on its way through a model? Readers follow it with `pad_of` and `window_of`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.core.problem import POOLS
from convpad.core.validation import listed
from convpad.models.posing import Shape, posed
from convpad.models.windows import Fill, Pad, PaddedWindow, filled

__all__ = ["Signal", "checked_shape", "pad_of", "window_of"]

Pair = tuple[int, int]

LARGEST_TENSOR = 2**31
LARGEST_NUMBER = 100_000
_MOST_AXES = 16
_COPIES = ("zeros", "reflect", "symmetric", "replicate", "circular")


@dataclass(frozen=True, slots=True)
class Signal:
    """What is known of one tensor of a model.

    Args:
        shape: with its batch axis; None where not even the number of axes is known.
        pads: the layers that have padded it, since anything else was done to it.
        nonnegative: whether no value in it is below 0.
        itemsize: bytes of one value.
    """

    shape: Shape | None
    pads: tuple[Pad, ...] = ()
    nonnegative: bool = False
    itemsize: int = 4

    def spatial(self, rank: int, *, channels_last: bool) -> Shape:
        """The sizes of its spatial axes; None for each that is unknown."""
        if self.shape is None or len(self.shape) < rank + 1:
            return (None,) * rank
        return self.shape[-rank - 1 : -1] if channels_last else self.shape[-rank:]

    def channels(self, rank: int, *, channels_last: bool) -> int | None:
        """The size of its channel axis, None where unknown."""
        if self.shape is None or len(self.shape) < rank + 1:
            return None
        return self.shape[-1] if channels_last else self.shape[-rank - 1]


def checked_shape(where: str, shape: Any) -> Shape:
    """Sizes as they may stand in a model: ints from 0 on, None for unknown ones, no more values than memory holds."""
    sizes = listed(shape)
    if sizes is None or len(sizes) > _MOST_AXES:
        raise refuse(where, "have a shape: one int or None for each axis", shape)
    if any(size is not None and (type(size) is not int or size < 0) for size in sizes):
        raise refuse(where, "have a shape: one int or None for each axis", shape)
    if prod(size for size in sizes if size) > LARGEST_TENSOR:
        raise refuse(where, f"hold at most {LARGEST_TENSOR:,} values", tuple(sizes))
    return tuple(sizes)


def _checked(where: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        if type(number) is not int or number > LARGEST_NUMBER:
            raise refuse(where, f"be made of ints of at most {LARGEST_NUMBER:,}", number)


def pad_of(
    signal: Signal,
    name: str,
    layer: str,
    pairs: Sequence[Pair],
    fills: Sequence[tuple[Fill, Fill]],
    axes: Sequence[int],
) -> Signal:
    """A tensor once a layer has padded it along some axes."""
    _checked(name, [number for pair in pairs for number in pair])
    shape = list(signal.shape or ())
    for axis, pair in zip(axes, pairs, strict=True):
        shape[axis] = None if (size := shape[axis]) is None else size + sum(pair)
    padded = checked_shape(name, shape)
    sizes = [1 if size is None and axis == 0 else size for axis, size in enumerate(padded)]
    known = [size for size in sizes if size is not None]
    copied = prod(known) * signal.itemsize if len(known) == len(sizes) else None
    what = tuple((filled(*before), filled(*after)) for before, after in fills)
    pad = Pad(name, layer, tuple(pairs), what, copied)
    # A constant below 0, or twice the edge less what lies inside it, may be negative.
    stays = all(mode in _COPIES for pair in what for mode, _ in pair)
    return replace(signal, shape=padded, pads=(*signal.pads, pad), nonnegative=signal.nonnegative and stays)


def window_of(
    signal: Signal,
    name: str,
    layer: str,
    op: str,
    padding: Padding,
    *,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
    filters: int | None = None,
    channels_last: bool,
    output_padding: Any = None,
) -> tuple[PaddedWindow, Signal]:
    """A window on a tensor, and the tensor that it makes.

    Raises:
        PaddingError: there is no such window; the layer's name comes first.
    """
    rank = len(kernel)
    for numbers in (kernel, strides, dilation):
        _checked(name, numbers)
    for amount in padding.amounts:
        _checked(name, amount.pair or ())
    channels = signal.channels(rank, channels_last=channels_last)
    if op == "conv" and groups == channels and groups > 1 and filters and filters % groups == 0:
        op, groups = "depthwise_conv", 1
    sizes = signal.spatial(rank, channels_last=channels_last)
    batch = signal.shape[0] if signal.shape and len(signal.shape) == rank + 2 else None
    shape = (batch, *sizes, channels) if channels_last else (batch, channels, *sizes)
    try:
        problem = posed(
            op,
            shape,
            padding,
            kernel=kernel,
            strides=strides,
            dilation=dilation,
            groups=groups,
            filters=filters,
            channels_last=channels_last,
            output_padding=output_padding,
        )
    except PaddingError as error:
        raise PaddingError(f"{name}: {error}") from None
    checked_shape(name, problem.output_shape)
    pads = signal.pads if all(len(pad.pairs) == rank for pad in signal.pads) else ()
    window = PaddedWindow(name, layer, problem, padding, pads, signal.nonnegative)
    keeps = op in POOLS and signal.nonnegative
    return window, Signal(problem.output_shape, (), keeps, signal.itemsize)
