"""Padded operations for the files of frameworks: their arguments, and amounts and modes that are equivalent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import AMOUNTS, Amount
from convpad.core.fills import Fill, normalised_fill
from convpad.core.modes import MODES, Mode
from convpad.core.operation import POOLS
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.problem import Problem
from convpad.core.window import Window, transposed_window
from convpad.frameworks.code import InexactError, Name, call, collapse, default_mode, require, shortest_amounts

Pairs = Sequence[tuple[int, int]]
_COUNTED = tuple(name for name, mode in MODES.items() if mode.is_counted)
_BEYOND_AXIS = {"reflect": -1, "symmetric": 0, "circular": 0}
"""How much further than the size of an axis frameworks pad it in these modes; convpad and NumPy repeat the axis."""


@dataclass(frozen=True, slots=True)
class PadStep:
    """One padding before the operation: one mode on some axes, and its constant as an argument to write, or None."""

    mode: str
    value: Any
    pairs: tuple[tuple[int, int], ...]


class OpQuery:
    """A padded operation, its arguments as frameworks write them, and paddings that are equivalent to its own.

    Args:
        problem: the operation.
        values: the constants that it pads with, `(before, after)` for each axis; None for those that are not known.

    Attributes:
        kernel, strides, dilation, groups, depth_multiplier, data_format: arguments; but for the kernel, None where they
            are the default of most frameworks: strides of 1, of a pool its size; no dilation; one group; one output per
            channel of a depthwise layer; channels last.
        channels, filters: the channels of the input and of the output, or a name for them.
        features: the channels that the padded convolution itself gives: those of a separable one come before it mixes
            them.
        pairs: (before, after) for each axis; None where they depend on a size that is not known.
        reach: how far the windows reach beyond each axis; less than 0 after an axis of which they leave some unread. Of
            a transposed convolution, the crop of the full output, which is less than 0 where it is extended.
        fills: the modes of the sides that windows read, with their values. A constant 0 is zeros.
    """

    def __init__(self, problem: Problem, values: Sequence[tuple[Any, Any]]) -> None:
        self.problem, self.values, self.op, self.rank = problem, values, problem.op, problem.rank
        self.is_pool = self.op in POOLS
        self.is_transposed = self.op == "conv_transpose"
        self.is_depthwise = self.op in ("depthwise_conv", "separable_conv")
        self.is_strided = set(problem.strides) != {1}
        self.is_rounded_up = any(window.ceil for window in problem.windows)

        self.kernel = [window.kernel for window in problem.windows]
        strides, default = list(problem.strides), self.kernel if self.is_pool else [1] * self.rank
        self.strides: Any = None if strides == default else collapse(strides)
        self.dilation: Any = None if set(problem.dilation) == {1} else collapse(problem.dilation)
        channels, filters = (shape[problem.channel_axis] for shape in (problem.input_shape, problem.output_shape))
        self.channels: Any = Name("channels") if channels is None else channels
        self.filters: Any = Name("filters") if filters is None else filters
        self.features: Any = Name("channels * depth_multiplier") if self.op == "separable_conv" else self.filters
        self.groups: Any = self.channels if self.is_depthwise else problem.groups if problem.groups > 1 else None
        self.depth_multiplier: Any = Name("depth_multiplier") if self.op == "separable_conv" else None
        if self.op == "depthwise_conv" and channels and filters and channels != filters:
            self.depth_multiplier = filters // channels
        self.data_format = None if problem.channels_last else "channels_first"
        self.output_sizes = [problem.output_shape[axis] for axis in problem.axes]

        is_known = all(window.before is not None for window in problem.windows)
        self.pairs: Pairs | None = problem.pads if is_known else None
        leftovers = problem.leftovers or [window.leftover or 0 for window in problem.windows]
        rows = zip(problem.pads, leftovers, strict=True)
        self.reach = [(before, after - leftover) for (before, after), leftover in rows]
        reach = self.reach if is_known else [(1, 1)] * self.rank
        sides = [(axis, side) for axis in range(self.rank) for side in (0, 1) if reach[axis][side] > 0]
        self.fills = {self._fill(axis, side) for axis, side in sides}

    # How much

    def known_pairs(self, reason: str) -> Pairs:
        """Return the pairs, or raise `InexactError` with the reason why a framework needs to know them."""
        if self.pairs is None:
            raise InexactError(reason)
        return self.pairs

    def is_equivalent(self, pairs: Sequence[tuple[int, int] | None]) -> bool:
        """Return whether these amounts put the same values under the same windows."""
        return self.pairs is not None and all(map(_is_equivalent, self.problem.windows, pairs))

    def pairs_of(self, word: str) -> list[tuple[int, int] | None]:
        """Return the amounts of a word on each axis, None where they depend on a size that is not known."""
        return [AMOUNTS[word].pair_or_none(w.size, w.span, w.stride) for w in self.problem.windows]

    def has_word(self, word: str) -> bool:
        """Return whether the word, on every axis, puts the same values under the same windows."""
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

    def _fill(self, axis: int, side: int) -> Fill:
        """Return the mode of one side and the value to write for it; an unknown value is a name."""
        mode, value = self.problem.modes[axis][side], self.values[axis][side]
        value = Name("value") if value is None else value
        if hasattr(value, "shape"):
            value = ("tensor", id(value))  # JAX's and TensorFlow's have no hash
        return normalised_fill(mode.name, value if mode.takes_value else None)

    def only_modes(self, *modes: str) -> bool:
        """Return whether every side that windows read has one of these modes."""
        return {mode for mode, _ in self.fills} <= set(modes)

    @property
    def has_default_mode(self) -> bool:
        """Whether the mode is the one that frameworks have without an argument: zeros, and `ignore` in a pool."""
        return self.only_modes(default_mode(self.op))

    def has_room(self, mode: str, pairs: Pairs) -> bool:
        """Return whether the axes are long enough for a framework that does not repeat them."""
        beyond = _BEYOND_AXIS.get(mode)
        rows = zip(self.problem.windows, pairs, strict=True)
        return beyond is None or all(w.size is None or max(pair) <= w.size + beyond for w, pair in rows)

    # Other code for the same padding

    def pad_steps(self, modes: Collection[str], *, repeats: bool = False) -> tuple[PadStep, ...]:
        """Return paddings before the operation that are equivalent to its own, in their order; empty if there are none.

        `modes` are those that the framework pads with by itself; `repeats`: whether it repeats axes that are too short.
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
        return None if padding == "valid" else shortest_amounts(padding), None if mode == default_mode(
            self.op
        ) else mode

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
    if not mode.takes_value:
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
    """Return whether a pool counts its padding as zeros, on all sides; False where it leaves it out on all sides."""
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
