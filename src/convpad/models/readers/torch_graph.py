"""Exported graphs of PyTorch: the operations that pad or have a window, followed call by call."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import refuse
from convpad.frameworks import parse
from convpad.models.readers.walk import TensorInfo, Walk, explicit_padding
from convpad.models.windows import WindowConfig

__all__ = ["Call", "Tensor", "TorchWalk"]

_CONVS = re.compile(r"conv(_transpose)?[123]d$|_?convolution$")
_POOLS = re.compile(r"(max|avg)_pool([123])d(_with_indices)?$")
_PADS = {
    "constant_pad_nd": "constant",
    **{f"{word}_pad{rank}d": mode for word, mode in (("reflection", "reflect"), ("replication", "replicate"))
       for rank in (1, 2, 3)},
}  # fmt: skip
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


class TorchWalk(Walk):
    """Follows every tensor through a graph, which is in the order in which it runs."""

    def follow(self, call: Call) -> None:
        """Note the output of an operation, and the padding or the window that it is."""
        if not call.results:
            return
        inputs = [value for value in call.arguments.values() if isinstance(value, Tensor)]
        tensor = self.tensor(inputs[0].name) if inputs else TensorInfo()
        known = self.tensor(call.results[0])
        output = self._padded(call, tensor)
        if output is None:
            is_unchanged = call.operation in _UNCHANGED
            output = TensorInfo(None, tensor.pads if is_unchanged else (), self._is_nonnegative(call, inputs))
        self.tensors[call.results[0]] = replace(output, shape=known.shape or output.shape, itemsize=known.itemsize)

    def _is_nonnegative(self, call: Call, inputs: list[Tensor]) -> bool:
        if call.operation in _NONNEGATIVE:
            return True
        if call.operation in _CLAMPS:
            least: object = call.arguments.get("min_val", call.arguments.get("min"))
            return isinstance(least, (int, float)) and least >= 0
        lists = [value for value in call.arguments.values() if isinstance(value, list)]
        inputs = [*inputs, *(entry for value in lists for entry in value if isinstance(entry, Tensor))]  # pyright: ignore
        stays = call.operation in (*_UNCHANGED, *_STAYS_NONNEGATIVE) and inputs
        return bool(stays) and all(self.tensor(tensor.name).nonnegative for tensor in inputs)

    def _padded(self, call: Call, tensor: TensorInfo) -> TensorInfo | None:
        """Return the output of an operation with a window, or of one that only pads; None of any other."""
        operation = call.operation
        pool = _POOLS.match(operation)
        if pool:
            return self._pool(call, tensor, "max_pool" if pool[1] == "max" else "average_pool", int(pool[2]))
        output = None
        if operation == "pad" or operation in _PADS:
            output = self._pad(call, tensor)
        elif _CONVS.match(operation):
            output = self._conv(call, tensor)
        elif operation not in _UNSUPPORTED:
            return None
        if output is None:
            self.add_unsupported(call.name, operation)
        return output

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
        numbers: list[Any] = flat  # pyright: ignore[reportUnknownVariableType]
        count, rank = len(numbers) // 2, len(tensor.shape) - 2
        if rank < 1 or count > rank or any(type(n) is not int or n < 0 for n in numbers):
            return None
        # The last axis comes first.
        pairs = [(int(numbers[2 * k]), int(numbers[2 * k + 1])) for k in range(count)][::-1]
        pairs = [(0, 0)] * (rank - count) + pairs
        value = call.arguments.get("value") or 0.0
        name, layer = self._name(call)
        if layer in ("Conv1d", "Conv2d", "Conv3d"):
            layer = f"{layer}'s padding_mode"
        elif layer in ("pad", "constant_pad_nd"):
            layer = "F.pad"
        padding = explicit_padding(pairs, mode, value if mode == "constant" else None)
        return self.add_pad(tensor, name, layer, padding, channels_last=False)

    def _conv(self, call: Call, tensor: TensorInfo) -> TensorInfo | None:
        arguments = call.arguments
        kernel = arguments.get("weight")
        shape = self.tensor(kernel.name).shape if isinstance(kernel, Tensor) else None
        if shape is None or len(shape) not in (3, 4, 5) or None in shape:
            return None
        weight = [int(size or 0) for size in shape]
        rank, groups, padding = len(weight) - 2, int(arguments.get("groups", 1)), arguments.get("padding", 0)
        is_transposed = call.operation.startswith("conv_transpose") or bool(arguments.get("transposed"))
        return self._window(
            call,
            tensor,
            "conv_transpose" if is_transposed else "conv",
            weight[2:],
            _each(arguments.get("stride"), rank, 1),
            {"padding": padding if isinstance(padding, str) else _each(padding, rank, 0)},
            groups=groups,
            filters=weight[1] * groups if is_transposed else weight[0],
            output_padding=_each(arguments.get("output_padding"), rank, 0) if is_transposed else None,
        )

    def _pool(self, call: Call, tensor: TensorInfo, op: str, rank: int) -> TensorInfo:
        arguments = call.arguments
        kernel = _each(arguments.get("kernel_size"), rank, 1)
        words: dict[str, Any] = {"padding": _each(arguments.get("padding"), rank, 0)}
        if op == "average_pool":
            words["count_include_pad"] = bool(arguments.get("count_include_pad", True))
        strides = _each(arguments.get("stride") or kernel, rank, 1)
        return self._window(call, tensor, op, kernel, strides, words, ceil_mode=bool(arguments.get("ceil_mode", False)))

    def _window(
        self,
        call: Call,
        tensor: TensorInfo,
        op: str,
        kernel: list[int],
        strides: list[int],
        words: dict[str, Any],
        **options: Any,
    ) -> TensorInfo:
        """Note a window and return its output; `words` are PyTorch's for its padding."""
        dilation = _each(call.arguments.get("dilation"), len(kernel), 1)
        padding = parse("torch", tensor.unpadded_windows(kernel, strides, dilation), op=op, **words)
        window = WindowConfig(op, padding, tuple(kernel), tuple(strides), tuple(dilation), **options)
        return self.add_window(tensor, *self._name(call), window)


def _each(value: Any, rank: int, default: int) -> list[int]:
    """Return one int for each axis, from none, one, or as many."""
    if value is None or value == []:
        return [default] * rank
    numbers: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore
    numbers = numbers * rank if len(numbers) == 1 else numbers
    if len(numbers) != rank or any(type(number) is not int for number in numbers):
        raise refuse("A window", f"have an int, or one for each of {rank} axes", value)
    return numbers
