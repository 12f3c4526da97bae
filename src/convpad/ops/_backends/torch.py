"""PyTorch: tensors are `torch.Tensor`.

PyTorch computes channels first. A channels-last tensor is handed over as a permuted view, which is what PyTorch
calls channels-last memory, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.ops._backends import Ints, Pairs
from convpad.problem import Problem

Tensor = torch.Tensor


def owns(x: object) -> bool:
    return isinstance(x, torch.Tensor)


def settled(remembered: Callable[..., Any], *arguments: Any) -> Any:
    # torch.compile warns of every functools cache that it meets.
    function: Any = remembered
    return function.__wrapped__(*arguments) if torch.compiler.is_compiling() else function(*arguments)


def shape(x: Tensor) -> tuple[int | None, ...]:
    # A size that torch.compile or torch.export leaves open is a SymInt, not an int.
    return tuple(size if isinstance(size, int) and not isinstance(size, torch.SymInt) else None for size in x.shape)


def dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def tensor(array: Any, like: Tensor) -> Tensor:
    return torch.as_tensor(array, dtype=like.dtype, device=like.device)


def size(x: Tensor, axis: int) -> Any:
    return x.shape[axis]


def positions(start: Any, stop: Any, like: Tensor) -> Tensor:
    return torch.arange(start, stop, device=like.device)


def gather(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return x.index_select(axis, index)


def slices(x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
    return x[cuts]


def flip(x: Tensor, axis: int) -> Tensor:
    return x.flip(axis)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return torch.cat(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = list(rows.shape)
    wanted[axis] = count
    return x.expand(wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return torch.where(mask != 0, x, torch.as_tensor(value, dtype=x.dtype, device=x.device))


def add_at(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    return x.index_add(axis, torch.as_tensor(index, device=x.device), values)


def native(problem: Problem, ignored: bool) -> str:
    if problem.op == "conv_transpose":
        return ""
    if any(window.before != window.after for window in problem.windows):
        return "torch pads both sides of an axis alike"
    pooled = problem.op in ("max_pool", "average_pool")
    if pooled and any((window.before or 0) > window.kernel // 2 for window in problem.windows):
        return "torch pads a pool by half its window at most"
    if problem.op == "average_pool" and any((window.size or 0) < window.kernel for window in problem.windows):
        return "torch pools no axis shorter than the window"
    return ""


def _first(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(-1, 1) if channels_last else x


def _weight(kernel: Tensor) -> Tensor:
    """Filters and channels first. PyTorch's plain CPU kernels refuse to give a permuted weight its gradient."""
    return kernel.movedim((-1, -2), (0, 1)).contiguous()


def _back(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(1, -1) if channels_last else x


_CONV: dict[int, Any] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE: dict[int, Any] = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE_POOL: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    out = _CONV[len(strides)](
        _first(x, channels_last),
        _weight(kernel),
        stride=tuple(strides),
        padding=tuple(before for before, _ in pads),
        dilation=tuple(dilation),
        groups=groups,
    )
    return _back(out, channels_last)


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    channels = kernel.shape[-2]
    grouped = kernel.flatten(-2).unsqueeze(-2)
    return conv(x, grouped, strides, pads, dilation, channels, channels_last)


def conv_transpose(
    y: Tensor,
    kernel: Tensor,
    strides: Ints,
    pads: Pairs,
    leftovers: Ints,
    dilation: Ints,
    groups: int,
    channels_last: bool,
) -> Tensor:
    # `padding` crops both sides alike and `output_padding` gives back at the end; the rest is sliced off. What
    # must be given back beyond PyTorch's limit is zeros: no window reads it.
    rank = len(strides)
    rows = list(zip(pads, leftovers, strides, dilation, strict=True))
    cropped = [min(before, max(after - rest, 0)) for (before, after), rest, _, _ in rows]
    extra = [
        min(max(crop - (after - rest), 0), max(stride, dilated) - 1)
        for crop, ((_, after), rest, stride, dilated) in zip(cropped, rows, strict=True)
    ]
    out = _CONV_TRANSPOSE[rank](
        _first(y, channels_last),
        _weight(kernel),
        stride=tuple(strides),
        padding=tuple(cropped),
        output_padding=tuple(extra),
        dilation=tuple(dilation),
        groups=groups,
    )
    ends: list[int] = []
    for crop, more, ((before, after), rest, _, _) in reversed(list(zip(cropped, extra, rows, strict=True))):
        ends += [crop - before, rest - after + crop - more]
    return _back(F.pad(out, ends) if any(ends) else out, channels_last)


def max_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, channels_last: bool) -> Tensor:
    first = _first(x, channels_last)
    out = _MAX_POOL[len(size)](first, tuple(size), tuple(strides), tuple(before for before, _ in pads))
    return _back(out, channels_last)


def average_pool(x: Tensor, size: Ints, strides: Ints, pads: Pairs, ignored: bool, channels_last: bool) -> Tensor:
    first = _first(x, channels_last)
    if len(size) == 3 and x.dtype.itemsize < 4:
        first = first.float()  # PyTorch's CPU kernel of three axes knows no half precision
    out = _AVERAGE_POOL[len(size)](
        first,
        tuple(size),
        tuple(strides),
        tuple(before for before, _ in pads),
        count_include_pad=not ignored,
    )
    return _back(out.to(x.dtype), channels_last)
