"""Formats of single values: sizes, amounts of padding, bytes, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def format_sizes(sizes: Sequence[Any], *, shorten: bool = False) -> str:
    """Return sizes joined by `x`, an unknown one as `?`; with `shorten`, equal sizes once: `3x?`, `3`."""
    if shorten and len(set(sizes)) == 1:
        sizes = sizes[:1]
    return "x".join("?" if size is None else str(size) for size in sizes)


def format_amounts(pairs: Sequence[tuple[int, int]] | None) -> str:
    """Return amounts of padding: `0,1` for equal axes, else `3,3 1,1`; `-` for none, `?` for unknown ones."""
    if pairs is None:
        return "?"
    if not any(map(any, pairs)):
        return "-"
    if len(set(pairs)) == 1:
        pairs = pairs[:1]
    return " ".join(f"{before},{after}" for before, after in pairs)


def format_bytes(count: int | None) -> str:
    """Return a number of bytes in kB or MB: `3.3 MB`; `-` for 0, `?` for an unknown number."""
    if count is None:
        return "?"
    if not count:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def format_seconds(seconds: float) -> str:
    """Return a time in milliseconds, or in seconds from one second on: `15.3 ms`, `2.50 s`."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"
