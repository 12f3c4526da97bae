"""Values that a window reads: what stands at each place that it reaches, whatever the modes are called."""

from __future__ import annotations

from collections.abc import Hashable

from convpad.core.errors import PaddingError
from convpad.core.fills import Fill, normalised_fills
from convpad.core.modes import MODES
from convpad.models.readers.movement import LONGEST_AXIS, Movement, Place, copied, filled
from convpad.models.readers.walk import window_at
from convpad.models.windows import LOWEST, PaddedWindow, Shape

_NOTHING: Hashable = ("nothing",)


def with_sizes(window: PaddedWindow, sizes: Shape) -> PaddedWindow:
    """Return a window whose unknown sizes of the input are those of another; itself where it does not fit them."""
    known = [own if own is not None else other for own, other in zip(window.input, sizes, strict=True)]
    if tuple(known) == window.input:
        return window
    pads = [sum(sum(pad.pairs[axis]) for pad in window.pads) for axis in range(len(known))]
    try:
        return window_at(window, [None if size is None else size + pad for size, pad in zip(known, pads, strict=True)])
    except PaddingError:
        return window


def as_read(window: PaddedWindow, fill: Fill) -> Fill:
    """Return a fill, or an equal one: to a max pool zeros beside values that are not negative are nothing."""
    mode, value = fill
    is_lowest = mode == "constant" and isinstance(value, (int, float)) and value <= LOWEST
    if window.op == "max_pool" and (is_lowest or (mode == "zeros" and window.nonnegative)):
        return "ignore", None
    return fill


def values_read(window: PaddedWindow) -> Movement | None:
    """Return what stands at the places that a window reads, in their order; None where a size is not known."""
    sizes = [size for size in window.input if size is not None]
    if len(sizes) != len(window.input) or max(sizes, default=0) > LONGEST_AXIS or window.amounts is None:
        return None
    movement = Movement.start("input", sizes)
    own = normalised_fills(window.padding)
    layers = [(pad.pairs, pad.fills) for pad in window.pads]
    layers.append((tuple((w.before or 0, w.after or 0) for w in window.problem.windows), own))
    for pairs, fills in layers:
        for axis, (pair, both) in enumerate(zip(pairs, fills, strict=True)):
            size = movement.size(axis)
            before = [_place(as_read(window, both[0]), place, size) for place in range(-pair[0], 0)]
            after = [_place(as_read(window, both[1]), size + place, size) for place in range(pair[1])]
            movement = movement.moved(axis, (*before, *map(copied, range(size)), *after))
    for axis, whole in enumerate(window.windows):
        padded, size = sum(pairs[axis][0] for pairs, _ in layers), movement.size(axis)
        starts = range(0, (whole.output or 0) * whole.stride, whole.stride)
        taps = range(0, whole.kernel * whole.dilation, whole.dilation)
        read = sorted({start + tap - (whole.before or 0) for start in starts for tap in taps})
        places = [copied(padded + at) if -padded <= at < size - padded else filled(_NOTHING) for at in read]
        movement = movement.moved(axis, tuple(places))
    return movement


def _place(fill: Fill, position: int, size: int) -> Place:
    """Return what a fill puts at a position beyond an axis."""
    mode, value = fill
    if mode == "ignore":
        return filled(_NOTHING)
    if mode == "constant":
        return filled(value if isinstance(value, (int, float)) else ("value", repr(value)))
    return MODES[mode].terms(position, size), 0
