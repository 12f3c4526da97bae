"""Worker process of one framework: compiles, verifies and times candidates, as it is told through a pipe."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter, sleep
from typing import Any

from convpad.benchmark.runners import Answers

__all__ = ["Bench", "Prepared", "Worker", "by_hand"]

PAUSE = 2e-3
"""The seconds before a turn: threads of the process that had the last one may still wait for work at full speed."""


def by_hand(backend: str) -> str:
    """Return the name of the framework's own convolution among the candidates of all processes."""
    return f"{backend} by hand"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The candidates of a case in one process.

    Args:
        answers: output and gradients of each, by name.
        routes: of convpad's plan, by step.
    """

    answers: Mapping[str, Answers]
    routes: Mapping[str, str]


class Bench(ABC):
    """The state of the process: the candidates of the case at hand."""

    def __init__(self, backend: str) -> None:
        """Begin with no candidates; `KERAS_BACKEND` is set."""
        self.backend = backend

    @abstractmethod
    def prepare(self, case: Any) -> Any:
        """Compile the candidates of a case, and return what they computed; forget those of the last case."""

    @abstractmethod
    def function(self, name: str, step: str) -> Callable[[], Any]:
        """Return the step of a candidate as a function that blocks until it is done."""

    def turn(self, name: str, step: str, calls: int) -> float:
        """Return the seconds of some calls; one before them, which is not timed, unless there is only one."""
        run = self.function(name, step)
        sleep(PAUSE)
        if calls > 1:
            run()
        begin = perf_counter()
        for _ in range(calls):
            run()
        return perf_counter() - begin


class _Layers(Bench):
    """Convpad's function, and the framework's own convolution, of one row in one mode."""

    def __init__(self, backend: str) -> None:
        from benchmarks.candidates import framework_of

        super().__init__(backend)
        self.runner = framework_of(backend)
        self.candidates: dict[str, Any] = {}

    def prepare(self, case: Any) -> Prepared:
        import gc

        from benchmarks.candidates import plain
        from benchmarks.candidates.verify import verify
        from convpad.benchmark.result import STEPS

        self.candidates = {}
        gc.collect()
        entries = [plain.convpad_function(case), *self.runner.by_hand(case)]
        candidates = [self.runner.candidate(entry, case) for entry in entries]
        verify(self.runner, case, candidates)
        names = [
            self.backend,
            *(candidate.name.replace("by hand", by_hand(self.backend)) for candidate in candidates[1:]),
        ]
        self.candidates = dict(zip(names, candidates, strict=True))
        routes = {step: case.row.route(case.mode, self.backend, step) for step in STEPS}
        return Prepared({name: candidate.answers() for name, candidate in self.candidates.items()}, routes)

    def function(self, name: str, step: str) -> Callable[[], Any]:
        return self.candidates[name].steps.run(step)


def _serve(backend: str, make: Callable[[str], Bench], pipe: Any) -> None:
    """Answer commands until the pipe is closed; what is raised is an answer, too."""
    os.environ["KERAS_BACKEND"] = backend
    bench: Bench | None = None
    while True:
        try:
            command, arguments = pipe.recv()
        except EOFError:
            return
        try:
            bench = bench or make(backend)
            pipe.send(getattr(bench, command)(*arguments))
        except Exception as error:
            pipe.send(error)


class Worker:
    """The other end of the pipe: a process of its own, alive until it is closed."""

    def __init__(self, backend: str, make: Callable[[str], Bench] = _Layers) -> None:
        """Start the process; the framework is imported with the first command.

        Args:
            backend: the framework.
            make: what carries out the commands there, given the framework's name.
        """
        context = get_context("spawn")
        self.backend = backend
        self._pipe, inner = context.Pipe()
        self._process = context.Process(target=_serve, args=(backend, make, inner), daemon=True)
        self._process.start()
        inner.close()

    def ask(self, command: str, *arguments: Any) -> Any:
        """Have a command carried out, and return its result; see `receive`."""
        self.send(command, *arguments)
        return self.receive(command)

    def send(self, command: str, *arguments: Any) -> None:
        """Have a command carried out, without waiting for it."""
        self._pipe.send((command, arguments))

    def receive(self, command: str) -> Any:
        """Return the result of a command that was sent.

        Raises:
            Exception: what was raised in the process.
            RuntimeError: the process ended.
        """
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"The process of {self.backend} ended during {command}.") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.terminate()
