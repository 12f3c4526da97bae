"""Reader of PyTorch models: a module is exported, and its operations are read from the graph.

`torch.export` runs the module once on tensors without values. A `.pt2` file holds that graph as JSON, and constants as
numbers; nothing else in it is read: `torch.export.load` would unpickle the rest. PyTorch itself is not needed for that.
"""

# PyTorch is imported only where a module is there already.
# pyright: reportMissingImports=false

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.core.validation import listed
from convpad.frameworks import parse
from convpad.models.readers import printable
from convpad.models.readers import torch_names as names
from convpad.models.readers.moved_tensor import MovedTensor, Result, joined_shapes
from convpad.models.readers.torch_files import read_graph
from convpad.models.readers.torch_graph import Call, Graph, Tensor, graph_of
from convpad.models.readers.torch_open import read_open
from convpad.models.readers.torch_sizes import samples, symbols_of
from convpad.models.readers.torch_writes import TorchWrites
from convpad.models.readers.values import Values, correlated
from convpad.models.readers.walk import explicit_padding
from convpad.models.windows import ModelWindows, Shape, WindowConfig

_CONVS = re.compile(r"conv(_transpose)?[123]d$|_?convolution$")
_POOLS = re.compile(r"(max|avg)_pool([123])d(_with_indices)?$")
_ADAPTIVE = re.compile(r"_?adaptive_(max|avg)_pool([123])d$")
_PADS = {
    "pad": "constant",
    "constant_pad_nd": "constant",
    **{f"reflection_pad{rank}d": "reflect" for rank in (1, 2, 3)},
    **{f"replication_pad{rank}d": "replicate" for rank in (1, 2, 3)},
}
_MODES = ("constant", "reflect", "replicate", "circular")


