"""Map of Keras's layers to convpad's, and the padding of a layer."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import keras

import convpad.keras as layers
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.window import spanned
from convpad.keras.config import to_config
from convpad.models.readers.keras_config import PADS, RESIZES, WINDOWS

_CONVPAD = {
    getattr(keras.layers, name): getattr(layers, name)
    for name in (*WINDOWS, *PADS, *RESIZES)
    if hasattr(keras.layers, name) and hasattr(layers, name)
}


def _classes(names: Iterable[str]) -> frozenset[type]:
    return frozenset(getattr(home, name) for name in names for home in (keras.layers, layers) if hasattr(home, name))


WINDOWED = _classes(WINDOWS)
"""The classes with a window, of Keras and of convpad; `TRANSPOSED` and `_POOLS` are among them."""
TRANSPOSED = _classes(name for name, (op, _) in WINDOWS.items() if op == "conv_transpose")
_POOLS = _classes(name for name, (op, _) in WINDOWS.items() if op in POOLS)

PADDINGS = _classes(PADS)
"""The classes that only pad; `_ZERO_PADDINGS` are among them."""
_ZERO_PADDINGS = _classes(name for name in PADS if name.startswith("Zero"))

RESIZED = _classes(RESIZES)
"""The classes that resize, and read beyond the edge by an interpolation of `PADDED_METHODS`."""
PADDED_METHODS = ("bilinear", "bicubic")
"""The interpolations with which convpad's layers take a padding mode that matters."""


def replacement_of(layer: Any, padding: Any = None, padding_mode: Any = None) -> Callable[[], Any]:
    """Return the maker of convpad's layer in the place of a layer, with another amount or mode where given."""
    config = dict(layer.get_config())
    activation = config.get("activation")
    if activation is not None and not isinstance(layer.activation, keras.layers.Layer):
        config["activation"] = layer.activation  # as it is: a function need not be registered
    if padding is not None:
        config["padding"] = padding
    cls = convpad_class(layer)
    if padding_mode is not None:
        config["padding_mode"] = to_config(padding_mode)
        if type(layer) in _ZERO_PADDINGS:
            cls = getattr(layers, f"Padding{rank_of(layer)}D")
    return partial(cls.from_config, config)


def describe_layer(cls: type, padding: Padding) -> str:
    """Return the class and the padding of a new layer in words."""
    amount, mode = padding.spelling()
    return f"{cls.__name__}, {amount!r} with {mode!r}"


def convpad_class(layer: Any) -> Any:
    """Return the class of convpad for a layer, None if there is none."""
    kind = type(layer)
    return _CONVPAD.get(kind, kind if kind in WINDOWED | PADDINGS | RESIZED else None)


def rank_of(layer: Any) -> int:
    """Return the number of spatial axes of one of these layers."""
    return next(rank for rank in (1, 2, 3) if f"{rank}D" in type(layer).__name__)


def padding_of(layer: Any) -> Padding:
    """Return the padding of a layer: Keras's pools ignore padding, all else of Keras pads with zeros."""
    padding, rank = layer.padding, rank_of(layer)
    if type(layer) in _ZERO_PADDINGS and rank == 1:
        padding = (tuple(padding),)
    mode = getattr(layer, "padding_mode", "ignore" if isinstance(layer, tuple(_POOLS)) else "zeros")
    return Padding.parse(padding, mode, rank=rank)


def spans_of(layer: Any) -> tuple[int, ...]:
    """Return the places that the window of a layer covers, for each axis."""
    rank = rank_of(layer)
    kernel = getattr(layer, "kernel_size", None) or layer.pool_size
    dilation = getattr(layer, "dilation_rate", (1,) * rank)
    return tuple(spanned(*axis) for axis in zip(kernel, dilation, strict=True))


def is_padded(layer: Any) -> bool:
    """Return whether there is an input that a layer pads."""
    rank = rank_of(layer)
    strides = getattr(layer, "strides", (1,) * rank)
    spans = spans_of(layer) if type(layer) in WINDOWED else (1,) * rank
    # A window of one place needs nothing beyond the axis, whatever the size.
    return any(
        (amount.pair_or_none(None, span, stride) or (span - 1, 0)) != (0, 0)
        for amount, span, stride in zip(padding_of(layer).amounts, spans, strides, strict=True)
    )
