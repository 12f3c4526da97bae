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


@dataclass(frozen=True, slots=True)
class ModuleChange:
    """One module of a live PyTorch model.

    Args:
        module: its name, as `named_modules` has it: `"decoder.conv_in"`; empty for the model itself.
        kind: its class before the change.
        kind_after: its class after the change.
        padding: its padding before, as `"1 with 'zeros'"`; empty where it has none of its own.
        padding_after: its padding after the change.
        done: `"replaced"` or `"left"`.
        reason: why it was left alone, or a remark.
    """

    module: str
    kind: str
    kind_after: str
    padding: str
    padding_after: str
    done: str
    reason: str

    @property
    def detail(self) -> str:
        """The class and the padding after the change, and the padding before; or why the module was left alone."""
        if self.done == "left":
            return self.reason
        same = self.padding == self.padding_after
        change = f"{self.padding_after}, as before" if same else f"{self.padding_after}, before {self.padding}"
        return "; ".join(filter(None, (f"{self.kind_after}: {change}", self.reason)))


@dataclass(frozen=True, slots=True, repr=False)
class ModuleChanges(Result):
    """The changes that `convpad.torch.repad_` made to the modules that pad or could pad, and what stays as it was.

    Args:
        tool: `"repad_"`.
        rows: one for each module.

    Example:

    >>> from convpad.changes import ModuleChange, ModuleChanges
    >>> row = ModuleChange("0", "Conv2d", "convpad.torch.Conv2d", "1 with 'zeros'", "1 with 'circular'", "replaced", "")
    >>> print(ModuleChanges("repad_", (row,)))
    repad_: 1 module replaced, 0 left alone
    <BLANKLINE>
    module  class   done      detail
    --------------------------------------------------------------------------------
    0       Conv2d  replaced  convpad.torch.Conv2d: 1 with 'circular', before 1 with
                              'zeros'
    <BLANKLINE>
    replaced  its padding; parameters, hooks and names are the same
    """

    tool: str
    rows: tuple[ModuleChange, ...]

    def modules(self, done: str) -> tuple[str, ...]:
        """Return the names of the modules with this change."""
        return tuple(row.module for row in self.rows if row.done == done)

    @property
    def summary(self) -> str:
        """The counts: `repad_: 1 module replaced, 0 left alone`."""
        replaced, left = (len(self.modules(done)) for done in ("replaced", "left"))
        return f"{self.tool}: {replaced} {'module' if replaced == 1 else 'modules'} replaced, {left} left alone"

    def to_dict(self) -> dict[str, Any]:
        """Return the tool and one dict for each module."""
        return {"tool": self.tool, "modules": [asdict(row) for row in self.rows]}

    def to_table(self) -> Table:
        """Return one row for each module; modules that differ in their names alone share one."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for row in self.rows:
            groups.setdefault((row.kind, row.done, row.detail), []).append(row.module or "(model)")
        rows = tuple(
            (names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else ""), *cells)
            for cells, names in groups.items()
        )
        legend = (("replaced", "its padding; parameters, hooks and names are the same"), ("left", "as it was"))
        done = {row.done for row in self.rows}
        shown = tuple(entry for entry in legend if entry[0] in done)
        return Table(self.summary, ("module", "class", "done", "detail"), rows, legend=shown)
