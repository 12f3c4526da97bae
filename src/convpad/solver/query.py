"""What is known, and what has to be tried? A `Question`: the sizes and whatever else was said, checked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from convpad.core.amounts import Amount
from convpad.core.errors import refuse
from convpad.core.inverse import ROUNDINGS, Rounding
from convpad.core.padding import Padding
from convpad.core.problem import POOLS
from convpad.core.validation import integer, listed, per_axis
from convpad.frameworks import NAMES

__all__ = ["DILATIONS", "KERNELS", "LARGEST", "OPS", "STRIDES", "Question", "ask"]

OPS = ("conv", "conv_transpose", *POOLS)
"""The operations whose sizes can be asked for: a depthwise or separable convolution has those of `conv`."""

KERNELS, STRIDES, DILATIONS = range(1, 12), range(1, 5), range(1, 5)
"""What is tried where nothing was said."""

LARGEST = 65536
"""How many pairs of amounts of one window are tried at most."""

_CEIL_POOLS = ("torch", "onnx", "theano")
"""Frameworks whose pools can round both ways. Caffe's always round up, all others down."""

Axes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What was said of one window; None for what was not.

    Args:
        op: one of `OPS`.
        input, output: the sizes, one for each spatial axis.
        kernel, strides, dilation_rate: one for each spatial axis.
        padding: how much, as it was spelled and parsed.
        rounding: `"floor"` or `"ceil"`.
        framework: one that has to be able to say it.
    """

    op: str
    input: Axes
    output: Axes
    kernel: Axes | None = None
    strides: Axes | None = None
    dilation_rate: Axes | None = None
    padding: tuple[Amount, ...] | None = None
    rounding: Rounding | None = None
    framework: str | None = None

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.input)

    @property
    def transposed(self) -> bool:
        """Whether it gives the sizes that a convolution takes."""
        return self.op == "conv_transpose"

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(size, outputs) of the forward window, for each axis."""
        forward = (self.output, self.input) if self.transposed else (self.input, self.output)
        return tuple(zip(*forward, strict=True))

    @property
    def kernels(self) -> list[Axes]:
        """Every kernel that comes into question."""
        return self._tried(self.kernel, KERNELS)

    @property
    def every_strides(self) -> list[Axes]:
        """All strides that come into question."""
        return self._tried(self.strides, STRIDES)

    @property
    def dilations(self) -> list[Axes]:
        """All dilations that come into question: pools have none."""
        return self._tried(self.dilation_rate, range(1, 2) if self.op in POOLS else DILATIONS)

    @property
    def roundings(self) -> tuple[Rounding, ...]:
        """The roundings that come into question: a convolution rounds down in every framework."""
        if self.rounding:
            return (self.rounding,)
        if self.op not in POOLS:
            return ("floor",)
        if self.framework is None or self.framework in _CEIL_POOLS:
            return ROUNDINGS
        return ("ceil",) if self.framework == "caffe" else ("floor",)

    def _tried(self, given: Axes | None, otherwise: range) -> list[Axes]:
        return [given] if given else [(value,) * self.rank for value in otherwise]

    def __str__(self) -> str:
        """`224 -> 55, kernel 11, strides 4, padding 'valid'`."""
        words = [f"{shown(self.input)} -> {shown(self.output)}"]
        words += [self.op] if self.op != "conv" else []
        words += [f"kernel {shown(self.kernel)}"] if self.kernel else []
        words += [f"strides {shown(self.strides)}"] if self.strides else []
        words += [f"dilation {shown(self.dilation_rate)}"] if self.dilation_rate else []
        words += [f"padding {spelled(self.padding)!r}"] if self.padding else []
        words += [f"rounded {'down' if self.rounding == 'floor' else 'up'}"] if self.rounding else []
        words += [f"in {self.framework}'s own words"] if self.framework else []
        return ", ".join(words)


def ask(
    input: Any,
    output: Any,
    *,
    kernel: Any = None,
    strides: Any = None,
    dilation_rate: Any = None,
    padding: Any = None,
    op: Any = "conv",
    rounding: Any = None,
    framework: Any = None,
    rank: Any = None,
) -> Question:
    """Reads every argument once, or refuses it."""
    rank = _rank(input, output, rank)
    if op not in OPS:
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    if rounding is not None and rounding not in ROUNDINGS:
        raise refuse("rounding", "be 'floor' or 'ceil'", rounding)
    if rounding == "ceil" and op not in POOLS:
        raise refuse("rounding", f"be 'floor' for {op}", rounding, "Only pools round up, in some frameworks.")
    if op in POOLS and dilation_rate is not None:
        raise refuse("dilation_rate", f"not be given to {op}", dilation_rate)
    if framework is not None and framework not in NAMES:
        raise refuse("framework", f"be one of {', '.join(map(repr, NAMES))}", framework)
    question = Question(
        op,
        per_axis("input", input, rank),
        per_axis("output", output, rank),
        None if kernel is None else per_axis("kernel", kernel, rank),
        None if strides is None else per_axis("strides", strides, rank),
        None if dilation_rate is None else per_axis("dilation_rate", dilation_rate, rank),
        None if padding is None else Padding.parse(padding, rank=rank).amounts,
        rounding,
        framework,
    )
    _bounded(question)
    return question


def shown(sizes: Axes) -> str:
    """`224` where all axes are alike, else `480x640`."""
    return str(sizes[0]) if len(set(sizes)) == 1 else "x".join(map(str, sizes))


def spelled(amounts: tuple[Amount, ...]) -> Any:
    """The shortest `padding=` for these amounts."""
    pairs = [amount.pair for amount in amounts]
    sides = {side for pair in pairs for side in pair or ()}
    if None not in pairs and (len(sides) == 1 or len(pairs) == 1):
        return sides.pop() if len(sides) == 1 else pairs[0]
    zeros = Padding.parse("valid", rank=len(amounts))
    return Padding(amounts, zeros.modes, zeros.values).spelling()[0]


def _rank(input: Any, output: Any, rank: Any) -> int:
    """The number of spatial axes: that of the sizes that are lists; where both are ints, an image has two."""
    found = {len(sizes) for sizes in map(listed, (input, output)) if sizes is not None}
    if rank is not None:
        found.add(integer("rank", rank, 1, "Give the spatial axes alone."))
    if len(found) > 1 or found & {0} or any(count > 3 for count in found):
        sizes = (input, output) if rank is None else (input, output, rank)
        raise refuse("input and output", "be ints, or have one size for each of the same one to three axes", sizes)
    return found.pop() if found else 2


def _bounded(question: Question) -> None:
    """Refuses windows with more pairs of amounts than anyone could look through."""
    for kernel, strides, dilation in product(question.kernels, question.every_strides, question.dilations):
        for taps, stride, spread in zip(kernel, strides, dilation, strict=True):
            span = (taps - 1) * spread + 1
            if span * min(span, stride) > LARGEST:
                allowed = f"leave at most {LARGEST} pairs of amounts to try: span * min(span, stride)"
                mend = "Say those that are known: a dilation_rate of 1 is not taken for granted."
                raise refuse("kernel, strides and dilation_rate", allowed, (taps, stride, spread), mend)
