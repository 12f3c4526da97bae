"""What do users of Keras run? convpad's layer, Keras's own with zeros, and the workaround: a pad, then `valid`."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import keras

import convpad.keras
from benchmarks.contestants import Engine, Entry, Task
from benchmarks.rows import VALUE, Pairs, Row

__all__ = ["ours", "pad", "stock", "workaround"]

NAMES = {"conv": "Conv{}D", "depthwise_conv": "DepthwiseConv{}D", "conv_transpose": "Conv{}DTranspose"}


def _layer(module: Any, task: Task, **options: Any) -> Any:
    """A layer of Keras or convpad, built, with the task's kernel and no bias."""
    row = task.row
    sizes = (row.window,) if row.depthwise else (row.filters, row.window)
    shared = {"strides": row.stride, "dilation_rate": row.dilation, "use_bias": False, "dtype": task.dtype}
    layer = getattr(module, NAMES[row.op].format(row.rank))(*sizes, **shared, **options)
    layer.build((None, *(None,) * row.rank, row.channels))
    layer.set_weights([task.arrays[1]])
    return layer


def _entry(name: str, layer: Any, call: Callable[[Any], Any], task: Task, modes: tuple[str, ...]) -> Entry:
    return Entry(name, lambda x, kernel: call(x), task.row.pairs, modes, layer=layer)


def ours(task: Task) -> Entry:
    """convpad's layer."""
    mode = task.row.spelled(task.mode)
    layer = _layer(convpad.keras, task, padding=task.row.padding, padding_mode=mode)
    return _entry("layer", layer, layer, task, task.modes)


def stock(task: Task) -> Entry:
    """Keras's own layer, with zeros."""
    layer = _layer(keras.layers, task, padding=task.row.padding)
    return _entry("stock", layer, layer, task, task.zeros)


def pad(engine: Engine, x: Any, pairs: Pairs, modes: tuple[str, ...]) -> Any:
    """`keras.ops.pad` where the backend has the mode there, else the framework's own means; one call if one is enough.

    On TensorFlow it has no edge and no wrap; on PyTorch it cannot reflect the two inner axes of four.
    """
    words = {"constant": "constant", "zeros": "constant", "ignore": "constant", "reflect": "reflect"}
    if engine.name == "jax":
        words |= {"replicate": "edge", "circular": "wrap"}
    if engine.name == "torch":
        del words["reflect"]
    if len(set(modes)) > 1 or modes[0] not in words:
        return engine.pad(x, pairs, modes, VALUE)
    values = {"constant_values": VALUE} if modes[0] == "constant" else {}
    return keras.ops.pad(x, ((0, 0), *pairs, (0, 0)), words[modes[0]], **values)


def workaround(engine: Engine, task: Task) -> list[Entry]:
    """A pad, then Keras's `valid` layer. Of transposed convolutions only wrapping around can be had so.

    `ignore` is the partial convolution as it is published: Keras's own layer, times taps / the convolution of a mask.
    """
    row, modes = task.row, task.modes
    if row.transposed:
        return [_wrapped(engine, task)] if task.mode == "circular" else []
    own = set(modes) == {"ignore"}
    layer = _layer(keras.layers, task, padding=row.padding if own else "valid")

    def call(x: Any) -> Any:
        out = layer(x if own else pad(engine, x, row.pairs, modes))
        return out * _ratio(engine, row, modes, out) if "ignore" in modes else out

    return [_entry("workaround", layer, call, task, modes)]


def _ratio(engine: Engine, row: Row, modes: tuple[str, ...], like: Any) -> Any:
    """Taps / taps inside, for each output."""
    mask = keras.ops.ones((1, *(window.size for window in row.windows), 1), dtype=like.dtype)
    ones = keras.ops.ones((*row.window, 1, 1), dtype=like.dtype)
    padded = pad(engine, mask, row.pairs, modes)
    inside = keras.ops.conv(padded, ones, row.stride, "valid", dilation_rate=row.dilation, data_format="channels_last")
    return prod(row.window) / inside


def _wrapped(engine: Engine, task: Task) -> Entry:
    """What the input would have been beyond its ends is put there, and the output is cropped to what belongs to it."""
    row, layer = task.row, _layer(keras.layers, task, padding="valid")
    starts = [-(-(taps - 1 - before) // row.stride) for taps, (before, _) in zip(row.window, row.pairs, strict=True)]
    ends = [-(-before // row.stride) for before, _ in row.pairs]
    wraps = tuple(zip(starts, ends, strict=True))
    cuts = tuple(
        slice(before + row.stride * start, before + row.stride * start + window.size)
        for start, (before, _), window in zip(starts, row.pairs, row.windows, strict=True)
    )

    def call(x: Any) -> Any:
        return layer(pad(engine, x, wraps, ("circular",) * row.rank))[(slice(None), *cuts)]

    return _entry("workaround", layer, call, task, task.modes)
