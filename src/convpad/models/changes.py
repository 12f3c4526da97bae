"""What was done to a model, layer by layer, and what was not, and why?"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

__all__ = ["Change", "Changes"]


@dataclass(frozen=True, slots=True)
class Change:
    """One layer of a model.

    Args:
        layer: its name, after the names of the models and layers that it is in: `"backbone/conv1"`.
        kind: its class before.
        done: `"replaced"`, `"folded"` (it is gone, its padding is in the layers that read it) or `"left"`.
        detail: what it is now; or why it was left alone.
    """

    layer: str
    kind: str
    done: str
    detail: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What `convpad.repad` or `convpad.fold` did to every layer that pads or could: text, JSON, or row by row.

    Example:

    >>> from convpad.models.changes import Change, Changes
    >>> print(Changes("fold", (Change("pad", "ZeroPadding2D", "folded", "into conv"),)))
    fold: 0 layers replaced, 1 folded, 0 left alone
    folded  pad  ZeroPadding2D  into conv
    """

    tool: str
    rows: tuple[Change, ...]

    def layers(self, done: str) -> tuple[str, ...]:
        """The names of those with which that was done."""
        return tuple(row.layer for row in self.rows if row.done == done)

    def __str__(self) -> str:
        replaced, folded, left = (len(self.layers(done)) for done in ("replaced", "folded", "left"))
        plural = "layer" if replaced == 1 else "layers"
        lines = [f"{self.tool}: {replaced} {plural} replaced, {folded} folded, {left} left alone"]
        columns = [[row.done, row.layer, row.kind, row.detail] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*columns, strict=True)]
        for row in columns:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def json(self) -> str:
        """The same for programs."""
        rows = [asdict(row) for row in self.rows]
        return json.dumps({"tool": self.tool, "layers": rows}, indent=2, ensure_ascii=False)
