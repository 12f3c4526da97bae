"""Constants of a graph: tensors that no input reaches, as far as their values are known, and arithmetic with them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

MOST = 2**14
"""Larger constants are known by their shape."""

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floor_div": operator.floordiv,
    "mod": operator.mod,
    "min": min,
    "max": max,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": operator.eq,
    "ne": operator.ne,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
}
"""Operations of two numbers."""


@dataclass(frozen=True, slots=True)
class Values:
    """A constant tensor.

    Args:
        shape: its sizes.
        flat: its values, the last axis first to change; None where they are not known, or all the same.
        fill: the value that stands everywhere: a number, or a tuple for an unknown one; None where they differ.
        varies: for each axis, whether the values may differ along it.
        is_weight: whether they are trained.
    """

    shape: tuple[int, ...]
    flat: tuple[Any, ...] | None = None
    fill: Hashable = None
    varies: tuple[bool, ...] = ()
    is_weight: bool = False

    @classmethod
    def known(cls, shape: Sequence[int], flat: Sequence[Any]) -> Values:
        """Return a constant of known values."""
        shape, flat = tuple(shape), tuple(flat)
        if flat and all(value == flat[0] for value in flat):
            return cls.uniform(shape, flat[0])
        steps, step = [1] * len(shape), 1
        for axis in reversed(range(len(shape))):
            steps[axis], step = step, step * shape[axis]
        varies = tuple(
            any(value != flat[index - index // step % size * step] for index, value in enumerate(flat))
            for size, step in zip(shape, steps, strict=True)
        )
        return cls(shape, flat, None, varies)

    @classmethod
    def uniform(cls, shape: Sequence[int], fill: Hashable) -> Values:
        """Return a constant with one value everywhere."""
        return cls(tuple(shape), None, fill, (False,) * len(shape))

    @classmethod
    def unknown(cls, shape: Sequence[int]) -> Values:
        """Return a constant whose values are not known."""
        return cls(tuple(shape), None, None, tuple(size > 1 for size in shape))

    @classmethod
    def weight(cls, shape: Sequence[int]) -> Values:
        """Return a trained constant, whose values are not read."""
        return cls(tuple(shape), None, None, tuple(size > 1 for size in shape), True)

    @property
    def is_known(self) -> bool:
        """Whether its values are known."""
        return self.flat is not None or isinstance(self.fill, (int, float))

    def numbers(self) -> list[Any] | None:
        """Return its values, the last axis first to change; None where they are not known, or too many."""
        if self.flat is not None:
            return list(self.flat)
        known = isinstance(self.fill, (int, float)) and prod(self.shape) <= MOST
        return [self.fill] * prod(self.shape) if known else None

    def along(self, axis: int) -> list[Any] | None:
        """Return the values along an axis, where they vary along no other; None where they are not known."""
        if any(varies for other, varies in enumerate(self.varies) if other != axis % len(self.shape)):
            return None
        size = self.shape[axis]
        if self.fill is not None:
            return [self.fill] * size
        if self.flat is None:
            return None
        step = prod(self.shape[axis % len(self.shape) + 1 :])
        return [self.flat[index * step] for index in range(size)]

    def take(self, axis: int, indices: Sequence[int]) -> Values:
        """Return the values at some indices of an axis."""
        axis %= len(self.shape)
        shape = (*self.shape[:axis], len(indices), *self.shape[axis + 1 :])
        if self.flat is None:
            return Values(shape, None, self.fill, self.varies, self.is_weight)
        size, step = self.shape[axis], prod(self.shape[axis + 1 :])
        rows = range(prod(self.shape[:axis]))
        flat = [self.flat[(row * size + i) * step + k] for row in rows for i in indices for k in range(step)]
        return Values.known(shape, flat)

    def joined(self, others: Sequence[Values], axis: int) -> Values | None:
        """Return it with others behind it along an axis; None where the values are not known."""
        pieces, axis = [self, *others], axis % len(self.shape)
        shape = list(self.shape)
        shape[axis] = sum(piece.shape[axis] for piece in pieces)
        fills = {piece.fill for piece in pieces}
        if len(fills) == 1 and None not in fills:
            return Values.uniform(shape, self.fill)
        numbers = [piece.numbers() for piece in pieces]
        if prod(shape) > MOST or any(entry is None for entry in numbers):
            return None
        flat: list[Any] = []
        for row in range(prod(shape[:axis])):
            for piece, entry in zip(pieces, numbers, strict=True):
                width = prod(piece.shape[axis:])
                flat += (entry or [])[row * width : (row + 1) * width]
        return Values.known(shape, flat)

    def permuted(self, order: Sequence[int]) -> Values:
        """Return it with its axes in another order."""
        shape, varies = tuple(self.shape[axis] for axis in order), tuple(self.varies[axis] for axis in order)
        if self.flat is None:
            return Values(shape, None, self.fill, varies, self.is_weight)
        steps = [prod(self.shape[axis + 1 :]) for axis in order]
        return Values.known(shape, [self.flat[_offset(index, shape, steps)] for index in range(prod(shape))])

    def reshaped(self, shape: Sequence[int]) -> Values:
        """Return it in another shape."""
        shape = tuple(shape)
        if self.flat is not None:
            return Values.known(shape, self.flat)
        varies = (self.fill is None) and any(self.varies)
        return Values(shape, None, self.fill, tuple(varies and size > 1 for size in shape), self.is_weight)

    def expanded(self, shape: Sequence[int]) -> Values | None:
        """Return it with axes of one value, and axes that it has not, repeated to a shape; None where it is large."""
        shape = tuple(shape)
        lead = len(shape) - len(self.shape)
        varies = (*(False,) * lead, *self.varies)
        if self.flat is None:
            return Values(shape, None, self.fill, varies, self.is_weight)
        if prod(shape) > MOST:
            return Values(shape, None, None, varies)
        steps = [0] * lead
        for axis, size in enumerate(self.shape):
            steps.append(0 if size == 1 else prod(self.shape[axis + 1 :]))
        return Values.known(shape, [self.flat[_offset(index, shape, steps)] for index in range(prod(shape))])

    def mapped(self, function: Callable[[Any], Any]) -> Values:
        """Return a function of each value."""
        if self.flat is not None:
            return Values.known(self.shape, [function(value) for value in self.flat])
        known = isinstance(self.fill, (int, float))
        return Values(self.shape, None, function(self.fill) if known else None, self.varies)


def _offset(index: int, shape: Sequence[int], steps: Sequence[int]) -> int:
    """Return the place in memory of the index-th value of a shape, by the step of each axis."""
    offset = 0
    for size, step in zip(reversed(shape), reversed(steps), strict=True):
        index, place = divmod(index, size)
        offset += place * step
    return offset


def broadcast(shapes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Return the shape to which shapes are broadcast."""
    rank = max(map(len, shapes), default=0)
    rows = [(*(1,) * (rank - len(shape)), *shape) for shape in shapes]
    return tuple(next((size for size in sizes if size != 1), 1) for sizes in zip(*rows, strict=True))


