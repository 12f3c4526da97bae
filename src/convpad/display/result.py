"""Base class of results: text for people, JSON for programs, a page for a browser or a notebook."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from convpad.display.html import to_fragment, to_html
from convpad.display.table import Table
from convpad.display.text import to_text


class Result:
    """A value that convpad returns. `str()` is a table for people, `repr()` one line.

    A subclass has a `summary`, `to_dict` and `to_table`. A dataclass takes `repr=False`, or its own fields are shown.
    """

    __slots__ = ()

    @property
    def summary(self) -> str:
        """The result in one line."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return the result as dicts, lists, strings and numbers."""
        raise NotImplementedError

    def to_table(self) -> Table:
        """Return the result as a table for people."""
        raise NotImplementedError

    def _tables(self) -> Sequence[Table]:
        """Return the tables of the text and of the page."""
        return (self.to_table(),)

    def _drawing(self) -> str:
        """Return an SVG for the page; empty where there is none."""
        return ""

    def to_json(self) -> str:
        """Return `to_dict()` as JSON."""
        return json.dumps(self.to_dict(), indent=2)

    def to_text(self, width: int | None = 80, *, colour: bool = False) -> str:
        """Return the result as text for a terminal of `width` columns; None for one line a row, however long."""
        return "\n\n".join(to_text(table, width, colour=colour) for table in self._tables())

    def to_html(self) -> str:
        """Return the result as an HTML page that needs no other file."""
        return to_html(*self._tables(), drawing=self._drawing())

    def _repr_html_(self) -> str:
        return to_fragment(*self._tables(), drawing=self._drawing())

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary.rstrip('.')}; print(...) shows all>"
