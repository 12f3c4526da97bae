"""Plain text of what Rich shows."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

__all__ = ["plain"]


def plain(shown: Any) -> str:
    """Return what Rich would show, as text without colours.

    Example:

    >>> from convpad.display.rich_text import plain
    >>> plain("a [table]")
    'a [table]'
    """
    file = StringIO()
    console = Console(file=file, width=160, force_terminal=False, color_system=None, markup=False)
    console.print(shown, highlight=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