def read_module(module: Any, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a module."""
    import torch

    if shapes is None or any(size is None for shape in shapes for size in shape):
        mend = "Or give an exported program: convpad.audit(torch.export.export(model.eval(), (example,)))."
        raise refuse("input_shape", "be given for a PyTorch module, without unknown sizes", shapes, mend)
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
    return _read(source, graph_of(program))


def read_file(path: Path, shapes: list[Shape] | None) -> ModelWindows:
    """Read the windows of a `.pt2` file."""
    _refuse_shapes(shapes)
    return _read(path.name, read_graph(path))


def _read(source: str, graph: Graph) -> ModelWindows:
    """Read the windows of a graph; with open sizes, what is there at all sizes."""

    def read_once(graph: Graph) -> tuple[ModelWindows, list[Shape]]:
        walk = _Walk()
        reading = walk.read(source, graph)
        return reading, [walk.sizes_of.get(i, window.input) for i, window in enumerate(reading.windows)]

    found = read_open(graph, samples(graph), read_once) if symbols_of(graph) else None
    return found or read_once(graph)[0]


def _refuse_shapes(shapes: list[Shape] | None) -> None:
    if shapes is not None:
        raise refuse("input_shape", "be left out: an exported program has its own", shapes)


class _Walk(TorchWrites):
    """Follows every tensor through a graph, which is in the order in which it runs."""

    def read(self, source: str, graph: Graph) -> ModelWindows:
        for name, kind in graph.tensors.items():
            result = Result(name, name, "input", kind.shape, kind.sizes, kind.itemsize)
            self.tensors[name] = self.fresh(result)
        for call in graph.calls:  # what a program writes into a buffer is there the next time
            target = next(iter(call.arguments.values()), None)
            writes = call.operation.endswith("_") and call.operation not in ("detach_", "requires_grad_")
            if writes and isinstance(target, Tensor) and target.name in graph.constants:
                graph.constants[target.name] = Values.unknown(graph.constants[target.name].shape)
        for name, values in graph.constants.items():
            self.tensors[name] = self.constant(self._result(Call(name, "constant", "", "", {}, (name,)), name), values)
        for call in graph.calls:
            self._follow(call)
        self.settle(self.moved(name) for name in graph.outputs)
        return self.result(source, "torch")

    def _result(self, call: Call, key: str) -> Result:
        """Return what the graph tells of a result."""
        known = self.moved(key).result
        name = ".".join(filter(None, (call.module, call.name)))
        return Result(key, name, call.operation, known.shape, known.sizes, known.itemsize)

    def _follow(self, call: Call) -> None:
        """Note the outputs of an operation, and the padding or the window that it is."""
        values = list(call.arguments.values())
        if call.operation.startswith(("_assert", "sym_", "_local_scalar")):
            return
        if not call.results and not any(isinstance(value, (Tensor, list)) for value in values):
            return  # arithmetic of sizes
        results = [self._result(call, key) for key in call.results]
        written = self.follow_write(call, results)
        if written:
            return
        outputs = self.outputs_of(call, results)
        for result, output in zip(results, outputs, strict=False):
            info = {"itemsize": result.itemsize} if result.sizes is not None else {}
            self.tensors[result.key] = replace(output, shape=joined_shapes(result.shape, output.shape), **info)
        self.note_view(call)

    def outputs_of(self, call: Call, results: list[Result]) -> list[MovedTensor]:
        """Return the outputs of an operation that writes into none of its inputs."""
        entries = [entry for value in call.arguments.values() for entry in listed(value) or [value]]
        tensors = [self.moved(entry.name) for entry in entries if isinstance(entry, Tensor)]
        operation = call.operation
        output = None
        if operation in _PADS:
            output = self._pad(call, results[0], tensors[0])
        elif _CONVS.match(operation) or _POOLS.match(operation):
            output = self._window(call, results[0], tensors[0])
        elif _ADAPTIVE.match(operation):
            output = self._adaptive(call, results[0], tensors[0])
        elif operation in names.UNCHANGED and tensors:
            output = tensors[0]
        else:
            output = self.follow_move(call, results)
        output = output or self.follow_arithmetic(call, results) or self._other(call, results, tensors)
        outputs = output if isinstance(output, list) else [output]
        return outputs + [self.fresh(result, tensors[:1]) for result in results[len(outputs) :]]

    def _other(self, call: Call, results: list[Result], tensors: list[MovedTensor]) -> MovedTensor:
        """Return the output of an operation that is followed in no other way."""
        operation, result = call.operation, results[0] if results else Result(call.name, call.name, call.operation)
        if operation in names.POINTWISE:
            tensors = tensors[:1] if operation in names.FIRST_INPUT else tensors
            return self.pointwise(result, tensors, nonnegative=self._is_nonnegative(call, tensors))
        if operation in names.REDUCTIONS:
            return self._reduced(call, result, tensors)
        if operation == "glu":
            return self.along(result, tensors, [call.arguments.get("dim", -1)], "it multiplies halves of an axis")
        if operation.startswith(("upsample_nearest", "_upsample_nearest")):
            return self.unreadable(result, tensors, "it resamples")
        if operation in names.MIXED or operation in ("matmul", "linear", "einsum"):
            return self.mixed(call, result, tensors)
        if all(tensor.values is not None for tensor in tensors) and result.sizes is not None and tensors:
            return self.pointwise(result, tensors)
        if result.sizes is not None and len(result.sizes) < 2:
            self.settle(tensors)
            return self.fresh(result)
        resamples = "upsample" in operation
        if operation.startswith("fft_"):
            return self.unreadable(result, tensors, "a transform of whole axes")
        reason = "it resamples, and repeats the edge" if resamples else names.REASONS.get(operation.rstrip("_"), "")
        return self.unreadable(result, tensors, reason or "an operation that is not known here")

    def _reduced(self, call: Call, result: Result, tensors: list[MovedTensor]) -> MovedTensor:
        """Return sums or the like along axes, or along all."""
        if len(tensors) > 1:  # the maximum of two tensors
            return self.pointwise(result, tensors)
        self.settle(tensors)
        tensor, sizes = tensors[0], result.sizes
        axes = call.arguments.get("dim")
        nonnegative = call.operation in names.STAYS_NONNEGATIVE and tensor.nonnegative
        output = self.fresh(result, nonnegative=nonnegative)
        dims = [axes] if isinstance(axes, int) else listed(axes)
        if not tensor.roles or sizes is None or not dims:
            return output
        gone = {axis % len(tensor.roles) for axis in dims}
        keeps = len(sizes) == len(tensor.roles)
        kept = [axis for axis in range(len(tensor.roles)) if keeps or axis not in gone]
        if len(kept) != len(sizes):
            return output
        unread = tuple(frozenset[str]() if axis in gone else tensor.unread[axis] for axis in kept)
        return replace(output, roles=tuple(tensor.roles[axis] for axis in kept), unread=unread)

    def _is_nonnegative(self, call: Call, inputs: list[MovedTensor]) -> bool:
        if call.operation in names.NONNEGATIVE:
            return True
        if call.operation in names.CLAMPS:
            least: object = call.arguments.get("min_val", call.arguments.get("min"))
            return isinstance(least, (int, float)) and least >= 0
        stays = call.operation in names.STAYS_NONNEGATIVE and bool(inputs)
        return stays and all(tensor.nonnegative for tensor in inputs)

    def _named(self, call: Call, result: Result) -> Result:
        """Return the result with the module's path, numbered where it is called again, and its class."""
        kind = call.layer.rpartition(".")[2]
        is_known = ".nn.modules." in call.layer or call.layer.startswith("convpad.torch.")
        layer = kind if is_known and kind != "Sequential" else ""
        name = call.module if layer else ".".join(filter(None, (call.module, call.name)))
        name = self.numbered(name, f"{name} {call.operation}")
        return replace(result, name=name, layer=layer or call.operation)

    def _pad(self, call: Call, result: Result, tensor: MovedTensor) -> MovedTensor:
        mode = call.arguments.get("mode", _PADS[call.operation])
        flat = call.arguments.get("pad", call.arguments.get("padding"))
        if not isinstance(flat, list) or any(type(number) is not int for number in flat):
            return self.unreadable(result, [tensor], "its amounts depend on the input")
        if tensor.shape is None or mode not in _MODES:
            return self.unreadable(result, [tensor], "its mode is not known")
        count, rank = len(flat) // 2, len(tensor.shape) - 2
        # The last axis comes first.
        pairs = [(flat[2 * k], flat[2 * k + 1]) for k in reversed(range(count))]
        while count > max(rank, 0) and pairs and pairs[0] == (0, 0):
            count, pairs = count - 1, pairs[1:]
        if rank < 1 or count > rank:
            return self.unreadable(result, [tensor], "it pads the channels or the batch")
        pairs = [(0, 0)] * (rank - count) + pairs
        if any(min(pair) < 0 for pair in pairs):
            if mode != "constant":
                return self.unreadable(result, [tensor], "it crops and copies")
            self.add_unsupported(result.name, "F.pad", "it crops")
            tensor, pairs = self._cropped(result, tensor, pairs)
        named = self._named(call, result)
        if named.layer.startswith(("Conv", "MaxPool", "AvgPool")):
            named = replace(named, layer=f"{named.layer}'s padding_mode")
        elif named.layer in ("pad", "constant_pad_nd"):
            named = replace(named, layer="F.pad")
        value = call.arguments.get("value")
        if isinstance(value, (bool, int, float, type(None))) is False:
            value = float("nan")
        return self.pad(named, tensor, explicit_padding(pairs, mode, value or 0.0))

    def _cropped(
        self, result: Result, tensor: MovedTensor, pairs: list[tuple[int, int]]
    ) -> tuple[MovedTensor, list[tuple[int, int]]]:
        """Return a tensor without what negative amounts take away, and the other amounts."""
        for index, (before, after) in enumerate(pairs):
            if min(before, after) < 0:
                step = replace(result, key=f"{result.key} crop {index}", sizes=None, shape=None)
                start, stop = max(-before, 0), min(after, 0) or None
                tensor = self.cut(step, tensor, index - len(pairs), start, stop)
        return tensor, [(max(before, 0), max(after, 0)) for before, after in pairs]

    def _window(self, call: Call, result: Result, tensor: MovedTensor) -> MovedTensor:
        """Note a convolution or pool and return its output."""
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
                return self.unreadable(result, [tensor], "the shape of its kernel is not known")
            op, rank, filters, kernel, strides = "conv", len(weight) - 2, weight[0], weight[2:], 1
            if call.operation.startswith("conv_transpose") or arguments.get("transposed"):
                op, filters = "conv_transpose", weight[1] * groups
                output_padding = _each(arguments.get("output_padding"), rank, 0)
        strides = _each(arguments.get("stride") or strides, rank, 1)
        dilation = _each(arguments.get("dilation"), rank, 1)
        padding = arguments.get("padding", 0)
        words["padding"] = padding if isinstance(padding, str) else _each(padding, rank, 0)
        if op == "conv" and tensor.values is not None:
            return self._of_constants(call, result, strides, dilation)
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
        return self.read_window(tensor, self._named(call, result), window)

    def _of_constants(self, call: Call, result: Result, strides: list[int], dilation: list[int]) -> MovedTensor:
        """Return a convolution that no input reaches: it adds up what windows cover."""
        x, kernel = self._self(call).values, self.given(call, "weight").values
        sizes, padding = result.sizes or (), call.arguments.get("padding", 0)
        if x is None or kernel is None or isinstance(padding, str) or call.arguments.get("bias") is not None:
            return self.constant(result, Values.unknown(sizes))
        windows = list(zip(strides, dilation, _each(padding, len(strides), 0), strict=True))
        return self.constant(result, correlated(x, kernel, sizes, windows))

    def _adaptive(self, call: Call, result: Result, tensor: MovedTensor) -> MovedTensor:
        """Return the output of a pool that is told the size of its output."""
        match = _ADAPTIVE.match(call.operation)
        kind, rank = (match[1], int(match[2])) if match else ("avg", 1)
        inputs, outputs = (tensor.sizes or ())[-rank:], (result.sizes or ())[-rank:]
        if set(outputs) == {1}:
            return self._reduced(replace(call, arguments={"dim": list(range(-rank, 0))}), result, [tensor])
        if inputs == outputs:
            return tensor
        if len(inputs) != len(outputs) or any(n % m for n, m in zip(inputs, outputs, strict=True)):
            return self.unreadable(result, [tensor], "its windows are not of one size")
        kernel = [n // m for n, m in zip(inputs, outputs, strict=True)]
        return self._window(
            replace(call, operation=f"{kind}_pool{rank}d", arguments={"kernel_size": kernel}), result, tensor
        )

    def _weight_shape(self, weight: Any) -> list[int] | None:
        """Return the shape of a kernel; None where it is not known, or no kernel's."""
        shape = self.moved(weight.name).shape if isinstance(weight, Tensor) else None
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
