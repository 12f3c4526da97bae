"""What stands outside? The padding as boxes, in integers, with the outputs and the taps that meet each.

The padded input is the sum of the input, with zeros around it, and of a slab on each side of each axis. A convolution
is linear: so is its answer. A slab is thin, few outputs meet it, and these with few of their taps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from convpad.core.modes import Mode
from convpad.core.problem import Problem
from convpad.core.window import Window
from convpad.ops.runs import Run, runs

__all__ = ["Slab", "slab_share", "slabs"]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Slab:
    """The padding at one end of an axis, as far as windows read it.

    Args:
        axis: the spatial axis across which it is thin, counted from 0.
        after: whether it is the end of the axis.
        places: (start, stop) of what it holds along every axis, counted from the axis' first value: along earlier axes
            their padding too, along later ones not.
        zeros: along every axis, how many zeros before and after it a convolution of it alone needs.
        outputs: (first, stop) of the outputs along that axis whose windows meet it.
        taps: (first, stop) of the taps along that axis that do.
        source: (first, stop) of the values along that axis that it copies; none of a constant.
        runs: how it is made of these.
    """

    axis: int
    after: bool
    places: tuple[Range, ...]
    zeros: tuple[Range, ...]
    outputs: Range
    taps: Range
    source: Range
    runs: tuple[Run, ...]


def _met(window: Window, after: bool) -> tuple[Range, Range, Range] | None:
    """The outputs and the taps of a window that meet the padding on one side, and what they read together.

    What they read may begin, or end, inside the axis: there, this side has zeros.
    """
    size, before, outputs = window.size or 0, window.before or 0, window.output or 0
    if after:
        last = (outputs - 1) * window.stride - before
        first = max((size + before - window.span) // window.stride + 1, 0)
        met, taps = (first, outputs), (max(-(-(size - last) // window.dilation), 0), window.kernel)
    else:
        met, taps = (
            (0, min(-(-before // window.stride), outputs)),
            (0, min(-(-before // window.dilation), window.kernel)),
        )
    if met[0] >= met[1] or taps[0] >= taps[1]:
        return None
    start = met[0] * window.stride - before + taps[0] * window.dilation
    stop = (met[1] - 1) * window.stride - before + (taps[1] - 1) * window.dilation + 1
    return met, taps, (start, stop)


def _across(mode: Mode, window: Window, modes: tuple[Mode, Mode], earlier: bool) -> tuple[Range, Range]:
    """What a slab of that mode holds along another axis, and the zeros around it there."""
    size, before, after = window.size or 0, window.before or 0, window.after or 0
    # A corner is the later axis' to decide. What it copies there are zeros where the earlier axis pads with zeros.
    if earlier and (not mode.copies or any(each.copies or each.carries_value for each in modes)):
        return (-before, size + after), (0, 0)
    return (0, size), (before, after)


@lru_cache(maxsize=4096)
def slabs(problem: Problem) -> tuple[Slab, ...]:
    """The slabs that are not zeros, as far as they are read.

    Example:

    >>> import convpad
    >>> from convpad.ops.slabs import slabs
    >>> plan = convpad.plan((1, 9, 9, 1), (3, 3, 1, 1), padding="same", padding_mode=("zeros", ("zeros", "circular")))
    >>> [(slab.axis, slab.places, slab.outputs, slab.taps, slab.source) for slab in slabs(plan.problem)]
    [(1, ((0, 9), (9, 10)), (8, 9), (2, 3), (0, 1))]
    """
    return tuple(_slabs(problem))


def _slabs(problem: Problem) -> Iterator[Slab]:
    for axis, (window, modes) in enumerate(zip(problem.windows, problem.modes, strict=True)):
        size = window.size or 0
        for after, mode in enumerate(modes):
            found = _met(window, bool(after)) if mode.copies or mode.carries_value else None
            if found is None:
                continue
            outputs, taps, (start, stop) = found
            held = (max(start, size), stop) if after else (start, min(stop, 0))
            rows = [
                _across(mode, each, problem.modes[place], place < axis)
                if place != axis
                else (held, (held[0] - start, stop - held[1]))
                for place, each in enumerate(problem.windows)
            ]
            made = runs.__wrapped__(mode, *held, size) if mode.copies else ()  # remembered with the slab
            read = [run.sources for run in made]
            source = min([first for first, _ in read], default=0), max([stop for _, stop in read], default=0)
            yield Slab(
                axis,
                bool(after),
                tuple(row[0] for row in rows),
                tuple(row[1] for row in rows),
                outputs,
                taps,
                source,
                tuple(run.moved(-source[0]) for run in made),
            )


def slab_share(problem: Problem) -> float:
    """The multiplications that slabs cost, as a share of the whole operation's."""
    windows = problem.windows
    return sum(
        (slab.outputs[1] - slab.outputs[0])
        * (slab.taps[1] - slab.taps[0])
        / (max(windows[slab.axis].output or 0, 1) * windows[slab.axis].kernel)
        for slab in slabs(problem)
    )
