"""Does it pay here? A layer in any mode, timed on this machine next to zero padding and to what is used instead."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from math import inf, isfinite
from typing import Any

from convpad.backends import NAMES, backend_named
from convpad.benchmark.candidates import Contestant, Field, absent, in_own_words, keras_layer, routed, routes
from convpad.benchmark.layer import Layer, posed
from convpad.benchmark.machine import machine, versions
from convpad.benchmark.result import Bench, Row
from convpad.benchmark.runners import engine_of
from convpad.benchmark.timing import Budget, race
from convpad.benchmark.verify import DisagreementError, answers
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Learned, Padding
from convpad.core.validation import is_number, listed
from convpad.ops.plan import Route

__all__ = ["Bench", "DisagreementError", "Row", "backend_for", "bench"]

STEPS = ("forward", "gradient")
BASE = "zeros"


def bench(
    x: Any,
    kernel: Any,
    *,
    op: str = "conv",
    strides: Any = 1,
    padding: Any = "same",
    dilation_rate: Any = 1,
    modes: Sequence[Any] = ("reflect",),
    backend: str | None = None,
    seconds: float = 1.0,
    on_step: Callable[[str, float], None] = lambda text, done: None,
) -> Bench:
    """What a layer costs in other modes than zeros, on this machine: by every route, and by what is used instead.

    For each mode, forward and with the gradient: convpad by the route that `convpad.plan` takes, and by the others;
    the workaround, which is the backend's own pad and then its own convolution; and, with zeros, Keras's own layer.
    All of a mode run in turns with the zero-padded convolution, and only once they were found to give the same
    numbers. JAX runs under `jax.jit`, TensorFlow under `tf.function`, PyTorch as it is.

    Args:
        x: the shape of the input, `(batch, *spatial, channels)`; float32 is timed.
        kernel: the kernel's, as Keras has it: `(*window, channels, filters)`; of `depthwise_conv`
            `(*window, channels, depth_multiplier)`, of `conv_transpose` `(*window, filters, channels)`.
        op: `"conv"`, `"depthwise_conv"` or `"conv_transpose"`.
        strides, padding, dilation_rate: as the operation takes them.
        modes: a list; each entry is a `padding_mode` as the operation takes it. Zeros are always there.
        backend: `"jax"`, `"tensorflow"` or `"torch"`. None is KERAS_BACKEND, or the first that is installed.
        seconds: of rounds for each mode and step. Slow layers take up to five times as long, or three rounds.
        on_step: told what begins, and which share is done.

    Returns:
        A `Bench`. Keras's own layer takes part where Keras runs on the backend, which it reads from KERAS_BACKEND.

    Example:

    >>> import convpad
    >>> found = convpad.bench((1, 16, 16, 2), (3, 3, 2, 2), modes=["reflect", 0.5], backend="jax", seconds=0.01)
    >>> list(dict.fromkeys(row.mode for row in found.rows))
    ['zeros', 'reflect', '0.5']
    >>> sorted({row.route for row in found.rows if row.mode == "reflect" and row.who == "convpad"})
    ['border', 'padded']

    Raises:
        PaddingError: an argument makes no sense, or the backend is not installed.
        DisagreementError: two of them give other numbers; nothing of that mode is timed.
    """
    if not is_number(seconds) or not 0 < seconds < inf:
        raise refuse("seconds", "be a number above 0", seconds)
    layer = posed(
        x, kernel, op=op, backend=backend_for(backend), strides=strides, dilation_rate=dilation_rate, padding=padding
    )
    paddings = [_parsed(layer, mode) for mode in _listed(modes)]
    budget = Budget(seconds=float(seconds), patience=5 * float(seconds))
    field = Field.of(engine_of(layer.backend), layer)
    base, rows = routed(field, BASE, _base_route(layer)), list[Row]()
    for place, one in enumerate(paddings):
        told = partial(_share, on_step, place, len(paddings))
        rows += _measured(field, base, one, budget, told)
        gc.collect()
    return Bench(layer, field.engine.device(), machine(), versions(layer.backend), tuple(rows), absent(layer))


def _share(on_step: Callable[[str, float], None], place: int, count: int, text: str, done: float) -> None:
    on_step(text, (place + done) / count)


def backend_for(asked: str | None) -> str:
    """The backend that is asked for, or else KERAS_BACKEND, or the first that is installed; this imports it.

    Raises:
        PaddingError: there is no such backend, or it is not installed.
    """
    told = os.environ.get("KERAS_BACKEND") if asked is None else asked
    name = told or next((name for name in NAMES if find_spec(name)), None)
    if name is None:
        raise PaddingError("Nothing to time it on is installed. Install a backend: pip install 'convpad[jax]'")
    if name not in NAMES:
        mend = "" if asked is not None else "It is what KERAS_BACKEND says."
        raise refuse("backend", f"be one of {', '.join(map(repr, NAMES))}", name, mend)
    backend_named(name)
    return name


def _listed(modes: Any) -> list[Any]:
    entries = listed(modes)
    if not entries:
        raise refuse("modes", "be a list of padding modes, as in ['reflect', 'circular']", modes)
    return [BASE, *(entry for entry in entries if entry != BASE)]


def _parsed(layer: Layer, mode: Any) -> Padding:
    """One mode, known to go with the layer."""
    layer.plan(mode)
    padding = Padding.parse(layer.padding, mode, rank=len(layer.window))
    for value in (value for pair in padding.values for value in pair if value is not None):
        if isinstance(value, Learned):
            raise refuse("modes", "have values", mode, "A constant costs the same: give one in its place.")
        numbers = value if isinstance(value, tuple) else (value,)
        if not all(is_number(number) and isfinite(number) for number in numbers):
            raise refuse("modes", "hold finite numbers, one or one per channel, where they are constant", mode)
    return padding


def _said(padding: Padding) -> str:
    """A mode as the command line spells it."""
    axes = [
        "/".join(dict.fromkeys(_side(mode.name, value) for mode, value in zip(modes, values, strict=True)))
        for modes, values in zip(padding.modes, padding.values, strict=True)
    ]
    return axes[0] if len(set(axes)) == 1 else ",".join(axes)


def _side(name: str, value: Any) -> str:
    if value is None:
        return name
    return " ".join(f"{number:g}" for number in value) if isinstance(value, tuple) else f"{value:g}"


def _base_route(layer: Layer) -> str:
    """The zero-padded convolution is the backend's own, wherever that pads itself."""
    return Route.NATIVE if Route.NATIVE in routes(layer, BASE) else layer.plan(BASE).route


