"""Which of PyTorch's operations pad, and which have a window? They are followed through an exported graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.frameworks import parse
from convpad.models.tensor_info import Signal, pad_of, window_of
from convpad.models.windows import Fill, PaddedWindow

__all__ = ["Call", "Tensor", "Walk"]

_CONVS = re.compile(r"conv([123])d$")
_TRANSPOSED = re.compile(r"conv_transpose([123])d$")
_POOLS = re.compile(r"(max|avg)_pool([123])d(_with_indices)?$")
_PADS = {
    "constant_pad_nd": "constant",
    **{f"{word}_pad{rank}d": mode for word, mode in (("reflection", "reflect"), ("replication", "replicate"))
       for rank in (1, 2, 3)},
}  # fmt: skip
_MODES = ("constant", "reflect", "replicate", "circular")
_KEPT = ("dropout", "alias", "clone", "detach", "contiguous", "identity", "_to_copy", "to", "feature_dropout")
"""Operations behind which the same values stand as before."""
_NONNEGATIVE = ("relu", "relu_", "relu6", "relu6_", "sigmoid", "softmax", "_softmax", "hardsigmoid", "softplus", "abs")
_STAY = ("add", "add_", "mul", "cat", "mean", "adaptive_avg_pool2d", "flatten", "view", "reshape")
_UNREAD = ("lp_pool1d", "lp_pool2d", "unfold", "im2col", "fractional_max_pool2d", "cond", "while_loop")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor that an operation is given, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a graph."""

    name: str
    operation: str
    overload: str
    module: str
    layer: str
    arguments: dict[str, Any]
    results: tuple[str, ...]


