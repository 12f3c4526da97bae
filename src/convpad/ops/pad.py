"""How is a tensor extended? The extension rule on tensors of any backend.

A side is made of runs: positions that follow each other and are made alike are one slice (forwards, backwards
or one value stretched), times its weight.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from convpad.backends import Backend, Tensor
from convpad.core.modes import Mode
from convpad.core.problem import Problem
from convpad.ops.dispatch import Way, answer
from convpad.ops.plan import Plan
from convpad.ops.runs import Run, runs
from convpad.ops.slabs import Slab

__all__ = ["Values", "extend", "extended_mask", "fold", "has_tensors", "pad", "slab_filled"]

Values = tuple[tuple[Any, Any], ...]


def has_tensors(values: Values) -> bool:
    """Whether a constant is a tensor, which may have a gradient."""
    return not all(isinstance(value, (int, float, tuple, type(None))) for pair in values for value in pair)


def _cut(backend: Backend, x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    return backend.slices(x, (slice(None),) * axis + (slice(start, stop),))


def _weighted(backend: Backend, x: Tensor, axis: int, weights: Any) -> Tensor:
    """`x` times one int, or one weight for each place of an axis."""
    if isinstance(weights, int):
        return x if weights == 1 else x * backend.tensor(np.asarray(weights), x)
    shape = tuple(slice(None) if other == axis else None for other in range(len(x.shape)))
    return x * backend.tensor(weights, x)[shape]


def _sum(parts: list[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _drawn(backend: Backend, x: Tensor, axis: int, run: Run) -> Tensor:
    """One run, cut out of `x`."""
    parts: list[Tensor] = []
    for start, weight, step in run.parts:
        if step == 0:
            part = _cut(backend, x, axis, start, start + 1)
            part = part if run.length == 1 else backend.stretch(part, axis, run.length, x)
        elif step == 1:
            part = _cut(backend, x, axis, start, start + run.length)
        else:
            part = backend.flip(_cut(backend, x, axis, start - run.length + 1, start + 1), axis)
        parts.append(_weighted(backend, part, axis, weight))
    return _sum(parts)


def _gathered(backend: Backend, x: Tensor, axis: int, mode: Mode, positions: Tensor, size: Any) -> Tensor:
    """The same for a size that is only known when it runs: the rule itself, on a tensor of positions."""
    terms = mode.rule(positions, size)
    return _sum([_weighted(backend, backend.gather(x, axis, index), axis, weights) for index, weights in terms])


def _filled(backend: Backend, x: Tensor, problem: Problem, place: int, count: Any, value: Any) -> Tensor:
    """`count` places of a constant along an axis: one number, or one per channel; None is 0."""
    value = backend.tensor(0 if value is None else value, x)
    shape: list[slice | None] = [None] * len(x.shape)
    if len(value.shape):
        shape[problem.channel_axis] = slice(None)
    return backend.stretch(value[tuple(shape)], problem.axes[place], count, x)


def extend(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    """`x` padded as the problem says, axis after axis, so that at a corner the later axis decides.

    `values` is what a side that copies nothing is filled with; None is 0.
    """
    whole = backend.extended(x, problem, values, own=True)
    if whole is not None:
        return whole
    if not problem.known or has_tensors(values):
        return _extended_whole(backend, x, problem, values)
    return backend.with_gradient(
        lambda x: _extended_whole(backend, x, problem, values),
        lambda gradient: fold(backend, gradient, problem),
        x,
        shared=problem.op == "pad",
    )


def _extended_whole(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    whole = backend.extended(x, problem, values, own=False)
    if whole is not None:
        return whole
    if backend.updates_in_place(x) and problem.known:
        return _extended_in_place(backend, x, problem, values)
    for place, axis in enumerate(problem.axes):
        window, amount = problem.windows[place], problem.amounts[place]
        size = window.size if window.size is not None else backend.size(x, axis)
        before, after = window.before, window.after
        if before is None or after is None:
            before, after = amount.pad(size, window.span, window.stride)
        x = _extended(backend, x, problem, values, place, size, before, after)
    return x


def _extended_in_place(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    """Zeros all around, made once; then, side by side, what belongs there instead."""
    out = backend.widened(x, problem.axes, problem.pads)
    constants = any(value is not None for pair in values for value in pair)
    for place, axis in enumerate(problem.axes):
        size, (before, after) = problem.windows[place].size or 0, problem.pads[place]
        ends = ((-before, 0), (size, size + after))
        for (start, stop), mode, value in zip(ends, problem.modes[place], values[place], strict=True):
            at = before + start
            if start < stop and not mode.copies and constants:  # zeros too: an earlier axis' constant is there
                box = (slice(None),) * axis + (slice(at, before + stop),)
                out = backend.put(out, box, _filled(backend, out, problem, place, stop - start, value))
            for run in backend.settled(runs, mode, start, stop, size) if mode.copies else ():
                box = (slice(None),) * axis + (slice(at, at + run.length),)
                out = backend.put(out, box, _drawn(backend, out, axis, run.moved(before)))
                at += run.length
    return out


def slab_filled(backend: Backend, source: Tensor, problem: Problem, values: Values, slab: Slab) -> Tensor:
    """The slab itself, with the zeros around it that a convolution of it alone needs.

    One that copies is made of `source`; along its own axis first, as order makes no difference to copies, whose weights
    add up to 1. Constants are the same for all images: their slab has a batch of 1.
    """
    axis = problem.axes[slab.axis]
    if slab.runs:
        drawn = [_drawn(backend, source, axis, run) for run in slab.runs]
        filled = backend.concat(drawn, axis) if len(drawn) > 1 else drawn[0]
        for place, ((start, stop), window) in enumerate(zip(slab.places, problem.windows, strict=True)):
            if place != slab.axis and (start, stop) != (0, window.size):
                size = window.size or 0
                filled = _extended(backend, filled, problem, values, place, size, -start, stop - size)
    else:
        shape = [1] * len(source.shape)
        shape[problem.channel_axis] = source.shape[problem.channel_axis]
        for other, (start, stop) in zip(problem.axes, slab.places, strict=True):
            shape[other] = stop - start
        zeros = backend.zeros(shape, source)
        filled = zeros + _filled(backend, zeros, problem, slab.axis, shape[axis], values[slab.axis][slab.after])
    return backend.widened(filled, problem.axes, slab.zeros) if any(map(any, slab.zeros)) else filled


def _extended(
    backend: Backend, x: Tensor, problem: Problem, values: Values, place: int, size: Any, before: Any, after: Any
) -> Tensor:
    """One axis, longer by these counts."""
    axis, known = problem.axes[place], problem.windows[place].known
    ends = ((-before, 0), (size, size + after))
    sides: list[list[Tensor]] = []
    for (start, stop), count, mode, value in zip(
        ends, (before, after), problem.modes[place], values[place], strict=True
    ):
        if isinstance(count, int) and count == 0:
            sides.append([])
        elif not mode.copies:
            sides.append([_filled(backend, x, problem, place, count, value)])
        elif known:
            sides.append([_drawn(backend, x, axis, run) for run in backend.settled(runs, mode, start, stop, size)])
        else:
            sides.append([_gathered(backend, x, axis, mode, backend.positions(start, stop, x), size)])
    parts = [*sides[0], x, *sides[1]]
    return backend.concat(parts, axis) if len(parts) > 1 else x


def fold(backend: Backend, padded: Tensor, problem: Problem) -> Tensor:
    """The adjoint of `extend` without its constants: what stands outside is added to what it was made of.

    `padded` may be overwritten.
    """
    cuts: list[slice] = [slice(None)] * len(padded.shape)
    for place, axis in reversed(list(enumerate(problem.axes))):
        window = problem.windows[place]
        before, after = window.before or 0, window.after or 0
        size = window.size if window.size is not None else backend.size(padded, axis) - before - after
        cuts[axis] = slice(before, before + size)
        for (start, stop), mode in zip(((-before, 0), (size, size + after)), problem.modes[place], strict=True):
            if not mode.copies or (isinstance(start, int) and start == stop):
                continue
            if window.size is None:
                padded = _scattered(backend, padded, axis, mode, (start, stop), before, size)
                continue
            for run in backend.settled(runs, mode, start, stop, size):
                padded = _returned(backend, padded, axis, run, before + start, before)
                start += run.length
    return backend.slices(padded, tuple(cuts))


def _returned(backend: Backend, padded: Tensor, axis: int, run: Run, at: int, before: int) -> Tensor:
    """What `_drawn` drew, added back: the places from `at` on, to an axis whose first value stands at `before`."""
    strip = _cut(backend, padded, axis, at, at + run.length)
    for start, weight, step in run.parts:
        if step == 0:
            part, first, length = backend.total(strip, axis), start, 1
        elif step == 1:
            part, first, length = strip, start, run.length
        else:
            part, first, length = backend.flip(strip, axis), start - run.length + 1, run.length
        box = (slice(None),) * axis + (slice(before + first, before + first + length),)
        padded = backend.add(padded, box, _weighted(backend, part, axis, weight))
    return padded


def _scattered(
    backend: Backend, padded: Tensor, axis: int, mode: Mode, ends: tuple[Any, Any], before: Any, size: Any
) -> Tensor:
    """The same for a size that is only known when it runs."""
    strip = _cut(backend, padded, axis, before + ends[0], before + ends[1])
    for index, weights in mode.rule(backend.positions(*ends, padded), size):
        padded = backend.add_at(padded, axis, index + before, _weighted(backend, strip, axis, weights))
    return padded


def extended_mask(backend: Backend, x: Tensor, problem: Problem) -> Tensor:
    """1 where the padded axes hold a value, 0 where the mode is `ignore`; 1 long on the other axes."""
    cuts: list[slice] = [slice(0, 1)] * len(x.shape)
    for axis in problem.axes:
        cuts[axis] = slice(None)
    ones = backend.where(backend.tensor(0, x), backend.slices(x, tuple(cuts)), 1.0)
    counts = tuple((float(before.counts), float(after.counts)) for before, after in problem.modes)
    found = extend(backend, ones, problem, counts)
    return backend.where(found, found * 0 + 1, 0.0)  # whatever the weights it was extended with


def _pad(backend: Backend, plan: Plan, values: Values) -> Way:
    return lambda x: extend(backend, x, plan.problem, values)


def pad(x: Any, amount: Any, padding_mode: Any = "zeros", *, data_format: str = "channels_last") -> Any:
    """Extends the spatial axes of a tensor.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([1, 2, 3, 4]).reshape(1, 4, 1)
    >>> convpad.pad(x, 2, "reflect").ravel()
    array([3, 2, 1, 2, 3, 4, 3, 2])
    >>> convpad.pad(x, (0, 5), "circular").ravel()
    array([1, 2, 3, 4, 1, 2, 3, 4, 1])

    Args:
        x: `(batch, *spatial, channels)`, or channels second: a NumPy array, `jax.Array`, `tf.Tensor` or
            `torch.Tensor` of any dtype.
        amount: an int, or one entry for each spatial axis, an int or a pair `(before, after)`; with one axis, a
            pair. It may exceed the axis: the rule of the mode goes on, as `numpy.pad`'s does.
        padding_mode: a mode's name, a number, or `Constant`; or one entry for each spatial axis, each one of
            these or a pair `(before, after)` of them.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        A tensor of the same kind and dtype, its spatial axes longer by the amounts.

    Raises:
        PaddingError: an argument is not one of those.

    Source: the modes are those of `numpy.pad`, by the names of the convolution layers.
    """
    return answer("pad", _pad, {"x": x}, amount, padding_mode, data_format=data_format)
