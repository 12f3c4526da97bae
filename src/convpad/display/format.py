"""Formats of single values: sizes, amounts of padding, bytes, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["format_amounts", "format_bytes", "format_seconds", "format_sizes"]


def format_sizes(sizes: Sequence[Any], *, shorten: bool = False) -> str:
    """Return sizes joined by `x`, an unknown one as `?`; with `shorten`, equal sizes once: `3x?`, `3`."""
    shown = sizes[:1] if shorten and len(set(sizes)) == 1 else sizes
    return "x".join("?" if size is None else str(size) for size in shown)


def format_amounts(pairs: Sequence[tuple[int, int]] | None) -> str:
    """Return amounts of padding: `0,1` for equal axes, else `3,3 1,1`; `-` for none, `?` for unknown ones."""
    if pairs is None:
        return "?"
    if not any(map(any, pairs)):
        return "-"
    shown = pairs[:1] if len(set(pairs)) == 1 else pairs
    return " ".join(f"{before},{after}" for before, after in shown)


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
