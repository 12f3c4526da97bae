"""Candidates of Keras: convpad's layer, Keras's own with zeros, and the workaround: a pad, then `valid`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import keras

import convpad.keras
from benchmarks.candidates import Case, Entry
from benchmarks.rows import VALUE, Pairs, Row

__all__ = ["convpad_layer", "pad", "stock", "workaround"]

NAMES = {"conv": "Conv{}D", "depthwise_conv": "DepthwiseConv{}D", "conv_transpose": "Conv{}DTranspose"}


def _layer(module: Any, case: Case, **options: Any) -> Any:
    """Return a built layer of Keras or convpad, with the case's kernel and no bias."""
    row = case.row
    sizes = (row.window,) if row.depthwise else (row.filters, row.window)
    shared = {"strides": row.stride, "dilation_rate": row.dilation, "use_bias": False, "dtype": case.dtype}
    if row.groups > 1:
        shared["groups"] = row.groups
    layer = getattr(module, NAMES[row.op].format(row.rank))(*sizes, **shared, **options)
    layer.build((None, *(None,) * row.rank, row.channels))
    layer.set_weights([case.arrays[1]])
    return layer


def _entry(name: str, layer: Any, call: Callable[[Any], Any], case: Case, modes: tuple[str, ...]) -> Entry:
    return Entry(name, lambda x, kernel: call(x), case.row.pairs, modes, layer=layer)


def convpad_layer(case: Case) -> Entry:
    """Return convpad's layer."""
    mode = case.row.spelled(case.mode)
    layer = _layer(convpad.keras, case, padding=case.row.padding, padding_mode=mode)
    return _entry("layer", layer, layer, case, case.modes)


def stock(case: Case) -> Entry:
    """Return Keras's own layer, with zeros."""
    layer = _layer(keras.layers, case, padding=case.row.padding)
    return _entry("stock", layer, layer, case, case.zeros)


def pad(runner: Any, x: Any, pairs: Pairs, modes: tuple[str, ...]) -> Any:
    """Pad with `keras.ops.pad` where the backend has the mode there, else with the framework's own pad.

    On TensorFlow it has no edge and no wrap; on PyTorch it cannot reflect the two inner axes of four.
    """
    words = {"constant": "constant", "zeros": "constant", "ignore": "constant", "reflect": "reflect"}
    if runner.name == "jax":
        words |= {"replicate": "edge", "circular": "wrap"}
    if runner.name == "torch":
        del words["reflect"]
    if len(set(modes)) > 1 or modes[0] not in words:
        return runner.pad(x, pairs, modes, VALUE)
    values = {"constant_values": VALUE} if modes[0] == "constant" else {}
    return keras.ops.pad(x, ((0, 0), *pairs, (0, 0)), words[modes[0]], **values)


def workaround(runner: Any, case: Case) -> list[Entry]:
    """Return a pad, then Keras's `valid` layer. Transposed convolutions have one for `circular` alone.

    `ignore` is the partial convolution as it is published: Keras's own layer, times taps / the convolution of a mask.
    """
    row, modes = case.row, case.modes
    if row.transposed:
        return [_wrapped(runner, case)] if case.mode == "circular" else []
    only_ignored = set(modes) == {"ignore"}
    layer = _layer(keras.layers, case, padding=row.padding if only_ignored else "valid")

    def call(x: Any) -> Any:
        out = layer(x if only_ignored else pad(runner, x, row.pairs, modes))
        return out * _ratio(runner, row, modes, out) if "ignore" in modes else out

    return [_entry("workaround", layer, call, case, modes)]


def _ratio(runner: Any, row: Row, modes: tuple[str, ...], like: Any) -> Any:
    """Return taps / taps inside, for each output."""
    mask = keras.ops.ones((1, *row.layer().sizes, 1), dtype=like.dtype)
    ones = keras.ops.ones((*row.window, 1, 1), dtype=like.dtype)
    padded = pad(runner, mask, row.pairs, modes)
    inside = keras.ops.conv(padded, ones, row.stride, "valid", dilation_rate=row.dilation, data_format="channels_last")
    return prod(row.window) / inside


def _wrapped(runner: Any, case: Case) -> Entry:
    """Return a transposed convolution of the wrapped input, its output cropped to the size of the unwrapped one."""
    row, layer = case.row, _layer(keras.layers, case, padding="valid")
    starts = [-(-(taps - 1 - before) // row.stride) for taps, (before, _) in zip(row.window, row.pairs, strict=True)]
    ends = [-(-before // row.stride) for before, _ in row.pairs]
    wraps = tuple(zip(starts, ends, strict=True))
    cuts = tuple(
        slice(before + row.stride * start, before + row.stride * start + size)
        for start, (before, _), size in zip(starts, row.pairs, row.layer().sizes, strict=True)
    )

    def call(x: Any) -> Any:
        return layer(pad(runner, x, wraps, ("circular",) * row.rank))[(slice(None), *cuts)]

    return _entry("workaround", layer, call, case, case.modes)
