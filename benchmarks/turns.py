"""Turns of several calls each, timed by whoever makes the calls: in another process, or on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import ceil

from convpad.benchmark.timing import Budget, Rounds, time_interleaved

__all__ = ["BLOCK", "Turn", "time_turns"]

BLOCK = 5e-3
"""The seconds that a turn takes at least: shorter calls are repeated within it."""
MOST = 500
"""The most calls in a turn."""

Turn = Callable[[int], float]
"""Makes so many calls, and returns the seconds that they took together."""


def time_turns(turns: Mapping[str, Turn], budget: Budget, block: float = BLOCK) -> Rounds:
    """Time functions in turns, interleaved as in `time_interleaved`; all of them have run before.

    The time of a turn is what it says itself, so that the way to it (a pipe, a queue) costs nothing.
    """
    calls = {name: _calls(turn, block) for name, turn in turns.items()}
    elapsed = 0.0

    def take(name: str) -> None:
        nonlocal elapsed
        elapsed += turns[name](calls[name])

    functions = {name: partial(take, name) for name in turns}
    rounds = time_interleaved(functions, budget, always=(), clock=lambda: elapsed)
    return Rounds([{name: seconds / calls[name] for name, seconds in times.items()} for times in rounds.seconds])


def _calls(turn: Turn, block: float) -> int:
    """Return how many calls a turn has: a call that ran long ago is slower than the next."""
    first = turn(1)
    return 1 if first >= block else min(ceil(block / turn(1)), MOST)
