"""Configs of Keras models in memory, in which code is traced: the calls of a class of one's own become a graph.

A layer that is not Keras's own is called once on symbolic tensors, as Keras itself does when such a layer is put into a
functional model. No value is computed and no weight changes.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false, reportMissingImports=false

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import keras

from convpad.models.readers.keras_config import Config
from convpad.models.readers.keras_trace import called, float_of, obstacle_of, reason_of, without_traces
from convpad.models.windows import Shape

WRAPPERS = ("TimeDistributed", "SpectralNormalization")


class LiveModel:
    """The layers, calls and functions of a model in memory, by the numbers that its configs give them."""

    def __init__(self) -> None:
        self._objects: list[Any] = []

    def _number(self, thing: Any) -> int:
        self._objects.append(thing)
        return len(self._objects) - 1

    def entry(self, layer: Any) -> Config:
        """Return the config of a layer as Keras writes it, with the numbers of what is code.

        `"code"` is of a layer whose calls must be traced, `"activation"` of a function that follows a layer, and
        `"torch"` of what Keras runs on PyTorch.
        """
        cls = type(layer)
        entry: Config = {"class_name": cls.__name__, "config": {"name": layer.name}, "name": layer.name}
        if isinstance(layer, keras.layers.Layer) and layer.built:
            with suppress(Exception):  # whatever a class of its own raises
                entry["build_config"] = layer.get_build_config()
        runs_its_layers = "call" not in vars(layer)
        if runs_its_layers and _is_stack(layer):
            return entry | {"class_name": "Sequential", "module": "keras", "config": self._stack(layer)}
        if runs_its_layers and _is_graph(layer):
            order = {id(operation): place for place, operation in enumerate(layer.operations)}
            graph = self._graph(layer.name, layer.inputs, layer.outputs, order)
            return entry | {"class_name": "Functional", "module": "keras", "config": graph}
        home = _home_of(layer) if runs_its_layers else None
        config = None if home is None else self._own_config(layer)
        if home is None or config is None:
            return entry | {"module": None, "code": self._number(layer)}
        activation = getattr(layer, "activation", None)
        if activation is not None and not _is_keras_function(activation):
            entry["activation"] = self._number(activation)
        registered = f"convpad>{cls.__name__}" if home == "convpad" else None
        if home == "keras" and keras.config.backend() == "torch":
            entry["torch"] = True
        module = "keras.layers" if _is_public(layer) else cls.__module__
        return entry | {"module": module, "registered_name": registered, "config": config}

    def _own_config(self, layer: Any) -> Config | None:
        """Return the config of a layer of Keras's or convpad's; None where a part of it cannot be written down."""
        config: Any
        if type(layer).__name__ in WRAPPERS:
            return {"name": layer.name, "layer": self.entry(layer.layer)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of functions that cannot be saved
                config = layer.get_config()
        except Exception:  # whatever a part of its own raises
            return None
        if type(layer).__name__ == "Pad" and config.get("mode") == "symmetric" and keras.config.backend() == "torch":
            config["mode"] = "edge"  # as Keras runs it on PyTorch (keras 3.15.1)
        return config

    def _stack(self, stack: Any) -> Config:
        entries = [self.entry(layer) for layer in stack.layers]
        inputs = getattr(stack, "inputs", None) if stack.built else None
        if inputs:
            entries.insert(0, _input_entry(f"{stack.name} input", inputs[0].shape))
        return {"name": stack.name, "layers": entries}

    def _graph(self, name: str, inputs: list[Any], outputs: list[Any], order: dict[int, int] | None) -> Config:
        """Return the graph from inputs to outputs as the config of a functional model.

        Its operations come in their `order`, by `id`; None: as they are reached from the outputs.
        """
        nodes = list(nodes_behind(outputs, inputs))
        rank = order or {id(node.operation): place for place, node in reversed(list(enumerate(nodes)))}
        last = len(rank)
        nodes.sort(key=lambda node: (rank.get(id(node.operation), last), node.operation._inbound_nodes.index(node)))
        ends = _Ends(inputs, [f"input {n}" if order is None else _node_name(t) for n, t in enumerate(inputs)])
        entries: dict[int, Config] = {}
        for node in nodes:
            operation = node.operation
            if id(operation) not in entries:
                entry = self.entry(operation)
                shown = operation.name if order is not None else _shown_name(operation)
                config = {**entry["config"], "name": shown}
                key = f"{len(entries)} {operation.name}"  # in code, several may have one name
                entries[id(operation)] = entry | {"config": config, "name": key, "inbound_nodes": []}
            entry = entries[id(operation)]
            ends.calls[id(node)] = (entry["name"], len(entry["inbound_nodes"]))
            entry["inbound_nodes"].append({"code": self._number(node.arguments)})
        for node in nodes:
            call = entries[id(node.operation)]["inbound_nodes"][ends.calls[id(node)][1]]
            call["args"], call["kwargs"] = _plain(node.arguments.args, ends.of), _plain(node.arguments.kwargs, ends.of)
        output_keys = [ends.of(tensor) for tensor in outputs]
        return {
            "name": name,
            "layers": [*ends.entries, *entries.values()],
            "input_layers": [ends.of(tensor) for tensor in inputs],
            "output_layers": output_keys,
            "output_shapes": [list(tensor.shape) for tensor in outputs],
        }

    def trace(self, number: int, call: Any, shapes: list[Shape | None]) -> Config | str:
        """Return the graph of one call of a layer or function as the config of a functional model; or a reason.

        Args:
            number: of the layer or function.
            call: the number of the call in whose arguments the tensors stand; None: the tensors are its arguments.
            shapes: the shapes of the tensors.
        """
        thing = self._objects[number]
        obstacle = obstacle_of(thing) or ("the shape of its input is not known" if None in shapes else "")
        if obstacle:
            return obstacle
        arguments = None if call is None else self._objects[call]
        tensors = [] if arguments is None else list(arguments.keras_tensors)
        dtypes = [tensor.dtype for tensor in tensors] or [float_of(thing)] * len(shapes)
        fresh = [keras.KerasTensor(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=False)]
        args: list[Any] = [fresh[0] if len(fresh) == 1 else fresh]
        kwargs: dict[str, Any] = {}
        if arguments is not None:
            new = {id(tensor): one for tensor, one in zip(tensors, fresh, strict=False)}
            old: Any = (list(arguments.args), dict(arguments.kwargs))
            args, kwargs = keras.tree.map_structure(lambda value: new.get(id(value), value), old) or old
        with without_traces(thing):
            try:
                outputs = keras.tree.flatten(called(thing, args, kwargs))
            except Exception as error:  # whatever the code raises on a tensor without values
                return reason_of(error)
            if not all(isinstance(tensor, keras.KerasTensor) for tensor in outputs):
                return "it returns other things than tensors"
            return self._graph(getattr(thing, "name", "function"), fresh, outputs, None)


class _Ends:
    """The keys of symbolic tensors in a config: (layer, call, output), and the entries of those that nothing makes."""

    def __init__(self, inputs: list[Any], names: list[str]) -> None:
        self.calls: dict[int, tuple[str, int]] = {}
        self.entries: list[Config] = []
        self._keys: dict[int, list[Any]] = {}
        for tensor, name in zip(inputs, names, strict=True):
            self._add_input(tensor, name)

    def _add_input(self, tensor: Any, name: str) -> list[Any]:
        self.entries.append(_input_entry(name, tensor.shape))
        self._keys[id(tensor)] = [name, 0, 0]
        return self._keys[id(tensor)]

    def of(self, tensor: Any) -> list[Any]:
        """Return the key of a tensor."""
        if id(tensor) in self._keys:
            return self._keys[id(tensor)]
        call = self.calls.get(id(_node_of(tensor)))
        if call is None:  # of no input: a constant
            return self._add_input(tensor, f"constant {len(self.entries)}")
        return [*call, tensor._keras_history.tensor_index]


def shapes_of(model: Any) -> list[Shape] | None:
    """Return the shapes that a model of one's own was built for; None where it has seen none, or has names for them."""
    try:
        shape = (model.get_build_config() or {}).get("input_shape")
    except Exception:  # whatever a class of its own raises
        return None
    if not isinstance(shape, (list, tuple)) or not shape:
        return None
    several = all(isinstance(entry, (list, tuple)) for entry in shape)
    return [tuple(entry) for entry in (shape if several else [shape])]


