"""`Problem`: one padded operation with its shapes, in integers, checked before anything else is decided.

Every public function and layer, on every backend and in the oracle, comes through this door, so all of them
refuse alike and none of them meets a spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import prod
from typing import Any, cast

from convpad.core.amounts import Amount
from convpad.core.errors import ShapeError, refuse
from convpad.core.modes import MODES, Mode
from convpad.core.operation import POOLS, Operation
from convpad.core.padding import Padding
from convpad.core.validation import integer
from convpad.core.window import Window, padded_window, transposed_window

Shape = tuple[int | None, ...]


def _derived() -> Any:
    """Return a field that follows from the others, computed once, as every call reads it."""
    return field(init=False, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Problem:
    """One padded operation: everything that is known of it without a tensor.

    Args:
        op: one of `OPS`, or `"pad"`.
        input_shape, output_shape: None for what is not known.
        windows: one per spatial axis. Those of `conv_transpose` belong to the forward convolution whose adjoint
            it is, so their `size` is the output's.
        modes: `(before, after)` per spatial axis.
        groups: of a convolution.
        channels_last: whether the channels are the last axis, or the second.
        amounts: one per spatial axis, for a backend that learns a size only when it runs.
        leftovers: per axis, what the padded axis holds beyond the last window (`conv_transpose` alone).
        kernel_shape: the kernel's shape as Keras has it, None for channels that are unknown; empty where there is none.
        filters_first: whether kernels are in PyTorch's order, filters and channels before the window.
    """

    op: str
    input_shape: Shape
    output_shape: Shape
    windows: tuple[Window, ...]
    modes: tuple[tuple[Mode, Mode], ...]
    groups: int
    channels_last: bool
    amounts: tuple[Amount, ...]
    leftovers: tuple[int, ...] = ()
    kernel_shape: Shape = ()
    filters_first: bool = False
    strides: tuple[int, ...] = _derived()
    """Steps from one output to the next, per axis."""
    dilation: tuple[int, ...] = _derived()
    """Steps from one tap to the next, per axis."""
    pads: tuple[tuple[int, int], ...] = _derived()
    """(before, after) per axis; (0, 0) where unknown, see `is_static`."""
    is_static: bool = _derived()
    """Whether the sizes and amounts of all axes are ints already."""
    padded_modes: tuple[Mode, ...] = _derived()
    """The distinct modes of the sides whose amount is not 0."""
    pads_more_than_zeros: bool = _derived()
    """Whether any of the padding is copies or constants."""
    renormalises: bool = _derived()
    """Whether a window may hold places that do not count: ignored padding, or an overhang."""
    _hash: int | None = _derived()
    """The hash, once it is asked for."""

    def __post_init__(self) -> None:
        modes = self._padded_modes()
        for name, value in (
            ("strides", tuple([window.stride for window in self.windows])),
            ("dilation", tuple([window.dilation for window in self.windows])),
            ("pads", tuple([(window.before or 0, window.after or 0) for window in self.windows])),
            ("is_static", all(window.is_static for window in self.windows)),
            ("padded_modes", modes),
            ("pads_more_than_zeros", any(mode.copies_input or mode.takes_value for mode in modes)),
            (
                "renormalises",
                not all(mode.is_counted for mode in modes) or any(window.overhangs for window in self.windows),
            ),
            ("_hash", None),
        ):
            object.__setattr__(self, name, value)

    def __hash__(self) -> int:
        if self._hash is None:
            values = self.op, self.input_shape, self.output_shape, self.windows, self.modes, self.groups
            object.__setattr__(self, "_hash", hash((*values, self.channels_last)))
        return self._hash or 0

    def _padded_modes(self) -> tuple[Mode, ...]:
        modes: list[Mode] = []
        for window, (before, after) in zip(self.windows, self.modes, strict=True):
            for count, mode in ((window.before, before), (window.after, after)):
                if self.op == "conv_transpose" and mode.takes_value:
                    mode = MODES["zeros"]  # it does not depend on the input, so the adjoint does not see it
                if count != 0 and mode not in modes:
                    modes.append(mode)
        return tuple(modes)

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.windows)

    @property
    def axes(self) -> range:
        """The spatial axes of the input."""
        return range(1, 1 + self.rank) if self.channels_last else range(2, 2 + self.rank)

    def around(self, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return pads of the spatial axes with those of the other axes of a tensor, which are none."""
        return [(0, 0), *pairs, (0, 0)] if self.channels_last else [(0, 0), (0, 0), *pairs]

    @property
    def channel_axis(self) -> int:
        """The axis of the channels."""
        return 1 + self.rank if self.channels_last else 1

    @property
    def taps(self) -> int:
        """Values under one window."""
        return prod([window.kernel for window in self.windows])


