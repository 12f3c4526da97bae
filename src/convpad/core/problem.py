"""What is asked? A `Problem`: one padded operation in integers, checked, before anyone decides how to do it.

Every public function and layer, on every backend and in the oracle, comes through this door, so all of them
refuse alike and none of them meets a spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any, cast

from convpad.core.amounts import Amount
from convpad.core.errors import ShapeError, refuse
from convpad.core.modes import MODES, Mode
from convpad.core.padding import Padding
from convpad.core.validation import integer, per_axis
from convpad.core.window import Window, padded_window, transposed_window

__all__ = ["OPS", "POOLS", "Problem", "known_shape", "pose", "pose_pad", "rank_of", "sources"]

Shape = tuple[int | None, ...]

_CONV = ("strides", "dilation_rate", "data_format")
POOLS = ("max_pool", "average_pool")
"""The operations whose window has no kernel."""

OPS: dict[str, tuple[str, ...]] = {
    "conv": (*_CONV, "groups"),
    "depthwise_conv": _CONV,
    "separable_conv": _CONV,
    "conv_transpose": (*_CONV, "groups", "output_padding"),
    "max_pool": ("strides", "data_format"),
    "average_pool": ("strides", "data_format"),
}
"""The operations that have a window, and the arguments that `pose` takes for each."""


def _said(what: str) -> Any:
    """A field that follows from the others: said once, when they are given, as every call asks for it."""
    return field(init=False, repr=False, compare=False, metadata={"doc": what})


@dataclass(frozen=True, slots=True)
class Problem:
    """One padded operation: everything that can be said of it without a tensor, and said once.

    Args:
        op: one of `OPS`, or `"pad"`.
        input_shape, output_shape: None for what is not known.
        windows: one per spatial axis. Those of `conv_transpose` belong to the forward convolution whose adjoint
            it is, so their `size` is the output's.
        modes: `(before, after)` per spatial axis.
        groups: of a convolution.
        channels_last: whether the channels are the last axis, or the second.
        amounts: one per spatial axis, for a backend that learns a size only when it runs.
        leftovers: per axis, what the padded axis holds beyond the last window (`conv_transpose` alone).
    """

    op: str
    input_shape: Shape
    output_shape: Shape
    windows: tuple[Window, ...]
    modes: tuple[tuple[Mode, Mode], ...]
    groups: int
    channels_last: bool
    amounts: tuple[Amount, ...]
    leftovers: tuple[int, ...] = ()
    strides: tuple[int, ...] = _said("from one output to the next, per axis")
    dilation: tuple[int, ...] = _said("from one tap to the next, per axis")
    pads: tuple[tuple[int, int], ...] = _said("(before, after) per axis, where they are known")
    known: bool = _said("whether the sizes and amounts of all axes are ints already")
    padded_modes: tuple[Mode, ...] = _said("of the sides that get any padding, each once; a side without has no say")
    fills: bool = _said("whether any of the padding is more than zeros: copies, or constants")
    ignores: bool = _said("whether any of the padding does not count")
    _hash: int | None = _said("to be looked up by")

    def __post_init__(self) -> None:
        modes = self._padded_modes()
        for name, value in (
            ("strides", tuple([window.stride for window in self.windows])),
            ("dilation", tuple([window.dilation for window in self.windows])),
            ("pads", tuple([(window.before or 0, window.after or 0) for window in self.windows])),
            ("known", all(window.known for window in self.windows)),
            ("padded_modes", modes),
            ("fills", any(mode.copies or mode.carries_value for mode in modes)),
            ("ignores", not all(mode.counts for mode in modes)),
            ("_hash", None),
        ):
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        if self._hash is None:
            asked = self.op, self.input_shape, self.output_shape, self.windows, self.modes, self.groups
            object.__setattr__(self, "_hash", hash((*asked, self.channels_last)))
        return self._hash or 0

    def _padded_modes(self) -> tuple[Mode, ...]:
        modes: list[Mode] = []
        for window, (before, after) in zip(self.windows, self.modes, strict=True):
            for count, mode in ((window.before, before), (window.after, after)):
                if self.op == "conv_transpose" and mode.carries_value:
                    mode = MODES["zeros"]  # it does not depend on the input, so the adjoint does not see it
                if count != 0 and mode not in modes:
                    modes.append(mode)
        return tuple(modes)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.windows)

    @property
    def axes(self) -> range:
        """The spatial axes of the input."""
        return range(1, 1 + self.rank) if self.channels_last else range(2, 2 + self.rank)

    @property
    def channel_axis(self) -> int:
        """Where the channels are."""
        return 1 + self.rank if self.channels_last else 1

    @property
    def taps(self) -> int:
        """Values under one window."""
        return prod([window.kernel for window in self.windows])


def pose(
    op: str,
    input_shape: Any,
    kernel_shape: Any,
    padding: Padding,
    *,
    strides: Any = 1,
    dilation_rate: Any = 1,
    groups: Any = 1,
    data_format: str = "channels_last",
    output_padding: Any = None,
    pointwise_shape: Any = (),
) -> Problem:
    """Checks one operation against its shapes and says what it asks for.

    Args:
        op: one of `OPS`.
        input_shape: `(batch, *spatial, channels)`, or channels second; None where unknown.
        kernel_shape: the kernel's shape as Keras has it; for pools the pool's size.
        padding: parsed.
        strides, dilation_rate: an int, or one per axis. The strides of a pool may be None: its size.
        groups: of a convolution.
        data_format: `"channels_last"` or `"channels_first"`.
        output_padding: of `conv_transpose`: None, an int, or one per axis.
        pointwise_shape: the second kernel's shape, of `separable_conv`.

    Raises:
        PaddingError: an argument that is wrong by itself.
        ShapeError: arguments that do not fit each other.
    """
    last = _channels_last(data_format)
    shape = known_shape("x", input_shape)
    rank = rank_of(shape)
    channels = shape[-1] if last else shape[1]
    sizes = shape[1:-1] if last else shape[2:]
    groups = integer("groups", groups, 1)
    if op in POOLS:
        kernel, filters = per_axis("pool_size", kernel_shape, rank), channels
        strides = kernel if strides is None else strides
    else:
        full = _kernel_shape("kernel", kernel_shape, rank)
        kernel, filters = full[:-2], _filters(op, full, channels, groups)
        if op == "separable_conv":
            filters = _pointwise_filters(_kernel_shape("pointwise_kernel", pointwise_shape, rank), filters)
    strides = per_axis("strides", strides, rank)
    dilation = per_axis("dilation_rate", dilation_rate, rank)
    padding.check_channels(filters if op == "conv_transpose" else channels)
    leftovers: tuple[int, ...] = ()
    rows = list(zip(sizes, kernel, strides, dilation, padding.amounts, strict=True))
    if op == "conv_transpose":
        extra = _output_padding(output_padding, strides)
        found = [transposed_window(*row, more, axis) for axis, (row, more) in enumerate(zip(rows, extra, strict=True))]
        windows, leftovers = tuple(window for window, _ in found), tuple(leftover for _, leftover in found)
        outputs = tuple(window.size for window in windows)
    else:
        windows = tuple(padded_window(*row, axis) for axis, row in enumerate(rows))
        outputs = tuple(window.output for window in windows)
    output_shape = (shape[0], *outputs, filters) if last else (shape[0], filters, *outputs)
    return Problem(op, shape, output_shape, windows, padding.modes, groups, last, padding.amounts, leftovers)


def pose_pad(input_shape: Any, padding: Padding, data_format: str = "channels_last") -> Problem:
    """The same for padding alone: windows of one tap, so that the output is the padded axis."""
    last = _channels_last(data_format)
    shape = known_shape("x", input_shape)
    channels = shape[-1] if last else shape[1]
    sizes = shape[1:-1] if last else shape[2:]
    padding.check_channels(channels)
    windows: list[Window] = []
    for axis, (size, amount, modes) in enumerate(zip(sizes, padding.amounts, padding.modes, strict=True)):
        before, after = amount.pad(1, 1, 1)
        for mode, count in zip(modes, (before, after), strict=True):
            if not mode.counts:
                mend = "It has no values to pad with: use it as the padding_mode of a convolution or a pool."
                raise refuse("padding_mode", "have values", mode.name, mend)
            if mode.copies and size == 0 and count:
                raise ShapeError(
                    f"An empty axis has nothing to copy. Received: spatial axis {axis} of size 0 with padding_mode "
                    f"{mode.name!r}. Pad it with 'zeros' or a constant."
                )
        windows.append(Window(size, 1, 1, 1, before, after))
    outputs = tuple(window.padded for window in windows)
    output_shape = (shape[0], *outputs, channels) if last else (shape[0], channels, *outputs)
    return Problem("pad", shape, output_shape, tuple(windows), padding.modes, 1, last, padding.amounts)


@lru_cache(maxsize=256)
def sources(problem: Problem) -> tuple[tuple[int, ...], ...] | None:
    """For every place of every padded axis, the place of the value that is copied there; None if any is no copy.

    Example:

    >>> from convpad.core.problem import pose_pad, sources
    >>> from convpad.core.padding import Padding
    >>> sources(pose_pad((1, 4, 1), Padding.parse(2, "reflect", rank=1)))
    ((2, 1, 0, 1, 2, 3, 2, 1),)
    """
    found: list[tuple[int, ...]] = []
    for window, (first, last) in zip(problem.windows, problem.modes, strict=True):
        if window.size is None or window.before is None or window.after is None:
            return None
        before = [first.terms(place, window.size) for place in range(-window.before, 0)]
        after = [last.terms(place, window.size) for place in range(window.size, window.size + window.after)]
        if any(len(terms) != 1 or terms[0][1] != 1 for terms in (*before, *after)):
            return None
        inside = range(window.size)
        found.append((*(terms[0][0] for terms in before), *inside, *(terms[0][0] for terms in after)))
    return tuple(found)


def known_shape(argument: str, shape: Any) -> Shape:
    """A shape with its sizes as ints, None where they are unknown."""
    if isinstance(shape, (str, dict, set)) or not isinstance(shape, Iterable):
        raise refuse(argument, "have a shape: one int or None for each axis", cast("object", shape))
    sizes = cast("Iterable[Any]", shape)
    return tuple(None if size is None else integer(f"{argument}.shape", size, 0) for size in sizes)


def rank_of(input_shape: Sequence[int | None]) -> int:
    """The number of spatial axes of an input of that shape."""
    if len(input_shape) < 3:
        raise ShapeError(
            "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape "
            f"{tuple(input_shape)}. Add the missing axes, of size 1."
        )
    return len(input_shape) - 2


def _channels_last(data_format: object) -> bool:
    if data_format not in ("channels_last", "channels_first"):
        raise refuse("data_format", "be 'channels_last' or 'channels_first'", data_format)
    return data_format == "channels_last"


def _kernel_shape(argument: str, kernel_shape: Any, rank: int) -> tuple[int, ...]:
    full = known_shape(argument, kernel_shape)
    if len(full) != rank + 2:
        axes = "one window axis" if rank == 1 else f"{rank} window axes"
        raise ShapeError(
            f"A kernel must have {axes}, like the input, and two for channels. Received: a {argument} of "
            f"shape {full} for an input with {rank} spatial {'axis' if rank == 1 else 'axes'}."
        )
    sizes = tuple(size for size in full if size)
    if len(sizes) != len(full):
        raise ShapeError(
            f"A kernel must hold at least one value on every axis. Received: a {argument} of shape {full}."
        )
    return sizes


def _filters(op: str, kernel: tuple[int, ...], channels: int | None, groups: int) -> int:
    """The number of output channels, once the kernel is known to fit the input's."""
    one, two = kernel[-2:]
    if op == "conv":
        wanted, filters, layout = one * groups, two, "(*window, channels // groups, filters)"
    elif op == "conv_transpose":
        wanted, filters, layout = two, one * groups, "(*window, filters // groups, channels)"
    else:
        wanted, filters, layout = one, one * two, "(*window, channels, depth_multiplier)"
    if channels is not None and channels != wanted:
        grouped = f" with groups={groups}" if groups > 1 else ""
        raise ShapeError(
            f"The kernel must be of shape {layout}. Received: a kernel of shape {kernel}{grouped} for an input of "
            f"{channels} channels. That kernel reads {wanted}."
        )
    if two % groups:
        raise ShapeError(f"The groups must divide {two}, the kernel's last axis. Received: groups={groups}.")
    return filters


def _pointwise_filters(pointwise: tuple[int, ...], channels: int) -> int:
    if pointwise[:-1] != (*(1,) * (len(pointwise) - 2), channels):
        wanted = ", ".join([*("1",) * (len(pointwise) - 2), str(channels), "filters"])
        raise ShapeError(f"The pointwise kernel must be of shape ({wanted}). Received: {pointwise}.")
    return pointwise[-1]


def _output_padding(output_padding: Any, strides: tuple[int, ...]) -> tuple[int | None, ...]:
    if output_padding is None:
        return (None,) * len(strides)
    extra = per_axis("output_padding", output_padding, len(strides), 0)
    for stride, more in zip(strides, extra, strict=True):
        if more >= stride:
            mend = "It tells apart the sizes that one stride makes equal."
            raise refuse("output_padding", f"be less than the stride, {stride}", more, mend)
    return extra
