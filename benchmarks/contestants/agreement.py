"""Do all contestants compute what they say? Wrong numbers are not timed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.contestants import Contestant, Engine, Shared, Task
from benchmarks.contestants.plain import framework

__all__ = ["TOLERANCE", "DisagreementError", "check"]

TOLERANCE = {"float32": (1e-4, 1e-3), "bfloat16": (4e-2, 1e-1)}
"""Largest difference of an output, and of a gradient (a longer sum), relative to the largest value."""


class DisagreementError(Exception):
    """A contestant computes something else than it says."""


def _difference(found: Any, wanted: Any) -> float:
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def check(engine: Engine, task: Task, contestants: Sequence[Contestant], shared: Shared | None = None) -> None:
    """Runs everyone once, forward and backward, which also compiles what is compiled.

    Each is held against the framework's pad followed by its convolution, with the amounts and the modes that the
    contestant says it has. The outputs of the forward pass alone are held against those of the backward pass.

    Raises:
        DisagreementError: one of them is apart.
    """
    shared = shared or Shared()
    references = {(one.pairs, one.modes): one for one in contestants if one.name == "framework"}
    for contestant in contestants:
        if contestant.name in shared.agreed:
            continue
        key = (contestant.pairs, contestant.modes)
        if key not in shared.wanted:
            reference = references.get(key) or engine.contestant(framework(engine, task, *key), task)
            shared.wanted[key] = reference.read(reference.backward())
        _agrees(
            f"{contestant.name} on {engine.name}, {task.row.name}, {task.mode}", contestant, task, shared.wanted[key]
        )
        if contestant.name in shared.contestants:
            shared.agreed.add(contestant.name)


def _agrees(who: str, contestant: Contestant, task: Task, wanted: tuple[Any, Any, Any]) -> None:
    results = contestant.backward()
    found = (*contestant.read(results), contestant.read((contestant.forward(), *results[1:]))[0])
    allowed, allowed_gradient = TOLERANCE[task.dtype]
    for what, one, other, most in zip(
        ("output", "gradient of the input", "gradient of the kernel", "output of the forward pass"),
        found,
        (*wanted, wanted[0]),
        (allowed, allowed_gradient, allowed_gradient, allowed),
        strict=True,
    ):
        difference = _difference(one, other)
        if not difference <= most:
            raise DisagreementError(
                f"{who}: the {what} is {difference:.1e} off, relative to its largest value; allowed: {most:.0e}."
            )
