"""Which padding would come to the same? A `Problem`, asked the way every framework's file asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import AMOUNTS, Amount
from convpad.core.errors import refuse
from convpad.core.modes import MODES, Mode
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.problem import POOLS, Problem
from convpad.core.window import Window, transposed_window
from convpad.frameworks.code import Name, Words, alike, call

__all__ = ["Asked", "Pad", "ceiled", "number", "overhanging", "warning"]

Pairs = Sequence[tuple[int, int]]
Fill = tuple[str, Any]
"""(mode, value): what one side is filled with."""

_ZEROS = MODES["zeros"]
_PADDED = tuple(name for name, mode in MODES.items() if mode.counts)


@dataclass(frozen=True, slots=True)
class Pad:
    """One padding before the operation: one mode, on some axes."""

    mode: str
    value: Any
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A problem with what its constants carry."""

    problem: Problem
    values: tuple[tuple[Any, Any], ...]

    @property
    def op(self) -> str:
        return self.problem.op

    @property
    def pools(self) -> bool:
        return self.op in POOLS

    @property
    def transposed(self) -> bool:
        return self.op == "conv_transpose"

    @property
    def depthwise(self) -> bool:
        return self.op in ("depthwise_conv", "separable_conv")

    @property
    def rank(self) -> int:
        return self.problem.rank

    @property
    def kernel(self) -> list[int]:
        return [window.kernel for window in self.problem.windows]

    @property
    def strides(self) -> Any:
        """As an argument to write, None where it is the default: 1, and of a pool its size."""
        strides = list(self.problem.strides)
        return None if strides == (self.kernel if self.pools else [1] * self.rank) else alike(strides)

    @property
    def dilation(self) -> Any:
        """As an argument to write, None where there is none."""
        return None if set(self.problem.dilation) == {1} else alike(self.problem.dilation)

    @property
    def groups(self) -> Any:
        """As an argument to write, None where there is one."""
        return self.channels if self.depthwise else None if self.problem.groups == 1 else self.problem.groups

    @property
    def channels(self) -> Any:
        """The input's, or a name for them."""
        return self._known(self.problem.input_shape, "channels")

    @property
    def filters(self) -> Any:
        """The output's channels, or a name for them."""
        return self._known(self.problem.output_shape, "filters")

    @property
    def features(self) -> Any:
        """The channels that the padded convolution itself gives: those of a separable one come before it mixes them."""
        return Name("channels * depth_multiplier") if self.op == "separable_conv" else self.filters

    def _known(self, shape: tuple[int | None, ...], name: str) -> Any:
        size = shape[self.problem.channel_axis]
        return Name(name) if size is None else size

    @property
    def multiplier(self) -> Any:
        """As an argument of a depthwise layer to write, None where it is 1."""
        if self.op == "separable_conv":
            return Name("depth_multiplier")
        sizes = self.filters, self.channels
        return sizes[0] // sizes[1] if all(type(size) is int for size in sizes) and sizes[0] != sizes[1] else None

    @property
    def pairs(self) -> Pairs | None:
        """(before, after) for each axis, None where a size must be known first."""
        pairs = [(window.before, window.after) for window in self.problem.windows]
        return [(b, a) for b, a in pairs if b is not None and a is not None] if None not in sum(pairs, ()) else None

    @property
    def reach(self) -> list[tuple[int, int]]:
        """How far the windows reach beyond the axis; less than 0 after it where they leave some of it unread.

        Of a transposed convolution it is what is cropped from the full output; less than 0 is what is added to it.
        """
        problem, found = self.problem, list[tuple[int, int]]()
        left = problem.leftovers or [window.leftover or 0 for window in problem.windows]
        for window, leftover in zip(problem.windows, left, strict=True):
            found.append((window.before or 0, (window.after or 0) - leftover))
        return found

    def agrees(self, pairs: Sequence[tuple[int, int] | None]) -> bool:
        """Whether these amounts would put the same values under the same windows."""
        return self.pairs is not None and None not in pairs and all(map(_same_reach, self.problem.windows, pairs))

    @property
    def same(self) -> list[tuple[int, int] | None]:
        """What `same` would pad on each axis, None where that depends on an unknown size."""
        return [AMOUNTS["same"].known(w.size, w.span, w.stride) for w in self.problem.windows]

    def is_word(self, amount: Amount) -> bool:
        """Whether that word, on every axis, would put the same values under the same windows."""
        if self.transposed:
            return False
        if all(given.name == amount.name for given in self.problem.amounts):
            return True
        return self.agrees([amount.known(w.size, w.span, w.stride) for w in self.problem.windows])

    def output_padding(self, amounts: Sequence[Amount]) -> Any:
        """The output padding with which these words give the same transposed convolution.

        None where they give it without, an int or one for each axis; False where they never do.
        """
        if all(map(self._transposes, range(self.rank), amounts, [None] * self.rank)):
            return None
        found: list[int] = []
        for axis, amount in enumerate(amounts):
            fits = [more for more in range(self.problem.strides[axis]) if self._transposes(axis, amount, more)]
            found += fits[:1]
        return alike(found) if len(found) == self.rank else False

    def _transposes(self, axis: int, amount: Amount, more: int | None) -> bool:
        window = self.problem.windows[axis]
        # What is cropped does not depend on how many outputs the forward convolution has.
        found, left = transposed_window(None, window.kernel, window.stride, window.dilation, amount, more, axis)
        return (found.before, (found.after or 0) - left) == self.reach[axis]

    @property
    def fills(self) -> set[Fill]:
        """The modes of the sides that are read, with what they carry. Constant 0 is zeros."""
        found: set[Fill] = set()
        unknown = self.pairs is None
        for reach, modes, values in zip(self.reach, self.problem.modes, self.values, strict=True):
            for beyond, mode, value in zip(reach, modes, values, strict=True):
                if beyond > 0 or unknown:
                    found.add(_fill(mode, value))
        return found

    def only(self, *modes: str) -> bool:
        """Whether every side that is read has one of these modes."""
        return {mode for mode, _ in self.fills} <= set(modes)

    @property
    def plain(self) -> bool:
        """Whether what is outside is what this operation has there everywhere: zeros, or in a pool nothing."""
        return self.only("ignore" if self.pools else "zeros")

    def pads(self) -> tuple[Pad, ...] | None:
        """The same as paddings that come first, in their order; None where it is not to be had by padding first."""
        if self.pairs is None or self.transposed or not self.only(*_PADDED):
            return None
        found: list[Pad] = []
        rows = zip(self.pairs, self.problem.modes, self.values, strict=True)
        for axis, (pair, modes, values) in enumerate(rows):
            if not any(pair):
                continue
            fills = {_fill(m, v) for m, v, count in zip(modes, values, pair, strict=True) if count}
            if len(fills) > 1:
                return None
            mode, value = fills.pop()
            if found and (found[-1].mode, found[-1].value) == (mode, value):
                pairs = [*found.pop().pairs]
            else:
                pairs = [(0, 0)] * self.rank
            pairs[axis] = pair
            found.append(Pad(mode, value, tuple(pairs)))
        return tuple(found)

    def spelling(self) -> tuple[Any, Any]:
        """convpad's own `padding` and `padding_mode`, None for what they are anyway."""
        padding, _ = Padding(
            self.problem.amounts, ((_ZEROS, _ZEROS),) * self.rank, ((None, None),) * self.rank
        ).spelling()
        fills = zip(self.problem.modes, self.values, strict=True)
        mode = alike([alike([_spelled(*side) for side in zip(*axis, strict=True)]) for axis in fills])
        return None if padding == "valid" else padding, None if mode == ("ignore" if self.pools else "zeros") else mode

    def convpad(self, data_format: str | None = None) -> str:
        """The call of convpad that says all of it, on the arrays of every framework that it serves."""
        padding, mode = self.spelling()
        options: dict[str, Any] = {"strides": self.strides, "padding": padding, "padding_mode": mode}
        if not self.pools:
            options["dilation_rate"] = self.dilation
        if not self.depthwise and self.problem.groups > 1:
            options["groups"] = self.problem.groups
        if self.transposed:
            options["output_padding"] = self.output_padding(self.problem.amounts)
        kernels = ["kernel", "pointwise_kernel"] if self.op == "separable_conv" else ["kernel"]
        window = [alike(self.kernel)] if self.pools else map(Name, kernels)
        return call(f"convpad.{self.op}", Name("x"), *window, **options, data_format=data_format)

    def cannot(self, framework: str, why: str, code: str = "") -> Words:
        """What is said where the operation itself has no word for it."""
        return Words(framework, code, False, why)