def combined(operation: str, a: Values, b: Values) -> Values:
    """Return an operation of two constants, which are broadcast."""
    shape = broadcast([a.shape, b.shape])
    one, other = a.expanded(shape), b.expanded(shape)
    varies = tuple(x or y for x, y in zip(one.varies, other.varies, strict=True)) if one and other else ()
    if one is None or other is None or not (one.is_known and other.is_known):
        return Values(shape, None, None, varies)
    function = OPERATIONS[operation]
    try:
        if one.flat is None and other.flat is None:
            return Values.uniform(shape, function(one.fill, other.fill))
        first, second = one.numbers(), other.numbers()
        if first is not None and second is not None:
            return Values.known(shape, list(map(function, first, second)))
    except ArithmeticError:  # integers divided by 0, which frameworks answer in their own ways
        pass
    return Values(shape, None, None, varies)


def chosen(mask: Values, a: Values, b: Values, shape: Sequence[int]) -> Values:
    """Return the values of a where a mask says so and those of b elsewhere, all of them broadcast to a shape."""
    wide = [entry.expanded(shape) for entry in (mask, a, b)]
    rows = [None if entry is None else entry.numbers() for entry in wide]
    if rows[0] is None or rows[1] is None or rows[2] is None:
        return Values.unknown(shape)
    return Values.known(shape, [x if m else y for m, x, y in zip(*rows, strict=True)])


def correlated(x: Values, kernel: Values, sizes: Sequence[int], windows: Sequence[tuple[int, int, int]]) -> Values:
    """Return the zero-padded convolution of a constant of one channel with another; unknown where there are several.

    Args:
        x, kernel: with a batch axis of 1, or the filters, and the channels first.
        sizes: of the output.
        windows: (stride, dilation, amount before) for each spatial axis.
    """
    numbers, weights = x.numbers(), kernel.numbers()
    rank = len(windows)
    lead = (*x.shape[:-rank], *kernel.shape[:-rank], *sizes[:-rank])
    if numbers is None or weights is None or set(lead) != {1}:
        return Values.unknown(sizes)
    steps = [prod(x.shape[axis + 1 :]) for axis in range(len(x.shape))][-rank:]
    flat: list[Any] = []
    for place in product(*map(range, sizes[-rank:])):
        total = 0
        for weight, tap in zip(weights, product(*map(range, kernel.shape[-rank:])), strict=True):
            rows = zip(place, tap, windows, strict=True)
            at = [index * stride + step * dilation - before for index, step, (stride, dilation, before) in rows]
            if all(0 <= index < size for index, size in zip(at, x.shape[-rank:], strict=True)):
                total += weight * numbers[sum(index * step for index, step in zip(at, steps, strict=True))]
        flat.append(total)
    return Values.known(sizes, flat)
