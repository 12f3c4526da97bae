"""Files of PyTorch programs: the graph of a `.pt2` file, and its small constants."""

from __future__ import annotations

import json
import re
import struct
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from convpad.core.errors import ModelFileError
from convpad.models.readers.movement import SIZE_TO_RECKON_WITH
from convpad.models.readers.torch_graph import (
    Call,
    Graph,
    Symbol,
    Tensor,
    TensorType,
    inline,
    is_run_once,
    operation_name,
)
from convpad.models.readers.values import MOST, Values
from convpad.models.readers.walk import checked_shape, read_entry

LARGEST_GRAPH = 256 * 2**20
LARGEST_CONFIG = 2**26
_GRAPHS = (r"(^|/)models/[^/]*\.json$", r"(^|/)serialized_exported_program\.json$")
"""The file of the graph; until PyTorch 2.7 the second."""

_ITEMSIZES = {1: 1, 2: 1, 3: 2, 5: 8, 6: 2, 8: 8, 12: 1, 13: 2}
"""Bytes of a value, by the number that `.pt2` files give its type (uint8, int8, int16, int64, float16, float64, bool,
bfloat16); those of all others are 4."""

_FORMATS = {1: "B", 2: "b", 3: "h", 4: "i", 5: "q", 7: "f", 8: "d", 12: "?"}
"""The types whose values are read from `.pt2` files, as `struct` names them."""


def read_graph(path: Path) -> Graph:
    """Read the graph of a `.pt2` file, which is a zip file with the graph as JSON, and its small constants."""
    with ZipFile(path) as archive:
        names = [name for pattern in _GRAPHS for name in archive.namelist() if re.search(pattern, name)]
        if not names:
            raise ModelFileError("There is no exported program in it, which torch.export.save writes.")
        program = json.loads(read_entry(archive, names[0], "Its graph", LARGEST_GRAPH))
        module = program["graph_module"]
        graph = _graph(module["graph"])
        stored = _stored_values(archive)
    for name, limits in (program.get("range_constraints") or {}).items():
        graph.ranges[str(name)] = _limit(limits.get("min_val")) or 0, _limit(limits.get("max_val"))
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


def _limit(value: Any) -> int | None:
    return value if type(value) is int and abs(value) < 2**40 else None


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
        itemsize, expressions = _ITEMSIZES.get(value.get("dtype", 0), 4), tuple(map(_expression, value["sizes"]))
        graph.tensors[name] = TensorType(shape, sizes, itemsize, expressions)
    numbers = {
        name: _expression(value)
        for kind in ("sym_int_values", "sym_float_values", "sym_bool_values")
        for name, value in (content.get(kind) or {}).items()
    }
    for index, node in enumerate(content["nodes"]):
        _add_node(graph, index, node, numbers)
    graph.outputs = [name for entry in content.get("outputs", []) for name in _names(entry)]
    return graph


def _size(size: dict[str, Any]) -> int:
    hint = (size.get("as_expr") or {}).get("hint") or {}
    value = size.get("as_int", hint.get("as_int") if isinstance(hint, dict) else None)
    return value if type(value) is int and value >= 0 else SIZE_TO_RECKON_WITH


def _expression(number: dict[str, Any]) -> str:
    """Return an open size, or a number that depends on one, as text; empty for any other."""
    content = number.get("as_expr")
    return str(content.get("expr_str", "")) if isinstance(content, dict) else ""


def _names(entry: dict[str, Any]) -> list[str]:
    """Return the names of the tensors of an output or an argument."""
    if entry.get("as_tensor"):
        return [str(entry["as_tensor"]["name"])]
    return [str(value["name"]) for value in entry.get("as_tensors") or []]


def _add_node(graph: Graph, index: int, node: dict[str, Any], numbers: dict[str, str]) -> None:
    stack = str((node.get("metadata") or {}).get("nn_module_stack", "")).split(";")[-1].split(",")
    path, kind = (stack[1], stack[-1]) if len(stack) > 2 else ("", "")
    inputs = [entry["arg"] for entry in node["inputs"]]
    arguments = {str(entry.get("name") or f"argument {i}"): _argument(entry["arg"], numbers) for i, entry in
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


def _argument(value: dict[str, Any], numbers: dict[str, str]) -> Any:
    """Read an argument from JSON, where its type is its key; `numbers` has the expressions of symbols by name."""
    kind, content = next(iter(value.items()))
    if kind in ("as_tensor", "as_tensors", "as_optional_tensors", "as_optional_tensor", "as_nested_tensors"):
        return _tensors(content)
    if kind in ("as_sym_ints", "as_sym_floats"):
        return [_number(entry, numbers) for entry in content]
    if kind in ("as_sym_int", "as_sym_float", "as_sym_bool"):
        return _number(content, numbers)
    return None if kind in ("as_none", "as_graph") else content


def _number(content: dict[str, Any], numbers: dict[str, str]) -> Any:
    known = next((content[key] for key in ("as_int", "as_float", "as_bool") if key in content), None)
    return known if known is not None else Symbol(numbers.get(str(content.get("as_name")), ""))


def _tensors(content: Any) -> Any:
    if isinstance(content, list):
        return [_argument(entry, {}) if "name" not in entry else Tensor(str(entry["name"])) for entry in content]
    if "name" in content:
        return Tensor(str(content["name"]))
    return _argument(content, {})
