"""The extension rule on tensors: pads an input, makes the slabs of its halo, and folds gradients back.

A side of an axis is cut into runs. A run is a weighted sum of slices of the axis, each read forwards or backwards, or
one value repeated.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from convpad.backends.base import Backend, Box, Tensor
from convpad.core.padding import has_tensors
from convpad.core.problem import Problem
from convpad.core.window import window_count
from convpad.ops.halo import Run, Slab, runs

Values = tuple[tuple[Any, Any], ...]
"""The constants of a padding, `(before, after)` per axis; None where a side has none."""


def extend(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    """Return `x` padded, axis after axis, so that at a corner the later axis decides.

    Args:
        values: what the sides that copy nothing are filled with; None is 0.
    """
    if any(window.before is None for window in problem.windows):
        return _extend_to_unknown_amounts(backend, x, problem, values)
    # First a pad whose own gradient is fast; `_extend`, with a gradient of its own around it, takes any fast pad.
    padded = backend.framework_pad(x, problem, values, needs_gradient=True)
    if padded is not None:
        return padded
    if not problem.is_static or has_tensors(values):
        return _extend(backend, x, problem, values)
    return backend.with_custom_vjp(
        lambda x: _extend(backend, x, problem, values),
        lambda gradient: fold(backend, gradient, problem),
        x,
        aliased=problem.op == "pad",  # its cotangent comes from the caller, who may keep it
    )


def _extend_to_unknown_amounts(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    """Return `x` padded by amounts that follow from sizes not known yet: by the most that they can be, then cut.

    Counts that are known make a program that holds for every size: tracers take an empty part of a concatenation, or
    one of length 1, for a condition on the size.
    """
    pairs = [amount.most(window.span) for amount, window in zip(problem.amounts, problem.windows, strict=True)]
    most = zip(problem.windows, pairs, strict=True)
    windows = tuple(replace(window, before=before, after=after) for window, (before, after) in most)
    padded = extend(backend, x, replace(problem, windows=windows), values)
    for axis, (window, (most_before, _)) in enumerate(zip(problem.windows, pairs, strict=True)):
        if window.before is None:
            size, before, after = _sizes(backend, x, problem, axis)
            padded = backend.cut(padded, problem.axes[axis], most_before - before, before + size + after)
    return padded


def _extend(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    padded = backend.framework_pad(x, problem, values, needs_gradient=False)
    if padded is not None:
        return padded
    if problem.is_static and backend.supports_inplace(x):
        return _extend_in_place(backend, x, problem, values)
    for axis in range(problem.rank):
        window = problem.windows[axis]
        size = window.size if window.size is not None else backend.size(x, problem.axes[axis])
        x = _extend_axis(backend, x, problem, values, axis, size, *problem.pads[axis])
    return x


def _sizes(backend: Backend, x: Tensor, problem: Problem, axis: int) -> tuple[Any, Any, Any]:
    """Return the size of a spatial axis of `x` and its amounts, as the backend's integers where they are unknown."""
    window = problem.windows[axis]
    size = window.size if window.size is not None else backend.size(x, problem.axes[axis])
    if window.before is not None and window.after is not None:
        return size, window.before, window.after
    return size, *problem.amounts[axis].pair_for(size, window.span, window.stride)


def _extend_in_place(backend: Backend, x: Tensor, problem: Problem, values: Values) -> Tensor:
    """Return `x` with zeros all around, made once, in which the padding is written side by side."""
    out = backend.pad_zeros(x, problem.around(problem.pads))
    constants = any(value is not None for pair in values for value in pair)
    for axis, tensor_axis in enumerate(problem.axes):
        size, (before, after) = problem.windows[axis].size or 0, problem.pads[axis]
        ranges = ((-before, 0), (size, size + after))
        for (start, stop), mode, value in zip(ranges, problem.modes[axis], values[axis], strict=True):
            first = before + start
            if start < stop and not mode.copies_input and constants:  # zeros too: an earlier axis' constant is there
                filling = _constant(backend, out, problem, axis, stop - start, value)
                out = backend.set_slice(out, _box(tensor_axis, first, before + stop), filling)
            for run in backend.call_cached(runs, mode, start, stop, size) if mode.copies_input else ():
                copied = _from_run(backend, out, tensor_axis, run.moved(before))
                out = backend.set_slice(out, _box(tensor_axis, first, first + run.length), copied)
                first += run.length
    return out


