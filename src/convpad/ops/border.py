"""How does a border come right without a padded copy? The zero-padded operation, then its border mended.

Constants: what they add to an output depends on where the window stands, not on the input, and far from the border
not even on that. So it is computed once, on the smallest input that has every such place, and added to the bands.
Modes that copy: the outputs of the bands are computed again, each from a thin padded strip.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from convpad.ops._backends import Backend, Pairs, Tensor
from convpad.ops.bands import Band, bands, thickness
from convpad.ops.coverage import renormalised
from convpad.ops.pad import Values, extend, extend_strip
from convpad.ops.plan import Plan, Route, padded_modes
from convpad.problem import Problem

__all__ = ["Operation", "bordered"]

Operation = Callable[[Tensor, Pairs], Tensor]
"""A convolution or a pool of a tensor, padded with so many zeros."""


def bordered(backend: Backend, plan: Plan, values: Values, x: Tensor, run: Operation) -> Tensor:
    """What the operation gives for `x` padded as the plan's problem says, by its route."""
    problem = plan.problem
    modes = padded_modes(problem)
    mended = any(mode.copies or mode.carries_value for mode in modes)
    if plan.materialises or (plan.route is Route.TAPS and mended and backend.taps_of_whole(problem.strides)):

        def whole(x: Tensor) -> Tensor:
            padded = extend(backend, x, problem, values)
            with backend.remaking(padded, lambda: extend(backend, x, problem, values), x):
                return run(padded, [(0, 0)] * problem.rank)

        out = backend.recomputing(whole)(x)
    else:
        out = run(x, plan.pads)
        copied = plan.route is Route.BORDER or any(mode.copies for mode in modes)
        if copied:
            out = _recomputed(backend, out, problem, values, x, run)
        elif mended:
            out = _offset(backend, out, problem, values, x, run)
    return renormalised(backend, out, x, problem)


def _box(problem: Problem, band: Band) -> tuple[slice, ...]:
    """Where the outputs of a band are in the output."""
    return (slice(None),) * problem.axes[band.axis] + (slice(*band.outputs),)


def _recomputed(backend: Backend, out: Tensor, problem: Problem, values: Values, x: Tensor, run: Operation) -> Tensor:
    for band in backend.settled(bands, problem):
        strip = extend_strip(backend, x, problem, values, band)
        out = backend.put(out, _box(problem, band), run(strip, [(0, 0)] * problem.rank))
    return out


@lru_cache(maxsize=4096)
def _smallest(problem: Problem) -> Problem:
    """The same windows on axes just long enough for one output clear of the padding, if there is any."""
    windows = tuple(
        replace(window, size=(window.size or 0) - window.stride * max((window.output or 0) - low - high - 1, 0))
        for window, (low, high) in zip(problem.windows, thickness(problem), strict=True)
    )
    return replace(problem, windows=windows)


def _offset(backend: Backend, out: Tensor, problem: Problem, values: Values, x: Tensor, run: Operation) -> Tensor:
    small = backend.settled(_smallest, problem)
    shape = [1] * (problem.rank + 2)
    shape[problem.channel_axis] = backend.size(x, problem.channel_axis)
    for axis, window in zip(problem.axes, small.windows, strict=True):
        shape[axis] = window.size or 0
    frame = extend(backend, backend.zeros(shape, x), small, values)
    offsets = run(frame, [(0, 0)] * problem.rank)
    added = offsets
    for place, axis in enumerate(problem.axes):
        for band in (band for band in backend.settled(bands, problem) if band.axis == place):
            part = added
            for other, across in enumerate(problem.axes):
                outputs = band.outputs if other == place else (0, problem.windows[other].output or 0)
                part = _grown(backend, part, across, problem, small, other, outputs)
            out = backend.add(out, _box(problem, band), part)
        added = _cleared(backend, added, axis, *thickness(problem)[place])
    return out


def _cleared(backend: Backend, offsets: Tensor, axis: int, low: int, high: int) -> Tensor:
    """With zeros where the bands of this axis have added theirs, so that those of later axes do not at the corners."""
    size = offsets.shape[axis]
    parts: list[Tensor] = []
    for first, stop, clear in ((0, low, False), (low, size - high, True), (max(low, size - high), size, False)):
        if first < stop:
            shape = [stop - first if other == axis else count for other, count in enumerate(offsets.shape)]
            lead = (slice(None),) * axis
            parts.append(
                backend.slices(offsets, (*lead, slice(first, stop))) if clear else backend.zeros(shape, offsets)
            )
    return backend.concat(parts, axis)


def _grown(
    backend: Backend, offsets: Tensor, axis: int, problem: Problem, small: Problem, place: int, outputs: tuple[int, int]
) -> Tensor:
    """One axis of the small input's outputs as that of the whole: the output clear of the padding again and again."""
    low, _ = thickness(problem)[place]
    first, stop = outputs
    more = (problem.windows[place].output or 0) - (small.windows[place].output or 0)

    def cut(start: int, end: int) -> list[Tensor]:
        return [backend.slices(offsets, (slice(None),) * axis + (slice(start, end),))] if start < end else []

    if not more:
        return cut(first, stop)[0]
    middle = [backend.stretch(clear, axis, more + 1, offsets) for clear in cut(low, low + 1) if first <= low < stop]
    parts = [*cut(first, min(stop, low)), *middle, *cut(max(first - more, low + 1), stop - more)]
    return backend.concat(parts, axis) if len(parts) > 1 else parts[0]
