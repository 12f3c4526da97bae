"""Movement of values: what stands at each place of a tensor, as operations on another put it there.

Axis by axis: a place holds a weighted sum of places of the same axis before, and a constant. A step gives the places
of one axis; steps follow each other, for where two axes meet, the later one decides.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

LONGEST_AXIS = 2**18
"""A longer axis is not followed place by place."""

SIZE_TO_RECKON_WITH = 61
"""The size of an axis whose size is not known: amounts do not depend on it."""

Constant = Hashable
"""What is added at a place: a number, or a tuple that stands for one that is not known."""

Place = tuple[tuple[tuple[int, float], ...], Constant]
"""((index, weight) of each value that is summed, the constant that is added)."""

Places = tuple[Place, ...]
AxisName = Hashable
Step = tuple[AxisName, Places]

PER_CHANNEL = "per channel"
"""The first entry of the constant that is another number for each channel; the numbers come second."""

UNWRITTEN: Constant = ("unwritten",)
"""The value of memory that nothing was written to."""


def copied(index: int) -> Place:
    """Return the place that holds the value of another."""
    return ((index, 1),), 0


def filled(constant: Constant) -> Place:
    """Return the place that holds a constant."""
    return (), constant


@lru_cache(maxsize=256)
def unmoved(size: int) -> Places:
    """Return the places of an axis that nothing has moved."""
    return tuple(copied(index) for index in range(size))


def scaled(constant: Constant, weight: float) -> Constant:
    """Return a constant times a number; times 0 it is 0, also where it is infinite, for then it is not there."""
    if weight == 0:
        return 0
    if isinstance(constant, (int, float)):
        return constant * weight
    return constant if weight == 1 else ("product", weight, constant)


def added(constants: Iterable[Constant]) -> Constant:
    """Return the sum of constants."""
    rest = [constant for constant in constants if not isinstance(constant, (int, float)) or constant != 0]
    numbers = [constant for constant in rest if isinstance(constant, (int, float))]
    unknown = [constant for constant in rest if not isinstance(constant, (int, float))]
    if not unknown:
        return sum(numbers)
    return unknown[0] if len(rest) == 1 else ("sum", *sorted(map(repr, rest)))


def weighted(places: Iterable[tuple[Place, float]]) -> Place:
    """Return the weighted sum of places."""
    weights: dict[int, float] = {}
    constants: list[Constant] = []
    for (terms, constant), factor in places:
        constants.append(scaled(constant, factor))
        for index, weight in terms:
            weights[index] = weights.get(index, 0) + weight * factor
    return tuple((index, weight) for index, weight in sorted(weights.items()) if weight), added(constants)


def through(outer: Places, inner: Places) -> Places:
    """Return the places of an axis that were taken from an axis whose own places are given."""
    result: list[Place] = []
    for terms, constant in outer:
        if constant == 0 and len(terms) == 1 and terms[0][1] == 1:
            result.append(inner[terms[0][0]])
        else:
            rows = [(inner[index], weight) for index, weight in terms]
            result.append(weighted([*rows, (filled(constant), 1)]))
    return tuple(result)


def _effects(places: Places) -> set[tuple[float, Constant]]:
    """Return (sum of weights, constant) of the places of an axis, each once."""
    return {(sum(weight for _, weight in terms), constant) for terms, constant in places}


def _commute(first: Places, second: Places) -> bool:
    """Return whether two steps on different axes may change their order."""
    rows = [(a, b) for a in _effects(first) for b in _effects(second)]
    return all(
        added([scaled(ca, wb), cb]) == added([scaled(cb, wa), ca])
        for (wa, ca), (wb, cb) in rows
        if not (ca == 0 and cb == 0)
    )


@dataclass(frozen=True, slots=True)
class Movement:
    """The values of a tensor, by the places of another that they come from.

    Args:
        base: the name of the tensor whose values are moved.
        axes: for each axis of the tensor, the name of the axis of the base that it is.
        sizes: of the axes of the base by name, as far as the tensor has had them.
        steps: (axis, its places), first to last.
        factor: what all values are multiplied by in the end.
    """

    base: str
    axes: tuple[AxisName, ...]
    sizes: tuple[tuple[AxisName, int], ...]
    steps: tuple[Step, ...] = ()
    factor: float = 1

    @classmethod
    def start(cls, base: str, sizes: Sequence[int]) -> Movement:
        """Return a tensor that nothing has moved."""
        return cls(base, tuple(range(len(sizes))), tuple(enumerate(sizes)))

    def size(self, name: AxisName) -> int:
        """Return the size of an axis after all steps."""
        for axis, places in reversed(self.steps):
            if axis == name:
                return len(places)
        return dict(self.sizes)[name]

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis of the tensor."""
        return tuple(self.size(name) for name in self.axes)

    def places(self, name: AxisName) -> tuple[tuple[Step, ...], Places] | None:
        """Return the other steps, and the places of an axis as the last step; None where it cannot be the last."""
        index = next((i for i in reversed(range(len(self.steps))) if self.steps[i][0] == name), None)
        if index is None:
            return self.steps, unmoved(self.size(name))
        places = self.steps[index][1]
        later = self.steps[index + 1 :]
        if not all(_commute(places, step[1]) for step in later):
            return None
        return (*self.steps[:index], *later), places

    def moved(self, name: AxisName, places: Places) -> Movement:
        """Return the tensor whose axis holds these places of the axis as it is."""
        if places == unmoved(self.size(name)):
            return self
        if self.factor != 1 and any(constant != 0 for _, constant in places):
            return self.multiplied(name).moved(name, places)
        last = self.places(name)
        if last is None:
            return replace(self, steps=(*self.steps, (name, places)))
        return self.with_step(last[0], name, through(places, last[1]))

    def multiplied(self, name: AxisName) -> Movement:
        """Return the tensor with its factor in the places of an axis."""
        if self.factor == 1:
            return self
        places = tuple(((((index, self.factor),), 0)) for index in range(self.size(name)))
        return replace(self, factor=1).moved(name, places)

    def with_step(self, others: tuple[Step, ...], name: AxisName, places: Places) -> Movement:
        """Return the tensor with these steps, then places of an axis; those that commute are in the axes' order."""
        bare = replace(self, steps=others)
        if places == unmoved(bare.size(name)):
            return bare
        index = len(others)
        while index and repr(others[index - 1][0]) > repr(name) and _commute(others[index - 1][1], places):
            index -= 1
        return replace(self, steps=(*others[:index], (name, places), *others[index:]))

    def is_moved(self, name: AxisName) -> bool:
        """Return whether a step moves values along an axis."""
        return any(axis == name for axis, _ in self.steps)