def parse_problem(
    op: str, input_shape: Any, kernel_shape: Any, padding: Padding, *, pointwise_shape: Any = (), **options: Any
) -> Problem:
    """Check one operation against its shapes.

    Args:
        input_shape: `(batch, *spatial, channels)`, or channels second; None where unknown.
        kernel_shape: the kernel's shape as Keras has it, None for unknown channels; for pools the pool's size.
        pointwise_shape: the second kernel's shape, of `separable_conv`.
        options: the other arguments of `Operation.parse`.

    Raises:
        PaddingError: an argument is wrong by itself.
        ShapeError: arguments do not fit each other.
    """
    rank = rank_of(known_shape("x", input_shape))
    if op in POOLS:
        return make_problem(Operation.parse(op, rank, padding=padding, pool_size=kernel_shape, **options), input_shape)
    kernels = (kernel_shape, pointwise_shape) if op == "separable_conv" else (kernel_shape,)
    return make_problem(Operation.parse(op, rank, padding=padding, **options), input_shape, *kernels)


def pad_problem(input_shape: Any, padding: Padding, data_format: str = "channels_last") -> Problem:
    """Check a padding against the shape of its input."""
    rank = rank_of(known_shape("x", input_shape))
    return make_problem(Operation.parse("pad", rank, padding=padding, data_format=data_format), input_shape)


def make_problem(operation: Operation, input_shape: Any, *kernel_shapes: Any) -> Problem:
    """Check an operation against the shapes of its input and kernels, None where unknown.

    Kernels are as Keras has them, or as PyTorch, if the operation says so.

    Raises:
        ShapeError: the shapes do not fit.
    """
    shape = known_shape("x", input_shape)
    if len(shape) != operation.rank + 2:
        rank_of(shape)  # what has no spatial axis is refused in other words
        raise ShapeError(
            f"The input must have {operation.rank + 2} axes: batch, {operation.rank} spatial and channels. Received: "
            f"shape {shape}."
        )
    channels = shape[-1] if operation.channels_last else shape[1]
    sizes = shape[1:-1] if operation.channels_last else shape[2:]
    op, padding = operation.op, operation.padding
    full: Shape = ()
    if op == "pad" or op in POOLS:
        kernel, filters = operation.pool_size or (1,) * operation.rank, channels
    else:
        given = _kernel_shape("kernel", kernel_shapes[0], operation.rank, operation.filters_first)
        full = (*given[2:], given[1], given[0]) if operation.filters_first else given
        kernel, filters = cast("tuple[int, ...]", full[:-2]), _filters(op, full, channels, operation.groups)
        if op == "separable_conv":
            filters = _pointwise_filters(_kernel_shape("pointwise_kernel", kernel_shapes[1], operation.rank), filters)
    padding.check_channels(filters if op == "conv_transpose" else channels)
    leftovers: tuple[int, ...] = ()
    rows = list(zip(sizes, kernel, operation.strides, operation.dilation, padding.amounts, strict=True))
    if op == "pad":
        windows = _padding_alone(sizes, padding)
    elif op == "conv_transpose":
        pairs = [
            transposed_window(*row, extra, axis)
            for axis, (row, extra) in enumerate(zip(rows, operation.output_padding, strict=True))
        ]
        windows, leftovers = tuple(window for window, _ in pairs), tuple(leftover for _, leftover in pairs)
    else:
        windows = tuple(padded_window(*row, axis, operation.ceil_mode) for axis, row in enumerate(rows))
    outputs = tuple(window.size if op == "conv_transpose" else window.output for window in windows)
    return Problem(
        op,
        shape,
        (shape[0], *outputs, filters) if operation.channels_last else (shape[0], filters, *outputs),
        windows,
        padding.modes,
        operation.groups,
        operation.channels_last,
        padding.amounts,
        leftovers,
        full,
        operation.filters_first,
    )


