"""Flax: the layers of flax.linen (https://flax-linen.readthedocs.io), which flax.nnx shares.

SAME, VALID, CAUSAL and pairs, with zeros; CIRCULAR and REFLECT, which pad by (span - 1) // 2 and span // 2 whatever the
stride. Its average pools count the padding unless told not to. Other modes come first, with jax.numpy.pad.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import is_int, listed
from convpad.core.window import Window
from convpad.frameworks.code import InexactError, Name, call
from convpad.frameworks.parsing import as_padding, default_mode, pair_entries
from convpad.frameworks.query import OpQuery, known_pairs, pool_counts_padding

__all__ = ["ARGUMENTS", "arguments", "code", "parse", "workaround"]

ARGUMENTS = ("padding", "count_include_pad")

_CONVS = ("conv", "depthwise_conv", "separable_conv")
_WORDS = {"valid": "VALID", "same": "SAME", "causal": "CAUSAL"}
_MODE_WORDS = {"circular": "CIRCULAR", "reflect": "REFLECT"}
_PADS: dict[str, dict[str, Any]] = {
    "zeros": {},
    "constant": {},
    "reflect": {"mode": "reflect"},
    "symmetric": {"mode": "symmetric"},
    "replicate": {"mode": "edge"},
    "circular": {"mode": "wrap"},
    "reflect_odd": {"mode": "reflect", "reflect_type": "odd"},
    "symmetric_odd": {"mode": "symmetric", "reflect_type": "odd"},
}
_SIZE_UNKNOWN = "The amounts follow a size that is not known."


def arguments(query: OpQuery) -> dict[str, Any]:
    if query.is_pool and query.dilation:
        raise InexactError("Flax's pools have no dilation.")
    if query.is_transposed:
        return _transposed(query)
    return _pool(query) if query.is_pool else _conv(query)


def _conv(query: OpQuery) -> dict[str, Any]:
    if query.has_default_mode:
        return {"padding": _amounts(query, _WORDS if query.rank == 1 else ("valid", "same"))}
    words = {_MODE_WORDS.get(mode) for mode, _ in query.fills}
    word = words.pop() if len(words) == 1 else None
    if word is None:
        raise InexactError("Flax's convolutions pad with zeros, or all around with CIRCULAR or REFLECT.")
    if not query.is_equivalent(_centred(query.problem.windows)):
        raise InexactError(f"Flax's {word} pads (span - 1) // 2 and span // 2, whatever the stride.")
    return {"padding": word}


def _amounts(query: OpQuery, words: Any) -> Any:
    word = query.first_word(words)
    return _WORDS[word] if word else tuple(known_pairs(query, _SIZE_UNKNOWN))


def _centred(windows: Sequence[Window]) -> list[tuple[int, int]]:
    return [((window.span - 1) // 2, window.span // 2) for window in windows]


def _transposed(query: OpQuery) -> dict[str, Any]:
    if not query.has_default_mode:
        raise InexactError(
            "Flax's transposed convolutions pad with zeros, or go around with CIRCULAR, as its own convolution does."
        )
    for word in ("valid", "same"):
        if query.output_padding_for([AMOUNTS[word]] * query.rank) is None:
            return {"padding": _WORDS[word]}
    # lax.conv_transpose pads the input between whose values it puts zeros: by the span of the window less one place,
    # less the crop.
    rows = zip(query.problem.windows, query.reach, strict=True)
    return {"padding": tuple((w.span - 1 - before, w.span - 1 - after) for w, (before, after) in rows)}


def _pool(query: OpQuery) -> dict[str, Any]:
    counts = pool_counts_padding(query, "Flax's")
    count = {"count_include_pad": False} if query.op == "average_pool" and query.fills and not counts else {}
    if count and any(max(pair) >= size for pair, size in zip(query.pairs or (), query.kernel, strict=False)):
        raise InexactError("Flax divides by a count of 0 where a window stands in the padding alone.")
    return {"padding": _amounts(query, ("valid", "same")), **count}


def code(query: OpQuery, arguments: dict[str, Any], x: str = Name("x")) -> str:
    strides = tuple(query.problem.strides) if query.is_strided else None
    if query.is_pool:
        name = "nn.max_pool" if query.op == "max_pool" else "nn.avg_pool"
        return call(name, x, tuple(query.kernel), strides=strides, **arguments)
    return call(
        "nn.ConvTranspose" if query.is_transposed else "nn.Conv",
        query.features,
        tuple(query.kernel),
        strides=strides,
        **arguments,
        kernel_dilation=tuple(query.problem.dilation) if query.dilation else None,
        feature_group_count=query.groups,
        transpose_kernel=True if query.is_transposed else None,
    )


def workaround(query: OpQuery) -> str:
    steps = () if query.is_pool and query.dilation else query.pad_steps(_PADS, repeats=True)
    if not steps:
        return query.convpad_call()
    x = Name("x")
    for step in steps:
        pairs = ((0, 0), *step.pairs, (0, 0))
        x = Name(call("jax.numpy.pad", x, pairs, **_PADS[step.mode], constant_values=step.value))
    operation = code(query, {"padding": "VALID"}, x)
    return operation if query.is_pool else f"nn.Sequential([lambda x: {x}, {operation}])"


def parse(windows: tuple[Window, ...], op: str, padding: Any = None, count_include_pad: bool = True) -> Padding:
    rank = len(windows)
    mode = default_mode(op, count_include_pad)
    padding = ("VALID" if "pool" in op else "SAME") if padding is None else padding
    if isinstance(padding, str):
        return _parse_word(windows, op, padding, mode)
    entries = [padding] * rank if is_int(padding) else listed(padding)
    allowed = "be a word of Flax's, an int, or one int or pair for each axis"
    pairs = pair_entries("padding", entries, rank, allowed, padding)
    if op == "conv_transpose":
        # What it adds after the full output is output padding, and no amount.
        reach = [window.span - 1 for window in windows]
        pairs = [(r - before, max(r - after, 0)) for r, (before, after) in zip(reach, pairs, strict=True)]
    return as_padding(pairs, mode)


def _parse_word(windows: tuple[Window, ...], op: str, padding: str, mode: str) -> Padding:
    rank, is_conv = len(windows), op in _CONVS
    modes = {word: name for name, word in _MODE_WORDS.items() if is_conv}
    if padding in modes:
        return as_padding(_centred(windows), modes[padding])
    words = {word: name for name, word in _WORDS.items() if name != "causal" or (rank == 1 and is_conv)}
    if padding not in words:
        allowed = ", ".join(map(repr, (*words, *modes)))
        raise refuse("padding", f"be one of Flax's words here: {allowed}, or pairs", padding)
    return Padding.parse(words[padding], mode, rank=rank)
