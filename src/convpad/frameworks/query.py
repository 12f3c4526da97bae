"""Padded operations for the files of frameworks: their arguments, and amounts and modes that are equivalent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import AMOUNTS, Amount
from convpad.core.effective import Fill, effective_fill
from convpad.core.modes import MODES, Mode
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.problem import POOLS, Problem
from convpad.core.window import Window, transposed_window
from convpad.frameworks.code import InexactError, Name, call, collapse, require
from convpad.frameworks.parsing import default_mode

__all__ = ["OpQuery", "PadStep", "Pairs", "pads_within_kernel", "pool_counts_padding", "portability_note"]

Pairs = Sequence[tuple[int, int]]
_COUNTED = tuple(name for name, mode in MODES.items() if mode.counts)
_BEYOND_AXIS = {"reflect": -1, "symmetric": 0, "circular": 0}
"""How much further than the size of an axis frameworks pad it in these modes; convpad and NumPy repeat the axis."""


@dataclass(frozen=True, slots=True)
class PadStep:
    """One padding before the operation: one mode, on some axes.

    Args:
        mode: its name.
        value: a constant as an argument to write; None in other modes.
        pairs: `(before, after)` for each axis.
    """

    mode: str
    value: Any
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class OpQuery:
    """A padded operation and the constants that it pads with.

    Args:
        problem: the operation.
        values: the constants, `(before, after)` for each axis; None for those that are not known.
    """

    problem: Problem
    values: tuple[tuple[Any, Any], ...]

    # Arguments to write

    @property
    def op(self) -> str:
        return self.problem.op

    @property
    def is_pool(self) -> bool:
        return self.op in POOLS

    @property
    def is_transposed(self) -> bool:
        return self.op == "conv_transpose"

    @property
    def is_depthwise(self) -> bool:
        return self.op in ("depthwise_conv", "separable_conv")

    @property
    def rank(self) -> int:
        return self.problem.rank

    @property
    def kernel(self) -> list[int]:
        return [window.kernel for window in self.problem.windows]

    @property
    def strides(self) -> Any:
        """Strides as an argument; None where they are the default: 1, of a pool its size."""
        strides = list(self.problem.strides)
        return None if strides == (self.kernel if self.is_pool else [1] * self.rank) else collapse(strides)

    @property
    def is_strided(self) -> bool:
        return set(self.problem.strides) != {1}

    @property
    def is_rounded_up(self) -> bool:
        return any(window.ceil for window in self.problem.windows)

    @property
    def dilation(self) -> Any:
        """Dilation as an argument; None where there is none."""
        return None if set(self.problem.dilation) == {1} else collapse(self.problem.dilation)

    @property
    def groups(self) -> Any:
        """Groups as an argument; None where there is one."""
        return self.channels if self.is_depthwise else None if self.problem.groups == 1 else self.problem.groups

    @property
    def channels(self) -> Any:
        """Channels of the input, or a name for them."""
        return self._channels_of(self.problem.input_shape, "channels")

    @property
    def filters(self) -> Any:
        """Channels of the output, or a name for them."""
        return self._channels_of(self.problem.output_shape, "filters")

    @property
    def features(self) -> Any:
        """Channels that the padded convolution itself gives: those of a separable one come before it mixes them."""
        return Name("channels * depth_multiplier") if self.op == "separable_conv" else self.filters

    def _channels_of(self, shape: tuple[int | None, ...], name: str) -> Any:
        size = shape[self.problem.channel_axis]
        return Name(name) if size is None else size

    @property
    def depth_multiplier(self) -> Any:
        """Outputs per channel of a depthwise layer as an argument; None where there is one."""
        if self.op == "separable_conv":
            return Name("depth_multiplier")
        sizes = self.filters, self.channels
        return sizes[0] // sizes[1] if all(type(size) is int for size in sizes) and sizes[0] != sizes[1] else None

    @property
    def data_format(self) -> str | None:
        """Keras's argument for the layout; None where it is the default."""
        return None if self.problem.channels_last else "channels_first"

    @property
    def output_sizes(self) -> list[int | None]:
        return [self.problem.output_shape[axis] for axis in self.problem.axes]

    # How much

    @property
    def pairs(self) -> Pairs | None:
        """(before, after) for each axis; None where they depend on a size that is not known."""
        return None if any(window.before is None for window in self.problem.windows) else self.problem.pads

    def known_pairs(self, reason: str) -> Pairs:
        """Return the pairs, or raise `InexactError` with the reason why a framework needs to know them."""
        if self.pairs is None:
            raise InexactError(reason)
        return self.pairs

    @property
    def reach(self) -> list[tuple[int, int]]:
        """How far the windows reach beyond each axis; less than 0 after an axis of which they leave some unread.

        Of a transposed convolution: the crop of the full output, which is less than 0 where it is extended.
        """
        leftovers = self.problem.leftovers or [window.leftover or 0 for window in self.problem.windows]
        return [(pad[0], pad[1] - leftover) for pad, leftover in zip(self.problem.pads, leftovers, strict=True)]

    def is_equivalent(self, pairs: Sequence[tuple[int, int] | None]) -> bool:
        """Whether these amounts put the same values under the same windows."""
        return self.pairs is not None and all(map(_is_equivalent, self.problem.windows, pairs))

    def pairs_of(self, word: str) -> list[tuple[int, int] | None]:
        """Return the amounts of a word on each axis, None where they depend on a size that is not known."""
        return [AMOUNTS[word].known(w.size, w.span, w.stride) for w in self.problem.windows]

    def has_word(self, word: str) -> bool:
        """Whether the word, on every axis, puts the same values under the same windows."""
        if self.is_transposed:
            return False
        if self.pairs is None:
            return all(amount.name == word for amount in self.problem.amounts)
        return self.is_equivalent(self.pairs_of(word))

    def first_word(self, words: Iterable[str]) -> str | None:
        """Return the first of these words that puts the same values under the same windows."""
        return next((word for word in words if self.has_word(word)), None)

    def output_padding_for(self, amounts: Sequence[Amount]) -> Any:
        """Return the output padding with which these amounts give the same transposed convolution.

        None where they give it without one, an int or one for each axis; False where they never do.
        """
        if all(map(self._transposes, range(self.rank), amounts, [None] * self.rank)):
            return None
        extras: list[int] = []
        for axis, amount in enumerate(amounts):
            fitting = [extra for extra in range(self.problem.strides[axis]) if self._transposes(axis, amount, extra)]
            extras += fitting[:1]
        return collapse(extras) if len(extras) == self.rank else False

    def _transposes(self, axis: int, amount: Amount, output_padding: int | None) -> bool:
        w = self.problem.windows[axis]
        # The crop does not depend on how many outputs the forward convolution has.
        window, leftover = transposed_window(None, w.kernel, w.stride, w.dilation, amount, output_padding, axis)
        return (window.before, (window.after or 0) - leftover) == self.reach[axis]

    # With what

    @property
    def fills(self) -> set[Fill]:
        """The modes of the sides that windows read, with their values. A constant 0 is zeros."""
        reach = [(1, 1)] * self.rank if self.pairs is None else self.reach
        return {self._fill(axis, side) for axis in range(self.rank) for side in (0, 1) if reach[axis][side] > 0}

    def _fill(self, axis: int, side: int) -> Fill:
        """Return the mode of one side and the value to write for it; an unknown value is a name."""
        mode, value = self.problem.modes[axis][side], self.values[axis][side]
        value = Name("value") if value is None else value
        return effective_fill(mode.name, value if mode.carries_value else None)

    def only_modes(self, *modes: str) -> bool:
        """Whether every side that windows read has one of these modes."""
        return {mode for mode, _ in self.fills} <= set(modes)

    @property
    def has_default_mode(self) -> bool:
        """Whether the mode is the one that frameworks have without an argument: zeros, and `ignore` in a pool."""
        return self.only_modes(default_mode(self.op))

    def has_room(self, mode: str, pairs: Pairs) -> bool:
        """Whether the axes are long enough for a framework that does not repeat them."""
        beyond = _BEYOND_AXIS.get(mode)
        rows = zip(self.problem.windows, pairs, strict=True)
        return beyond is None or all(w.size is None or max(pair) <= w.size + beyond for w, pair in rows)

    # Other code for the same padding

    def pad_steps(self, modes: Collection[str], *, repeats: bool = False) -> tuple[PadStep, ...]:
        """Return paddings before the operation that are equivalent to its own, in their order.

        Args:
            modes: those that the framework has for a padding by itself.
            repeats: whether it repeats an axis that is too short for the mode.

        Returns:
            Empty where nothing is padded, or where such paddings cannot replace the operation's own.
        """
        if self.pairs is None or self.is_transposed or not self.only_modes(*_COUNTED):
            return ()
        steps: list[PadStep] = []
        for axis, pair in enumerate(self.pairs):
            fills = {self._fill(axis, side) for side in (0, 1) if pair[side]}
            if len(fills) > 1:
                return ()
            for mode, value in fills:
                merges = bool(steps) and (steps[-1].mode, steps[-1].value) == (mode, value)
                pairs = list(steps.pop().pairs) if merges else [(0, 0)] * self.rank
                pairs[axis] = pair
                is_number = value is None or isinstance(value, (int, float, Name))
                if mode not in modes or not is_number or not (repeats or self.has_room(mode, pairs)):
                    return ()
                steps.append(PadStep(mode, value, tuple(pairs)))
        return tuple(steps)

    def convpad_padding(self) -> tuple[Any, Any]:
        """Return convpad's own `padding` and `padding_mode`, None where they are the defaults."""
        zeros = Padding.parse("valid", rank=self.rank)
        padding, _ = replace(zeros, amounts=self.problem.amounts).spelling()
        fills = zip(self.problem.modes, self.values, strict=True)
        mode = collapse([collapse([_spelling(*side) for side in zip(*axis, strict=True)]) for axis in fills])
        return None if padding == "valid" else padding, None if mode == default_mode(self.op) else mode

    def convpad_call(self, data_format: str | None = None) -> str:
        """Write the call of convpad that pads like this, on the arrays of every framework that it serves."""
        padding, mode = self.convpad_padding()
        options: dict[str, Any] = {"strides": self.strides, "padding": padding, "padding_mode": mode}
        options["dilation_rate"] = self.dilation
        if not self.is_depthwise and self.problem.groups > 1:
            options["groups"] = self.problem.groups
        if self.is_transposed:
            options["output_padding"] = self.output_padding_for(self.problem.amounts)
        if self.is_rounded_up:
            options["ceil_mode"] = True
        kernels = ["kernel", "pointwise_kernel"] if self.op == "separable_conv" else ["kernel"]
        window = [collapse(self.kernel)] if self.is_pool else map(Name, kernels)
        return call(f"convpad.{self.op}", Name("x"), *window, **options, data_format=data_format)


