"""Which padding explains the sizes, how likely is it, and why? One `Solution`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from convpad.core.amounts import Amount, Pair, explicit
from convpad.core.inverse import Fit, Rounding
from convpad.core.padding import Padding
from convpad.core.problem import POOLS, Problem, pose
from convpad.frameworks import Translation, parse, to_code
from convpad.solver.query import shown, spelled

__all__ = ["KINDS", "Solution"]

KINDS = (
    *("valid", "same", "half", "full", "causal"),
    "symmetric",
    "odd one after",
    *("same_lower", "odd one before"),
    "uneven",
)
"""How amounts came about, the likeliest first."""

# What makes a window less likely, in the same coin as a step down in KINDS, which costs 2.
_KERNEL_COSTS = {
    "conv": {3: 0, 5: 4, 7: 4, 1: 5, 9: 6, 11: 6, 2: 6, 4: 6},
    "conv_transpose": {2: 0, 4: 0, 3: 2, 5: 2, 1: 10},
    **{pool: {2: 0, 3: 0, 1: 12} for pool in POOLS},
}
_STRIDE_COSTS = {1: 0, 2: 0, 3: 4, 4: 4}
_DILATION_COSTS = {1: 0, 2: 20, 4: 22}
_UNUSUAL = 24

_ALIKE = ("torch", "caffe", "theano")
"""Frameworks whose pools pad both sides alike; what they round up reads back as padding after."""


@dataclass(frozen=True, slots=True)
class Solution:
    """One padding that explains two sizes.

    Args:
        op: `"conv"`, `"conv_transpose"`, `"max_pool"` or `"average_pool"`.
        fits: the window and its amounts, for each axis; those of `conv_transpose` belong to the forward convolution.
        words: every word for these amounts, the likeliest first; none where only numbers say them.
        output_padding: of `conv_transpose`, as `convpad.conv_transpose` takes it.

    Example:

    >>> import convpad
    >>> likeliest = convpad.solve(224, 112, kernel=7, strides=2)[0]
    >>> likeliest.padding, likeliest.pads
    ('same', ((2, 3), (2, 3)))
    >>> likeliest.reason
    'ceil(224 / 2) outputs, 2 before and 3 after: (224 + 2 + 3 - 7) / 2 + 1 = 112.'
    """

    op: str
    fits: tuple[Fit, ...]
    words: tuple[str, ...] = ()
    output_padding: int | tuple[int, ...] | None = None

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """How much, for each axis: by its word if there is one."""
        if self.words:
            return Padding.parse(self.words[0], rank=len(self.fits)).amounts
        return tuple(explicit(*pair) for pair in self.pads)

    @property
    def padding(self) -> Any:
        """The shortest `padding=` that says it: a word, an int or pairs."""
        return spelled(self.amounts)

    @property
    def pads(self) -> tuple[Pair, ...]:
        """(before, after) for each axis."""
        return tuple((fit.window.before or 0, fit.window.after or 0) for fit in self.fits)

    @property
    def kernel(self) -> tuple[int, ...]:
        """Taps of the window, for each axis."""
        return tuple(fit.window.kernel for fit in self.fits)

    @property
    def strides(self) -> tuple[int, ...]:
        """From one output to the next, for each axis."""
        return tuple(fit.window.stride for fit in self.fits)

    @property
    def dilation_rate(self) -> tuple[int, ...]:
        """From one tap to the next, for each axis."""
        return tuple(fit.window.dilation for fit in self.fits)

    @property
    def input(self) -> tuple[int, ...]:
        """The sizes that go in."""
        return tuple(fit.output if self.op == "conv_transpose" else fit.window.size or 0 for fit in self.fits)

    @property
    def output(self) -> tuple[int, ...]:
        """The sizes that come out."""
        return tuple(fit.window.size or 0 if self.op == "conv_transpose" else fit.output for fit in self.fits)

    @property
    def rounding(self) -> Rounding:
        """`"ceil"` where a window hangs over the padded end."""
        return "ceil" if any(fit.overhang for fit in self.fits) else "floor"

    @property
    def kind(self) -> str:
        """How the amounts came about: one of `KINDS`."""
        if self.words:
            return self.words[0]
        odd = {after - before for before, after in self.pads}
        named = {0: "symmetric", 1: "odd one after", -1: "odd one before"}
        return named.get(odd.pop(), "uneven") if len(odd) == 1 else "uneven"

    @property
    def order(self) -> tuple[int, ...]:
        """What solutions are sorted by: how much is unusual about them, then how much they pad."""
        uneven = max(abs(after - before) for before, after in self.pads) if self.kind == "uneven" else 0
        loose = any(fit.overhang or fit.spare for fit in self.fits) and self.op != "conv_transpose"
        # One axis of several that looks back only is no more likely than any other numbers.
        kind = "uneven" if self.kind == "causal" and len(self.fits) > 1 else self.kind
        unusual = 2 * KINDS.index(kind) + 2 * uneven + loose
        for costs, values in (
            (_KERNEL_COSTS[self.op], self.kernel),
            (_STRIDE_COSTS, self.strides),
            (_DILATION_COSTS, self.dilation_rate),
        ):
            unusual += max(costs.get(value, _UNUSUAL) for value in values)
        sides = [side for pair in self.pads for side in pair]
        more = [fit.overhang for fit in self.fits]
        return (unusual, sum(sides), *self.kernel, *self.strides, *self.dilation_rate, *more, *sides)

    @property
    def reason(self) -> str:
        """One sentence: what it is, and the arithmetic that makes it so (of the first axis)."""
        fit, (before, after) = self.fits[0], self.pads[0]
        span, stride = fit.window.span, fit.window.stride
        if self.op == "conv_transpose":
            sides = _sides(" - ", before, after)
            more = f" + {fit.spare}" if fit.spare else ""
            said = f"({fit.output} - 1) * {stride} + {span}{sides}{more} = {fit.window.size}"
            return f"{self._what()}: {said}{', the last one output_padding' if more else ''}."
        steps = f"({fit.window.size}{_sides(' + ', before, after)} - {span}) / {stride}"
        if fit.overhang:
            places = "place" if fit.overhang == 1 else "places"
            return (
                f"{self._what()}, rounded up: ceil({steps}) + 1 = {fit.output}, {fit.overhang} {places} over the end."
            )
        if fit.spare:
            return f"{self._what()}: floor({steps}) + 1 = {fit.output}, {fit.spare} left over."
        return f"{self._what()}: {steps} + 1 = {fit.output}."

    def _what(self) -> str:
        fit, (before, after) = self.fits[0], self.pads[0]
        span = fit.window.span
        sides = f"{before} on both sides" if before == after else f"{before} before and {after} after"
        match self.kind:
            case "valid":
                return "no padding"
            case "same" | "same_lower" if self.op == "conv_transpose":
                return f"the crop of {self.kind!r}"
            case "same" | "same_lower":
                return f"ceil({fit.window.size} / {fit.window.stride}) outputs, {sides}"
            case "half":
                return f"{span} // 2 on both sides, as in PyTorch and Caffe"
            case "full":
                return f"{span} - 1 on both sides"
            case "causal":
                return f"{span} - 1 before and none after"
            case _:
                return sides

    @property
    def problem(self) -> Problem:
        """The whole operation, with what hangs over the end padded, so that nothing has to be rounded up."""
        rank, pool = len(self.fits), self.op in POOLS
        padding: Any = self.words[0] if self.words else self.pads[0] if rank == 1 else self.pads
        if self.rounding == "ceil":
            pairs = [(b, a + fit.overhang) for (b, a), fit in zip(self.pads, self.fits, strict=True)]
            padding = pairs[0] if rank == 1 else pairs
        parsed = Padding.parse(padding, "ignore" if pool else "zeros", rank=rank)
        options: dict[str, Any] = {} if pool else {"dilation_rate": self.dilation_rate}
        if self.op == "conv_transpose":
            options["output_padding"] = self.output_padding
        kernel = self.kernel if pool else (*self.kernel, 1, 1)
        posed = pose(self.op, (None, *self.input, None), kernel, parsed, strides=self.strides, **options)
        return replace(posed, output_shape=(None, *self.output, None))

    def say(self, framework: str) -> Translation:
        """The same in a framework's words: one of `convpad.frameworks.NAMES`."""
        return to_code(self.problem, framework)

    def said_by(self, framework: str) -> bool:
        """Whether these very amounts, and not only the same values, are what the framework itself would pad."""
        words, windows = self.say(framework), self.problem.windows
        if not words.exact or self.op == "conv_transpose":
            return words.exact
        if self.op in POOLS and framework in _ALIKE:
            return all(before == after for before, after in self.pads)
        amounts = parse(framework, windows, op=self.op, **dict(words.arguments)).amounts
        read_back = [a.pad(w.size, w.span, w.stride) for a, w in zip(amounts, windows, strict=True)]
        return read_back == [(window.before, window.after) for window in windows]

    def as_dict(self) -> dict[str, Any]:
        """All of it as lists, strings and ints."""
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
            "left_over": [fit.spare for fit in self.fits],
            "kind": self.kind,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        """`kernel 7, strides 2, padding 'same'`."""
        words = [f"kernel {shown(self.kernel)}", f"strides {shown(self.strides)}"]
        if set(self.dilation_rate) != {1}:
            words.append(f"dilation {shown(self.dilation_rate)}")
        words.append(f"padding {self.padding!r}")
        return ", ".join(words)


def _sides(sign: str, *sides: int) -> str:
    return "".join(f"{sign}{side}" for side in sides if side)
