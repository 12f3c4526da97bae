"""The interface of a backend, with a default for everything that a slow, correct backend does not need to know.

A framework's tensors are handled through one object. Sizes and counts are ints, or the framework's own integers where
it learns them only when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, ClassVar

from convpad.core.problem import Problem
from convpad.core.resampling import ResizedAxis
from convpad.core.window import at_least_zero, spanned

Tensor = Any
Pairs = Sequence[tuple[int, int]]
Box = tuple[slice, ...]
"""Slices of the first axes of a tensor."""


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of a call that decide how it is computed best.

    Args:
        device: `"cpu"`, `"gpu"`, or the framework's word for another.
        gradient: whether the call is differentiated; None where the framework learns that only afterwards (JAX).
        eager: whether operations run one by one, outside of any graph.
        autocast: whether the framework casts the arguments of its operations by itself (`torch.autocast`).
        traced: whether a program is traced that something else will run: at other sizes, or in another runtime.
    """

    device: str = "cpu"
    gradient: bool | None = False
    eager: bool = False
    autocast: bool = False
    traced: bool = False


@dataclass(frozen=True, slots=True)
class ConvWindow:
    """The window of one zero-padded convolution or pool, as a backend takes it.

    Args:
        strides, dilation: one int per spatial axis.
        pads: zeros `(before, after)` per spatial axis.
        groups: of a convolution.
        channels_last: whether the channels are the last axis, or the second.
        leftovers: of a transposed convolution, per axis: values that the padded axis holds beyond the last window.
        size: of a pool: taps per spatial axis.
        filters_first: whether kernels are in PyTorch's order, filters and channels before the window.
    """

    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    channels_last: bool = True
    leftovers: tuple[int, ...] = ()
    size: tuple[int, ...] = ()
    filters_first: bool = False

    @property
    def rank(self) -> int:
        """Number of spatial axes."""
        return len(self.strides)

    @property
    def is_padded(self) -> bool:
        """Whether any side gets zeros."""
        return any(map(any, self.pads))

    def without_pads(self) -> ConvWindow:
        """Return the window on a tensor that is padded already."""
        return replace(self, pads=((0, 0),) * self.rank)


