"""Who runs against whom? For a row and a mode: convpad, the limit, Keras's own layer, the workaround, the peers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Pairs, Row
from convpad.benchmark import runners

__all__ = ["BACKENDS", "Contestant", "Engine", "Entry", "Shared", "Task", "engine_of", "line_up"]

Array = npt.NDArray[Any]

BACKENDS = ("jax", "torch", "tensorflow")


@dataclass(frozen=True)
class Task:
    """A row in a mode, with its numbers: the same on every backend.

    Args:
        row: the layer.
        mode: a column of the table.
        dtype: `"float32"` or `"bfloat16"`.
    """

    row: Row
    mode: str
    dtype: str = "float32"

    @property
    def modes(self) -> tuple[str, ...]:
        """Of each spatial axis."""
        return self.row.modes(self.mode)

    @property
    def zeros(self) -> tuple[str, ...]:
        """Zeros on each spatial axis."""
        return ("zeros",) * self.row.rank

    @cached_property
    def arrays(self) -> tuple[Array, Array, Array]:
        """Input, kernel, and what the output is multiplied by before its sum is derived."""
        random = np.random.default_rng(0)
        kernel = random.standard_normal(self.row.kernel_shape, dtype="float32")
        return (
            random.standard_normal(self.row.input_shape, dtype="float32"),
            kernel / np.sqrt(kernel.size / kernel.shape[-1]).astype("float32"),
            random.standard_normal(self.row.output_shape, dtype="float32"),
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One contestant before its framework has compiled it.

    Args:
        name: the column.
        function: `(x, kernel) -> out`, in `layout`. That of a Keras layer reads the kernel of `layer` instead.
        pairs, modes: what it computes, for each axis: a framework that pads alike on both sides does so.
        layout: `"last"`: channels last, and kernels as Keras has them. `"first"`: channels first, kernels as PyTorch
            has them. `"permuted"`: the same axes, on the memory of channels last.
        layer: Keras's, if it is one.
    """

    name: str
    function: Callable[[Any, Any], Any]
    pairs: Pairs
    modes: tuple[str, ...]
    layout: str = "last"
    layer: Any = None


@dataclass(frozen=True, slots=True)
class Contestant:
    """Ready to run.

    Args:
        name: the column.
        forward: runs once, blocks until it is done, and returns the output.
        backward: the same for output and gradients: of the input, of the kernel.
        read: the tensors of `backward` as arrays, channels last and kernels as Keras has them.
        pairs, modes: what it computes, for each axis.
        temporary: bytes that the compiled step needs beside its inputs and outputs, where the compiler says so.
        kept: bytes that are kept for the backward pass beside input and kernel, where the framework says so.
    """

    name: str
    forward: Callable[[], Any]
    backward: Callable[[], tuple[Any, Any, Any]]
    read: Callable[[tuple[Any, Any, Any]], tuple[Array, Array, Array]]
    pairs: Pairs
    modes: tuple[str, ...]
    temporary: Callable[[str], int] | None = None
    kept: Callable[[], int] | None = None


class Engine(runners.Engine, Protocol):
    """What each backend's file has, beside what convpad's own measurements need of it."""

    def limit(self, task: Task) -> Entry:
        """The backend's own zero-padded convolution at its best."""
        ...

    def peers(self, task: Task) -> list[Entry]:
        """Layers of other libraries that have the mode."""
        ...

    def contestant(self, entry: Entry, task: Task) -> Contestant:
        """Compiled by the framework, where it compiles."""
        ...


def engine_of(backend: str) -> Engine:
    """The engine of that backend; this imports its framework."""
    return import_module(f"benchmarks.contestants.{backend}").ENGINE


@dataclass(frozen=True, slots=True)
class Shared:
    """What the tasks of one row have in common, so that it is compiled and run only once.

    Args:
        contestants: those that pad with zeros whatever the mode, by name.
        wanted: what was found to be right, by amounts and modes.
        agreed: the names of the contestants here that were found to agree.
    """

    contestants: dict[str, Contestant] = field(default_factory=dict)
    wanted: dict[Any, tuple[Array, Array, Array]] = field(default_factory=dict)
    agreed: set[str] = field(default_factory=set)


def line_up(engine: Engine, task: Task, shared: Shared | None = None) -> list[Contestant]:
    """All contestants of a task, the limit first."""
    from benchmarks.contestants import keras, plain

    known = Shared().contestants if shared is None else shared.contestants
    for name, build in (("limit", engine.limit), ("stock", keras.stock)):
        if name not in known:
            known[name] = engine.contestant(build(task), task)
    entries = [
        plain.ours(task),
        keras.ours(task),
        *keras.workaround(engine, task),
        plain.framework(engine, task, task.row.pairs, task.modes),
        *engine.peers(task),
    ]
    ours, layer, *others = (engine.contestant(entry, task) for entry in entries)
    return [known["limit"], ours, layer, known["stock"], *others]
