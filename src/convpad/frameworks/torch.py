"""PyTorch: the modules of torch.nn (https://docs.pytorch.org/docs/stable/nn.html).

One number for both sides of an axis; `"same"` at stride 1 alone; zeros, reflect, replicate and circular, one for all
axes. Its pools pad by half their size at most, and may round up (`ceil_mode`). Channels come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import per_axis
from convpad.core.window import Window
from convpad.frameworks.code import (
    InexactError,
    as_padding,
    call,
    check_choice,
    collapse,
    crop_less,
    default_mode,
    overhang_modes,
    require,
    rounded_up,
    unless_zero,
)
from convpad.frameworks.query import OpQuery, PadStep, pool_counts_padding

PADS = {
    "zeros": "ZeroPad",
    "constant": "ConstantPad",
    "reflect": "ReflectionPad",
    "replicate": "ReplicationPad",
    "circular": "CircularPad",
}

_MODES = ("zeros", "reflect", "replicate", "circular")
_LAYERS = {"conv_transpose": "ConvTranspose", "max_pool": "MaxPool", "average_pool": "AvgPool"}
_UNEVEN = "PyTorch pads both sides of an axis equally."


def check(query: OpQuery) -> None:
    require(query.op != "average_pool" or not query.dilation, "PyTorch's average pools have no dilation.")


def arguments(query: OpQuery) -> dict[str, Any]:
    if query.is_transposed:
        return _transposed(query)
    return _pool(query) if query.is_pool else _conv(query)


def _conv(query: OpQuery) -> dict[str, Any]:
    reason = "PyTorch has no word for an amount that depends on the size: its padding='same' is for stride 1."
    pairs = query.known_pairs(reason)
    modes = {mode for mode, _ in query.fills}
    allowed = f"{', '.join(_MODES[:-1])} or {_MODES[-1]}, one for all axes"
    require(len(modes) <= 1 and query.only_modes(*_MODES), f"PyTorch's convolutions pad with {allowed}.")
    mode = modes.pop() if modes else "zeros"
    require(query.has_room(mode, pairs), "PyTorch's reflect and circular reach no further than the axis is long.")
    padding_mode = {} if mode == "zeros" else {"padding_mode": mode}
    pads = [before for before, _ in pairs]
    if query.is_equivalent([(pad, pad) for pad in pads]):
        return {**unless_zero("padding", pads), **padding_mode}
    require(not query.is_strided and query.has_word("same"), _UNEVEN)
    return {"padding": "same", **padding_mode}


def _transposed(query: OpQuery) -> dict[str, Any]:
    require(query.has_default_mode, "PyTorch's transposed convolutions know zeros alone.")
    crops = [before for before, _ in query.reach]
    extras = [before - after for before, after in query.reach]
    limits = [max(window.stride, window.dilation) for window in query.problem.windows]
    in_range = all(0 <= extra < limit for extra, limit in zip(extras, limits, strict=True))
    require(in_range, "PyTorch crops both sides equally, and its output_padding only adds.")
    return {**unless_zero("padding", crops), **unless_zero("output_padding", extras)}


def _pool(query: OpQuery) -> dict[str, Any]:
    counts, average = pool_counts_padding(query, "PyTorch's"), query.op == "average_pool"
    windows = query.problem.windows
    pads = [before for before, _ in query.known_pairs("PyTorch has no word for an amount that depends on the size.")]
    fitting = all(2 * pad <= window.kernel for pad, window in zip(pads, windows, strict=True))
    require(fitting, "PyTorch's pools pad by half their size at most.")
    short = any(window.size is not None and window.size < window.kernel for window in windows)
    reason = "PyTorch's AvgPool3d refuses an input that is smaller than the window before it is padded."
    require(not (average and query.rank == 3 and short), reason)
    padding = unless_zero("padding", pads)
    count = {"count_include_pad": False} if average and query.fills and not counts else {}
    if query.is_equivalent([(pad, pad) for pad in pads]):
        return {**padding, **count}
    if not counts and query.is_equivalent(list(map(rounded_up, windows, pads))):
        return {**padding, "ceil_mode": True, **count}
    raise InexactError(_UNEVEN)


def code(query: OpQuery, arguments: dict[str, Any]) -> str:
    name, kernel = f"torch.nn.{_LAYERS.get(query.op, 'Conv')}{query.rank}d", collapse(query.kernel)
    options = {"stride": query.strides, **arguments, "dilation": query.dilation}
    if query.is_pool:
        # The default stride of a pool is its size, as in Keras.
        return call(name, kernel, **options)
    return call(name, query.channels, query.features, kernel, **options, groups=query.groups)


def padded(query: OpQuery, steps: Sequence[PadStep]) -> str:
    modules: list[str] = []
    for step in steps:
        numbers = [number for pair in reversed(step.pairs) for number in pair]  # the last axis comes first
        value = [] if step.value is None else [step.value]
        modules.append(call(f"torch.nn.{PADS[step.mode]}{query.rank}d", collapse(numbers), *value))
    return f"torch.nn.Sequential({', '.join([*modules, code(query, {})])})"


def parse(
    windows: tuple[Window, ...],
    op: str,
    padding: Any = 0,
    output_padding: Any = 0,
    padding_mode: str = "zeros",
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Padding:
    rank = len(windows)
    check_choice("padding_mode", padding_mode, _MODES, "PyTorch's: ")
    mode = padding_mode if default_mode(op, count_include_pad) == "zeros" else "ignore"
    if isinstance(padding, str):
        if padding not in ("same", "valid") or (padding == "same" and any(w.stride > 1 for w in windows)):
            raise refuse("padding", "be an int, one for each axis, 'valid', or at stride 1 'same'", padding)
        return Padding.parse(padding, mode, rank=rank)
    pads = per_axis("padding", padding, rank, 0)
    if ceil_mode:
        ceiled = list(map(rounded_up, windows, pads))
        return as_padding(ceiled, overhang_modes(ceiled, pads, mode))
    pairs = [(pad, pad) for pad in pads]
    return as_padding(crop_less(pairs, output_padding) if op == "conv_transpose" else pairs, mode)
