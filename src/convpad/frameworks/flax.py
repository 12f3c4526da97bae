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
from convpad.core.window import Window
from convpad.frameworks.code import Name, as_padding, call, default_mode, pair_entries, require
from convpad.frameworks.query import OpQuery, PadStep, pool_counts_padding

PADS: dict[str, dict[str, Any]] = {
    "zeros": {},
    "constant": {},
    "reflect": {"mode": "reflect"},
    "symmetric": {"mode": "symmetric"},
    "replicate": {"mode": "edge"},
    "circular": {"mode": "wrap"},
    "reflect_odd": {"mode": "reflect", "reflect_type": "odd"},
    "symmetric_odd": {"mode": "symmetric", "reflect_type": "odd"},
}

_WORDS = {"valid": "VALID", "same": "SAME", "causal": "CAUSAL"}
_MODE_WORDS = {"circular": "CIRCULAR", "reflect": "REFLECT"}


def check(query: OpQuery) -> None:
    require(not (query.is_pool and query.dilation), "Flax's pools have no dilation.")


def arguments(query: OpQuery) -> dict[str, Any]:
    if query.is_transposed:
        return {"padding": _transposed(query)}
    if query.is_pool:
        return _pool(query)
    if query.has_default_mode:
        return {"padding": _amounts(query)}
    words = {_MODE_WORDS.get(mode) for mode, _ in query.fills}
    word = words.pop() if len(words) == 1 else None
    require(word, "Flax's convolutions pad with zeros, or all around with CIRCULAR or REFLECT.")
    centred = query.is_equivalent(_centred(query.problem.windows))
    require(centred, f"Flax's {word} pads (span - 1) // 2 and span // 2, whatever the stride.")
    return {"padding": word}


def _words(op: str, rank: int) -> dict[str, str]:
    """Return Flax's words for amounts, by convpad's."""
    has_causal = rank == 1 and "pool" not in op and op != "conv_transpose"
    return {name: word for name, word in _WORDS.items() if name != "causal" or has_causal}


def _amounts(query: OpQuery) -> Any:
    word = query.first_word(_words(query.op, query.rank))
    return _WORDS[word] if word else tuple(query.known_pairs("The amounts follow a size that is not known."))


def _centred(windows: Sequence[Window]) -> list[tuple[int, int]]:
    return [((window.span - 1) // 2, window.span // 2) for window in windows]


def _transposed(query: OpQuery) -> Any:
    modes = "zeros, or go around with CIRCULAR, as its own convolution does"
    require(query.has_default_mode, f"Flax's transposed convolutions pad with {modes}.")
    for word in ("valid", "same"):
        if query.output_padding_for([AMOUNTS[word]] * query.rank) is None:
            return _WORDS[word]
    # lax.conv_transpose pads the input between whose values it puts zeros: by the span of the window less one place,
    # less the crop.
    rows = zip(query.problem.windows, query.reach, strict=True)
    return tuple((w.span - 1 - before, w.span - 1 - after) for w, (before, after) in rows)


def _pool(query: OpQuery) -> dict[str, Any]:
    counts = pool_counts_padding(query, "Flax's")
    count = {"count_include_pad": False} if query.op == "average_pool" and query.fills and not counts else {}
    blank = any(max(pair) >= size for pair, size in zip(query.pairs or (), query.kernel, strict=False))
    require(not (count and blank), "Flax divides by a count of 0 where a window stands in the padding alone.")
    return {"padding": _amounts(query), **count}


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


def padded(query: OpQuery, steps: Sequence[PadStep]) -> str:
    x = Name("x")
    for step in steps:
        pairs = ((0, 0), *step.pairs, (0, 0))
        x = Name(call("jax.numpy.pad", x, pairs, **PADS[step.mode], constant_values=step.value))
    operation = code(query, {"padding": "VALID"}, x)
    return operation if query.is_pool else f"nn.Sequential([lambda x: {x}, {operation}])"


def parse(windows: tuple[Window, ...], op: str, padding: Any = None, count_include_pad: bool = True) -> Padding:
    rank = len(windows)
    mode = default_mode(op, count_include_pad)
    padding = ("VALID" if "pool" in op else "SAME") if padding is None else padding
    if isinstance(padding, str):
        modes = {word: name for name, word in _MODE_WORDS.items() if "pool" not in op and op != "conv_transpose"}
        if padding in modes:
            return as_padding(_centred(windows), modes[padding])
        words = {word: name for name, word in _words(op, rank).items()}
        if padding not in words:
            allowed = ", ".join(map(repr, (*words, *modes)))
            raise refuse("padding", f"be one of Flax's words here: {allowed}, or pairs", padding)
        return Padding.parse(words[padding], mode, rank=rank)
    allowed = "be a word of Flax's, an int, or one int or pair for each axis"
    pairs = pair_entries("padding", padding, rank, allowed)
    if op == "conv_transpose":
        # What it adds after the full output is output padding, and no amount.
        reach = [window.span - 1 for window in windows]
        pairs = [(r - before, max(r - after, 0)) for r, (before, after) in zip(reach, pairs, strict=True)]
    return as_padding(pairs, mode)
