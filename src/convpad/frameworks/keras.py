"""Keras 3 (https://keras.io/api/layers): its layers pad with zeros, by the words valid, same and causal.

Its pools leave the padding out of the count. Its layers refuse a stride together with a dilation, transposed ones too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.frameworks.code import InexactError, call, check_choice, collapse, default_mode, require, shortest_pairs
from convpad.frameworks.query import OpQuery, PadStep

PADS = ("zeros",)

_LAYERS = {
    "conv": "Conv{}D",
    "depthwise_conv": "DepthwiseConv{}D",
    "separable_conv": "SeparableConv{}D",
    "conv_transpose": "Conv{}DTranspose",
    "max_pool": "MaxPooling{}D",
    "average_pool": "AveragePooling{}D",
}


def check(query: OpQuery) -> None:
    require(query.rank < 3 or not query.is_depthwise, f"Keras has no {_LAYERS[query.op].format(query.rank)}.")
    require(not (query.is_pool and query.dilation), "Keras's pools have no dilation.")
    require(not (query.is_strided and query.dilation), "Keras's layers refuse a stride with a dilation.")
    one_stride = len(set(query.problem.strides)) == 1
    require(one_stride or not query.is_depthwise, "Keras wants one stride here for all axes.")


def arguments(query: OpQuery) -> dict[str, Any]:
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
    return call(name, *filters, collapse(query.kernel), **options, data_format=query.data_format)


def padded(query: OpQuery, steps: Sequence[PadStep]) -> str:
    name = f"keras.layers.ZeroPadding{query.rank}D"
    layers = [call(name, shortest_pairs(step.pairs), data_format=query.data_format) for step in steps]
    return f"keras.Sequential([{', '.join([*layers, code(query, {})])}])"


def convpad_layer(query: OpQuery) -> str:
    """Write convpad's own layer."""
    padding, mode = query.convpad_padding()
    options = {"padding": padding, "padding_mode": mode}
    if query.is_transposed:
        options["output_padding"] = query.output_padding_for(query.problem.amounts)
    return code(query, options, "convpad.keras")


def parse(windows: tuple[Window, ...], op: str, padding: str = "valid") -> Padding:
    check_choice("padding", padding, _words(op, len(windows)), "Keras's words here: ")
    return Padding.parse(padding, default_mode(op), rank=len(windows))
