"""Paddings of a tensor whose values were moved: by axis and in their order, and what was cut off before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convpad.core.amounts import explicit
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.models.readers.moved_tensor import MovedTensor
from convpad.models.readers.movement import scaled
from convpad.models.readers.recognition import AxisPaddings, Side, evenly_taken, recognise, unscaled

Step = tuple[int, Side, Side]
"""(axis, before, after): a padding of one axis."""

Cuts = dict[int, tuple[int, int, int]]
"""By axis, what was cut off before it was padded: (before, after, step)."""


def paddings_of(tensor: MovedTensor, axes: Sequence[int]) -> tuple[list[Step], Cuts, str]:
    """Return the paddings of some axes of a tensor in their order, the cuts, and the reason why they are not read."""
    steps, cuts, movement = list[Step](), Cuts(), tensor.movement
    if movement is None:
        return [], {}, "its places cannot be followed"
    sizes = dict(movement.sizes)
    for name, places in movement.steps:
        axis = movement.axes.index(name) if name in movement.axes else -1
        if axis not in axes:
            continue
        places = unscaled(places)
        if movement.factor != 1:
            places = tuple((terms, scaled(constant, movement.factor)) for terms, constant in places)
        part = evenly_taken(places)
        paddings = recognise(places, tensor.modes) if part is None else AxisPaddings(part, ())
        if paddings is None:
            return [], {}, "it moves values as no padding does"
        part, size = paddings.part, sizes[name]
        if part != range(size):
            if any(step[0] == axis for step in steps) or axis in cuts:
                return [], {}, "it takes a part of an axis that is padded"
            cuts[axis] = (part.start, size - 1 - part[-1], part.step)
        sizes[name] = len(places)
        steps += [(axis, *sides) for sides in paddings.sides]
    return steps, cuts, ""


def grouped(steps: Iterable[Step]) -> list[dict[int, tuple[Side, Side]]]:
    """Return paddings of one axis each as paddings of several axes, which are padded first to last."""
    groups: list[dict[int, tuple[Side, Side]]] = []
    for axis, before, after in steps:
        if not groups or axis <= max(groups[-1]):
            groups.append({})
        groups[-1][axis] = before, after
    return groups


def padding_of(sides: Sequence[tuple[Side, Side] | None]) -> Padding:
    """Return the padding of spatial axes by their (amount, fill) before and after; None for an axis without."""
    nothing: Side = (0, ("zeros", None))
    rows = [pair or (nothing, nothing) for pair in sides]
    fills = [(before[1] if before[0] else after[1], after[1] if after[0] else before[1]) for before, after in rows]
    return Padding(
        tuple(explicit(before[0], after[0]) for before, after in rows),
        tuple((MODES[before[0]], MODES[after[0]]) for before, after in fills),
        tuple((before[1], after[1]) for before, after in fills),
    )
