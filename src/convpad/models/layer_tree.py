"""Tree of a Keras model: its layers, and the layers in them."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

__all__ = [
    "PlacedLayer",
    "attributes_of",
    "children",
    "has_operations",
    "is_graph",
    "is_stack",
    "layers_in",
    "walk_layers",
]


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer of a model.

    Args:
        path: the names of the models and layers that it is in, and its own: `"backbone/conv1"`.
        layer: the layer.
    """

    path: str
    layer: Any


def is_graph(layer: Any) -> bool:
    """Whether a layer is a model of the functional API: its layers are called as its graph says."""
    return has_operations(layer) and not _calls_by_code(layer)


def is_stack(layer: Any) -> bool:
    """Whether a layer is a model of layers in a row."""
    return isinstance(layer, keras.Sequential) and type(layer).call is keras.Sequential.call


def has_operations(layer: Any) -> bool:
    """Whether a layer has a graph, even if its class does not run it."""
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def _calls_by_code(layer: Any) -> bool:
    """Whether a user's class does something else than to run its graph."""
    plain = next(
        cls for cls in reversed(type(layer).__mro__) if hasattr(cls, "operations") and issubclass(cls, keras.Model)
    )
    return type(layer).call is not plain.call


def layers_in(value: Any) -> Iterator[Any]:
    """Yield the layers in a value, also in lists, tuples and dicts."""
    if isinstance(value, keras.layers.Layer):
        yield value
    elif isinstance(value, (list, tuple, set)):
        for entry in value:
            yield from layers_in(entry)
    elif isinstance(value, dict):
        yield from layers_in(list(value.values()))


def attributes_of(layer: Any) -> dict[str, Any]:
    """Return the attributes of a layer by name, without those that TensorFlow adds for checkpoints."""
    return {name: value for name, value in vars(layer).items() if not name.startswith("_self_")}


def children(layer: Any) -> list[Any]:
    """Return the layers in a layer, each once, in the order in which they were set."""
    if is_stack(layer) or is_graph(layer):
        return list(layer.layers)
    return list(
        {id(child): child for child in layers_in(list(attributes_of(layer).values())) if child is not layer}.values()
    )


def walk_layers(model: Any) -> list[PlacedLayer]:
    """Return every layer of a model, each once, those in a layer after it."""
    layers: dict[int, PlacedLayer] = {}

    def visit(layer: Any, above: str) -> None:
        for child in children(layer):
            if id(child) not in layers:
                layers[id(child)] = PlacedLayer(above + child.name, child)
                visit(child, f"{above}{child.name}/")

    visit(model, "")
    return list(layers.values())
