"""Do all contestants compute what they say? Wrong numbers are not timed."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.contestants import Contestant, Engine, Shared, Task
from benchmarks.contestants.plain import framework
from convpad.benchmark.verify import DisagreementError, agree

__all__ = ["DisagreementError", "check"]


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
        who = f"{contestant.name} on {engine.name}, {task.row.name}, {task.mode}"
        results = contestant.backward()
        forward = contestant.read((contestant.forward(), *results[1:]))[0]
        agree(who, contestant.read(results), forward, shared.wanted[key], task.dtype)
        if contestant.name in shared.contestants:
            shared.agreed.add(contestant.name)
