"""Windows of a model and the padding of each: the form into which every reader brings them.

Padding by layers of its own ahead of a window counts to that window, and is kept, for it copies the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import explicit
from convpad.core.effective import Fill, effective_fills, effective_layers, mode_names
from convpad.core.modes import MODES
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.core.problem import POOLS, Problem, make_problem
from convpad.core.window import Window
from convpad.models.merge import merge_paddings

__all__ = ["ModelWindows", "Pad", "PaddedWindow", "window_problem"]

Pair = tuple[int, int]
Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Pad:
    """One layer that only pads.

    Args:
        name: its path in the model.
        layer: its class or operation, in the words of its framework.
        pairs: (before, after) for each spatial axis.
        fills: (before, after) for each spatial axis, as `convpad.core.effective` has them.
        copied: bytes of the padded copy of one input; None where a size is unknown.
    """

    name: str
    layer: str
    pairs: tuple[Pair, ...]
    fills: tuple[tuple[Fill, Fill], ...]
    copied: int | None

    @property
    def padding(self) -> Padding | None:
        """Return the window's padding as a `Padding`; None where a constant is unknown."""
        if ("constant", None) in (fill for pair in self.fills for fill in pair):
            return None
        modes = tuple((MODES[before[0]], MODES[after[0]]) for before, after in self.fills)
        values = tuple((before[1], after[1]) for before, after in self.fills)
        return Padding(tuple(explicit(*pair) for pair in self.pairs), modes, values)


@dataclass(frozen=True, slots=True)
class PaddedWindow:
    """One call of a convolution or pool in a model.

    Args:
        name: its path in the model.
        layer: its class or operation, in the words of its framework.
        problem: the operation with its own padding, on the input as the layers before it have padded it.
        padding: its own padding.
        pads: the layers that only pad, directly before it.
        nonnegative: whether no value of its input is below 0.
    """

    name: str
    layer: str
    problem: Problem
    padding: Padding
    pads: tuple[Pad, ...] = ()
    nonnegative: bool = False

    @property
    def op(self) -> str:
        """The operation, one of `convpad.core.problem.OPS`."""
        return self.problem.op

    @property
    def kernel(self) -> tuple[int, ...]:
        """Taps on each axis."""
        return tuple(window.kernel for window in self.problem.windows)

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps from one output to the next, for each axis."""
        return tuple(self.problem.strides)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Steps from one tap to the next, for each axis."""
        return tuple(self.problem.dilation)

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
        """(before, after) of all paddings for each axis; None while they depend on an unknown size."""
        pairs = [(window.before, window.after) for window in self.windows]
        known = tuple((before, after) for before, after in pairs if before is not None and after is not None)
        return known if len(known) == len(pairs) else None

    @property
    def fills(self) -> tuple[tuple[Fill, Fill], ...]:
        """The fills of all paddings, (before, after) for each axis; different ones are named in their order."""
        if self.op == "conv_transpose":
            return effective_fills(self.padding)
        return tuple((self._fill(axis, 0), self._fill(axis, 1)) for axis in range(self.problem.rank))

    def _fill(self, axis: int, side: int) -> Fill:
        *pads, own = self.layers(axis, side)
        if self.problem.windows[axis].before is None:  # it may pad
            own = (1, own[1])
        layers = effective_layers([*pads, own])
        if len(layers) > 1:
            return mode_names(layers), None
        return layers[0][1] if layers else own[1]

    def layers(self, axis: int, side: int) -> list[tuple[int, Fill]]:
        """Return (amount, fill) of each padding on one side of an axis, from the inside out; its own comes last."""
        window = self.problem.windows[axis]
        own = (window.before, window.after)[side] or 0, effective_fills(self.padding)[axis][side]
        return [*((pad.pairs[axis][side], pad.fills[axis][side]) for pad in self.pads), own]

    @property
    def pads_something(self) -> bool:
        """Whether it is padded at all; True where that depends on an unknown size."""
        return bool(self.pads) or self.amounts is None or any(map(any, self.amounts))

    @property
    def is_relevant(self) -> bool:
        """Whether padding can play a part: it is padded, or wider than one value."""
        return self.pads_something or max(self.kernel) > 1

    @property
    def copied(self) -> int | None:
        """Bytes that the layers before it copy for one input; None where a size is unknown."""
        copies = [pad.copied for pad in self.pads]
        return None if None in copies else sum(copy for copy in copies if copy is not None)

    @property
    def folded(self) -> Padding | None:
        """All paddings as one `Padding`; None where there is no such padding, or a size is unknown."""
        if any(window.ceil for window in self.problem.windows):
            return None  # beyond its padding, which counts, nothing counts
        if self.op == "conv_transpose":
            return self.padding
        padding: Padding | str = self.padding
        spans = [window.span for window in self.problem.windows]
        for index, pad in reversed(list(enumerate(self.pads))):
            sizes = self._sizes_before(self.pads[index + 1 :])
            layer = pad.padding
            padding = "" if layer is None else merge_paddings(layer, padding, spans, self.strides, sizes)
            if isinstance(padding, str):
                return None
        return padding

    def whole_problem(self, padding: Padding | None = None, output_padding: Any = None) -> Problem | None:
        """Return the operation on the input before any padding, with all paddings or with another one.

        None where the paddings are not one.
        """
        problem = self.problem
        if padding is None and (not self.pads or self.op == "conv_transpose"):
            return problem
        padding = padding or self.folded
        if padding is None:
            return None
        shape = list(problem.input_shape)
        if self.op != "conv_transpose":
            for axis, size in zip(problem.axes, self.input, strict=True):
                shape[axis] = size
        return window_problem(
            self.op,
            shape,
            padding,
            kernel=self.kernel,
            strides=self.strides,
            dilation=self.dilation,
            groups=problem.groups,
            filters=self.filters,
            channels_last=problem.channels_last,
            output_padding=output_padding,
        )


@dataclass(frozen=True, slots=True)
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


def window_problem(
    op: str,
    shape: Sequence[int | None],
    padding: Padding,
    *,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    filters: int | None,
    channels_last: bool,
    output_padding: Any = None,
    ceil_mode: bool = False,
) -> Problem:
    """Check a window against the shape of its input.

    Args:
        op: one of `convpad.core.problem.OPS`.
        shape: of the input, with batch and channels; None for unknown sizes.
        kernel, strides, dilation: one for each spatial axis.
        filters: channels of the output, None where unknown.

    Raises:
        PaddingError: there is no such window.
    """
    channels = shape[-1 if channels_last else 1]
    ones = (1,) * len(kernel)
    kernels = {
        "conv": [(*kernel, _divided(channels, groups), filters)],
        "conv_transpose": [(*kernel, _divided(filters, groups), channels)],
        "depthwise_conv": [(*kernel, channels, _divided(filters, channels))],
        "separable_conv": [(*kernel, channels, None), (*ones, None, filters)],
    }
    operation = Operation.parse(
        op,
        len(kernel),
        padding=padding,
        strides=tuple(strides),
        dilation_rate=tuple(dilation),
        groups=groups,
        output_padding=output_padding,
        pool_size=tuple(kernel) if op in POOLS else None,
        ceil_mode=ceil_mode,
        data_format="channels_last" if channels_last else "channels_first",
    )
    return make_problem(operation, tuple(shape), *kernels.get(op, ()))


def _divided(count: int | None, by: int | None) -> int | None:
    return None if not count or not by or count % by else count // by
