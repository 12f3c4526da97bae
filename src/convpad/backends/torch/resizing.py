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


def can_resize(axes: Sequence[ResizedAxis], dtype: str) -> bool:
    method, coefficient = axes[0].method, axes[0].coefficient
    if (method.name, len(axes)) not in _WORDS or (method.name == "cubic" and coefficient != -0.75):
        return False
    # It computes positions from the start of an axis on, in float32: other scales than powers of 2 are off by more and
    # more.
    return all(axis.inputs == 1 and axis.outputs & (axis.outputs - 1) == 0 for axis in axes)


def framework_resize(x: Tensor, axes: Sequence[ResizedAxis], crops: Pairs, channels_last: bool) -> Tensor:
    word, scales = _WORDS[axes[0].method.name, len(axes)], [float(axis.outputs) for axis in axes]
    first = channels_first(x, channels_last)
    flat = word == "bicubic" and len(axes) == 1  # which PyTorch knows along two axes alone
    if flat:
        first, scales = first.unsqueeze(2), [1.0, *scales]
    out = F.interpolate(first, scale_factor=scales, mode=word, align_corners=False)
    out = out.squeeze(2) if flat else out
    if any(map(any, crops)):
        cuts = (slice(None), slice(None), *[slice(before, -after or None) for before, after in crops])
        kind = {4: torch.channels_last, 5: torch.channels_last_3d}.get(out.ndim if is_channels_last_memory(out) else 0)
        # A slice would keep the whole in memory, and have no `view`.
        out = out[cuts].contiguous(memory_format=kind or torch.contiguous_format)
    return as_given(out, channels_last)