def regrouped(movement: Movement, shape: Sequence[int]) -> Movement | None:
    """Return a tensor in another shape; None where moved axes would be merged or split."""
    old = [(name, movement.size(name)) for name in movement.axes]
    sizes, axes = dict(movement.sizes), list[AxisName]()
    dropped = [name for name in sizes if name not in movement.axes and movement.size(name) == 1]
    i = j = 0
    while i < len(old) or j < len(shape):
        if i < len(old) and j < len(shape) and old[i][1] == shape[j]:
            axes.append(old[i][0])
            i, j = i + 1, j + 1
        elif j < len(shape) and shape[j] == 1:
            name = dropped.pop(0) if dropped else ("new", len(sizes))
            sizes.setdefault(name, 1)
            axes.append(name)
            j += 1
        elif i < len(old) and old[i][1] == 1:
            i += 1
        else:
            group = _group([size for _, size in old[i:]], list(shape[j:]))
            if group is None or any(movement.is_moved(name) for name, _ in old[i : i + group[0]]):
                return None
            names = _regrouped_names(old[i : i + group[0]], tuple(shape[j : j + group[1]]))
            sizes.update(zip(names, shape[j : j + group[1]], strict=True))
            axes += names
            i, j = i + group[0], j + group[1]
    return replace(movement, axes=tuple(axes), sizes=tuple(sizes.items()))


def _group(old: list[int], new: list[int]) -> tuple[int, int] | None:
    """Return the least numbers of axes at the beginning of two shapes that hold as many values; None for none."""
    count_old = count_new = 1
    if not old or not new or 0 in old or 0 in new:
        return None
    values_old, values_new = old[0], new[0]
    while values_old != values_new:
        if values_old < values_new:
            if count_old == len(old):
                return None
            values_old, count_old = values_old * old[count_old], count_old + 1
        else:
            if count_new == len(new):
                return None
            values_new, count_new = values_new * new[count_new], count_new + 1
    return count_old, count_new


def _regrouped_names(old: Sequence[tuple[AxisName, int]], new: tuple[int, ...]) -> list[AxisName]:
    """Return the names of axes that are made of others; those that were merged get their own back."""
    parts: list[tuple[AxisName, int]] = []
    for name, size in old:
        merged = isinstance(name, tuple) and name[0] == "merged"
        parts += name[1] if merged else [(name, size)]  # pyright: ignore
    if tuple(size for _, size in parts) == new:
        return [name for name, _ in parts]
    whole: AxisName = ("merged", tuple(parts)) if len(parts) > 1 else parts[0][0]
    return [whole] if len(new) == 1 else [("split", whole, new, index) for index in range(len(new))]
