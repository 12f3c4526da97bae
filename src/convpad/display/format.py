"""Formats of single values: sizes, amounts of padding, bytes, times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["format_amounts", "format_bytes", "format_seconds", "format_sizes"]


def format_sizes(sizes: Sequence[Any], *, shorten: bool = False) -> str:
    """Return sizes joined by `x`, an unknown one as `?`; with `shorten`, equal sizes once.

    Example:

    >>> from convpad.display.format import format_sizes
    >>> format_sizes((3, 3)), format_sizes((3, 3), shorten=True), format_sizes((None, 5), shorten=True)
    ('3x3', '3', '?x5')
    """
    shown = sizes[:1] if shorten and len(set(sizes)) == 1 else sizes
    return "x".join("?" if size is None else str(size) for size in shown)


def format_amounts(pairs: Sequence[tuple[int, int]] | None) -> str:
    """Return amounts of padding: `0,1` for equal axes, else `3,3 1,1`; `-` for none, `?` for unknown ones.

    Example:

    >>> from convpad.display.format import format_amounts
    >>> format_amounts([(0, 1), (0, 1)]), format_amounts([(3, 3), (1, 1)]), format_amounts([(0, 0)])
    ('0,1', '3,3 1,1', '-')
    """
    if pairs is None:
        return "?"
    if not any(map(any, pairs)):
        return "-"
    shown = pairs[:1] if len(set(pairs)) == 1 else pairs
    return " ".join(f"{before},{after}" for before, after in shown)


def format_bytes(count: int | None) -> str:
    """Return a number of bytes in kB or MB; `-` for 0, `?` for an unknown number.

    Example:

    >>> from convpad.display.format import format_bytes
    >>> format_bytes(3_326_976), format_bytes(1200), format_bytes(0), format_bytes(None)
    ('3.3 MB', '1.2 kB', '-', '?')
    """
    if count is None:
        return "?"
    if not count:
        return "-"
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def format_seconds(seconds: float) -> str:
    """Return a time in milliseconds, or in seconds from one second on.

    Example:

    >>> from convpad.display.format import format_seconds
    >>> format_seconds(0.01534), format_seconds(0.3104), format_seconds(2.5)
    ('15.3 ms', '310 ms', '2.50 s')
    """
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.2f} s"
