"""What is computed without Keras, on every backend alike? convpad's functions, and a pad followed by a convolution."""

from __future__ import annotations

from math import prod
from typing import Any

import convpad
from benchmarks.contestants import Engine, Entry, Task
from benchmarks.rows import VALUE, Pairs

__all__ = ["framework", "ours"]


def ours(task: Task) -> Entry:
    """convpad's function."""
    row, mode = task.row, task.row.spelled(task.mode)
    function = getattr(convpad, row.op)

    def run(x: Any, kernel: Any) -> Any:
        return function(x, kernel, padding_mode=mode, **row.options)

    return Entry("convpad", run, row.pairs, task.modes)


def framework(engine: Engine, task: Task, pairs: Pairs, modes: tuple[str, ...]) -> Entry:
    """The framework's own pad, then its convolution: also what every other contestant is held against.

    `ignore` is the zero-padded convolution times taps / taps inside. A transposed row is the gradient of this.
    """
    row = task.row
    sizes = tuple(window.size for window in row.windows)

    def run(x: Any, kernel: Any) -> Any:
        out = engine.valid(engine.pad(x, pairs, modes, VALUE), kernel, **row.moving)
        if "ignore" not in modes:
            return out
        mask = engine.pad(engine.ones((1, *sizes, 1), out), pairs, modes, VALUE)
        inside = engine.valid(mask, engine.ones((*row.window, 1, 1), out), **{**row.moving, "depthwise": False})
        return out * (prod(row.window) / inside)

    shape = (row.batch, *sizes, row.filters)
    return Entry("framework", engine.adjoint(run, shape) if row.transposed else run, pairs, modes)
