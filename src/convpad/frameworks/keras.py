"""Keras 3 (https://keras.io/api/layers): its layers pad with zeros, by the words valid, same and causal.

Its pools leave the padding out of the count. Its layers refuse a stride together with a dilation, transposed ones too.
"""

from __future__ import annotations

from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.frameworks.code import InexactError, call, collapse, shortest_pairs
from convpad.frameworks.parsing import default_mode
from convpad.frameworks.query import OpQuery

__all__ = ["ARGUMENTS", "arguments", "code", "parse", "workaround"]

ARGUMENTS = ("padding",)

_LAYERS = {
    "conv": "Conv{}D",
    "depthwise_conv": "DepthwiseConv{}D",
    "separable_conv": "SeparableConv{}D",
    "conv_transpose": "Conv{}DTranspose",
    "max_pool": "MaxPooling{}D",
    "average_pool": "AveragePooling{}D",
}


def _unsupported(query: OpQuery) -> str:
    """The reason why Keras has no such layer, whatever its padding."""
    if query.rank > (2 if query.is_depthwise else 3):
        return f"Keras has no {_LAYERS[query.op].format(query.rank)}."
    if query.is_pool and query.dilation:
        return "Keras's pools have no dilation."
    if query.is_strided and query.dilation:
        return "Keras's layers refuse a stride with a dilation."
    if query.is_depthwise and len(set(query.problem.strides)) > 1:
        return "Keras wants one stride here for all axes."
    return ""


def arguments(query: OpQuery) -> dict[str, Any]:
    if reason := _unsupported(query):
        raise InexactError(reason)
    if query.has_default_mode:
        if word := query.first_word(_words(query.op, query.rank)):
            return {"padding": word}
        for word in ("valid", "same") if query.is_transposed else ():
            output_padding = query.output_padding_for([AMOUNTS[word]] * query.rank)
            if output_padding is not False:
                return {"padding": word, "output_padding": output_padding}
    padding = "Keras's pools leave the padding out of the count" if query.is_pool else "Keras's layers pad with zeros"
    raise InexactError(f"{padding}, by the words valid and same alone.")


def _words(op: str, rank: int) -> tuple[str, ...]:
    return ("valid", "same", "causal") if op == "conv" and rank == 1 else ("valid", "same")


def code(query: OpQuery, arguments: dict[str, Any], package: str = "keras.layers") -> str:
    filters = [] if query.is_pool or query.op == "depthwise_conv" else [query.filters]
    options = {"strides": query.strides, **arguments, "dilation_rate": query.dilation}
    if options.get("padding") == "valid":
        options["padding"] = None  # the default
    if query.op == "conv" and query.problem.groups > 1:
        options["groups"] = query.problem.groups
    if query.is_depthwise:
        options["depth_multiplier"] = query.depth_multiplier
    name = f"{package}.{_LAYERS[query.op].format(query.rank)}"
    return call(name, *filters, collapse(query.kernel), **options, data_format=_data_format(query))


def _data_format(query: OpQuery) -> str | None:
    return None if query.problem.channels_last else "channels_first"


def workaround(query: OpQuery) -> str:
    if _unsupported(query) or query.is_rounded_up:
        return query.convpad_call(_data_format(query))
    if steps := query.pad_steps(("zeros",)):
        name = f"keras.layers.ZeroPadding{query.rank}D"
        layers = [call(name, shortest_pairs(step.pairs), data_format=_data_format(query)) for step in steps]
        return f"keras.Sequential([{', '.join([*layers, code(query, {})])}])"
    padding, mode = query.convpad_padding()
    options = {"padding": padding, "padding_mode": mode}
    if query.is_transposed:
        options["output_padding"] = query.output_padding_for(query.problem.amounts)
    return code(query, options, "convpad.keras")


def parse(windows: tuple[Window, ...], op: str, padding: str = "valid") -> Padding:
    allowed = _words(op, len(windows))
    if padding not in allowed:
        raise refuse("padding", f"be one of Keras's words here: {', '.join(map(repr, allowed))}", padding)
    return Padding.parse(padding, default_mode(op), rank=len(windows))
