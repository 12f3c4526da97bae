"""Reader of ONNX models: the graph is parsed and its shapes are inferred; the weights are not read.

Nothing outside the file is opened: tensors in other files are known by the shapes in the graph.
"""

# ONNX's messages are made when it is imported, where type checkers cannot see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import helper, numpy_helper, shape_inference

from convpad.core.errors import ModelFileError
from convpad.models.readers.moved_tensor import MovedTensor, Result, joined_shapes
from convpad.models.readers.onnx_moves import Node
from convpad.models.readers.onnx_walk import OnnxWalk
from convpad.models.readers.values import Values
from convpad.models.readers.walk import check_input_shapes, checked_shape
from convpad.models.windows import ModelWindows, Shape

LARGEST_FILE = 2 * 2**30
_SMALL = 1024

_KNOWN_ELSEWHERE = {("com.microsoft", "FusedConv")}
"""Nodes of other domains that are what those of their names are."""

_DEEPEST_CALL = 20
_MOST_CALLS = 10_000


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a file."""
    if path.stat().st_size > LARGEST_FILE:
        raise ModelFileError("The file must be of at most 2 GB, as protobuf has it.")
    model = onnx.ModelProto()
    model.ParseFromString(path.read_bytes())
    return read_model(model, shapes, path.name)


def read_model(model: Any, shapes: list[Shape] | None, source: str = "ONNX model") -> ModelWindows:
    """Read the windows of a model in memory."""
    if not model.graph.node:
        raise ModelFileError("There is no graph of ONNX nodes in it.")
    light, constants = _without_weights(model, shapes)
    inferred = shape_inference.infer_shapes(light, data_prop=True)
    return _Walk(inferred, constants).read(source)


def _without_weights(model: Any, shapes: list[Shape] | None) -> tuple[Any, dict[str, Values]]:
    """Return the model with the shapes of its weights alone, and the values of its small constants."""
    light = onnx.ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name or "graph"
    graph.node.extend(model.graph.node)
    graph.value_info.extend(model.graph.value_info if shapes is None else [])
    graph.output.extend(onnx.ValueInfoProto(name=output.name) for output in model.graph.output)
    constants: dict[str, Values] = {}
    for tensor in model.graph.initializer:
        shape = checked_shape(f"The tensor {tensor.name!r}", list(tensor.dims))
        constants[tensor.name] = _values(tensor)
        if constants[tensor.name].is_known:
            graph.initializer.append(tensor)
        graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, shape))
    weights = {tensor.name for tensor in graph.input}
    inputs = [value for value in model.graph.input if value.name not in weights]
    declared = [(value.name, _shape_of(value)) for value in inputs]
    if shapes is not None:
        check_input_shapes(shapes, declared)
    for value, shape in zip(inputs, shapes or [shape for _, shape in declared], strict=True):
        if shape is not None:
            checked_shape(f"The input {value.name!r}", shape)
        kind = value.type.tensor_type.elem_type or 1
        graph.input.append(helper.make_tensor_value_info(value.name, kind, shape))
    return light, constants


def _values(tensor: Any) -> Values:
    """Return a tensor as a constant; its values are not known where they are not in the model itself, or too many."""
    shape = tuple(tensor.dims)
    inside = tensor.data_location != onnx.TensorProto.EXTERNAL and not tensor.external_data
    if not inside or prod(shape) > _SMALL or tensor.data_type in (0, onnx.TensorProto.STRING):
        return Values.weight(shape)
    numbers = numpy_helper.to_array(tensor)
    return Values.known(shape, numbers.ravel().tolist())


def _shape_of(value: Any) -> Shape | None:
    """Return the shape of an input, an output or another value of a graph; None where the graph has none."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)


