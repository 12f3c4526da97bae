"""Solutions: paddings that explain two sizes, each with its likelihood, its arithmetic and its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import AMOUNTS, Amount, Pair, explicit
from convpad.core.inverse import Rounding
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.problem import Problem, absorb_overhang, parse_problem
from convpad.core.window import Window
from convpad.display.result import Result
from convpad.display.table import Cell, Table
from convpad.frameworks import NAMES, TITLES, Translation, parse, to_code
from convpad.frameworks.code import default_mode
from convpad.solver.query import format_axes, shortest

_USUAL_WORDS = [word for word in AMOUNTS if word != "same_lower"]

KINDS = (*_USUAL_WORDS, "symmetric", "odd one after", "same_lower", "odd one before", "uneven")
"""The kinds of amounts, the likeliest first: words, and what numbers have in common."""

# Costs of unusual windows, in the unit in which a step down in KINDS costs 2.
_KERNEL_COSTS = {
    "conv": {3: 0, 5: 4, 7: 4, 1: 5, 9: 6, 11: 6, 2: 6, 4: 6},
    "conv_transpose": {2: 0, 4: 0, 3: 2, 5: 2, 1: 10},
    **{pool: {2: 0, 3: 0, 1: 12} for pool in POOLS},
}
_STRIDE_COSTS = {1: 0, 2: 0, 3: 4, 4: 4}
_DILATION_COSTS = {1: 0, 2: 20, 4: 22}
_UNUSUAL = 24
_PADDING_ALONE = 1000
"""Of amounts so large that some windows read padding alone: behind all others, in a table too."""

_EVEN_POOLS = ("torch", "caffe", "theano")
"""Frameworks whose pools pad both sides equally. Where they round up, their arguments read back as padding after."""


@dataclass(frozen=True, slots=True, repr=False)
class Solution(Result):
    """One padding that explains two sizes. `str()` is its code for every framework.

    Args:
        op: `"conv"`, `"conv_transpose"`, `"max_pool"` or `"average_pool"`.
        windows: the window and its amounts, for each axis; those of `conv_transpose` belong to the forward convolution.
        words: every word for these amounts, the likeliest first; none where only numbers describe them.
        output_padding: of `conv_transpose`, as `convpad.conv_transpose` takes it.

    Example:

    >>> import convpad
    >>> likeliest = convpad.solve(224, 112, kernel_size=7, strides=2)[0]
    >>> likeliest
    <Solution: kernel 7, strides 2, padding 'same'; print(...) shows all>
    >>> likeliest.padding, likeliest.pads
    ('same', ((2, 3), (2, 3)))
    >>> likeliest.reason
    'ceil(224 / 2) outputs, 2 before and 3 after: (224 + 2 + 3 - 7) / 2 + 1 = 112.'
    """

    op: str
    windows: tuple[Window, ...]
    words: tuple[str, ...] = ()
    output_padding: int | tuple[int, ...] | None = None

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """The amount on each axis, by its word if there is one."""
        if self.words:
            return Padding.parse(self.words[0], rank=len(self.windows)).amounts
        return tuple(explicit(*pair) for pair in self.pads)

    @property
    def padding(self) -> Any:
        """The shortest `padding=` for the amounts: a word, an int or pairs."""
        return shortest(self.amounts)

    @property
    def pads(self) -> tuple[Pair, ...]:
        """(before, after) for each axis."""
        return tuple((window.before or 0, window.after or 0) for window in self.windows)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Taps of the window, for each axis."""
        return tuple(window.kernel for window in self.windows)

    @property
    def strides(self) -> tuple[int, ...]:
        """Steps from one output to the next, for each axis."""
        return tuple(window.stride for window in self.windows)

    @property
    def dilation_rate(self) -> tuple[int, ...]:
        """Steps from one tap to the next, for each axis."""
        return tuple(window.dilation for window in self.windows)

    @property
    def input(self) -> tuple[int, ...]:
        """The sizes of the input."""
        return self._sizes[0]

    @property
    def output(self) -> tuple[int, ...]:
        """The sizes of the output."""
        return self._sizes[1]

    @property
    def _sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        sizes = tuple(window.size or 0 for window in self.windows)
        outputs = tuple(window.output or 0 for window in self.windows)
        return (outputs, sizes) if self.op == "conv_transpose" else (sizes, outputs)

    @property
    def rounding(self) -> Rounding:
        """`"ceil"` where rounding down would give another output."""
        return "ceil" if any(window.ceil for window in self.windows) else "floor"

    @property
    def kind(self) -> str:
        """The kind of the amounts: one of `KINDS`."""
        if self.words:
            return self.words[0]
        odd = {after - before for before, after in self.pads}
        kinds = {0: "symmetric", 1: "odd one after", -1: "odd one before"}
        return kinds.get(odd.pop(), "uneven") if len(odd) == 1 else "uneven"

    @property
    def order(self) -> tuple[int, ...]:
        """The key that solutions are sorted by: the cost of everything unusual, then the amounts."""
        uneven = max(abs(after - before) for before, after in self.pads) if self.kind == "uneven" else 0
        inexact = any(w.overhang or w.leftover for w in self.windows) and self.op != "conv_transpose"
        # One causal axis of several is no more likely than any other numbers.
        kind = "uneven" if self.kind == "causal" and len(self.windows) > 1 else self.kind
        cost = 2 * KINDS.index(kind) + 2 * uneven + inexact
        if any(max(pair) >= window.span for window, pair in zip(self.windows, self.pads, strict=True)):
            cost += _PADDING_ALONE
        parts = self.kernel, self.strides, self.dilation_rate
        for costs, values in zip((_KERNEL_COSTS[self.op], _STRIDE_COSTS, _DILATION_COSTS), parts, strict=True):
            cost += max(costs.get(value, _UNUSUAL) for value in values)
        sides = [side for pair in self.pads for side in pair]
        overhangs = [window.overhang for window in self.windows]
        return (cost, sum(sides), *self.kernel, *self.strides, *self.dilation_rate, *overhangs, *sides)

    @property
    def reason(self) -> str:
        """One sentence: the meaning of the amounts, and the arithmetic that explains the sizes of the first axis."""
        return f"{self.meaning}: {self.arithmetic}."

    @property
    def meaning(self) -> str:
        """The meaning of the amounts on the first axis, in a few words."""
        window, (before, after) = self.windows[0], self.pads[0]
        sides = f"{before} on both sides" if before == after else f"{before} before and {after} after"
        same = f"ceil({window.size} / {window.stride}) outputs, {sides}"
        if self.op == "conv_transpose":
            same = f"the crop of {self.kind!r}"
        meanings = {
            "valid": "no padding",
            "same": same,
            "same_lower": same,
            "half": f"{window.span} // 2 on both sides, as in PyTorch and Caffe",
            "full": f"{window.span} - 1 on both sides",
            "causal": f"{window.span} - 1 before and none after",
        }
        beyond = ", so that some windows read padding alone" if max(before, after) >= window.span else ""
        return f"{meanings.get(self.kind, sides)}{beyond}{', rounded up' if window.ceil else ''}"

    @property
    def arithmetic(self) -> str:
        """The arithmetic that explains the sizes of the first axis."""
        window, (before, after) = self.windows[0], self.pads[0]
        size, output, span, stride, leftover = window.size, window.output, window.span, window.stride, window.leftover
        if self.op == "conv_transpose":
            extra = f" + {leftover}" if leftover else ""
            total = f"({output} - 1) * {stride} + {span}{_signed(' - ', before, after)}{extra} = {size}"
            return f"{total}{', the last one output_padding' if extra else ''}"
        steps = f"({size}{_signed(' + ', before, after)} - {span}) / {stride}"
        if window.overhang:
            places = "place" if window.overhang == 1 else "places"
            return f"ceil({steps}) + 1 = {output}, {window.overhang} {places} over the end"
        if window.ceil:
            return f"ceil({steps}) = {output}, without a window that starts behind the axis"
        return f"floor({steps}) + 1 = {output}, {leftover} left over" if leftover else f"{steps} + 1 = {output}"

    @property
    def problem(self) -> Problem:
        """The whole operation, of unknown channels."""
        unpadded = Padding.parse("valid", default_mode(self.op), rank=len(self.windows))
        return parse_problem(
            self.op,
            (None, *self.input, None),
            self.kernel if self.op in POOLS else (*self.kernel, None, None),
            replace(unpadded, amounts=self.amounts),
            strides=self.strides,
            dilation_rate=self.dilation_rate,
            output_padding=self.output_padding,
            ceil_mode=self.rounding == "ceil",
        )

    def to_code(self, framework: str) -> Translation:
        """Write the operation for one of `convpad.frameworks.NAMES`."""
        return to_code(self.problem, framework)

    def is_native_to(self, framework: str) -> bool:
        """Return whether the framework's own operation has these very amounts, and not only equivalent ones."""
        translation, windows = self.to_code(framework), absorb_overhang(self.problem).windows
        if not translation.exact or self.op == "conv_transpose":
            return translation.exact
        if self.op in POOLS and framework in _EVEN_POOLS:
            return all(before == after for before, after in self.pads)
        amounts = parse(framework, windows, op=self.op, **dict(translation.arguments)).amounts
        pairs = [amount.pair_for(w.size, w.span, w.stride) for amount, w in zip(amounts, windows, strict=True)]
        return pairs == [(window.before, window.after) for window in windows]

    @property
    def summary(self) -> str:
        """`kernel 7, strides 2, padding 'same'`."""
        dilation = "" if set(self.dilation_rate) == {1} else f"dilation {format_axes(self.dilation_rate)}, "
        window = f"kernel {format_axes(self.kernel)}, strides {format_axes(self.strides)}"
        return f"{window}, {dilation}padding {self.padding!r}"

    def to_table(self, frameworks: Sequence[str] = NAMES) -> Table:
        """Return the code for some frameworks as a table."""
        codes = [(name, self.to_code(name).code) for name in frameworks]
        rows = tuple((TITLES[name], Cell(code, "code") if code else "not possible") for name, code in codes)
        return Table(self.summary, ("framework", "code"), rows, (self.reason,))

    def to_dict(self) -> dict[str, Any]:
        """Return the solution as lists, strings and ints."""
        return {
            "op": self.op,
            "input": [*self.input],
            "output": [*self.output],
            "kernel": [*self.kernel],
            "strides": [*self.strides],
            "dilation_rate": [*self.dilation_rate],
            "padding": self.words[0] if self.words else [[*pair] for pair in self.pads],
            "pads": [[*pair] for pair in self.pads],
            "words": [*self.words],
            "rounding": self.rounding,
            "output_padding": self.output_padding,
            "left_over": [window.leftover for window in self.windows],
            "kind": self.kind,
            "reason": self.reason,
        }


def _signed(sign: str, *numbers: int) -> str:
    return "".join(f"{sign}{number}" for number in numbers if number)
