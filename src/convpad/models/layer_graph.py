"""Which layer of a Keras model reads which?"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from convpad.models.layer_tree import children, is_graph, is_stack, placed

__all__ = ["Use", "Wiring", "wiring"]


@dataclass(frozen=True, slots=True)
class Use:
    """One reading of a layer's output.

    Args:
        reader: the layer that reads; None where a model gives it out.
        end: the name of that model.
        shape: of what is read, None for sizes that are not known.
    """

    reader: Any
    end: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Wiring:
    """By `id` of a layer: who reads it, and what it reads, in every model that calls it.

    Layers that the code of a class calls are in `loose`, for nothing is known of those calls.
    """

    uses: dict[int, list[Use]] = field(default_factory=dict)
    sources: dict[int, list[Any]] = field(default_factory=dict)
    loose: set[int] = field(default_factory=set)

    def connect(self, source: Any, use: Use) -> None:
        self.uses.setdefault(id(source), []).append(use)
        if use.reader is not None:
            self.sources.setdefault(id(use.reader), []).append(source)


def wiring(model: Any) -> Wiring:
    """Everything that is known of the calls in a model and the models in it.

    Example:

    >>> import keras
    >>> from convpad.models.layer_graph import wiring
    >>> pad, conv = keras.layers.ZeroPadding1D(1), keras.layers.Conv1D(4, 3, name="conv")
    >>> wires = wiring(keras.Sequential([keras.Input((8, 2)), pad, conv]))
    >>> wires.uses[id(pad)][0].reader.name, wires.uses[id(pad)][0].shape
    ('conv', (None, 10, 2))
    """
    wires = Wiring()
    for layer in [model, *(place.layer for place in placed(model))]:
        if is_stack(layer):
            _stack(layer, wires)
        elif is_graph(layer):
            _graph(layer, wires)
        else:
            wires.loose.update(map(id, children(layer)))
    return wires


def _stack(stack: Any, wires: Wiring) -> None:
    inputs = getattr(stack, "inputs", None) if stack.built else None
    shape = inputs[0].shape if inputs else None
    source = None
    for layer in stack.layers:
        if source is not None:
            wires.connect(source, Use(layer, stack.name, shape))
        source, shape = layer, None if shape is None else layer.compute_output_shape(shape)
    if source is not None:
        wires.connect(source, Use(None, stack.name, shape))


def _graph(graph: Any, wires: Wiring) -> None:
    # What is public of the calls of a functional model is written in its config.
    config = graph.get_config()
    if "output_layers" not in config:
        wires.loose.update(map(id, children(graph)))
        return
    operations = {operation.name: operation for operation in graph.operations}
    for entry in config["layers"]:
        for node in entry["inbound_nodes"]:
            for name, shape in _tensors([node["args"], node["kwargs"]]):
                wires.connect(operations[name], Use(operations[entry["name"]], graph.name, shape))
    for name in {row[0] for row in _rows(config["output_layers"])}:
        wires.connect(operations[name], Use(None, graph.name, None))


def _tensors(arguments: Any) -> Iterator[tuple[str, Any]]:
    """The layer that each tensor among the arguments comes from, and the tensor's shape."""
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
    """Every [name, call, output] in whatever structure the outputs have."""
    if isinstance(layers, dict):
        layers = list(layers.values())
    if layers and isinstance(layers[0], str):
        yield layers
        return
    for entry in layers:
        yield from _rows(entry)
