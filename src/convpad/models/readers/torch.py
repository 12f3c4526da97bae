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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convpad.core.errors import ModelFileError, PaddingError, refuse
from convpad.core.validation import listed
from convpad.frameworks import parse
from convpad.models.readers import printable
from convpad.models.readers.walk import TensorInfo, Walk, checked_shape, explicit_padding, read_entry
from convpad.models.windows import ModelWindows, Shape, WindowConfig

LARGEST_GRAPH = 256 * 2**20
_GRAPHS = (r"(^|/)models/[^/]*\.json$", r"(^|/)serialized_exported_program\.json$")
"""The file of the graph; until PyTorch 2.7 the second."""

_ITEMSIZES = {1: 1, 2: 1, 3: 2, 5: 8, 6: 2, 8: 8, 13: 2}
"""Bytes of a value, by the number that `.pt2` files give its type (uint8, int8, int16, int64, float16, float64,
bfloat16); those of all others are 4."""

_CONVS = re.compile(r"conv(_transpose)?[123]d$|_?convolution$")
_POOLS = re.compile(r"(max|avg)_pool([123])d(_with_indices)?$")
_PADS = {
    "constant_pad_nd": "constant",
    **{f"reflection_pad{rank}d": "reflect" for rank in (1, 2, 3)},
    **{f"replication_pad{rank}d": "replicate" for rank in (1, 2, 3)},
}
_MODES = ("constant", "reflect", "replicate", "circular")
_UNCHANGED = ("dropout", "alias", "clone", "detach", "contiguous", "identity", "_to_copy", "to", "feature_dropout")
"""Operations whose output has the values of their input."""
_NONNEGATIVE = ("relu", "relu_", "relu6", "relu6_", "sigmoid", "softmax", "_softmax", "hardsigmoid", "softplus", "abs")
_CLAMPS = ("hardtanh", "hardtanh_", "clamp", "clamp_")
_STAYS_NONNEGATIVE = ("add", "add_", "mul", "cat", "mean", "adaptive_avg_pool2d", "flatten", "view", "reshape")
_UNSUPPORTED = ("lp_pool1d", "lp_pool2d", "unfold", "im2col", "fractional_max_pool2d", "cond", "while_loop")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor among the arguments of an operation, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a graph.

    Args:
        name: of its node.
        operation: without its namespace and overload: "conv2d".
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


