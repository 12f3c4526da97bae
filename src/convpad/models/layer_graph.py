"""Layers of a Keras model: the layers in each layer, and the layers that read its output."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from convpad.models.folding import LayerGraph, Use
from convpad.models.readers.keras_live import nodes_behind


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer, and the names of the models and layers that it is in, with its own: `"backbone/conv1"`."""

    path: str
    layer: Any


def has_operations(layer: Any) -> bool:
    """Return whether a layer has a graph, even if its class does not run it."""
    return isinstance(layer, keras.Model) and hasattr(layer, "operations")


def is_graph(layer: Any) -> bool:
    """Return whether a layer is a model of the functional API: its layers are called as its graph says."""
    if not has_operations(layer):
        return False
    bases = [cls for cls in type(layer).__mro__ if hasattr(cls, "operations") and issubclass(cls, keras.Model)]
    return type(layer).call is bases[-1].call  # a user's class may do something else than to run its graph


def is_stack(layer: Any) -> bool:
    """Return whether a layer is a model of layers in a row."""
    return isinstance(layer, keras.Sequential) and type(layer).call is keras.Sequential.call


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
    layers = {id(child): child for child in layers_in(attributes_of(layer)) if child is not layer}
    return list(layers.values())


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


def layer_graph(model: Any) -> LayerGraph:
    """Return the graph of a model and the models in it."""
    graph = LayerGraph()
    for layer in [model, *(placed.layer for placed in walk_layers(model))]:
        if is_stack(layer):
            _add_stack(layer, graph)
        elif is_graph(layer):
            _add_functional(layer, graph)
        else:
            graph.called_by_code.update((id(child), "it is called by code") for child in children(layer))
    return graph


def _add_stack(stack: Any, graph: LayerGraph) -> None:
    if stack.built and hasattr(stack, "inputs"):
        _add_functional(stack, graph)
        return
    for source, reader in zip(stack.layers, [*stack.layers[1:], None], strict=False):
        graph.connect(source, _use(reader, stack))


def _add_functional(model: Any, graph: LayerGraph) -> None:
    order = getattr(model, "operations", model.layers)
    places = {id(operation): place for place, operation in enumerate(order)}
    for node in sorted(nodes_behind(model.outputs, model.inputs), key=lambda node: places[id(node.operation)]):
        for tensor in node.arguments.keras_tensors:
            graph.connect(tensor._keras_history.operation, _use(node.operation, model, tensor.shape))
    for source in {id(tensor._keras_history.operation): tensor for tensor in model.outputs}.values():
        graph.connect(source._keras_history.operation, _use(None, model))


def _use(reader: Any, model: Any, shape: tuple[int | None, ...] | None = None) -> Use:
    return Use(reader, f"{model.name} gives it out" if reader is None else None, shape)
