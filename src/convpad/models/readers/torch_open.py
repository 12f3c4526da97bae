"""Reading of a PyTorch program with open sizes: it is read at several sizes, and what holds at all of them is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from convpad.core.amounts import AMOUNTS, Amount, explicit
from convpad.core.errors import PaddingError
from convpad.core.fills import Fill, normalised_fills
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.models.diff import differs
from convpad.models.readers.torch_graph import Graph
from convpad.models.readers.torch_sizes import Samples, at_sizes
from convpad.models.readers.walk import unread_entry, window_at
from convpad.models.values_read import values_read, with_sizes
from convpad.models.windows import LOWEST, ModelWindows, Pad, PaddedWindow

_FOLLOWS = "its amounts follow the size of the input as no word for an amount does"
_UNSURE = "its amounts follow the size of the input in more ways than were tried"
_WORDS = ("same", "same_lower")
"""The words for amounts that follow the size."""

Key = tuple[str, str, int]
"""(name, class, number among those of this name and class) of a window: the same at all sizes."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One window as it was read at some sizes.

    Args:
        window: with its open sizes.
        at: with the sizes at which it was read.
    """

    window: PaddedWindow
    at: PaddedWindow


Read = Callable[[Graph], tuple[ModelWindows, Sequence[Sequence[int | None]]]]
"""graph -> (reading, the sizes of the padded input of each window): the reader of a program without symbols."""


def read_open(graph: Graph, samples: Samples, read: Read) -> ModelWindows | None:
    """Read a program at several sizes, and return what holds at all of them; None where it cannot be read at two."""
    readings: list[ModelWindows] = []
    sightings: list[dict[Key, Sighting]] = []
    for sizes in samples.rows:
        try:
            reading, padded = read(at_sizes(graph, sizes))
            at = [window_at(window, axes) for window, axes in zip(reading.windows, padded, strict=True)]
        except PaddingError:  # at these sizes a window does not fit
            continue
        readings.append(reading)
        sightings.append(dict(zip(_keys(reading.windows), map(Sighting, reading.windows, at), strict=True)))
    if len(readings) < 2:
        return None
    unread = list(dict.fromkeys(entry for reading in readings for entry in reading.unsupported))
    windows: list[PaddedWindow] = []
    for key in dict.fromkeys(key for rows in sightings for key in rows):
        rows = [seen[key] for seen in sightings if key in seen]
        if len(rows) < len(sightings) or len({_moves(row.window) for row in rows}) > 1:
            unread.append(unread_entry(*key[:2], "its window depends on the size of the input"))
            continue
        window = common_window(rows)
        if window.is_unread and not any(row.window.is_unread for row in rows):
            unread.append(unread_entry(*key[:2], _FOLLOWS))
        elif not samples.cover_all and not window.is_unread and not _same_config(rows):
            unread.append(unread_entry(*key[:2], _UNSURE))
            window = replace(window, is_unread=True)
        windows.append(window)
    unattached = tuple(_common_pads(readings, unread))
    unsupported = tuple(dict.fromkeys(unread))
    return replace(readings[0], windows=tuple(windows), unattached=unattached, unsupported=unsupported)


def _keys(windows: Sequence[PaddedWindow]) -> Iterator[Key]:
    counts = Counter[tuple[str, str]]()
    for window in windows:
        counts[window.name, window.layer] += 1
        yield window.name, window.layer, counts[window.name, window.layer]


def _moves(window: PaddedWindow) -> tuple[object, ...]:
    config = window.config
    numbers = (config.kernel, config.strides, config.dilation, config.groups, config.filters)
    return (config.op, *numbers, repr(config.output_padding), config.ceil_mode)


def _same_config(rows: Sequence[Sighting]) -> bool:
    """Return whether no layer pads ahead of a window, and its own padding is the same at all sizes."""
    return not any(row.window.pads for row in rows) and len({row.window.padding for row in rows}) == 1


def common_window(rows: Sequence[Sighting]) -> PaddedWindow:
    """Return a window with the padding that it has at all sizes; with one that is unread where there is none."""
    first = rows[0].window
    if any(row.window.is_unread for row in rows) or len({row.window.cuts for row in rows}) > 1:
        return replace(first, is_unread=True)
    if all(row.window == first for row in rows):
        return first
    fullest = max(rows, key=_padded_sides).window
    for candidate in (fullest, _with_words(fullest, rows)):
        if candidate is not None and all(_explains(candidate, row.at) for row in rows):
            return candidate
    return replace(first, is_unread=True)


def _padded_sides(row: Sighting) -> tuple[int, int]:
    """Return how many sides are padded, and the least size: the more, the less ambiguous are the modes."""
    amounts = row.at.amounts or ()
    return sum(map(bool, sum(amounts, ()))), min((size or 0 for size in row.at.input), default=0)


def _explains(candidate: PaddedWindow, seen: PaddedWindow) -> bool:
    """Return whether a window puts the values under its taps that were seen there at some sizes."""
    at = with_sizes(candidate, seen.input)
    if (at.input, at.output, at.cuts) != (seen.input, seen.output, seen.cuts):
        return False
    if not differs(at, seen):
        return True
    # A short axis is padded as if it began elsewhere, by values that are the same.
    values = None if at.op == "conv_transpose" else values_read(at)
    return values is not None and values == values_read(seen)


def _with_words(window: PaddedWindow, rows: Sequence[Sighting]) -> PaddedWindow | None:
    """Return a window whose padding, with that of the layers ahead of it, is its own; amounts that vary are words.

    None where no word gives the amounts, or no single padding is that of all layers.
    """
    merged = [row.at.merged_padding for row in rows]
    paddings = [padding for padding in merged if padding is not None]
    if len(paddings) < len(rows) or window.op == "conv_transpose":
        return None
    amounts, fills = list[Amount](), list[tuple[Fill, Fill]]()
    for axis in range(paddings[0].rank):
        windows = [row.at.windows[axis] for row in rows]
        amount = _amount(windows)
        if amount is None:
            return None
        amounts.append(amount)
        pairs = [(each.before or 0, each.after or 0) for each in windows]
        # The name of a mode is surest where it pads most.
        most = [max(range(len(pairs)), key=lambda row, side=side: pairs[row][side]) for side in (0, 1)]
        before, after = (normalised_fills(paddings[row])[axis][side] for side, row in enumerate(most))
        fills.append((_named(before, window.op), _named(after, window.op)))
    modes = tuple((MODES[before[0]], MODES[after[0]]) for before, after in fills)
    padding = Padding(tuple(amounts), modes, tuple((before[1], after[1]) for before, after in fills))
    config, shape = replace(window.config, padding=padding), list(window.problem.input_shape)
    for axis, size in zip(window.problem.axes, window.input, strict=True):
        shape[axis] = size
    nothing = replace(padding, amounts=(explicit(0, 0),) * padding.rank)
    pads = tuple(replace(pad, padding=nothing, copied_bytes=None) for pad in window.pads)
    return replace(window, config=config, problem=config.problem(shape), pads=pads)


def _named(fill: Fill, op: str) -> Fill:
    """Return a fill; `ignore` for the lowest number, which a max pool never takes."""
    is_lowest = fill[0] == "constant" and isinstance(fill[1], (int, float)) and fill[1] <= LOWEST
    return ("ignore", None) if is_lowest and op == "max_pool" else fill


def _amount(axes: Sequence[Window]) -> Amount | None:
    """Return the amount that gives (before, after) of one axis at all sizes; None for none."""
    pairs = {(axis.before or 0, axis.after or 0) for axis in axes}
    if len(pairs) == 1:
        return explicit(*pairs.pop())
    for word in _WORDS:
        amount = AMOUNTS[word]
        if all(amount.pair_for(axis.size, axis.span, axis.stride) == (axis.before, axis.after) for axis in axes):
            return amount
    return None


def _common_pads(readings: Sequence[ModelWindows], unread: list[str]) -> Iterator[Pad]:
    """Yield the layers that pad ahead of no window, by the same amounts at all sizes; note those that do not."""
    rows = [{pad.name: pad for pad in reading.unattached} for reading in readings]
    for name in dict.fromkeys(name for row in rows for name in row):
        pads = [row[name] for row in rows if name in row]
        if len(pads) == len(rows) and all(pad == pads[0] for pad in pads):
            yield pads[0]
        else:
            unread.append(unread_entry(name, pads[0].layer, _FOLLOWS))