def _is_equivalent(window: Window, pair: tuple[int, int] | None) -> bool:
    if pair is None or window.size is None:
        return pair is not None and pair == (window.before, window.after)
    return window.before == pair[0] and window.output == replace(window, before=pair[0], after=pair[1]).output


def _spelling(mode: Mode, value: Any) -> Any:
    if not mode.carries_value:
        return mode.name
    if value is None:
        return Name("value")
    if isinstance(value, (int, float)):
        return value
    return Name(f"convpad.{value if isinstance(value, Learned) else Constant(value)!r}")


# Guards that several frameworks share


def pads_within_kernel(query: OpQuery, pairs: Pairs, whose: str) -> None:
    """Refuse pools whose windows may stand in the padding alone."""
    within = all(max(pair) < size for pair, size in zip(pairs, query.kernel, strict=True))
    require(within, f"{whose} pools pad by less than their size.")


def pool_counts_padding(query: OpQuery, whose: str) -> bool:
    """Whether a pool counts its padding as zeros, on all sides; False where it leaves it out on all sides."""
    require(query.op != "max_pool" or query.has_default_mode, f"In {whose} max pools the padding never wins.")
    reason = f"{whose} pools pad with one of two things, zeros that count or nothing, on all sides."
    require(len(query.fills) <= 1 and query.only_modes("ignore", "zeros"), reason)
    return query.fills == {("zeros", None)}


def portability_note(query: OpQuery) -> str:
    """Return a warning of another framework's habit that gives the same sizes and other values, at a stride above 1."""
    if not query.is_strided or query.is_transposed or query.pairs is None:
        return ""
    word, habit = "same", 'Keras\'s "same"'
    if query.has_word("same"):
        word, habit = "half", "PyTorch's and Caffe's habit, half the kernel on both sides,"
    windows, pairs = query.problem.windows, [pair for pair in query.pairs_of(word) if pair]
    if len(pairs) < query.rank or query.is_equivalent(pairs):
        return ""
    outputs = [replace(w, before=before, after=after).output for w, (before, after) in zip(windows, pairs, strict=True)]
    if None in outputs or outputs != [window.output for window in windows]:
        return ""
    return f"This pads {collapse(query.pairs)}. {habit} pads {collapse(pairs)}: the same sizes, other values."
