"""Graphs of PyTorch programs: the operations in their order, from an exported program or from a `.pt2` file.

Graphs within a graph that run once, whatever the input, are put in its place.
"""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from convpad.core.errors import ModelFileError
from convpad.models.readers.movement import SIZE_TO_RECKON_WITH
from convpad.models.readers.values import MOST, Values
from convpad.models.readers.walk import checked_shape, read_entry
from convpad.models.windows import Shape

LARGEST_GRAPH = 256 * 2**20
LARGEST_CONFIG = 2**26
_GRAPHS = (r"(^|/)models/[^/]*\.json$", r"(^|/)serialized_exported_program\.json$")
"""The file of the graph; until PyTorch 2.7 the second."""

_ITEMSIZES = {1: 1, 2: 1, 3: 2, 5: 8, 6: 2, 8: 8, 12: 1, 13: 2}
"""Bytes of a value, by the number that `.pt2` files give its type (uint8, int8, int16, int64, float16, float64, bool,
bfloat16); those of all others are 4."""

_FORMATS = {1: "B", 2: "b", 3: "h", 4: "i", 5: "q", 7: "f", 8: "d", 12: "?"}
"""The types whose values are read from `.pt2` files, as `struct` names them."""

_INLINED = re.compile(r"wrap_with_|wrap$|tag_activation_checkpoint|invoke_subgraph|wrap_activation_checkpoint")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor among the arguments of an operation, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """A number among the arguments of an operation that depends on the sizes of the input."""


@dataclass(frozen=True, slots=True)
class TensorType:
    """What a graph tells of a tensor: its shape, its sizes with some to reckon with, and the bytes of one value."""

    shape: Shape
    sizes: tuple[int, ...]
    itemsize: int


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a graph.

    Args:
        name: of its node.
        operation: without its overload, and of PyTorch's own without the namespace: "conv2d".
        module, layer: the path and the class of the module that calls it; empty where there is none.
        arguments: by name; a tensor is a `Tensor`.
        results: the names of the tensors that it returns.
    """

    name: str
    operation: str
    module: str
    layer: str
    arguments: dict[str, Any]
    results: tuple[str, ...]


@dataclass(slots=True)
class Graph:
    """The operations of a program, in the order in which they run.

    Args:
        tensors: every tensor by name.
        constants: those that no input reaches; a weight's values are not known.
        calls: the operations.
        outputs: the names of the tensors that are returned.
    """

    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    constants: dict[str, Values] = field(default_factory=dict[str, Values])
    calls: list[Call] = field(default_factory=list[Call])
    outputs: list[str] = field(default_factory=list[str])


def operation_name(target: str) -> str:
    """Return an operation without its overload: `aten.conv2d.default` is "conv2d", `my.op.default` "my::op"."""
    namespace, _, name = target.removeprefix("torch.ops.").partition(".")
    if not name:
        return namespace
    name = name.partition(".")[0]
    return name if namespace in ("aten", "higher_order") else f"{namespace}::{name}"


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Return an argument with other names for its tensors."""
    if isinstance(value, list):
        return [renamed(entry, names) for entry in value]
    return Tensor(names.get(value.name, value.name)) if isinstance(value, Tensor) else value


def is_run_once(operation: str) -> bool:
    """Return whether an operation runs the one graph that it holds, once."""
    return bool(_INLINED.match(operation))


def inline(graph: Graph, inner: Graph, inputs: list[str], operands: list[Any], results: list[str], prefix: str) -> None:
    """Put a graph in the place of the operation that runs it."""
    names = {name: f"{prefix}.{name}" for name in inner.tensors}
    for name, operand in zip(inputs, operands, strict=False):
        if isinstance(operand, Tensor):
            names[name] = operand.name
    names.update(zip(inner.outputs, results, strict=False))
    for name, kind in inner.tensors.items():
        graph.tensors.setdefault(names[name], kind)
    for call in inner.calls:
        arguments = {key: renamed(value, names) for key, value in call.arguments.items()}
        outs = tuple(names.get(name, f"{prefix}.{name}") for name in call.results)
        graph.calls.append(Call(f"{prefix}.{call.name}", call.operation, call.module, call.layer, arguments, outs))
    for name, result in zip(inner.outputs, results, strict=False):
        if names.get(name) != result or name in inputs:  # one tensor is returned twice, or an input is
            source = Tensor(names.get(name, name))
            graph.calls.append(Call(result, "alias", "", "", {"self": source}, (result,)))


# Files


