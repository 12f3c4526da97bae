"""Graph of a Keras model: which layer reads the output of which."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from convpad.models.layer_tree import children, is_graph, is_stack, walk_layers

__all__ = ["LayerGraph", "Use", "layer_graph"]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a layer's output.

    Args:
        reader: the layer that reads it; None where it is an output of a model.
        model: the name of the model.
        shape: of the output, None for sizes that are not known.
    """

    reader: Any
    model: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class LayerGraph:
    """The calls of a model's layers, in every model that calls them.

    Args:
        uses: the uses of a layer's output, by `id` of the layer.
        sources: the layers that a layer reads, by its `id`.
        called_by_code: `id` of the layers that the code of a class calls; nothing is known of those calls.
    """

    uses: dict[int, list[Use]] = field(default_factory=dict)
    sources: dict[int, list[Any]] = field(default_factory=dict)
    called_by_code: set[int] = field(default_factory=set)

    def connect(self, source: Any, use: Use) -> None:
        self.uses.setdefault(id(source), []).append(use)
        if use.reader is not None:
            self.sources.setdefault(id(use.reader), []).append(source)


def layer_graph(model: Any) -> LayerGraph:
    """Return the graph of a model and the models in it.

    Example:

    >>> import keras
    >>> from convpad.models.layer_graph import layer_graph
    >>> pad, conv = keras.layers.ZeroPadding1D(1), keras.layers.Conv1D(4, 3, name="conv")
    >>> graph = layer_graph(keras.Sequential([keras.Input((8, 2)), pad, conv]))
    >>> graph.uses[id(pad)][0].reader.name, graph.uses[id(pad)][0].shape
    ('conv', (None, 10, 2))
    """
    graph = LayerGraph()
    for layer in [model, *(placed.layer for placed in walk_layers(model))]:
        if is_stack(layer):
            _add_stack(layer, graph)
        elif is_graph(layer):
            _add_functional(layer, graph)
        else:
            graph.called_by_code.update(map(id, children(layer)))
    return graph


def _add_stack(stack: Any, graph: LayerGraph) -> None:
    inputs = getattr(stack, "inputs", None) if stack.built else None
    shape = inputs[0].shape if inputs else None
    source = None
    for layer in stack.layers:
        if source is not None:
            graph.connect(source, Use(layer, stack.name, shape))
        source, shape = layer, None if shape is None else layer.compute_output_shape(shape)
    if source is not None:
        graph.connect(source, Use(None, stack.name, shape))


def _add_functional(model: Any, graph: LayerGraph) -> None:
    # The public record of the calls of a functional model is its config.
    config = model.get_config()
    if "output_layers" not in config:
        graph.called_by_code.update(map(id, children(model)))
        return
    operations = {operation.name: operation for operation in model.operations}
    for entry in config["layers"]:
        for node in entry["inbound_nodes"]:
            for name, shape in _tensors([node["args"], node["kwargs"]]):
                graph.connect(operations[name], Use(operations[entry["name"]], model.name, shape))
    for name in {row[0] for row in _rows(config["output_layers"])}:
        graph.connect(operations[name], Use(None, model.name, None))


def _tensors(arguments: Any) -> Iterator[tuple[str, Any]]:
    """Yield the layer's name and the shape of each tensor among the arguments of a call."""
    if isinstance(arguments, dict):
        if arguments.get("class_name") == "__keras_tensor__":
            config = arguments["config"]
            yield config["keras_history"][0], config["shape"]
            return
        arguments = list(arguments.values())
    if isinstance(arguments, (list, tuple)):
        for entry in arguments:
            yield from _tensors(entry)


def _rows(layers: Any) -> Iterator[Any]:
    """Yield every [name, call, output] in a structure of outputs."""
    if isinstance(layers, dict):
        layers = list(layers.values())
    if layers and isinstance(layers[0], str):
        yield layers
        return
    for entry in layers:
        yield from _rows(entry)
