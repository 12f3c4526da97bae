"""Theano: theano.tensor.nnet and signal.pool (https://github.com/Theano/Theano, 1.0).

`border_mode` is valid, half, full, a number for both sides of an axis or a pair of them; zeros alone
(theano/tensor/nnet/abstract_conv.py). Its pools pad both sides equally, by less than their size, and round up only
where they do not pad (theano/tensor/signal/pool.py). Its convolutions turn the kernel over unless told not to.
It has no function that pads.
"""

from __future__ import annotations

from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import integer, listed
from convpad.core.window import Window
from convpad.frameworks.code import InexactError, Name, as_padding, call, pair_entries, require, rounded_up
from convpad.frameworks.query import OpQuery, Pairs, pads_within_kernel, pool_counts_padding

PADS = ()

_WORDS = ("valid", "half", "full")


def check(query: OpQuery) -> None:
    require(query.rank > 1, "Theano's convolutions and pools have two axes or three: add one of size 1.")
    require(not (query.is_pool and query.dilation), "Theano's pools have no dilation.")


def arguments(query: OpQuery) -> dict[str, Any]:
    return _pool(query) if query.is_pool else {"border_mode": _border_mode(query)}


def _border_mode(query: OpQuery) -> Any:
    require(query.has_default_mode, "Theano pads with zeros, and has no function that pads otherwise.")
    if query.is_transposed:
        known = None not in query.output_sizes
        require(known, "Theano must be told the output's shape, which is not known here.")
        extends = min(number for pair in query.reach for number in pair) < 0
        # The forward convolution of an extended output leaves the end unread: its own amounts are the border.
        return _numbers((query.pairs or ()) if extends else query.reach)
    reason = "Theano has no word for this amount, and its numbers depend on a size that is not known."
    return query.first_word(_WORDS) or _numbers(query.known_pairs(reason))


def _numbers(pairs: Pairs) -> tuple[Any, ...]:
    return tuple(before if before == after else (before, after) for before, after in pairs)


def _pool(query: OpQuery) -> dict[str, Any]:
    average = "average_inc_pad" if pool_counts_padding(query, "Theano's") else "average_exc_pad"
    mode = {"mode": average if query.op == "average_pool" else "max"}
    pads = [before for before, _ in query.known_pairs("Theano has no word for an amount that depends on the size.")]
    pairs = [(pad, pad) for pad in pads]
    pads_within_kernel(query, pairs, "Theano's")
    if query.is_equivalent(pairs):
        return {**({"pad": tuple(pads)} if any(pads) else {}), "ignore_border": True, **mode}
    ceiled = [rounded_up(window, 0) for window in query.problem.windows]
    if not any(pads) and query.only_modes("ignore") and query.is_equivalent(ceiled):
        return {"ignore_border": False, **mode}
    raise InexactError("Theano's pools pad both sides of an axis equally.")


def code(query: OpQuery, arguments: dict[str, Any]) -> str:
    problem, rank = query.problem, query.rank
    strides = tuple(problem.strides) if query.strides is not None else None
    if query.is_pool:
        function = f"theano.tensor.signal.pool.pool_{rank}d"
        return call(function, Name("x"), ws=tuple(query.kernel), stride=strides, **arguments)
    transposed = query.is_transposed
    return call(
        f"theano.tensor.nnet.{f'abstract_conv.conv{rank}d_grad_wrt_inputs' if transposed else f'conv{rank}d'}",
        Name("x"),
        Name("kernel"),
        input_shape=(None, query.filters, *query.output_sizes) if transposed else None,
        **arguments,
        subsample=strides,
        filter_flip=False,
        filter_dilation=tuple(problem.dilation) if query.dilation else None,
        num_groups=query.groups,
    )


def parse(
    windows: tuple[Window, ...],
    op: str,
    border_mode: Any = "valid",
    pad: Any = None,
    ignore_border: bool = True,
    mode: str = "max",
) -> Padding:
    rank = len(windows)
    if "pool" not in op:
        if isinstance(border_mode, str) and border_mode in _WORDS:
            return Padding.parse(border_mode, rank=rank)
        allowed = "be 'valid', 'half', 'full', an int, or one for each axis"
        return as_padding(pair_entries("border_mode", border_mode, rank, allowed), "zeros")
    numbers = listed(pad) or [0] * rank
    if len(numbers) != rank or (any(numbers) and not ignore_border):
        raise refuse("pad", "have one int for each axis, all 0 where ignore_border is False", pad)
    pads = [integer("pad", number, 0) for number in numbers]
    pairs = [(pad, pad) for pad in pads] if ignore_border else [rounded_up(window, 0) for window in windows]
    return as_padding(pairs, "zeros" if mode == "average_inc_pad" else "ignore")
