"""Docstrings as pages show them: doctests as code, which the parser takes for prose where they are not indented."""

from __future__ import annotations

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^( *)>>> .*\n(?:\1(?! *$).*\n?)*", re.MULTILINE)


class Doctests(griffe.Extension):
    """Puts doctests into fences, and their heading into bold type."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrite the docstring of one object."""
        if obj.docstring is None:
            return
        text = re.sub(r"^Example:$", "**Example**", obj.docstring.value, flags=re.MULTILINE)
        # Blocks that only an empty line parts are one example.
        text = _DOCTEST.sub(lambda block: f"{block[1]}```pycon\n{block[0].rstrip()}\n{block[1]}```\n", text + "\n")
        obj.docstring.value = text.replace("<BLANKLINE>", "").rstrip()
