"""Upsampling as a module: torch.nn's own, and with an edge that is padded in any mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from convpad.backends.torch.tensors import shape
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Learned
from convpad.core.resampling import Resize
from convpad.core.types import PaddingModeLike
from convpad.core.validation import listed, map_entries
from convpad.ops.resampling import run
from convpad.torch.base import SHORT, owned, refuse_learned

_METHODS = {"linear": ("linear", 1), "bilinear": ("linear", 2), "trilinear": ("linear", 3), "bicubic": ("cubic", 2)}
"""The method and the number of spatial axes of torch.nn's modes that read beyond the edge."""

_CUBIC_COEFFICIENT = -0.75


_FOLLOWED = frozenset({"size", "scale_factor", "mode", "align_corners", "padding_mode"})
"""The attributes that the resizing follows from."""


class Upsample(nn.Upsample):
    """`torch.nn.Upsample` that reads beyond the edge as a padding mode says, where torch.nn's repeats the edge.

    Example:

    >>> import convpad, torch
    >>> x = torch.tensor([[[0.0, 4.0, 8.0]]])
    >>> torch.nn.Upsample(scale_factor=2, mode="linear")(x)
    tensor([[[0., 1., 3., 5., 7., 8.]]])
    >>> upsample = convpad.torch.Upsample(scale_factor=2, mode="linear", padding_mode="circular")
    >>> upsample
    Upsample(scale_factor=2.0, mode='linear', padding_mode=circular)
    >>> upsample(x)
    tensor([[[2., 1., 3., 5., 7., 6.]]])

    Shapes: as torch.nn's.
    """

    padding_mode: Any = "replicate"
    operation: Resize | None = None
    """The parsed resizing; None where nothing beyond the edge is read, or torch.nn repeats the edge."""

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
        *,
        padding_mode: PaddingModeLike = "replicate",
    ) -> None:
        """Make the module from torch.nn's arguments, in their order, and `padding_mode`.

        With `mode="nearest"`, `"nearest-exact"` and `"area"` nothing beyond the edge is read, so every padding mode
        gives the same.

        Args:
            size, scale_factor, mode, recompute_scale_factor: as torch.nn takes them. Where a size times a scale factor
                is no whole number, only `size`, or `recompute_scale_factor=True`, closes the circle of `circular`.
            align_corners: as torch.nn takes it; with another mode than `replicate` not True, as the first and the last
                values then stand on the edge itself, and no mode goes on beyond it evenly.
            padding_mode: as `convpad.resize` takes it; `"replicate"` is torch.nn's own.

        Raises:
            PaddingError: no such padding mode, or one that does not fit the other arguments.

        Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Upsample.html
        """
        super().__init__(size, scale_factor, mode, align_corners, recompute_scale_factor)  # pyright: ignore
        self._set_padding(padding_mode)

    def _set_padding(self, padding_mode: Any) -> None:
        """Set the padding mode, or refuse it for the other attributes and leave the module as it was."""
        mode, operation = map_entries(padding_mode, _read), None
        if self.mode not in _METHODS:
            _check_for_any_rank(mode)
        elif not _is_replicate(mode):
            if self.align_corners:
                mend = "Leave align_corners=False."
                allowed = "be 'replicate' with align_corners=True, where the corners stand on the edge"
                raise refuse("padding_mode", allowed, padding_mode, mend)
            method, rank = _METHODS[self.mode]
            if self.size is not None or self.scale_factor is not None:  # else torch.nn refuses the input
                words = method, mode, _CUBIC_COEFFICIENT, "channels_first"
                operation = Resize.parse(rank, self.size, self.scale_factor, *words)
        self.__dict__.update(padding_mode=mode, operation=operation)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and what follows from it; a refused value leaves the module as it was."""
        state = self.__dict__
        if "operation" not in state or name not in _FOLLOWED:
            return super().__setattr__(name, value)
        before = state[name]
        state[name] = value
        try:
            self._set_padding(self.padding_mode)
        except PaddingError:
            state[name] = before
            raise

    def forward(self, input: Tensor) -> Tensor:
        """Return the upsampled input."""
        operation = self.operation
        if operation is None or input.dim() != operation.rank + 2:
            return super().forward(input)  # torch.nn's answer, or its refusal
        values = operation.padding.values
        if self.size is not None or self._is_whole():
            return run(operation, values, input)
        if None in shape(input)[2:]:
            if self.recompute_scale_factor:
                mend = "Leave recompute_scale_factor=False, or give whole scale factors."
                raise refuse("recompute_scale_factor", "not be True where sizes are unknown", True, mend)
            return run(operation, values, input)
        sizes, factors = input.shape[2:], self._factors(operation.rank)
        outputs = tuple([math.floor(float(size) * factor) for size, factor in zip(sizes, factors, strict=True)])
        # torch.nn's product of floats may be a hair less than a whole number, which rounds down by one.
        scales = None if self.recompute_scale_factor else operation.scales
        return run(replace(operation, sizes=outputs, scales=scales), values, input)

    def _factors(self, rank: int) -> Sequence[float]:
        return self.scale_factor if isinstance(self.scale_factor, tuple) else (self.scale_factor,) * rank  # pyright: ignore

    def _is_whole(self) -> bool:
        return all([float(factor).is_integer() for factor in self._factors(1)])  # noqa: C419

    def extra_repr(self) -> str:
        """Return torch.nn's line, with the padding mode where it is not torch.nn's."""
        line = super().extra_repr()
        if _is_replicate(self.padding_mode):
            return line
        mode = self.padding_mode if isinstance(self.padding_mode, str) else SHORT.repr(self.padding_mode)
        return f"{line}, padding_mode={mode}"


def _read(entry: Any) -> Any:
    if isinstance(entry, Learned):
        raise refuse_learned(entry, "resize")
    return owned(entry)


def _is_replicate(padding_mode: Any) -> bool:
    entries = listed(padding_mode)
    return padding_mode == "replicate" if entries is None else all([_is_replicate(entry) for entry in entries])  # noqa: C419


def _check_for_any_rank(padding_mode: Any) -> None:
    """Refuse a padding mode that fits no number of spatial axes."""
    for rank in (1, 2, 3):
        try:
            Resize.parse(rank, None, 1, "linear", padding_mode)
        except PaddingError:
            if rank == 3:
                raise
        else:
            return
