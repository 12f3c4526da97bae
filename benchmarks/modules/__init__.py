"""Modules of PyTorch, Flax and Equinox next to the host's own, and next to the code that users write for a padding."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from math import ceil
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.modules.rows import AGAIN, OURS, ModuleRow
from benchmarks.results import Cell
from convpad.benchmark.candidates import TOLERANCE, relative_difference
from convpad.benchmark.result import STEPS
from convpad.benchmark.timing import Budget, Rounds, time_interleaved
from convpad.core.errors import DisagreementError

__all__ = ["BUDGET", "Contestant", "Group", "Numbers", "arrays", "cell", "measure", "verify"]

BLOCK = 5e-3
"""The seconds that a turn takes at least: shorter calls are repeated within it."""

BUDGET = Budget(seconds=1, min_rounds=7, max_rounds=200, patience=6)

Numbers = dict[str, npt.NDArray[Any]]
"""Output and gradients by name: in the host's layout, in float32."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One module, ready to run; both callables block until their results are there.

    Args:
        forward: returns the output.
        gradient: runs forward and backward, and returns the output and the gradients of input, weight and bias.
        read: turns both results into arrays.
    """

    forward: Callable[[], Any]
    gradient: Callable[[], tuple[Any, ...]]
    read: Callable[[Any], npt.NDArray[Any]]

    def run(self, step: str) -> Callable[[], Any]:
        """Return the callable of a step, `"forward"` or `"gradient"`."""
        return self.forward if step == "forward" else self.gradient

    def numbers(self) -> Numbers:
        """Run both steps once, which compiles them, and return their numbers."""
        results = (self.forward(), *self.gradient())
        names = ("output without gradients", "output", "gradient of input", "gradient of weight", "gradient of bias")
        return dict(zip(names, map(self.read, results), strict=True))


@dataclass(frozen=True, slots=True)
class Group:
    """The contestants of one row with one padding: all compute the same numbers.

    Args:
        variant: memory format, eager or compiled; or the host.
        contestants: by name; the host's own or what is written by hand first, and `"convpad"` among them.
    """

    variant: str
    contestants: Mapping[str, Contestant]


def arrays(row: ModuleRow) -> tuple[npt.NDArray[Any], ...]:
    """Return input, weight, bias and cotangent: channels first, with the weight in PyTorch's layout."""
    random = np.random.default_rng(0)
    shapes = (row.input_shape, row.weight_shape, (row.filters,), row.output_shape)
    return tuple(random.standard_normal(shape, dtype="float32") for shape in shapes)


def verify(description: str, contestants: Mapping[str, Contestant]) -> None:
    """Run every contestant once, and compare outputs and gradients with the first one's.

    Raises:
        DisagreementError: they differ.
    """
    (base, first), *others = contestants.items()
    expected = first.numbers()
    output, gradient = TOLERANCE["float32"]
    for name, contestant in others:
        for quantity, array in contestant.numbers().items():
            difference = relative_difference(array, expected[quantity])
            allowed = output if quantity.startswith("output") else gradient
            if not difference <= allowed:  # True for NaN too
                raise DisagreementError(
                    f"{name} next to {base}, {description}: the {quantity} is {difference:.1e} off, relative to its "
                    f"largest value; allowed: {allowed:.0e}."
                )


def _repeated(function: Callable[[], Any], calls: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(calls):
            function()

    return run


def _calls(functions: Mapping[str, Callable[[], Any]]) -> int:
    """Return how often a function is called in a turn; every one has been called before."""
    seconds: list[float] = []
    for function in functions.values():
        begin = perf_counter()
        function()
        seconds.append(perf_counter() - begin)
    return ceil(BLOCK / min(seconds))


def cell(row: str, mode: str, step: str, variant: str, rounds: Rounds, calls: int = 1) -> Cell:
    """Return the figures of a cell: all divided by the fastest contestant that is neither ours nor the second copy."""
    times = rounds.timings(OURS)
    base = min((name for name in times if name not in (OURS, AGAIN)), key=lambda name: times[name].seconds)
    figures = rounds.timings(base)
    figures = {base: figures.pop(base), OURS: figures.pop(OURS), **figures}
    figures = {name: replace(figure, seconds=figure.seconds / calls) for name, figure in figures.items()}
    return Cell(row, mode, step, "", figures, variant)


def _cells(row: ModuleRow, mode: str, group: Group, budget: Budget) -> Iterator[Cell]:
    verify(f"{row.name}, {mode}, {group.variant}", group.contestants)
    for step in STEPS:
        functions = {name: contestant.run(step) for name, contestant in group.contestants.items()}
        calls = _calls(functions)
        turns = {name: _repeated(function, calls) for name, function in functions.items()}
        rounds = time_interleaved(turns, budget, always=list(turns))
        yield cell(row.name, mode, step, group.variant, rounds, calls)


def measure(
    backend: str,
    rows: Sequence[ModuleRow],
    modes: Sequence[str],
    *,
    budget: Budget,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Measure every row with every padding that it has among `modes`; see `layers.measure`."""
    host = import_module(f"benchmarks.modules.{backend}")
    for row in rows:
        for mode in modes:
            if mode not in row.modes:
                continue
            on_step(f"{row.name} {mode}")
            for group in host.groups(row, mode):
                yield from _cells(row, mode, group, budget)
                del group
                host.forget()
                gc.collect()
