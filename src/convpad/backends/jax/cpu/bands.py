"""A convolution in bands on a CPU: outputs that read the same taps together, without taps that read padding alone.

With wide dilation many taps of most outputs fall on padding: 43 of 100 on 33 x 33 with a dilation of 12 (`python -m
benchmarks across --row aspp-33-d12`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from math import prod
from typing import NamedTuple

import jax.numpy as jnp

from convpad.backends.base import ConvWindow, outputs
from convpad.backends.jax import xla
from convpad.backends.jax.cpu import extra_row
from convpad.backends.jax.tensors import Tensor
from convpad.tuning import LIMITS


class Band(NamedTuple):
    """Outputs of one axis that read the same taps: from the first output on, so many; the taps."""

    first: int
    count: int
    taps: range


def conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the convolution of images, in bands where that is faster, else as `extra_row.conv` does."""
    sizes, taps = xla.spatial(x.shape, window), kernel.shape[:-2]
    axes = [_bands(*row) for row in zip(sizes, taps, outputs(sizes, taps, window), *_columns(window), strict=True)]
    if not _is_faster(axes, taps, window):
        return extra_row.conv(x, kernel, window)
    rows = [jnp.concatenate([_part(x, kernel, window, (row, column)) for column in axes[1]], 2) for row in axes[0]]
    return jnp.concatenate(rows, 1)


def _columns(window: ConvWindow) -> tuple[Sequence[int], Sequence[tuple[int, int]], Sequence[int]]:
    return window.strides, window.pads, window.dilation


def _bands(size: int, taps: int, count: int, stride: int, pads: tuple[int, int], step: int) -> list[Band]:
    """Return the bands of an axis."""

    def reads(output: int) -> range:
        start = output * stride - pads[0]
        first = max(-(start // step), 0)
        return range(min(first, taps), max(min((size - 1 - start) // step + 1, taps), min(first, taps)))

    bands: list[Band] = []
    for read, same in groupby(range(count), reads):
        places = list(same)
        bands.append(Band(places[0], len(places), read))
    return bands


def _is_faster(axes: Sequence[Sequence[Band]], taps: Sequence[int], window: ConvWindow) -> bool:
    """Return whether bands are few, and save enough of the multiplications."""
    every = [band for bands in axes for band in bands]
    if window.groups > 1 or not window.channels_last or len(axes) != 2 or not all(band.taps for band in every):
        return False
    if any(len(bands) > 1 and min(band.count for band in bands) < LIMITS["jax.band_min_outputs"] for bands in axes):
        return False
    read = prod(sum(band.count * len(band.taps) for band in bands) for bands in axes)
    whole = prod(sum(band.count for band in bands) * count for bands, count in zip(axes, taps, strict=True))
    return read <= whole * (1 - LIMITS["jax.bands_min_saving"])


def _part(x: Tensor, kernel: Tensor, window: ConvWindow, bands: Sequence[Band]) -> Tensor:
    cuts = [slice(None)]
    for band, stride, (before, _), step in zip(bands, *_columns(window), strict=True):
        start = band.first * stride - before + band.taps[0] * step
        cuts.append(slice(start, start + (band.count - 1) * stride + (len(band.taps) - 1) * step + 1))
    taps = tuple([slice(band.taps[0], band.taps[-1] + 1) for band in bands])
    return xla.conv(x[tuple(cuts)], kernel[taps], replace(window, pads=((0, 0), (0, 0))))