def _measured(
    field: Field, base: Contestant, padding: Padding, budget: Budget, on_step: Callable[[str, float], None]
) -> Iterator[Row]:
    """Both steps in one mode, after all were found to agree. The mode of the base comes first."""
    layer, engine = field.layer, field.engine
    name, mode = _said(padding), padding.spelling()[1]
    on_step(f"{name}: compiling and comparing", 0)
    own = in_own_words(field, padding)
    wanted, precision = answers(engine, own.steps), "float32" if engine.device() == "cpu" else "float32 off the CPU"
    ours = routed(field, mode, None)
    ours.settle(engine, wanted, precision)
    taken = {str(plan.route) for plan in ours.plans.values()}
    others = {route: routed(field, mode, route) for route in routes(layer, mode) if taken != {route}}
    guests = {"workaround": own}
    if name == BASE:
        others[_base_route(layer)] = base
        guests = {} if absent(layer) else {"keras": keras_layer(field)}
    for one in (*others.values(), *guests.values()):
        one.settle(engine, wanted, precision)
    for place, step in enumerate(STEPS):
        on_step(f"{name}: {step}", (1 + place) / (1 + len(STEPS)))
        plan = ours.plans[step]
        line = {str(plan.route): ours, **({BASE: base} if name != BASE else {}), **guests}
        line |= {route: one for route, one in others.items() if route not in line or one is base}
        runs = {who: one.steps.forward if step == "forward" else one.steps.backward for who, one in line.items()}
        first = _base_route(layer) if name == BASE else BASE
        figures = race(runs, budget, always=(first,)).figures(first)
        for who in sorted(figures, key=lambda who: (line[who].who != "convpad", who != plan.route)):
            if who != BASE:
                route, chosen = who if who not in guests else "", who == plan.route
                reason = plan.reason if chosen else ""
                words = line[who].words
                yield Row(name, step, line[who].who, words, route, chosen, reason, **asdict(figures[who]))
