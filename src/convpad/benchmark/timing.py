"""How long does each contestant take, next to the others? Interleaved rounds in one process, and their medians."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

__all__ = ["LIMIT", "Budget", "Figure", "Rounds", "race", "spoken"]

LIMIT = "limit"
"""The contestant that the others are divided by: zero padding."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop.

    Args:
        seconds: of rounds, for all contestants together.
        least: rounds of every contestant, whatever they take.
        most: rounds, where they are short.
        patience: seconds after which a round more than three is not begun, even if `least` is not reached.
    """

    seconds: float = 1.0
    least: int = 5
    most: int = 300
    patience: float = 5.0

    @property
    def fewest(self) -> int:
        """Rounds that are never gone below."""
        return min(3, self.least)


@dataclass(frozen=True, slots=True)
class Figure:
    """What one contestant took.

    Args:
        seconds: the median of a run.
        ratio: that median divided by the base's.
        low, high: quartiles of (a round's run / the base's run in the same round): the spread of `ratio`.
        rounds: how often it ran.
    """

    seconds: float
    ratio: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Rounds:
    """What was timed: for each round the seconds of everyone who ran in it."""

    taken: list[dict[str, float]]

    def figures(self, base: str = LIMIT) -> dict[str, Figure]:
        """Of everyone, next to `base`, which must have run in every round."""
        names = dict.fromkeys(name for taken in self.taken for name in taken)
        return {name: self._figure(name, base) for name in sorted(names, key=[*self.taken[0]].index)}

    def _figure(self, name: str, base: str) -> Figure:
        own = [taken[name] for taken in self.taken if name in taken]
        pairs = [taken[name] / taken[base] for taken in self.taken if name in taken and base in taken]
        ratio = median(own) / median(taken[base] for taken in self.taken if base in taken)
        low, _, high = quantiles(pairs, n=4, method="inclusive") if len(pairs) > 1 else (ratio,) * 3
        return Figure(median(own), ratio, low, high, len(own))


def race(
    runs: Mapping[str, Callable[[], Any]],
    budget: Budget,
    *,
    always: Collection[str] = (LIMIT,),
    clock: Callable[[], float] = perf_counter,
) -> Rounds:
    """Times all, each of which must have run before, so that nothing is compiled here.

    In every round each runs once, and who begins moves on by one: nobody always follows the same neighbour. One that
    takes far more than its share of the time sits out rounds, so that the quick ones get enough of them.

    Args:
        runs: by name; each runs once and blocks until it is done.
        budget: when to stop.
        always: who never sits out, because others are divided by it.
        clock: for tests.
    """
    names = list(runs)
    rounds: list[dict[str, float]] = []
    spent = dict.fromkeys(names, 0.0)
    counts = dict.fromkeys(names, 0)
    while len(rounds) < budget.most and not _enough(budget, sum(spent.values()), min(counts.values())):
        first = len(rounds) % len(names)
        taken: dict[str, float] = {}
        for name in [*names[first:], *names[:first]]:
            if name not in always and _sits_out(name, counts, spent, budget):
                continue
            begin = clock()
            runs[name]()
            taken[name] = clock() - begin
        for name, seconds in taken.items():
            spent[name] += seconds
            counts[name] += 1
        rounds.append(taken)
    return Rounds(rounds)


def _enough(budget: Budget, total: float, fewest: int) -> bool:
    done = fewest >= budget.least and total >= budget.seconds
    return done or (fewest >= budget.fewest and total >= budget.patience)


def _sits_out(name: str, counts: Mapping[str, int], spent: Mapping[str, float], budget: Budget) -> bool:
    if counts[name] < budget.fewest:
        return False
    # With the patience gone, nobody but those with too few rounds is waited for.
    late = sum(spent.values()) >= budget.patience
    return late or (counts[name] >= budget.least and spent[name] > 2 * budget.seconds / len(counts))


def spoken(seconds: float) -> str:
    """A time as people read it.

    Example:

    >>> from convpad.benchmark.timing import spoken
    >>> spoken(0.01534), spoken(0.3104), spoken(2.5)
    ('15.3 ms', '310 ms', '2.50 s')
    """
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"
