"""How does PyTorch pad?"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad.backends import Ints, Pairs
from convpad.backends.torch.tensors import Tensor, as_given, channels_first, recorded, settled, transformed
from convpad.core.problem import POOLS, Problem
from convpad.core.window import Window


def native(problem: Problem, ignored: bool) -> str:
    if problem.op == "conv_transpose":
        return ""
    pooled = problem.op in POOLS
    if any(window.before != window.after for window in problem.windows):
        rows = zip(problem.windows, problem.pads, strict=True)
        more = prod([_outputs_of_evened(window, pair) for window, pair in rows])
        if pooled or more > (1 + SPARE) * prod([window.output or 1 for window in problem.windows]):
            return "torch pads both sides of an axis alike"
    if pooled and any((window.before or 0) > window.kernel // 2 for window in problem.windows):
        return "torch pads a pool by half its window at most"
    if problem.op == "average_pool" and any((window.size or 0) < window.kernel for window in problem.windows):
        return "torch pools no axis shorter than the window"
    return ""


SPARE = 0.35
"""Up to which share more outputs, to be dropped, cost less than a padded copy
(`python -m benchmarks layers --backend torch`: the strided rows)."""


def evened(pair: tuple[int, int], stride: int) -> tuple[int, int]:
    """A pad alike on both sides that gives the outputs of a pair among others, and how many others come first."""
    before, after = pair
    skipped = max(-((before - after) // stride), 0)
    return before + skipped * stride, skipped


def _outputs_of_evened(window: Window, pair: tuple[int, int]) -> int:
    pad, skipped = evened(pair, window.stride)
    leftover = window.leftover if window.leftover is not None else window.stride - 1
    return (window.output or 1) + skipped + (leftover + pad - pair[1]) // window.stride


_OWN = {**{word: word for word in ("reflect", "replicate", "circular")}, "zeros": "constant", "ignore": "constant"}
"""PyTorch's words for the modes that its pad knows. Beyond these it knows any number."""


@lru_cache(maxsize=1024)
def _own(problem: Problem) -> tuple[str | None, list[int]] | None:
    """PyTorch's word for the mode, if it has one, and the amounts as it takes them; None where its pad does not go."""
    mode, most = problem.modes[0][0], {"reflect": -1, "circular": 0}
    word = _OWN.get(mode.name)
    if not problem.known or any(each != mode for pair in problem.modes for each in pair):
        return None
    # A mirror needs one value more than it gives, and nothing goes round more than once.
    rows = zip(problem.pads, problem.windows, strict=True)
    if word in most and any(max(pair) > (window.size or 0) + most[word] for pair, window in rows):
        return None
    return word, flat(problem.pads)


def extended(x: Tensor, problem: Problem, values: Any, *, own: bool) -> Tensor | None:
    """PyTorch's own pad, where it knows the mode: it is threaded, and its mirrors keep channels-last memory."""
    found, value = settled(_own, problem), values[0][0]
    if found is None or not x.is_floating_point():
        return None
    for pair in values:
        if pair[0] is not value or pair[1] is not value:
            return None
    word, pads = found
    number = isinstance(value, (int, float))
    if number:
        word = "constant"
    # The gradient of its circle is slow, and on a GPU that of a mirror is summed in any order.
    if word is None or (own and (word == "circular" or x.is_cuda) and recorded(x)):
        return None
    if word == "circular" and problem.channels_last:
        # It would come back channels first. With the last axis and the channels as one, there are no channels.
        batch, *sizes, last, channels = x.shape
        wide = x.reshape(batch, 1, *sizes, last * channels)
        wide = F.pad(wide, [pads[0] * channels, pads[1] * channels, *pads[2:]], mode=word)
        return wide.reshape(batch, *wide.shape[2:-1], -1, channels)
    first = channels_first(x, problem.channels_last)
    if problem.rank == 1:
        first, pads = first.unsqueeze(2), [*pads, 0, 0]  # PyTorch has no channels-last memory with one axis
    out = F.pad(first, pads, mode=word, value=value if number else None)
    return as_given(out.squeeze(2) if problem.rank == 1 else out, problem.channels_last)


def with_gradient(
    forward: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor], x: Tensor, *, shared: bool
) -> Tensor:
    return _Adjoint.apply(x, forward, back, shared) if recorded(x) else forward(x)  # pyright: ignore


class _Adjoint(torch.autograd.Function):
    """Autograd's own makes of every part's gradient a tensor of zeros as large as the whole."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, forward: Any, back: Any, shared: bool) -> Tensor:
        return forward(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.forward, ctx.back, ctx.shared = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        copied = ctx.shared or torch.is_grad_enabled()  # a gradient of the gradient may be asked for
        return ctx.back(gradient.clone() if copied else gradient), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (tangent, *_) = tangents
        return ctx.forward(tangent) - ctx.forward(torch.zeros_like(tangent))  # but for constants it is linear


KEPT = 2 * 2**20
"""Bytes up to which a padded tensor is kept for the gradient: to make it again would take longer than it is worth,
a fifth of the time of a small depthwise convolution (`python -m benchmarks layers --backend torch`)."""


def kept(padded: Tensor) -> bool:
    """Whether a padded tensor is so small."""
    return padded.nbytes < KEPT


def remade(make: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    made = make(x)
    # torch.func allows no hooks.
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or kept(made) or transformed(made):
        return run(made)
    with _unkept(made, make, x):
        return run(made)


def unless_differentiated(
    alone: Callable[..., Tensor], differentiated: Callable[..., Tensor], *arrays: Tensor
) -> Tensor:
    return differentiated(*arrays)


def _unkept(padded: Tensor, make: Callable[[Tensor], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    """Within this, `padded`, which was made of x, is not kept for a gradient."""
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
            return make(x).as_strided(*packed)

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)


def widened(x: Tensor, axes: Ints, pads: Pairs) -> Tensor:
    around = [(0, 0)] * x.ndim
    for axis, pair in zip(axes, pads, strict=True):
        around[axis] = pair
    return F.pad(x, flat(around))


def flat(pads: Pairs) -> list[int]:
    """Pads as F.pad takes them, the last axis first."""
    return [count for pair in reversed(pads) for count in pair]
