"""Result of a benchmark: every candidate's time next to zero padding, and whether the plan was the fastest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from convpad.benchmark.layer import Layer
from convpad.benchmark.machine import describe_machine
from convpad.display.format import format_seconds
from convpad.display.result import Result
from convpad.display.table import Cell, Table

STEPS = ("forward", "gradient")
BASE = "zeros"
"""The mode by whose time the others are divided."""
STAR, RATIO = "*", "/ zeros"


@dataclass(frozen=True, slots=True)
class BenchRow:
    """The time of one candidate for one step in one mode.

    Args:
        mode: the padding mode, as the command line spells it.
        step: `"forward"`, or `"gradient"`: forward and backward.
        candidate: `"convpad"`, `"workaround"` (the backend's pad, then its convolution) or `"keras"` (Keras's layer).
        function: the name of the function that was called.
        route: of convpad, else "".
        chosen: whether convpad takes this route by itself.
        reason: of the plan, where the route is chosen.
        seconds, ratio, low, high, rounds: as in `Timing`, next to the zero-padded convolution.
    """

    mode: str
    step: str
    candidate: str
    function: str
    route: str
    chosen: bool
    reason: str
    seconds: float
    ratio: float
    low: float
    high: float
    rounds: int

    @property
    def label(self) -> str:
        """The candidate, and its route if it is convpad."""
        return f"{self.candidate} {self.route}".rstrip()


@dataclass(frozen=True, slots=True, repr=False)
class Bench(Result):
    """The times of a layer in several modes, on this machine.

    Args:
        layer: the layer.
        device: `"cpu"`, `"gpu"` or another.
        machine, versions: the machine, and the versions of the packages.
        rows: one for each candidate, step and mode; zeros first.
        keras: why Keras's own layer was no candidate; "" if it was one.

    Example:

    >>> import convpad
    >>> bench = convpad.bench((1, 16, 16, 2), (3, 3, 2, 2), padding_modes=["circular"], backend="jax", seconds=0.01)
    >>> chosen, = [row for row in bench.rows if row.mode == "circular" and row.step == "forward" and row.chosen]
    >>> print(chosen.route, "on jax:", chosen.reason)
    padded on jax: no backend's operation pads with circular, and correction was not found faster here
    >>> {row.candidate for row in bench.rows} >= {"convpad", "workaround"}
    True
    """

    layer: Layer
    device: str
    machine: dict[str, str]
    versions: dict[str, str]
    rows: tuple[BenchRow, ...]
    keras: str

    def faster(self, row: BenchRow) -> tuple[BenchRow, ...]:
        """Return the faster rows of the same mode and step: those whose whole spread is below the row's spread."""
        others = [other for other in self.rows if (other.mode, other.step) == (row.mode, row.step)]
        return tuple(sorted((other for other in others if other.high < row.low), key=lambda other: other.ratio))

    @property
    def modes(self) -> tuple[str, ...]:
        """The timed modes; zeros first."""
        return tuple(dict.fromkeys(row.mode for row in self.rows))

    @property
    def summary(self) -> str:
        """The layer, and the time of the chosen routes next to zeros."""
        ratios = [f"{r.mode} {r.ratio:.2f}" for r in self.rows if r.chosen and r.step == STEPS[0] and r.mode != BASE]
        return f"{self._title}; forward / zeros: {', '.join(ratios)}"

    @property
    def _title(self) -> str:
        return f"{self.layer}; {self.layer.backend} on {self.device}"

    def to_dict(self) -> dict[str, Any]:
        """Return one dict for each row; times in seconds, `fastest`: whether no other row was faster."""
        return {
            "layer": {**asdict(self.layer), "description": str(self.layer)},
            "device": self.device,
            "machine": self.machine,
            "versions": self.versions,
            "keras": self.keras,
            "rows": [{**asdict(row), "fastest": not self.faster(row)} for row in self.rows],
        }

    def to_table(self) -> Table:
        """Return one row for each candidate of a mode; below, the chosen routes, the reasons, and the machine."""
        rows: list[tuple[Cell | str, ...]] = []
        for mode in self.modes:
            rows.append((mode,))
            for label in dict.fromkeys(row.label for row in self.rows if row.mode == mode):
                rows.append((label, *(cell for step in STEPS for cell in self._cells(mode, label, step))))
        headings = ("candidate", *(heading for step in STEPS for heading in (step, f"{step}\n{RATIO}")))
        machine, packages = describe_machine(self.machine, self.versions)
        lines = (*self._choices(), "", f"{machine}; {packages}")
        return Table(self._title, headings, tuple(rows), lines, numeric=STEPS, legend=tuple(self._legend()))

    def _cells(self, mode: str, label: str, step: str) -> tuple[Cell, Cell]:
        """Return the time and the ratio of a candidate in a step."""
        row = next((row for row in self.rows if (row.mode, row.label, row.step) == (mode, label, step)), None)
        if row is None:
            return Cell("-"), Cell("-")
        star = f" {STAR}" if row.chosen else ""
        ratio = f"{row.ratio:.2f} ({row.low:.2f}-{row.high:.2f}){star}"
        return Cell(format_seconds(row.seconds)), Cell(ratio, "" if self.faster(row) else "good")

    def _legend(self) -> Iterator[tuple[str, str]]:
        yield RATIO, "time / the zero-padded convolution's in the same round: the median (and quartiles) of all rounds"
        yield STAR, "the route that convpad takes by itself"
        workarounds: dict[str, dict[str, None]] = {}
        for row in self.rows:
            if row.candidate == "workaround":
                workarounds.setdefault(row.function, {})[row.mode] = None
        functions = "".join(
            f"\n{function} ({', '.join(modes)})" if len(workarounds) > 1 else f"\n{function}"
            for function, modes in workarounds.items()
        )
        if functions:
            yield "workaround", f"the backend's own pad, then its own convolution{functions}"
        layers = [row.function for row in self.rows if row.candidate == "keras"]
        yield "keras", layers[0] if layers else f"no candidate: {self.keras}"

    def _choices(self) -> Iterator[str]:
        """Yield the chosen route of each mode, the reason, and whether another candidate was faster."""
        for mode in self.modes:
            chosen = [row for row in self.rows if row.mode == mode and row.chosen]
            same = len({(row.route, row.reason) for row in chosen}) == 1
            for row in chosen[:1] if same else chosen:
                step = "" if same else f", {row.step}"
                yield f"{mode}{step}: {row.route}, as {row.reason}."
            verdicts = {row.step: self._verdict(row) for row in chosen}
            if len(set(verdicts.values())) == 1:
                verdicts = {"forward and gradient": next(iter(verdicts.values()))}
            yield from (f"  {steps}: {verdict}" for steps, verdict in verdicts.items())

    def _verdict(self, row: BenchRow) -> str:
        faster = self.faster(row)
        if not faster:
            return "nothing was faster."
        return f"{faster[0].route or faster[0].candidate} was faster: {faster[0].ratio / row.ratio:.2f} of its time."
