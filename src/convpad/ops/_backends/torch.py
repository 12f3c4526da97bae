"""PyTorch: tensors are `torch.Tensor`.

PyTorch computes channels first. A channels-last tensor is handed over as a permuted view, which is what PyTorch
calls channels-last memory, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import product
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.geometry.window import spanned
from convpad.ops._backends import Ints, Pairs
from convpad.problem import POOLS, Problem

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


def device(x: Tensor | None) -> str:
    kind = torch.get_default_device().type if x is None else x.device.type
    return "gpu" if kind == "cuda" else kind


def zeros(shape: Ints, like: Tensor) -> Tensor:
    return like.new_zeros(tuple(shape))


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


def total(x: Tensor, axis: int) -> Tensor:
    return x.sum(axis, keepdim=True)


_OWN = {**{word: word for word in ("reflect", "replicate", "circular")}, "zeros": "constant", "ignore": "constant"}
"""PyTorch's words for the modes that its pad knows."""


def extended(x: Tensor, problem: Problem, values: Any, back: Callable[[Tensor], Tensor]) -> Tensor | None:
    """PyTorch's own pad, where it knows the mode: it is threaded, and its mirrors keep channels-last memory."""
    mode, value = problem.modes[0][0], values[0][0]
    alike = all(each == mode for pair in problem.modes for each in pair)
    alike = alike and all(each is value for pair in values for each in pair)
    number = mode.carries_value and isinstance(value, (int, float))
    word = "constant" if number else _OWN.get(mode.name)
    if word is None or not alike or not x.is_floating_point() or not all(window.known for window in problem.windows):
        return None
    # A mirror needs one value more than it gives, and nothing goes round more than once.
    most = {"reflect": -1, "circular": 0}.get(word)
    rows = zip(problem.pads, problem.windows, strict=True)
    if most is not None and any(max(pair) > (window.size or 0) + most for pair, window in rows):
        return None
    pads = [count for pair in reversed(problem.pads) for count in pair]
    if word == "circular" and problem.channels_last:
        # It would come back channels first. With the last axis and the channels as one, there are no channels.
        batch, *sizes, last, channels = x.shape
        wide = x.reshape(batch, 1, *sizes, last * channels)
        wide = F.pad(wide, [pads[0] * channels, pads[1] * channels, *pads[2:]], mode=word)
        return wide.reshape(batch, *wide.shape[2:-1], -1, channels)
    out = F.pad(_first(x, problem.channels_last), pads, mode=word, value=value if number else None)
    return _back(out, problem.channels_last)


def remaking(padded: Tensor, remake: Callable[[], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return nullcontext()
    made, version = padded.data_ptr(), x._version

    def pack(saved: Tensor) -> Any:
        return (saved.size(), saved.stride()) if saved.data_ptr() == made else saved

    def unpack(packed: Any) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        if x._version != version:
            raise RuntimeError(
                "The input of a padded convolution was modified in place before its gradient was computed. "
                "Modify a clone of it."
            )
        with torch.no_grad():
            return remake().as_strided(*packed)

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return torch.cat(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = list(rows.shape)
    wanted[axis] = count
    return x.expand(wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return torch.where(mask != 0, x, torch.as_tensor(value, dtype=x.dtype, device=x.device))


def put(x: Tensor, box: tuple[slice, ...], values: Tensor) -> Tensor:
    x[box] = values
    return x


def add(x: Tensor, box: tuple[slice, ...], values: Tensor) -> Tensor:
    x[box] += values
    return x


def add_at(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    return x.index_add(axis, torch.as_tensor(index, device=x.device), values)


def native(problem: Problem, ignored: bool) -> str:
    if problem.op == "conv_transpose":
        return ""
    pooled = problem.op in POOLS
    rows = [_alike(pair, window.stride) for pair, window in zip(problem.pads, problem.windows, strict=True)]
    if any(window.before != window.after for window in problem.windows):
        more = prod(
            (w.output or 1) + skipped + rest for w, (_, skipped, rest) in zip(problem.windows, rows, strict=True)
        )
        if pooled or more > (1 + SPARE) * prod(window.output or 1 for window in problem.windows):
            return "torch pads both sides of an axis alike"
    if pooled and any((window.before or 0) > window.kernel // 2 for window in problem.windows):
        return "torch pads a pool by half its window at most"
    if problem.op == "average_pool" and any((window.size or 0) < window.kernel for window in problem.windows):
        return "torch pools no axis shorter than the window"
    return ""


SPARE = 0.13
"""Up to which share more outputs, to be dropped, cost less than a padded copy
(`python -m benchmarks layers --backend torch`: the strided rows)."""


def _alike(pair: tuple[int, int], stride: int) -> tuple[int, int, int]:
    """Pads alike on both sides that give the outputs of a pair among others: (pad, outputs before, outputs after)."""
    before, after = pair
    skipped = max(-((before - after) // stride), 0)
    pad = before + skipped * stride
    return pad, skipped, -(-(pad - after) // stride)


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
    first, rows = _first(x, channels_last), [_alike(pair, stride) for pair, stride in zip(pads, strides, strict=True)]
    out = _CONV[len(strides)](
        first,
        _weight(kernel),
        stride=tuple(strides),
        padding=tuple([pad for pad, _, _ in rows]),
        dilation=tuple(dilation),
        groups=groups,
    )
    for place, (pair, (_, skipped, _)) in enumerate(zip(pads, rows, strict=True)):
        if pair[0] != pair[1]:
            axis = 2 + place
            span = spanned(kernel.shape[place], dilation[place])
            out = out.narrow(axis, skipped, (first.shape[axis] + sum(pair) - span) // strides[place] + 1)
    return _back(out, channels_last)


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    channels = kernel.shape[-2]
    grouped = kernel.flatten(-2).unsqueeze(-2)
    return conv(x, grouped, strides, pads, dilation, channels, channels_last)


def taps(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool) -> Tensor:
    window = kernel.shape[:-2]
    x = x if channels_last else x.movedim(1, -1)
    x = F.pad(x, [0, 0, *(count for pair in reversed(pads) for count in pair)]).unsqueeze(-1)
    starts = [[tap * step for tap in range(taps)] for taps, step in zip(window, dilation, strict=True)]
    total: Any = 0
    for tap in product(*map(range, window)):
        cuts = [slice(None)]
        for axis, at in enumerate(tap):
            cuts.append(slice(starts[axis][at], x.shape[1 + axis] - starts[axis][-1] + starts[axis][at], strides[axis]))
        total = total + x[tuple(cuts)] * kernel[tap]
    out = total.flatten(-2)
    return out if channels_last else out.movedim(-1, 1)


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
