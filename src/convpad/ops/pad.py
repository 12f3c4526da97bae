"""How is a tensor extended? The extension rule on tensors of any backend.

A side is made of runs: positions that follow each other and are made alike are one slice (forwards, backwards
or one value stretched), times its weight. The runs are integers, found once for a size and remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from convpad.modes import Mode
from convpad.ops._backends import Backend, Tensor
from convpad.ops.dispatch import answer
from convpad.ops.plan import Plan
from convpad.problem import Problem

__all__ = ["Values", "extend", "extended_mask", "fold", "pad"]

Values = tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Positions that follow each other, each the weighted sum of one value from every part.

    Args:
        length: how many positions.
        parts: (start, weight, step): position i of the run takes ``weight * inside[start + i * step]``, and the
            step is 1, 0 or -1.
    """

    length: int
    parts: tuple[tuple[int, int, int], ...]


@lru_cache(maxsize=4096)
def runs(mode: Mode, start: int, stop: int, size: int) -> tuple[Run, ...]:
    """The positions from start up to stop, outside an axis of that size, as the fewest runs.

    Example:

    >>> from convpad.modes import MODES
    >>> runs(MODES["reflect"], -2, 0, size=4)
    (Run(length=2, parts=((2, 1, -1),)),)
    """
    found: list[Run] = []
    while start < stop:
        first = mode.terms(start, size)
        steps = (0,) * len(first)
        length = 1
        while start + length < stop:
            terms = mode.terms(start + length, size)
            if [weight for _, weight in terms] != [weight for _, weight in first]:
                break
            moved = tuple(index - at for (index, _), (at, _) in zip(terms, first, strict=True))
            if length == 1 and all(abs(step) <= 1 for step in moved):
                steps = moved
            if moved != tuple(step * length for step in steps):
                break
            length += 1
        found.append(Run(length, tuple((*term, step) for term, step in zip(first, steps, strict=True))))
        start += length
    return tuple(found)


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


def _filled(backend: Backend, x: Tensor, axis: int, count: Any, value: Any, channel_axis: int) -> Tensor:
    """`count` places of a constant: one number, or one per channel."""
    value = backend.tensor(value, x)
    shape = tuple(slice(None) if other == channel_axis and len(value.shape) else None for other in range(len(x.shape)))
    return backend.stretch(value[shape], axis, count, x)


def extend(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    """`x` padded as the problem says, axis after axis, so that at a corner the later axis decides.

    `values` is what a side that copies nothing is filled with; None is 0.
    """
    for place, axis in enumerate(problem.axes):
        window, amount = problem.windows[place], problem.amounts[place]
        size = window.size if window.size is not None else backend.size(x, axis)
        before, after = window.before, window.after
        if before is None or after is None:
            before, after = amount.pad(size, window.span, window.stride)
        sides: list[list[Tensor]] = []
        ends = ((-before, 0, before), (size, size + after, after))
        for (start, stop, count), mode, value in zip(ends, problem.modes[place], values[place], strict=True):
            if isinstance(count, int) and count == 0:
                sides.append([])
            elif not mode.copies:
                fill = 0 if value is None else value
                sides.append([_filled(backend, x, axis, count, fill, problem.channel_axis)])
            elif window.known:
                sides.append([_drawn(backend, x, axis, run) for run in backend.settled(runs, mode, start, stop, size)])
            else:
                positions = backend.positions(start, stop, x)
                sides.append([_gathered(backend, x, axis, mode, positions, size)])
        parts = [*sides[0], x, *sides[1]]
        x = backend.concat(parts, axis) if len(parts) > 1 else x
    return x


def fold(backend: Backend, padded: Tensor, problem: Problem) -> Tensor:
    """The adjoint of `extend` without its constants: what stands outside is added to what it was made of."""
    for place, axis in reversed(list(enumerate(problem.axes))):
        window = problem.windows[place]
        before, after = window.before or 0, window.after or 0
        size = window.size if window.size is not None else backend.size(padded, axis) - before - after
        inside = _cut(backend, padded, axis, before, before + size)
        ends = ((-before, 0), (size, size + after))
        for (start, stop), mode in zip(ends, problem.modes[place], strict=True):
            if not mode.copies or (isinstance(start, int) and start == stop):
                continue
            strip = _cut(backend, padded, axis, before + start, before + stop)
            known = window.size is not None
            positions = np.arange(start, stop) if known else backend.positions(start, stop, padded)
            for index, weights in mode.rule(positions, size):
                inside = backend.add_at(inside, axis, index, _weighted(backend, strip, axis, weights))
        padded = inside
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


def _pad(backend: Backend, plan: Plan, values: Values, x: Tensor) -> Tensor:
    return extend(backend, x, plan.problem, values)


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
