"""How does a terminal show what a model pads? As tables of Rich; and the words that the HTML page shares."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from convpad.frameworks import TITLES

if TYPE_CHECKING:
    from convpad.models.audit import Audit, Row
    from convpad.models.compare import Comparison
    from convpad.models.windows import PaddedWindow

__all__ = ["HEADINGS", "amounts", "audited", "cells", "compared", "megabytes", "mode", "plain", "summary", "window"]

_WIDTH = 160

HEADINGS = ("layer", "kind", "window", "padded", "mode", "input", "output", "used", "copied", "elsewhere")
"""What the columns of an audit are called."""


def plain(shown: Any) -> str:
    """What Rich would show, as text without colours.

    Example:

    >>> from convpad.display.rich_text import plain
    >>> plain("a [table]")
    'a [table]'
    """
    console = Console(file=StringIO(), width=_WIDTH, force_terminal=False, color_system=None, markup=False)
    console.print(shown, highlight=False)
    text: str = console.file.getvalue()  # pyright: ignore
    return "\n".join(line.rstrip() for line in text.splitlines())


def by_axis(numbers: Sequence[Any]) -> str:
    """`3x3`; what is unknown is `?`."""
    return "x".join("?" if number is None else str(number) for number in numbers)


def window(found: PaddedWindow) -> str:
    """`7x7 /2`, and `*2` where it has holes.

    A stride or a dilation that is the same on all axes is said once.
    """
    said = by_axis(found.kernel)
    if set(found.strides) != {1}:
        said += f" /{by_axis(sorted(set(found.strides)) if len(set(found.strides)) == 1 else found.strides)}"
    if set(found.dilation) != {1}:
        said += f" *{by_axis(sorted(set(found.dilation)) if len(set(found.dilation)) == 1 else found.dilation)}"
    return said


def amounts(pairs: Sequence[tuple[int, int]] | None) -> str:
    """`0,1` on all axes, or `3,3 1,1`; nothing where nothing is padded.

    Example:

    >>> from convpad.display.rich_text import amounts
    >>> amounts([(0, 1), (0, 1)]), amounts([(3, 3), (1, 1)]), amounts([(0, 0)]), amounts(None)
    ('0,1', '3,3 1,1', '-', '?')
    """
    if pairs is None:
        return "?"
    if not any(map(any, pairs)):
        return "-"
    said = [f"{before},{after}" for before, after in pairs]
    return said[0] if len(set(said)) == 1 else " ".join(said)


def mode(found: PaddedWindow) -> str:
    """What it is padded with: `zeros`; by axis and side where they differ."""
    if not found.pads_something:
        return "-"
    sides = [_side(fill) for pair in found.fills for fill in pair]
    if found.amounts is not None:
        flat = [number for pair in found.amounts for number in pair]
        sides = [side for side, number in zip(sides, flat, strict=True) if number] or sides
    if len(set(sides)) == 1:
        return sides[0]
    axes = ["/".join(dict.fromkeys(map(_side, pair))) for pair in found.fills]
    return axes[0] if len(set(axes)) == 1 else ", ".join(axes)


def _side(fill: tuple[str, Any]) -> str:
    name, value = fill
    if name == "ignore":
        return "left out"
    return f"{value:g}" if name == "constant" and isinstance(value, (int, float)) else name


def megabytes(count: int | None) -> str:
    """Bytes as people read them.

    Example:

    >>> from convpad.display.rich_text import megabytes
    >>> megabytes(3_326_976), megabytes(1200), megabytes(0), megabytes(None)
    ('3.3 MB', '1.2 kB', '-', '?')
    """
    if count is None:
        return "?"
    if not count:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def cells(row: Row, note: str) -> tuple[str, ...]:
    """One row of an audit, one text for each of `HEADINGS`."""
    found = row.window
    use = "?" if row.uneven is None and found.pads_something else "unevenly" if row.uneven else "evenly"
    return (
        found.name,
        found.op,
        window(found),
        ("crops " if found.op == "conv_transpose" and found.amounts and any(map(any, found.amounts)) else "")
        + amounts(found.amounts),
        mode(found),
        by_axis(found.input),
        by_axis(found.output),
        use if found.pads_something and found.op != "conv_transpose" else "-",
        megabytes(found.copied),
        note,
    )


def noted(audit: Audit) -> dict[str, int]:
    """What is to be said of several rows, numbered."""
    notes = dict.fromkeys(row.elsewhere for row in audit.rows if row.elsewhere)
    return {note: number for number, note in enumerate(notes, 1)}


def summary(audit: Audit) -> str:
    """The whole in a sentence or two."""
    rows = audit.rows
    padded = sum(row.window.pads_something for row in rows)
    uneven = sum(bool(row.uneven) for row in rows)
    other = sum(bool(row.elsewhere) for row in rows)
    windows = "1 window" if len(audit.reading.windows) == 1 else f"{len(audit.reading.windows)} windows"
    said = f"{windows}, {padded} of them padded, {uneven} unevenly used"
    said += f"; {other} would have other values elsewhere." if other else "."
    pads = {pad.name for row in rows for pad in row.window.pads} | {pad.name for pad in audit.reading.loose}
    if pads:
        layers = "1 layer that only pads copies" if len(pads) == 1 else f"{len(pads)} layers that only pad copy"
        said += f" {layers} {megabytes(audit.copied)} for one input."
    return said


def audited(audit: Audit) -> Any:
    """An audit as a table, with its notes below."""
    notes = noted(audit)
    title = f"{audit.reading.source}: what this {TITLES[audit.reading.framework]} model pads"
    table = _table(title, HEADINGS)
    for row in audit.rows:
        texts = cells(row, f"[{notes[row.elsewhere]}]" if row.elsewhere else "")
        colours = ["yellow" if text == "unevenly" else "" for text in texts]
        table.add_row(*map(Text, texts, colours))
    lines = [f"[{number}] {note}" for note, number in notes.items()]
    return Group(table, *map(Text, [summary(audit), *lines, *asides(audit.reading)]))


def asides(reading: Any) -> list[str]:
    """What a reading leaves open."""
    lines: list[str] = []
    if reading.loose:
        lines.append(f"Layers that pad ahead of no window: {', '.join(pad.name for pad in reading.loose)}.")
    if reading.unread:
        lines.append(f"Not looked into: {', '.join(reading.unread)}.")
    return lines


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=Text(title, "bold"), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", no_wrap=0 < place < len(headings) - 1)
    return table


def compared(comparison: Comparison) -> Any:
    """A comparison: a table of what differs, what to write for it, and what stands alone."""
    first, second = comparison.a.source, comparison.b.source
    table = _table(
        f"{first} and {second}", ("first", "second", "window", "first pads", "second pads", "so that they agree")
    )
    for pair in comparison.differences:
        a, b = pair.a, pair.b
        table.add_row(
            Text(a.name), Text(b.name), Text(window(a)), Text(f"{amounts(a.amounts)} {mode(a)}"),
            Text(f"{amounts(b.amounts)} {mode(b)}"), Text("\n".join(pair.remedy), "green"),
        )  # fmt: skip
    shown = [table] if comparison.differences else []
    return Group(*shown, *map(Text, comparison.lines()))
