"""Padding in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import tensorflow as tf

from convpad.backends.base import Pairs
from convpad.backends.tensorflow.tensors import Tensor, size, tensor
from convpad.core.amounts import AMOUNTS
from convpad.core.operation import POOLS
from convpad.core.problem import Problem, sources
from convpad.tuning import LIMITS


def why_not_native(problem: Problem, *, ignored: bool) -> str:
    if problem.op == "conv_transpose":
        return ""
    if problem.op in POOLS:
        if not ignored:
            return "tensorflow leaves the padding of a pool out"
        # Its compiler takes no explicit pads of a pool.
        return "" if _as_same(problem) else "tensorflow pads a pool as 'same' or not at all"
    if problem.rank == 3 and problem.op in ("depthwise_conv", "separable_conv"):
        return "tensorflow has no depthwise convolution of three axes"
    if any(window.dilation > 1 for window in problem.windows):
        return "tensorflow takes no explicit pads with dilation"
    if problem.rank == 3 and not _as_same(problem):
        return "tensorflow pads three axes as 'same' or not at all"
    return ""


def _as_same(problem: Problem) -> bool:
    """Return whether all windows are padded as TensorFlow's own SAME pads."""
    windows = problem.windows
    return is_same([w.size for w in windows], [w.span for w in windows], problem.strides, problem.pads)


def is_same(sizes: Any, window: Sequence[int], strides: Sequence[int], pads: Pairs) -> bool:
    same = AMOUNTS["same"]
    rows = zip(sizes, window, strides, pads, strict=True)
    return all(size is not None and same.pair_for(size, *move) == tuple(pair) for size, *move, pair in rows)


def spelled(x: Tensor, window: Sequence[int], strides: Sequence[int], pads: Pairs) -> Any:
    """Return TensorFlow's word for the pads, or its list of them.

    Three axes have no list: `why_not_native` lets nothing but SAME through.
    """
    if not any(map(any, pads)):
        return "VALID"
    if len(pads) == 3 or is_same(x.shape[1:-1], window, strides, pads):
        return "SAME"
    return [(0, 0), *pads, (0, 0)]


@lru_cache(maxsize=64)
def _places(problem: Problem) -> Any:
    """Return the sources of the padded axes, counted as one axis; None where any is no copy."""
    indices = sources(problem)
    if indices is None:
        return None
    flat = np.zeros((), np.int32)
    for row, window in zip(indices, problem.windows, strict=True):
        flat = flat[..., None] * (window.size or 0) + np.asarray(row, np.int32)
    return flat.reshape(-1)


def one_number(problem: Problem, values: Any) -> float | None:
    """Return the number that all sides are padded with, where there is one."""
    if any(mode.copies_input for pair in problem.modes for mode in pair):
        return None
    carried = [0 if value is None else value for pair in values for value in pair]
    same = all(isinstance(value, (int, float)) for value in carried) and len(set(carried)) == 1
    return carried[0] if same else None


def framework_pad(x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
    """Return TensorFlow's own pad for a number; one gather for all axes where all padding is copies."""
    number = one_number(problem, values)
    if number is not None:
        pads = problem.around(problem.pads)
        return tf.pad(x, pads, constant_values=tensor(number, x)) if number else tf.pad(x, pads)
    if needs_gradient:
        # The gradient of a gather is a sum over segments, which is slower than slices added in place.
        word = _mirror(problem)
        # An empty batch it refuses, and an open one may be empty.
        fits = word and x.shape[0] and 0 < prod(x.shape[1:]) <= LIMITS["tensorflow.mirror_values"]
        return _mirrored(x, problem, word) if fits else None
    places = _places(problem)
    return None if places is None else _gathered(x, problem, places)


def _gathered(x: Tensor, problem: Problem, places: Any) -> Tensor:
    sizes = [window.size or 0 for window in problem.windows]
    lead, rest = ([size(x, 0)], [size(x, -1)]) if problem.channels_last else ([size(x, 0), size(x, 1)], [])
    flat = tf.gather(tf.reshape(x, [*lead, prod(sizes), *rest]), places, axis=len(lead))
    return tf.reshape(flat, [*lead, *(window.padded for window in problem.windows), *rest])


@lru_cache(maxsize=64)
def _mirror(problem: Problem) -> str:
    """Return TensorFlow's word for a padding that mirrors all its axes at most once, else ""."""
    if not problem.is_static or _places(problem) is None:
        return ""
    sides = [
        (mode.name, count, window.size or 0)
        for window, pads, modes in zip(problem.windows, problem.pads, problem.modes, strict=True)
        for mode, count in zip(modes, pads, strict=True)
        if count
    ]
    for name, least in (("reflect", 1), ("symmetric", 0)):
        if sides and all(mode == name and count <= length - least for mode, count, length in sides):
            return name.upper()
    return ""


def _mirrored(x: Tensor, problem: Problem, word: str) -> Tensor:
    """Return the gathered padding, with the gradient of `tf.pad`: one operation, where strips are twenty a side.

    It takes no less time, but the graph of a network of small maps is made and optimised faster.
    """
    pads = problem.around(problem.pads)

    @tf.custom_gradient
    def padded(x: Tensor) -> Any:
        return _gathered(x, problem, _places(problem)), lambda gradient: tf.raw_ops.MirrorPadGrad(
            input=gradient, paddings=pads, mode=word
        )

    return padded(tf.convert_to_tensor(x))


def with_custom_vjp(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], x: Tensor, *, aliased: bool
) -> Tensor:
    return tf.custom_gradient(lambda x: (forward(x), backward))(tf.convert_to_tensor(x))


def pad_zeros(x: Tensor, pads: Pairs) -> Tensor:
    return tf.pad(x, pads)
