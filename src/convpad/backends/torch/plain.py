"""PyTorch's own pads and convolutions, as `torch.export`, `torch.jit.trace` and `torch.onnx` can write them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends.base import ConvWindow
from convpad.backends.torch.padding import flat
from convpad.backends.torch.tensors import Tensor, as_given, channels_first, dtype, static_shape
from convpad.core.operation import MAX_RANK
from convpad.core.problem import Problem

_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MODES = ("reflect", "replicate", "circular")


def framework_pad(x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
    """Return PyTorch's own pad; None for mirrors and circles of open sizes, as it refuses an axis that is too short."""
    mode, value = problem.modes[0][0], values[0][0]
    if any(each != mode for pair in problem.modes for each in pair) or any(
        each is not value for pair in values for each in pair
    ):
        return None
    first, pads = channels_first(x, problem.channels_last), flat(problem.pads)
    if isinstance(value, (int, float)):
        return as_given(F.pad(first, pads, value=value), problem.channels_last)
    short = [
        window.size is None or max(pair) > window.size - (mode.name == "reflect")
        for pair, window in zip(problem.pads, problem.windows, strict=True)
    ]
    if mode.name not in _MODES or problem.rank > MAX_RANK or not x.is_floating_point():
        return None
    if mode.name != "replicate" and any(short):
        return None
    return as_given(F.pad(first, pads, mode=mode.name), problem.channels_last)


def tensor(array: Any, like: Tensor) -> Tensor:
    if dtype(like) in ("float16", "float32", "float64") and not torch.is_tensor(array):
        array = np.asarray(array, dtype(like))  # not converted within the program: LiteRT's converter refuses that
    if not torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        return torch.as_tensor(array, dtype=like.dtype, device=like.device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # pyright: ignore[reportPrivateImportUsage]
        return torch.as_tensor(array, dtype=like.dtype, device=like.device)  # a constant, which is the intention


def cut(x: Tensor, axis: int, start: Any, count: Any) -> Tensor:
    # Not a slice: torch.export compares its strides with those of the whole, and makes a condition on the size of it.
    return x.index_select(axis, start + torch.arange(count, device=x.device))


def scatter_add(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    # Not index_add, of which torch.onnx writes an update that keeps one of the values for a position.
    shape = [1] * x.ndim
    shape[axis] = -1
    return x.scatter_add(axis, index.reshape(shape).expand_as(values), values)


def prepare_conv(op: str, window: ConvWindow) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return the convolution with a bias; a transposed one adds it after the crop, which pads with zeros, too."""
    if op == "conv":
        return lambda x, weight, bias: _conv(x, weight, window, window.groups, bias)

    def transpose(y: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        out = conv_transpose(y, weight, window)
        return out if bias is None else out + bias.reshape(-1, *[1] * window.rank)

    return transpose


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    if window.filters_first:
        return _conv(x, kernel, window, window.groups)
    rank = window.rank
    return _conv(x, kernel.permute(rank + 1, rank, *range(rank)), window, window.groups)


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    *taps, channels, multiplier = static_shape(kernel)
    weight = kernel.permute(window.rank, window.rank + 1, *range(window.rank))
    return _conv(x, weight.reshape(channels * multiplier, 1, *taps), window, channels)


def _conv(x: Tensor, weight: Tensor, window: ConvWindow, groups: int, bias: Tensor | None = None) -> Tensor:
    first, pads = channels_first(x, window.channels_last), [before for before, _ in window.pads]
    if any(before != after for before, after in window.pads):
        first, pads = F.pad(first, flat(window.pads)), [0] * window.rank
    out = _CONV[window.rank](first, weight, bias, window.strides, pads, window.dilation, groups)
    return as_given(out, window.channels_last)


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return PyTorch's transposed convolution uncropped, then zeros that no window reads, then the crop."""
    rank = window.rank
    weight = kernel if window.filters_first else kernel.permute(rank + 1, rank, *range(rank))
    out = _CONV_TRANSPOSE[rank](
        channels_first(y, window.channels_last),
        weight,
        stride=window.strides,
        groups=window.groups,
        dilation=window.dilation,
    )
    if any(window.leftovers):
        out = F.pad(out, flat([(0, leftover) for leftover in window.leftovers]))
    for axis, (before, after) in enumerate(window.pads, 2):
        if before or after:
            out = out[(slice(None),) * axis + (slice(before, -after or None),)]
    return as_given(out, window.channels_last)