def _is_stack(layer: Any) -> bool:
    return isinstance(layer, keras.Sequential) and type(layer).call is keras.Sequential.call


def _is_graph(layer: Any) -> bool:
    """Return whether a layer is a model of the functional API whose class runs its graph as it stands."""
    if not (isinstance(layer, keras.Model) and hasattr(layer, "operations")) or isinstance(layer, keras.Sequential):
        return False
    bases = [cls for cls in type(layer).__mro__ if hasattr(cls, "operations") and issubclass(cls, keras.Model)]
    return type(layer).call is bases[-1].call


def _home_of(layer: Any) -> str | None:
    """Return "keras" or "convpad" for a layer or operation of exactly such a class; None for all else."""
    cls = type(layer)
    package, _, rest = cls.__module__.partition(".")
    if package == "convpad":
        home = sys.modules.get("convpad.keras")
        return "convpad" if getattr(home, cls.__name__, None) is cls else None
    is_public = _is_public(layer) or rest.startswith("src.")
    has_code = cls.__name__ in ("Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer")
    return "keras" if package == "keras" and is_public and not has_code else None


def _is_public(layer: Any) -> bool:
    return getattr(keras.layers, type(layer).__name__, None) is type(layer)


def _is_keras_function(function: Any) -> bool:
    """Return whether an activation is one of Keras's, which changes each value for itself."""
    module = getattr(function, "__module__", None) or ""
    if isinstance(function, keras.Operation):
        return _home_of(function) == "keras" and type(function).__name__ != "Lambda"
    return (
        module.startswith("keras.src.activations") and getattr(keras.activations, function.__name__, None) is function
    )


