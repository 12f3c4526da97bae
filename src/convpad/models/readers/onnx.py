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
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.validation import listed
from convpad.core.window import Window
from convpad.frameworks import parse
from convpad.models.readers.walk import TensorInfo, Walk, check_input_shapes, checked_shape, explicit_padding
from convpad.models.windows import ModelWindows, Shape, WindowConfig

LARGEST_FILE = 2 * 2**30
_SMALL = 1024

_OPS = {
    "Conv": "conv",
    "ConvInteger": "conv",
    "QLinearConv": "conv",
    "FusedConv": "conv",
    "ConvTranspose": "conv_transpose",
    "MaxPool": "max_pool",
    "AveragePool": "average_pool",
}
_UNSUPPORTED = ("LpPool", "DeformConv", "Loop", "If", "Scan")
_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
_UNCHANGED = ("Dropout", "Identity", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Nodes whose output has the values of their input."""
_NONNEGATIVE = ("Relu", "Sigmoid", "Softmax", "HardSigmoid", "Softplus", "Abs")
_STAYS_NONNEGATIVE = ("Concat", "Add", "Sum", "GlobalAveragePool", "Mul")


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
    functions = {function.name for function in model.functions}
    return _Walk(inferred.graph, constants, functions).read(source)


def _without_weights(model: Any, shapes: list[Shape] | None) -> tuple[Any, dict[str, list[Any]]]:
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
    constants: dict[str, list[Any]] = {}
    for tensor in model.graph.initializer:
        shape = checked_shape(f"The tensor {tensor.name!r}", list(tensor.dims))
        values = _small_values(tensor)
        if values is not None:
            constants[tensor.name] = values
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


def _small_values(tensor: Any) -> list[Any] | None:
    """Return the values of a tensor; None where they are not in the model itself, or too many to be read."""
    inside = tensor.data_location != onnx.TensorProto.EXTERNAL and not tensor.external_data
    return list(numpy_helper.to_array(tensor).ravel()) if inside and prod(tensor.dims) <= _SMALL else None


def _shape_of(value: Any) -> Shape | None:
    """Return the shape of an input, an output or another value of a graph; None where the graph has none."""
    kind = value.type.tensor_type
    if not kind.HasField("shape"):
        return None
    return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim)


class _Walk(Walk):
    """Follows every tensor through a graph, node by node; ONNX keeps nodes in an order in which they can be run."""

    def __init__(self, graph: Any, constants: dict[str, list[Any]], functions: set[str]) -> None:
        super().__init__()
        self.graph = graph
        self.constants = constants
        self.functions = functions
        for value in (*graph.input, *graph.value_info, *graph.output):
            shape = _shape_of(value)
            shape = None if shape is None else checked_shape(value.name, shape)
            self.tensors[value.name] = TensorInfo(shape, itemsize=_itemsize(value.type.tensor_type.elem_type))

    def read(self, source: str) -> ModelWindows:
        for index, node in enumerate(self.graph.node):
            if node.output:
                self._follow(node, _decoded(node.name or node.output[0]) or f"node {index}")
        return self.result(source, "onnx")

    def _follow(self, node: Any, name: str) -> None:
        attributes = {a.name: _decoded(helper.get_attribute_value(a)) for a in node.attribute if not a.ref_attr_name}
        tensor = self.tensor(node.input[0]) if node.input else TensorInfo()
        known = self.tensor(node.output[0])
        if node.op_type == "Constant":
            self._constant(node, attributes)
            output = known
        elif node.op_type == "Pad":
            output = self._pad(node, name, attributes, tensor)
        elif node.op_type in _UNSUPPORTED or node.op_type in self.functions:
            output = None
        elif node.op_type in _OPS:
            output = self._window(node, name, attributes, tensor)
        elif node.op_type in _UNCHANGED:
            output = replace(tensor, shape=known.shape or tensor.shape, itemsize=known.itemsize)
        else:
            output = replace(known, nonnegative=self._is_nonnegative(node))
        if output is None:
            self.add_unsupported(name, _decoded(node.op_type))
            output = known
        elif output.shape is None and known.shape is not None:
            output = replace(output, shape=known.shape, itemsize=known.itemsize)
        self.tensors[node.output[0]] = output

    def _constant(self, node: Any, attributes: dict[str, Any]) -> None:
        tensor, value = attributes.get("value"), next(iter(attributes.values()), None)
        if tensor is None and value is not None:
            numbers = listed(value)
            self.constants[node.output[0]] = [value] if numbers is None else numbers
        elif tensor is not None and (values := _small_values(tensor)) is not None:
            self.constants[node.output[0]] = values

    def _is_nonnegative(self, node: Any) -> bool:
        inputs = [self.tensor(name) for name in node.input]
        stays = node.op_type in _STAYS_NONNEGATIVE and inputs
        return node.op_type in _NONNEGATIVE or bool(stays and all(tensor.nonnegative for tensor in inputs))

    def _numbers(self, node: Any, index: int, default: Any = None) -> Any:
        """Return the numbers of an input, None where it is no constant; the default where there is no such input."""
        has_input = len(node.input) > index and node.input[index]
        return self.constants.get(node.input[index]) if has_input else default

    def _pad(self, node: Any, name: str, attributes: dict[str, Any], tensor: TensorInfo) -> TensorInfo | None:
        mode = attributes.get("mode", "constant")
        numbers = attributes.get("pads", attributes.get("paddings")) or self._numbers(node, 1)
        values = self._numbers(node, 2, [attributes.get("value", 0.0)])
        if tensor.shape is None or numbers is None or mode not in _MODES:
            return None
        rank = len(tensor.shape)
        axes = self._numbers(node, 3, range(rank))
        if axes is None or len(numbers) != 2 * len(axes) or any(not -rank <= axis < rank for axis in axes):
            return None
        rows = zip(axes, numbers, numbers[len(axes) :], strict=False)
        pairs = {int(axis) % rank: (int(before), int(after)) for axis, before, after in rows}
        if any(pairs.get(0, ()) + pairs.get(1, ())) or any(min(pair) < 0 for pair in pairs.values()):
            return None  # of batch or channels; or a crop
        spatial_pairs = [pairs.get(axis, (0, 0)) for axis in range(2, rank)]
        value = None if values is None else float(next(iter(values), 0.0))
        padding = explicit_padding(spatial_pairs, _MODES[mode], value)
        return self.add_pad(tensor, name, "Pad", padding, channels_last=False)

    def _window(self, node: Any, name: str, attributes: dict[str, Any], tensor: TensorInfo) -> TensorInfo | None:
        op = _OPS[node.op_type]
        index = 3 if node.op_type == "QLinearConv" else 1
        weight = self.tensor(node.input[index]).shape if op not in POOLS and len(node.input) > index else None
        kernel = attributes.get("kernel_shape") or (weight and weight[2:])
        if not kernel or any(size is None for size in kernel):
            return None
        kernel, rank = [int(size or 0) for size in kernel], len(kernel)
        strides, dilation = (list(attributes.get(word, [1] * rank)) for word in ("strides", "dilations"))
        if len(strides) != rank or len(dilation) != rank or (weight and len(weight) != rank + 2):
            raise ModelFileError(f"{name}: kernel_shape, strides, dilations and the kernel must have as many axes.")
        groups, filters = int(attributes.get("group", 1)), weight[0] if weight else None
        if op == "conv_transpose" and weight:
            filters = None if weight[1] is None else weight[1] * groups
        has_ceil_mode = op in POOLS and attributes.get("auto_pad", "NOTSET") == "NOTSET"
        window = WindowConfig(
            op,
            _padding(op, tensor.unpadded_windows(kernel, strides, dilation), attributes),
            tuple(kernel),
            tuple(strides),
            tuple(dilation),
            groups=groups,
            filters=filters,
            output_padding=attributes.get("output_padding"),
            ceil_mode=has_ceil_mode and bool(attributes.get("ceil_mode")),
        )
        output = self.add_window(tensor, name, node.op_type, window)
        return replace(output, nonnegative=output.nonnegative or attributes.get("activation") == "Relu")


def _decoded(value: Any) -> Any:
    """Return a value, and bytes as text; protobuf gives the bytes of a name that is not UTF-8."""
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _padding(op: str, windows: list[Window], attributes: dict[str, Any]) -> Padding:
    """Return the padding of a node with a window, or its crop, by its attributes."""
    auto, words = attributes.get("auto_pad", "NOTSET"), {"pads": attributes.get("pads")}
    if op == "conv_transpose":
        if "output_shape" in attributes or auto in ("SAME_UPPER", "SAME_LOWER"):
            return _crop(windows, attributes)
    elif auto != "NOTSET":
        words = {"auto_pad": auto}
    if op == "average_pool":
        words["count_include_pad"] = attributes.get("count_include_pad", 0)
    return parse("onnx", windows, op=op, **words)


def _crop(windows: list[Window], attributes: dict[str, Any]) -> Padding:
    """Return the crop of a ConvTranspose whose output's size is given, as ConvTranspose is defined."""
    rank, pairs = len(windows), list[tuple[int, int]]()
    extra, outputs = attributes.get("output_padding", [0] * rank), attributes.get("output_shape")
    for axis, window in enumerate(windows):
        if window.size is None:
            raise ModelFileError("A ConvTranspose that is told its output's size must know its input's.")
        size = window.size * window.stride if outputs is None else outputs[-rank:][axis]
        crop = max(window.stride * (window.size - 1) + extra[axis] + window.span - size, 0)
        pairs.append((crop // 2, crop - crop // 2))
    if attributes.get("auto_pad") != "SAME_UPPER":
        pairs = [(after, before) for before, after in pairs]
    return explicit_padding(pairs, "zeros")


def _itemsize(kind: int) -> int:
    try:
        return helper.tensor_dtype_to_np_dtype(kind).itemsize if kind else 4
    except (KeyError, TypeError):
        return 4
