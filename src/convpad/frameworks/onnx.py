"""What does ONNX call it? Nodes in ONNX's text format (https://onnx.ai/onnx/repo-docs/Syntax.html).

Its `pads` list what is before every axis, then what is after. Zeros; its average pools count them or not
(`count_include_pad`). Other modes come first, with Pad: constant, reflect, edge and wrap. Channels come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import listed
from convpad.core.window import Window
from convpad.frameworks.code import Name, Words, as_padding, cropped
from convpad.frameworks.query import Asked, Pad, number, overhanging, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("pads", "output_padding", "auto_pad", "ceil_mode", "count_include_pad")

_NODES = {"conv_transpose": "ConvTranspose", "max_pool": "MaxPool", "average_pool": "AveragePool"}
_AUTO = {"VALID": "valid", "SAME_UPPER": "same", "SAME_LOWER": "same_lower"}
_PADS = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def say(asked: Asked) -> Words:
    found = _attributes(asked)
    if isinstance(found, dict):
        note = warning(asked)
        words = tuple((key, value) for key, value in found.items() if key in WORDS)
        return Words("onnx", _node(asked, found), True, note, words)
    pads = asked.pads()
    lines: list[str] = []
    x = "x"
    for place, pad in enumerate(pads or ()):
        nodes = _pad(asked, pad, x, place)
        if nodes is None:
            return asked.cannot("onnx", found)
        lines += nodes
        x = f"padded_{place}"
    if not lines:
        return asked.cannot("onnx", found)
    return asked.cannot("onnx", found, "\n".join([*lines, _node(asked, {}, x)]))


def _attributes(asked: Asked) -> dict[str, Any] | str:
    """The attributes that say the padding, or why there are none."""
    counts = asked.op == "average_pool" and asked.only("zeros") and bool(asked.fills)
    if not (asked.plain or counts):
        if asked.pools:
            return "ONNX's pools know zeros that count, in an average, or nothing at all."
        return "ONNX's convolutions pad with zeros."
    more: dict[str, Any] = {"count_include_pad": 1} if counts else {}
    if asked.transposed:
        extra = [max(-after, 0) for _, after in asked.reach]
        limits = [max(w.stride, w.dilation) for w in asked.problem.windows]
        if any(added >= limit for added, limit in zip(extra, limits, strict=True)):
            return "ONNX's output_padding is less than the stride."
        found = _pads([(before, max(after, 0)) for before, after in asked.reach])
        return {**found, **({"output_padding": extra} if any(extra) else {})}
    if asked.pairs is None:
        auto = next((word for word, name in _AUTO.items() if asked.is_word(AMOUNTS[name])), None)
        return {"auto_pad": auto, **more} if auto else "ONNX has no word for an amount that depends on the size."
    if asked.pools and any(max(pair) >= size for pair, size in zip(asked.pairs, asked.kernel, strict=True)):
        return "ONNX's pools pad by less than their size."
    return {**_pads(asked.pairs), **more}


def _pads(pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    flat = [*(before for before, _ in pairs), *(after for _, after in pairs)]
    return {"pads": flat} if any(flat) else {}


def _node(asked: Asked, padding: dict[str, Any], x: str = "x") -> str:
    problem = asked.problem
    said: dict[str, Any] = {"kernel_shape": asked.kernel, **padding}
    if set(problem.strides) != {1}:
        said["strides"] = list(problem.strides)
    if asked.dilation:
        said["dilations"] = list(problem.dilation)
    if asked.groups:
        said["group"] = asked.groups
    attributes = ", ".join(f"{key} = {_value(value)}" for key, value in said.items())
    inputs = x if asked.pools else f"{x}, kernel"
    return f"y = {_NODES.get(asked.op, 'Conv')} <{attributes}> ({inputs})"


def _value(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and not isinstance(value, Name) else str(value)


def _pad(asked: Asked, pad: Pad, x: str, place: int) -> list[str] | None:
    most = {"reflect": -1, "circular": 0}.get(pad.mode)
    sizes = [window.size for window in asked.problem.windows]
    short = [size for size, pair in zip(sizes, pad.pairs, strict=True) if size and max(pair) > size + (most or 0)]
    value = number(pad.value) if pad.mode == "constant" else 0
    if pad.mode not in _PADS or value is None or (most is not None and short):
        return None
    flat = [0, 0, *(before for before, _ in pad.pairs), 0, 0, *(after for _, after in pad.pairs)]
    lines = [f"pads_{place} = Constant <value_ints = {flat}> ()"]
    inputs = f"{x}, pads_{place}"
    if pad.mode == "constant":
        lines.append(f"value_{place} = Constant <value_float = {_value(value)}> ()")
        inputs += f", value_{place}"
    return [*lines, f'padded_{place} = Pad <mode = "{_PADS[pad.mode]}"> ({inputs})']


def read(
    windows: tuple[Window, ...],
    op: str,
    pads: Any = None,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    output_padding: Any = 0,
) -> Padding:
    rank = len(windows)
    mode = "ignore" if op == "max_pool" or (op == "average_pool" and not count_include_pad) else "zeros"
    if auto_pad != "NOTSET":
        if auto_pad not in _AUTO:
            raise refuse("auto_pad", f"be one of {', '.join(map(repr, ('NOTSET', *_AUTO)))}", auto_pad)
        return Padding.parse(_AUTO[auto_pad], mode, rank=rank)
    numbers = [0] * (2 * rank) if pads is None else listed(pads)
    if numbers is None or len(numbers) != 2 * rank:
        raise refuse("pads", f"have {2 * rank} ints, those before each axis first", pads)
    pairs: list[Any] = list(zip(numbers[:rank], numbers[rank:], strict=True))
    if op == "conv_transpose":
        return as_padding(cropped(pairs, output_padding), mode)
    if not ceil_mode:
        return as_padding(pairs, mode)
    ceiled = list(map(_ceiled, windows, pairs))
    return as_padding(ceiled, overhanging(ceiled, [after for _, after in pairs], mode))


def _ceiled(window: Window, pair: tuple[int, int]) -> tuple[int, int] | None:
    # With uneven pads the last window may start in the padding behind the axis no more than with even ones.
    if window.size is None:
        return None
    padded = window.size + sum(pair)
    lacks = -(padded - window.span) % window.stride
    starts = padded + lacks - window.span
    return (pair[0], pair[1] + lacks) if starts < window.size + pair[0] else pair
