"""Which windows does a model have, and what is each padded with? The form that every reader brings them into.

Padding that layers of its own do ahead of a window is counted to that window, and kept, for it copies the tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import PaddingError
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.problem import POOLS, Problem
from convpad.core.window import Window
from convpad.models.merge import REPEATED, melted
from convpad.models.posing import Shape, posed

__all__ = ["Fill", "Pad", "PaddedWindow", "Reading", "filled", "fills_of", "never_wins"]

Pair = tuple[int, int]
Fill = tuple[str, Any]
"""(mode, value): what one side is filled with."""

_LOWEST = -3.4e38
"""What a max pool never takes: the least number of float32, and what is below it."""


@dataclass(frozen=True, slots=True)
class Pad:
    """One layer that only pads.

    Args:
        name: where it stands in the model.
        layer: what its framework calls it.
        pairs: (before, after) for each spatial axis.
        fills: what with, (before, after) for each spatial axis.
        copied: bytes of the padded copy that it makes of one input; None where a size is unknown.
    """

    name: str
    layer: str
    pairs: tuple[Pair, ...]
    fills: tuple[tuple[Fill, Fill], ...]
    copied: int | None


@dataclass(frozen=True, slots=True)
class PaddedWindow:
    """One window of a model, as often as it is called.

    Args:
        name: where it stands in the model.
        layer: what its framework calls it.
        problem: the operation with its own padding, on what the layers before it have padded.
        padding: its own padding.
        pads: the layers that only pad, directly before it.
        nonnegative: whether no value that it reads is below 0.
    """

    name: str
    layer: str
    problem: Problem
    padding: Padding
    pads: tuple[Pad, ...] = ()
    nonnegative: bool = False

    @property
    def op(self) -> str:
        """What it does, one of `convpad.core.problem.OPS`."""
        return self.problem.op

    @property
    def kernel(self) -> tuple[int, ...]:
        """Its size on each axis."""
        return tuple(window.kernel for window in self.problem.windows)

    @property
    def strides(self) -> tuple[int, ...]:
        """From one output to the next, for each axis."""
        return tuple(self.problem.strides)

    @property
    def dilation(self) -> tuple[int, ...]:
        """From one tap to the next, for each axis."""
        return tuple(self.problem.dilation)

    @property
    def output(self) -> Shape:
        """The size of its output on each axis."""
        return tuple(self.problem.output_shape[axis] for axis in self.problem.axes)

    @property
    def input(self) -> Shape:
        """The size of its input on each axis, before anything pads it."""
        sizes = [self.problem.input_shape[axis] for axis in self.problem.axes]
        for pad in self.pads:
            sizes = [None if s is None else s - sum(pair) for s, pair in zip(sizes, pad.pairs, strict=True)]
        return tuple(sizes)

    @property
    def channels(self) -> int | None:
        """The input's."""
        return self.problem.input_shape[self.problem.channel_axis]

    @property
    def filters(self) -> int | None:
        """The output's channels."""
        return self.problem.output_shape[self.problem.channel_axis]

    @property
    def windows(self) -> tuple[Window, ...]:
        """One for each axis, with all that pads it: on the input before anything does.

        Of a transposed convolution they are its own: what pads its input is no part of what it crops.
        """
        if self.op == "conv_transpose":
            return self.problem.windows
        found: list[Window] = []
        for axis, (size, window) in enumerate(zip(self.input, self.problem.windows, strict=True)):
            before, after = window.before, window.after
            if before is not None and after is not None:
                before += sum(pad.pairs[axis][0] for pad in self.pads)
                after += sum(pad.pairs[axis][1] for pad in self.pads)
            found.append(replace(window, size=size, before=before, after=after))
        return tuple(found)

    @property
    def amounts(self) -> tuple[Pair, ...] | None:
        """(before, after) for each axis, all that pads it counted in; None while they depend on an unknown size."""
        pairs = [(window.before, window.after) for window in self.windows]
        known = tuple((before, after) for before, after in pairs if before is not None and after is not None)
        return known if len(known) == len(pairs) else None

    @property
    def fills(self) -> tuple[tuple[Fill, Fill], ...]:
        """What it is padded with, (before, after) for each axis; several things are named in their order."""
        own = fills_of(self.padding)
        if not self.pads or self.op == "conv_transpose":
            return own
        sides = zip(own, self.problem.windows, strict=True)
        return tuple(
            (self._side(axis, 0, fills[0], window.before), self._side(axis, 1, fills[1], window.after))
            for axis, (fills, window) in enumerate(sides)
        )

    def _side(self, axis: int, side: int, own: Fill, amount: int | None) -> Fill:
        found = [pad.fills[axis][side] for pad in self.pads if pad.pairs[axis][side]]
        if amount != 0:
            found.append(own)
        if len(found) > 1 and not (found[0][0] in REPEATED and len({(m, repr(v)) for m, v in found}) == 1):
            return ", then ".join(mode for mode, _ in found), None
        return found[0] if found else own

    @property
    def pads_something(self) -> bool:
        """Whether anything stands outside; True where that depends on an unknown size."""
        return bool(self.pads) or self.amounts is None or any(map(any, self.amounts))

    @property
    def matters(self) -> bool:
        """Whether padding can play a part: it pads, or is wider than one value."""
        return self.pads_something or max(self.kernel) > 1

    @property
    def copied(self) -> int | None:
        """Bytes that the layers before it copy for one input; None where a size is unknown."""
        copies = [pad.copied for pad in self.pads]
        return None if None in copies else sum(copy for copy in copies if copy is not None)

    @property
    def folded(self) -> Padding | None:
        """All that pads it as one padding; None where there is no such padding, or a size is unknown."""
        if not self.pads or self.op == "conv_transpose":
            return self.padding
        found, sizes = self.padding, [self.problem.input_shape[axis] for axis in self.problem.axes]
        spans = tuple(window.span for window in self.problem.windows)
        for pad in reversed(self.pads):
            modes = tuple(tuple(map(_spelled, axis)) for axis in pad.fills)
            try:
                one = Padding.parse(pad.pairs, modes, rank=len(pad.pairs))
            except PaddingError:  # a mode for which there is no spelling without its value
                return None
            both = melted(one, found, spans, self.strides, tuple(sizes))
            if isinstance(both, str):
                return None
            found = both
            sizes = [None if s is None else s - sum(pair) for s, pair in zip(sizes, pad.pairs, strict=True)]
        return found

    def asked(self, padding: Padding | None = None, output_padding: Any = None) -> Problem | None:
        """The whole operation, on the input before anything pads it: padded as it is, or otherwise.

        None where it is not padded in one way, or is a pool with holes, which convpad does not have.
        """
        if self.op in POOLS and set(self.dilation) != {1}:
            return None
        known = self.problem
        if padding is None and (not self.pads or self.op == "conv_transpose"):
            return known
        chosen = self.folded if padding is None else padding
        if chosen is None:
            return None
        shape = list(known.input_shape)
        if self.op != "conv_transpose":
            for axis, size in zip(known.axes, self.input, strict=True):
                shape[axis] = size
        return posed(
            self.op,
            tuple(shape),
            chosen,
            kernel=self.kernel,
            strides=self.strides,
            dilation=self.dilation,
            groups=known.groups,
            filters=self.filters,
            channels_last=known.channels_last,
            output_padding=output_padding,
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found in a model.

    Args:
        source: the file's name, or the model's.
        framework: whose model it is, one of `convpad.frameworks.NAMES`.
        windows: in the order in which they are computed.
        loose: layers that only pad, and are followed by no window.
        unread: layers that may have windows, which could not be seen.
    """

    source: str
    framework: str
    windows: tuple[PaddedWindow, ...]
    loose: tuple[Pad, ...] = ()
    unread: tuple[str, ...] = ()


def fills_of(padding: Padding) -> tuple[tuple[Fill, Fill], ...]:
    """What a padding puts on each side. A constant 0 is zeros."""
    rows = zip(padding.modes, padding.values, strict=True)
    return tuple((filled(m[0].name, v[0]), filled(m[1].name, v[1])) for m, v in rows)


def filled(mode: str, value: Any) -> Fill:
    """One side's fill. A constant 0 is zeros."""
    return ("zeros", None) if mode == "constant" and type(value) in (int, float) and value == 0 else (mode, value)


def _spelled(fill: Fill) -> Any:
    mode, value = fill
    if mode != "constant":
        return mode
    return value if value is None or isinstance(value, (int, float, Learned)) else Constant(value)


def never_wins(fill: Fill) -> bool:
    """Whether a max pool takes no value of this."""
    mode, value = fill
    return mode == "ignore" or (mode == "constant" and isinstance(value, (int, float)) and value <= _LOWEST)
