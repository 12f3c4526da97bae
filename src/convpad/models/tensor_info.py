"""Tensors of a model, as far as they are known without values, and the effect of a padding or a window on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from convpad.core.amounts import explicit
from convpad.core.effective import Fill, effective_fill
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.core.problem import POOLS, Problem, absorb_overhang
from convpad.core.validation import listed
from convpad.models.windows import Pad, PaddedWindow, Shape, window_problem

__all__ = ["TensorInfo", "apply_pad", "apply_window", "checked_shape"]

Pair = tuple[int, int]

LARGEST_TENSOR = 2**31
LARGEST_NUMBER = 100_000
_MAX_AXES = 16
_COPIES = ("zeros", "reflect", "symmetric", "replicate", "circular")


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a model.

    Args:
        shape: with its batch axis; None where not even the number of axes is known.
        pads: the layers that have padded it, since any other operation.
        nonnegative: whether no value in it is below 0.
        itemsize: bytes of one value.
    """

    shape: Shape | None = None
    pads: tuple[Pad, ...] = ()
    nonnegative: bool = False
    itemsize: int = 4

    def spatial(self, rank: int, *, channels_last: bool) -> Shape:
        """Return the sizes of the spatial axes, None for each that is unknown."""
        if self.shape is None or len(self.shape) < rank + 1:
            return (None,) * rank
        return self.shape[-rank - 1 : -1] if channels_last else self.shape[-rank:]

    def channels(self, rank: int, *, channels_last: bool) -> int | None:
        """Return the size of the channel axis, None where unknown."""
        if self.shape is None or len(self.shape) < rank + 1:
            return None
        return self.shape[-1] if channels_last else self.shape[-rank - 1]


def checked_shape(name: str, shape: Any) -> Shape:
    """Return the sizes of a tensor: ints from 0 on, None for unknown ones, no more values than memory holds."""
    sizes = listed(shape)
    if sizes is None or len(sizes) > _MAX_AXES:
        raise refuse(name, "have a shape: one int or None for each axis", shape)
    if any(size is not None and (type(size) is not int or size < 0) for size in sizes):
        raise refuse(name, "have a shape: one int or None for each axis", shape)
    if prod(size for size in sizes if size) > LARGEST_TENSOR:
        raise refuse(name, f"hold at most {LARGEST_TENSOR:,} values", tuple(sizes))
    return tuple(sizes)


def _check_numbers(name: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        if type(number) is not int or number > LARGEST_NUMBER:
            raise refuse(name, f"be made of ints of at most {LARGEST_NUMBER:,}", number)


def apply_pad(
    tensor: TensorInfo,
    name: str,
    layer: str,
    pairs: Sequence[Pair],
    fills: Sequence[tuple[Fill, Fill]],
    axes: Sequence[int],
) -> TensorInfo:
    """Return a tensor after a layer has padded it.

    Args:
        tensor: before the layer; its number of axes is known.
        name, layer: the layer's path and class.
        pairs, fills: (before, after) for each padded axis.
        axes: the padded axes of the tensor.
    """
    _check_numbers(name, [number for pair in pairs for number in pair])
    shape = list(tensor.shape or ())
    for axis, pair in zip(axes, pairs, strict=True):
        shape[axis] = None if (size := shape[axis]) is None else size + sum(pair)
    padded = checked_shape(name, shape)
    sizes = [1 if size is None and axis == 0 else size for axis, size in enumerate(padded)]
    known = [size for size in sizes if size is not None]
    copied = prod(known) * tensor.itemsize if len(known) == len(sizes) else None
    effective = tuple((effective_fill(*before), effective_fill(*after)) for before, after in fills)
    pad = Pad(name, layer, tuple(pairs), effective, copied)
    # A constant below 0, or twice the edge minus a value inside, may be negative.
    nonnegative = tensor.nonnegative and all(mode in _COPIES for pair in effective for mode, _ in pair)
    return replace(tensor, shape=padded, pads=(*tensor.pads, pad), nonnegative=nonnegative)


def apply_window(
    tensor: TensorInfo,
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
    ceil_mode: bool = False,
) -> tuple[PaddedWindow, TensorInfo]:
    """Return the window of a convolution or pool on a tensor, and the output.

    Args:
        tensor: the input.
        name, layer: the layer's path and class.
        op, padding, kernel and so on: as `convpad.models.windows.window_problem` takes them.

    Raises:
        PaddingError: there is no such window; the layer's name comes first.
    """
    rank = len(kernel)
    for numbers in (kernel, strides, dilation, *(amount.pair or () for amount in padding.amounts)):
        _check_numbers(name, numbers)
    channels = tensor.channels(rank, channels_last=channels_last)
    if op == "conv" and groups == channels and groups > 1 and filters and filters % groups == 0:
        op, groups = "depthwise_conv", 1
    sizes = tensor.spatial(rank, channels_last=channels_last)
    batch = tensor.shape[0] if tensor.shape and len(tensor.shape) == rank + 2 else None
    try:
        problem = window_problem(
            op,
            (batch, *sizes, channels) if channels_last else (batch, channels, *sizes),
            padding,
            kernel=kernel,
            strides=strides,
            dilation=dilation,
            groups=groups,
            filters=filters,
            channels_last=channels_last,
            output_padding=output_padding,
            ceil_mode=ceil_mode,
        )
    except PaddingError as error:
        raise PaddingError(f"{name}: {error}") from None
    checked_shape(name, problem.output_shape)
    if ceil_mode:
        problem, padding = _rounded_down(problem, padding)
    pads = tensor.pads if all(len(pad.pairs) == rank for pad in tensor.pads) else ()
    window = PaddedWindow(name, layer, problem, padding, pads, tensor.nonnegative)
    return window, TensorInfo(problem.output_shape, (), op in POOLS and tensor.nonnegative, tensor.itemsize)


def _rounded_down(problem: Problem, padding: Padding) -> tuple[Problem, Padding]:
    """Rewrite a pool that rounds up as one that rounds down, with its padding, where there is one that is equal."""
    down = absorb_overhang(problem)
    if not down.known or any(window.ceil for window in down.windows):
        return problem, padding
    return down, Padding(tuple(explicit(*pair) for pair in down.pads), down.modes, padding.values)
