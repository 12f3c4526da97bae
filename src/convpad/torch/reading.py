"""The padding of a module whose class has its own forward, read from traced calls at several sizes."""

from __future__ import annotations

import dis
import inspect
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from convpad.core.amounts import AMOUNTS
from convpad.core.window import spanned
from convpad.torch.hosts import Host, declared_padding, host_of
from convpad.torch.traced_call import TracedCall, WindowCall, per_axis, trace, wraps_its_class

Way = Literal["plain", "host", "hook", "own"]
"""How a class of ours and a module's class are joined.

`plain`: the class has torch.nn's forward. `host`: its own forward does no more than torch.nn's, which takes its place.
`hook`: its own forward runs and calls `_conv_forward`. `own`: its own forward runs, and its one convolution pads.
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the forward of a module does, as far as its padding is concerned.

    Args:
        way: how our class is joined with the module's.
        padding, padding_mode: its padding now, as our class takes it.
        follows_size: whether the amounts follow the size of the input.
        pads_apart: whether it pads before its window, which it no longer does with ours.
        absorbed: the modules in it that pad for it.
        seen: (before, after) of each axis in the traced calls, None where they follow its size.
        words: the words for the amounts that follow the size, by axis.
    """

    way: Way
    padding: Any
    padding_mode: Any
    follows_size: bool = False
    pads_apart: bool = False
    absorbed: tuple[nn.Module, ...] = ()
    seen: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()


class NotUnderstood(Exception):  # noqa: N818 (a reason, never shown as an error)
    """The reason why a forward is left alone."""


def is_plain(module: nn.Module, cls: type, host: Host) -> bool:
    """Return whether a module runs torch.nn's own forward (or ours), with nothing put in its place."""
    for name in ("forward", "_conv_forward", "__call__", "_call_impl"):
        if getattr(cls, name, None) not in (getattr(host.theirs, name, None), getattr(host.ours, name, None)):
            return False
    return not _replaced(module)


def _replaced(module: nn.Module) -> list[str]:
    """Return the methods that something put in the place of the class's on this module alone.

    A `forward` that says that it wraps the class's (`functools.wraps`, as hooks of accelerate do) calls it.
    """
    names = [name for name in ("forward", "_conv_forward") if name in module.__dict__]
    if "forward" in names and wraps_its_class(module) and inspect.unwrap(module.__dict__["forward"]).__self__ is module:
        names.remove("forward")
    return names


def read(module: nn.Module, cls: type, host: Host) -> Reading:
    """Return what a module's forward does, or raise `NotUnderstood` with the reason."""
    if is_plain(module, cls, host):
        if host.kind == "pad" and any(amount < 0 for amount in module.__dict__["padding"]):
            raise NotUnderstood("it cuts values off: some of its amounts are negative")
        return Reading("plain", *declared_padding(module, host))
    if host.kind in ("pad", "resize"):
        raise NotUnderstood("its class has its own forward")
    calls = _traced_calls(module, host)
    for call in calls:
        _check_call(call, module, host)
    amounts = [_amount(calls, axis, module, host) for axis in range(host.rank)]
    padding = _written([amount for amount, _ in amounts], module)
    follows_size = any(follows for _, follows in amounts)
    seen = tuple(None if follows else amount for amount, follows in amounts)
    words = tuple(amount if follows else "" for amount, follows in amounts)
    way = _way(calls, module, cls, host)
    parts = [(part, host_of(part)) for part in module.modules() if part is not module]
    absorbed = tuple(part for part, inner in parts if inner is not None and inner.kind == "pad")
    pads_apart = way == "host" and any(call.pads for call in calls)
    return Reading(way, padding, _mode(calls, module, host), follows_size, pads_apart, absorbed, seen, words)


def sample_shape(module: Any, host: Host, step: int) -> tuple[int, ...]:
    """Return the shape of an input of a few windows, some values larger with each step."""
    rank = host.rank
    rows = zip(per_axis(module.kernel_size, rank), per_axis(getattr(module, "dilation", 1), rank), strict=True)
    spans, strides = [spanned(taps, dilation) for taps, dilation in rows], _strides(module, rank)
    sizes = [2 * span + stride + axis + step for axis, (span, stride) in enumerate(zip(spans, strides, strict=True))]
    return 1, getattr(module, "in_channels", 4), *sizes


def _strides(module: Any, rank: int) -> tuple[int, ...]:
    return per_axis(module.kernel_size if module.stride is None else module.stride, rank)


def _traced_calls(module: Any, host: Host) -> list[TracedCall]:
    steps = range(min(max(_strides(module, host.rank)), 4) + 1)
    shapes = [sample_shape(module, host, step) for step in steps]
    try:
        return [trace(module, shape, host.rank) for shape in shapes]
    except Exception:
        try:  # an operation that needs values
            return [trace(module, shape, host.rank, with_values=True) for shape in shapes]
        except Exception as error:
            line = str(error).partition("\n")[0]
            raise NotUnderstood(f"its own forward could not be followed: {type(error).__name__}: {line}") from error


def _check_call(call: TracedCall, module: Any, host: Host) -> None:
    """Refuse a call that is not one window of the module's own, over its own input."""
    what = "pool" if host.kind == "pool" else "convolution"
    windows = [window for window in call.windows if _is_own(window, module, host)]
    if len(windows) != 1:
        others = len(call.windows) - len(windows)
        raise NotUnderstood(
            f"its own forward runs {len(windows)} {what}s with its attributes"
            + (f", and {others} other windows" if others else "")
            + ": only one can be told apart"
        )
    (window,) = windows
    if window.extent is None or call.other_pads:
        raise NotUnderstood(f"its own forward pads in a way that is no padding of its {what}")