def _padding_alone(sizes: Shape, padding: Padding) -> tuple[Window, ...]:
    """Return the windows of padding alone: of one tap, so that the output is the padded axis."""
    windows: list[Window] = []
    for axis, (size, amount, modes) in enumerate(zip(sizes, padding.amounts, padding.modes, strict=True)):
        before, after = amount.pair_for(1, 1, 1)
        for mode, count in zip(modes, (before, after), strict=True):
            if mode.copies_input and size == 0 and count:
                raise ShapeError(
                    f"An empty axis has nothing to copy. Received: spatial axis {axis} of size 0 with padding_mode "
                    f"{mode.name!r}. Pad it with 'zeros' or a constant."
                )
        windows.append(Window(size, 1, 1, 1, before, after))
    return tuple(windows)


def absorb_overhang(problem: Problem) -> Problem:
    """Rewrite windows that are rounded up as windows that are rounded down, where ignored padding can say it.

    Places that the last window reads beyond the padded axis are ignored padding. Where the padding before them counts,
    the window keeps its overhang.
    """
    if not any(window.ceil for window in problem.windows):
        return problem
    pairs: list[tuple[Window, tuple[Mode, Mode]]] = []
    counted = False  # whether padding of a later axis, which decides at corners, would count there
    for window, modes in reversed(list(zip(problem.windows, problem.modes, strict=True))):
        pairs.insert(0, (window, modes) if counted and window.overhangs else _rounded_down(window, modes))
        sides = zip((window.before, window.after), modes, strict=True)
        counted = counted or any(count != 0 and mode.is_counted and not mode.copies_input for count, mode in sides)
    return replace(problem, windows=tuple(window for window, _ in pairs), modes=tuple(modes for _, modes in pairs))


def _rounded_down(window: Window, modes: tuple[Mode, Mode]) -> tuple[Window, tuple[Mode, Mode]]:
    if not window.ceil or window.size is None or window.before is None or window.after is None:
        return window, modes
    before, after = modes
    if not window.overhang:
        # The padding that only a dropped window would read is dropped as well.
        read = (window.output or 0) * window.stride + window.span - 1 - window.size - window.before
        return replace(window, after=min(window.after, read), ceil=False), modes
    if window.after and after.is_counted:
        return window, modes
    return replace(window, after=window.after + window.overhang, ceil=False), (before, MODES["ignore"])


@lru_cache(maxsize=256)
def sources(problem: Problem) -> tuple[tuple[int, ...], ...] | None:
    """Return the index of the value that each position of each padded axis copies; None if any position is no copy."""
    indices: list[tuple[int, ...]] = []
    for window, (first, last) in zip(problem.windows, problem.modes, strict=True):
        if window.size is None or window.before is None or window.after is None:
            return None
        before = [first.terms(place, window.size) for place in range(-window.before, 0)]
        after = [last.terms(place, window.size) for place in range(window.size, window.size + window.after)]
        if any(len(terms) != 1 or terms[0][1] != 1 for terms in (*before, *after)):
            return None
        inside = range(window.size)
        indices.append((*(terms[0][0] for terms in before), *inside, *(terms[0][0] for terms in after)))
    return tuple(indices)


