"""Candidates without Keras: convpad's function, and the framework's pad followed by its convolution."""

from __future__ import annotations

from typing import Any

import convpad
from benchmarks.candidates import Case, Entry
from benchmarks.rows import VALUE, Pairs
from convpad.benchmark.candidates import pad_then_convolve, routes

__all__ = ["convpad_by_routes", "convpad_function", "framework"]


def convpad_function(case: Case, route: str | None = None) -> Entry:
    """Return convpad's function, by its own route or by another."""
    row, mode = case.row, case.row.spelled(case.mode)
    function, options = getattr(convpad, row.op), row.layer().options

    def run(x: Any, kernel: Any) -> Any:
        return function(x, kernel, padding_mode=mode, route=route, **options)

    return Entry(f"convpad {route}" if route else "convpad", run, row.pairs, case.modes)


def convpad_by_routes(case: Case, backend: str) -> list[Entry]:
    """Return convpad's function by its own route, and by each that it takes in neither step."""
    layer, mode = case.row.layer(backend), case.row.spelled(case.mode)
    plan = layer.plan(mode)
    own = {str(plan.route), str(plan.for_gradient().route)}
    others = [route for route in routes(layer, mode) if own != {route}]
    return [convpad_function(case), *(convpad_function(case, route) for route in others)]


def framework(runner: Any, case: Case, pairs: Pairs | None = None, modes: tuple[str, ...] | None = None) -> Entry:
    """Return the framework's own pad, then its convolution: the reference of every other candidate.

    `ignore` is the zero-padded convolution times taps / taps inside. A transposed row is the gradient of this.
    """
    pairs, modes = pairs or case.row.pairs, modes or case.modes

    def pad(x: Any) -> Any:
        return runner.pad(x, pairs, modes, VALUE)

    pad_mask = pad if "ignore" in modes else None
    return Entry("framework", pad_then_convolve(runner, case.row.layer(), pad, pad_mask, runner.convolve), pairs, modes)