class _Walk(OnnxWalk):
    """Follows every tensor through a graph, node by node; ONNX keeps nodes in an order in which they can be run."""

    def __init__(self, model: Any, constants: dict[str, Values]) -> None:
        super().__init__()
        self.graph = model.graph
        self.calls = 0
        self.functions = {(f.domain, f.name): f for f in model.functions}
        self.known: dict[str, tuple[Shape | None, int]] = {}
        for value in (*self.graph.input, *self.graph.value_info, *self.graph.output):
            shape = _shape_of(value)
            shape = None if shape is None else checked_shape(value.name, shape)
            self.known[value.name] = shape, _itemsize(value.type.tensor_type.elem_type)
        for value in self.graph.input:
            self.tensors[value.name] = self.fresh(self.result_of(value.name, value.name, "input"))
        for name, values in constants.items():
            self.tensors[name] = self.constant(self.result_of(name, name, "initializer"), values)

    def result_of(self, key: str, name: str, layer: str) -> Result:
        """Return what the graph tells of a tensor."""
        shape, itemsize = self.known.get(key, (None, 4))
        sizes = None if shape is None or None in shape else tuple(size or 0 for size in shape)
        return Result(key, name, layer, shape, sizes, itemsize)

    def read(self, source: str) -> ModelWindows:
        for index, node in enumerate(self.graph.node):
            if node.output:
                self._follow(_node(node, index))
        self.settle(self.moved(value.name) for value in self.graph.output)
        return self.result(source, "onnx")

    def _follow(self, node: Node, depth: int = 0) -> None:
        results = [self.result_of(key, node.name, node.operation) for key in node.outputs if key]
        tensors = [self.moved(name) for name in node.inputs if name]
        function = self.functions.get((node.domain, node.operation.rpartition(".")[2]))
        if function is not None:
            self._call(node, function, results, tensors, depth)
            return
        output = self.output_of(node, results, tensors) if results else None
        outputs = output if isinstance(output, list) else [] if output is None else [output]
        outputs += [self.fresh(result, tensors[:1]) for result in results[len(outputs) :]]
        for result, tensor in zip(results, outputs, strict=False):
            known = {"itemsize": result.itemsize} if result.shape is not None else {}
            self.tensors[result.key] = replace(tensor, shape=joined_shapes(result.shape, tensor.shape), **known)

    def _call(self, node: Node, function: Any, results: list[Result], tensors: list[MovedTensor], depth: int) -> None:
        """Follow the nodes of a function of the model in the place of its call."""
        self.calls += 1
        if depth > _DEEPEST_CALL or self.calls > _MOST_CALLS:
            self.unreadable(results[0], tensors, "its calls are too many to be followed")
            return
        prefix = f"{node.name}/{self.calls}."
        names = dict(zip(function.input, node.inputs, strict=False)) | dict(
            zip(function.output, node.outputs, strict=False)
        )
        defaults = {a.name: _value(a) for a in function.attribute_proto} | node.attributes
        for index, inner in enumerate(function.node):
            made = _node(inner, index, defaults)
            inputs, outputs = (
                tuple(names.get(name, f"{prefix}{name}") if name else "" for name in part)
                for part in (made.inputs, made.outputs)
            )
            self._follow(replace(made, name=f"{node.name}.{made.name}", inputs=inputs, outputs=outputs), depth + 1)
        for result in results:
            if result.key not in self.tensors:
                self.tensors[result.key] = self.fresh(result)


def _node(node: Any, index: int, given: dict[str, Any] | None = None) -> Node:
    """Return a node; attributes that refer to those of a function are taken from what was given to it."""
    attributes = {a.name: _value(a) for a in node.attribute if not a.ref_attr_name}
    for attribute in node.attribute:
        if attribute.ref_attr_name and attribute.ref_attr_name in (given or {}):
            attributes[attribute.name] = (given or {})[attribute.ref_attr_name]
    domain = _decoded(node.domain)
    own = domain in ("", "ai.onnx") or (domain, _decoded(node.op_type)) in _KNOWN_ELSEWHERE
    operation = _decoded(node.op_type) if own else f"{domain}.{_decoded(node.op_type)}"
    name = _decoded(node.name or (node.output[0] if node.output else "")) or f"node {index}"
    return Node(name, operation, domain, tuple(node.input), tuple(node.output), attributes)


def _value(attribute: Any) -> Any:
    """Return the value of an attribute; a tensor as far as its values are known."""
    value = helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return _values(value)
    return _decoded(value)


def _decoded(value: Any) -> Any:
    """Return a value, and bytes as text; protobuf gives the bytes of a name that is not UTF-8."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _itemsize(kind: int) -> int:
    try:
        return helper.tensor_dtype_to_np_dtype(kind).itemsize if kind else 4
    except (KeyError, TypeError):
        return 4
