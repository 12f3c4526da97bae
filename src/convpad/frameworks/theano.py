"""What did Theano call it? theano.tensor.nnet and signal.pool (https://github.com/Theano/Theano, 1.0).

`border_mode` is valid, half, full, a number for both sides of an axis or a pair of them; zeros alone
(theano/tensor/nnet/abstract_conv.py). Its pools pad both sides alike, by less than their size, and round up only
where they do not pad (theano/tensor/signal/pool.py). Its convolutions turn the kernel over unless told not to.
"""

from __future__ import annotations

from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import integer, is_int, listed
from convpad.core.window import Window
from convpad.frameworks.code import Name, Words, alike, as_padding, call
from convpad.frameworks.query import Asked, ceiled, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("border_mode", "pad", "ignore_border", "mode")

_POOLS = {"ignore": "average_exc_pad", "zeros": "average_inc_pad"}


def say(asked: Asked) -> Words:
    if asked.rank not in (2, 3):
        return asked.cannot("theano", "Theano's convolutions and pools have two axes or three: add one of size 1.")
    found = _pool(asked) if asked.pools else _border(asked)
    if isinstance(found, str):
        return asked.cannot("theano", found)
    code = _pool_call(asked, found) if asked.pools else _conv_call(asked, found["border_mode"])
    return Words("theano", code, True, warning(asked), tuple(found.items()))


def _border(asked: Asked) -> dict[str, Any] | str:
    if not asked.plain:
        return "Theano pads with zeros, and has no function that pads otherwise."
    if asked.transposed:
        if None in asked.problem.output_shape[1:]:
            return "Theano must be told the output's shape, which is not known here."
        if min(number for pair in asked.reach for number in pair) < 0:
            # Its forward convolution reads less than the whole output; the pads are those of what it reads.
            return {"border_mode": _numbers(asked.pairs)}
        return {"border_mode": _numbers(asked.reach)}
    named = next((word for word in ("valid", "half", "full") if asked.is_word(AMOUNTS[word])), None)
    if named:
        return {"border_mode": named}
    if asked.pairs is None:
        return "Theano has no word for this amount, and its numbers depend on a size that is not known."
    return {"border_mode": _numbers(asked.pairs)}


def _numbers(pairs: Any) -> tuple[Any, ...]:
    return tuple(pair[0] if pair[0] == pair[1] else pair for pair in pairs)


def _pool(asked: Asked) -> dict[str, Any] | str:
    if asked.op == "max_pool" and not asked.plain:
        return "In Theano's max pools the padding never wins."
    if not asked.only("ignore", "zeros") or len(asked.fills) > 1:
        return "Theano's pools pad with one of two things, zeros that count or nothing, on all sides."
    if asked.pairs is None:
        return "Theano has no word for an amount that depends on the size."
    said: dict[str, Any] = {"mode": "max"}
    if asked.op == "average_pool":
        said["mode"] = _POOLS[alike([mode for mode, _ in asked.fills] or ["ignore"])]
    pad = tuple(before for before, _ in asked.pairs)
    if any(number >= size for number, size in zip(pad, asked.kernel, strict=True)):
        return "Theano's pools pad by less than their size."
    if asked.agrees([(number, number) for number in pad]):
        return {**({"pad": pad} if any(pad) else {}), "ignore_border": True, **said}
    if not any(pad) and asked.only("ignore") and asked.agrees([ceiled(w, 0) for w in asked.problem.windows]):
        return {"ignore_border": False, **said}
    return "Theano's pools pad both sides of an axis alike."


def _pool_call(asked: Asked, said: dict[str, Any]) -> str:
    stride = None if asked.strides is None else tuple(asked.problem.strides)
    return call(
        f"theano.tensor.signal.pool.pool_{asked.rank}d", Name("x"), ws=tuple(asked.kernel), stride=stride, **said
    )


def _conv_call(asked: Asked, border_mode: Any) -> str:
    problem = asked.problem
    function, shape = f"conv{asked.rank}d", None
    if asked.transposed:
        function = f"conv{asked.rank}d_grad_wrt_inputs"
        sizes = [problem.output_shape[axis] for axis in problem.axes]
        shape = (None, asked.filters, *sizes)
    return call(
        f"theano.tensor.nnet.{'abstract_conv.' if asked.transposed else ''}{function}",
        Name("x"),
        Name("kernel"),
        input_shape=shape,
        border_mode=border_mode,
        subsample=None if asked.strides is None else tuple(problem.strides),
        filter_flip=False,
        filter_dilation=None if asked.dilation is None else tuple(problem.dilation),
        num_groups=asked.groups,
    )


def read(
    windows: tuple[Window, ...],
    op: str,
    border_mode: Any = "valid",
    pad: Any = None,
    ignore_border: bool = True,
    mode: str = "max",
) -> Padding:
    rank = len(windows)
    if "pool" in op:
        return _read_pool(windows, pad, ignore_border, "zeros" if mode == "average_inc_pad" else "ignore")
    if isinstance(border_mode, str):
        if border_mode not in ("valid", "half", "full"):
            raise refuse("border_mode", "be 'valid', 'half', 'full', an int, or one for each axis", border_mode)
        return Padding.parse(border_mode, rank=rank)
    entries = listed(border_mode) or [border_mode] * rank
    pairs = [(entry, entry) if is_int(entry) else tuple(listed(entry) or ()) for entry in entries]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        raise refuse("border_mode", "be 'valid', 'half', 'full', an int, or one for each axis", border_mode)
    return as_padding(pairs, "zeros")


def _read_pool(windows: tuple[Window, ...], pad: Any, ignore_border: bool, mode: str) -> Padding:
    numbers = listed(pad) or [0] * len(windows)
    if len(numbers) != len(windows) or (any(numbers) and not ignore_border):
        raise refuse("pad", "have one int for each axis, all 0 where ignore_border is False", pad)
    pads = [integer("pad", number, 0) for number in numbers]
    return as_padding(
        [(number, number) if ignore_border else ceiled(w, 0) for w, number in zip(windows, pads, strict=True)], mode
    )
