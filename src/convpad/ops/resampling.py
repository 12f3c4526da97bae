"""Resizing of tensors: every axis is extended by the few values that are read beyond it, then resampled.

Resampling an axis is linear, and its weights add up to 1, so axis after axis gives what the tensor padded on all axes
would give. Where the outputs have few phases, those of one phase are a weighted sum of slices, and the phases are
interleaved; else every output gathers its values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce
from operator import add
from typing import Any

import numpy as np

from convpad import reference, tuning
from convpad.backends import backend_named, plain_backend, tensors_of
from convpad.backends.base import Backend, Context, Tensor
from convpad.core.amounts import explicit
from convpad.core.errors import ShapeError
from convpad.core.modes import MODES, Mode
from convpad.core.padding import Padding
from convpad.core.problem import Problem, pad_problem, rank_of
from convpad.core.resampling import MOST_OPEN_PHASES, MOST_PHASES, Resize, ResizedAxis, resized_axes
from convpad.ops.dtypes import is_floating
from convpad.ops.extension import Values, extend
from convpad.ops.run import CallKey

_NUMPY = Backend()


def call(x: Any, *arguments: Any) -> Any:
    """Resize an array, with the arguments of `Resize.parse` as they were written."""
    backend, (x,) = tensors_of(("x",), (x,))
    owner = backend or _NUMPY
    context, (shape,), (dtype,) = owner.facts((x,))
    facts = (backend.name if backend else "numpy", context, shape, dtype, tuning.STATE.version)
    try:
        key = CallKey(arguments)
    except TypeError:
        operation = Resize.parse(rank_of(shape), *arguments)
        return run(operation, operation.padding.values, x)
    prepared, values = owner.call_cached(_prepared, key, *facts)
    return _without_autocast(owner, context, prepared, values, x)


def run(operation: Resize, values: Values, x: Any) -> Any:
    """Resize an array as a parsed operation says, with the constants of its padding."""
    backend, (x,) = tensors_of(("x",), (x,))
    owner = backend or _NUMPY
    context, (shape,), (dtype,) = owner.facts((x,))
    hashable = replace(operation, padding=operation.padding.without_tensors())
    facts = (backend.name if backend else "numpy", context, shape, dtype, tuning.STATE.version)
    return _without_autocast(owner, context, owner.call_cached(_executor, hashable, *facts), values, x)


def _without_autocast(owner: Backend, context: Context, prepared: Callable[..., Any], values: Values, x: Any) -> Any:
    if not context.autocast:
        return prepared(values, x)
    without_casts, (x,) = owner.autocast((x,))
    with without_casts:
        return prepared(values, x)


@lru_cache(maxsize=1024)
def _prepared(key: CallKey, name: str, context: Context, shape: Any, dtype: str, version: int) -> Any:
    operation = Resize.parse(rank_of(shape), *key.arguments)
    return _executor.__wrapped__(operation, name, context, shape, dtype, version), operation.padding.values


@lru_cache(maxsize=1024)
def _executor(
    operation: Resize, name: str, context: Context, shape: Any, dtype: str, version: int
) -> Callable[..., Any]:
    """Return the executor of a resizing of tensors of this shape and dtype: ``executor(values, x)``."""
    axes = resized_axes(operation, shape)
    if operation.method.taps > 1 and not is_floating(dtype):
        raise ShapeError(
            f"{operation.method.name!r} computes with real floating numbers. Received: x of {dtype}. Cast it first, or "
            "resize with 'nearest'."
        )
    if name == "numpy":
        return partial(reference.resize, operation)
    backend = backend_named(name)
    if context.traced or tuning.STATE.portable_pads:
        backend = plain_backend(name, sliced_pads=tuning.STATE.portable_pads > 0)
    if _are_counted(operation) and backend.can_resize(axes, context.device):
        reached = _reached_in_steps(operation, axes)
        if all(axis.size is None or sum(reached[number]) <= axis.size for number, axis in enumerate(axes)):
            return Framework(backend, _extension(operation, reached, shape), axes)
    steps: list[Resampled] = []
    for number, axis in enumerate(axes):
        if not axis.is_whole:
            reached = [axis.reach() if place == number else (0, 0) for place in range(operation.rank)]
            steps.append(Resampled(backend, _extension(operation, reached, shape), number, axis, operation))
            shape = _replaced(shape, _spatial(operation)[number], axis.output)
    return partial(_in_turn, tuple(steps))


def _in_turn(steps: tuple[Resampled, ...], values: Values, x: Tensor) -> Tensor:
    for step in steps:
        x = step(values, x)
    return x


def _are_counted(operation: Resize) -> bool:
    return all(mode.is_counted for pair in operation.padding.modes for mode in pair)


def _spatial(operation: Resize) -> range:
    return range(1, 1 + operation.rank) if operation.channels_last else range(2, 2 + operation.rank)


def _replaced(shape: Any, axis: int, size: Any) -> Any:
    return (*shape[:axis], size, *shape[axis + 1 :])


def _filled(mode: Mode) -> Mode:
    """Return the mode that a side is extended with: what is ignored may be anything finite."""
    return mode if mode.is_counted else MODES["zeros"]


def _extension(operation: Resize, pairs: Sequence[tuple[int, int]], shape: Any) -> Problem:
    """Return the padding of an input by so many values before and after each spatial axis."""
    modes = tuple((_filled(before), _filled(after)) for before, after in operation.padding.modes)
    padding = Padding(tuple([explicit(*pair) for pair in pairs]), modes, operation.padding.values)
    return pad_problem(shape, padding, "channels_last" if operation.channels_last else "channels_first")


# The framework's own


@dataclass(frozen=True, slots=True)
class Framework:
    """A resizing by the framework, which replicates edges: of the padded input, whose padding is then cut off."""

    backend: Backend
    problem: Problem
    axes: tuple[ResizedAxis, ...]

    def __call__(self, values: Values, x: Tensor) -> Tensor:
        """Return the resized tensor."""
        padded = extend(self.backend, x, self.problem, values) if any(map(any, self.problem.pads)) else x
        crops = [
            (before * axis.outputs // axis.inputs, after * axis.outputs // axis.inputs)
            for axis, (before, after) in zip(self.axes, self.problem.pads, strict=True)
        ]
        return self.backend.framework_resize(padded, self.axes, crops, self.problem.channels_last)


def _reached_in_steps(operation: Resize, axes: Sequence[ResizedAxis]) -> list[tuple[int, int]]:
    """Return how many values before and after each axis the framework's resizing is padded by.

    They are whole steps, so that the outputs of the padding can be cut off; none where the framework does as the mode.
    """
    pairs: list[tuple[int, int]] = []
    for axis, modes in zip(axes, operation.padding.modes, strict=True):
        before, after = axis.reach()
        if axis.is_whole or all(mode.name == "replicate" for mode in modes):
            before = after = 0
        pairs.append((-(-before // axis.inputs) * axis.inputs, -(-after // axis.inputs) * axis.inputs))
    return pairs


# Axis after axis


@dataclass(frozen=True, slots=True)
class Resampled:
    """A resizing of one axis."""

    backend: Backend
    problem: Problem
    number: int
    axis: ResizedAxis
    operation: Resize

    def __call__(self, values: Values, x: Tensor) -> Tensor:
        """Return a tensor with that axis resized."""
        extended = extend(self.backend, x, self.problem, values) if any(map(any, self.problem.pads)) else x
        out = self._resampled(extended)
        if all(mode.is_counted for mode in self.operation.padding.modes[self.number]):
            return out
        return out / self._resampled(self._covered(x))

    @property
    def _tensor_axis(self) -> int:
        return self.problem.axes[self.number]

    def _covered(self, x: Tensor) -> Tensor:
        """Return 1 where the extended axis holds a value, 0 where the mode is `ignore`; 1 long on the other axes."""
        one = self.backend.zeros((1,) * len(x.shape), x) + 1
        ones = self.backend.broadcast_along(one, self._tensor_axis, self.backend.size(x, self._tensor_axis), one)
        counted = tuple((float(before.is_counted), float(after.is_counted)) for before, after in self._modes)
        constant = MODES["constant"]
        shape = tuple(size if axis == self._tensor_axis else 1 for axis, size in enumerate(self.problem.input_shape))
        values = tuple(pair if axis == self.number else (None, None) for axis, pair in enumerate(counted))
        padding = Padding(self.problem.amounts, ((constant, constant),) * self.operation.rank, values)
        layout = "channels_last" if self.problem.channels_last else "channels_first"
        return extend(self.backend, ones, pad_problem(shape, padding, layout), values)

    @property
    def _modes(self) -> tuple[tuple[Mode, Mode], ...]:
        return self.operation.padding.modes

    def _resampled(self, extended: Tensor) -> Tensor:
        axis = self.axis
        known = axis.output is not None and axis.output % axis.outputs == 0
        if axis.outputs <= MOST_PHASES and (known or axis.inputs == 1):
            parts = [self._phase(extended, phase) for phase in range(axis.outputs)]
            return parts[0] if len(parts) == 1 else self.backend.interleave(parts, self._tensor_axis)
        places = self._places if axis.output is None else self._known_places
        return self._gathered(extended, *places(extended))

    def _phase(self, extended: Tensor, phase: int) -> Tensor:
        """Return the outputs phase, phase + outputs, ...: a weighted sum of slices."""
        axis, (before, after) = self.axis, self.problem.pads[self.number]
        first, weights = axis.taps(phase)
        parts: list[Tensor] = []
        for start, weight in enumerate(weights, before + first):
            if not weight:
                continue
            if axis.output is None:  # a step of one input
                cut = slice(start, start - before - after or None)
            else:
                cut = slice(start, start + axis.inputs * (axis.output // axis.outputs - 1) + 1, axis.inputs)
            part = self.backend.slices(extended, (slice(None),) * self._tensor_axis + (cut,))
            parts.append(part if weight == 1 else part * weight)
        return reduce(add, parts)

    def _known_places(self, extended: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the first value of each output, counted on the extended axis, and the weights from there on."""
        integer = self.backend.arange(0, 1, extended)
        # Whole numbers as float64, which torch.compile keeps: it makes float32 of a quotient of NumPy's ints.
        first, weights = self.axis.taps(np.arange(self.axis.output or 0, dtype=np.float64))
        tensors = [self.backend.tensor(weight, extended) for weight in weights if not isinstance(weight, float)]
        return self.backend.tensor(first + self.problem.pads[self.number][0], integer), tensors

    def _places(self, extended: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return what `_known_places` does, for a size that is known when the program runs."""
        axis, backend, before = self.axis, self.backend, self.problem.pads[self.number][0]
        if max(axis.inputs, axis.outputs) > MOST_OPEN_PHASES:
            raise ShapeError(
                f"A scale must be a fraction of two ints of at most {MOST_OPEN_PHASES} where the size of an axis is "
                f"unknown. Received: {axis.outputs}/{axis.inputs}. Give fractions.Fraction, or a known size."
            )
        size = backend.size(extended, self._tensor_axis) - sum(self.problem.pads[self.number])
        numbers = backend.arange(0, size * axis.outputs // axis.inputs, extended)
        turn = numbers // axis.outputs
        phase = numbers - turn * axis.outputs
        first, weights = axis.taps(np.arange(axis.outputs, dtype=np.float64))
        begins = backend.take(backend.tensor(first + before, numbers), 0, phase)
        tables = [backend.tensor(weight, extended) for weight in weights if not isinstance(weight, float)]
        return begins + turn * axis.inputs, [backend.take(table, 0, phase) for table in tables]

    def _gathered(self, extended: Tensor, first: Tensor, weights: list[Tensor]) -> Tensor:
        if not weights:  # `nearest`
            return self.backend.take(extended, self._tensor_axis, first)
        along = tuple(slice(None) if axis == self._tensor_axis else None for axis in range(len(extended.shape)))
        parts = [
            self.backend.take(extended, self._tensor_axis, first + tap if tap else first) * weight[along]
            for tap, weight in enumerate(weights)
        ]
        return reduce(add, parts)
