"""How are the padding layers of a Keras model melted into what follows them?"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras

from convpad.core.errors import refuse
from convpad.core.padding import Learned, Padding
from convpad.models.changes import Change, Changes
from convpad.models.layer_graph import Use, Wiring, wiring
from convpad.models.layer_map import PADDINGS, TRANSPOSED, WINDOWED, config_of, ours_for, parsed, rank_of, spans
from convpad.models.layer_tree import Placed, placed
from convpad.models.merge import melted
from convpad.models.rebuild import Exchange, rebuilt

__all__ = ["fold"]


def fold(model: Any, *, report: Callable[[Changes], Any] | None = None) -> Any:
    """The same Keras model with its padding layers melted into the convolutions and pools that follow.

    The output stays as it is; nothing padded is copied any more. `ZeroPadding1D` to `3D` and convpad's padding
    layers go wherever every layer that reads them is a convolution or a pool that can take the padding over:
    those become convpad's layers of the same name and weights. A padding layer that anything else reads stays,
    and the report says why. Models in models are folded too. The model given is not changed. A compiled model
    comes back compiled, where Keras can write down its loss; the optimizer starts anew.

    Args:
        model: a Keras model.
        report: called once with the `convpad.models.changes.Changes` made: `report=print` prints them.

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
    folded    pad   ZeroPadding2D  into conv
    replaced  conv  Conv2D         Conv2D, ((3, 3), (3, 3)) with 'zeros'
    left      late  ZeroPadding2D  relu (ReLU) reads it, which is no convolution or pool
    >>> [layer.name for layer in model.layers[1:]]
    ['conv', 'late', 'relu']

    Source: https://keras.io/api/models/model_saving_apis/, of which it uses `clone_model`.
    """
    if not isinstance(model, keras.Model):
        raise refuse("model", "be a Keras model", model, "Load a file with keras.saving.load_model first.")
    places = placed(model)
    folding = _Folding(wiring(model))
    # From the back, so that of two in a row the second is gone when the first is asked.
    for place in reversed(places):
        if type(place.layer) in PADDINGS:
            folding.consider(place.layer)
    new, _ = rebuilt(model, folding.exchanged(), folding.targets.keys())
    if report is not None:
        report(Changes("fold", tuple(folding.rows(places))))
    return new


class _Folding:
    """What is melted into what, as far as it is known."""

    def __init__(self, wires: Wiring) -> None:
        self.wires = wires
        self.targets: dict[int, list[Any]] = {}
        self.padded: dict[int, tuple[Any, Padding]] = {}
        self.reasons: dict[int, str] = {}

    def consider(self, pad: Any) -> None:
        """Melts one padding layer, or keeps the reason why not."""
        found: dict[int, tuple[Any, Padding]] = {}
        reason = "it is called by code" if self._is_loose(pad) else None
        for use in self._uses(pad):
            reason = reason or self._hindrance(pad, use)
            if reason:
                break
            window = use.reader
            before = self.padded[id(window)][1] if id(window) in self.padded else parsed(window)
            padding = melted(parsed(pad), before, spans(window), window.strides, _sizes(pad, use.shape))
            if isinstance(padding, str):
                reason = f"{window.name} reads it: {padding}"
            elif id(window) in found and found[id(window)][1] != padding:
                reason = f"{window.name} reads it at two sizes, and pads them differently"
            else:
                found[id(window)] = (window, padding)
        if reason:
            self.reasons[id(pad)] = reason
        else:
            self.targets[id(pad)] = [window for window, _ in found.values()]
            self.padded |= found

    def _uses(self, pad: Any) -> list[Use]:
        """Who reads it, through padding layers that are gone."""
        found: list[Use] = []
        for use in self.wires.uses.get(id(pad), []):
            found += self._uses(use.reader) if id(use.reader) in self.targets else [use]
        return found

    def _read(self, layer: Any) -> list[Any]:
        """What it reads, each once, seen through padding layers that are gone."""
        found: dict[int, Any] = {}
        for source in self.wires.sources.get(id(layer), []):
            gone = self._read(source) if id(source) in self.targets else [source]
            found |= {id(one): one for one in gone}
        return list(found.values())

    def _hindrance(self, pad: Any, use: Use) -> str | None:
        """Why a padding layer cannot go, for one of those who read it."""
        window = use.reader
        if window is None:
            return f"{use.end} gives it out"
        named = f"{window.name} ({type(window).__name__}) reads it"
        if type(window) in TRANSPOSED:
            return f"{named}, which crops where others pad"
        if type(window) not in WINDOWED:
            own = isinstance(window, tuple(WINDOWED))
            return f"{named}, a class of its own" if own else f"{named}, which is no convolution or pool"
        others = [source for source in self._read(window) if source is not pad]
        if others:
            return f"{window.name} reads {others[0].name} as well"
        if id(window) in self.wires.loose:
            return f"{window.name} is also called by code"
        if rank_of(pad) != rank_of(window) or pad.data_format != window.data_format:
            return f"{window.name} has other axes"
        if pad.compute_dtype != window.compute_dtype:
            return f"{window.name} computes in {window.compute_dtype}, not in {pad.compute_dtype}"
        if any(isinstance(value, Learned) for pair in parsed(pad).values for value in pair):
            return "its values are trained"
        return None

    def exchanged(self) -> dict[int, Exchange]:
        """The layers that took padding over, as they are then."""
        return {
            key: Exchange(ours_for(window), config_of(window, *padding.spelling()))
            for key, (window, padding) in self.padded.items()
        }

    def _is_loose(self, pad: Any) -> bool:
        return id(pad) in self.wires.loose or id(pad) not in self.wires.uses

    def rows(self, places: list[Placed]) -> Iterator[Change]:
        """What was done with every padding layer and every layer that took padding over, in the model's order."""
        paths = {id(place.layer): place.path for place in places}
        for place in places:
            key, kind = id(place.layer), type(place.layer).__name__
            if key in self.targets:
                into = ", ".join(paths[id(window)] for window in self.targets[key])
                yield Change(place.path, kind, "folded", f"into {into}")
            elif key in self.reasons:
                yield Change(place.path, kind, "left", self.reasons[key])
            elif key in self.padded:
                amount, mode = self.padded[key][1].spelling()
                yield Change(
                    place.path, kind, "replaced", f"{ours_for(place.layer).__name__}, {amount!r} with {mode!r}"
                )


def _sizes(pad: Any, shape: tuple[int | None, ...] | None) -> tuple[int | None, ...]:
    """The sizes among a shape."""
    if shape is None:
        return (None,) * rank_of(pad)
    return tuple(shape[1:-1] if pad.data_format == "channels_last" else shape[2:])
