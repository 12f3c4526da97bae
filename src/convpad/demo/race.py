"""How long does each network take, next to the others? Interleaved rounds in one process, and their medians."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import Any

__all__ = ["Ratio", "Rounds", "milliseconds", "race"]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One runner's time divided by another's.

    Args:
        median: of the one's times, divided by the median of the other's.
        low, high: quartiles of the ratios of the single rounds.
    """

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Rounds:
    """What everyone took.

    Args:
        taken: seconds, by name, one for each round.
    """

    taken: dict[str, list[float]]

    @property
    def count(self) -> int:
        """How many there were."""
        return len(next(iter(self.taken.values())))

    def seconds(self, name: str) -> float:
        """The median of a run."""
        return median(self.taken[name])

    def ratio(self, name: str, base: str) -> Ratio:
        """One's time next to another's.

        Example:

        >>> from convpad.demo.race import Rounds
        >>> Rounds({"slow": [2.0, 4.0, 3.0], "quick": [1.0, 1.0, 1.0]}).ratio("slow", "quick")
        Ratio(median=3.0, low=2.5, high=3.5)
        """
        rounds = [own / other for own, other in zip(self.taken[name], self.taken[base], strict=True)]
        low, _, high = quantiles(rounds, n=4, method="inclusive")
        return Ratio(self.seconds(name) / self.seconds(base), low, high)


def race(
    runs: Mapping[str, Callable[[], Any]],
    *,
    seconds: float = 3.0,
    least: int = 5,
    clock: Callable[[], float] = perf_counter,
) -> Rounds:
    """Times all, each of which must have run before, so that nothing is compiled here.

    In every round each runs once, and who begins moves on by one: nobody always follows the same neighbour.

    Args:
        runs: by name; each runs once and blocks until it is done.
        seconds: after which no round is begun, once there are enough.
        least: rounds, whatever they take; 2 or more.
        clock: in seconds, for tests.
    """
    names = list(runs)
    taken: dict[str, list[float]] = {name: [] for name in names}
    start, rounds = clock(), 0
    while rounds < least or clock() - start < seconds:
        first = rounds % len(names)
        for name in [*names[first:], *names[:first]]:
            begin = clock()
            runs[name]()
            taken[name].append(clock() - begin)
        rounds += 1
    return Rounds(taken)


def milliseconds(seconds: float) -> str:
    """A time as people read it.

    Example:

    >>> from convpad.demo.race import milliseconds
    >>> milliseconds(0.01534), milliseconds(0.3104)
    ('15.3 ms', '310 ms')
    """
    return f"{seconds * 1e3:.{1 if seconds < 0.1 else 0}f} ms"
