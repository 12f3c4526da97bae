"""One padding before a convolution, where one does, with all decided that needs no tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import gt
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from convpad.backends.torch.padding import PAD_MODES, ROOM, join_circles
from convpad.backends.torch.tensors import is_exporting
from convpad.core.amounts import Amount, Pair
from convpad.core.fills import Fill, normalised_fills
from convpad.core.operation import Operation
from convpad.core.window import spanned
from convpad.ops.prepared import convolution_zeros
from convpad.tuning import LIMITS, STATE

_KEPT = 64
"""Sizes at most whose amounts are kept."""

Decision = tuple[str, "float | None", tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Mode, value and amounts for `F.pad`; the sizes that the axes must exceed; the convolution's own zeros."""


@dataclass(frozen=True, slots=True)
class SinglePad:
    """The padding of a convolution where one `F.pad` does it or, in a circle, slices joined.

    A program that `torch.compile` makes of this checks a few facts before each call, and not all that the engine
    decides by.

    Args:
        rows: (amount, span, stride) of each spatial axis.
        fills: (before, after) of each.
        fixed: what is done at every size; None where that follows from the size, or where one pad never does.
        kept: what was decided, by sizes.
    """

    rows: tuple[tuple[Amount, int, int], ...]
    fills: tuple[tuple[Fill, Fill], ...]
    fixed: Decision | None
    kept: dict[Any, Decision | None] = field(default_factory=dict, compare=False)

    def __call__(self, x: Tensor) -> tuple[Tensor, tuple[int, ...]] | None:
        """Return the padded tensor and the convolution's own zeros, None where a tensor needs more than this."""
        # A program that is exported or traced must hold at other sizes; what torch.compile assumes it checks.
        is_compiling = torch.compiler.is_compiling()
        is_traced = is_exporting() if is_compiling else torch.jit.is_tracing()  # pyright: ignore
        if not x.is_cpu or STATE.low_memory or is_traced:
            return None
        sizes = x.shape[-len(self.rows) :]
        decision = self.fixed or self._decide(sizes, is_compiling=is_compiling)
        if decision is None:
            return None
        mode, value, pads, least, padding = decision
        if not all(map(gt, sizes, least)):
            return None
        if not any(pads):
            return x, padding
        if mode != "circular":
            return F.pad(x, pads, mode, value), padding
        if not is_compiling:  # which makes less of `F.pad` here than of slices
            # `F.pad` forgets channels-last memory in a circle, and its gradient makes many tensors.
            differentiated = torch.is_grad_enabled() and x.requires_grad
            if not differentiated and x.is_contiguous() and x.dim() == len(self.rows) + 2:
                return F.pad(x, pads, "circular"), padding
            if differentiated and x.numel() >= LIMITS["torch.fold_min_values"]:
                return None
        if x.dtype is not torch.float32 and torch.is_autocast_enabled("cpu"):
            return None  # torch.cat refuses some dtypes under autocast
        return join_circles(x, pads), padding

    def _decide(self, sizes: Sequence[int], *, is_compiling: bool) -> Decision | None:
        if is_compiling:
            is_open = any(isinstance(size, torch.SymInt) for size in sizes)
            return None if is_open else _decision(self._counts(sizes), self.fills)
        if sizes not in self.kept:
            if len(self.kept) >= _KEPT:
                self.kept.clear()
            self.kept[sizes] = _decision(self._counts(sizes), self.fills)
        return self.kept[sizes]

    def _counts(self, sizes: Sequence[int]) -> list[Pair]:
        return [row[0].pair_for(size, row[1], row[2]) for row, size in zip(self.rows, sizes, strict=True)]


def find_single_pad(operation: Operation, kernel_size: tuple[int, ...]) -> SinglePad | None:
    """Return the one pad that an operation needs before its convolution; None where one never does."""
    rows = tuple(
        (amount, spanned(kernel, dilation), stride)
        for amount, kernel, stride, dilation in zip(
            operation.padding.amounts, kernel_size, operation.strides, operation.dilation, strict=True
        )
    )
    fills = normalised_fills(operation.padding)
    counts = [amount.pair_or_none(None, span, stride) for amount, span, stride in rows]
    if None in counts:
        most = [amount.most(span) for amount, span, _ in rows]
        return SinglePad(rows, fills, None) if _decision(most, fills) else None
    fixed = _decision([pair for pair in counts if pair], fills)
    return None if fixed is None else SinglePad(rows, fills, fixed)


def _decision(counts: Sequence[Pair], fills: Sequence[tuple[Fill, Fill]]) -> Decision | None:
    padding = convolution_zeros(counts, fills)
    pads: list[int] = []
    least: list[int] = []
    padded: list[Fill] = []
    for pair, sides, own in zip(counts, fills, padding, strict=True):
        rest = (0, 0) if own else pair
        pads = [*rest, *pads]  # as `F.pad` takes them, the last axis first
        used = [(count, fill) for count, fill in zip(rest, sides, strict=True) if count]
        padded += [fill for _, fill in used]
        least.append(max([0, *(count - ROOM[mode] - 1 for count, (mode, _) in used if mode in ROOM)]))
    mode, value = padded[0] if padded else ("zeros", None)
    number = value is None or isinstance(value, (int, float))
    if mode == "ignore" or mode not in PAD_MODES or not number or any(fill != (mode, value) for fill in padded):
        return None
    return PAD_MODES[mode], value, tuple(pads), tuple(least), tuple(padding)
