"""Markdown of the reports: tables, and ratios with their quartiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convpad.benchmark.timing import Timing

__all__ = ["spread", "table"]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, *rows)]
    lines.insert(1, "|" + "---|" * len(heads))
    return "\n".join(lines) + "\n"


def spread(figure: Timing) -> str:
    """Return a ratio and its quartiles."""
    return f"{figure.ratio:.2f} ({figure.low:.2f} to {figure.high:.2f})"
