"""Walk through ONNX's nodes: those that pad, those with a window, and what others do to the places of values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convpad.core.errors import ModelFileError
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.frameworks import parse
from convpad.models.readers import onnx_names as names
from convpad.models.readers.moved_tensor import MovedTensor, Result
from convpad.models.readers.onnx_moves import Node, OnnxMoves
from convpad.models.readers.values import Values
from convpad.models.readers.walk import explicit_padding
from convpad.models.windows import WindowConfig

_OPS = {
    "Conv": "conv",
    "ConvInteger": "conv",
    "QLinearConv": "conv",
    "FusedConv": "conv",
    "ConvTranspose": "conv_transpose",
    "MaxPool": "max_pool",
    "AveragePool": "average_pool",
}
_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


class OnnxWalk(OnnxMoves):
    """Follows the nodes of a graph."""

    def output_of(self, node: Node, results: list[Result], tensors: list[MovedTensor]) -> Any:
        """Return the output of a node, or its outputs."""
        result, operation = results[0], node.operation
        if operation == "Pad":
            return self._pad(node, result, tensors[0])
        if operation in _OPS:
            return self._window(node, result, tensors[0])
        if operation in names.UNCHANGED and tensors:
            return tensors[0]
        output = self.follow_move(node, results)
        if output is not None:
            return output
        if operation in names.POINTWISE:
            tensors = tensors[:1] if operation in names.FIRST_INPUT else tensors
            return self.pointwise(result, tensors, nonnegative=self._is_nonnegative(node, tensors))
        if operation in names.REDUCTIONS:
            return self._reduced(node, result, tensors)
        if operation == "Resize" and node.attributes.get("mode", "nearest") == "nearest":
            return self.unreadable(result, tensors[:1], "it resamples")
        if operation in names.MIXED:
            return self._mixed(node, result, tensors)
        if result.shape is not None and len(result.shape) < 2:
            self.settle(tensors)
            return self.fresh(result)
        return self.unreadable(result, tensors, names.REASONS.get(operation, "an operation that is not known here"))

    def _reduced(self, node: Node, result: Result, tensors: list[MovedTensor]) -> MovedTensor:
        """Return sums or the like along axes, or along all."""
        self.settle(tensors)
        tensor = tensors[0]
        stays = node.operation in names.STAYS_NONNEGATIVE and tensor.nonnegative
        output = self.fresh(result, nonnegative=stays)
        if not output.roles or len(output.roles) != len(tensor.roles):
            return output
        gone = [
            a is not None and a == 1 and b != 1 for a, b in zip(output.sizes or (), tensor.sizes or (), strict=False)
        ]
        unread = tuple(frozenset[str]() if g else u for g, u in zip(gone, tensor.unread, strict=False))
        return replace(output, roles=tensor.roles, unread=unread)

    def _mixed(self, node: Node, result: Result, tensors: list[MovedTensor]) -> MovedTensor:
        """Return the output of a product of matrices, or of another operation that mixes the values of axes."""
        reason, data = "it mixes the values of an axis", [tensor for tensor in tensors if tensor.values is None]
        if node.operation == "MatMul" and len(data) == 1 and len(data[0].roles) > 1:
            first = data[0] is tensors[0]
            matrix = tensors[1 if first else 0].values or Values.unknown(())
            return self.multiply(result, data[0], -1 if first else -2, matrix if first else _turned(matrix))
        return self.along(result, tensors, None, reason)

    def _is_nonnegative(self, node: Node, inputs: list[MovedTensor]) -> bool:
        stays = node.operation in names.STAYS_NONNEGATIVE and inputs
        return node.operation in names.NONNEGATIVE or bool(stays and all(tensor.nonnegative for tensor in inputs))

    def _pad(self, node: Node, result: Result, tensor: MovedTensor) -> MovedTensor:
        mode = node.attributes.get("mode", "constant")
        numbers = self.numbers(node, 1, "pads") or node.attributes.get("paddings")
        values = self.numbers(node, 2, default=[node.attributes.get("value", 0.0)])
        if tensor.shape is None or numbers is None:
            return self.unreadable(result, [tensor], "its amounts are computed from the input")
        rank = len(tensor.shape)
        axes = self.numbers(node, 3, default=range(rank))
        if mode not in _MODES or axes is None:
            return self.unreadable(result, [tensor], "its axes or its mode are not known")
        if len(numbers) != 2 * len(axes) or any(not -rank <= axis < rank for axis in axes):
            return self.unreadable(result, [tensor], "its amounts do not fit its axes")
        rows = zip(axes, numbers, numbers[len(axes) :], strict=False)
        pairs = {int(axis) % rank: (int(before), int(after)) for axis, before, after in rows}
        for axis, (before, after) in pairs.items():
            if min(before, after) < 0:
                if mode != "constant":
                    return self.unreadable(result, [tensor], "it crops and copies")
                self.add_unsupported(result.name, result.layer, "it crops")
                step = replace(result, key=f"{result.key} crop {axis}", sizes=None, shape=None)
                tensor = self.cut(step, tensor, axis, max(-before, 0), min(after, 0) or None)
        if rank < 3 or any(max(pair) > 0 for axis, pair in pairs.items() if axis < 2):
            return self.unreadable(result, [tensor], "it pads the channels or the batch")
        rows = [pairs.get(axis, (0, 0)) for axis in range(2, rank)]
        spatial_pairs = [(max(before, 0), max(after, 0)) for before, after in rows]
        value = None if values is None else float(next(iter(values), 0.0))
        return self.pad(result, tensor, explicit_padding(spatial_pairs, _MODES[mode], value))

    def _window(self, node: Node, result: Result, tensor: MovedTensor) -> MovedTensor:
        """Note a convolution or pool and return its output."""
        op, attributes, name = _OPS[node.operation], node.attributes, node.name
        index = 3 if node.operation == "QLinearConv" else 1
        weight = self.moved(node.inputs[index]).shape if op not in POOLS and len(node.inputs) > index else None
        kernel = attributes.get("kernel_shape") or (weight and weight[2:])
        if not kernel or any(size is None for size in kernel):
            return self.unreadable(result, [tensor], "the shape of its kernel is not known")
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
        output = self.read_window(tensor, result, window)
        return replace(output, nonnegative=output.nonnegative or attributes.get("activation") == "Relu")


def _turned(matrix: Values) -> Values:
    """Return a matrix with its last two axes exchanged."""
    order = list(range(len(matrix.shape)))
    return matrix.permuted([*order[:-2], *order[:-3:-1]])


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
