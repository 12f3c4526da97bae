"""PyTorch: tensors are `torch.Tensor`.

PyTorch computes channels first. A channels-last tensor is handed over as a permuted view, which is what PyTorch
calls channels-last memory, so nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.geometry.window import spanned
from convpad.ops._backends import Ints, Pairs
from convpad.problem import POOLS, Problem

Tensor = torch.Tensor

UPDATES_IN_PLACE = False


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


def device(*arrays: Tensor) -> str:
    kind = arrays[0].device.type if arrays else torch.get_default_device().type
    # Without a compiler, the gradient of every strip cut from x is as large as x: for a gradient all is different.
    apart = torch.is_grad_enabled() and any(x.requires_grad for x in arrays)
    return ("gpu" if kind == "cuda" else kind) + (", for a gradient" if apart else "")


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
    number = isinstance(value, (int, float))
    word = "constant" if number else _OWN.get(mode.name)
    if word is None or not alike or not x.is_floating_point() or not all(window.known for window in problem.windows):
        return None
    # A mirror needs one value more than it gives, and nothing goes round more than once.
    most = {"reflect": -1, "circular": 0}.get(word)
    rows = zip(problem.pads, problem.windows, strict=True)
    if most is not None and any(max(pair) > (window.size or 0) + most for pair, window in rows):
        return None
    pads = _flat(problem.pads)
    if word == "circular" and problem.channels_last:
        # It would come back channels first. With the last axis and the channels as one, there are no channels.
        batch, *sizes, last, channels = x.shape
        wide = x.reshape(batch, 1, *sizes, last * channels)
        wide = F.pad(wide, [pads[0] * channels, pads[1] * channels, *pads[2:]], mode=word)
        return wide.reshape(batch, *wide.shape[2:-1], -1, channels)
    out = F.pad(_first(x, problem.channels_last), pads, mode=word, value=value if number else None)
    return _back(out, problem.channels_last)


KEPT = 2 * 2**20
"""Bytes up to which a padded tensor is kept for the gradient: to make it again would take longer than it is worth,
a fifth of the time of a small depthwise convolution (`python -m benchmarks layers --backend torch`)."""


def recomputing(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return function


def remaking(padded: Tensor, remake: Callable[[], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or padded.nbytes < KEPT:
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


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = pair
    return F.pad(x, _flat(around))


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
            [(w.output or 1) + skipped + rest for w, (_, skipped, rest) in zip(problem.windows, rows, strict=True)]
        )
        if pooled or more > (1 + SPARE) * prod([window.output or 1 for window in problem.windows]):
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


_ONEDNN = torch.backends.mkldnn.is_available()
_FORMAT = {4: torch.channels_last, 5: torch.channels_last_3d}


def _weight(kernel: Tensor, x: Tensor) -> Tensor:
    """Filters and channels first, in channels-last memory: where the kernel lies so already, nothing is copied."""
    weight = kernel.movedim((-1, -2), (0, 1))
    # PyTorch's plain kernels want the gradient of the weight contiguous; they serve what oneDNN does not.
    plain = x.dtype != torch.float32 or (x.shape[0] == 1 and x.numel() <= 20480) or not _ONEDNN
    if plain and torch.is_grad_enabled() and kernel.requires_grad:
        return weight.contiguous()
    return weight.contiguous(memory_format=_FORMAT[kernel.ndim])


def lay_out(kernel: Tensor) -> None:
    with torch.no_grad():
        kernel.data = kernel.data.movedim(-1, 0).contiguous().movedim(0, -1)


def _back(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(1, -1) if channels_last else x


_CONV: dict[int, Any] = {2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE: dict[int, Any] = {2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE_POOL: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    first = _first(x, channels_last)
    if len(strides) == 1:
        # PyTorch copies a channels-last axis to and fro for conv1d; conv2d on a plane one value high takes it as it is.
        out = _convolved(
            first.unsqueeze(2), kernel.unsqueeze(0), [1, *strides], [(0, 0), *pads], [1, *dilation], groups
        )
        return _back(out.squeeze(2), channels_last)
    return _back(_convolved(first, kernel, strides, pads, dilation, groups), channels_last)


def _convolved(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int) -> Tensor:
    weight, even = _weight(kernel, x), all(before == after for before, after in pads)
    if even or torch.compiler.is_compiling():
        x = x if even else F.pad(x, _flat(pads))
        pad = tuple([before for before, _ in pads]) if even else 0
        return _CONV[len(strides)](x, weight, None, tuple(strides), pad, tuple(dilation), groups)
    window = _Window(tuple(strides), tuple(pads), tuple(dilation), groups)
    if torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad):
        return _Uneven.apply(x, weight, window)  # pyright: ignore
    return window.forward(x, weight)


def _flat(pads: Pairs) -> list[int]:
    """Pads as F.pad takes them, the last axis first."""
    return [count for pair in reversed(pads) for count in pair]


@dataclass(frozen=True)
class _Window:
    """A convolution whose sides are padded differently."""

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        """Padded alike on both sides, with outputs to spare, which are dropped: nothing is copied."""
        rows = [_alike(pair, stride) for pair, stride in zip(self.pads, self.strides, strict=True)]
        pad = tuple([pad for pad, _, _ in rows])
        out = _CONV[len(rows)](x, weight, None, self.strides, pad, self.dilation, self.groups)
        for axis, ((_, skipped, _), pair) in enumerate(zip(rows, self.pads, strict=True), 2):
            span = spanned(weight.shape[axis], self.dilation[axis - 2])
            out = out.narrow(axis, skipped, (x.shape[axis] + sum(pair) - span) // self.strides[axis - 2] + 1)
        return out

    def padded(self, x: Tensor, weight: Tensor) -> Tensor:
        """The same by way of a padded copy."""
        return _CONV[len(self.pads)](
            F.pad(x, _flat(self.pads)), weight, None, self.strides, 0, self.dilation, self.groups
        )


class _Uneven(torch.autograd.Function):
    """Its gradient pads, once. That of the outputs dropped would be a strided copy of zeros, and with strides oneDNN
    takes 2 to 10 times as long for the gradient of a kernel that more is padded for.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, window: _Window) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.window = window
        return window.forward(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,), (x, weight), window = gradients, ctx.saved_tensors, ctx.window
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # a gradient of the gradient is asked for
            arrays = [array for array, wants in zip((x, weight), wanted, strict=True) if wants]
            found = iter(torch.autograd.grad(window.padded(x, weight), arrays, gradient, create_graph=True))
            return (*(next(found) if wants else None for wants in wanted), None)
        none = [0] * len(window.pads)
        options = None, window.strides, none, window.dilation, False, none, window.groups, [*wanted, False]
        padded = F.pad(x, _flat(window.pads))
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(gradient, padded, weight, *options)
        if to_x is not None:
            for axis, (before, _) in enumerate(window.pads, 2):
                to_x = to_x.narrow(axis, before, x.shape[axis])
        return to_x, to_weight, None


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    channels = kernel.shape[-2]
    grouped = kernel.flatten(-2).unsqueeze(-2)
    return conv(x, grouped, strides, pads, dilation, channels, channels_last)


def taps_of_whole(strides: Ints) -> bool:
    return True


def taps(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool) -> Tensor:
    window = kernel.shape[:-2]
    x = x if channels_last else x.movedim(1, -1)
    x = F.pad(x, [0, 0, *_flat(pads)]).unsqueeze(-1)
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
    first = _first(y, channels_last)
    if rank == 1:
        first, kernel = first.unsqueeze(2), kernel.unsqueeze(0)
        strides, dilation, cropped, extra = [1, *strides], [1, *dilation], [0, *cropped], [0, *extra]
    out = _CONV_TRANSPOSE[len(strides)](
        first,
        _weight(kernel, first),
        stride=tuple(strides),
        padding=tuple(cropped),
        output_padding=tuple(extra),
        dilation=tuple(dilation),
        groups=groups,
    )
    if rank == 1:
        out, cropped, extra = out.squeeze(2), cropped[1:], extra[1:]
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
