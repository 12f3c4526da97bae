"""ONNX: nodes in its text format (https://onnx.ai/onnx/repo-docs/Syntax.html).

Its `pads` list the amounts before every axis, then those after. Zeros; its average pools count them or not
(`count_include_pad`). Other modes come first, with Pad: constant, reflect, edge and wrap. Channels come first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import listed
from convpad.core.window import Window
from convpad.frameworks.code import as_padding, check_choice, crop_less, default_mode, overhang_modes, require
from convpad.frameworks.query import OpQuery, PadStep, pads_within_kernel

PADS = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

_NODES = {"conv_transpose": "ConvTranspose", "max_pool": "MaxPool", "average_pool": "AveragePool"}
_WORDS = {"valid": "VALID", "same": "SAME_UPPER", "same_lower": "SAME_LOWER"}


def check(query: OpQuery) -> None:
    """ONNX has every operation."""


def arguments(query: OpQuery) -> dict[str, Any]:
    counts = query.op == "average_pool" and query.only_modes("zeros") and bool(query.fills)
    pools, convolutions = "pools know zeros that count, in an average, or nothing at all", "convolutions pad with zeros"
    require(query.has_default_mode or counts, f"ONNX's {pools if query.is_pool else convolutions}.")
    if query.is_transposed:
        extras = [max(-after, 0) for _, after in query.reach]
        pads = _pads([(before, max(after, 0)) for before, after in query.reach])
        return {**pads, **({"output_padding": extras} if any(extras) else {})}
    count = {"count_include_pad": 1} if counts else {}
    if query.pairs is None and (word := query.first_word(_WORDS)):
        return {"auto_pad": _WORDS[word], **count}
    pairs = query.known_pairs("ONNX has no word for an amount that depends on the size.")
    if query.is_pool:
        pads_within_kernel(query, pairs, "ONNX's")
    return {**_pads(pairs), **count}


def _pads(pairs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    pads = [*(before for before, _ in pairs), *(after for _, after in pairs)]
    return {"pads": pads} if any(pads) else {}


def code(query: OpQuery, arguments: dict[str, Any], x: str = "x") -> str:
    attributes: dict[str, Any] = {"kernel_shape": query.kernel, **arguments}
    if "auto_pad" in arguments:
        attributes["auto_pad"] = f'"{arguments["auto_pad"]}"'
    if query.is_strided:
        attributes["strides"] = list(query.problem.strides)
    if query.dilation:
        attributes["dilations"] = list(query.problem.dilation)
    if query.groups:
        attributes["group"] = query.groups
    text = ", ".join(f"{key} = {value}" for key, value in attributes.items())
    return f"y = {_NODES.get(query.op, 'Conv')} <{text}> ({x if query.is_pool else f'{x}, kernel'})"


def padded(query: OpQuery, steps: Sequence[PadStep]) -> str:
    lines: list[str] = []
    x = "x"
    for index, step in enumerate(steps):
        pads = [0, 0, *(before for before, _ in step.pairs), 0, 0, *(after for _, after in step.pairs)]
        inputs = f"{x}, pads_{index}"
        lines.append(f"pads_{index} = Constant <value_ints = {pads}> ()")
        if step.value is not None:
            inputs += f", value_{index}"
            lines.append(f"value_{index} = Constant <value_float = {step.value}> ()")
        x = f"padded_{index}"
        lines.append(f'{x} = Pad <mode = "{PADS[step.mode]}"> ({inputs})')
    return "\n".join([*lines, code(query, {}, x)])


def parse(
    windows: tuple[Window, ...],
    op: str,
    pads: Any = None,
    output_padding: Any = 0,
    auto_pad: str = "NOTSET",
    ceil_mode: int = 0,
    count_include_pad: int = 0,
) -> Padding:
    rank = len(windows)
    mode = default_mode(op, count_include_pad)
    if auto_pad != "NOTSET":
        words = {auto: word for word, auto in _WORDS.items()}
        check_choice("auto_pad", auto_pad, ("NOTSET", *words))
        return Padding.parse(words[auto_pad], mode, rank=rank)
    numbers = [0] * (2 * rank) if pads is None else listed(pads)
    if numbers is None or len(numbers) != 2 * rank:
        raise refuse("pads", f"have {2 * rank} ints, those before each axis first", pads)
    pairs: list[Any] = list(zip(numbers[:rank], numbers[rank:], strict=True))
    if ceil_mode:
        ceiled = list(map(_rounded_up, windows, pairs))
        return as_padding(ceiled, overhang_modes(ceiled, [after for _, after in pairs], mode))
    return as_padding(crop_less(pairs, output_padding) if op == "conv_transpose" else pairs, mode)


def _rounded_up(window: Window, pair: tuple[int, int]) -> tuple[int, int] | None:
    before, after = pair
    ceil = replace(window, before=before, after=after, ceil=True)
    return None if ceil.padded is None else (before, after + ceil.overhang)
