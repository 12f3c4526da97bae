"""Agreement of the suite's candidates: wrong numbers are not timed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.candidates import Candidate, Case, Shared
from benchmarks.candidates.plain import framework

__all__ = ["verify"]


def verify(runner: Any, case: Case, candidates: Sequence[Candidate], shared: Shared | None = None) -> None:
    """Run every candidate once, forward and backward, which also compiles, and compare the numbers.

    Each is compared with the framework's pad followed by its convolution, with the candidate's amounts and modes.

    Raises:
        DisagreementError: the numbers of a candidate differ.
    """
    shared = shared or Shared()
    references = {(one.pairs, one.modes): one for one in candidates if one.name == "framework"}
    for candidate in candidates:
        if candidate.name in shared.verified:
            continue
        key = (candidate.pairs, candidate.modes)
        if key not in shared.expected:
            reference = references.get(key) or runner.candidate(framework(runner, case, *key), case)
            shared.expected[key] = reference.answers()
        description = f"{candidate.name} on {runner.name}, {case.row.name}, {case.mode}"
        candidate.verify(shared.expected[key], case.dtype, description)
        if candidate.name in shared.candidates:
            shared.verified.add(candidate.name)
