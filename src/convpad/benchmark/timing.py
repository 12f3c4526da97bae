"""Timing of several functions next to each other: interleaved rounds in one process, and their medians."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

LIMIT = "limit"
"""The default base, by whose time the others are divided: zero padding."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The time and the number of rounds of a measurement.

    Args:
        seconds: of rounds, for all functions together.
        min_rounds: rounds of every function, however long they take.
        max_rounds: rounds, where they are short.
        patience: seconds after which three rounds of every function are enough, even if `min_rounds` are more.
    """

    seconds: float = 1.0
    min_rounds: int = 5
    max_rounds: int = 300
    patience: float = 5.0

    @property
    def required_rounds(self) -> int:
        """The number of rounds that every function gets in any case."""
        return min(3, self.min_rounds)


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one function.

    Args:
        seconds: the median of a run.
        ratio: the median of (a round's run / the base's run in the same round).
        low, high: the quartiles of the same.
        rounds: the number of runs.
    """

    seconds: float
    ratio: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Rounds:
    """The measured rounds: for each the seconds of every function that ran in it."""

    seconds: list[dict[str, float]]

    def timings(self, base: str = LIMIT) -> dict[str, Timing]:
        """Return the timing of every function next to `base`, which must have run in every round."""
        names = dict.fromkeys(name for times in self.seconds for name in times)
        return {name: self._timing(name, base) for name in sorted(names, key=[*self.seconds[0]].index)}

    def _timing(self, name: str, base: str) -> Timing:
        runs = [times[name] for times in self.seconds if name in times]
        ratios = [times[name] / times[base] for times in self.seconds if name in times and base in times]
        low, ratio, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
        return Timing(median(runs), ratio, low, high, len(runs))


def time_interleaved(
    functions: Mapping[str, Callable[[], Any]],
    budget: Budget,
    *,
    always: Collection[str] = (LIMIT,),
    clock: Callable[[], float] = perf_counter,
) -> Rounds:
    """Time functions in turns; each has run before, so that nothing is compiled here, and blocks until it is done.

    In every round each runs once, and the first of the round moves on by one: no function always follows the same
    neighbour. A function that takes far more than its share of the time skips rounds, so that the fast ones get enough;
    those in `always` never do, because others are divided by them.
    """
    names = list(functions)
    rounds: list[dict[str, float]] = []
    spent = dict.fromkeys(names, 0.0)
    counts = dict.fromkeys(names, 0)
    while len(rounds) < budget.max_rounds and not _enough(budget, sum(spent.values()), min(counts.values())):
        first = len(rounds) % len(names)
        times: dict[str, float] = {}
        for name in [*names[first:], *names[:first]]:
            if name not in always and _skips(name, counts, spent, budget):
                continue
            begin = clock()
            functions[name]()
            times[name] = clock() - begin
        for name, seconds in times.items():
            spent[name] += seconds
            counts[name] += 1
        rounds.append(times)
    return Rounds(rounds)


def _enough(budget: Budget, total: float, fewest_rounds: int) -> bool:
    done = fewest_rounds >= budget.min_rounds and total >= budget.seconds
    return done or (fewest_rounds >= budget.required_rounds and total >= budget.patience)


def _skips(name: str, counts: Mapping[str, int], spent: Mapping[str, float], budget: Budget) -> bool:
    if counts[name] < budget.required_rounds:
        return False
    # Once the patience is over, only functions with too few rounds still run.
    late = sum(spent.values()) >= budget.patience
    return late or (counts[name] >= budget.min_rounds and spent[name] > 2 * budget.seconds / len(counts))
