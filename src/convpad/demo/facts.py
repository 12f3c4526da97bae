"""The chapters of the demo as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from functools import singledispatch
from typing import Any

from convpad.demo import Pictured
from convpad.demo.story import Audited, Check, Folded, Raced, Repadded

__all__ = ["facts"]


def facts(chapters: Iterable[Any]) -> str:
    """All chapters: times in seconds, differences relative to the largest output."""
    told = list(chapters)
    wrong = [sentence for chapter in told for sentence in chapter.wrong]
    found = {name: value for chapter in told for name, value in _fact(chapter).items()}
    return json.dumps({**found, "wrong": wrong}, indent=2)


def _check(check: Check) -> dict[str, Any]:
    return {"difference": check.difference, "allowed": check.allowed}


@singledispatch
def _fact(chapter: Any) -> dict[str, Any]:
    raise TypeError(f"There is no such chapter. Received: {chapter!r}.")


@_fact.register
def _(chapter: Audited) -> dict[str, Any]:
    return {"audit": chapter.audit.to_dict()}


@_fact.register
def _(chapter: Folded) -> dict[str, Any]:
    return {"fold": {"folded": chapter.changes.layers("folded"), "from_original": _check(chapter.check)}}


@_fact.register
def _(chapter: Repadded) -> dict[str, Any]:
    replaced = chapter.changes.layers("replaced")
    off = {"from_oracle": _check(chapter.check), "from_zeros": chapter.from_zeros}
    return {"repad": {"mode": chapter.mode, "replaced": replaced, **off}}


@_fact.register
def _(chapter: Raced) -> dict[str, Any]:
    figures = {name: asdict(figure) for name, figure in chapter.timings.items()}
    return {"speed": {"backend": chapter.backend, "input_shape": chapter.shape, "forward": figures}}


@_fact.register
def _(chapter: Pictured) -> dict[str, Any]:
    rows = [
        {
            "padding": outcome.case.padding,
            "padding_mode": outcome.case.label,
            "amounts": outcome.amounts,
            "output_shape": outcome.output_shape,
            "routes": outcome.routes,
            "from_oracle": outcome.difference,
            "artefact": outcome.artefact,
        }
        for outcome in chapter.outcomes
    ]
    return {"border": rows, "picture": str(chapter.path)}
