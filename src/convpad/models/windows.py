"""Windows of a model and the padding of each: the form into which every reader brings them.

Pad layers right before a window are attached to it, and stay listed apart because each copies the tensor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import Pair
from convpad.core.fills import Fill, joined_paddings, mode_names, normalised_fills
from convpad.core.operation import POOLS, Operation
from convpad.core.padding import Padding
from convpad.core.problem import Problem, make_problem
from convpad.core.window import Window
from convpad.models.merge import merge_paddings

Shape = tuple[int | None, ...]

LOWEST = -3.4e38
"""A max pool never takes this or less: the least number of float32."""


@dataclass(frozen=True, slots=True)
class Pad:
    """One layer that only pads.

    Args:
        name: its path in the model.
        layer: its class or operation, in the words of its framework.
        padding: with explicit amounts; a constant that the model does not tell is None. Where the amounts follow an
            open size, they are those of the window that comes next, and 0 here.
        copied_bytes: of the padded copy of one input; None where a size is unknown.
    """

    name: str
    layer: str
    padding: Padding
    copied_bytes: int | None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """(before, after) for each spatial axis."""
        return tuple(amount.pair or (0, 0) for amount in self.padding.amounts)

    @property
    def fills(self) -> tuple[tuple[Fill, Fill], ...]:
        """(before, after) for each spatial axis, as `convpad.core.fills` has them."""
        return normalised_fills(self.padding)


def total_copied_bytes(pads: Iterable[Pad]) -> int | None:
    """Return the bytes that layers copy for one input; None where a size is unknown."""
    copies = [pad.copied_bytes for pad in pads]
    known = [copy for copy in copies if copy is not None]
    return sum(known) if len(known) == len(copies) else None


@dataclass(frozen=True, slots=True)
class WindowConfig:
    """A convolution or pool as a model describes it: all but the shape of its input.

    Args:
        op: one of `convpad.core.operation.OPS`.
        padding: its own padding.
        kernel, strides, dilation: one for each spatial axis.
        groups, output_padding, ceil_mode: as `convpad.core.operation.Operation.parse` takes them.
        filters: channels of the output; None where unknown, and of a pool.
        channels_last: whether the channels are the last axis, or the second.
    """

    op: str
    padding: Padding
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int = 1
    filters: int | None = None
    channels_last: bool = False
    output_padding: Any = None
    ceil_mode: bool = False

    def problem(self, shape: Sequence[int | None]) -> Problem:
        """Return the operation on an input of this shape, with batch and channels; None for unknown sizes."""
        kernel, filters, groups = self.kernel, self.filters, self.groups
        channels = shape[-1 if self.channels_last else 1]
        kernels = {
            "conv": [(*kernel, _divided(channels, groups), filters)],
            "conv_transpose": [(*kernel, _divided(filters, groups), channels)],
            "depthwise_conv": [(*kernel, channels, _divided(filters, channels))],
            "separable_conv": [(*kernel, channels, None), (*(1,) * len(kernel), None, filters)],
        }
        operation = Operation.parse(
            self.op,
            len(kernel),
            padding=self.padding,
            strides=self.strides,
            dilation_rate=self.dilation,
            groups=groups,
            output_padding=self.output_padding,
            pool_size=kernel if self.op in POOLS else None,
            ceil_mode=self.ceil_mode,
            data_format="channels_last" if self.channels_last else "channels_first",
        )
        return make_problem(operation, tuple(shape), *kernels.get(self.op, ()))


def _divided(count: int | None, by: int | None) -> int | None:
    return None if not count or not by or count % by else count // by


@dataclass(frozen=True, slots=True, repr=False)
class PaddedWindow:
    """One call of a convolution or pool in a model.

    Args:
        name: its path in the model.
        layer: its class or operation, in the words of its framework.
        config: the operation with its own padding.
        problem: this operation on the input as the layers before it have padded it.
        pads: the layers that only pad, directly before it.
        nonnegative: whether no value of its input is below 0.
        cuts: (before, after, step) for each axis: the values that are cut off directly before anything pads, and the
            step from one that is left to the next; empty where nothing is.
        is_unread: whether an operation may have padded its input that could not be read: its amounts are not known.
    """

    name: str
    layer: str
    config: WindowConfig
    problem: Problem
    pads: tuple[Pad, ...] = ()
    nonnegative: bool = False
    cuts: tuple[tuple[int, int, int], ...] = ()
    is_unread: bool = False

    def __repr__(self) -> str:
        return f"<PaddedWindow: {self.name}, {self.layer}>"

    @property
    def op(self) -> str:
        """The operation, one of `convpad.core.operation.OPS`."""
        return self.config.op

    @property
    def padding(self) -> Padding:
        """Its own padding."""
        return self.config.padding

    @property
    def kernel(self) -> tuple[int, ...]:
        """Taps on each axis."""
        return self.config.kernel

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps from one output to the next, for each axis."""
        return self.config.strides

    @property
    def dilation(self) -> tuple[int, ...]:
        """Steps from one tap to the next, for each axis."""
        return self.config.dilation

    @property
    def output(self) -> Shape:
        """The size of the output on each axis."""
        return tuple(self.problem.output_shape[axis] for axis in self.problem.axes)

    @property
    def input(self) -> Shape:
        """The size of the input on each axis, before any padding."""
        return self._sizes_before(self.pads)

    def _sizes_before(self, pads: Sequence[Pad]) -> Shape:
        sizes = [self.problem.input_shape[axis] for axis in self.problem.axes]
        for pad in pads:
            sizes = [None if s is None else s - sum(pair) for s, pair in zip(sizes, pad.pairs, strict=True)]
        return tuple(sizes)

    @property
    def channels(self) -> int | None:
        """The channels of the input."""
        return self.problem.input_shape[self.problem.channel_axis]

    @property
    def filters(self) -> int | None:
        """The channels of the output."""
        return self.problem.output_shape[self.problem.channel_axis]

    @property
    def windows(self) -> tuple[Window, ...]:
        """One window for each axis of the input before any padding, with the amounts of all paddings.

        Of a transposed convolution its own: the padding of its input is no part of its crop.
        """
        if self.op == "conv_transpose":
            return self.problem.windows
        windows: list[Window] = []
        for axis, (size, window) in enumerate(zip(self.input, self.problem.windows, strict=True)):
            before, after = window.before, window.after
            if before is not None and after is not None:
                before += sum(pad.pairs[axis][0] for pad in self.pads)
                after += sum(pad.pairs[axis][1] for pad in self.pads)
            windows.append(replace(window, size=size, before=before, after=after))
        return tuple(windows)

    @property
    def amounts(self) -> tuple[Pair, ...] | None:
        """(before, after) of all paddings for each axis; None where they depend on an unknown size, or are unread."""
        if self.is_unread:
            return None
        pairs = [(window.before, window.after) for window in self.windows]
        known = tuple((before, after) for before, after in pairs if before is not None and after is not None)
        return known if len(known) == len(pairs) else None

    @property
    def fills(self) -> tuple[tuple[Fill, Fill], ...]:
        """The fills of all paddings, (before, after) for each axis; different ones are named in their order."""
        if self.op == "conv_transpose":
            return normalised_fills(self.padding)
        return tuple((self._fill(axis, 0), self._fill(axis, 1)) for axis in range(self.problem.rank))

    def _fill(self, axis: int, side: int) -> Fill:
        *pads, own = self.paddings_at(axis, side)
        if self.problem.windows[axis].before is None:
            own = (1, own[1])  # unknown amount: 1 stands for "some", so that its fill is named
        paddings = joined_paddings([*pads, own])
        if len(paddings) > 1:
            return mode_names(paddings), None
        return paddings[0][1] if paddings else own[1]

    def paddings_at(self, axis: int, side: int) -> list[tuple[int, Fill]]:
        """Return (amount, fill) of each padding on one side of an axis, from the inside out; its own comes last."""
        window = self.problem.windows[axis]
        own = (window.before, window.after)[side] or 0, normalised_fills(self.padding)[axis][side]
        return [*((pad.pairs[axis][side], self._as_read(pad.fills[axis][side])) for pad in self.pads), own]

    def _as_read(self, fill: Fill) -> Fill:
        """Return a fill, or `ignore` for the lowest number, which a max pool never takes."""
        mode, value = fill
        is_lowest = mode == "constant" and isinstance(value, (int, float)) and value <= LOWEST
        return ("ignore", None) if is_lowest and self.op == "max_pool" else fill

    @property
    def pads_something(self) -> bool:
        """Whether anything pads the input; True where that depends on an unknown size, or is unread."""
        pairs = [pair for pad in self.pads for pair in pad.pairs]
        return any(map(any, pairs)) or self.amounts is None or any(map(any, self.amounts))

    @property
    def is_relevant(self) -> bool:
        """Whether padding can play a part: the input is padded, or the window wider than one value."""
        return self.pads_something or max(self.kernel) > 1

    @property
    def copied_bytes(self) -> int | None:
        """Bytes that the layers before it copy for one input; None where a size is unknown."""
        return total_copied_bytes(self.pads)

    @property
    def merged_padding(self) -> Padding | None:
        """All paddings as one `Padding`; None where there is no such padding, one is unread, or a size is unknown."""
        if self.is_unread or any(window.ceil for window in self.problem.windows):
            return None  # beyond its padding, which counts, nothing counts
        padding = self.padding
        if self.op == "conv_transpose":
            return padding
        spans = [window.span for window in self.problem.windows]
        for index in reversed(range(len(self.pads))):
            layer = self.pads[index].padding
            if ("constant", None) in sum(normalised_fills(layer), ()):
                return None
            merged = merge_paddings(layer, padding, spans, self.strides, self._sizes_before(self.pads[index + 1 :]))
            if isinstance(merged, str):
                return None
            padding = merged
        return padding

    def whole_problem(self, padding: Padding | None = None, output_padding: Any = None) -> Problem | None:
        """Return the operation on the unpadded input, with all paddings or another one; None where there is none.

        With a padding that is not its own, it rounds down: `ceil_mode` is False.
        """
        problem, transposed = self.problem, self.op == "conv_transpose"
        if padding is None and (not self.pads or transposed):
            return problem
        padding = padding or self.merged_padding
        if padding is None:
            return None
        shape = list(problem.input_shape)
        if not transposed:
            for axis, size in zip(problem.axes, self.input, strict=True):
                shape[axis] = size
        config = replace(self.config, padding=padding, output_padding=output_padding, ceil_mode=False)
        return config.problem(shape)


@dataclass(frozen=True, slots=True, repr=False)
class ModelWindows:
    """The windows of a model, as a reader brings them.

    Args:
        source: the name of the file or of the model.
        framework: the model's framework, one of `convpad.frameworks.NAMES`.
        windows: in the order in which they are computed.
        unattached: layers that only pad, and are followed by no window.
        unsupported: layers that may have windows, which could not be seen.
    """

    source: str
    framework: str
    windows: tuple[PaddedWindow, ...]
    unattached: tuple[Pad, ...] = ()
    unsupported: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<ModelWindows: {len(self.windows)} of {self.source}>"
