"""Figures of a GPU in one run of few minutes: the most telling cells first, and a list of those not reached."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from math import prod
from time import monotonic
from typing import Any, Protocol

from benchmarks.results import Cell, Determinism, Measured, Memory
from benchmarks.rows import Row, row_named
from benchmarks.turns import time_turns
from convpad.backends import backend_named
from convpad.backends.base import Context
from convpad.benchmark.candidates import TOLERANCE
from convpad.benchmark.result import STEPS
from convpad.benchmark.timing import Budget

__all__ = ["BUDGET", "Contestant", "Host", "Run", "Task", "contestant_names", "host_of", "plan_of", "tasks"]

BUDGET = Budget(seconds=0.15, min_rounds=5, max_rounds=15, patience=1.0)
REPEATS = 4
"""Runs whose gradients are compared bit by bit."""

_BATCHES = {
    "resnet-56": 32, "mobilenet-56-s1": 32, "resnet-14": 32, "vgg-224": 8, "resnet-224": 32, "convnext-56": 32,
    "unet-572": 4, "aspp-33-d12": 16, "resnext-28": 32, "mobilenet-112-s2": 32, "inception-17-1x7": 32,
    "stem-320": 16, "mobilenet-14-s1": 32, "efficientnet-28": 32, "unet3d-64": 4,
}  # fmt: skip
"""The rows, the most telling first, with the batch of each: so large that a GPU has work."""


@dataclass(frozen=True, slots=True)
class Task:
    """One row in one mode, in one way.

    Args:
        row, mode: the layer and its padding.
        dtype: `"float32"` or `"bfloat16"`.
        way: `"eager"`, `"compiled"` or `"jit"`.
        memory_format: `"channels_last"` or `"contiguous"`.
    """

    row: Row
    mode: str
    dtype: str
    way: str
    memory_format: str = "channels_last"

    @property
    def variant(self) -> str:
        """The name in the tables."""
        return self.way if self.way == "jit" else f"{self.way}, {self.memory_format}"

    def __str__(self) -> str:
        return f"{self.row.name}, {self.mode}, {self.dtype}, {self.variant}"


@dataclass(frozen=True, slots=True)
class Contestant:
    """One candidate, ready to run; neither callable waits for the device.

    Args:
        forward: returns the output.
        gradient: returns the output and the gradients of input and kernel.
        comparable: whether it computes what is asked, and not only what takes as long.
    """

    forward: Callable[[], Any]
    gradient: Callable[[], tuple[Any, ...]]
    comparable: bool = True

    def run(self, step: str) -> Callable[[], Any]:
        """Return the callable of a step, `"forward"` or `"gradient"`."""
        return self.forward if step == "forward" else self.gradient


class Host(Protocol):
    """What the file of each framework has."""

    def device_name(self, device: str) -> str:
        """Return the name of the device; "" if it is a CPU. Refuses a device that is not there."""
        ...

    def contestants(self, task: Task, device: str) -> dict[str, Callable[[], Contestant]]:
        """Return the makers of all candidates by name: the limit first, then what is written by hand."""
        ...

    def seconds(self, run: Callable[[], Any], calls: int, device: str) -> float:
        """Return the seconds of some calls in a row, until the device has finished the last."""
        ...

    def difference(self, tensor: Any, expected: Any) -> float:
        """Return the largest difference, relative to the largest expected value."""
        ...

    def peak(self, contestant: Contestant, step: str, device: str) -> int | None:
        """Return the bytes that a step needs at most beside its inputs; None where nobody says."""
        ...

    def determinism(
        self, contestants: Mapping[str, Contestant], repeats: int
    ) -> tuple[dict[str, bool], dict[str, str]]:
        """Return for each candidate whether gradients repeat, and what becomes of it where only such may run."""
        ...

    def forget(self) -> None:
        """Forget compiled programs, and give back what memory is free."""
        ...


def host_of(backend: str) -> Host:
    """Return the host of `"torch"` or `"jax"`; this imports the framework."""
    return import_module(f"benchmarks.gpu.{backend}").HOST


def _waves(backend: str) -> Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...], int]]:
    """Yield (way, memory format, dtypes, modes, number of rows), the most telling first."""
    both, every = ("bfloat16", "float32"), len(_BATCHES)
    if backend == "jax":
        yield "jit", "channels_last", both, ("reflect",), 5
        yield "jit", "channels_last", both, ("zeros", "circular"), 3
        yield "jit", "channels_last", both, ("reflect",), every
        yield "jit", "channels_last", both, ("constant", "replicate", "ignore", "zeros", "circular"), every
        return
    yield "eager", "channels_last", both, ("reflect", "zeros"), every
    yield "eager", "contiguous", both, ("reflect",), every
    yield "compiled", "channels_last", ("bfloat16",), ("reflect",), 4
    yield "eager", "channels_last", both, ("circular", "constant"), every
    yield "compiled", "channels_last", ("float32",), ("reflect",), 4
    yield "compiled", "channels_last", ("bfloat16",), ("circular", "zeros"), 4
    yield "eager", "channels_last", both, ("replicate", "ignore"), every
    yield "eager", "contiguous", both, ("zeros", "circular", "constant"), every
    yield "compiled", "contiguous", ("float32",), ("reflect",), 4
    yield "compiled", "channels_last", both, ("reflect", "constant"), every


def tasks(backend: str, *, tiny: bool = False) -> list[Task]:
    """Return every task, the most telling first; `tiny`: on inputs so small that a CPU tries them in a moment."""
    rows = [replace(row_named(name), batch=batch) for name, batch in _BATCHES.items()]
    rows = [row.shrunk() for row in rows] if tiny else rows
    found = [
        Task(row, mode, dtype, way, memory_format)
        for way, memory_format, dtypes, modes, count in _waves(backend)
        for mode in modes
        for row in rows[:count]
        for dtype in dtypes
    ]
    return list(dict.fromkeys(found))


def plan_of(backend: str, task: Task, step: str, device: str) -> Any:
    """Return convpad's plan of a step."""
    base: Context = backend_named(backend).context()
    gradient = None if backend == "jax" else step == "gradient"
    context = replace(base, device="gpu" if device == "cuda" else "cpu", gradient=gradient, eager=task.way == "eager")
    plan = task.row.layer(backend).plan(task.row.spelled(task.mode), context=context)
    return plan.for_gradient() if step == "gradient" else plan