def own_window(call: TracedCall, module: Any, host: Host) -> WindowCall:
    """Return the window of a call that was checked."""
    return next(window for window in call.windows if _is_own(window, module, host))


def _is_own(window: WindowCall, module: Any, host: Host) -> bool:
    base = host.theirs.__name__
    names = {"Conv": "conv", "ConvTranspose": "conv_transpose", "MaxPool": "max_pool", "AvgPool": "avg_pool"}
    name = f"{names[base[:-2]]}{host.rank}d"
    if window.name.removesuffix("_with_indices") != name:
        return False
    arguments, rank = window.arguments, host.rank
    if "weight" in arguments:
        taps = tuple(arguments["weight"].shape[2:])
        if arguments["weight"].shape[:2] != _weight_channels(module, host):
            return False
    else:
        taps = per_axis(arguments["kernel_size"], rank)
    stride = arguments.get("stride", 1)
    expected = (
        (taps, per_axis(module.kernel_size, rank)),
        (per_axis(taps if stride is None else stride, rank), _strides(module, rank)),
        (per_axis(arguments.get("dilation", 1), rank), per_axis(getattr(module, "dilation", 1), rank)),
        (arguments.get("groups", 1), getattr(module, "groups", 1)),
    )
    return all(actual == wanted for actual, wanted in expected)


def _weight_channels(module: Any, host: Host) -> tuple[int, int]:
    if host.kind == "transposed":
        return module.in_channels, module.out_channels // module.groups
    return module.out_channels, module.in_channels // module.groups


def _amount(calls: list[TracedCall], axis: int, module: Any, host: Host) -> tuple[Any, bool]:
    """Return the amount of one axis as it is written, and whether it follows the size."""
    rows = []
    for call in calls:
        extent = own_window(call, module, host).extent
        assert extent is not None  # noqa: S101 (checked before)
        rows.append((extent.size[axis], extent.amounts[axis]))
    if len({pair for _, pair in rows}) == 1:
        return rows[0][1], False
    span = spanned(
        per_axis(module.kernel_size, host.rank)[axis], per_axis(getattr(module, "dilation", 1), host.rank)[axis]
    )
    stride = _strides(module, host.rank)[axis]
    for amount in AMOUNTS.values():
        if all(amount.pair_for(size, span, stride) == pair for size, pair in rows):
            return amount.name, True
    raise NotUnderstood("its own forward pads by amounts that follow no rule known here")


def _written(amounts: list[Any], module: Any) -> Any:
    """Return amounts as they are written: a word, the module's own tuple, or pairs."""
    if all(isinstance(amount, str) for amount in amounts) and len({*amounts}) == 1:
        return amounts[0]
    if all(not isinstance(amount, str) and amount[0] == amount[1] for amount in amounts):
        return tuple(amount[0] for amount in amounts)
    return tuple(amounts) if len(amounts) > 1 else amounts[0]


def _mode(calls: list[TracedCall], module: Any, host: Host) -> Any:
    """Return the mode of every axis as it is written."""
    modes: list[Any] = []
    for axis in range(host.rank):
        fills = {
            window.extent.fills[axis]
            for window in (own_window(call, module, host) for call in calls)
            if window.extent is not None
        } - {None}
        if len(fills) > 1:
            raise NotUnderstood("its own forward pads with one thing at one size, with another at another")
        modes.append(_spelled(fills.pop(), host) if fills else None)
    usual = "ignore" if host.theirs.__name__.startswith("MaxPool") else "zeros"
    filled = {mode for mode in modes if mode is not None}
    if len(filled) <= 1:
        return filled.pop() if filled else usual
    return tuple(usual if mode is None else mode for mode in modes)


def _spelled(fill: Any, host: Host) -> Any:
    if isinstance(fill, str):
        return fill
    if host.theirs.__name__.startswith("MaxPool") and fill == float("-inf"):
        return "ignore"
    return fill or "zeros"


def _way(calls: list[TracedCall], module: Any, cls: type, host: Host) -> Way:
    """Return how the forward of a module can be kept, or why it cannot."""
    replaced = _replaced(module)
    call = calls[0]
    window = own_window(call, module, host)
    alone = window.output is call.output and window.arguments["own_input"] and window.arguments["own_weights"]
    if (
        alone
        and "forward" not in module.__dict__
        and not replaced
        and _takes_input_alone(cls.forward)
        and _keeps_nothing(cls)
    ):
        return "host"
    if host.kind != "convolution":
        raise NotUnderstood("its class has its own forward, which does more than torch.nn's")
    if "_conv_forward" in replaced:
        raise NotUnderstood("its _conv_forward was replaced from outside: undo that first")
    if call.hook is not None and window.hooked and call.pads_in_hook and _hook_is_alone(call, window):
        return "hook"
    if "forward" in module.__dict__:
        raise NotUnderstood("its forward was replaced from outside: undo that first")
    return "own"


def _hook_is_alone(call: TracedCall, window: WindowCall) -> bool:
    """Return whether `_conv_forward` returns the convolution with the weight and the bias that it was given."""
    hook = call.hook or ()
    if len(hook) != 4:
        return False
    _, weight, bias, out = hook
    return out is window.output and window.arguments["weight"] is weight and window.arguments.get("bias") is bias


def _takes_input_alone(forward: Any) -> bool:
    try:
        return len(inspect.signature(forward).parameters) == 2
    except (TypeError, ValueError):
        return False


def _keeps_nothing(cls: type) -> bool:
    """Return whether the forward of a class sets no attribute, so that another may run in its place."""
    code = getattr(inspect.unwrap(cls.forward), "__code__", None)
    return code is not None and not any(
        line.opname in ("STORE_ATTR", "STORE_GLOBAL") for line in dis.get_instructions(code)
    )
