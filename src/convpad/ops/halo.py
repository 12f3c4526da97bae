"""The halo of a padded input: its padding as thin boxes, with the outputs and the taps that read each.

The padded input is the zero-padded input plus one slab for each side of each axis. A convolution is linear, so its
output is the sum of theirs. A slab is thin: few outputs read it, and these with few of their taps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from convpad.core.modes import Mode
from convpad.core.problem import Problem
from convpad.core.window import Window

Range = tuple[int, int]
"""(first, stop)."""


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring positions outside of an axis, each the weighted sum of one value from every part.

    Args:
        length: the number of positions.
        parts: (start, weight, step): position i of the run takes ``weight * inside[start + i * step]``, and the
            step is 1, 0 or -1.
    """

    length: int
    parts: tuple[tuple[int, int, int], ...]

    @property
    def source(self) -> Range:
        """The range of positions inside that the run reads."""
        ends = [position for start, _, step in self.parts for position in (start, start + step * (self.length - 1))]
        return min(ends), max(ends) + 1

    def moved(self, offset: int) -> Run:
        """Return the run for an axis whose first value stands at `offset`."""
        return replace(self, parts=tuple((start + offset, weight, step) for start, weight, step in self.parts))


@lru_cache(maxsize=4096)
def runs(mode: Mode, start: int, stop: int, size: int) -> tuple[Run, ...]:
    """Return the positions from start up to stop, outside of an axis of that size, as the fewest runs."""
    result: list[Run] = []
    while start < stop:
        first = mode.terms(start, size)
        steps = (0,) * len(first)
        length = 1
        while start + length < stop:
            terms = mode.terms(start + length, size)
            if [weight for _, weight in terms] != [weight for _, weight in first]:
                break
            offsets = tuple(index - begin for (index, _), (begin, _) in zip(terms, first, strict=True))
            if length == 1 and all(abs(step) <= 1 for step in offsets):
                steps = offsets
            if offsets != tuple(step * length for step in steps):
                break
            length += 1
        result.append(Run(length, tuple((*term, step) for term, step in zip(first, steps, strict=True))))
        start += length
    return tuple(result)


@dataclass(frozen=True, slots=True)
class Slab:
    """The padding at one end of an axis, as far as windows read it.

    Args:
        axis: the spatial axis across which it is thin, counted from 0.
        after: whether it is the end of the axis.
        extent: its range along every axis, counted from the axis' first value: along earlier axes with their padding,
            along later ones without.
        zeros: along every axis, the counts of zeros (before, after) that a convolution of the slab alone needs.
        outputs: the range of the outputs along `axis` whose windows read it.
        taps: the range of the taps along `axis` that do.
        source: the range of the values along `axis` that it copies; empty for a constant.
        runs: how it is made of these values.
    """

    axis: int
    after: bool
    extent: tuple[Range, ...]
    zeros: tuple[tuple[int, int], ...]
    outputs: Range
    taps: Range
    source: Range
    runs: tuple[Run, ...]


def _readers(window: Window, after: bool) -> tuple[Range, Range, Range] | None:
    """Return the outputs and the taps of a window that read the padding on one side, and the range they read together.

    Where the range enters the axis, the slab is filled with zeros.
    """
    size, before, count = window.size or 0, window.before or 0, window.output or 0
    if after:
        last_start = (count - 1) * window.stride - before
        first = max((size + before - window.span) // window.stride + 1, 0)
        outputs = first, count
        taps = max(-(-(size - last_start) // window.dilation), 0), window.kernel
    else:
        outputs = 0, min(-(-before // window.stride), count)
        taps = 0, min(-(-before // window.dilation), window.kernel)
    if outputs[0] >= outputs[1] or taps[0] >= taps[1]:
        return None
    start = outputs[0] * window.stride - before + taps[0] * window.dilation
    stop = (outputs[1] - 1) * window.stride - before + (taps[1] - 1) * window.dilation + 1
    return outputs, taps, (start, stop)


def _across(mode: Mode, window: Window, modes: tuple[Mode, Mode], earlier: bool) -> tuple[Range, tuple[int, int]]:
    """Return the extent of a slab of that mode along another axis, and the zeros around it there."""
    size, before, after = window.size or 0, window.before or 0, window.after or 0
    # A corner belongs to the later axis. Where the earlier axis pads with zeros, a copy of its padding is zeros, too.
    if earlier and (not mode.copies_input or any(other.copies_input or other.takes_value for other in modes)):
        return (-before, size + after), (0, 0)
    return (0, size), (before, after)


@lru_cache(maxsize=4096)
def halo(problem: Problem) -> tuple[Slab, ...]:
    """Return the slabs of a problem that are not zeros, as far as they are read."""
    return tuple(_slabs(problem))


def _slabs(problem: Problem) -> Iterator[Slab]:
    for axis, (window, modes) in enumerate(zip(problem.windows, problem.modes, strict=True)):
        for after, mode in enumerate(modes):
            readers = _readers(window, bool(after)) if mode.copies_input or mode.takes_value else None
            if readers is not None:
                yield _slab(problem, axis, bool(after), *readers)


def _slab(problem: Problem, axis: int, after: bool, outputs: Range, taps: Range, read: Range) -> Slab:
    mode, size, (start, stop) = problem.modes[axis][after], problem.windows[axis].size or 0, read
    filled = (max(start, size), stop) if after else (start, min(stop, 0))
    rows = [
        (filled, (filled[0] - start, stop - filled[1]))
        if other == axis
        else _across(mode, window, problem.modes[other], other < axis)
        for other, window in enumerate(problem.windows)
    ]
    slab_runs = runs.__wrapped__(mode, *filled, size) if mode.copies_input else ()  # remembered with the slab
    ranges = [run.source for run in slab_runs]
    source = min([first for first, _ in ranges], default=0), max([last for _, last in ranges], default=0)
    return Slab(
        axis=axis,
        after=after,
        extent=tuple(extent for extent, _ in rows),
        zeros=tuple(zeros for _, zeros in rows),
        outputs=outputs,
        taps=taps,
        source=source,
        runs=tuple(run.moved(-source[0]) for run in slab_runs),
    )


def halo_share(problem: Problem) -> float:
    """Return the multiplications that the slabs cost, as a share of the whole operation's."""
    windows = problem.windows
    return sum(
        (slab.outputs[1] - slab.outputs[0])
        * (slab.taps[1] - slab.taps[0])
        / (max(windows[slab.axis].output or 0, 1) * windows[slab.axis].kernel)
        for slab in halo(problem)
    )
