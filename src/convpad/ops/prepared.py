"""Executors of convolutions that a backend prepares: with a bias, or of channels-last tensors.

They are PyTorch's, which computes channels first with kernels whose filters and channels come first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from convpad.backends.base import Backend, Context, ConvWindow, Tensor
from convpad.core.fills import Fill
from convpad.core.problem import Problem
from convpad.ops.extension import Values
from convpad.ops.plan import conv_window
from convpad.ops.routes import Executor, Extended, Native, Padded, Transposed


@dataclass(frozen=True, slots=True)
class WithBias:
    """A convolution of PyTorch's own kernel order plus a bias."""

    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor]

    def __call__(self, values: Values, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        return self.convolve(x, kernel, bias)


@dataclass(frozen=True, slots=True)
class PaddedWithBias:
    """The same of a padded input; `remakes`: it is made again for the gradient instead of kept."""

    backend: Backend
    pad: Callable[[Values, Tensor], Tensor]
    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    remakes: bool

    def __call__(self, values: Values, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        if not self.remakes:
            return self.convolve(self.pad(values, x), kernel, bias)
        return self.backend.rematerialise(
            lambda x: self.pad(values, x), lambda padded: self.convolve(padded, kernel, bias), x
        )


@dataclass(frozen=True, slots=True)
class Permuted:
    """A convolution of tensors and kernels in Keras's order, as PyTorch's own of permuted views."""

    pad: Callable[[Values, Tensor], Tensor] | None
    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    order_kernel: Callable[[Tensor, Tensor], Tensor]
    first: tuple[int, ...] | None
    last: tuple[int, ...]

    def __call__(self, values: Values, x: Tensor, kernel: Tensor) -> Tensor:
        first = x if self.first is None else x.permute(self.first)
        if self.pad is not None:
            first = self.pad(values, first)
        out = self.convolve(first, self.order_kernel(kernel, first), None)
        return out if self.first is None else out.permute(self.last)


def permuted(backend: Backend, inner: Executor, problem: Problem, context: Context, values: Values) -> Executor:
    """Return a faster executor than `inner` where the backend can prepare all of it, else `inner`."""
    window = conv_window(problem)
    order_kernel = backend.prepare_kernel(problem.op, problem.kernel_shape, context)
    remakes = isinstance(inner, Padded) and (inner.remakes or inner.overhangs)
    if order_kernel is None or not isinstance(inner, Native | Padded) or remakes or context.device != "cpu":
        return inner
    pad = None
    if isinstance(inner, Padded):
        outer, window = _split_padding(problem)
        pad = backend.prepare_pad(outer, values, context)
        if pad is None:
            return inner
    if any(before != after for before, after in window.pads):
        return inner
    if problem.op == "depthwise_conv":
        window = replace(window, groups=problem.input_shape[problem.channel_axis])
    rank = problem.rank
    first = (0, rank + 1, *range(1, rank + 1)) if problem.channels_last else None
    return Permuted(pad, backend.prepare_conv("conv", window), order_kernel, first, (0, *range(2, rank + 2), 1))


@dataclass(frozen=True, slots=True)
class BiasAfter:
    """An executor's output plus a bias: where outputs are scaled or added up after the convolution."""

    backend: Backend
    inner: Executor

    def __call__(self, values: Values, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        out = self.inner(values, x, kernel)
        return out if bias is None else self.backend.add_bias(out, bias.reshape(-1, *[1] * (len(x.shape) - 2)))


def with_bias(backend: Backend, inner: Executor, problem: Problem, context: Context, values: Values) -> Executor:
    """Return the executor of a convolution with a bias, from one without; its kernel is in PyTorch's order."""
    window = conv_window(problem)
    if isinstance(inner, Native):
        return WithBias(backend.prepare_conv("conv", window))
    if isinstance(inner, Transposed) and not inner.folds and not problem.renormalises:
        return WithBias(backend.prepare_conv("conv_transpose", window))
    if not isinstance(inner, Padded):
        return BiasAfter(backend, inner)
    outer, window = _split_padding(problem)
    pad = backend.prepare_pad(outer, values, context) or Extended(backend, outer)
    return PaddedWithBias(backend, pad, backend.prepare_conv("conv", window), inner.remakes)


def _split_padding(problem: Problem) -> tuple[Problem, ConvWindow]:
    """Return the padding that a convolution does not do itself, and its window with the zeros that it pads."""
    outer = leave_zeros(problem)
    rows = zip(problem.pads, outer.pads, strict=True)
    zeros = tuple((pair[0] - rest[0], pair[1] - rest[1]) for pair, rest in rows)
    return outer, replace(conv_window(problem), pads=zeros)


def leave_zeros(problem: Problem) -> Problem:
    """Return a problem without the zeros that a convolution pads itself."""
    fills = [tuple([(mode.name, None) for mode in modes]) for modes in problem.modes]
    rows = zip(problem.windows, convolution_zeros(problem.pads, fills), strict=True)
    return replace(
        problem, windows=tuple([replace(window, before=0, after=0) if own else window for window, own in rows])
    )


def convolution_zeros(pairs: Sequence[Sequence[int | None]], fills: Sequence[Sequence[Fill]]) -> list[int]:
    """Return the zeros that a convolution pads itself, for each axis: equally many on both sides, or none.

    Zeros that an axis after them fills with a constant at the corners it leaves: a later axis decides there.

    Args:
        pairs: amounts `(before, after)` of each axis, None where unknown.
        fills: `(before, after)` of each axis.
    """
    counts, constant = [0] * len(pairs), False
    for axis in reversed(range(len(pairs))):
        before, after = pairs[axis]
        modes = [mode for count, (mode, _) in zip(pairs[axis], fills[axis], strict=True) if count != 0]
        if before is not None and before == after and not constant and {*modes} <= {"zeros"}:
            counts[axis] = before
        constant = constant or "constant" in modes
    return counts