class Backend:
    """A framework, as the engine uses it.

    A subclass must define the methods of the first group. The others have a default that is correct on any framework;
    a subclass overrides those that its framework does better. A function of the given modules that is named like a
    method overrides it. Those of the module `plain` override the methods of the backend's plain form (`Plain`).
    """

    name: ClassVar[str]
    dilated_pools: ClassVar[frozenset[str]] = frozenset()
    """The pools that take dilated windows."""
    has_wide_slice_gradients: ClassVar[bool] = False
    """Whether the gradient of a slice is a tensor as wide as the whole, which makes folding slow to differentiate."""
    plain_operations: ModuleType | None
    """The framework's own operations, for programs that something else runs."""

    def __init__(self, *modules: ModuleType, plain: ModuleType | None = None) -> None:
        self.plain_operations = plain
        for module in modules:
            for name, function in vars(module).items():
                if hasattr(Backend, name) and getattr(function, "__module__", "") == module.__name__:
                    setattr(self, name, function)

    # To be defined

    def owns(self, x: object) -> bool:
        """Return whether `x` is a tensor of this framework."""
        raise NotImplementedError

    def tensor(self, array: Any, like: Tensor) -> Tensor:
        """Return an array or number as a tensor with the dtype and device of `like`."""
        raise NotImplementedError

    def concat(self, parts: list[Tensor], axis: int) -> Tensor:
        """Return tensors joined along an axis."""
        raise NotImplementedError

    def take(self, x: Tensor, axis: int, index: Tensor) -> Tensor:
        """Return the values at the positions `index` of an axis."""
        raise NotImplementedError

    def arange(self, start: Any, stop: Any, like: Tensor) -> Tensor:
        """Return the integers from `start` up to `stop`, on the device of `like`."""
        raise NotImplementedError

    def flip(self, x: Tensor, axis: int) -> Tensor:
        """Return `x` with one axis reversed."""
        raise NotImplementedError

    def sum_along(self, x: Tensor, axis: int) -> Tensor:
        """Return the sum along an axis, which stays, of length 1."""
        raise NotImplementedError

    def broadcast_along(self, x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
        """Return `x`, of length 1 on `axis`, repeated `count` times there and broadcast to the other axes of `like`."""
        raise NotImplementedError

    def where(self, mask: Tensor, x: Tensor, value: float) -> Tensor:
        """Return `x` where the mask is not 0, and `value` elsewhere."""
        raise NotImplementedError

    def zeros(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Return zeros of a shape, with the dtype and device of `like`."""
        raise NotImplementedError

    def pad_zeros(self, x: Tensor, pads: Pairs) -> Tensor:
        """Return `x` with zeros around it, `(before, after)` for every axis."""
        raise NotImplementedError

    def scatter_add(self, x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
        """Return `x` with values added at positions of an axis; a position named twice gets both."""
        raise NotImplementedError

    def set_slice(self, x: Tensor, box: Box, values: Tensor) -> Tensor:
        """Return `x` with the values of a box replaced. `x` may be overwritten: it is unaliased."""
        raise NotImplementedError

    def conv(self, x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
        """Return the zero-padded convolution; kernel `(*window, channels // groups, filters)`."""
        raise NotImplementedError

    def depthwise_conv(self, x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
        """Return the zero-padded depthwise convolution; kernel `(*window, channels, depth_multiplier)`."""
        raise NotImplementedError

    def conv_transpose(self, y: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
        """Return the adjoint of `conv` on an axis that holds `window.leftovers` values beyond its last window."""
        raise NotImplementedError

    def max_pool(self, x: Tensor, window: ConvWindow) -> Tensor:
        """Return the maximum of every window of `window.size` taps; its padding never wins."""
        raise NotImplementedError

    def average_pool(self, x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
        """Return the mean of every window; its padding counts as zeros, or not at all."""
        raise NotImplementedError

    # With a default: facts of a tensor and of a call

    def shape(self, x: Tensor) -> tuple[int | None, ...]:
        """Return the shape, with None for sizes that are not known yet."""
        return tuple(x.shape)

    def dtype(self, x: Tensor) -> str:
        """Return NumPy's name of the dtype."""
        return x.dtype.name

    def size(self, x: Tensor, axis: int) -> Any:
        """Return the size of one axis, as the framework's integer where it is known only when it runs."""
        return x.shape[axis]

    def at_least_zero(self, number: Any) -> Any:
        """Return a number, or 0 where it is negative: an int, or one of the integers of `size`."""
        return at_least_zero(number)

    def context(self, *arrays: Tensor) -> Context:
        """Return the circumstances of a call with these tensors; without tensors, those of the framework by default."""
        return Context()

    def facts(self, tensors: Sequence[Tensor]) -> tuple[Context, tuple[Any, ...], tuple[str, ...]]:
        """Return what the executor of a call depends on: its context, and the shapes and dtypes of its tensors."""
        shapes = tuple([self.shape(x) for x in tensors])
        return self.context(*tensors), shapes, tuple([self.dtype(x) for x in tensors])

    def autocast(self, tensors: Sequence[Tensor]) -> tuple[AbstractContextManager[Any], Sequence[Tensor]]:
        """Return a context without the framework's automatic casts, and the tensors of a call as these cast them.

        Called only where a context says `autocast`. The tensors are an input and, of a convolution, its kernels.
        """
        return nullcontext(), tensors

    def is_compiling(self) -> bool:
        """Return whether a compiler runs this very Python code, which may change no state then."""
        return False

    def call_cached(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of integers that is wrapped in `lru_cache`, in a way that the framework's tracer accepts."""
        return function(*arguments)

    def compiled(self, executor: Callable[..., Tensor], values: Any) -> Callable[..., Tensor]:
        """Return an executor that runs as one program, where the framework would run its operations one by one.

        It is called as `executor(values, *tensors)`, with constants that are None where those of `values` are.
        """
        return executor

    # With a default: choices

    def why_not_native(self, problem: Problem, *, ignored: bool) -> str:
        """Return why the framework cannot pad the windows of a problem itself, without a copy; empty if it can.

        Padding is with zeros or, where `ignored` (pools), with nothing.
        """
        return ""

    def kernel_name(
        self,
        op: str,
        shape: Sequence[Any],
        kernel_shape: Sequence[Any],
        window: ConvWindow,
        dtype: str,
        context: Context,
    ) -> str:
        """Return the name of the kernel that computes a convolution of these shapes.

        `op` is `"conv"`, `"depthwise_conv"` or `"conv_transpose"`. The convolutions of a subclass ask this method, so
        that a plan names what runs. `"framework"` is the framework's own.
        """
        return "framework"

    def framework_pad(self, x: Tensor, problem: Problem, values: Any, *, needs_gradient: bool) -> Tensor | None:
        """Return `x` padded by one operation of the framework, or None where it has none that is faster than parts.

        `needs_gradient` asks for an operation whose own gradient is fast, too.
        """
        return None

    def supports_inplace(self, x: Tensor) -> bool:
        """Return whether `set_slice` copies nothing that need not be copied, for a tensor made of `x`."""
        return False

    def set_kernel_layout(self, kernel: Callable[[], Tensor], trailing_axes: int) -> None:
        """Reorder the memory of a kernel for the framework's convolutions; its shape and values stay.

        `kernel` returns the tensor. It is called only where the order matters, since reading a variable may make it.
        The last `trailing_axes` axes are those of the outputs.
        """

    # With a default: resizing

    def can_resize(self, axes: Sequence[ResizedAxis], device: str) -> bool:
        """Return whether `framework_resize` resizes with exactly these weights, and fast on that device."""
        return False

    def framework_resize(self, x: Tensor, axes: Sequence[ResizedAxis], crops: Pairs, channels_last: bool) -> Tensor:
        """Return `x` with its spatial axes resized as if their ends were repeated, then cropped `(before, after)`."""
        raise NotImplementedError

    def interleave(self, parts: list[Tensor], axis: int) -> Tensor:
        """Return tensors of one shape joined along an axis, a value of each in turn."""
        whole = self.concat(parts, axis)
        places = self.arange(0, self.size(whole, axis), whole)
        turn = places // len(parts)
        return self.take(whole, axis, turn + (places - turn * len(parts)) * self.size(parts[0], axis))

    # With a default: functions of tensors alone, for which everything else is decided

    def prepare_pad(self, problem: Problem, values: Any, context: Context) -> Callable[[Any, Tensor], Tensor] | None:
        """Return the framework's own pad, as a function of the constants and a tensor; None where it has none.

        `values` are the constants as far as they are known: a `TensorValue` stands for a tensor.
        """
        return None

    def prepare_conv(self, op: str, window: ConvWindow) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
        """Return `conv` or `conv_transpose` plus a bias, as a function of a tensor, a kernel, and a bias or None."""
        convolve = getattr(self, op)

        def run(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
            out = convolve(x, kernel, window)
            if bias is None:
                return out
            return self.add_bias(out, bias if window.channels_last else bias.reshape(-1, *[1] * window.rank))

        return run

    def prepare_kernel(
        self, op: str, shape: Sequence[Any], context: Context
    ) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return a function of a kernel of that shape, in Keras's order, and of the tensor that it reads, which orders
        the kernel as `prepare_conv` takes it; None where a convolution is not prepared.
        """
        return None

    # With a default: slices

    def slices(self, x: Tensor, cuts: Box) -> Tensor:
        """Return `x[cuts]`, for positive steps."""
        return x[cuts]

    def cut(self, x: Tensor, axis: int, start: Any, count: Any) -> Tensor:
        """Return `count` values of an axis from `start` on, both integers of `size`."""
        return self.slices(x, (slice(None),) * axis + (slice(start, start + count),))

    def add_slice(self, x: Tensor, box: Box, values: Tensor, *, exportable: bool = False) -> Tensor:
        """Return `x` with values, which broadcast, added to a box. `x` may be overwritten: it is unaliased.

        `exportable`: the addition is part of an operation, not of its gradient, so converters should know it.
        """
        return self.set_slice(x, box, x[box] + values)

    def take_slices(self, x: Tensor, boxes: Sequence[Box]) -> list[Tensor]:
        """Return `[x, *boxes]`. Use the returned `x` afterwards: its gradient adds up those of the boxes.

        So none of them has a gradient as large as `x`, most of it zeros.
        """
        return [x, *(self.slices(x, box) for box in boxes)]

    def add_slices(self, x: Tensor, parts: Sequence[tuple[Box, Tensor]]) -> Tensor:
        """Return `x` with values, which broadcast, added to boxes. `x` may be overwritten: it is unaliased."""
        for box, values in parts:
            x = self.add_slice(x, box, values)
        return x

    def multiply(
        self, x: Tensor, factors: Callable[[], Tensor], boxes: Callable[[], Sequence[tuple[Box, Any]] | None]
    ) -> Tensor:
        """Return `x` times constant factors, which broadcast. `x` may be overwritten: it is unaliased.

        `boxes` returns thin boxes with an array of factors each, whose product is the whole; None where there are none.
        """
        return x * factors()

    def add_bias(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return `x` plus a bias, which broadcasts. `x` may be overwritten: it is unaliased."""
        return x + bias

    # With a default: gradients

    def with_custom_vjp(
        self, forward: Callable[[Tensor], Tensor], backward: Callable[[Tensor], Tensor], x: Tensor, *, aliased: bool
    ) -> Tensor:
        """Return `forward(x)` with `backward` as its gradient, where that is faster than the framework's own.

        `backward` may overwrite its argument; `aliased` says that somebody else may hold that argument, too.
        """
        return forward(x)

    def remakes_padded(self, problem: Problem, dtype: str) -> bool:
        """Return whether the padded tensor of a problem is made again for the gradient instead of kept."""
        return False

    def rematerialise(self, make: Callable[[Tensor], Tensor], run: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Run `run(make(x))`; recompute `make(x)` in the backward pass instead of storing it."""
        return run(make(x))

    def select_for_gradient(
        self, forward: Callable[..., Tensor], differentiated: Callable[..., Tensor], *arrays: Tensor
    ) -> Tensor:
        """Run `forward` where no gradient is asked for, else `differentiated`, which computes equal values."""
        return differentiated(*arrays)


def merged_groups(groups: int, channels: int, most: int) -> int:
    """Return how many groups of so many channels are taken at once, for at most `most` channels or one group."""
    at_once = max(min(most // channels, groups), 1)
    return next(count for count in range(at_once, 0, -1) if groups % count == 0)


def outputs(sizes: Sequence[Any], taps: Sequence[int], window: ConvWindow) -> list[Any]:
    """Return the number of windows on each axis."""
    rows = zip(sizes, taps, window.strides, window.pads, window.dilation, strict=False)
    return [(size + sum(pair) - spanned(count, step)) // stride + 1 for size, count, stride, pair, step in rows]
