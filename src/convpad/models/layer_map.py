"""Map of Keras's layers to convpad's, and the padding of a layer."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

import convpad.keras as layers
from convpad.core.padding import Padding
from convpad.core.window import spanned
from convpad.keras.config import to_config

__all__ = [
    "PADDINGS",
    "TRANSPOSED",
    "WINDOWED",
    "config_of",
    "convpad_class",
    "is_padded",
    "is_subclass",
    "padding_mode_of",
    "padding_of",
    "rank_of",
    "spans_of",
]

_RANKS = (1, 2, 3)
_TRANSPOSED = [f"Conv{rank}DTranspose" for rank in _RANKS]
_WINDOWED = [
    *(f"Conv{rank}D" for rank in _RANKS),
    *_TRANSPOSED,
    *(f"{kind}Conv{rank}D" for kind in ("Depthwise", "Separable") for rank in (1, 2)),
    *(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in _RANKS),
]
_ZEROS = [f"ZeroPadding{rank}D" for rank in _RANKS]

_CONVPAD: dict[type, type] = {getattr(keras.layers, name): getattr(layers, name) for name in [*_WINDOWED, *_ZEROS]}
_PADDING = {rank: getattr(layers, f"Padding{rank}D") for rank in _RANKS}

TRANSPOSED = frozenset(cls for name in _TRANSPOSED for cls in (getattr(keras.layers, name), getattr(layers, name)))
WINDOWED = frozenset(cls for name in _WINDOWED for cls in (getattr(keras.layers, name), getattr(layers, name)))
"""The classes with a window, of Keras and of convpad; `TRANSPOSED` are among them."""

_ZERO_PADDINGS = frozenset(cls for name in _ZEROS for cls in (getattr(keras.layers, name), getattr(layers, name)))
PADDINGS = _ZERO_PADDINGS | frozenset(_PADDING.values())
"""The classes that only pad."""


def convpad_class(layer: Any, *, any_mode: bool = False) -> Any:
    """Return the class of convpad for a layer, None if there is none. `any_mode`: one that takes a `padding_mode`."""
    kind = type(layer)
    if any_mode and kind in _ZERO_PADDINGS:
        return _PADDING[rank_of(layer)]
    return _CONVPAD.get(kind, kind if kind in WINDOWED | PADDINGS else None)


def is_subclass(layer: Any) -> bool:
    """Whether a layer is of a user's class that inherits from a replaceable one: it may do anything else besides."""
    return convpad_class(layer) is None and isinstance(layer, tuple(WINDOWED | PADDINGS))


def rank_of(layer: Any) -> int:
    """Return the number of spatial axes of one of these layers."""
    return next(rank for rank in _RANKS if f"{rank}D" in type(layer).__name__)


def padding_mode_of(layer: Any) -> Any:
    """Return the padding mode of a layer: Keras's pools ignore padding, all else of Keras pads with zeros."""
    pool = isinstance(layer, tuple(cls for cls in WINDOWED if "Pooling" in cls.__name__))
    return getattr(layer, "padding_mode", "ignore" if pool else "zeros")


def padding_of(layer: Any) -> Padding:
    """Return the padding of a layer."""
    padding = layer.padding
    if type(layer) in _ZERO_PADDINGS and rank_of(layer) == 1:
        padding = (tuple(padding),)
    return Padding.parse(padding, padding_mode_of(layer), rank=rank_of(layer))


def spans_of(layer: Any) -> tuple[int, ...]:
    """Return the places that the window of a layer covers, for each axis."""
    rank = rank_of(layer)
    kernel = getattr(layer, "kernel_size", None) or layer.pool_size
    dilation = getattr(layer, "dilation_rate", (1,) * rank)
    return tuple(spanned(*axis) for axis in zip(kernel, dilation, strict=True))


def is_padded(layer: Any) -> bool:
    """Whether there is an input that a layer pads."""
    rank = rank_of(layer)
    strides = getattr(layer, "strides", (1,) * rank)
    spans = spans_of(layer) if type(layer) in WINDOWED else (1,) * rank
    # A window of one place needs nothing beyond the axis, whatever the size.
    return any(
        (amount.known(None, span, stride) or (span - 1, 0)) != (0, 0)
        for amount, span, stride in zip(padding_of(layer).amounts, spans, strides, strict=True)
    )


def config_of(layer: Any, padding: Any = None, padding_mode: Any = None) -> dict[str, Any]:
    """Return the config of a layer for convpad's class, with another amount or mode where given."""
    config = dict(layer.get_config())
    activation = config.get("activation")
    if activation is not None and not isinstance(layer.activation, keras.layers.Layer):
        config["activation"] = layer.activation  # as it is: a function need not be registered
    if padding is not None:
        config["padding"] = padding
    if padding_mode is not None:
        config["padding_mode"] = to_config(padding_mode)
    return config
