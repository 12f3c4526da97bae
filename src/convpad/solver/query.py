"""Queries of the solver: two sizes and the known parts of a window, checked, with the values to try for the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from convpad.core.amounts import Amount
from convpad.core.errors import refuse
from convpad.core.inverse import ROUNDINGS, Rounding
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.validation import integer, listed, per_axis
from convpad.core.window import spanned
from convpad.display.format import format_sizes
from convpad.frameworks import NAMES
from convpad.frameworks.code import check_choice, shortest_pairs

_OPS = ("conv", "conv_transpose", *POOLS)
"""The operations of a query. The sizes of depthwise and separable convolutions are those of `conv`."""

KERNELS, STRIDES, DILATIONS = range(1, 12), range(1, 5), range(1, 5)
"""The values to try for an unknown part."""

_LARGEST = 65536
"""The largest number of pairs of amounts that are tried for one window."""

_CEIL_POOLS = ("torch", "onnx", "theano")
"""Frameworks whose pools can round both ways. Caffe's always round up, all others down."""

Axes = tuple[int, ...]
"""One number for each spatial axis."""


@dataclass(frozen=True, slots=True)
class Query:
    """Two sizes and the known parts of a window; None for an unknown part.

    Args:
        op: "conv", "conv_transpose", "max_pool" or "average_pool".
        input, output: the sizes, one for each spatial axis.
        kernel, strides, dilation_rate: one for each spatial axis.
        padding: the amount on each axis.
        rounding: `"floor"` or `"ceil"`.
        framework: the framework whose own operation must be able to pad so.
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
        """Whether its windows belong to the forward convolution, which makes the input of the output."""
        return self.op == "conv_transpose"

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(size, outputs) of the forward window, for each axis."""
        forward = (self.output, self.input) if self.transposed else (self.input, self.output)
        return tuple(zip(*forward, strict=True))

    @property
    def _parts(self) -> dict[str, tuple[Axes | None, range]]:
        """The parts of the window by name, with the values to try for an unknown one. Pools have no dilation."""
        return {
            "kernel": (self.kernel, KERNELS),
            "strides": (self.strides, STRIDES),
            "dilation": (self.dilation_rate, range(1, 2) if self.op in POOLS else DILATIONS),
        }

    @property
    def windows(self) -> list[tuple[Axes, Axes, Axes]]:
        """Every (kernel, strides, dilation) to try."""
        kernels, strides, dilations = (
            [known] if known else [(value,) * self.rank for value in values] for known, values in self._parts.values()
        )
        return [*product(kernels, strides, dilations)]

    @property
    def unknown(self) -> dict[str, range]:
        """The names of the unknown parts of the window, with the values to try."""
        return {name: values for name, (known, values) in self._parts.items() if not known and len(values) > 1}

    @property
    def roundings(self) -> tuple[Rounding, ...]:
        """The roundings to try. A convolution rounds down in every framework."""
        if self.rounding:
            return (self.rounding,)
        if self.op not in POOLS:
            return ("floor",)
        if self.framework is None or self.framework in _CEIL_POOLS:
            return ROUNDINGS
        return ("ceil",) if self.framework == "caffe" else ("floor",)

    def __str__(self) -> str:
        """`224 -> 55, kernel 11, strides 4, padding 'valid'`."""
        parts = [f"{format_axes(self.input)} -> {format_axes(self.output)}"]
        parts += [self.op] if self.op != "conv" else []
        parts += [f"{name} {format_axes(known)}" for name, (known, _) in self._parts.items() if known]
        parts += [f"padding {shortest(self.padding)!r}"] if self.padding else []
        parts += [f"rounded {'down' if self.rounding == 'floor' else 'up'}"] if self.rounding else []
        parts += [f"in {self.framework}'s own words"] if self.framework else []
        return ", ".join(parts)


def parse_query(
    input_size: Any,
    output_size: Any,
    kernel_size: Any = None,
    strides: Any = None,
    dilation_rate: Any = None,
    padding: Any = None,
    op: Any = "conv",
    rounding: Any = None,
    framework: Any = None,
    rank: Any = None,
) -> Query:
    """Read the arguments of `convpad.solve`, or refuse them."""
    rank = _rank(input_size, output_size, rank)
    check_choice("op", op, _OPS)
    if rounding is not None and rounding not in ROUNDINGS:
        raise refuse("rounding", "be 'floor' or 'ceil'", rounding)
    if rounding == "ceil" and op not in POOLS:
        raise refuse("rounding", f"be 'floor' for {op}", rounding, "Only pools round up, in some frameworks.")
    if op in POOLS and dilation_rate is not None:
        raise refuse("dilation_rate", f"not be given to {op}", dilation_rate)
    if framework is not None:
        check_choice("framework", framework, NAMES)
    sizes = per_axis("input_size", input_size, rank), per_axis("output_size", output_size, rank)
    parts = {"kernel_size": kernel_size, "strides": strides, "dilation_rate": dilation_rate}
    window = [None if value is None else per_axis(name, value, rank) for name, value in parts.items()]
    amounts = None if padding is None else Padding.parse(padding, rank=rank).amounts
    query = Query(op, *sizes, *window, padding=amounts, rounding=rounding, framework=framework)
    for window in query.windows:
        for taps, stride, dilation in zip(*window, strict=True):
            span = spanned(taps, dilation)
            if span * min(span, stride) > _LARGEST:
                allowed = f"leave at most {_LARGEST} pairs of amounts to try: span * min(span, stride)"
                mend = "Say those that are known: a dilation_rate of 1 is not taken for granted."
                raise refuse("kernel_size, strides and dilation_rate", allowed, (taps, stride, dilation), mend)
    return query


def _rank(input: Any, output: Any, rank: Any) -> int:
    """Return the number of spatial axes: that of the sizes that are lists; where both are ints, an image has two."""
    ranks = {len(sizes) for sizes in map(listed, (input, output)) if sizes is not None}
    if rank is not None:
        ranks.add(integer("rank", rank, 1, "Give the spatial axes alone."))
    if len(ranks) > 1 or ranks & {0} or any(count > 3 for count in ranks):
        sizes = (input, output) if rank is None else (input, output, rank)
        raise refuse(
            "input_size and output_size", "be ints, or have one size for each of the same one to three axes", sizes
        )
    return ranks.pop() if ranks else 2


def shortest(amounts: tuple[Amount, ...]) -> Any:
    """Return the shortest `padding=` for these amounts: a word, an int or pairs."""
    pairs = [amount.pair for amount in amounts if amount.pair]
    if len(pairs) == len(amounts):
        return shortest_pairs(pairs)
    return replace(Padding.parse("valid", rank=len(amounts)), amounts=amounts).spelling()[0]


def format_axes(axes: Axes | None) -> str:
    """Return `224` for equal numbers, else `224x320`; `?` for None."""
    return "?" if axes is None else format_sizes(axes, shorten=True)
