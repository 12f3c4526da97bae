"""Traced calls: the windows and pads that the forward of a module runs, recorded on small tensors without values."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Pair = tuple[int, int]

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_CONV_TRANSPOSE = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVG_POOL = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")
WINDOWS: dict[str, tuple[str, ...]] = {
    **{f"conv{rank}d": _CONV for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": _CONV_TRANSPOSE for rank in (1, 2, 3)},
    **{f"max_pool{rank}d": _MAX_POOL for rank in (1, 2, 3)},
    **{f"max_pool{rank}d_with_indices": _MAX_POOL for rank in (1, 2, 3)},
    **{f"avg_pool{rank}d": _AVG_POOL for rank in (1, 2, 3)},
}
"""PyTorch's functions with a window, and the names of their arguments in their order."""

_PAD = ("input", "pad", "mode", "value")


def arguments_of(names: Sequence[str], args: Sequence[Any], kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """Return the arguments of a call by name."""
    return {**dict(zip(names, args, strict=False)), **(kwargs or {})}


def pairs_of(flat: Sequence[Any], rank: int) -> list[tuple[Any, Any]] | None:
    """Return (before, after) for each spatial axis from what `F.pad` takes; None where it pads another axis, too."""
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    if any(pair != (0, 0) for pair in pairs[rank:]):
        return None
    pairs = pairs[:rank]
    return [*[(0, 0)] * (rank - len(pairs)), *reversed(pairs)]


def per_axis(value: Any, rank: int) -> tuple[int, ...]:
    """Return one int for each axis, as PyTorch's functions read an int or a sequence."""
    entries = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return entries * rank if len(entries) == 1 else entries


@dataclass
class Extent:
    """The pads that a tensor got on its way from the input to a window.

    Args:
        amounts: (before, after) for each spatial axis.
        fills: for each axis a mode of `F.pad` or a number; None where it is not padded.
        size: the sizes of the spatial axes before.
    """

    amounts: list[Pair]
    fills: list[Any]
    size: tuple[int, ...]


@dataclass
class WindowCall:
    """One call of a window.

    Args:
        name: the function's, as `"conv2d"`.
        arguments: by name.
        extent: the pads before it; None where its input is not as large as the module's.
        output: of the call.
        hooked: whether it ran within the module's `_conv_forward`.
    """

    name: str
    arguments: dict[str, Any]
    extent: Extent | None
    output: Any
    hooked: bool


@dataclass
class TracedCall:
    """What one call of a module ran.

    Args:
        size: the sizes of the spatial axes of the input.
        windows: the windows in their order.
        pads: the number of calls of `F.pad` that add something.
        other_pads: the calls of `F.pad` that no window could be seen to read.
        pads_in_hook: whether all pads ran within the module's `_conv_forward`.
        hook: the arguments of `_conv_forward` and what it returned, where it was called once.
        output: of the module.
    """

    size: tuple[int, ...]
    windows: list[WindowCall] = field(default_factory=list)
    pads: int = 0
    other_pads: int = 0
    pads_in_hook: bool = True
    hook: tuple[Any, ...] | None = None
    output: Any = None


class _Recorder(TorchFunctionMode):
    """Records windows and pads while it is on."""

    def __init__(self, input: Tensor, rank: int) -> None:
        super().__init__()
        self.rank = rank
        self.input = input
        self.call = TracedCall(tuple(input.shape[-rank:]))
        self.extents: dict[int, tuple[Tensor, Extent]] = {}  # holds the tensors, so that no id is used twice
        self.unread: set[int] = set()
        self.depth = 0

    def extent_of(self, x: Any) -> Extent | None:
        """Return the pads of a tensor so far; of one that was not padded and has the input's sizes, none."""
        if id(x) in self.extents:
            return self.extents[id(x)][1]
        if not isinstance(x, Tensor) or x.shape[-self.rank :] != self.input.shape[-self.rank :]:
            return None
        return Extent([(0, 0)] * self.rank, [None] * self.rank, tuple(x.shape[-self.rank :]))

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        out = func(*args, **(kwargs or {}))
        if name == "pad":
            self.record_pad(arguments_of(_PAD, args, kwargs), out)
        elif name in WINDOWS:
            arguments = arguments_of(WINDOWS[name], args, kwargs)
            extent = self.extent_of(arguments["input"])
            self.unread.discard(id(arguments["input"]))
            if extent is not None:
                extent = with_own_padding(name, arguments, extent, self.rank)
            self.call.windows.append(WindowCall(name, arguments, extent, out, self.depth > 0))
        return out

    def record_pad(self, arguments: dict[str, Any], out: Tensor) -> None:
        x, mode, value = arguments["input"], arguments.get("mode", "constant"), arguments.get("value")
        pairs, before = pairs_of(arguments["pad"], self.rank), self.extent_of(x)
        self.call.pads_in_hook = self.call.pads_in_hook and self.depth > 0
        self.call.pads += any(arguments["pad"])
        fill = (0 if value is None else value) if mode == "constant" else mode
        extent = None if pairs is None or before is None else combined(before, pairs, fill)
        if extent is None:
            self.call.other_pads += 1
            return
        self.unread.discard(id(x))
        self.unread.add(id(out))
        self.extents[id(out)] = out, extent


def combined(extent: Extent, pairs: Sequence[Pair], fill: Any) -> Extent | None:
    """Return the pads of a tensor that is padded again; None where an axis gets two kinds of values."""
    amounts, fills = [], []
    for (before, after), known, (more_before, more_after) in zip(extent.amounts, extent.fills, pairs, strict=True):
        if min(more_before, more_after) < 0:
            return None
        padded = more_before or more_after
        if padded and known is not None and (known != fill or isinstance(fill, str)):
            return None
        amounts.append((before + more_before, after + more_after))
        fills.append(fill if padded else known)
    return Extent(amounts, fills, extent.size)


def with_own_padding(name: str, arguments: dict[str, Any], extent: Extent, rank: int) -> Extent | None:
    """Return the pads of a window's input together with the window's own `padding`."""
    taps = arguments["weight"].shape[2:] if "weight" in arguments else per_axis(arguments["kernel_size"], rank)
    pairs = own_pairs(arguments, taps, per_axis(arguments.get("dilation", 1), rank))
    fill: Any = 0
    if name.startswith("max_pool") or (name.startswith("avg_pool") and not arguments.get("count_include_pad", True)):
        fill = "ignore"
    return combined(extent, pairs, fill)


def own_pairs(arguments: dict[str, Any], taps: Sequence[int], dilation: Sequence[int]) -> list[Pair]:
    """Return (before, after) of each axis as the argument `padding` of a window says."""
    padding, rank = arguments.get("padding", 0), len(taps)
    if padding == "same":
        totals = [step * (count - 1) for count, step in zip(taps, dilation, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    return [(amount, amount) for amount in per_axis(0 if padding == "valid" else padding, rank)]


def scratch_copy(module: nn.Module, *, with_values: bool) -> nn.Module:
    """Return a deep copy of a module whose tensors have no values, or values of their own."""
    memo: dict[int, Any] = {}
    for part in module.modules():
        for holder in (part._parameters, part._buffers, part.__dict__):
            for value in holder.values():
                if isinstance(value, Tensor):
                    memo.setdefault(id(value), _like(value, with_values))
    if with_values:
        return copy.deepcopy(module, memo)
    with _WithoutValues():  # what it holds besides may be a whole model
        return copy.deepcopy(module, memo)


class _WithoutValues(TorchFunctionMode):
    """Copies tensors without their values."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (torch.clone, Tensor.clone, Tensor.__deepcopy__):
            return _like(args[0], False)
        return func(*args, **(kwargs or {}))


def _like(value: Tensor, with_values: bool) -> Tensor:
    tensor = value.detach().clone() if with_values else torch.empty_like(value.detach(), device="meta")
    return nn.Parameter(tensor, requires_grad=value.requires_grad) if isinstance(value, nn.Parameter) else tensor


def wraps_its_class(module: nn.Module) -> bool:
    """Return whether the forward of this module alone says that it wraps its class's (`functools.wraps`)."""
    wrapped = inspect.unwrap(module.__dict__["forward"]) if "forward" in module.__dict__ else None
    return getattr(wrapped, "__func__", None) is type(module).forward


def trace(module: nn.Module, shape: Sequence[int], rank: int, *, with_values: bool = False) -> TracedCall:
    """Call the forward of a copy of a module, without its hooks, on a tensor of that shape, and return what it ran."""
    scratch = scratch_copy(module, with_values=with_values)
    if wraps_its_class(module):
        del scratch.__dict__["forward"]
    like = next((p for p in scratch.parameters() if p.is_floating_point()), None)
    dtype = torch.float32 if like is None else like.dtype
    device = like.device if like is not None else torch.device("cpu" if with_values else "meta")
    with torch.no_grad(), _random_state_kept(with_values):
        x = torch.zeros(tuple(shape), dtype=dtype, device=device)
        recorder = _Recorder(x, rank)
        hook = getattr(scratch, "_conv_forward", None)
        if hook is not None:

            def hooked(*args: Any, **kwargs: Any) -> Any:
                recorder.depth += 1
                out = hook(*args, **kwargs)
                recorder.depth -= 1
                recorder.call.hook = None if recorder.call.hook else (*args, *kwargs.values(), out)
                return out

            scratch.__dict__["_conv_forward"] = hooked
        weights = (getattr(scratch, "weight", None), getattr(scratch, "bias", None))
        with recorder:
            recorder.call.output = scratch.forward(x)
    recorder.call.other_pads += len(recorder.unread)
    recorder.call.windows = [_with_owner(window, weights, x, recorder) for window in recorder.call.windows]
    return recorder.call


def _with_owner(window: WindowCall, weights: tuple[Any, Any], x: Tensor, recorder: _Recorder) -> WindowCall:
    """Note whether a window reads the module's own weight and bias, and its input with pads alone."""
    arguments = window.arguments
    source = arguments["input"]
    window.arguments["own_input"] = source is x or id(source) in recorder.extents
    window.arguments["own_weights"] = "weight" not in arguments or (
        arguments["weight"] is weights[0] and arguments.get("bias") is weights[1]
    )
    return window


@contextmanager
def _random_state_kept(with_values: bool) -> Iterator[None]:
    if not with_values:
        yield
        return
    with torch.random.fork_rng(devices=[]):
        yield
