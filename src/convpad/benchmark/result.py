"""What was found? A `Bench`: what everyone took next to zero padding, and whether the plan was the fastest."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from convpad.benchmark.layer import Layer

__all__ = ["Bench", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """What one contestant took for one step in one mode.

    Args:
        mode: what is padded with, as the command line spells it.
        step: `"forward"`, or `"gradient"`: forward and backward.
        who: `"convpad"`, `"workaround"` (the backend's pad, then its convolution) or `"keras"` (Keras's own layer).
        words: what was called.
        route: of convpad, else "".
        chosen: whether it is the route that convpad takes by itself.
        reason: of `convpad.plan`, where it is.
        seconds: the median of a run.
        ratio: that median divided by the zero-padded convolution's, which ran in the same rounds.
        low, high: quartiles of (a round's run / the zero-padded convolution's in it): the spread of `ratio`.
        rounds: how often it ran.
    """

    mode: str
    step: str
    who: str
    words: str
    route: str
    chosen: bool
    reason: str
    seconds: float
    ratio: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Bench:
    """What a padding costs, on this machine.

    Args:
        layer: what was timed.
        device: what it ran on: `"cpu"`, `"gpu"` or another.
        machine, versions: where and with what.
        rows: one for each contestant, step and mode; zeros first.
        keras: why Keras's own layer took no part; "" if it did.

    `str()` of it is a table, `to_json()` JSON; `rich.print` shows the table in colour.

    Example:

    >>> import convpad
    >>> found = convpad.bench((1, 16, 16, 2), (3, 3, 2, 2), modes=["circular"], backend="jax", seconds=0.01)
    >>> chosen, = [row for row in found.rows if row.mode == "circular" and row.step == "forward" and row.chosen]
    >>> print(chosen.route, "on jax:", chosen.reason)
    padded on jax: no backend pads with circular itself, and border was not found faster here
    >>> {row.who for row in found.rows} >= {"convpad", "workaround"}
    True
    """

    layer: Layer
    device: str
    machine: dict[str, str]
    versions: dict[str, str]
    rows: tuple[Row, ...]
    keras: str

    def faster(self, row: Row) -> tuple[Row, ...]:
        """Who was faster than a row, in its mode and step: those whose whole spread is below its own."""
        others = [one for one in self.rows if (one.mode, one.step) == (row.mode, row.step)]
        return tuple(sorted((one for one in others if one.high < row.low), key=lambda one: one.ratio))

    def to_json(self) -> str:
        """The same facts, as JSON: one object for each row; times in seconds, with whether any was faster."""
        layer = asdict(self.layer)
        found = {
            "layer": {**layer, "description": str(self.layer)},
            "device": self.device,
            "machine": self.machine,
            "versions": self.versions,
            "keras": self.keras,
            "rows": [{**asdict(row), "fastest": not self.faster(row)} for row in self.rows],
        }
        return json.dumps(found, indent=2)

    def __rich__(self) -> Any:
        from convpad.benchmark.table import shown

        return shown(self)

    def __str__(self) -> str:
        from convpad.display.rich_text import plain

        return plain(self)