def _same_reach(window: Window, pair: tuple[int, int] | None) -> bool:
    """Whether another amount puts the same values under the same windows."""
    if pair is None or window.size is None:
        return (window.before, window.after) == pair
    return window.before == pair[0] and window.output == replace(window, before=pair[0], after=pair[1]).output


def _fill(mode: Mode, value: Any) -> Fill:
    return ("zeros", None) if mode.carries_value and type(value) in (int, float) and value == 0 else (mode.name, value)


def _spelled(mode: Mode, value: Any) -> Any:
    if not mode.carries_value:
        return mode.name
    if value is None:
        return Name("value")
    return (
        value
        if isinstance(value, (int, float))
        else Name(f"convpad.{value if isinstance(value, Learned) else Constant(value)!r}")
    )


def ceiled(window: Window, pad: int) -> tuple[int, int] | None:
    """What a pool that rounds up pads (PyTorch, ONNX, Theano): its last window may stick out, and starts inside."""
    if window.size is None:
        return None
    outputs = -((window.span - window.size - 2 * pad) // window.stride) + 1
    outputs -= (outputs - 1) * window.stride >= window.size + pad
    return pad, max((outputs - 1) * window.stride + window.span - window.size - pad, 0)


def overhanging(pairs: Sequence[tuple[int, int] | None], behind: Sequence[int], mode: str) -> Any:
    """With what such a pool pads: where it counts its padding, it does not count what its last window has beyond it.

    Args:
        pairs: what it pads in all.
        behind: what it is told to pad behind each axis.
        mode: with what.

    Raises:
        PaddingError: the last window has both in it.
    """
    beyond = [pair is not None and pair[1] > told for pair, told in zip(pairs, behind, strict=True)]
    if mode == "ignore" or not any(beyond):
        return mode
    if any(more and told for more, told in zip(beyond, behind, strict=True)):
        allowed = "be off, or count_include_pad, where the last window reaches beyond what is padded"
        raise refuse("ceil_mode", allowed, True)
    modes = [(mode, "ignore" if more else mode) for more in beyond]
    return modes[0] if len(modes) == 1 else tuple(modes)


def warning(asked: Asked) -> str:
    """What to beware of: another habit that gives the same sizes and other values, where the window strides."""
    if set(asked.problem.strides) == {1}:
        return ""
    if asked.is_word(AMOUNTS["same"]):
        half = [(window.span // 2, window.span // 2) for window in asked.problem.windows]
        return _mismatch(asked, half, "PyTorch's and Caffe's habit, half the kernel on both sides,")
    return _mismatch(asked, asked.same, 'Keras\'s "same"')


def _mismatch(asked: Asked, pairs: Sequence[tuple[int, int] | None], who: str) -> str:
    windows = asked.problem.windows
    known = [pair for pair in pairs if pair]
    if asked.transposed or asked.pairs is None or len(known) < asked.rank or asked.agrees(known):
        return ""
    sizes = [replace(w, before=b, after=a).output for w, (b, a) in zip(windows, known, strict=True)]
    if None in sizes or sizes != [window.output for window in windows]:
        return ""
    return f"This pads {alike(asked.pairs)}. {who} pads {alike(known)}: the same sizes, other values."


def number(value: Any) -> Any:
    """A constant as an argument to write, a name where it is not known; None where it is more than one number."""
    return Name("value") if value is None else value if isinstance(value, (int, float)) else None
