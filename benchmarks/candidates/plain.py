"""Candidates without Keras: convpad's function, and the framework's pad followed by its convolution."""

from __future__ import annotations

from typing import Any

import convpad
from benchmarks.candidates import Case, Entry
from benchmarks.rows import VALUE, Pairs
from convpad.benchmark.candidates import pad_then_convolve

__all__ = ["convpad_function", "framework"]


def convpad_function(case: Case) -> Entry:
    """Return convpad's function."""
    row, mode = case.row, case.row.spelled(case.mode)
    function, options = getattr(convpad, row.op), row.layer().options

    def run(x: Any, kernel: Any) -> Any:
        return function(x, kernel, padding_mode=mode, **options)

    return Entry("convpad", run, row.pairs, case.modes)


def framework(runner: Any, case: Case, pairs: Pairs | None = None, modes: tuple[str, ...] | None = None) -> Entry:
    """Return the framework's own pad, then its convolution: the reference of every other candidate.

    `ignore` is the zero-padded convolution times taps / taps inside. A transposed row is the gradient of this.
    """
    pairs, modes = pairs or case.row.pairs, modes or case.modes

    def pad(x: Any) -> Any:
        return runner.pad(x, pairs, modes, VALUE)

    pad_mask = pad if "ignore" in modes else None
    return Entry("framework", pad_then_convolve(runner, case.row.layer(), pad, pad_mask, runner.convolve), pairs, modes)