def contestant_names(backend: str, task: Task, device: str) -> dict[str, str | None]:
    """Return convpad's candidates with their routes: its own, and each other one that can compute it."""
    from convpad.benchmark.candidates import routes

    own = {str(plan_of(backend, task, step, device).route) for step in STEPS}
    others = [route for route in routes(task.row.layer(backend), task.row.spelled(task.mode)) if own != {route}]
    return {"convpad": None, **{f"convpad {route}": route for route in others}}


@dataclass(slots=True)
class Run:
    """One run on one framework.

    Args:
        backend: `"torch"` or `"jax"`.
        device: `"cuda"` or `"cpu"`.
        deadline: of `time.monotonic`; no task begins after it.
        budget, block: of a cell, and the seconds of a turn.
        unreached: grows by each task that there was no time for, and each candidate that failed.
    """

    backend: str
    device: str
    deadline: float
    budget: Budget
    block: float
    unreached: list[str]

    def measure(
        self, chosen: Sequence[Task], on_step: Callable[[str], None], clock: Callable[[], float] = monotonic
    ) -> Iterator[tuple[str, Measured]]:
        """Yield the measurements of tasks with their dtypes, until the time is over."""
        host = host_of(self.backend)
        for place, task in enumerate(chosen):
            if clock() > self.deadline:
                self.unreached += [str(left) for left in chosen[place:]]
                return
            on_step(str(task))
            yield from ((task.dtype, one) for one in self._measured(host, task))
            host.forget()
            gc.collect()

    def _measured(self, host: Host, task: Task) -> Iterator[Measured]:
        contestants = self._verified(host, task)
        if not {"limit", "by hand", "convpad"} <= set(contestants):
            return
        place = (task.row.name, task.mode)
        size = prod(task.row.input_shape) * (2 if task.dtype == "bfloat16" else 4)
        for step in STEPS:
            turns = {
                name: lambda calls, one=one, step=step: host.seconds(one.run(step), calls, self.device)
                for name, one in contestants.items()
            }
            rounds = time_turns(turns, self.budget, self.block)
            route = str(plan_of(self.backend, task, step, self.device))
            yield Cell(*place, step, route, rounds.timings(), task.variant)
            peaks = {name: host.peak(one, step, self.device) for name, one in contestants.items()}
            known = {name: size for name, size in peaks.items() if size is not None}
            if known:
                yield Memory(*place, step, route, size, known, {}, task.variant)
        if task.way == "eager":
            others = {name: one for name, one in contestants.items() if name != "limit"}
            yield Determinism(*place, "gradient", task.variant, *host.determinism(others, REPEATS))

    def _verified(self, host: Host, task: Task) -> dict[str, Contestant]:
        """Make every candidate, run it, and compare it with what is written by hand; leave out what fails."""
        on_cpu = self.device == "cpu" or task.dtype == "bfloat16"
        allowed = TOLERANCE[task.dtype if on_cpu else f"{task.dtype} off the CPU"]
        found: dict[str, Contestant] = {}
        expected: tuple[Any, ...] | None = None
        makers = host.contestants(task, self.device)
        for name in ("by hand", *(name for name in makers if name != "by hand")):
            try:
                contestant = makers[name]()
                answers = (*contestant.gradient(), contestant.forward())
            except Exception as error:  # a dtype that it has not, or a compiler's: the other candidates go on
                self.unreached.append(f"{task}: {name} failed: {_first_line(error)}")
                continue
            expected = expected or answers
            if contestant.comparable and (wrong := _wrong(host, answers, expected, allowed)):
                self.unreached.append(f"{task}: {name} is not timed, as {wrong}")
                continue
            found[name] = contestant
        return {name: found[name] for name in makers if name in found}


def _wrong(host: Host, answers: Sequence[Any], expected: Sequence[Any], allowed: tuple[float, float]) -> str:
    """Return which numbers are off; "" if none are."""
    names = ("the output", "the gradient of the input", "the gradient of the kernel", "the output of the forward pass")
    tolerances = (allowed[0], allowed[1], allowed[1], allowed[0])
    for name, tensor, right, tolerance in zip(names, answers, expected, tolerances, strict=True):
        difference = host.difference(tensor, right)
        if not difference <= tolerance:  # True for NaN too
            return f"{name} is {difference:.1e} off; allowed: {tolerance:.0e}"
    return ""


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"