def read_module(module: Any, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a module."""
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
        message = printable(str(error), 400)
        raise PaddingError(
            f"torch.export cannot export this {type(module).__name__} for an input of shape "
            f"{', '.join(str(tuple(shape)) for shape in shapes)}: {type(error).__name__}: {message}"
        ) from None
    finally:
        module.train(training)
    return read_program(program, None, type(module).__name__)


def read_program(program: Any, shapes: list[Shape] | None, source: str = "exported program") -> ModelWindows:
    """Read the windows of an exported program."""
    _refuse_shapes(shapes)
    tensors: dict[str, TensorInfo] = {}
    calls: list[Call] = []
    for node in program.graph.nodes:
        value = node.meta.get("val")
        if hasattr(value, "shape"):
            shape = tuple(size if type(size) is int else None for size in value.shape)
            tensors[node.name] = TensorInfo(checked_shape(node.name, shape), itemsize=value.element_size())
        if node.op == "call_function" and hasattr(node.target, "_schema"):
            names = [argument.name for argument in node.target._schema.arguments]
            values = dict(zip(names, node.args, strict=False)) | dict(node.kwargs)
            stack = list((node.meta.get("nn_module_stack") or {}).values())
            path, kind = (str(stack[-1][0]), str(stack[-1][1])) if stack else ("", "")
            operation = str(node.target).removeprefix("aten.").partition(".")[0]
            arguments = {name: _plain(value) for name, value in values.items()}
            calls.append(Call(node.name, operation, path, kind, arguments, (node.name,)))
    return _Walk(tensors).read(source, calls)


def _refuse_shapes(shapes: list[Shape] | None) -> None:
    if shapes is not None:
        raise refuse("input_shape", "be left out: an exported program has its own", shapes)


def _plain(value: Any) -> Any:
    """Return an argument with names for its tensors."""
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return Tensor(value.name) if hasattr(value, "op") and hasattr(value, "meta") else value


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a `.pt2` file, which is a zip file with the graph as JSON."""
    _refuse_shapes(shapes)
    with zipfile.ZipFile(path) as archive:
        names = [name for pattern in _GRAPHS for name in archive.namelist() if re.search(pattern, name)]
        if not names:
            raise ModelFileError("There is no exported program in it, which torch.export.save writes.")
        text = read_entry(archive, names[0], "Its graph", LARGEST_GRAPH)
    graph = json.loads(text)["graph_module"]["graph"]
    tensors: dict[str, TensorInfo] = {}
    for name, value in graph["tensor_values"].items():
        shape = checked_shape(name, tuple(size.get("as_int") for size in value["sizes"]))
        tensors[name] = TensorInfo(shape, itemsize=_ITEMSIZES.get(value.get("dtype", 0), 4))
    return _Walk(tensors).read(path.name, [_call(index, node) for index, node in enumerate(graph["nodes"])])


def _call(index: int, node: dict[str, Any]) -> Call:
    operation = str(node["target"]).removeprefix("torch.ops.aten.").partition(".")[0]
    stack = str((node.get("metadata") or {}).get("nn_module_stack", "")).split(";")[-1].split(",")
    path, kind = (stack[1], stack[-1]) if len(stack) > 2 else ("", "")
    arguments = {str(entry["name"]): _argument(entry["arg"]) for entry in node["inputs"]}
    results = tuple(str(out["as_tensor"]["name"]) for out in node["outputs"] if out.get("as_tensor"))
    name = str(node.get("name") or (results[0] if results else f"node {index}"))
    return Call(name, operation, path, kind, arguments, results)


def _argument(value: dict[str, Any]) -> Any:
    """Read an argument from JSON, where its type is its key."""
    kind, content = next(iter(value.items()))
    if kind == "as_tensor":
        return Tensor(str(content["name"]))
    if kind == "as_tensors":
        return [Tensor(str(entry["name"])) for entry in content]
    if kind == "as_sym_ints":
        return [entry.get("as_int") for entry in content]
    return None if kind == "as_none" else content


class _Walk(Walk):
    """Follows every tensor through a graph, which is in the order in which it runs."""

    def read(self, source: str, calls: Iterable[Call]) -> ModelWindows:
        for call in calls:
            self._follow(call)
        return self.result(source, "torch")

    def _follow(self, call: Call) -> None:
        """Note the output of an operation, and the padding or the window that it is."""
        operation, output = call.operation, None
        if not call.results:
            return
        entries = [entry for value in call.arguments.values() for entry in listed(value) or [value]]
        inputs = [self.tensor(entry.name) for entry in entries if isinstance(entry, Tensor)]
        tensor = inputs[0] if inputs else TensorInfo()
        known = self.tensor(call.results[0])
        if operation == "pad" or operation in _PADS:
            output = self._pad(call, tensor)
        elif _CONVS.match(operation) or _POOLS.match(operation):
            output = self._window(call, tensor)
        elif operation not in _UNSUPPORTED:
            pads = tensor.pads if operation in _UNCHANGED else ()
            output = TensorInfo(None, pads, self._is_nonnegative(call, inputs))
        if output is None:
            self.add_unsupported(call.name, operation)
            output = TensorInfo()
        self.tensors[call.results[0]] = replace(output, shape=known.shape or output.shape, itemsize=known.itemsize)

    def _is_nonnegative(self, call: Call, inputs: list[TensorInfo]) -> bool:
        if call.operation in _NONNEGATIVE:
            return True
        if call.operation in _CLAMPS:
            least: object = call.arguments.get("min_val", call.arguments.get("min"))
            return isinstance(least, (int, float)) and least >= 0
        stays = call.operation in (*_UNCHANGED, *_STAYS_NONNEGATIVE) and bool(inputs)
        return stays and all(tensor.nonnegative for tensor in inputs)

    def _name(self, call: Call) -> tuple[str, str]:
        """Return the module's path, numbered where it is called again, and its class; else the operation's."""
        kind = call.layer.rpartition(".")[2]
        layer = kind if ".nn.modules." in call.layer and kind != "Sequential" else ""
        name = call.module if layer else ".".join(filter(None, (call.module, call.name)))
        return self.numbered(name, f"{name} {call.operation}"), layer or call.operation

    def _pad(self, call: Call, tensor: TensorInfo) -> TensorInfo | None:
        mode = call.arguments.get("mode", _PADS.get(call.operation, "constant"))
        flat = call.arguments.get("pad", call.arguments.get("padding"))
        if not isinstance(flat, list) or tensor.shape is None or mode not in _MODES:
            return None
        count, rank = len(flat) // 2, len(tensor.shape) - 2
        if rank < 1 or count > rank or any(type(number) is not int or number < 0 for number in flat):
            return None
        # The last axis comes first.
        pairs = [(0, 0)] * (rank - count) + [(flat[2 * k], flat[2 * k + 1]) for k in reversed(range(count))]
        name, layer = self._name(call)
        if layer in ("Conv1d", "Conv2d", "Conv3d"):
            layer = f"{layer}'s padding_mode"
        elif layer in ("pad", "constant_pad_nd"):
            layer = "F.pad"
        padding = explicit_padding(pairs, mode, call.arguments.get("value") or 0.0)
        return self.add_pad(tensor, name, layer, padding, channels_last=False)

    def _window(self, call: Call, tensor: TensorInfo) -> TensorInfo | None:
        """Note a convolution or pool and return its output; None where the kernel has no known shape."""
        arguments, pool, words = call.arguments, _POOLS.match(call.operation), dict[str, Any]()
        groups, filters, output_padding = int(arguments.get("groups", 1)), None, None
        if pool:
            op, rank = "max_pool" if pool[1] == "max" else "average_pool", int(pool[2])
            kernel = strides = _each(arguments.get("kernel_size"), rank, 1)
            if op == "average_pool":
                words["count_include_pad"] = bool(arguments.get("count_include_pad", True))
        else:
            weight = self._weight_shape(arguments.get("weight"))
            if weight is None:
                return None
            op, rank, filters, kernel, strides = "conv", len(weight) - 2, weight[0], weight[2:], 1
            if call.operation.startswith("conv_transpose") or arguments.get("transposed"):
                op, filters = "conv_transpose", weight[1] * groups
                output_padding = _each(arguments.get("output_padding"), rank, 0)
        strides = _each(arguments.get("stride") or strides, rank, 1)
        dilation = _each(arguments.get("dilation"), rank, 1)
        padding = arguments.get("padding", 0)
        words["padding"] = padding if isinstance(padding, str) else _each(padding, rank, 0)
        window = WindowConfig(
            op,
            parse("torch", tensor.unpadded_windows(kernel, strides, dilation), op=op, **words),
            tuple(kernel),
            tuple(strides),
            tuple(dilation),
            groups=groups,
            filters=filters,
            output_padding=output_padding,
            ceil_mode=bool(pool and arguments.get("ceil_mode")),
        )
        return self.add_window(tensor, *self._name(call), window)

    def _weight_shape(self, weight: Any) -> list[int] | None:
        """Return the shape of a kernel; None where it is not known, or no kernel's."""
        shape = self.tensor(weight.name).shape if isinstance(weight, Tensor) else None
        known = [size for size in shape or () if size is not None]
        return known if shape and len(known) == len(shape) and len(shape) in (3, 4, 5) else None


def _each(value: Any, rank: int, default: int) -> list[int]:
    """Return one int for each axis, from none, one, or as many."""
    if value is None or value == []:
        return [default] * rank
    numbers = list(value) if isinstance(value, (list, tuple)) else [value]
    numbers = numbers * rank if len(numbers) == 1 else numbers
    if len(numbers) != rank or any(type(number) is not int for number in numbers):
        raise refuse("A window", f"have an int, or one for each of {rank} axes", value)
    return numbers