def _extend_axis(
    backend: Backend, x: Tensor, problem: Problem, values: Values, axis: int, size: Any, before: int, after: int
) -> Tensor:
    """Return `x` with one spatial axis extended by these counts."""
    tensor_axis, known = problem.axes[axis], problem.windows[axis].is_static
    ranges = ((-before, 0), (size, size + after))
    sides: list[list[Tensor]] = []
    for (start, stop), count, mode, value in zip(
        ranges, (before, after), problem.modes[axis], values[axis], strict=True
    ):
        if count == 0:
            sides.append([])
        elif not mode.copies_input:
            sides.append([_constant(backend, x, problem, axis, count, value)])
        elif known:
            sides.append(
                [_from_run(backend, x, tensor_axis, run) for run in backend.call_cached(runs, mode, start, stop, size)]
            )
        else:
            # The size as a tensor: exporters of PyTorch know no operation of a tensor and a size.
            terms = mode.rule(backend.arange(start, stop, x), backend.arange(size, size + 1, x))
            taken = [(backend.take(x, tensor_axis, index), weights) for index, weights in terms]
            sides.append([reduce(add, [_weighted(backend, part, tensor_axis, weights) for part, weights in taken])])
    parts = [*sides[0], x, *sides[1]]
    return backend.concat(parts, tensor_axis) if len(parts) > 1 else x


def _box(axis: int, start: Any, stop: Any) -> Box:
    return (slice(None),) * axis + (slice(start, stop),)


def _weighted(backend: Backend, x: Tensor, axis: int, weights: Any) -> Tensor:
    """Return `x` times one int, or one weight for each position of an axis."""
    if isinstance(weights, int):
        return x if weights == 1 else x * backend.tensor(np.asarray(weights), x)
    shape = tuple(slice(None) if other == axis else None for other in range(len(x.shape)))
    return x * backend.tensor(weights, x)[shape]


def _from_run(backend: Backend, x: Tensor, axis: int, run: Run) -> Tensor:
    """Return the values of one run, cut out of `x`."""
    parts: list[Tensor] = []
    for start, weight, step in run.parts:
        if step == 0:
            part = backend.slices(x, _box(axis, start, start + 1))
            part = part if run.length == 1 else backend.broadcast_along(part, axis, run.length, x)
        elif step == 1:
            part = backend.slices(x, _box(axis, start, start + run.length))
        else:
            part = backend.flip(backend.slices(x, _box(axis, start - run.length + 1, start + 1)), axis)
        parts.append(_weighted(backend, part, axis, weight))
    return reduce(add, parts)


def _constant(backend: Backend, x: Tensor, problem: Problem, axis: int, count: Any, value: Any) -> Tensor:
    """Return `count` positions of a constant along a spatial axis: one number, or one per channel; None is 0."""
    along = tuple(slice(None) if other == problem.channel_axis else None for other in range(len(x.shape)))
    if has_tensors(((value, None),)):
        value = backend.tensor(value, x)
        value = value[along if len(value.shape) else (None,) * len(x.shape)]
    else:  # shaped as an array: OpenVINO reads the new axes of a scalar of a graph as whatever memory holds
        array = np.asarray(0 if value is None else value)
        value = backend.tensor(array[along] if array.ndim else array.reshape((1,) * len(x.shape)), x)
    return backend.broadcast_along(value, problem.axes[axis], count, x)


def filled_slab(backend: Backend, source: Tensor, problem: Problem, values: Values, slab: Slab) -> Tensor:
    """Return the values of a slab, with the zeros around it that a convolution of the slab alone needs.

    A slab that copies is made of `source`, along its own axis first: extensions of two axes commute where the weights
    add up to 1. Constants are equal for all images, so their slab has a batch of 1.
    """
    axis = problem.axes[slab.axis]
    if slab.runs:
        parts = [_from_run(backend, source, axis, run) for run in slab.runs]
        filled = backend.concat(parts, axis) if len(parts) > 1 else parts[0]
        for other, ((start, stop), window) in enumerate(zip(slab.extent, problem.windows, strict=True)):
            if other != slab.axis and (start, stop) != (0, window.size):
                size = window.size or 0
                filled = _extend_axis(backend, filled, problem, values, other, size, -start, stop - size)
    else:
        shape = [1] * len(source.shape)
        shape[problem.channel_axis] = source.shape[problem.channel_axis]
        for other, (start, stop) in zip(problem.axes, slab.extent, strict=True):
            shape[other] = stop - start
        zeros = backend.zeros(shape, source)
        filled = zeros + _constant(backend, zeros, problem, slab.axis, shape[axis], values[slab.axis][slab.after])
    return backend.pad_zeros(filled, problem.around(slab.zeros)) if any(map(any, slab.zeros)) else filled


