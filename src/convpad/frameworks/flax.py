"""What does Flax call it? The layers of flax.linen (https://flax-linen.readthedocs.io), which flax.nnx shares.

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
from convpad.frameworks.code import Name, Words, as_padding, call
from convpad.frameworks.query import Asked, number, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("padding", "count_include_pad")

_CONVS = ("conv", "depthwise_conv", "separable_conv")
_NAMED = {"valid": "VALID", "same": "SAME", "causal": "CAUSAL"}
_WHOLE = {"circular": "CIRCULAR", "reflect": "REFLECT"}
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


def say(asked: Asked) -> Words:
    found = _transposed(asked) if asked.transposed else _pool(asked) if asked.pools else _conv(asked)
    if isinstance(found, dict):
        note = warning(asked)
        return Words("flax", _code(asked, found), True, note, tuple(found.items()))
    x = Name("x")
    pads = asked.pads()
    for pad in pads or ():
        value = number(pad.value) if pad.mode == "constant" else None
        if pad.mode == "constant" and value is None:
            return asked.cannot("flax", found, asked.convpad())
        x = Name(call("jax.numpy.pad", x, ((0, 0), *pad.pairs, (0, 0)), **_PADS[pad.mode], constant_values=value))
    if not pads:
        return asked.cannot("flax", found, asked.convpad())
    code = _code(asked, {"padding": "VALID"}, x)
    return asked.cannot("flax", found, code if asked.pools else f"nn.Sequential([lambda x: {x}, {code}])")


def _conv(asked: Asked) -> dict[str, Any] | str:
    if asked.plain:
        words = _NAMED if asked.rank == 1 else {"valid": "VALID", "same": "SAME"}
        named = next((said for word, said in words.items() if asked.is_word(AMOUNTS[word])), None)
        if named:
            return {"padding": named}
        return {"padding": tuple(asked.pairs)} if asked.pairs else "The amounts follow a size that is not known."
    whole = {_WHOLE.get(mode) for mode, _ in asked.fills}
    word = whole.pop() if len(whole) == 1 else None
    if word and asked.agrees(_centred(asked.problem.windows)):
        return {"padding": word}
    if word:
        return f"Flax's {word} pads (span - 1) // 2 and span // 2, whatever the stride."
    return "Flax's convolutions pad with zeros, or all around with CIRCULAR or REFLECT."


def _centred(windows: Sequence[Window]) -> list[tuple[int, int]]:
    return [((window.span - 1) // 2, window.span // 2) for window in windows]


def _transposed(asked: Asked) -> dict[str, Any] | str:
    if not asked.plain:
        return "Flax's transposed convolutions pad with zeros, or go around with CIRCULAR, as its own convolution does."
    for word in ("valid", "same"):
        if asked.output_padding([AMOUNTS[word]] * asked.rank) is None:
            return {"padding": _NAMED[word]}
    # lax.conv_transpose pads the spread input: what its window spans beyond one place, less what is cropped.
    windows = zip(asked.problem.windows, asked.reach, strict=True)
    return {"padding": tuple((w.span - 1 - before, w.span - 1 - after) for w, (before, after) in windows)}


def _pool(asked: Asked) -> dict[str, Any] | str:
    average = asked.op == "average_pool"
    if not asked.only("ignore", "zeros") or len(asked.fills) > 1:
        return "Flax's pools pad with one of two things, zeros that count or nothing, on all sides."
    if not average and not asked.plain:
        return "In Flax's max pools the padding never wins."
    count = {"count_include_pad": False} if average and asked.fills and asked.plain else {}
    if count and any(max(pair) >= size for pair, size in zip(asked.pairs or (), asked.kernel, strict=False)):
        return "Flax divides by a count of 0 where a window stands in the padding alone."
    named = next((_NAMED[word] for word in ("valid", "same") if asked.is_word(AMOUNTS[word])), None)
    if named:
        return {"padding": named, **count}
    return {"padding": tuple(asked.pairs), **count} if asked.pairs else "The amounts follow a size that is not known."


def _code(asked: Asked, padding: dict[str, Any], x: str = Name("x")) -> str:
    problem = asked.problem
    strides = None if set(problem.strides) == {1} else tuple(problem.strides)
    if asked.pools:
        name = "nn.max_pool" if asked.op == "max_pool" else "nn.avg_pool"
        return call(name, x, tuple(asked.kernel), strides=strides, **padding)
    return call(
        "nn.ConvTranspose" if asked.transposed else "nn.Conv",
        asked.features,
        tuple(asked.kernel),
        strides=strides,
        **padding,
        kernel_dilation=None if asked.dilation is None else tuple(problem.dilation),
        feature_group_count=asked.groups,
        transpose_kernel=True if asked.transposed else None,
    )


def read(windows: tuple[Window, ...], op: str, padding: Any = None, count_include_pad: bool = True) -> Padding:
    rank = len(windows)
    mode = "ignore" if op == "max_pool" or (op == "average_pool" and not count_include_pad) else "zeros"
    padding = ("VALID" if "pool" in op else "SAME") if padding is None else padding
    if isinstance(padding, str):
        return _read_word(windows, op, padding, mode)
    entries = [padding] * rank if is_int(padding) else listed(padding)
    pairs = [(entry, entry) if is_int(entry) else tuple(listed(entry) or ()) for entry in entries or ()]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        raise refuse("padding", "be a word of Flax's, an int, or one int or pair for each axis", padding)
    if op == "conv_transpose":
        # What it adds after the full output is output padding, and no amount.
        spans = [window.span - 1 for window in windows]
        pairs = [(s - before, max(s - after, 0)) for s, (before, after) in zip(spans, pairs, strict=True)]
    return as_padding(pairs, mode)


def _read_word(windows: tuple[Window, ...], op: str, word: str, mode: str) -> Padding:
    rank = len(windows)
    whole = {said: name for name, said in _WHOLE.items()}
    if word in whole and op in _CONVS:
        return as_padding(_centred(windows), whole[word])
    words = {said: name for name, said in _NAMED.items() if name != "causal" or (rank == 1 and op in _CONVS)}
    if word not in words:
        allowed = ", ".join(map(repr, (*words, *whole) if op in _CONVS else words))
        raise refuse("padding", f"be one of Flax's words here: {allowed}, or pairs", word)
    return Padding.parse(words[word], mode, rank=rank)
