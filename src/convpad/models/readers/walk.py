"""Walk of a reader through a model: its tensors, the windows, the padding layers, and the layers that are not read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any
from zipfile import ZipFile

from convpad.core.amounts import explicit
from convpad.core.errors import ModelFileError, PaddingError, refuse
from convpad.core.fills import normalised_fills
from convpad.core.modes import MODES
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.problem import Problem, absorb_overhang
from convpad.core.validation import listed
from convpad.core.window import Window
from convpad.models.windows import ModelWindows, Pad, PaddedWindow, Shape, WindowConfig

LARGEST_TENSOR = 2**31
LARGEST_NUMBER = 100_000
_MAX_AXES = 16


@dataclass(frozen=True, slots=True)
class Doubt:
    """An operation that may have padded a tensor, which is not read.

    Args:
        entry: its name, its class and the reason, as `ModelWindows.unsupported` lists them.
        axes: the axes of the tensor along which it may pad; None for any.
        mixes: whether it computes with values from several places, and not only puts tensors next to each other.
        is_weak: whether that matters only where a window reads the tensor.
    """

    entry: str
    axes: frozenset[int] | None = None
    mixes: bool = False
    is_weak: bool = False

    def on_other_axes(self) -> Doubt:
        """Return the doubt after an operation that rearranges the axes: channels put together are most often that."""
        return replace(self, axes=None, is_weak=not self.mixes)


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a model, as far as it is known without values.

    Args:
        shape: with its batch axis; None where not even the number of axes is known.
        pads: the layers that have padded it, since any other operation.
        nonnegative: whether no value in it is below 0.
        itemsize: bytes of one value.
        pads_last: whether the channels are the last axis to the layers that have padded it, or the second.
        doubts: the operations that may have padded it, which matters once it is known which axes are spatial.
        may_be_padded: whether an operation that is not read may have padded it.
    """

    shape: Shape | None = None
    pads: tuple[Pad, ...] = ()
    nonnegative: bool = False
    itemsize: int = 4
    pads_last: bool | None = field(default=None, kw_only=True)
    doubts: tuple[Doubt, ...] = field(default=(), kw_only=True)
    may_be_padded: bool = field(default=False, kw_only=True)

    def shape_of_rank(self, rank: int) -> Shape:
        """Return the shape with one batch axis, the channels and `rank` spatial axes; None for an unknown size."""
        if self.shape is None or len(self.shape) < rank + 1:
            return (None,) * (rank + 2)
        return (self.shape[0] if len(self.shape) == rank + 2 else None, *self.shape[-rank - 1 :])

    def unpadded_windows(self, kernel: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> list[Window]:
        """Return the windows on the spatial axes, channels first, without padding."""
        sizes = self.shape_of_rank(len(kernel))[2:]
        return [Window(*row, None, None) for row in zip(sizes, kernel, strides, dilation, strict=True)]


def checked_shape(name: str, shape: Any) -> Shape:
    """Return the sizes of a tensor: ints from 0 on, None for unknown ones, no more values than memory holds."""
    sizes = listed(shape)
    known = [size for size in sizes or () if size is not None]
    if sizes is None or len(sizes) > _MAX_AXES or any(type(size) is not int or size < 0 for size in known):
        raise refuse(name, "have a shape: one int or None for each axis", shape)
    if prod(size for size in sizes if size) > LARGEST_TENSOR:
        raise refuse(name, f"hold at most {LARGEST_TENSOR:,} values", tuple(sizes))
    return tuple(sizes)


def check_input_shapes(shapes: Sequence[Shape | None], declared: Sequence[tuple[str, Shape | None]]) -> None:
    """Refuse shapes that do not fit the inputs that a model declares, with their names."""
    if len(shapes) != len(declared):
        raise refuse("input_shape", f"have one shape for each of the {len(declared)} inputs", shapes)
    for shape, (name, size) in zip(shapes, declared, strict=True):
        if shape is not None and size is not None and len(size) != len(shape):
            raise refuse("input_shape", f"have {len(size)} axes, as the input {name!r} has", shape)


def read_entry(archive: ZipFile, name: str, subject: str, largest: int) -> bytes:
    """Return a file of a zip file, or refuse one of more than `largest` bytes; `subject` begins the refusal."""
    with archive.open(name) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ModelFileError(f"{subject} must be of at most {largest:,} bytes.")
    return data


def explicit_padding(pairs: Sequence[tuple[int, int]], mode: str, value: Any = None) -> Padding:
    """Return a padding of (before, after) for each axis, with one mode; the value of a constant is None if unknown."""
    value = value if MODES[mode].takes_value else None
    modes, values = (MODES[mode], MODES[mode]), (value, value)
    return Padding(tuple(explicit(*pair) for pair in pairs), (modes,) * len(pairs), (values,) * len(pairs))


def unread_entry(name: str, layer: str, reason: str = "") -> str:
    """Return the words for a layer that is not read: `"mine (Mine: TypeError: no such argument)"`."""
    return f"{name} ({layer}: {reason})" if reason else f"{name} ({layer})"


class Walk:
    """The tensors of a model by name, followed layer by layer, and the windows and padding layers on the way."""

    def __init__(self, tensors: dict[str, TensorInfo] | None = None) -> None:
        self.tensors = tensors or {}
        self.windows: list[PaddedWindow] = []
        self.unsupported: list[str] = []
        self._pads: dict[str, Pad] = {}
        self._calls: dict[str, int] = {}

    def tensor(self, name: str) -> TensorInfo:
        """Return the tensor of that name."""
        return self.tensors.get(name, TensorInfo())

    def numbered(self, name: str, key: str | None = None) -> str:
        """Return the name of a call: a layer that is called again is numbered. Calls of one `key` are of one layer."""
        count = self._calls[key or name] = self._calls.get(key or name, 0) + 1
        return name if count == 1 else f"{name} (call {count})"

    def add_unsupported(self, name: str, layer: str, reason: str = "") -> None:
        """Note a layer that may have windows or pad, and cannot be read, with the reason."""
        self.unsupported.append(unread_entry(name, layer, reason))

    def settle_doubts(self, tensor: TensorInfo, spatial: Sequence[int] | None) -> bool:
        """Note the operations that may have padded a tensor along its spatial axes; None where nothing says which.

        Return whether one of them does nothing but move values.
        """
        may_pad = False
        for doubt in tensor.doubts:
            rank = len(tensor.shape or ())
            if spatial is not None:
                matters = doubt.axes is None or any(axis % (len(spatial) + 2) in spatial for axis in doubt.axes)
            else:  # most often the last axis holds the channels
                matters = not doubt.is_weak and doubt.axes not in (frozenset((rank - 1,)), frozenset((-1,)))
            if matters:
                self.unsupported.append(doubt.entry)
                may_pad = may_pad or not doubt.mixes
        return may_pad

    def add_pad(
        self, tensor: TensorInfo, name: str, layer: str, padding: Padding, *, channels_last: bool
    ) -> TensorInfo:
        """Note a layer that only pads, by explicit amounts, and return its output.

        The number of axes of its input is known.
        """
        fills = normalised_fills(padding)
        modes = tuple((MODES[before[0]], MODES[after[0]]) for before, after in fills)
        padding = replace(padding, modes=modes, values=tuple((before[1], after[1]) for before, after in fills))
        pad = Pad(name, layer, padding, None)
        shape = list(tensor.shape or ())
        for axis, pair in enumerate(pad.pairs, 1 if channels_last else 2):
            _check_numbers(name, pair)
            shape[axis] = None if (size := shape[axis]) is None else size + sum(pair)
        padded = checked_shape(name, shape)
        sizes = [1 if size is None and axis == 0 else size for axis, size in enumerate(padded)]
        known = [size for size in sizes if size is not None]
        if len(known) == len(sizes):
            pad = replace(pad, copied_bytes=prod(known) * tensor.itemsize)
        self._pads[name] = pad
        nonnegative = tensor.nonnegative and all(mode.keeps_nonnegative for pair in modes for mode in pair)
        before = tensor.pads if tensor.pads_last in (None, channels_last) else ()
        return replace(tensor, shape=padded, pads=(*before, pad), nonnegative=nonnegative, pads_last=channels_last)

    def add_window(self, tensor: TensorInfo, name: str, layer: str, config: WindowConfig) -> TensorInfo:
        """Note the window of a convolution or pool, and return its output."""
        rank, groups = len(config.kernel), config.groups
        amounts = [amount.pair or () for amount in config.padding.amounts]
        for numbers in (config.kernel, config.strides, config.dilation, *amounts):
            _check_numbers(name, numbers)
        shape = tensor.shape_of_rank(rank)
        channels = shape[-1 if config.channels_last else 1]
        if config.op == "conv" and groups == channels and groups > 1 and config.filters and not config.filters % groups:
            config = replace(config, op="depthwise_conv", groups=1)
        try:
            problem = config.problem(shape)
        except PaddingError as error:
            raise PaddingError(f"{name}: {error}") from None
        checked_shape(name, problem.output_shape)
        if config.ceil_mode:
            config, problem = rounded_down(config, problem)
        has_these_axes = all(len(pad.pairs) == rank for pad in tensor.pads)
        pads = tensor.pads if has_these_axes and tensor.pads_last in (None, config.channels_last) else ()
        first = 1 if config.channels_last else 2
        is_unread = self.settle_doubts(tensor, range(first, first + rank)) or tensor.may_be_padded
        self.windows.append(PaddedWindow(name, layer, config, problem, pads, tensor.nonnegative, (), is_unread))
        nonnegative = config.op in POOLS and tensor.nonnegative
        return TensorInfo(problem.output_shape, (), nonnegative, tensor.itemsize)

    def result(self, source: str, framework: str) -> ModelWindows:
        """Return the windows and layers; layers that pad ahead of no window are unattached."""
        attached = {pad.name for window in self.windows for pad in window.pads}
        unattached = tuple(pad for name, pad in self._pads.items() if name not in attached)
        return ModelWindows(source, framework, tuple(self.windows), unattached, tuple(dict.fromkeys(self.unsupported)))


def _check_numbers(name: str, numbers: Sequence[int]) -> None:
    for number in numbers:
        if type(number) is not int or number > LARGEST_NUMBER:
            raise refuse(name, f"be made of ints of at most {LARGEST_NUMBER:,}", number)


def window_at(window: PaddedWindow, sizes: Sequence[int | None]) -> PaddedWindow:
    """Return a window on an input whose spatial axes, as the layers before it have padded them, are of other sizes."""
    shape = list(window.problem.input_shape)
    for axis, size in zip(window.problem.axes, sizes, strict=True):
        shape[axis] = size
    config, problem = window.config, window.config.problem(shape)
    config, problem = rounded_down(config, problem) if config.ceil_mode else (config, problem)
    return replace(window, config=config, problem=problem)


def rounded_down(config: WindowConfig, problem: Problem) -> tuple[WindowConfig, Problem]:
    """Rewrite a pool that rounds up as one that rounds down, where there is one that is equal."""
    down = absorb_overhang(problem)
    if not down.is_static or any(window.ceil for window in down.windows):
        return config, problem
    padding = Padding(tuple(explicit(*pair) for pair in down.pads), down.modes, config.padding.values)
    return replace(config, padding=padding, ceil_mode=False), down
