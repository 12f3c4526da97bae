"""Recognition of paddings: the modes and amounts that give the places of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from convpad.core.fills import Fill
from convpad.core.modes import MODES
from convpad.models.readers.movement import PER_CHANNEL, Place, Places, filled, through

Side = tuple[int, Fill]
"""(amount, fill) of a padding on one side."""

_NOTHING: Side = (0, ("zeros", None))
_MOST_TRIALS = 200


@dataclass(frozen=True, slots=True)
class AxisPaddings:
    """The paddings of one axis.

    Args:
        part: the indices of the axis that are padded: all, or some at even steps.
        sides: (before, after) of each padding, from the inside out.
    """

    part: range
    sides: tuple[tuple[Side, Side], ...]


def recognise(places: Places, preferred: Sequence[str] = ()) -> AxisPaddings | None:
    """Return the paddings that give these places of a part of an axis; None where there are none.

    Args:
        preferred: modes that are named first, where several give the same.
    """
    start, stop = _inside(places)
    if start == stop:
        return None
    modes = [MODES[name] for name in dict.fromkeys([*preferred, "reflect", "replicate", *MODES])]
    names = [mode.name for mode in modes if mode.copies_input]
    sides = _peeled(places, start, stop, names, [_MOST_TRIALS])
    return None if sides is None else AxisPaddings(_part(places, start, stop), tuple(sides))


def _part(places: Places, start: int, stop: int) -> range:
    """Return the indices that places from `start` to `stop` copy, at even steps."""
    first, last = places[start][0][0][0], places[stop - 1][0][0][0]
    return range(first, last + 1, (last - first) // max(stop - start - 1, 1) or 1)


def _peeled(
    places: Places, first: int, last: int, names: Sequence[str], trials: list[int]
) -> list[tuple[Side, Side]] | None:
    """Return the paddings around places from first to last, from the inside out; None where there are none."""
    if first == 0 and last == len(places):
        return []
    trials[0] -= 1
    if trials[0] < 0:
        return None
    inner = places[first:last]
    before = _longest([*reversed(places[:first])], inner, names, -1)
    after = _longest(list(places[last:]), inner, names, 1)
    # Both sides at once; or one of them, and the other is made of more than is there yet.
    choices = [(before, after), (before, _NOTHING), (_NOTHING, after)]
    for one, other in dict.fromkeys(choices if before[0] and after[0] else choices[:1]):
        if not one[0] and not other[0]:
            continue
        rest = _peeled(places, first - one[0], last + other[0], names, trials)
        if rest is not None:
            return [(one, other), *rest]
    return None


def _inside(places: Places) -> tuple[int, int]:
    """Return the first index, and the last plus one, of the places that are the axis itself: the longest even run."""
    indices = [_copied_index(place) for place in places]
    best, start = (0, 0, 0), 0
    while start < len(indices):
        stop = start + (indices[start] is not None)
        step = _rise(indices, start)
        while stop > start and step > 0 and stop < len(indices) and _rise(indices, stop - 1) == step:
            stop += 1
        centred = -abs(start - (len(indices) - stop))
        best = max(best, (stop - start, centred, start))
        start = max(stop - 1, start + 1)  # the last of a run may be the first of the next
    length, _, start = best
    return start, start + length


def _copied_index(place: Place) -> int | None:
    terms, constant = place
    return terms[0][0] if constant == 0 and len(terms) == 1 and terms[0][1] == 1 else None


def _rise(indices: Sequence[int | None], at: int) -> int:
    """Return the difference of an index and the next one; 0 where there are no two."""
    pair = indices[at : at + 2]
    return 0 if len(pair) < 2 or pair[0] is None or pair[1] is None else pair[1] - pair[0]


def _longest(outside: list[Place], inner: Places, names: Sequence[str], side: int) -> Side:
    """Return the padding that gives most of the places on one side, which are listed from the inside out."""
    best = _NOTHING
    if outside and not outside[0][0]:
        constant = outside[0][1]
        amount = next((i for i, place in enumerate(outside) if place != filled(constant)), len(outside))
        value = constant if isinstance(constant, (int, float)) else None
        if isinstance(constant, tuple) and constant[0] == PER_CHANNEL:
            value = constant[1]
        best = amount, ("zeros", None) if constant == 0 else ("constant", value)
    for name in names:
        amount = 0
        for index, place in enumerate(outside):
            position = -1 - index if side < 0 else len(inner) + index
            if through(((MODES[name].terms(position, len(inner)), 0),), inner)[0] != place:
                break
            amount = index + 1
        if amount > best[0]:
            best = amount, (name, None)
    return best


def evenly_taken(places: Places) -> range | None:
    """Return the indices of a part of an axis in its order at even steps; None for anything else."""
    start, stop = _inside(places)
    return None if not places or stop - start < len(places) else _part(places, start, stop)


def unscaled(places: Places) -> Places:
    """Return the places of an axis all of whose values were multiplied by one number before they were moved."""
    weights = {terms[0][1] for terms, _ in places if len(terms) == 1}
    copies = {sum(weight for _, weight in terms) for terms, _ in places if terms}
    if len(weights) != 1 or len(copies) != 1 or copies != weights or 1 in weights:
        return places
    factor = weights.pop()
    return tuple((tuple((index, weight / factor) for index, weight in terms), constant) for terms, constant in places)
