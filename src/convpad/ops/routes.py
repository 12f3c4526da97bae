"""Executors: what runs for each route, as frozen objects that are called with constants and tensors.

An executor is called as ``executor(values, x, *kernels)``, where `values` are the constants of the padding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any

from convpad.backends.base import Backend, Box, ConvWindow, Tensor
from convpad.core.modes import MODES
from convpad.core.problem import Problem, absorb_overhang
from convpad.ops.coverage import mask, may_cover_nothing, renormalisation, thin_boxes
from convpad.ops.dtypes import lowest
from convpad.ops.extension import Values, extend, filled_slab, fold, with_overhang
from convpad.ops.halo import Slab, halo
from convpad.ops.plan import Plan, Route, conv_window

Executor = Callable[..., Tensor]
"""A prepared operation, ``executor(values, *arrays)``: all is decided that needs no tensor."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution, dense or of each channel by itself."""

    backend: Backend
    depthwise: bool

    def __call__(self, x: Tensor, taps: Any, window: ConvWindow) -> Tensor:
        if self.depthwise:
            return self.backend.depthwise_conv(x, taps, window)
        return self.backend.conv(x, taps, window)

    def take_taps(self, taps: Any, slabs: tuple[Slab, ...]) -> list[Any]:
        """Return `[taps, *parts]`, a part for each slab: the taps that read it. Use the returned taps afterwards."""
        boxes = [(slice(None),) * slab.axis + (slice(*slab.taps),) for slab in slabs]
        return self.backend.take_slices(taps, boxes)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean over a window. Its taps are a size: over a part of the window, that part's share of the mean."""

    backend: Backend
    size: tuple[int, ...]
    count_padding: bool

    def __call__(self, x: Tensor, taps: Any, window: ConvWindow) -> Tensor:
        window = window if taps is None else replace(window, size=taps)
        x, window = unfold_dilated_pool(self.backend, "average_pool", x, window)
        out = self.backend.average_pool(x, window, count_padding=self.count_padding)
        return out if taps is None else out * (prod(taps) / prod(self.size))

    def take_taps(self, taps: Any, slabs: tuple[Slab, ...]) -> list[Any]:
        """Return `[taps, *parts]`, a part for each slab: the size of the window of the taps that read it."""
        cut = [(slab.axis, slab.taps[1] - slab.taps[0]) for slab in slabs]
        return [taps, *((*self.size[:axis], count, *self.size[axis + 1 :]) for axis, count in cut)]


Linear = Convolution | Mean
"""A zero-padded operation that is linear in its input: ``linear(x, taps, window)``, where `taps` is a kernel, or for a
mean the size of the window or None."""


