"""Examples of pages and docstrings, run as doctest does."""

from __future__ import annotations

import doctest


def failures(test: doctest.DocTest, flags: int = 0) -> str:
    """What doctest has to say against an example; nothing if it gives what it says."""
    said: list[str] = []
    # Told not to be verbose: it would look for pytest's -v among the arguments, and say what succeeds, too.
    doctest.DocTestRunner(verbose=False, optionflags=flags).run(test, out=said.append)
    return "".join(said)
