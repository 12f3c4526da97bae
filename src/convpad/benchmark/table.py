"""How does a terminal show what was timed? As a table of Rich: a line for each contestant."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from convpad.benchmark.result import Bench, Row
from convpad.benchmark.timing import spoken

__all__ = ["shown"]

STEPS = ("forward", "gradient")
STAR = "*"


def shown(bench: Bench) -> Any:
    """The table, what was chosen and why, and where it was taken."""
    layer = bench.layer
    title = f"{layer}; {layer.backend} on {bench.device}"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1))
    for heading in ("mode", "who", "what"):
        table.add_column(heading, no_wrap=True)
    for step in STEPS:
        table.add_column(step, justify="right", no_wrap=True)
        table.add_column("/ zeros", no_wrap=True)
    modes = list(dict.fromkeys(row.mode for row in bench.rows))
    for mode in modes:
        for place, (who, what) in enumerate(_lines(bench, mode)):
            rows = [_row(bench, mode, step, who, what) for step in STEPS]
            cells = [cell for row in rows for cell in _cells(bench, row)]
            table.add_row(mode if not place else "", who, what, *cells)
        if mode != modes[-1]:
            table.add_section()
    return Group(table, *map(Text, [*_legend(bench), *_choices(bench, modes), "", _where(bench)]))


def _lines(bench: Bench, mode: str) -> list[tuple[str, str]]:
    """Who is shown in a mode, convpad first: name, and route or what is called."""
    rows = [row for row in bench.rows if row.mode == mode]
    return list(dict.fromkeys((row.who, row.route or row.words) for row in rows))


def _row(bench: Bench, mode: str, step: str, who: str, what: str) -> Row | None:
    for row in bench.rows:
        if (row.mode, row.step, row.who, row.route or row.words) == (mode, step, who, what):
            return row
    return None


def _cells(bench: Bench, row: Row | None) -> tuple[Text, Text]:
    if row is None:
        return Text("-"), Text("-")
    colour = "" if bench.faster(row) else "green"
    ratio = f"{row.ratio:.2f} ({row.low:.2f}-{row.high:.2f}){' ' + STAR if row.chosen else ''}"
    return Text(spoken(row.seconds)), Text(ratio, colour)


def _legend(bench: Bench) -> list[str]:
    lines = [
        "/ zeros     time / the zero-padded convolution's in the same rounds: medians (quartiles)",
        f"{STAR}           the route that convpad takes by itself",
        "workaround  the backend's own pad, then its own convolution",
        f"keras       Keras's own layer{', which took no part: ' + bench.keras if bench.keras else ''}",
    ]
    return [*lines, ""]


def _choices(bench: Bench, modes: list[str]) -> list[str]:
    """What was planned in each mode, why, and whether anything was faster here."""
    lines: list[str] = []
    for mode in modes:
        chosen = [row for row in bench.rows if row.mode == mode and row.chosen]
        alike = len({(row.route, row.reason) for row in chosen}) == 1
        for row in chosen[:1] if alike else chosen:
            when = "" if alike else f", {row.step}"
            lines.append(f"{mode}{when}: {row.route}, as {row.reason}.")
        verdicts = {row.step: _verdict(bench, row) for row in chosen}
        if len(set(verdicts.values())) == 1:
            verdicts = {"forward and gradient": next(iter(verdicts.values()))}
        lines += [f"  {steps}: {verdict}" for steps, verdict in verdicts.items()]
    return lines


def _verdict(bench: Bench, row: Row) -> str:
    faster = bench.faster(row)
    if not faster:
        return "nothing was faster."
    best = faster[0]
    return f"{best.route or best.who} was faster: {best.ratio / row.ratio:.2f} of its time."


def _where(bench: Bench) -> str:
    machine, versions = bench.machine, bench.versions
    said = [f"{name} {number}" for name, number in versions.items()]
    return f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}; {', '.join(said)}"
