"""Which windows does an ONNX model have? Its graph is parsed, and its shapes inferred; its weights are not looked at.

Nothing outside the file is opened: tensors that are kept elsewhere are known by the shapes that the graph says.
"""

# ONNX's messages are made when it is imported, where type checkers cannot see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper, shape_inference

from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.frameworks import parse
from convpad.models.tensor_info import Shape, Signal, checked_shape, pad_of, window_of
from convpad.models.windows import Fill, PaddedWindow, Reading

__all__ = ["read_file", "read_model"]

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
_UNREAD = ("LpPool", "DeformConv", "Loop", "If", "Scan")
_MODES = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
_KEPT = ("Dropout", "Identity", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Nodes behind which the same values stand as before."""
_NONNEGATIVE = ("Relu", "Sigmoid", "Softmax", "HardSigmoid", "Softplus", "Abs")


def read_file(path: Path, shapes: list[Shape] | None) -> Reading:
    """The windows of a file."""
    if path.stat().st_size > LARGEST_FILE:
        raise PaddingError("The file must be of at most 2 GB, as protobuf has it.")
    model = onnx.ModelProto()
    model.ParseFromString(path.read_bytes())
    return read_model(model, path.name, shapes)


def read_model(model: Any, source: str, shapes: list[Shape] | None) -> Reading:
    """The windows of a model that is in memory.

    Raises:
        PaddingError: it has no graph, or a node of it makes no sense.
    """
    if not model.graph.node:
        raise PaddingError("There is no graph of ONNX nodes in it.")
    light, constants = _without_weights(model, shapes)
    inferred = shape_inference.infer_shapes(light, data_prop=True)
    functions = {function.name for function in model.functions}
    return _Walk(inferred.graph, constants, functions).reading(source)


def _without_weights(model: Any, shapes: list[Shape] | None) -> tuple[Any, dict[str, Any]]:
    """The model with the shapes of its weights alone, and what its small constants hold."""
    light = onnx.ModelProto()
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name or "graph"
    graph.node.extend(model.graph.node)
    graph.value_info.extend(model.graph.value_info if shapes is None else [])
    graph.output.extend(onnx.ValueInfoProto(name=output.name) for output in model.graph.output)
    constants: dict[str, Any] = {}
    for tensor in model.graph.initializer:
        size = checked_shape(f"The tensor {tensor.name!r}", list(tensor.dims))
        info = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(size))
        inside = tensor.data_location != onnx.TensorProto.EXTERNAL and not tensor.external_data
        if inside and prod(int(s or 0) for s in size) <= _SMALL:
            constants[tensor.name] = numpy_helper.to_array(tensor)
            graph.initializer.append(tensor)
        graph.input.append(info)
    fed = [value for value in model.graph.input if value.name not in {tensor.name for tensor in graph.input}]
    if shapes is not None and len(shapes) != len(fed):
        raise refuse("input_shape", f"have one shape for each of the {len(fed)} inputs", shapes)
    for place, value in enumerate(fed):
        kind = value.type.tensor_type
        said = _shape_of(kind) if kind.HasField("shape") else None
        size = shapes[place] if shapes else said
        if shapes and said is not None and len(said) != len(shapes[place]):
            raise refuse("input_shape", f"have {len(said)} axes, as the input {value.name!r} has", shapes[place])
        if size is not None:
            checked_shape(f"The input {value.name!r}", list(size))
        graph.input.append(onnx.helper.make_tensor_value_info(value.name, kind.elem_type or 1, size))
    return light, constants


def _shape_of(kind: Any) -> list[int | None]:
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]


class _Walk:
    """Follows every tensor through a graph, node by node; ONNX keeps them in an order in which they can be run."""

    def __init__(self, graph: Any, constants: dict[str, Any], functions: set[str]) -> None:
        self.graph = graph
        self.constants = constants
        self.signals: dict[str, Signal] = {}
        self.windows: list[PaddedWindow] = []
        self.followed: set[str] = set()
        self.unread: list[str] = []
        self.functions = functions
        for value in (*graph.input, *graph.value_info, *graph.output):
            kind = value.type.tensor_type
            known = _shape_of(kind) if kind.HasField("shape") else None
            shape = None if known is None else checked_shape(value.name, known)
            self.signals[value.name] = Signal(shape, itemsize=_itemsize(kind.elem_type))

    def reading(self, source: str) -> Reading:
        for place, node in enumerate(self.graph.node):
            self._node(node, _text(node.name or (node.output[0] if node.output else "")) or f"node {place}")
        pads = [pad for signal in self.signals.values() for pad in signal.pads]
        loose = {pad.name: pad for pad in pads if pad.name not in self.followed}
        return Reading(source, "onnx", tuple(self.windows), tuple(loose.values()), tuple(self.unread))

    def _node(self, node: Any, name: str) -> None:
        if not node.output:
            return
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if not a.ref_attr_name}
        given = self.signals.get(node.input[0], Signal(None)) if node.input else Signal(None)
        known = self.signals.get(node.output[0], Signal(None))
        made = known
        if node.op_type == "Constant" and "value" in attributes:
            tensor = attributes["value"]
            if tensor.data_location != onnx.TensorProto.EXTERNAL and prod(tensor.dims) <= _SMALL:
                self.constants[node.output[0]] = numpy_helper.to_array(tensor)
        elif node.op_type == "Constant":
            self.constants[node.output[0]] = next(iter(attributes.values()), None)
        elif node.op_type == "Pad":
            made = self._pad(node, name, attributes, given)
            if made is None:
                self.unread.append(f"{name} (Pad)")
                made = known
        elif node.op_type in _UNREAD or node.op_type in self.functions:
            self.unread.append(f"{name} ({_text(node.op_type)})")
        elif node.op_type in _OPS:
            made = self._window(node, name, attributes, given) or known
        elif node.op_type in _KEPT:
            made = Signal(known.shape or given.shape, given.pads, given.nonnegative, known.itemsize)
        else:
            made = Signal(known.shape, (), self._nonnegative(node), known.itemsize)
        if made.shape is None and known.shape is not None:
            made = Signal(known.shape, made.pads, made.nonnegative, known.itemsize)
        self.signals[node.output[0]] = made

    def _nonnegative(self, node: Any) -> bool:
        inputs = [self.signals.get(name, Signal(None)) for name in node.input]
        kept = node.op_type in ("Concat", "Add", "Sum", "GlobalAveragePool", "Mul") and inputs
        return node.op_type in _NONNEGATIVE or bool(kept and all(signal.nonnegative for signal in inputs))

    def _ints(self, node: Any, place: int) -> list[int] | None:
        """The ints of an input that is a constant."""
        if len(node.input) <= place or not node.input[place]:
            return None
        found = self.constants.get(node.input[place])
        return None if found is None else [int(number) for number in _flat(found)]

    def _pad(self, node: Any, name: str, attributes: dict[str, Any], given: Signal) -> Signal | None:
        mode = attributes.get("mode", b"constant").decode()
        numbers = attributes.get("pads", attributes.get("paddings")) or self._ints(node, 1)
        value = attributes.get("value", 0.0)
        if len(node.input) > 2 and node.input[2]:
            found = self.constants.get(node.input[2])
            value = None if found is None else next((float(number) for number in _flat(found)), 0.0)
        if given.shape is None or numbers is None or (mode != "constant" and mode not in _MODES):
            return None
        rank = len(given.shape)
        axes = self._ints(node, 3) if len(node.input) > 3 and node.input[3] else list(range(rank))
        if axes is None or len(numbers) != 2 * len(axes) or any(not -rank <= axis < rank for axis in axes):
            return None
        pairs = {axis % rank: (int(b), int(a)) for axis, b, a in zip(axes, numbers, numbers[len(axes) :], strict=False)}
        batch_or_channels = [pairs.get(axis, (0, 0)) for axis in (0, 1)]
        if any(map(any, batch_or_channels)) or any(min(pair) < 0 for pair in pairs.values()):
            return None
        spatial = range(2, rank)
        fill: Fill = (_MODES.get(mode, "constant"), value if mode == "constant" else None)
        return pad_of(
            given, name, "Pad", [pairs.get(axis, (0, 0)) for axis in spatial], [(fill, fill)] * len(spatial), spatial
        )

    def _window(self, node: Any, name: str, attributes: dict[str, Any], given: Signal) -> Signal | None:
        op = _OPS[node.op_type]
        pools = op in ("max_pool", "average_pool")
        weight = None if pools else self._weight(node)
        kernel = attributes.get("kernel_shape") or (weight and weight[2:])
        if not kernel or any(size is None for size in kernel):
            self.unread.append(f"{name} ({_text(node.op_type)})")
            return None
        kernel, rank = [int(size or 0) for size in kernel], len(kernel)
        strides, dilation = (list(attributes.get(word, [1] * rank)) for word in ("strides", "dilations"))
        if len(strides) != rank or len(dilation) != rank or (weight and len(weight) != rank + 2):
            raise PaddingError(f"{name}: kernel_shape, strides, dilations and the kernel must have as many axes.")
        groups = int(attributes.get("group", 1))
        filters = None if not weight else weight[1] if op == "conv_transpose" else weight[0]
        if op == "conv_transpose" and filters is not None:
            filters *= groups
        sizes = given.spatial(rank, channels_last=False)
        windows = [Window(*row, None, None) for row in zip(sizes, kernel, strides, dilation, strict=True)]
        try:
            padding, extra = _padding(op, windows, attributes)
        except PaddingError:
            if op != "average_pool" or not (attributes.get("ceil_mode") and attributes.get("count_include_pad")):
                raise
            self.unread.append(f"{name} ({_text(node.op_type)})")  # no padding stands for this one
            return None
        window, made = window_of(
            given,
            name,
            node.op_type,
            op,
            padding,
            kernel=kernel,
            strides=strides,
            dilation=dilation,
            groups=groups,
            filters=filters,
            channels_last=False,
            output_padding=extra,
        )
        self.windows.append(window)
        self.followed |= {pad.name for pad in window.pads}
        fused = attributes.get("activation", b"") == b"Relu"
        return Signal(made.shape, (), made.nonnegative or fused, given.itemsize)

    def _weight(self, node: Any) -> Shape | None:
        place = 3 if node.op_type == "QLinearConv" else 1
        return self.signals.get(node.input[place], Signal(None)).shape if len(node.input) > place else None


def _text(name: str | bytes) -> str:
    """A name; protobuf gives the bytes of one that is not UTF-8."""
    return name if isinstance(name, str) else name.decode(errors="replace")


def _flat(found: Any) -> Iterator[Any]:
    """Every number of an array, a list, or one number."""
    if hasattr(found, "ravel"):
        yield from found.ravel()
    elif isinstance(found, (list, tuple)) or type(found).__name__.startswith("Repeated"):
        yield from found
    else:
        yield found


def _padding(op: str, windows: list[Window], attributes: dict[str, Any]) -> tuple[Padding, list[int] | None]:
    """What a node's attributes pad or, of a transposed convolution, crop; and its output padding."""
    rank = len(windows)
    auto = attributes.get("auto_pad", b"NOTSET").decode()
    pads = attributes.get("pads")
    if op != "conv_transpose":
        words: dict[str, Any] = {"auto_pad": auto} if auto != "NOTSET" else {"pads": pads and list(pads)}
        if op != "conv":
            words["ceil_mode"] = attributes.get("ceil_mode", 0)
        if op == "average_pool":
            words["count_include_pad"] = attributes.get("count_include_pad", 0)
        return parse("onnx", windows, op=op, **words), None
    extra = [int(more) for more in attributes.get("output_padding", [0] * rank)]
    wanted = attributes.get("output_shape")
    if wanted is not None:
        wanted = list(wanted)[-rank:]
    if wanted is None and auto not in ("SAME_UPPER", "SAME_LOWER"):
        return parse("onnx", windows, op=op, pads=pads and list(pads)), extra
    # The output's size is given; what is cropped follows from it, as ConvTranspose is defined.
    pairs: list[tuple[int, int]] = []
    for axis, window in enumerate(windows):
        if window.size is None:
            raise PaddingError("A ConvTranspose that is told its output's size must know its input's.")
        size = wanted[axis] if wanted else window.size * window.stride
        crop = max(window.stride * (window.size - 1) + extra[axis] + window.span - size, 0)
        pairs.append((crop // 2, crop - crop // 2) if auto == "SAME_UPPER" else (crop - crop // 2, crop // 2))
    return Padding.parse(pairs[0] if rank == 1 else pairs, "zeros", rank=rank), extra


def _itemsize(kind: int) -> int:
    try:
        return onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize if kind else 4
    except (KeyError, TypeError):
        return 4
