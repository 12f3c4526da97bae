"""Folding of a Keras model: it is rebuilt without the padding layers that can go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convpad.changes import Changes
from convpad.core.padding import Learned, Padding
from convpad.models.folding import Folding, Use
from convpad.models.layer_graph import layer_graph, walk_layers
from convpad.models.layer_map import (
    PADDINGS,
    TRANSPOSED,
    WINDOWED,
    convpad_class,
    describe_layer,
    padding_of,
    rank_of,
    replacement_of,
    spans_of,
)
from convpad.models.merge import merge_paddings
from convpad.models.rebuild import rebuild


def fold_model(model: Any, report: Callable[[Changes], Any] | None) -> Any:
    """Return a new Keras model, as `convpad.fold` describes it."""
    layers = [(placed.path, placed.layer) for placed in walk_layers(model)]
    folding = _KerasFolding(layer_graph(model))
    folding.fold(layer for _, layer in layers if type(layer) in PADDINGS)
    replacements = {
        key: replacement_of(window, *padding.spelling()) for key, (window, padding) in folding.padded.items()
    }
    new, _ = rebuild(model, replacements, folding.targets.keys())
    if report is not None:
        rows = folding.rows(layers, lambda window, padding: describe_layer(convpad_class(window), padding))
        report(Changes("fold", tuple(rows)))
    return new


class _KerasFolding(Folding):
    """The folding of Keras's and convpad's layers."""

    def name_of(self, layer: Any) -> str:
        return layer.name

    def padding_of(self, window: Any) -> Padding:
        return padding_of(window)

    def obstacle(self, pad: Any, reader: Any) -> str | None:
        named = f"{reader.name} ({type(reader).__name__}) reads it"
        if type(reader) in TRANSPOSED:
            return f"{named}, which crops where others pad"
        if type(reader) not in WINDOWED:
            own = isinstance(reader, tuple(WINDOWED))
            return f"{named}, a class of its own" if own else f"{named}, which is no convolution or pool"
        if rank_of(pad) != rank_of(reader) or pad.data_format != reader.data_format:
            return f"{reader.name} has other axes"
        if pad.compute_dtype != reader.compute_dtype:
            return f"{reader.name} computes in {reader.compute_dtype}, not in {pad.compute_dtype}"
        if any(isinstance(value, Learned) for pair in padding_of(pad).values for value in pair):
            return "its values are trained"
        return None

    def merge(self, pad: Any, use: Use, own: Padding) -> Padding | str:
        sizes = (None,) * rank_of(pad)
        if use.shape is not None:
            sizes = use.shape[1:-1] if pad.data_format == "channels_last" else use.shape[2:]
        return merge_paddings(padding_of(pad), own, spans_of(use.reader), use.reader.strides, sizes)
