"""What does PyTorch call it? The modules of torch.nn (https://docs.pytorch.org/docs/stable/nn.html).

One number for both sides of an axis; `"same"` at stride 1 alone; zeros, reflect, replicate and circular, one for all
axes. Its pools pad by half their size at most, and may round up (`ceil_mode`). Channels come first.
"""

from __future__ import annotations

from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import per_axis
from convpad.core.window import Window
from convpad.frameworks.code import Words, alike, as_padding, call, cropped
from convpad.frameworks.query import Asked, Pad, ceiled, number, overhanging, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("padding", "output_padding", "padding_mode", "ceil_mode", "count_include_pad")

_MODES = ("zeros", "reflect", "replicate", "circular")
_LAYERS = {"conv": "Conv", "conv_transpose": "ConvTranspose", "max_pool": "MaxPool", "average_pool": "AvgPool"}
_PADS = {
    "zeros": "ZeroPad",
    "constant": "ConstantPad",
    "reflect": "ReflectionPad",
    "replicate": "ReplicationPad",
    "circular": "CircularPad",
}


def say(asked: Asked) -> Words:
    if asked.rank > 3:
        return asked.cannot("torch", "torch.nn goes up to three axes.", asked.convpad("channels_first"))
    found = _transposed(asked) if asked.transposed else _pool(asked) if asked.pools else _conv(asked)
    if isinstance(found, dict):
        note = warning(asked)
        words = tuple((key, value) for key, value in found.items() if key in WORDS)
        return Words("torch", _layer(asked, **found), True, note, words)
    pads = asked.pads()
    first = [_pad(asked, pad) for pad in pads or ()]
    if first and None not in first:
        return asked.cannot("torch", found, f"torch.nn.Sequential({', '.join([*map(str, first), _layer(asked)])})")
    return asked.cannot("torch", found, asked.convpad("channels_first"))


def _conv(asked: Asked) -> dict[str, Any] | str:
    modes = {mode for mode, _ in asked.fills}
    if asked.pairs is None:
        return "PyTorch has no word for an amount that depends on the size: its padding='same' is for stride 1."
    if len(modes) > 1 or not asked.only(*_MODES):
        return f"PyTorch's convolutions pad with {', '.join(_MODES[:-1])} or {_MODES[-1]}, one for all axes."
    mode = modes.pop() if modes else "zeros"
    if not _room(asked, mode, asked.pairs):
        return "PyTorch's reflect and circular reach no further than the axis is long."
    more = {} if mode == "zeros" else {"padding_mode": mode}
    both = [before for before, _ in asked.pairs]
    if asked.agrees([(pad, pad) for pad in both]):
        return {"padding": alike(both), **more} if any(both) else more
    if set(asked.problem.strides) == {1} and asked.is_word(AMOUNTS["same"]):
        return {"padding": "same", **more}
    return "PyTorch pads both sides of an axis alike."


def _transposed(asked: Asked) -> dict[str, Any] | str:
    if not asked.plain:
        return "PyTorch's transposed convolutions know zeros alone."
    crops = [before for before, _ in asked.reach]
    extra = [before - after for before, after in asked.reach]
    limits = [max(window.stride, window.dilation) for window in asked.problem.windows]
    if all(0 <= more < limit for more, limit in zip(extra, limits, strict=True)):
        said: dict[str, Any] = {"padding": alike(crops)} if any(crops) else {}
        return {**said, "output_padding": alike(extra)} if any(extra) else said
    return "PyTorch crops both sides alike, and its output_padding only adds."


def _pool(asked: Asked) -> dict[str, Any] | str:
    average = asked.op == "average_pool"
    if not asked.only("ignore", "zeros") or len(asked.fills) > 1:
        return "PyTorch's pools pad with one of two things, zeros that count or nothing, on all sides."
    counted = asked.fills == {("zeros", None)}
    if counted and not average:
        return "In PyTorch's max pools the padding never wins."
    if asked.pairs is None:
        return "PyTorch has no word for an amount that depends on the size."
    both = [before for before, _ in asked.pairs]
    if any(2 * pad > size for pad, size in zip(both, asked.kernel, strict=True)):
        return "PyTorch's pools pad by half their size at most."
    short = [w.size is not None and w.size < w.kernel for w in asked.problem.windows]
    if average and asked.rank == 3 and any(short):
        return "PyTorch's AvgPool3d refuses an input that is smaller than the window before it is padded."
    said: dict[str, Any] = {"padding": alike(both)} if any(both) else {}
    count = {"count_include_pad": False} if average and asked.fills == {("ignore", None)} else {}
    if asked.agrees([(pad, pad) for pad in both]):
        return {**said, **count}
    if not counted and asked.agrees(list(map(ceiled, asked.problem.windows, both))):
        return {**said, "ceil_mode": True, **count}
    return "PyTorch pads both sides of an axis alike."


def _room(asked: Asked, mode: str, pairs: Any) -> bool:
    """Whether the axes are long enough for the mode."""
    most = {"reflect": -1, "circular": 0}.get(mode)
    windows = zip(asked.problem.windows, pairs, strict=True)
    return most is None or all(w.size is None or max(pair) <= w.size + most for w, pair in windows)


def _layer(asked: Asked, **padding: Any) -> str:
    kernel = alike(asked.kernel)
    if asked.pools:
        # Keras's strides and PyTorch's have the same default here: the pool's size.
        return call(f"torch.nn.{_LAYERS[asked.op]}{asked.rank}d", kernel, stride=asked.strides, **padding)
    name = _LAYERS.get(asked.op, "Conv")
    options = {**padding, "dilation": asked.dilation, "groups": asked.groups}
    return call(
        f"torch.nn.{name}{asked.rank}d", asked.channels, asked.features, kernel, stride=asked.strides, **options
    )


def _pad(asked: Asked, pad: Pad) -> str | None:
    """A module that pads, the last axis first; None where there is none."""
    if pad.mode not in _PADS or not _room(asked, pad.mode, pad.pairs):
        return None
    numbers = [number for pair in reversed(pad.pairs) for number in pair]
    value = [number(pad.value)] if pad.mode == "constant" else []
    if None in value:
        return None
    return call(f"torch.nn.{_PADS[pad.mode]}{asked.rank}d", alike(numbers), *value)


def read(
    windows: tuple[Window, ...],
    op: str,
    padding: Any = 0,
    padding_mode: str = "zeros",
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    output_padding: Any = 0,
) -> Padding:
    rank, mode = len(windows), padding_mode
    if padding_mode not in _MODES:
        raise refuse("padding_mode", f"be one of PyTorch's: {', '.join(map(repr, _MODES))}", padding_mode)
    if op == "max_pool" or (op == "average_pool" and not count_include_pad):
        mode = "ignore"
    if isinstance(padding, str):
        if padding not in ("same", "valid") or (padding == "same" and any(w.stride > 1 for w in windows)):
            raise refuse("padding", "be an int, one for each axis, 'valid', or at stride 1 'same'", padding)
        return Padding.parse(padding, mode, rank=rank)
    pads = per_axis("padding", padding, rank, 0)
    if op == "conv_transpose":
        return as_padding(cropped([(pad, pad) for pad in pads], output_padding), mode)
    pairs = list(map(ceiled, windows, pads)) if ceil_mode else [(pad, pad) for pad in pads]
    return as_padding(pairs, overhanging(pairs, pads, mode) if ceil_mode else mode)