def fold(backend: Backend, padded: Tensor, problem: Problem, *, exportable: bool = False) -> Tensor:
    """Add the values outside, weighted, to the values they are copies of: the adjoint of `extend` without constants.

    `padded` may be overwritten. `exportable`: as part of an operation, not of a gradient.
    """
    cuts: list[slice] = [slice(None)] * len(padded.shape)
    for axis, tensor_axis in reversed(list(enumerate(problem.axes))):
        window = problem.windows[axis]
        before, after = window.before or 0, window.after or 0
        size = window.size if window.size is not None else backend.size(padded, tensor_axis) - before - after
        cuts[tensor_axis] = slice(before, before + size)
        strips: list[tuple[Run, Tensor]] = []
        for (start, stop), mode in zip(((-before, 0), (size, size + after)), problem.modes[axis], strict=True):
            if not mode.copies_input or (isinstance(start, int) and start == stop):
                continue
            if window.size is None:
                strip = backend.slices(padded, _box(tensor_axis, before + start, before + stop))
                positions, length = backend.arange(start, stop, padded), backend.arange(size, size + 1, padded)
                for index, weights in mode.rule(positions, length):
                    part = _weighted(backend, strip, tensor_axis, weights)
                    padded = backend.scatter_add(padded, tensor_axis, index + before, part)
                continue
            for run in backend.call_cached(runs, mode, start, stop, size):
                first = before + start
                strips.append((run, backend.slices(padded, _box(tensor_axis, first, first + run.length))))
                start += run.length
        # All are cut before one is added: so XLA adds those of both sides in one pass.
        for run, strip in strips:
            padded = _fold_run(backend, padded, strip, tensor_axis, run, before, exportable)
    return backend.slices(padded, tuple(cuts))


def _fold_run(
    backend: Backend, padded: Tensor, strip: Tensor, axis: int, run: Run, before: int, exportable: bool
) -> Tensor:
    """Add a strip of the padding to the values that its run copies, of an axis that begins at `before`."""
    for start, weight, step in run.parts:
        if step == 0:
            part, begin, length = strip if run.length == 1 else backend.sum_along(strip, axis), start, 1
        elif step == 1:
            part, begin, length = strip, start, run.length
        else:
            part, begin, length = backend.flip(strip, axis), start - run.length + 1, run.length
        box = _box(axis, before + begin, before + begin + length)
        padded = backend.add_slice(padded, box, _weighted(backend, part, axis, weight), exportable=exportable)
    return padded


def with_overhang(backend: Backend, padded: Tensor, x: Tensor, problem: Problem, value: Any) -> Tensor:
    """Return the padded input with `value` where the last windows of a pool reach beyond it (`ceil_mode`)."""
    for axis, window in enumerate(problem.windows):
        if window.overhangs:
            size, before, after = _sizes(backend, x, problem, axis)
            # As many as the last window may reach beyond the end, then cut, as `_extend_to_unknown_amounts` does.
            tail = _constant(backend, padded, problem, axis, window.overhang or window.stride - 1, value)
            padded = backend.concat([padded, tail], problem.axes[axis])
            if not window.is_static:
                count = window_count(window, size, before, after, backend.at_least_zero)
                reach = (count - 1) * window.stride + window.span
                missing = backend.at_least_zero(reach - (size + before + after))
                padded = backend.cut(padded, problem.axes[axis], 0, size + before + after + missing)
    return padded


def extended_mask(backend: Backend, x: Tensor, problem: Problem) -> Tensor:
    """Return 1 where the padded axes hold a value, 0 where the mode is `ignore`; 1 long on the other axes."""
    cuts: list[slice] = [slice(0, 1)] * len(x.shape)
    for axis in problem.axes:
        cuts[axis] = slice(None)
    ones = backend.where(backend.tensor(0, x), backend.slices(x, tuple(cuts)), 1.0)
    fill = tuple((float(before.is_counted), float(after.is_counted)) for before, after in problem.modes)
    mask = extend(backend, ones, problem, fill)
    mask = backend.where(mask, mask * 0 + 1, 0.0)  # whatever the weights it was extended with
    return with_overhang(backend, mask, x, problem, 0.0)
