"""Folding of a PyTorch module: identities in the place of the padding modules that can go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from convpad.changes import Changes
from convpad.core.amounts import explicit
from convpad.core.modes import MODES
from convpad.core.padding import Learned, Padding
from convpad.models.folding import Folding, Use
from convpad.models.merge import merge_paddings
from convpad.models.torch_calls import ModuleGraph, module_graph
from convpad.models.torch_copy import call_hooks, copied
from convpad.models.torch_layers import (
    class_name,
    has_own_forward,
    kind_of,
    padding_of,
    rank_of,
    set_padding,
    spans_of,
    strides_of,
)


def fold_model(model: nn.Module, report: Callable[[Changes], Any] | None) -> nn.Module:
    """Return a new tree of modules, as `convpad.fold` describes it."""
    new = copied(model)
    graph = module_graph(model)
    folding = _ModuleFolding(graph)
    news = {id(old): inner for old, inner in zip(model.modules(), new.modules(), strict=True)}
    folding.fold(module for module in model.modules() if kind_of(module) == "pad")
    for key, (_, padding) in folding.padded.items():
        set_padding(news[key], padding)
    identities = {id(news[key]): nn.Identity().train(news[key].training) for key in folding.targets}
    for holder in list(new.modules()):
        for name, inner in holder._modules.items():
            if id(inner) in identities:
                holder._modules[name] = identities[id(inner)]

    def describe(window: nn.Module, _: Padding) -> str:
        module: Any = news[id(window)]
        return f"{type(module).__name__}, {module.padding!r} with {module.padding_mode!r}"

    if report is not None:
        layers = [(graph.names[id(module)], module) for module in model.modules()]
        report(Changes("fold", (*folding.rows(layers, describe), *graph.notes)))
    return new


class _ModuleFolding(Folding):
    """The folding of torch.nn's and convpad's modules."""

    uncalled = "no forward that can be followed calls it"

    def __init__(self, graph: ModuleGraph) -> None:
        super().__init__(graph.calls)
        self.names = graph

    def name_of(self, layer: Any) -> str:
        return self.names.name_of(layer)

    def padding_of(self, window: Any) -> Padding:
        return padding_of(window) or Padding.parse(0, rank=rank_of(window))

    def obstacle(self, pad: Any, reader: Any) -> str | None:
        padding = padding_of(pad)
        if padding is None:
            return "it crops"
        if any(isinstance(value, Learned) for pair in padding.values for value in pair):
            return "its values are trained"
        if call_hooks(pad) or has_own_forward(pad):
            return "it has hooks" if call_hooks(pad) else "it has its own forward"
        name, kind = self.name_of(reader), kind_of(reader)
        named = f"{name} ({class_name(reader)}) reads it"
        if kind == "transposed":
            return f"{named}, which crops where others pad"
        if kind not in ("convolution", "pool"):
            return f"{named}, which is no convolution or pool"
        if call_hooks(reader) or has_own_forward(reader):
            return f"{named}, which has {'hooks' if call_hooks(reader) else 'its own forward'}"
        if getattr(reader, "return_indices", False):
            return f"{named}, which gives places in its input"
        if getattr(reader, "ceil_mode", False):
            return f"{named}, which rounds its size up"
        return None

    def merge(self, pad: Any, use: Use, own: Padding) -> Padding | str:
        padding, rank = padding_of(pad), rank_of(use.reader)
        on_axes = padding and _on_last_axes(padding, rank)
        if on_axes is None:
            return "it has other axes"
        return merge_paddings(on_axes, own, spans_of(use.reader), strides_of(use.reader), (None,) * rank)


def _on_last_axes(padding: Padding, rank: int) -> Padding | None:
    """Return a padding of the last axes as one of another number of axes; None where it pads one that is not there."""
    more, zeros = rank - padding.rank, MODES["zeros"]
    if more >= 0:
        return Padding(
            (explicit(0, 0),) * more + padding.amounts,
            ((zeros, zeros),) * more + padding.modes,
            ((None, None),) * more + padding.values,
        )
    if any(any(amount.pair or (1, 1)) for amount in padding.amounts[:-more]):
        return None
    return Padding(padding.amounts[-more:], padding.modes[-more:], padding.values[-more:])