def read_graph(path: Path) -> Graph:
    """Read the graph of a `.pt2` file, which is a zip file with the graph as JSON, and its small constants."""
    with ZipFile(path) as archive:
        names = [name for pattern in _GRAPHS for name in archive.namelist() if re.search(pattern, name)]
        if not names:
            raise ModelFileError("There is no exported program in it, which torch.export.save writes.")
        module = json.loads(read_entry(archive, names[0], "Its graph", LARGEST_GRAPH))["graph_module"]
        graph = _graph(module["graph"])
        stored = _stored_values(archive)
    signature = module.get("signature") or {}
    for spec in signature.get("output_specs", []):
        stored.pop((spec.get("buffer_mutation") or {}).get("buffer_name"), None)
    for spec in signature.get("input_specs", []):
        kind, content = next(iter(spec.items()))
        name = (content.get("arg") or {}).get("name") if isinstance(content, dict) else None
        if isinstance(name, str) and name in graph.tensors and kind in ("parameter", "buffer", "tensor_constant"):
            key = content.get(f"{kind}_name")
            shape = graph.tensors[name].sizes
            values = stored.get(key) or Values.unknown(shape)
            graph.constants[name] = Values.weight(shape) if kind == "parameter" else values
    return graph


def _stored_values(archive: ZipFile) -> dict[Any, Values]:
    """Return the constants and buffers of a file whose bytes are plain numbers, and few."""
    values: dict[Any, Values] = {}
    for config in archive.namelist():
        if not re.search(r"(^|/)data/(weights|constants)/model_\w+_config\.json$", config):
            continue
        folder = config.rpartition("/")[0]
        entries = json.loads(read_entry(archive, config, "A list of its constants", LARGEST_CONFIG))["config"]
        for name, entry in entries.items():
            shape = [size.get("as_int") for size in entry["tensor_meta"]["sizes"]]
            steps = [step.get("as_int") for step in entry["tensor_meta"]["strides"]]
            form = _FORMATS.get(entry["tensor_meta"].get("dtype"))
            path = f"{folder}/{entry['path_name']}"
            if entry.get("use_pickle") or entry.get("is_param") or form is None or path not in archive.namelist():
                continue
            if any(type(size) is not int or size < 0 for size in shape) or prod(shape) > MOST:
                continue
            if any(
                s > 1 and step != prod(shape[i + 1 :]) for i, (s, step) in enumerate(zip(shape, steps, strict=True))
            ):
                continue
            count = prod(shape)
            data = read_entry(archive, path, "A constant", 2**20)
            if len(data) >= count * struct.calcsize(form):
                values[name] = Values.known(shape, struct.unpack_from(f"<{count}{form}", data))
    return values


def _graph(content: dict[str, Any]) -> Graph:
    graph = Graph()
    for name, value in content["tensor_values"].items():
        shape = checked_shape(name, tuple(size.get("as_int") for size in value["sizes"]))
        sizes = tuple(_size(size) for size in value["sizes"])
        graph.tensors[name] = TensorType(shape, sizes, _ITEMSIZES.get(value.get("dtype", 0), 4))
    for index, node in enumerate(content["nodes"]):
        _add_node(graph, index, node)
    graph.outputs = [name for entry in content.get("outputs", []) for name in _names(entry)]
    return graph


def _size(size: dict[str, Any]) -> int:
    hint = (size.get("as_expr") or {}).get("hint") or {}
    value = size.get("as_int", hint.get("as_int") if isinstance(hint, dict) else None)
    return value if type(value) is int and value >= 0 else SIZE_TO_RECKON_WITH


def _names(entry: dict[str, Any]) -> list[str]:
    """Return the names of the tensors of an output or an argument."""
    if entry.get("as_tensor"):
        return [str(entry["as_tensor"]["name"])]
    return [str(value["name"]) for value in entry.get("as_tensors") or []]


def _add_node(graph: Graph, index: int, node: dict[str, Any]) -> None:
    stack = str((node.get("metadata") or {}).get("nn_module_stack", "")).split(";")[-1].split(",")
    path, kind = (stack[1], stack[-1]) if len(stack) > 2 else ("", "")
    inputs = [entry["arg"] for entry in node["inputs"]]
    arguments = {str(entry.get("name") or f"argument {i}"): _argument(entry["arg"]) for i, entry in
                 enumerate(node["inputs"])}  # fmt: skip
    results = [name for out in node["outputs"] for name in _names(out)]
    operation = operation_name(str(node["target"]))
    name = str(node.get("name") or (results[0] if results else f"node {index}"))
    inner = [position for position, entry in enumerate(inputs) if "as_graph" in entry]
    if len(inner) == 1 and is_run_once(operation):
        content = inputs[inner[0]]["as_graph"]["graph"]
        names = [name for entry in content.get("inputs", []) for name in _names(entry)]
        operands = list(arguments.values())[inner[0] + 1 :]
        inline(graph, _graph(content), names, operands, results, name)
    else:
        graph.calls.append(Call(name, operation, path, kind, arguments, tuple(results)))


def _argument(value: dict[str, Any]) -> Any:
    """Read an argument from JSON, where its type is its key."""
    kind, content = next(iter(value.items()))
    if kind in ("as_tensor", "as_tensors", "as_optional_tensors", "as_optional_tensor", "as_nested_tensors"):
        return _tensors(kind, content)
    if kind == "as_sym_ints":
        return [entry.get("as_int", Symbol()) for entry in content]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return next((content[key] for key in ("as_int", "as_float", "as_bool") if key in content), Symbol())
    return None if kind in ("as_none", "as_graph") else content


