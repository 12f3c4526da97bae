"""Report of `repad`, `repad_` and `fold`: each layer, with its change or the reason why it was left alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from convpad.display.result import Result
from convpad.display.table import Table

LEGEND = (
    ("replaced", "by a layer of convpad with the same weights"),
    ("folded", "removed; the layers that read it pad instead"),
    ("left", "as it was"),
)
"""The words for the changes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One layer of a model.

    Args:
        layer: its name, after the names of the models and layers around it: `"backbone/conv1"`.
        kind: its class before the change.
        done: `"replaced"`, `"folded"` (removed; the layers that read it pad instead) or `"left"`.
        detail: the new layer; or the reason why it was left alone.
    """

    layer: str
    kind: str
    done: str
    detail: str


@dataclass(frozen=True, slots=True, repr=False)
class Changes(Result):
    """The changes that `convpad.repad` or `convpad.fold` made to the layers that pad or could pad.

    Args:
        tool: `"repad"` or `"fold"`.
        rows: one for each layer.

    Example:

    >>> from convpad.changes import Change, Changes
    >>> print(Changes("fold", (Change("pad", "ZeroPadding2D", "folded", "into conv"),)))
    fold: 0 layers replaced, 1 folded, 0 left alone
    <BLANKLINE>
    layer  kind           done    detail
    ---------------------------------------
    pad    ZeroPadding2D  folded  into conv
    <BLANKLINE>
    folded  removed; the layers that read it pad instead
    """

    tool: str
    rows: tuple[Change, ...]

    def layers(self, done: str) -> tuple[str, ...]:
        """Return the names of the layers with this change."""
        return tuple(row.layer for row in self.rows if row.done == done)

    @property
    def summary(self) -> str:
        """The counts: `fold: 0 layers replaced, 1 folded, 0 left alone`."""
        replaced, folded, left = (len(self.layers(done)) for done in ("replaced", "folded", "left"))
        plural = "layer" if replaced == 1 else "layers"
        return f"{self.tool}: {replaced} {plural} replaced, {folded} folded, {left} left alone"

    def to_dict(self) -> dict[str, Any]:
        """Return the tool and one dict for each layer."""
        return {"tool": self.tool, "layers": [asdict(row) for row in self.rows]}

    def to_table(self) -> Table:
        """Return one row for each layer."""
        rows = tuple((row.layer, row.kind, row.done, row.detail) for row in self.rows)
        done = {row.done for row in self.rows}
        legend = tuple((word, meaning) for word, meaning in LEGEND if word in done)
        return Table(self.summary, ("layer", "kind", "done", "detail"), rows, legend=legend)
