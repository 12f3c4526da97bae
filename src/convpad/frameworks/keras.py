"""What does Keras call it? The layers of Keras 3 (https://keras.io/api/layers): valid, same and causal, with zeros.

Its pools leave the padding out of the count. Its layers refuse a stride together with a dilation, transposed ones too.
"""

from __future__ import annotations

from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.window import Window
from convpad.frameworks.code import Words, alike, call, pair_or_one
from convpad.frameworks.query import Asked, Pad, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("padding",)

_LAYERS = {
    "conv": "Conv{}D",
    "depthwise_conv": "DepthwiseConv{}D",
    "separable_conv": "SeparableConv{}D",
    "conv_transpose": "Conv{}DTranspose",
    "max_pool": "MaxPooling{}D",
    "average_pool": "AveragePooling{}D",
}


def say(asked: Asked) -> Words:
    problem = asked.problem
    if asked.rank > (2 if asked.depthwise else 3):
        return asked.cannot("keras", f"Keras has no {_LAYERS[asked.op].format(asked.rank)}.", asked.convpad())
    if set(problem.strides) != {1} and asked.dilation:
        return asked.cannot("keras", "Keras's layers refuse a stride with a dilation.", asked.convpad(_format(asked)))
    if asked.depthwise and len(set(problem.strides)) > 1:
        return asked.cannot("keras", "Keras wants one stride here for all axes.", asked.convpad(_format(asked)))
    word, options = _word(asked)
    if word and asked.plain:
        note = warning(asked)
        said = None if word == "valid" else word
        return Words("keras", _layer(asked, padding=said, **options), True, note, (("padding", word),))
    why = "Keras's layers pad with zeros" if not asked.pools else "Keras's pools leave the padding out of the count"
    why = f"{why}, by the words valid and same alone."
    pads = asked.pads()
    if pads and all(pad.mode == "zeros" for pad in pads):
        layers = [*(_zeros(asked, pad) for pad in pads), _layer(asked)]
        return asked.cannot("keras", why, f"keras.Sequential([{', '.join(layers)}])")
    padding, mode = asked.spelling()
    if asked.transposed:
        options = {"output_padding": asked.output_padding(problem.amounts)}
    return asked.cannot("keras", why, _layer(asked, "convpad.keras", padding=padding, padding_mode=mode, **options))


def _word(asked: Asked) -> tuple[str | None, dict[str, Any]]:
    """The word that comes to the same, and the output padding that it takes."""
    if not asked.transposed:
        words = ("valid", "same", "causal") if asked.op == "conv" and asked.rank == 1 else ("valid", "same")
        return next((word for word in words if asked.is_word(AMOUNTS[word])), None), {}
    for word in ("valid", "same"):
        found = asked.output_padding([AMOUNTS[word]] * asked.rank)
        if found is not False:
            return word, {"output_padding": found}
    return None, {}


def _format(asked: Asked) -> str | None:
    return None if asked.problem.channels_last else "channels_first"


def _layer(asked: Asked, home: str = "keras.layers", **padding: Any) -> str:
    filters = [] if asked.pools or asked.op == "depthwise_conv" else [asked.filters]
    options: dict[str, Any] = {"strides": asked.strides, **padding}
    if not asked.pools:
        options["dilation_rate"] = asked.dilation
    if asked.op == "conv" and asked.problem.groups > 1:
        options["groups"] = asked.problem.groups
    if asked.depthwise:
        options["depth_multiplier"] = asked.multiplier
    name = f"{home}.{_LAYERS[asked.op].format(asked.rank)}"
    return call(name, *filters, alike(asked.kernel), **options, data_format=_format(asked))


def _zeros(asked: Asked, pad: Pad) -> str:
    return call(f"keras.layers.ZeroPadding{asked.rank}D", pair_or_one(pad.pairs), data_format=_format(asked))


def read(windows: tuple[Window, ...], op: str, padding: str = "valid") -> Padding:
    allowed = ("valid", "same", "causal") if op == "conv" and len(windows) == 1 else ("valid", "same")
    if padding not in allowed:
        raise refuse("padding", f"be one of Keras's words here: {', '.join(map(repr, allowed))}", padding)
    return Padding.parse(padding, "ignore" if "pool" in op else "zeros", rank=len(windows))
