"""A backend in one file: NumPy behind a wrapper type, correct and slow, with nothing but the methods it must have."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import prod
from typing import Any

import numpy as np

from convpad.backends.base import Backend, ConvWindow, outputs


class Tensor:
    """An array of a framework of its own."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)

    shape = property(lambda self: self.array.shape)
    dtype = property(lambda self: self.array.dtype)

    def __getitem__(self, cuts: Any) -> Tensor:
        return Tensor(self.array[cuts])


def _operator(name: str) -> Any:
    def operate(self: Tensor, other: Any) -> Tensor:
        other = other.array if isinstance(other, Tensor) else other
        return Tensor(getattr(self.array, name)(np.asarray(other, self.dtype) if np.ndim(other) == 0 else other))

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "radd", "rsub", "rmul", "rtruediv"):
    setattr(Tensor, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ("abs", "neg"):
    setattr(Tensor, f"__{_name}__", lambda self, name=f"__{_name}__": Tensor(getattr(self.array, name)()))


class Tiny(Backend):
    """The methods without a default, as one would write them first."""

    name = "tiny"

    def owns(self, x: object) -> bool:
        return isinstance(x, Tensor)

    def tensor(self, array: Any, like: Tensor) -> Tensor:
        return Tensor(np.asarray(array.array if isinstance(array, Tensor) else array, like.dtype))

    def concat(self, parts: list[Tensor], axis: int) -> Tensor:
        return Tensor(np.concatenate([part.array for part in parts], axis))

    def take(self, x: Tensor, axis: int, index: Tensor) -> Tensor:
        return Tensor(np.take(x.array, index.array, axis))

    def arange(self, start: Any, stop: Any, like: Tensor) -> Tensor:
        return Tensor(np.arange(start, stop))

    def flip(self, x: Tensor, axis: int) -> Tensor:
        return Tensor(np.flip(x.array, axis))

    def sum_along(self, x: Tensor, axis: int) -> Tensor:
        return Tensor(x.array.sum(axis, keepdims=True))

    def broadcast_along(self, x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
        shape = list(like.shape)
        shape[axis] = count
        return Tensor(np.broadcast_to(x.array, shape))

    def where(self, mask: Tensor, x: Tensor, value: float) -> Tensor:
        return Tensor(np.where(mask.array != 0, x.array, np.asarray(value, x.dtype)))

    def zeros(self, shape: Any, like: Tensor) -> Tensor:
        return Tensor(np.zeros(shape, like.dtype))

    def pad_zeros(self, x: Tensor, pads: Any) -> Tensor:
        return Tensor(np.pad(x.array, pads))

    def scatter_add(self, x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
        out = np.moveaxis(x.array.copy(), axis, 0)
        np.add.at(out, index.array, np.moveaxis(values.array, axis, 0))
        return Tensor(np.moveaxis(out, 0, axis))

    def set_slice(self, x: Tensor, box: Any, values: Tensor) -> Tensor:
        out = x.array.copy()
        out[box] = values.array
        return Tensor(out)

    # Windows: a strided view for every tap, channels last

    def _taps(self, x: Any, size: Any, window: ConvWindow, fill: float = 0) -> Any:
        """The padded input's values under each tap, for all outputs: `(taps, batch, *outputs, channels)`."""
        counts = outputs(x.shape[1:-1], size, window)
        padded = np.pad(x, [(0, 0), *window.pads, (0, 0)], constant_values=fill)
        rows = list(zip(counts, window.strides, window.dilation, strict=True))
        views: list[Any] = []
        for tap in product(*map(range, size)):
            starts = [(t * step, n, stride) for t, (n, stride, step) in zip(tap, rows, strict=True)]
            cuts = [slice(first, first + (n - 1) * stride + 1, stride) for first, n, stride in starts]
            views.append(padded[(slice(None), *cuts)])
        return np.stack(views)

    def _last(self, x: Tensor, window: ConvWindow) -> Any:
        return x.array if window.channels_last else np.moveaxis(x.array, 1, -1)

    def _back(self, out: Any, window: ConvWindow) -> Tensor:
        return Tensor(out if window.channels_last else np.moveaxis(out, -1, 1))

    def conv(self, x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
        *size, channels, filters = kernel.shape
        groups = window.groups
        taps = self._taps(self._last(x, window), size, window)
        taps = taps.reshape(*taps.shape[:-1], groups, channels)
        weights = kernel.array.reshape(prod(size), channels, groups, filters // groups)
        out = np.einsum("t...gc,tcgf->...gf", taps, weights)
        return self._back(out.reshape(*out.shape[:-2], filters), window)

    def depthwise_conv(self, x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
        *size, channels, multiplier = kernel.shape
        grouped = Tensor(kernel.array.reshape(*size, 1, channels * multiplier))
        return self.conv(x, grouped, replace(window, groups=channels))

    def conv_transpose(self, y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
        *size, first, channels = kernel.shape
        groups, values = window.groups, self._last(y, window)
        rows = list(zip(values.shape[1:-1], size, window.strides, window.dilation, window.leftovers, strict=True))
        full = [(n - 1) * s + (k - 1) * d + 1 + u for n, k, s, d, u in rows]
        out = np.zeros((len(values), *full, first * groups), y.dtype)
        weights = kernel.array.reshape(*size, first, groups, channels // groups)
        spread = values.reshape(*values.shape[:-1], groups, channels // groups)
        for tap in product(*map(range, size)):
            part = np.einsum("...gf,cgf->...gc", spread, weights[tap])
            cuts = [slice(t * d, t * d + (n - 1) * s + 1, s) for t, (n, _, s, d, _) in zip(tap, rows, strict=True)]
            out[(slice(None), *cuts)] += part.reshape(*part.shape[:-2], first * groups)
        crops = [slice(before, n - after) for n, (before, after) in zip(full, window.pads, strict=True)]
        return self._back(out[(slice(None), *crops)], window)

    def max_pool(self, x: Tensor, window: ConvWindow) -> Tensor:
        values = self._last(x, window)
        lowest = -np.inf if values.dtype.kind == "f" else np.iinfo(values.dtype).min
        return self._back(self._taps(values, window.size, window, lowest).max(0), window)

    def average_pool(self, x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
        values = self._last(x, window)
        total = self._taps(values, window.size, window).sum(0)
        if count_padding:
            return self._back(total / prod(window.size), window)
        return self._back(total / self._taps(np.ones_like(values), window.size, window).sum(0), window)
