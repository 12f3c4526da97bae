"""Crops of transposed convolutions: the padding whose adjoint has taken values off an output, or folded them back."""

from __future__ import annotations

from collections.abc import Sequence

from convpad.models.readers.movement import AxisName, Movement, Place, Places
from convpad.models.readers.recognition import Side, recognise

Crop = tuple[tuple[Side, Side], ...]
"""The padding, (before, after) for each spatial axis; each with its amount and fill."""


def crop_of(movement: Movement, names: Sequence[AxisName]) -> Crop | None:
    """Return the padding of some axes whose adjoint a movement is; None where it is no such.

    A padding copies values to the outside. Its adjoint adds what stands outside to the values that were copied, and
    takes it off: so the places of a crop, read backwards, are those of a padding.
    """
    if movement.factor != 1:
        return None
    sizes, crop = dict(movement.sizes), list[tuple[Side, Side]]()
    for name in names:
        last = movement.places(name)
        sides = None if last is None else _sides(last[1], sizes[name])
        if sides is None:
            return None
        crop.append(sides)
    return tuple(crop)


def _sides(places: Places, size: int) -> tuple[Side, Side] | None:
    """Return the padding (before, after) of the axis that places take from one of a size; None where there is none."""
    if len(places) == size and all(place == (((index, 1),), 0) for index, place in enumerate(places)):
        return (0, ("zeros", None)), (0, ("zeros", None))
    rows: list[dict[int, float]] = [{} for _ in range(size)]
    for index, (terms, constant) in enumerate(places):
        if constant != 0:
            return None
        for row, weight in terms:
            rows[row][index] = weight
    backwards: list[Place] = [(tuple(row.items()), 0) for row in rows]
    paddings = recognise(tuple(backwards))
    if paddings is None or paddings.part != range(len(places)) or len(paddings.sides) > 1:
        return None
    return paddings.sides[0] if paddings.sides else None


def is_cut(crop: Crop) -> bool:
    """Return whether a crop takes anything off."""
    return any(amount for sides in crop for amount, _ in sides)


def is_folded(crop: Crop) -> bool:
    """Return whether a crop adds what it takes off to other values."""
    return any(amount and fill[0] != "zeros" for sides in crop for amount, fill in sides)
