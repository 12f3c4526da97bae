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
    TRANSPOSED,
    WINDOWS,
    class_of,
    is_pad,
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
    named = list(model.named_modules())
    folding.fold(module for _, module in named if is_pad(module))
    for (_, old), (_, inner) in zip(named, list(new.named_modules()), strict=True):
        if id(old) in folding.padded:
            set_padding(inner, folding.padded[id(old)][1])
    gone = {name for name, old in model.named_modules(remove_duplicate=False) if id(old) in folding.targets}
    identities: dict[int, nn.Module] = {}
    for name in gone:
        above, _, attribute = name.rpartition(".")
        parent, pad = new.get_submodule(above), new.get_submodule(name)
        setattr(parent, attribute, identities.setdefault(id(pad), nn.Identity().train(pad.training)))
    if report is not None:
        layers = [(graph.names[id(module)], module) for _, module in named]
        report(Changes("fold", (*folding.rows(layers, describe), *graph.notes)))
    return new


def describe(window: nn.Module, padding: Padding) -> str:
    """Return the class and the padding of a new module in words."""
    amount, mode = padding.spelling()
    return f"{WINDOWS[class_of(window)].__name__}, {amount!r} with {mode!r}"


class _ModuleFolding(Folding):
    """The folding of torch.nn's and convpad's modules."""

    uncalled = "no forward that can be followed calls it"

    def __init__(self, graph: ModuleGraph) -> None:
        super().__init__(graph.calls)
        self.names = graph

    def name_of(self, layer: Any) -> str:
        return self.names.name_of(layer)

    def padding_of(self, window: Any) -> Padding:
        padding = padding_of(window)
        assert padding is not None
        return padding

    def obstacle(self, pad: Any, reader: Any) -> str | None:
        name, kind = self.name_of(reader), class_of(reader)
        named = f"{name} ({kind.__name__}) reads it"
        for module, words in ((pad, "it"), (reader, name)):
            if call_hooks(module):
                return f"{words} has hooks"
            if "forward" in vars(module):
                return f"{words} has a forward of its own"
        if kind in TRANSPOSED:
            return f"{named}, which crops where others pad"
        if kind not in WINDOWS:
            own = isinstance(reader, tuple(WINDOWS))
            return f"{named}, a class of its own" if own else f"{named}, which is no convolution or pool"
        if getattr(reader, "return_indices", False):
            return f"{named}, which gives places in its input"
        if getattr(reader, "ceil_mode", False):
            return f"{named}, which rounds its size up"
        padding = padding_of(pad)
        if padding is None:
            return "it crops"
        if any(isinstance(value, Learned) for pair in padding.values for value in pair):
            return "its values are trained"
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
