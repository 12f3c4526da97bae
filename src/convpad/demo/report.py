"""The demo in a terminal: each chapter as a heading, a table or a few lines, and what is wrong in red."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch
from textwrap import fill
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from convpad.demo import Pictured
from convpad.demo.measure import Outcome
from convpad.demo.oracle import TOLERANCE
from convpad.demo.story import MODE, Audited, Folded, Raced, Repadded
from convpad.display.format import format_seconds

__all__ = ["sentences", "shown"]

_ROWS = 4
"""Of the audit's table: enough to see one of each kind."""


def shown(chapter: Any) -> Group:
    """A chapter, as Rich prints it."""
    return Group(*_lines(chapter), *(Text(sentence, "bold red") for sentence in chapter.wrong))


@singledispatch
def _lines(chapter: Any) -> Iterator[Any]:
    raise TypeError(f"There is no such chapter. Received: {chapter!r}.")


def _heading(number: int, code: str, rest: str) -> Text:
    return Text.assemble((f"{number}  {code}", "bold"), f"  {rest}")


def _text(words: str) -> Text:
    return Text(fill(words, 79, initial_indent=" ", subsequent_indent=" "))


def _table(headings: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in headings:
        table.add_column(heading, justify="right" if heading in numbers else "left", no_wrap=heading != "route")
    return table


def _square(shape: Sequence[Any]) -> str:
    return " x ".join(map(str, shape))


@_lines.register
def _(chapter: Audited) -> Iterator[Any]:
    audit = chapter.audit
    size = _square(audit.rows[0].window.input)
    yield _heading(1, "convpad.audit(model)", f"What does MobileNetV2 pad, on images of {size}?")
    full = audit.to_table()
    kept = [place for place, heading in enumerate(full.headings) if heading not in ("kind", "input", "note")]
    table = _table([full.headings[place] for place in kept])
    for row in full.cells[:_ROWS]:
        table.add_row(*(Text(row[place].text, "yellow" if row[place].style == "warning" else "") for place in kept))
    yield table
    yield _text(f"and {len(audit.rows) - _ROWS} more. {audit.summary}")
    for note in full.notes:
        yield _text(f"Elsewhere: {note}")


@_lines.register
def _(chapter: Folded) -> Iterator[Any]:
    melted = [row for row in chapter.changes.rows if row.done == "folded"]
    yield _heading(2, "convpad.fold(model)", f"{len(melted)} padding layers melted into what follows them.")
    yield _text(", ".join(f"{row.layer} {row.detail}" for row in melted) + ".")
    yield _text(f"Now {chapter.check.sentence}. Off: the largest difference / the largest output.")


@_lines.register
def _(chapter: Repadded) -> Iterator[Any]:
    replaced = len(chapter.changes.layers("replaced"))
    yield _heading(3, f'convpad.repad(folded, "{chapter.mode}")', f"{replaced} layers exchanged, the same weights.")
    yield _text(f"Now {chapter.check.sentence}, and {chapter.from_zeros:.2f} off what zeros give.")


@_lines.register
def _(chapter: Raced) -> Iterator[Any]:
    count, *size, _ = chapter.shape
    figures, rounds = chapter.timings, len(chapter.rounds.seconds)
    yield _heading(4, "How fast?", f"{count} images of {_square(size)}, Keras on {chapter.backend}, {rounds} rounds.")
    table = _table(("forward pass", "median", "ratio", "quartiles", ""), numbers=("median", "ratio"))
    slowest = max(figure.seconds for figure in figures.values())
    for name, figure in figures.items():
        spread = f"{figure.low:.2f} to {figure.high:.2f}"
        bar = ProgressBar(slowest, figure.seconds, width=20)
        table.add_row(name, format_seconds(figure.seconds), f"{figure.ratio:.2f}", spread, bar)
    yield table
    worst = max(chapter.checks, key=lambda check: check.difference)
    yield _text(
        "ratio: next to the first, in rounds in which each runs once. workaround: a Padding2D layer, then Keras's "
        f"own with `valid`. Those with the same mode are at most {worst.difference:.0e} off each other."
    )
    yield _text(_faster(chapter))


def _faster(chapter: Raced) -> str:
    found = chapter.faster
    return (
        f"With {MODE}, convpad is {found.ratio:.1f} times as fast as the workaround "
        f"({found.low:.1f} to {found.high:.1f})."
    )


def sentences(audited: Audited, folded: Folded, repadded: Repadded, raced: Raced) -> list[str]:
    """The first four chapters in a line each, for the picture."""
    rows = audited.audit.rows
    padded, uneven = sum(row.window.pads_something for row in rows), sum(bool(row.uneven) for row in rows)
    melted = len(folded.changes.layers("folded"))
    return [
        f"{padded} windows pad, {uneven} of them more on one side than on the other.",
        f"{melted} padding layers melted: {folded.check.sentence}.",
        f"All of it padded with {repadded.mode}: {repadded.check.sentence}.",
        _faster(raced),
    ]


@_lines.register
def _(chapter: Pictured) -> Iterator[Any]:
    yield _heading(5, "At the border", "A photograph in ResNet-50's first layers, next to the truth.")
    yield _paddings(chapter.outcomes)
    yield Text(
        ' padded      before,after on each axis, by "half", or "same" as said: of the\n'
        "             7x7 convolution, the 3x3 pool, the 3x3 convolution\n"
        f" off oracle  as above; allowed: {TOLERANCE:.0e}\n"
        " artefact    mean |output - truth|, zeros being 1; the truth is what the same\n"
        "             layers give where the photograph goes on\n"
    )
    best = min(chapter.outcomes, key=lambda outcome: outcome.artefact)
    yield _text(f"On this photograph {best.case.label} leaves least: {best.artefact:.2f} of what zeros leave.")


def _paddings(outcomes: Sequence[Outcome]) -> Table:
    table = _table(
        ("padding_mode", "padded", "output", "route", "off\noracle", "artefact"), ("off\noracle", "artefact")
    )
    best = min(outcome.artefact for outcome in outcomes)
    for outcome in outcomes:
        table.add_row(
            outcome.case.label,
            " ".join(f"{before},{after}" for before, after in outcome.amounts),
            "x".join(map(str, outcome.output_shape[1:])),
            ", ".join(dict.fromkeys(outcome.routes)),
            Text(f"{outcome.difference:.0e}", "" if outcome.agrees else "bold red"),
            Text(f"{outcome.artefact:.2f}", "bold green" if outcome.artefact == best else ""),
        )
    return table
