"""Benchmark of a layer: every mode timed on this machine, next to zero padding and to the usual workaround."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from math import inf, isfinite
from typing import Any

from convpad.backends import NAMES, backend_named
from convpad.benchmark.candidates import (
    Candidate,
    Setup,
    convpad_by_route,
    keras_layer,
    routes,
    why_no_keras,
    workaround,
)
from convpad.benchmark.layer import Layer, make_layer
from convpad.benchmark.machine import machine, versions
from convpad.benchmark.result import BASE, STEPS, Bench, BenchRow
from convpad.benchmark.runners import runner_of
from convpad.benchmark.timing import Budget, time_interleaved
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.validation import is_number, listed
from convpad.ops.plan import Route

__all__ = ["Bench", "BenchRow", "backend_for", "bench"]


def bench(
    input_shape: Any,
    kernel_shape: Any,
    *,
    op: str = "conv",
    strides: Any = 1,
    padding: Any = "same",
    dilation_rate: Any = 1,
    padding_modes: Sequence[Any] = ("reflect",),
    backend: str | None = None,
    seconds: float = 1.0,
    on_step: Callable[[str, float], None] = lambda text, done: None,
) -> Bench:
    """Time a layer in several modes on this machine, next to zeros: by every route, and by the usual workaround.

    For each mode, forward and with the gradient: convpad by the route that `convpad.plan` takes, and by the others;
    the workaround, which is the backend's own pad and then its own convolution; and, with zeros, Keras's own layer.
    All of a mode run in turns with the zero-padded convolution, and only once they were found to give the same
    numbers. JAX runs under `jax.jit`, TensorFlow under `tf.function`, PyTorch as it is.

    Args:
        input_shape: `(batch, *spatial, channels)`; float32 is timed.
        kernel_shape: in Keras's layout `(*window, channels, filters)`; of `depthwise_conv`
            `(*window, channels, depth_multiplier)`, of `conv_transpose` `(*window, filters, channels)`.
        op: `"conv"`, `"depthwise_conv"` or `"conv_transpose"`.
        strides, padding, dilation_rate: as the operation takes them.
        padding_modes: a list; each entry is a `padding_mode` as the operation takes it. Zeros are always there.
        backend: `"jax"`, `"tensorflow"` or `"torch"`. None is KERAS_BACKEND, or the first that is installed.
        seconds: of rounds for each mode and step. Slow layers take up to five times as long, or three rounds.
        on_step: called with the next step, and the share that is done.

    Returns:
        A `Bench`. Keras's own layer takes part where Keras runs on the backend, which it reads from KERAS_BACKEND.

    Example:

    >>> import convpad
    >>> bench = convpad.bench((1, 16, 16, 2), (3, 3, 2, 2), padding_modes=["reflect", 0.5], backend="jax", seconds=0.01)
    >>> bench.modes
    ('zeros', 'reflect', '0.5')
    >>> sorted({row.route for row in bench.rows if row.mode == "reflect" and row.candidate == "convpad"})
    ['correction', 'padded']

    Raises:
        PaddingError: an argument makes no sense, or the backend is not installed.
        DisagreementError: two candidates give different numbers; nothing of that mode is timed.
    """
    if not is_number(seconds) or not 0 < seconds < inf:
        raise refuse("seconds", "be a number above 0", seconds)
    layer = make_layer(
        input_shape,
        kernel_shape,
        op=op,
        backend=backend_for(backend),
        strides=strides,
        dilation_rate=dilation_rate,
        padding=padding,
    )
    modes = listed(padding_modes)
    if not modes:
        allowed = "be a list of padding modes, as in ['reflect', 'circular']"
        raise refuse("padding_modes", allowed, padding_modes)
    paddings = [_parse(layer, mode) for mode in (BASE, *(mode for mode in modes if mode != BASE))]
    budget = Budget(seconds=float(seconds), patience=5 * float(seconds))
    setup = Setup.of(runner_of(layer.backend), layer)
    base, rows = convpad_by_route(setup, BASE, _base_route(layer)), list[BenchRow]()
    for index, padding_in_mode in enumerate(paddings):

        def on_mode_step(text: str, done: float, before: int = index) -> None:
            on_step(text, (before + done) / len(paddings))

        rows += _time_mode(setup, base, padding_in_mode, budget, on_mode_step)
        gc.collect()
    device = setup.runner.context(STEPS[0]).device
    return Bench(layer, device, machine(), versions(layer.backend), tuple(rows), why_no_keras(layer))


def backend_for(backend: str | None) -> str:
    """Import a backend and return its name; None is KERAS_BACKEND, or the first backend that is installed.

    Raises:
        PaddingError: there is no such backend, or it is not installed.
    """
    configured = os.environ.get("KERAS_BACKEND") if backend is None else backend
    name = configured or next((name for name in NAMES if find_spec(name)), None)
    if name is None:
        raise PaddingError("Nothing to time it on is installed. Install a backend: pip install jax")
    if name not in NAMES:
        hint = "" if backend is not None else "It is what KERAS_BACKEND says."
        raise refuse("backend", f"be one of {', '.join(map(repr, NAMES))}", name, hint)
    backend_named(name)
    return name


def _parse(layer: Layer, mode: Any) -> Padding:
    """Return the layer's padding in a mode; refuse modes that do not go with the layer, or have no numbers."""
    layer.plan(mode)
    padding = Padding.parse(layer.padding, mode, rank=len(layer.window))
    for value in (value for pair in padding.values for value in pair if value is not None):
        if isinstance(value, Learned):
            raise refuse("padding_modes", "have values", mode, "A constant costs the same: give one in its place.")
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(is_number(number) and isfinite(number) for number in numbers):
            raise refuse("padding_modes", "hold finite numbers, one or one per channel, where they are constant", mode)
    return padding


