"""How does PyTorch convolve?"""

from __future__ import annotations

from itertools import product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends import Ints, Pairs
from convpad.backends.torch.padding import flat, kept
from convpad.backends.torch.tensors import Tensor, as_given, channels_first, recorded
from convpad.backends.torch.uneven import CONV, Uneven, Window

_CONV_TRANSPOSE: dict[int, Any] = {2: F.conv_transpose2d, 3: F.conv_transpose3d}
_ONEDNN = torch.backends.mkldnn.is_available()
_FORMAT = {4: torch.channels_last, 5: torch.channels_last_3d}


def _laid_out(weight: Tensor, x: Tensor) -> Tensor:
    """A weight, filters and channels first, in channels-last memory: where it lies so already, nothing is copied."""
    if weight.requires_grad and torch.is_grad_enabled() and _is_plain(x):
        return weight.contiguous()
    return weight.contiguous(memory_format=_FORMAT[weight.ndim])


def _is_plain(x: Tensor) -> bool:
    """Whether PyTorch's plain kernels serve x, and not oneDNN: they want the gradient of the weight contiguous."""
    return x.dtype != torch.float32 or (x.shape[0] == 1 and x.numel() <= 20480) or not _ONEDNN


def conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    if groups == 1 and _turns_slowly(kernel) and not recorded(x) and x.is_cpu and not _is_plain(x):
        found = _as_adjoint(x, kernel, strides, pads, dilation, channels_last)
        if found is not None:
            return found
    return _conv(x, _filters_first(kernel), strides, pads, dilation, groups, channels_last)


LARGE = 2**18
"""Values of a kernel from which on it pays to look how its rows lie."""


def _turns_slowly(kernel: Tensor) -> bool:
    return kernel.numel() >= LARGE and kernel.is_contiguous() and not recorded(kernel)


def _as_adjoint(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor | None:
    """With stride 1 a convolution is the adjoint of one by the kernel turned round, if no more is padded than it spans.

    PyTorch wants the channels of a convolution's kernel last, and of its adjoint's the filters, as Keras has them. So
    rows of filters are moved, in a third of the time that turning them takes
    (`python -m benchmarks layers --backend torch`: 14 squared).
    """
    window, rank = kernel.shape[:-2], len(strides)
    crops = [(taps - 1) * step - before for taps, step, (before, _) in zip(window, dilation, pads, strict=True)]
    uneven = any(before != after for before, after in pads)
    if rank != 2 or uneven or min(crops) < 0 or max(strides) > 1 or torch.compiler.is_compiling():
        return None
    weight = kernel.flip(*range(rank)).permute(-2, -1, *range(rank)).contiguous(memory_format=_FORMAT[rank + 2])
    first = channels_first(x, channels_last)
    return as_given(F.conv_transpose2d(first, weight, None, 1, crops, 0, 1, dilation), channels_last)


def _filters_first(kernel: Tensor) -> Tensor:
    *window, channels, filters = kernel.shape
    if filters % 256 or not _turns_slowly(kernel):
        return kernel.permute(-1, -2, *range(len(window)))
    # Rows that lie a power of two apart fall on the same lines of the cache: set apart first, they are sooner turned.
    rows = F.pad(kernel.flatten(0, -2), (0, 16))[:, :filters]
    first = torch.cat([taps.t() for taps in rows.split(channels)], 1)
    return first.unflatten(1, (*window, channels)).movedim(-1, 1)


def depthwise_conv(
    x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool
) -> Tensor:
    *window, channels, multiplier = kernel.shape
    weight = kernel.permute(-2, -1, *range(len(window)))
    if multiplier > 1:
        weight = weight.flatten(0, 1).unsqueeze(1)
    return _conv(x, weight, strides, pads, dilation, channels, channels_last)


def _conv(
    x: Tensor, weight: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int, channels_last: bool
) -> Tensor:
    first = channels_first(x, channels_last)
    if len(strides) == 1:
        # PyTorch copies a channels-last axis to and fro for conv1d; conv2d on a plane one value high takes it as it is.
        around = (1, *strides), ((0, 0), *pads), (1, *dilation)
        return as_given(_convolved(first.unsqueeze(2), weight.unsqueeze(2), *around, groups).squeeze(2), channels_last)
    return as_given(_convolved(first, weight, strides, pads, dilation, groups), channels_last)


def _convolved(x: Tensor, weight: Tensor, strides: Ints, pads: Pairs, dilation: Ints, groups: int) -> Tensor:
    weight = _laid_out(weight, x)
    even = True
    for before, after in pads:
        even = even and before == after
    differentiated = not even and recorded(x, weight)
    if even or torch.compiler.is_compiling() or (differentiated and kept(x)):
        x = x if even else F.pad(x, flat(pads))
        pad = [before for before, _ in pads] if even else 0
        return CONV[len(strides)](x, weight, None, strides, pad, dilation, groups)
    window = Window(tuple(strides), tuple(pads), tuple(dilation), groups)
    return Uneven.apply(x, weight, window) if differentiated else window.forward(x, weight)  # pyright: ignore


def taps(x: Tensor, kernel: Tensor, strides: Ints, pads: Pairs, dilation: Ints, channels_last: bool) -> Tensor:
    window = kernel.shape[:-2]
    x = x if channels_last else x.movedim(1, -1)
    x = F.pad(x, [0, 0, *flat(pads)]).unsqueeze(-1)
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
    first = channels_first(y, channels_last)
    if rank == 1:
        first, kernel = first.unsqueeze(2), kernel.unsqueeze(0)
        strides, dilation, cropped, extra = [1, *strides], [1, *dilation], [0, *cropped], [0, *extra]
    out = _CONV_TRANSPOSE[len(strides)](
        first,
        _laid_out(_filters_first(kernel), first),
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
    return as_given(F.pad(out, ends) if any(ends) else out, channels_last)
