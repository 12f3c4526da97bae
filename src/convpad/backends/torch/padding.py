"""Padding in PyTorch: its own pads, gradients that fold, and padded tensors that are made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import lru_cache
from math import prod
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from convpad import tuning
from convpad.backends.base import Context, Pairs
from convpad.backends.torch.tensors import (
    Tensor,
    as_given,
    call_cached,
    channels_first,
    is_channels_last_memory,
    is_functorch,
    requires_grad,
)
from convpad.core.operation import MAX_RANK, POOLS
from convpad.core.problem import Problem
from convpad.core.window import Window


def why_not_native(problem: Problem, *, ignored: bool) -> str:
    if problem.op == "conv_transpose":
        return ""
    pooled = problem.op in POOLS
    if any(window.before != window.after for window in problem.windows):
        rows = zip(problem.windows, problem.pads, strict=True)
        computed = prod([_outputs_symmetrised(window, pair) for window, pair in rows])
        outputs = prod([window.output or 1 for window in problem.windows])
        # A module gives a tensor of its own, as torch.nn's does, and no slice.
        if pooled or problem.filters_first or computed > (1 + tuning.LIMITS["torch.even_pads_max_share"]) * outputs:
            return "torch pads both sides of an axis alike"
    if pooled and any((window.before or 0) > window.kernel // 2 for window in problem.windows):
        return "torch pads a pool by half its window at most"
    if problem.op == "average_pool" and any((window.size or 0) < window.kernel for window in problem.windows):
        return "torch pools no axis shorter than the window"
    return ""


def symmetrised(pair: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return an equal pad for both sides whose outputs include those of a pair, and how many others come first."""
    before, after = pair
    skipped = max(-((before - after) // stride), 0)
    return before + skipped * stride, skipped


def _outputs_symmetrised(window: Window, pair: tuple[int, int]) -> int:
    pad, skipped = symmetrised(pair, window.stride)
    leftover = window.leftover if window.leftover is not None else window.stride - 1
    return (window.output or 1) + skipped + (leftover + pad - pair[1]) // window.stride


PAD_MODES = {
    "zeros": "constant",
    "constant": "constant",
    "ignore": "constant",
    **{name: name for name in ("reflect", "replicate", "circular")},
}
"""The modes of `F.pad` by convpad's names: a constant must be one number, and zeros stand for what is ignored."""

ROOM = {"reflect": -1, "circular": 0}
"""The values that an amount may have more than its axis: a mirror needs one more, and nothing goes round twice."""


@lru_cache(maxsize=1024)
def _framework_mode(problem: Problem) -> tuple[str | None, list[int]] | None:
    """Return PyTorch's word for the mode (None: a number may do) and the amounts for `F.pad`; None where it cannot."""
    mode = problem.modes[0][0]
    word = None if mode.takes_value else PAD_MODES.get(mode.name)
    if not problem.is_static or any(each != mode for pair in problem.modes for each in pair):
        return None
    if problem.rank > MAX_RANK and word != "constant":
        return None
    rows = zip(problem.pads, problem.windows, strict=True)
    if word in ROOM and any(max(pair) > (window.size or 0) + ROOM[word] for pair, window in rows):
        return None
    return word, flat(problem.pads)


def framework_pad(x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
    # PyTorch's own pad is threaded, and its mirrors keep channels-last memory.
    native, value = call_cached(_framework_mode, problem), values[0][0]
    if native is None or not x.is_floating_point():
        return None
    for pair in values:
        if pair[0] is not value or pair[1] is not value:
            return None
    word, pads = native
    number = isinstance(value, (int, float))
    if number:
        word = "constant"
    # The gradient of its circle is slow, and on a GPU that of a mirror is summed in any order.
    if word is None or (needs_gradient and (word == "circular" or x.is_cuda) and requires_grad(x)):
        return None
    if word == "circular" and (problem.channels_last or is_channels_last_memory(x)):
        # It would come back channels first. With the last axis and the channels as one, there are no channels.
        last_axes = as_given(x, not problem.channels_last)
        batch, *sizes, last, channels = last_axes.shape
        wide = last_axes.reshape(batch, 1, *sizes, last * channels)
        wide = F.pad(wide, [pads[0] * channels, pads[1] * channels, *pads[2:]], mode=word)
        wide = wide.reshape(batch, *wide.shape[2:-1], -1, channels)
        return channels_first(wide, not problem.channels_last)
    first = channels_first(x, problem.channels_last)
    if len(problem.windows) == 1:
        first, pads = first.unsqueeze(2), [*pads, 0, 0]  # PyTorch has no channels-last memory with one axis
    out = F.pad(first, pads, mode=word, value=value if number else None)
    return as_given(out.squeeze(2) if len(problem.windows) == 1 else out, problem.channels_last)


Step = tuple[str, list[int], float]
"""(mode, amounts, number) for `F.pad`."""


def _steps(problem: Problem, values: Any) -> list[Step] | None:
    """Return the pads that pad the axes one after the other, equal ones joined; None where PyTorch has none."""
    steps: list[Step] = []
    for axis, (window, modes) in enumerate(zip(problem.windows, problem.modes, strict=True)):
        if window.before is None or window.after is None:
            return None
        counts = (window.before, window.after)
        # By name: the compiler cannot hash a mode.
        sides = [(modes[side].name, values[axis][side]) for side in (0, 1) if counts[side]]
        if not sides:
            continue
        mode, value = sides[0]
        word = PAD_MODES.get(mode)
        if sides[-1] != sides[0] or word is None or not (value is None or isinstance(value, (int, float))):
            return None
        room = ROOM.get(word)
        if room is not None and (window.size is None or max(counts) > window.size + room):
            return None
        pads = [0] * (2 * problem.rank)
        pads[2 * (problem.rank - 1 - axis) : 2 * (problem.rank - axis)] = counts
        number = float(value or 0)
        if steps and (steps[-1][0], steps[-1][2]) == (word, number):
            pads = [a + b for a, b in zip(steps.pop()[1], pads, strict=True)]
        steps.append((word, pads, number))
    return steps


def prepare_pad(problem: Problem, values: Any, context: Context) -> Callable[[Any, Tensor], Tensor] | None:
    """Return PyTorch's own pads of a channels-first tensor, or None where convpad's are faster or the only ones."""
    steps = _steps(problem, values)
    if steps is None:
        return None
    circular = any(word == "circular" for word, _, _ in steps)
    compiling = torch.compiler.is_compiling()
    if context.gradient and not compiling:
        size = prod([size or 0 for size in problem.input_shape])
        mirrors = any(word != "constant" for word, _, _ in steps)
        # Its gradient of a circle makes many tensors; on a GPU, that of a mirror is summed in any order.
        if (circular and size >= tuning.LIMITS["torch.fold_min_values"]) or (mirrors and context.device == "gpu"):
            return None
    if circular and not compiling:
        return _joined(steps, in_one_pass=not context.gradient)
    if len(steps) == 1:
        ((word, pads, number),) = steps
        value = number if word == "constant" else None
        return lambda values, x: F.pad(x, pads, word, value)

    def pad(values: Any, x: Tensor) -> Tensor:
        for word, pads, number in steps:
            x = F.pad(x, pads, word, number if word == "constant" else None)
        return x

    return pad


def _joined(steps: list[Step], *, in_one_pass: bool) -> Callable[[Any, Tensor], Tensor]:
    """Return pads of which circles are slices joined: they keep channels-last memory, which `F.pad` loses.

    `in_one_pass`: a contiguous tensor is padded by `F.pad`, whose gradient makes many tensors.
    """

    def pad(values: Any, x: Tensor) -> Tensor:
        for word, pads, number in steps:
            if word != "circular":
                x = F.pad(x, pads, word, number if word == "constant" else None)
                continue
            if in_one_pass and x.is_contiguous():
                x = F.pad(x, pads, word)
                continue
            x = join_circles(x, pads)
        return x

    return pad


def join_circles(x: Tensor, pads: Sequence[int]) -> Tensor:
    """Return a tensor padded in circles by slices joined; amounts as `F.pad` takes them, the last axis first."""
    for index in range(0, len(pads), 2):
        before, after = pads[index : index + 2]
        axis, parts = -1 - index // 2, [x]
        if before:
            parts.insert(0, x.narrow(axis, x.shape[axis] - before, before))
        if after:
            parts.append(x.narrow(axis, 0, after))
        if len(parts) > 1:
            x = torch.cat(parts, axis)
    return x


def with_custom_vjp(
    forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], x: Tensor, *, aliased: bool
) -> Tensor:
    return _Adjoint.apply(x, forward, backward, aliased) if requires_grad(x) else forward(x)  # pyright: ignore


class _Adjoint(torch.autograd.Function):
    """A gradient by folding: autograd would make of every part's gradient a tensor of zeros as large as the whole."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, forward: Any, back: Any, aliased: bool) -> Tensor:
        return forward(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        _, ctx.forward, ctx.back, ctx.aliased = inputs

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        copied = ctx.aliased or torch.is_grad_enabled()  # a gradient of the gradient may be asked for
        return ctx.back(gradient.clone() if copied else gradient), None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        (tangent, *_) = tangents
        return ctx.forward(tangent) - ctx.forward(torch.zeros_like(tangent))  # but for constants it is linear


def remakes_padded(problem: Problem, dtype: str) -> bool:
    if tuning.STATE.low_memory:
        return True
    sizes: list[Any] = list(problem.input_shape)
    for axis, window in zip(problem.axes, problem.windows, strict=True):
        sizes[axis] = window.padded
    if None in sizes or not problem.kernel_shape or problem.filters_first:
        return False  # as a module of torch.nn keeps it
    size = prod(sizes) * getattr(torch, dtype).itemsize
    products = prod([count or 1 for count in problem.kernel_shape]) / max(sizes[problem.channel_axis], 1)
    return is_remade(size, products, problem.strides)


def is_remade(size: int, products: float, strides: Sequence[int]) -> bool:
    """Return whether a padded tensor is made again for the gradient: one of `size` bytes, each of whose values is read
    by so many taps of all filters where there are no strides.
    """
    if tuning.STATE.low_memory:
        return True
    limits = tuning.LIMITS
    return size >= limits["torch.keep_bytes"] and products >= limits["torch.remake_min_products"] * prod(strides)


def rematerialise(make: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    padded = make(x)
    # torch.func allows no hooks.
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or is_functorch(padded):
        return run(padded)
    with _unkept(padded, make, x):
        return run(padded)


def _unkept(padded: Tensor, make: Callable[[Tensor], Tensor], x: Tensor) -> AbstractContextManager[Any]:
    """Return a context in which `padded`, made of x, is made again for the gradient instead of kept."""
    address, version = padded.data_ptr(), x._version

    def pack(saved: Tensor) -> Any:
        return (saved.size(), saved.stride()) if saved.data_ptr() == address else saved

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


def pad_zeros(x: Tensor, pads: Pairs) -> Tensor:
    return F.pad(x, flat(pads))


def flat(pads: Pairs) -> list[int]:
    """Return pads in the order of `F.pad`: the last axis first."""
    return [count for pair in reversed(pads) for count in pair]
