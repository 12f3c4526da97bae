"""Folding: the padding layers of a graph that can go, and the paddings of the windows that take them over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from convpad.changes import Change
from convpad.core.padding import Padding


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a layer's output.

    Args:
        reader: the layer that reads it; None where none does.
        obstacle: the reason why no padding can be taken over there; None where the reader decides.
        shape: of the output, None for sizes that are not known.
    """

    reader: Any
    obstacle: str | None = None
    shape: tuple[int | None, ...] | None = None


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """The calls of a model's layers, in every model that calls them.

    Args:
        uses: the uses of a layer's output, by `id` of the layer.
        sources: the layers that a layer reads, by its `id`.
        called_by_code: the reason, by `id` of a layer, for the calls of which nothing is known.
    """

    uses: dict[int, list[Use]] = field(default_factory=dict[int, list[Use]])
    sources: dict[int, list[Any]] = field(default_factory=dict[int, list[Any]])
    called_by_code: dict[int, str] = field(default_factory=dict[int, str])

    def connect(self, source: Any, use: Use) -> None:
        """Add a use of a layer's output."""
        self.uses.setdefault(id(source), []).append(use)
        if use.reader is not None:
            self.sources.setdefault(id(use.reader), []).append(source)


class Folding(ABC):
    """The padding layers that go, by `id`: the windows that take them over, and the windows' new paddings.

    `reasons` are of the padding layers that stay. What a host's layers are, a subclass says.
    """

    uncalled: ClassVar[str] = "it is called by code"
    """The reason for a padding layer that is not in the graph."""

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.targets: dict[int, list[Any]] = {}
        self.padded: dict[int, tuple[Any, Padding]] = {}
        self.reasons: dict[int, str] = {}

    @abstractmethod
    def name_of(self, layer: Any) -> str:
        """Return the name of a layer."""

    @abstractmethod
    def padding_of(self, window: Any) -> Padding:
        """Return the padding of a window of its own."""

    @abstractmethod
    def obstacle(self, pad: Any, reader: Any) -> str | None:
        """Return the reason why a layer cannot take over a padding layer; None where it can."""

    @abstractmethod
    def merge(self, pad: Any, use: Use, own: Padding) -> Padding | str:
        """Return the padding of a padding layer and of the window that reads it as one, or the reason why not."""

    def fold(self, pads: Iterable[Any]) -> None:
        """Consider every padding layer, from the back: of two in a row the second is gone when the first is reached."""
        waiting = list(pads)[::-1]
        while True:
            left = [pad for pad in waiting if not self._consider(pad)]
            if len(left) == len(waiting):
                return
            waiting = left

    def _consider(self, pad: Any) -> bool:
        """Merge one padding layer into all layers that read it, or note the reason why not."""
        merged: dict[int, tuple[Any, Padding]] = {}
        reason = self.graph.called_by_code.get(id(pad), None if id(pad) in self.graph.uses else self.uncalled)
        for use in self._uses(pad):
            reason = reason or self._obstacle(pad, use)
            if reason:
                break
            window = use.reader
            before = self.padded[id(window)][1] if id(window) in self.padded else self.padding_of(window)
            padding = self.merge(pad, use, before)
            if isinstance(padding, str):
                reason = f"{self.name_of(window)} reads it: {padding}"
            elif id(window) in merged and merged[id(window)][1] != padding:
                reason = f"{self.name_of(window)} reads it at two sizes, and pads them differently"
            else:
                merged[id(window)] = (window, padding)
        if reason:
            self.reasons[id(pad)] = reason
            return False
        self.reasons.pop(id(pad), None)
        self.targets[id(pad)] = [window for window, _ in merged.values()]
        self.padded |= merged
        return True

    def _uses(self, pad: Any) -> list[Use]:
        """Return the uses of a padding layer, through padding layers that are gone."""
        uses: list[Use] = []
        for use in self.graph.uses.get(id(pad), []):
            uses += self._uses(use.reader) if id(use.reader) in self.targets else [use]
        return uses

    def _sources(self, layer: Any) -> list[Any]:
        """Return the layers that a layer reads, each once, through padding layers that are gone."""
        sources: dict[int, Any] = {}
        for source in self.graph.sources.get(id(layer), []):
            behind = self._sources(source) if id(source) in self.targets else [source]
            sources |= {id(layer): layer for layer in behind}
        return list(sources.values())

    def _obstacle(self, pad: Any, use: Use) -> str | None:
        """Return the reason why a padding layer cannot go for one of its uses; None where it can."""
        reason = use.obstacle or self.obstacle(pad, use.reader)
        if reason:
            return reason
        others = [source for source in self._sources(use.reader) if source is not pad]
        if others:
            return f"{self.name_of(use.reader)} reads {self.name_of(others[0])} as well"
        if id(use.reader) in self.graph.called_by_code:
            return f"{self.name_of(use.reader)} is also called by code"
        return None

    def rows(self, layers: Iterable[tuple[str, Any]], describe: Callable[[Any, Padding], str]) -> Iterator[Change]:
        """Yield the change of every padding layer and every layer that takes padding over, in the model's order.

        Args:
            layers: (name in the model, layer) of each.
            describe: the words for the new layer in the place of a window, with its padding.
        """
        layers = list(layers)
        paths = {id(layer): path for path, layer in layers}
        for path, layer in layers:
            key, kind = id(layer), type(layer).__name__
            if key in self.targets:
                into = ", ".join(paths[id(window)] for window in self.targets[key])
                yield Change(path, kind, "folded", f"into {into}")
            elif key in self.reasons:
                yield Change(path, kind, "left", self.reasons[key])
            elif key in self.padded:
                yield Change(path, kind, "replaced", describe(*self.padded[key]))
