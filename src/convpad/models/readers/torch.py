"""Reader of PyTorch models: a module is exported, and its operations are read from the graph.

`torch.export` runs the module once on tensors without values. A `.pt2` file holds that graph as JSON, and nothing else
in it is read: `torch.export.load` would unpickle the rest. PyTorch itself is not needed for that.
"""

# PyTorch is imported only where a module is there already.
# pyright: reportMissingImports=false

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from convpad.core.errors import ModelFileError, PaddingError, refuse
from convpad.models.readers.torch_graph import Call, Tensor, TorchWalk
from convpad.models.readers.walk import TensorInfo, checked_shape, read_entry
from convpad.models.windows import ModelWindows, Shape

__all__ = ["read_file", "read_module", "read_program"]

LARGEST_GRAPH = 256 * 2**20

_ITEMSIZES = {"float64": 8, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1}
_NUMBERED = {1: "uint8", 2: "int8", 6: "float16", 8: "float64", 13: "bfloat16"}
"""Of the types that `.pt2` files number, those that are not of four bytes."""


def read_module(module: Any, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a module.

    Raises:
        PaddingError: there is no input shape, or `torch.export` cannot export the module.
    """
    import torch

    if shapes is None or any(size is None for shape in shapes for size in shape):
        raise refuse("input_shape", "be given for a PyTorch module, without unknown sizes", shapes)
    parameter = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    sizes = [[size or 0 for size in shape] for shape in shapes]
    examples = tuple(torch.empty(shape, dtype=parameter.dtype, device=parameter.device) for shape in sizes)
    training = module.training
    try:
        program = torch.export.export(module.eval(), examples, strict=False)
    except Exception as error:  # whatever the module's own code raises
        said = " ".join(str(error).split())[:200]
        raise PaddingError(
            f"torch.export cannot export this {type(module).__name__} for an input of shape "
            f"{', '.join(str(tuple(shape)) for shape in shapes)}: {type(error).__name__}: {said}"
        ) from None
    finally:
        module.train(training)
    return _program(program, type(module).__name__)


def read_program(program: Any, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of an exported program."""
    if shapes is not None:
        raise refuse("input_shape", "be left out: an exported program has its own", shapes)
    return _program(program, "exported program")


def _program(program: Any, source: str) -> ModelWindows:
    tensors: dict[str, TensorInfo] = {}
    calls: list[Call] = []
    for node in program.graph.nodes:
        tensors |= _values(node)
        if node.op == "call_function" and hasattr(node.target, "_schema"):
            names = [argument.name for argument in node.target._schema.arguments]
            given = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
            stack = list((node.meta.get("nn_module_stack") or {}).values())
            path, kind = (str(stack[-1][0]), str(stack[-1][1])) if stack else ("", "")
            operation = str(node.target).removeprefix("aten.").partition(".")[0]
            arguments = {name: _plain(value) for name, value in given.items()}
            calls.append(Call(node.name, operation, path, kind, arguments, (node.name,)))
    return _follow(source, calls, tensors)


def _values(node: Any) -> dict[str, TensorInfo]:
    value = node.meta.get("val")
    if not hasattr(value, "shape"):
        return {}
    shape = tuple(size if type(size) is int else None for size in value.shape)
    return {node.name: TensorInfo(checked_shape(node.name, shape), itemsize=value.element_size())}


def _plain(value: Any) -> Any:
    """Return an argument with names for its tensors."""
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]  # pyright: ignore[reportUnknownVariableType]
    return Tensor(value.name) if hasattr(value, "op") and hasattr(value, "meta") else value


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a `.pt2` file, which is a zip file with the graph as JSON."""
    if shapes is not None:
        raise refuse("input_shape", "be left out: an exported program has its own", shapes)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if re.search(r"(^|/)models/[^/]*\.json$", name)]
        # Until PyTorch 2.7 the graph was a file of its own.
        names += [name for name in archive.namelist() if re.search(r"(^|/)serialized_exported_program\.json$", name)]
        if not names:
            raise ModelFileError("There is no exported program in it, which torch.export.save writes.")
        text = read_entry(archive, names[0], "Its graph", LARGEST_GRAPH)
    graph = json.loads(text)["graph_module"]["graph"]
    tensors = {name: _tensor(name, value) for name, value in graph["tensor_values"].items()}
    return _follow(path.name, [_call(index, node) for index, node in enumerate(graph["nodes"])], tensors)


def _tensor(name: str, value: dict[str, Any]) -> TensorInfo:
    sizes = tuple(size.get("as_int") for size in value["sizes"])
    return TensorInfo(checked_shape(name, sizes), itemsize=_ITEMSIZES.get(_NUMBERED.get(value.get("dtype", 7), ""), 4))


def _call(index: int, node: dict[str, Any]) -> Call:
    operation = str(node["target"]).removeprefix("torch.ops.aten.").partition(".")[0]
    stack = str((node.get("metadata") or {}).get("nn_module_stack", "")).split(";")[-1].split(",")
    path, kind = (stack[1], stack[-1]) if len(stack) > 2 else ("", "")
    arguments = {str(given["name"]): _argument(given["arg"]) for given in node["inputs"]}
    results = tuple(str(out["as_tensor"]["name"]) for out in node["outputs"] if out.get("as_tensor"))
    name = str(node.get("name") or (results[0] if results else f"node {index}"))
    return Call(name, operation, path, kind, arguments, results)


def _argument(value: dict[str, Any]) -> Any:
    """Read an argument from JSON, where its type is its key."""
    kind, found = next(iter(value.items()))
    if kind == "as_tensor":
        return Tensor(str(found["name"]))
    if kind == "as_tensors":
        return [Tensor(str(entry["name"])) for entry in found]
    if kind == "as_sym_ints":
        return [entry.get("as_int") for entry in found]
    return None if kind == "as_none" else found


def _follow(source: str, calls: Iterable[Call], tensors: dict[str, TensorInfo]) -> ModelWindows:
    walk = TorchWalk(tensors)
    for call in calls:
        walk.follow(call)
    return walk.result(source, "torch")