def unfold_dilated_pool(backend: Backend, op: str, x: Tensor, window: ConvWindow) -> tuple[Tensor, ConvWindow]:
    """Return the windows of a dilated pool side by side, and the undilated window that reads them.

    A backend that has dilated pools gets both as they were.
    """
    if max(window.dilation) == 1 or op in backend.dilated_pools:
        return x, window
    for axis in range(window.rank):
        tensor_axis = 1 + axis if window.channels_last else 2 + axis
        taps, step, stride = window.size[axis], window.dilation[axis], window.strides[axis]
        outputs = (backend.size(x, tensor_axis) - (taps - 1) * step - 1) // stride + 1
        places = backend.arange(0, outputs * taps, x)
        x = backend.take(x, tensor_axis, places // taps * stride + places % taps * step)
    return x, replace(window, strides=window.size, dilation=(1,) * window.rank)


@dataclass(frozen=True, slots=True)
class Native:
    """Leaves the padding to the backend's operation."""

    operation: Linear
    window: ConvWindow

    def __call__(self, values: Values, x: Tensor, taps: Any = None) -> Tensor:
        return self.operation(x, taps, self.window)


@dataclass(frozen=True, slots=True)
class Padded:
    """Pads the input, then runs the operation without padding.

    `remakes`: the padded tensor is made again for the gradient instead of kept.
    """

    backend: Backend
    problem: Problem
    operation: Linear
    window: ConvWindow
    overhangs: bool
    remakes: bool

    def __call__(self, values: Values, x: Tensor, taps: Any = None) -> Tensor:
        if not self.remakes:
            return self.operation(self._pad(x, values), taps, self.window)
        return self.backend.rematerialise(
            lambda x: self._pad(x, values), lambda padded: self.operation(padded, taps, self.window), x
        )

    def _pad(self, x: Tensor, values: Values) -> Tensor:
        padded = extend(self.backend, x, self.problem, values)
        return with_overhang(self.backend, padded, x, self.problem, 0) if self.overhangs else padded


@dataclass(frozen=True, slots=True)
class Corrected:
    """Runs the zero-padded operation, and adds what thin slabs of padding contribute to it.

    What constants contribute is equal for every image of a batch.
    """

    backend: Backend
    problem: Problem
    operation: Linear
    window: ConvWindow
    slabs: tuple[Slab, ...]
    sources: tuple[Box, ...]
    outputs: tuple[Box, ...]

    def __call__(self, values: Values, x: Tensor, taps: Any = None) -> Tensor:
        taps, *slab_taps = self.operation.take_taps(taps, self.slabs)
        x, *sources = self.backend.take_slices(x, self.sources)
        valid = self.window.without_pads()
        parts = [
            (box, self.operation(filled_slab(self.backend, source, self.problem, values, slab), some_taps, valid))
            for box, slab, some_taps, source in zip(self.outputs, self.slabs, slab_taps, sources, strict=True)
        ]
        return self.backend.add_slices(self.operation(x, taps, self.window), parts)


@dataclass(frozen=True, slots=True)
class BestWithGradient:
    """Runs one executor where no gradient is asked for, and another where one is."""

    backend: Backend
    forward: Executor
    differentiated: Executor

    def __call__(self, values: Values, *arrays: Any) -> Tensor:
        return self.backend.select_for_gradient(
            partial(self.forward, values), partial(self.differentiated, values), *arrays
        )


@dataclass(frozen=True, slots=True)
class Renormalised:
    """Scales every output to what its window covers: `ignore`."""

    backend: Backend
    problem: Problem
    zero_padded: Executor

    def __call__(self, values: Values, *arrays: Any) -> Tensor:
        out, x, problem = self.zero_padded(values, *arrays), arrays[0], self.problem

        def boxes() -> tuple[tuple[Box, Any], ...] | None:
            return self.backend.call_cached(thin_boxes, problem) if problem.is_static else None

        return self.backend.multiply(out, lambda: renormalisation(self.backend, out, x, problem), boxes)


@dataclass(frozen=True, slots=True)
class Separable:
    """A depthwise convolution, then one of a single tap that mixes the channels."""

    backend: Backend
    depthwise: Executor
    pointwise: ConvWindow

    def __call__(self, values: Values, x: Tensor, depthwise_kernel: Tensor, pointwise_kernel: Tensor) -> Tensor:
        return self.backend.conv(self.depthwise(values, x, depthwise_kernel), pointwise_kernel, self.pointwise)


@dataclass(frozen=True, slots=True)
class Transposed:
    """The adjoint of a padded convolution: padding is cropped, or folded back to the values it would copy."""

    backend: Backend
    problem: Problem
    window: ConvWindow
    folds: bool

    def __call__(self, values: Values, y: Tensor, kernel: Tensor) -> Tensor:
        if self.problem.renormalises:
            like = y
            if not self.problem.is_static:  # the map is that of the output, whose size it takes an output to learn
                like = self.backend.conv_transpose(y, kernel, replace(self.window, pads=self.problem.pads))
            y = y * renormalisation(self.backend, y, like, self.problem)
        out = self.backend.conv_transpose(y, kernel, self.window)
        return self._fold(out) if self.folds else out

    def _fold(self, out: Tensor) -> Tensor:
        backend, problem = self.backend, self.problem
        if not (backend.has_wide_slice_gradients and problem.is_static):
            return fold(backend, out, problem, exportable=True)
        nothing: Values = ((None, None),) * problem.rank
        return backend.with_custom_vjp(
            lambda out: fold(backend, out, problem, exportable=True),
            lambda gradient: extend(backend, gradient, problem, nothing),
            out,
            aliased=False,
        )


@dataclass(frozen=True, slots=True)
class Maximum:
    """The maximum of every window; ignored padding never wins."""

    backend: Backend
    problem: Problem
    window: ConvWindow
    is_padded: bool
    covers_nothing: bool

    def __call__(self, values: Values, x: Tensor) -> Tensor:
        least, padded = lowest(self.backend.dtype(x)), x
        if self.is_padded:
            padded = self._pad(x, values, least)
        padded, window = unfold_dilated_pool(self.backend, "max_pool", padded, self.window)
        out = self.backend.max_pool(padded, window)
        if not self.covers_nothing:
            return out
        # Pools differ in what they make of a window that covers nothing.
        return self.backend.where(renormalisation(self.backend, out, x, self.problem), out, least)

    def _pad(self, x: Tensor, values: Values, least: float) -> Tensor:
        ignored = MODES["ignore"] in self.problem.padded_modes
        alone = self.problem.padded_modes == (MODES["ignore"],)
        padded = extend(self.backend, x, self.problem, ((least, least),) * self.problem.rank if alone else values)
        padded = with_overhang(self.backend, padded, x, self.problem, least)
        if ignored and not alone:
            # The lowest value is nothing to compute with, and later axes may: so it is put in afterwards.
            padded = self.backend.where(mask(self.backend, x, self.problem), padded, least)
        return padded


@dataclass(frozen=True, slots=True)
class Extended:
    """The padded tensor itself."""

    backend: Backend
    problem: Problem

    def __call__(self, values: Values, x: Tensor) -> Tensor:
        return extend(self.backend, x, self.problem, values)


@dataclass(frozen=True, slots=True)
class WithoutConstants:
    """Drops the constants of sides that became ignored padding: those that a last window hangs over."""

    inner: Executor
    dropped: tuple[tuple[bool, bool], ...]

    def __call__(self, values: Values, *arrays: Any) -> Tensor:
        remaining = tuple(
            tuple(None if drop else value for value, drop in zip(*pairs, strict=True))
            for pairs in zip(values, self.dropped, strict=True)
        )
        return self.inner(remaining, *arrays)  # pyright: ignore[reportArgumentType]


def prepare(backend: Backend, plan: Plan) -> Executor:
    """Return the executor of a plan."""
    problem = absorb_overhang(plan.problem)
    if problem.modes == plan.problem.modes:
        return _prepare_operation(backend, plan, problem)
    dropped = tuple(
        (False, after != before) for (_, before), (_, after) in zip(plan.problem.modes, problem.modes, strict=True)
    )
    return WithoutConstants(_prepare_operation(backend, plan, problem), dropped)


def _prepare_operation(backend: Backend, plan: Plan, problem: Problem) -> Executor:
    window, is_padded = conv_window(problem), plan.route is Route.PADDED
    route_window = window.without_pads() if is_padded else window
    if problem.op == "pad":
        return Extended(backend, problem)
    if problem.op == "max_pool":
        return Maximum(backend, problem, route_window, is_padded, may_cover_nothing(problem))
    if problem.op == "conv_transpose":
        return Transposed(backend, problem, route_window, is_padded)
    if problem.op == "average_pool":
        if plan.route is Route.NATIVE and MODES["ignore"] in problem.padded_modes:
            return Native(Mean(backend, window.size, count_padding=False), window)
        return _linear(backend, problem, plan, Mean(backend, window.size, count_padding=True))
    convolution = _linear(backend, problem, plan, Convolution(backend, problem.op != "conv"))
    if problem.op == "separable_conv":
        ones = (1,) * window.rank
        return Separable(backend, convolution, replace(window.without_pads(), strides=ones, dilation=ones))
    return convolution


def _linear(backend: Backend, problem: Problem, plan: Plan, operation: Linear) -> Executor:
    inner = _by_route(backend, problem, plan, plan.route, operation)
    if plan.gradient_route is not None:
        inner = BestWithGradient(backend, inner, _by_route(backend, problem, plan, plan.gradient_route, operation))
    return Renormalised(backend, problem, inner) if problem.renormalises else inner


def _by_route(backend: Backend, problem: Problem, plan: Plan, route: Route, operation: Linear) -> Executor:
    window = conv_window(problem)
    if route is Route.PADDED:
        overhangs = any(axis.overhangs for axis in problem.windows)
        return Padded(backend, problem, operation, window.without_pads(), overhangs, plan.remakes_padded)
    if route is Route.CORRECTION:
        slabs: tuple[Slab, ...] = backend.call_cached(halo, problem)
        leads = [(slice(None),) * problem.axes[slab.axis] for slab in slabs]
        sources = tuple((*lead, slice(*slab.source)) for lead, slab in zip(leads, slabs, strict=True))
        outputs = tuple((*lead, slice(*slab.outputs)) for lead, slab in zip(leads, slabs, strict=True))
        return Corrected(backend, problem, operation, window, slabs, sources, outputs)
    return Native(operation, window)