def _node_of(tensor: Any) -> Any:
    """Return the call that has made a symbolic tensor; None for an input."""
    history = getattr(tensor, "_keras_history", None)
    if history is None or history.operation is None:
        return None
    node = history.operation._inbound_nodes[history.node_index]
    return None if node.is_input else node


def _node_name(tensor: Any) -> str:
    return str(tensor._keras_history.operation.name)


def nodes_behind(outputs: list[Any], inputs: list[Any]) -> Iterator[Any]:
    """Yield the calls between inputs and outputs, each once, after those that it reads."""
    done, opened = {id(tensor) for tensor in inputs}, set[int]()
    waiting = list(reversed(outputs))
    while waiting:
        tensor = waiting[-1]
        node = None if id(tensor) in done else _node_of(tensor)
        behind = [] if node is None or id(node) in opened else list(node.arguments.keras_tensors)
        if node is not None and id(node) not in opened:
            opened.add(id(node))
            waiting += reversed(behind)
            continue
        waiting.pop()
        if node is not None and id(node) not in done:
            done.add(id(node))
            yield node
        done.add(id(tensor))


def _shown_name(operation: Any) -> str:
    """Return a layer's name; of an operation of `keras.ops` that of its class, as it has none of its own."""
    if isinstance(operation, keras.layers.Layer):
        return str(operation.name)
    return re.sub(r"(?<!^)(?<![A-Z])(?=[A-Z])", "_", type(operation).__name__).lower()


def _input_entry(name: str, shape: Any) -> Config:
    shape = None if shape is None else list(shape)
    return {"class_name": "InputLayer", "module": "keras", "name": name, "config": {"name": name, "batch_shape": shape}}


def _plain(value: Any, end: Callable[[Any], list[Any]]) -> Any:
    """Return the arguments of a call as Keras writes them down, but of arrays only the shapes."""
    if isinstance(value, keras.KerasTensor):
        return {"class_name": "__keras_tensor__", "config": {"shape": list(value.shape), "keras_history": end(value)}}
    if isinstance(value, dict):
        return {str(key): _plain(entry, end) for key, entry in sorted(value.items())}  # as Keras flattens them
    if isinstance(value, (list, tuple)):
        return [_plain(entry, end) for entry in value]
    if isinstance(value, slice):
        return {"class_name": "__slice__", "config": {}}
    shape = getattr(value, "shape", None)
    if shape is not None and not isinstance(value, (int, float)):
        config: Config = {"shape": [int(size) for size in shape]}
        if not config["shape"]:
            with suppress(Exception):  # a tensor without a value
                number: Any = keras.ops.convert_to_numpy(value)
                return float(number)
        return {"class_name": "__tensor__", "config": config}
    return value
