"""PyTorch: the modules of torch.nn (https://docs.pytorch.org/docs/stable/nn.html).

One number for both sides of an axis; `"same"` at stride 1 alone; zeros, reflect, replicate and circular, one for all
axes. Its pools pad by half their size at most, and may round up (`ceil_mode`). Channels come first.
"""

from __future__ import annotations

from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import per_axis
from convpad.core.window import Window
from convpad.frameworks.code import InexactError, call, collapse, unless_zero
from convpad.frameworks.parsing import as_padding, crop_less, default_mode, overhang_modes, rounded_up
from convpad.frameworks.query import OpQuery, PadStep, known_pairs, pool_counts_padding

__all__ = ["ARGUMENTS", "arguments", "code", "parse", "workaround"]

ARGUMENTS = ("padding", "output_padding", "padding_mode", "ceil_mode", "count_include_pad")

_MODES = ("zeros", "reflect", "replicate", "circular")
_LAYERS = {"conv_transpose": "ConvTranspose", "max_pool": "MaxPool", "average_pool": "AvgPool"}
_PADS = {
    "zeros": "ZeroPad",
    "constant": "ConstantPad",
    "reflect": "ReflectionPad",
    "replicate": "ReplicationPad",
    "circular": "CircularPad",
}


def _unsupported(query: OpQuery) -> str:
    """The reason why PyTorch has no such module, whatever its padding."""
    if query.rank > 3:
        return "torch.nn goes up to three axes."
    if query.op == "average_pool" and query.dilation:
        return "PyTorch's average pools have no dilation."
    return ""


def arguments(query: OpQuery) -> dict[str, Any]:
    if reason := _unsupported(query):
        raise InexactError(reason)
    if query.is_transposed:
        return _transposed(query)
    return _pool(query) if query.is_pool else _conv(query)


def _conv(query: OpQuery) -> dict[str, Any]:
    reason = "PyTorch has no word for an amount that depends on the size: its padding='same' is for stride 1."
    pairs = known_pairs(query, reason)
    modes = {mode for mode, _ in query.fills}
    if len(modes) > 1 or not query.only_modes(*_MODES):
        raise InexactError(
            f"PyTorch's convolutions pad with {', '.join(_MODES[:-1])} or {_MODES[-1]}, one for all axes."
        )
    mode = modes.pop() if modes else "zeros"
    if not query.has_room(mode, pairs):
        raise InexactError("PyTorch's reflect and circular reach no further than the axis is long.")
    padding_mode = {} if mode == "zeros" else {"padding_mode": mode}
    pads = [before for before, _ in pairs]
    if query.is_equivalent([(pad, pad) for pad in pads]):
        return {**unless_zero("padding", pads), **padding_mode}
    if not query.is_strided and query.has_word("same"):
        return {"padding": "same", **padding_mode}
    raise InexactError("PyTorch pads both sides of an axis alike.")


def _transposed(query: OpQuery) -> dict[str, Any]:
    if not query.has_default_mode:
        raise InexactError("PyTorch's transposed convolutions know zeros alone.")
    extras = [before - after for before, after in query.reach]
    limits = [max(window.stride, window.dilation) for window in query.problem.windows]
    if not all(0 <= extra < limit for extra, limit in zip(extras, limits, strict=True)):
        raise InexactError("PyTorch crops both sides alike, and its output_padding only adds.")
    crops = [before for before, _ in query.reach]
    return {**unless_zero("padding", crops), **unless_zero("output_padding", extras)}


def _pool(query: OpQuery) -> dict[str, Any]:
    counts, average = pool_counts_padding(query, "PyTorch's"), query.op == "average_pool"
    pads = [before for before, _ in known_pairs(query, "PyTorch has no word for an amount that depends on the size.")]
    if any(2 * pad > size for pad, size in zip(pads, query.kernel, strict=True)):
        raise InexactError("PyTorch's pools pad by half their size at most.")
    if average and query.rank == 3 and any(w.size is not None and w.size < w.kernel for w in query.problem.windows):
        raise InexactError("PyTorch's AvgPool3d refuses an input that is smaller than the window before it is padded.")
    padding = unless_zero("padding", pads)
    count = {"count_include_pad": False} if average and query.fills and not counts else {}
    if query.is_equivalent([(pad, pad) for pad in pads]):
        return {**padding, **count}
    if not counts and query.is_equivalent(list(map(rounded_up, query.problem.windows, pads))):
        return {**padding, "ceil_mode": True, **count}
    raise InexactError("PyTorch pads both sides of an axis alike.")


def code(query: OpQuery, arguments: dict[str, Any]) -> str:
    name, kernel = f"torch.nn.{_LAYERS.get(query.op, 'Conv')}{query.rank}d", collapse(query.kernel)
    options = {"stride": query.strides, **arguments, "dilation": query.dilation}
    if query.is_pool:
        # The default stride of a pool is its size, as in Keras.
        return call(name, kernel, **options)
    return call(name, query.channels, query.features, kernel, **options, groups=query.groups)


def workaround(query: OpQuery) -> str:
    steps = () if _unsupported(query) else query.pad_steps(_PADS)
    if not steps:
        return query.convpad_call("channels_first")
    return f"torch.nn.Sequential({', '.join([*(_pad(query, step) for step in steps), code(query, {})])})"


def _pad(query: OpQuery, step: PadStep) -> str:
    numbers = [number for pair in reversed(step.pairs) for number in pair]  # the last axis comes first
    value = [] if step.value is None else [step.value]
    return call(f"torch.nn.{_PADS[step.mode]}{query.rank}d", collapse(numbers), *value)


def parse(
    windows: tuple[Window, ...],
    op: str,
    padding: Any = 0,
    padding_mode: str = "zeros",
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    output_padding: Any = 0,
) -> Padding:
    rank = len(windows)
    if padding_mode not in _MODES:
        raise refuse("padding_mode", f"be one of PyTorch's: {', '.join(map(repr, _MODES))}", padding_mode)
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
