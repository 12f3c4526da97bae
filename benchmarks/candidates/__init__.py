"""Candidates of a row in a mode: convpad, the limit, Keras's own layer, the workaround, and other libraries."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any

import numpy.typing as npt

from benchmarks.rows import Pairs, Row
from convpad.benchmark import candidates
from convpad.benchmark.runners import Answers, Steps

__all__ = [
    "BACKENDS",
    "Candidate",
    "Case",
    "Entry",
    "Framework",
    "MeasuredSteps",
    "Shared",
    "framework_of",
    "line_up",
    "line_up_compiled",
]

Array = npt.NDArray[Any]

BACKENDS = ("jax", "torch", "tensorflow")


@dataclass(frozen=True)
class Case:
    """A row in a mode, with its numbers: equal on every backend.

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
        """The mode of each spatial axis."""
        return self.row.modes(self.mode)

    @property
    def zeros(self) -> tuple[str, ...]:
        """Zeros on each spatial axis."""
        return ("zeros",) * self.row.rank

    @cached_property
    def arrays(self) -> tuple[Array, ...]:
        """Input, kernel and cotangent."""
        return self.row.layer().arrays


@dataclass(frozen=True, slots=True)
class Entry:
    """A candidate before its framework has compiled it.

    Args:
        name: the column.
        function: `(x, kernel) -> output`, in `layout`. That of a Keras layer reads the kernel of `layer` instead.
        pairs, modes: the padding of each axis; a framework that pads both sides equally has other amounts.
        layout: `"last"`: channels last, and kernels in Keras's layout. `"first"`: channels first, and kernels in
            PyTorch's layout. `"permuted"`: the same axes, on the memory of channels last.
        layer: Keras's, if it is one.
    """

    name: str
    function: Callable[[Any, Any], Any]
    pairs: Pairs
    modes: tuple[str, ...]
    layout: str = "last"
    layer: Any = None


@dataclass(frozen=True, slots=True)
class MeasuredSteps(Steps):
    """Steps whose framework says how much memory they need.

    Args:
        temporary_bytes: the bytes that a compiled step ("forward" or "gradient") needs beside its inputs and outputs.
        saved_bytes: the bytes saved for the backward pass beside input and kernel.
    """

    temporary_bytes: Callable[[str], int] | None = None
    saved_bytes: Callable[[], int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(candidates.Candidate):
    """A function that is ready to run, and the padding of each axis."""

    pairs: Pairs
    modes: tuple[str, ...]


class Framework(ABC):
    """The additions of each file of this folder to convpad's `Runner`."""

    @abstractmethod
    def limit(self, case: Case) -> Entry:
        """Return the backend's own zero-padded convolution at its best."""

    def by_hand(self, case: Case) -> list[Entry]:
        """Return what users write: the framework's own convolution, after its own pad where that is needed."""
        from benchmarks.candidates import plain

        limit = self.limit(case)
        alone = case.modes == case.zeros and limit.pairs == case.row.pairs
        return [replace(limit if alone else plain.framework(self, case), name="by hand")]

    @abstractmethod
    def peers(self, case: Case) -> list[Entry]:
        """Return layers of other libraries that have the mode."""

    @abstractmethod
    def compiled(self, entry: Entry, case: Case) -> tuple[Steps, Callable[[Any], Answers]]:
        """Return the steps of an entry, and the function that returns its tensors as arrays."""

    def candidate(self, entry: Entry, case: Case) -> Candidate:
        """Return an entry, compiled where the framework compiles."""
        steps, read = self.compiled(entry, case)
        return Candidate(name=entry.name, function="", steps=steps, read=read, pairs=entry.pairs, modes=entry.modes)


def framework_of(backend: str) -> Any:
    """Return the runner of a backend, with limit and peers; this imports the framework."""
    return import_module(f"benchmarks.candidates.{backend}").RUNNER


@dataclass(frozen=True, slots=True)
class Shared:
    """What the cases of one row share, so that it is compiled and run only once.

    Args:
        candidates: those that pad with zeros whatever the mode, by name.
        expected: the right numbers, by amounts and modes.
        verified: the names of the candidates here that were found to agree.
    """

    candidates: dict[str, Candidate] = field(default_factory=dict)
    expected: dict[Any, Answers] = field(default_factory=dict)
    verified: set[str] = field(default_factory=set)


def line_up(runner: Any, case: Case, shared: Shared | None = None) -> list[Candidate]:
    """Return all candidates of a case, the limit first."""
    from benchmarks.candidates import keras, plain

    known = {} if shared is None else shared.candidates
    for name, build in (("limit", runner.limit), ("stock", keras.stock)):
        if name not in known:
            known[name] = runner.candidate(build(case), case)
    entries = [
        plain.convpad_function(case),
        keras.convpad_layer(case),
        *keras.workaround(runner, case),
        plain.framework(runner, case),
        *runner.peers(case),
    ]
    function, layer, *others = (runner.candidate(entry, case) for entry in entries)
    return [known["limit"], function, layer, known["stock"], *others]


def line_up_compiled(runner: Any, case: Case, shared: Shared) -> list[Candidate]:
    """Return the candidates of a case under `torch.compile`, the limit first: no Keras, and convpad by every route."""
    from benchmarks.candidates import plain

    if "limit" not in shared.candidates:
        shared.candidates["limit"] = runner.candidate(runner.optimised(runner.limit(case)), case)
    entries = [*plain.convpad_by_routes(case, runner.name), *runner.by_hand(case), *runner.peers(case)]
    return [shared.candidates["limit"], *(runner.candidate(runner.optimised(entry), case) for entry in entries)]