class Walk:
    """Follows every tensor through a graph, which is in the order in which it runs."""

    def __init__(self, signals: dict[str, Signal]) -> None:
        self.signals = signals
        self.windows: list[PaddedWindow] = []
        self.followed: set[str] = set()
        self.unread: list[str] = []
        self.names: dict[str, int] = {}

    def follow(self, call: Call) -> None:
        if not call.results:
            return
        tensors = [value for value in call.arguments.values() if isinstance(value, Tensor)]
        given = self.signals.get(tensors[0].name, Signal(None)) if tensors else Signal(None)
        known = self.signals.get(call.results[0], Signal(None))
        found = self._made(call, given, tensors)
        if found is None:
            keeps = call.operation in _KEPT
            listed = [entry for value in call.arguments.values() if isinstance(value, list) for entry in value]  # pyright: ignore
            inputs = [*tensors, *(entry for entry in listed if isinstance(entry, Tensor))]
            stays = (keeps or call.operation in _STAY) and inputs
            nonnegative = bool(stays and all(self.signals.get(t.name, Signal(None)).nonnegative for t in inputs))
            nonnegative |= call.operation in _NONNEGATIVE or self._clamped(call)
            found = Signal(known.shape, given.pads if keeps else (), nonnegative)
        shape = known.shape or found.shape
        self.signals[call.results[0]] = Signal(shape, found.pads, found.nonnegative, known.itemsize)

    def _clamped(self, call: Call) -> bool:
        least: object = call.arguments.get("min_val", call.arguments.get("min"))
        clamps = call.operation in ("hardtanh", "hardtanh_", "clamp", "clamp_")
        return clamps and isinstance(least, (int, float)) and least >= 0

    def _made(self, call: Call, given: Signal, tensors: list[Tensor]) -> Signal | None:
        """What an operation with a window, or one that only pads, makes; None of any other."""
        operation = call.operation
        if operation == "pad" or operation in _PADS:
            found = self._pad(call, given)
            if found is None:
                self.unread.append(f"{call.name} ({operation})")
            return found
        conv, transposed, pool = _CONVS.match(operation), _TRANSPOSED.match(operation), _POOLS.match(operation)
        if operation in ("convolution", "_convolution") or conv or transposed:
            weight = call.arguments.get("weight")
            known = self.signals.get(weight.name, Signal(None)).shape if isinstance(weight, Tensor) else None
            if known is None or len(known) not in (3, 4, 5) or any(size is None for size in known):
                self.unread.append(f"{call.name} ({operation})")
                return None
            turned = bool(transposed) or bool(call.arguments.get("transposed"))
            return self._conv(call, given, [int(size or 0) for size in known], turned)
        if pool:
            try:
                return self._pool(call, given, f"{'max' if pool[1] == 'max' else 'average'}_pool", int(pool[2]))
            except PaddingError:
                counts = call.arguments.get("count_include_pad", True)
                if pool[1] == "max" or not (call.arguments.get("ceil_mode") and counts):
                    raise
                self.unread.append(f"{call.name} ({operation})")  # no padding stands for this one
                return None
        if operation in _UNREAD:
            self.unread.append(f"{call.name} ({operation})")
        return None

    def _named(self, call: Call) -> tuple[str, str]:
        """The module's path, numbered where it is called again, and its class; else the operation's."""
        kind = call.layer.rpartition(".")[2]
        own = kind if ".nn.modules." in call.layer and kind != "Sequential" else ""
        name = call.module if own else ".".join(filter(None, (call.module, call.name)))
        key = f"{name} {call.operation}"
        count = self.names[key] = self.names.get(key, 0) + 1
        return name if count == 1 else f"{name} (call {count})", own or call.operation

    def _pad(self, call: Call, given: Signal) -> Signal | None:
        mode = call.arguments.get("mode", _PADS.get(call.operation, "constant"))
        flat = call.arguments.get("pad", call.arguments.get("padding"))
        if not isinstance(flat, list) or given.shape is None or mode not in _MODES:
            return None
        numbers: list[Any] = flat  # pyright: ignore[reportUnknownVariableType]
        count, rank = len(numbers) // 2, len(given.shape) - 2
        if rank < 1 or count > rank or any(type(n) is not int or n < 0 for n in numbers):
            return None
        # The last axis comes first.
        pairs = [(int(numbers[2 * k]), int(numbers[2 * k + 1])) for k in range(count)][::-1]
        pairs = [(0, 0)] * (rank - count) + pairs
        value = call.arguments.get("value")
        fill: Fill = (mode, (0.0 if value is None else value) if mode == "constant" else None)
        name, layer = self._named(call)
        if layer in ("Conv1d", "Conv2d", "Conv3d"):
            layer = f"{layer}'s padding_mode"
        elif layer in ("pad", "constant_pad_nd"):
            layer = "F.pad"
        return pad_of(given, name, layer, pairs, [(fill, fill)] * rank, range(2, 2 + rank))

    def _conv(self, call: Call, given: Signal, weight: list[int], transposed: bool) -> Signal:
        rank = len(weight) - 2
        arguments = call.arguments
        op = "conv_transpose" if transposed else "conv"
        groups = int(arguments.get("groups", 1))
        padding = arguments.get("padding", 0)
        return self._window(
            call,
            given,
            op,
            weight[2:],
            padding=padding if isinstance(padding, str) else _each(padding, rank, 0),
            strides=_each(arguments.get("stride"), rank, 1),
            dilation=_each(arguments.get("dilation"), rank, 1),
            groups=groups,
            filters=weight[1] * groups if transposed else weight[0],
            output_padding=_each(arguments.get("output_padding"), rank, 0) if transposed else None,
        )

    def _pool(self, call: Call, given: Signal, op: str, rank: int) -> Signal:
        arguments = call.arguments
        kernel = _each(arguments.get("kernel_size"), rank, 1)
        words: dict[str, Any] = {"ceil_mode": bool(arguments.get("ceil_mode", False))}
        if op == "average_pool":
            words["count_include_pad"] = bool(arguments.get("count_include_pad", True))
        return self._window(
            call,
            given,
            op,
            kernel,
            padding=_each(arguments.get("padding"), rank, 0),
            strides=_each(arguments.get("stride") or kernel, rank, 1),
            dilation=_each(arguments.get("dilation"), rank, 1),
            words=words,
        )

    def _window(
        self,
        call: Call,
        given: Signal,
        op: str,
        kernel: list[int],
        *,
        padding: Any,
        strides: list[int],
        dilation: list[int],
        groups: int = 1,
        filters: int | None = None,
        output_padding: list[int] | None = None,
        words: dict[str, Any] | None = None,
    ) -> Signal:
        sizes = given.spatial(len(kernel), channels_last=False)
        rows = zip(sizes, kernel, strides, dilation, strict=True)
        parsed = _read([Window(*row, None, None) for row in rows], op, padding, words or {})
        name, layer = self._named(call)
        window, made = window_of(
            given,
            name,
            layer,
            op,
            parsed,
            kernel=kernel,
            strides=strides,
            dilation=dilation,
            groups=groups,
            filters=filters,
            channels_last=False,
            output_padding=output_padding,
        )
        self.windows.append(window)
        self.followed |= {pad.name for pad in window.pads}
        return made


def _read(windows: list[Window], op: str, padding: Any, words: dict[str, Any]) -> Padding:
    return parse("torch", windows, op=op, padding=padding, **words)


def _each(value: Any, rank: int, otherwise: int) -> list[int]:
    """One int for every axis, from none, one, or as many."""
    if value is None or value == []:
        return [otherwise] * rank
    numbers: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value]  # pyright: ignore
    numbers = numbers * rank if len(numbers) == 1 else numbers
    if len(numbers) != rank or any(type(number) is not int for number in numbers):
        raise refuse("A window", f"have an int, or one for each of {rank} axes", value)
    return numbers
