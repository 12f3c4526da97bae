"""Folding of a Keras model: its padding layers are merged into the convolutions and pools that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from convpad.changes import Change, Changes
from convpad.core.padding import Learned, Padding
from convpad.models.layer_graph import LayerGraph, PlacedLayer, Use, layer_graph, walk_layers
from convpad.models.layer_map import (
    PADDINGS,
    TRANSPOSED,
    WINDOWED,
    check_model,
    convpad_class,
    describe_layer,
    padding_of,
    rank_of,
    replacement_of,
    spans_of,
)
from convpad.models.merge import merge_paddings
from convpad.models.rebuild import rebuild


def fold(model: Any, *, report: Callable[[Changes], Any] | None = None) -> Any:
    """Rebuild a Keras model with its padding layers merged into the convolutions and pools that follow.

    The output stays equal, and no padded tensor is copied any more. `ZeroPadding1D` to `3D` and convpad's padding
    layers go wherever every layer that reads them is a convolution or a pool that can take the padding over:
    those become convpad's layers of the same name and weights. A padding layer that any other layer reads stays,
    and the report says why. Models in models are folded too. `model` is not changed. A compiled model
    comes back compiled, where Keras can write down its loss; the optimizer starts anew.

    Args:
        model: a Keras model.
        report: called once with the `convpad.changes.Changes` made: `report=print` prints them.

    Returns:
        A new model.

    Raises:
        PaddingError: not a Keras model, or a layer cannot be made from its config.

    Example:

    >>> import convpad, keras
    >>> layers = keras.layers
    >>> image = keras.Input((32, 32, 3))
    >>> x = layers.Conv2D(8, 7, strides=2, name="conv")(layers.ZeroPadding2D(3, name="pad")(image))
    >>> x = layers.ReLU(name="relu")(layers.ZeroPadding2D(1, name="late")(x))
    >>> model = convpad.fold(keras.Model(image, x), report=print)
    fold: 1 layer replaced, 1 folded, 1 left alone
    <BLANKLINE>
    layer  kind           done      detail
    --------------------------------------------------------------------------------
    pad    ZeroPadding2D  folded    into conv
    conv   Conv2D         replaced  Conv2D, ((3, 3), (3, 3)) with 'zeros'
    late   ZeroPadding2D  left      relu (ReLU) reads it, which is no convolution or
                                    pool
    <BLANKLINE>
    replaced  by a layer of convpad with the same weights
    folded    removed; the layers that read it pad instead
    left      as it was
    >>> [layer.name for layer in model.layers[1:]]
    ['conv', 'late', 'relu']

    Source: https://keras.io/api/models/model_saving_apis/, of which it uses `clone_model`.
    """
    check_model(model)
    layers = walk_layers(model)
    folding = _Folding(layer_graph(model))
    # From the back, so that of two in a row the second is gone when the first is considered.
    for placed in reversed(layers):
        if type(placed.layer) in PADDINGS:
            folding.consider(placed.layer)
    replacements = {
        key: replacement_of(window, *padding.spelling()) for key, (window, padding) in folding.padded.items()
    }
    new, _ = rebuild(model, replacements, folding.targets.keys())
    if report is not None:
        report(Changes("fold", tuple(folding.rows(layers))))
    return new


class _Folding:
    """The padding layers that go, by `id`: the windows that take them over, and the windows' new paddings.

    `reasons` are of the padding layers that stay.
    """

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.targets: dict[int, list[Any]] = {}
        self.padded: dict[int, tuple[Any, Padding]] = {}
        self.reasons: dict[int, str] = {}

    def consider(self, pad: Any) -> None:
        """Merge one padding layer into all layers that read it, or note the reason why not."""
        merged: dict[int, tuple[Any, Padding]] = {}
        is_called_by_code = id(pad) in self.graph.called_by_code or id(pad) not in self.graph.uses
        reason = "it is called by code" if is_called_by_code else None
        for use in self._uses(pad):
            reason = reason or self._obstacle(pad, use)
            if reason:
                break
            window = use.reader
            before = self.padded[id(window)][1] if id(window) in self.padded else padding_of(window)
            sizes = (None,) * rank_of(pad)
            if use.shape is not None:
                sizes = use.shape[1:-1] if pad.data_format == "channels_last" else use.shape[2:]
            padding = merge_paddings(padding_of(pad), before, spans_of(window), window.strides, sizes)
            if isinstance(padding, str):
                reason = f"{window.name} reads it: {padding}"
            elif id(window) in merged and merged[id(window)][1] != padding:
                reason = f"{window.name} reads it at two sizes, and pads them differently"
            else:
                merged[id(window)] = (window, padding)
        if reason:
            self.reasons[id(pad)] = reason
        else:
            self.targets[id(pad)] = [window for window, _ in merged.values()]
            self.padded |= merged

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
        window = use.reader
        if window is None:
            return f"{use.model} gives it out"
        named = f"{window.name} ({type(window).__name__}) reads it"
        if type(window) in TRANSPOSED:
            return f"{named}, which crops where others pad"
        if type(window) not in WINDOWED:
            own = isinstance(window, tuple(WINDOWED))
            return f"{named}, a class of its own" if own else f"{named}, which is no convolution or pool"
        others = [source for source in self._sources(window) if source is not pad]
        if others:
            return f"{window.name} reads {others[0].name} as well"
        if id(window) in self.graph.called_by_code:
            return f"{window.name} is also called by code"
        if rank_of(pad) != rank_of(window) or pad.data_format != window.data_format:
            return f"{window.name} has other axes"
        if pad.compute_dtype != window.compute_dtype:
            return f"{window.name} computes in {window.compute_dtype}, not in {pad.compute_dtype}"
        if any(isinstance(value, Learned) for pair in padding_of(pad).values for value in pair):
            return "its values are trained"
        return None

    def rows(self, layers: list[PlacedLayer]) -> Iterator[Change]:
        """Yield the change of every padding layer and every layer that takes padding over, in the model's order."""
        paths = {id(placed.layer): placed.path for placed in layers}
        for placed in layers:
            key, kind = id(placed.layer), type(placed.layer).__name__
            if key in self.targets:
                into = ", ".join(paths[id(window)] for window in self.targets[key])
                yield Change(placed.path, kind, "folded", f"into {into}")
            elif key in self.reasons:
                yield Change(placed.path, kind, "left", self.reasons[key])
            elif key in self.padded:
                detail = describe_layer(convpad_class(placed.layer), self.padded[key][1])
                yield Change(placed.path, kind, "replaced", detail)