def _label(mode: Any, separators: str = ",/") -> str:
    """Return a mode, as `Padding.spelling` has it, in the manner of the command line."""
    if isinstance(mode, tuple):  # one for each axis, then one for each side
        labels = [_label(entry, separators[1:]) for entry in mode]
        return labels[0] if len(set(labels)) == 1 else separators[0].join(labels)
    if isinstance(mode, Constant):
        return " ".join(f"{number:g}" for number in mode.value)
    return mode if isinstance(mode, str) else f"{mode:g}"


def _base_route(layer: Layer) -> str:
    """Return the route of the zero-padded convolution: the backend's own, wherever that pads itself."""
    return Route.NATIVE if Route.NATIVE in routes(layer, BASE) else layer.plan(BASE).route


def _time_mode(
    setup: Setup, base: Candidate, padding: Padding, budget: Budget, on_step: Callable[[str, float], None]
) -> Iterator[BenchRow]:
    """Verify all candidates of a mode, then time both steps. The mode of the base comes first."""
    layer, runner, mode = setup.layer, setup.runner, padding.spelling()[1]
    label = _label(mode)
    on_step(f"{label}: compiling and comparing", 0)
    forward, gradient = (layer.plan(mode, context=runner.context(step)) for step in STEPS)
    plans = dict(zip(STEPS, (forward, gradient.for_gradient()), strict=True))
    planned, planned_routes = convpad_by_route(setup, mode, None), {str(plan.route) for plan in plans.values()}
    others = [route for route in routes(layer, mode) if planned_routes != {route}]
    by_route, base_name = {route: convpad_by_route(setup, mode, route) for route in others}, BASE
    usual = workaround(setup, padding)
    rivals = {"workaround": usual}
    if label == BASE:
        base_name = _base_route(layer)
        by_route[base_name] = base
        rivals = {} if why_no_keras(layer) else {"keras": keras_layer(setup)}
    expected = usual.answers()
    precision = "float32" if runner.context(STEPS[0]).device == "cpu" else "float32 off the CPU"
    for candidate in (planned, *by_route.values(), *rivals.values()):
        candidate.verify(expected, precision)
    for index, (step, plan) in enumerate(plans.items()):
        on_step(f"{label}: {step}", (1 + index) / (1 + len(STEPS)))
        # By name in the table: convpad's candidates have those of their routes.
        candidates = {**by_route, str(plan.route): planned, **rivals, base_name: base}
        functions = {name: candidate.steps.run(step) for name, candidate in candidates.items()}
        timings = time_interleaved(functions, budget, always=(base_name,)).timings(base_name)
        timings.pop(BASE, None)
        for name in sorted(timings, key=lambda name: (name in rivals, name != plan.route)):
            candidate, chosen, timing = candidates[name], name == plan.route, asdict(timings[name])
            route, reason = "" if name in rivals else name, plan.reason if chosen else ""
            yield BenchRow(label, step, candidate.name, candidate.function, route, chosen, reason, **timing)
