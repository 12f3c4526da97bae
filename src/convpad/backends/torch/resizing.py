"""Resizing by PyTorch's own interpolation, where its weights are exact."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends.base import Pairs
from convpad.backends.torch.tensors import Tensor, as_given, channels_first, is_channels_last_memory
from convpad.core.resampling import ResizedAxis

_WORDS = {
    ("linear", 1): "linear",
    ("linear", 2): "bilinear",
    ("linear", 3): "trilinear",
    ("cubic", 1): "bicubic",
    ("cubic", 2): "bicubic",
}
"""PyTorch's words for a method along so many axes."""


def can_resize(axes: Sequence[ResizedAxis], device: str) -> bool:
    method, coefficient = axes[0].method, axes[0].coefficient
    if (method.name, len(axes)) not in _WORDS or (method.name == "cubic" and coefficient != -0.75):
        return False
    if all(map(_is_exact, axes)):
        return True
    # Where every axis becomes shorter, a weighted sum of slices is the whole work.
    return device == "cpu" and any(axis.outputs > 1 for axis in axes) and all(map(_has_whole_steps, axes))


def _has_whole_steps(axis: ResizedAxis) -> bool:
    if axis.size is None or axis.output is None:
        return axis.inputs == 1
    return axis.output * axis.inputs == axis.size * axis.outputs


def _is_exact(axis: ResizedAxis) -> bool:
    """Return whether PyTorch computes the positions of an axis without rounding.

    It does so from the start of the axis on, in float32 for tensors of at most 32 bits: with scales that are no powers
    of 2 they are off by more and more. In float64 the error is below that of the sums.
    """
    return axis.inputs == 1 and axis.outputs & (axis.outputs - 1) == 0


def framework_resize(x: Tensor, axes: Sequence[ResizedAxis], crops: Pairs, channels_last: bool) -> Tensor:
    word = _WORDS[axes[0].method.name, len(axes)]
    first = channels_first(x, channels_last)
    sizes = [size * axis.outputs // axis.inputs for size, axis in zip(first.shape[2:], axes, strict=True)]
    if not all(map(_is_exact, axes)):
        first = first.double()
    flat = word == "bicubic" and len(axes) == 1  # which PyTorch knows along two axes alone
    if flat:
        first, sizes = first.unsqueeze(2), [1, *sizes]
    out = F.interpolate(first, sizes, mode=word, align_corners=False)
    out = out.squeeze(2) if flat else out
    kind = {4: torch.channels_last, 5: torch.channels_last_3d}.get(out.ndim if is_channels_last_memory(out) else 0)
    if any(map(any, crops)):
        out = out[(slice(None), slice(None), *[slice(before, -after or None) for before, after in crops])]
    # A slice would keep the whole in memory, and have no `view`.
    out = out.to(x.dtype).contiguous(memory_format=kind or torch.contiguous_format)
    return as_given(out, channels_last)