def known_shape(argument: str, shape: Any) -> Shape:
    """Return a shape with its sizes as ints, None where they are unknown."""
    if isinstance(shape, (str, dict, set)) or not isinstance(shape, Iterable):
        raise refuse(argument, "have a shape: one int or None for each axis", cast("object", shape))
    sizes = cast("Iterable[Any]", shape)
    entry = argument if argument.endswith("shape") else f"{argument}.shape"
    return tuple(
        [size if size is None or (type(size) is int and size >= 0) else integer(entry, size, 0) for size in sizes]
    )


def rank_of(input_shape: Sequence[int | None]) -> int:
    """Return the number of spatial axes of an input of that shape."""
    if len(input_shape) < 3:
        raise ShapeError(
            "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape "
            f"{tuple(input_shape)}. Add the missing axes, of size 1."
        )
    return len(input_shape) - 2


def _kernel_shape(argument: str, kernel_shape: Any, rank: int, filters_first: bool = False) -> Shape:
    full = known_shape(argument, kernel_shape)
    if len(full) != rank + 2:
        axes = "one window axis" if rank == 1 else f"{rank} window axes"
        raise ShapeError(
            f"A kernel must have {axes}, like the input, and two for channels. Received: a {argument} of "
            f"shape {full} for an input with {rank} spatial {'axis' if rank == 1 else 'axes'}."
        )
    if 0 in full or None in (full[2:] if filters_first else full[:-2]):
        raise ShapeError(
            f"A kernel must hold at least one value on every axis. Received: a {argument} of shape {full}."
        )
    return full


def _filters(op: str, kernel: Shape, channels: int | None, groups: int) -> int | None:
    """Check the kernel's channels against the input's; return the number of output channels, None while unknown."""
    first, second = kernel[-2:]
    if op == "conv":
        read, filters, layout = _times(first, groups), second, "(*window, channels // groups, filters)"
    elif op == "conv_transpose":
        read, filters, layout = second, _times(first, groups), "(*window, filters // groups, channels)"
    else:
        read, filters, layout = first, _times(first or channels, second), "(*window, channels, depth_multiplier)"
    if channels is not None and read is not None and channels != read:
        grouped = f" with groups={groups}" if groups > 1 else ""
        raise ShapeError(
            f"The kernel must be of shape {layout}. Received: a kernel of shape {kernel}{grouped} for an input of "
            f"{channels} channels. That kernel reads {read}.{_mend_torch_order(op, kernel, channels, groups)}"
        )
    if second is not None and second % groups:
        raise ShapeError(f"The groups must divide {second}, the kernel's last axis. Received: groups={groups}.")
    return filters


def _mend_torch_order(op: str, kernel: Shape, channels: int, groups: int) -> str:
    """Return how to reorder a kernel whose shape is one that PyTorch's operation would take; "" if it is not."""
    first, second = kernel[:2]
    read = {"conv": _times(second, groups), "conv_transpose": first}.get(op, first if second == 1 else None)
    if read != channels:
        return ""
    last = (1, 0) if op in ("conv", "conv_transpose") else (0, 1)
    order = ", ".join(map(str, (*range(2, len(kernel)), *last)))
    return f" PyTorch's order is another: a kernel of a torch.nn layer fits after `kernel.permute({order})`."


def _times(count: int | None, factor: int | None) -> int | None:
    return None if count is None or factor is None else count * factor


def _pointwise_filters(pointwise: Shape, channels: int | None) -> int | None:
    *window, read, filters = pointwise
    if any(size != 1 for size in window) or (channels is not None and read is not None and read != channels):
        allowed = ", ".join([*("1",) * len(window), str(channels), "filters"])
        raise ShapeError(f"The pointwise kernel must be of shape ({allowed}). Received: {pointwise}.")
    return filters