def _tensors(kind: str, content: Any) -> Any:
    if isinstance(content, list):
        return [_argument(entry) if "name" not in entry else Tensor(str(entry["name"])) for entry in content]
    if "name" in content:
        return Tensor(str(content["name"]))
    return _argument(content)


# Programs


def graph_of(program: Any) -> Graph:
    """Return the graph of an exported program."""
    graph, signature = Graph(), program.graph_signature
    _add_nodes(graph, program.graph_module)
    stored = {**program.state_dict, **program.constants}
    known = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
    written = set(signature.buffers_to_mutate.values())
    for name in (*signature.inputs_to_parameters, *known):
        if name in graph.tensors:
            shape, key = graph.tensors[name].sizes, known.get(name)
            values = (None if key in written else _values(stored.get(key))) or Values.unknown(shape)
            graph.constants[name] = values if name in known else Values.weight(shape)
    return graph


def _values(tensor: Any) -> Values | None:
    """Return the values of a small tensor of numbers; None for any other."""
    if tensor is None or not hasattr(tensor, "numel") or tensor.numel() > MOST or tensor.is_meta:
        return None
    if type(tensor).__name__ == "FakeTensor" or tensor.is_complex() or tensor.is_sparse or tensor.is_quantized:
        return None
    return Values.known(tuple(tensor.shape), tensor.detach().cpu().flatten().tolist())


def _add_nodes(graph: Graph, module: Any) -> list[str]:
    """Add the nodes of a module to a graph; return the names of its inputs."""
    inputs: list[str] = []
    for node in module.graph.nodes:
        value = node.meta.get("val")
        if hasattr(value, "shape") and hasattr(value, "element_size"):
            shape = checked_shape(node.name, tuple(size if type(size) is int else None for size in value.shape))
            sizes = tuple(_nominal(size) for size in value.shape)
            graph.tensors[node.name] = TensorType(shape, sizes, value.element_size())
        if node.op == "placeholder":
            inputs.append(node.name)
        elif node.op == "call_function":
            _add_call(graph, module, node)
        elif node.op == "output":
            flat = node.args[0] if isinstance(node.args[0], (list, tuple)) else [node.args[0]]
            graph.outputs = [entry.name for entry in flat if hasattr(entry, "meta")]
    return inputs


def _nominal(size: Any) -> int:
    hint = size if type(size) is int else getattr(getattr(size, "node", None), "hint", None)
    return hint if type(hint) is int and hint >= 0 else SIZE_TO_RECKON_WITH


def _add_call(graph: Graph, module: Any, node: Any) -> None:
    if getattr(node.target, "__name__", "") == "getitem":
        return
    schema = getattr(node.target, "_schema", None)
    if schema is None and not hasattr(node.target, "name"):
        return  # arithmetic of sizes
    names = [argument.name for argument in schema.arguments] if schema else []
    names += [f"argument {index}" for index in range(len(names), len(node.args))]
    arguments = {name: _plain(value) for name, value in (*zip(names, node.args, strict=False), *node.kwargs.items())}
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = (str(stack[-1][0]), str(stack[-1][1])) if stack else ("", "")
    operation = operation_name(str(node.target) if schema else node.target.name())
    results = _results(node)
    for name, value in results.items():
        if name not in graph.tensors and hasattr(value, "shape"):
            shape = checked_shape(name, tuple(size if type(size) is int else None for size in value.shape))
            graph.tensors[name] = TensorType(shape, tuple(map(_nominal, value.shape)), value.element_size())
    graphs = [i for i, entry in enumerate(node.args) if getattr(entry, "op", "") == "get_attr"]
    inner = [getattr(module, str(node.args[i].target), None) for i in graphs]
    if len(graphs) == 1 and is_run_once(operation) and hasattr(inner[0], "graph"):
        within = Graph()
        inputs = _add_nodes(within, inner[0])
        operands = [_plain(entry) for entry in node.args[graphs[0] + 1 :]]
        inline(graph, within, inputs, operands, list(results), node.name)
    else:
        graph.calls.append(Call(node.name, operation, path, kind, arguments, tuple(results)))


def _results(node: Any) -> dict[str, Any]:
    """Return the tensors that a node gives, by name."""
    value = node.meta.get("val")
    if not isinstance(value, (list, tuple)):
        return {node.name: value} if value is not None else {}
    taken = {user.args[1]: user.name for user in node.users if getattr(user.target, "__name__", "") == "getitem"}
    return {taken.get(index, f"{node.name}#{index}"): entry for index, entry in enumerate(value)}


def _plain(value: Any) -> Any:
    """Return an argument with names for its tensors."""
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if hasattr(value, "op") and hasattr(value, "meta"):
        known = value.meta.get("val")
        return Tensor(value.name) if hasattr(known, "shape") or isinstance(known, (list, tuple)) else Symbol()
    return value if not hasattr(value, "node") else Symbol()
