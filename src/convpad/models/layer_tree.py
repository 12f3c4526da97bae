"""Which layers are in a Keras model, and in the layers in it?"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

__all__ = ["Placed", "children", "has_operations", "held", "is_graph", "is_stack", "layers_in", "placed"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A layer of a model: the layer, and its name after the names of all that it is in."""

    path: str
    layer: Any


def is_graph(layer: Any) -> bool:
    """Whether it is a model of the functional API: layers whose calls are known."""
    return has_operations(layer) and not _calls_by_code(layer)


def is_stack(layer: Any) -> bool:
    """Whether it is a model of layers in a row."""
    return isinstance(layer, keras.Sequential) and type(layer).call is keras.Sequential.call


def has_operations(layer: Any) -> bool:
    """Whether it is made of a graph, whatever it does with it."""
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def _calls_by_code(layer: Any) -> bool:
    """Whether a class of its own does something else than to run its graph."""
    plain = next(
        cls for cls in reversed(type(layer).__mro__) if hasattr(cls, "operations") and issubclass(cls, keras.Model)
    )
    return type(layer).call is not plain.call


def layers_in(value: Any) -> Iterator[Any]:
    """The layers among a value, in lists, tuples and dicts too."""
    if isinstance(value, keras.layers.Layer):
        yield value
    elif isinstance(value, (list, tuple, set)):
        for entry in value:
            yield from layers_in(entry)
    elif isinstance(value, dict):
        yield from layers_in(list(value.values()))


def held(layer: Any) -> dict[str, Any]:
    """What a layer holds, by name, without what TensorFlow notes of it for checkpoints."""
    return {name: value for name, value in vars(layer).items() if not name.startswith("_self_")}


def children(layer: Any) -> list[Any]:
    """The layers that a layer holds, each once, in the order in which it came by them."""
    if is_stack(layer) or is_graph(layer):
        return list(layer.layers)
    return list({id(child): child for child in layers_in(list(held(layer).values())) if child is not layer}.values())


def placed(model: Any) -> list[Placed]:
    """Every layer of a model, each once, those in a layer after it."""
    found: dict[int, Placed] = {}

    def look(layer: Any, above: str) -> None:
        for child in children(layer):
            if id(child) not in found:
                found[id(child)] = Placed(above + child.name, child)
                look(child, f"{above}{child.name}/")

    look(model, "")
    return list(found.values())
