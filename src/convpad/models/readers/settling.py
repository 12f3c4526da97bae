"""Walk of a reader that knows how values were moved, and reads the paddings in that where a window or the end comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from convpad.core.fills import normalised_fills
from convpad.core.padding import Padding
from convpad.models.readers.coverage import is_coverage, without_zeros
from convpad.models.readers.crops import Crop, crop_of, is_cut, is_folded
from convpad.models.readers.moved_paddings import grouped, padding_of, paddings_of
from convpad.models.readers.moved_tensor import BATCH, CHANNELS, SPACE, UNKNOWN, MovedTensor, Result, joined_shapes
from convpad.models.readers.movement import LONGEST_AXIS, SIZE_TO_RECKON_WITH, Movement
from convpad.models.readers.values import Values, broadcast
from convpad.models.readers.walk import TensorInfo, Walk, window_at
from convpad.models.windows import ModelWindows, WindowConfig

_MIXING = ("it mixes the values", "it resamples", "a transform of whole axes")
"""Reasons why operations are not read that compute with values from several places, and do not pad: they are listed."""


class SettlingWalk(Walk):
    """A walk that knows how the values of its tensors were moved, and reads the paddings in that."""

    def __init__(self, tensors: dict[str, TensorInfo] | None = None) -> None:
        super().__init__(tensors)
        self._window_of: dict[str, int] = {}
        self.sizes_of: dict[int, tuple[int, ...]] = {}
        self._crops: dict[int, dict[Crop, str]] = {}
        self._cropped_by: dict[int, int] = {}
        self._settled: dict[Any, bool] = {}

    # Tensors

    def fresh(self, result: Result, like: Iterable[MovedTensor] = (), *, nonnegative: bool = False) -> MovedTensor:
        """Return a tensor of new values, whose axes are those of others, the last ones aligned."""
        sizes, like = result.sizes, list(like)
        if sizes is None and result.shape is not None:
            sizes = tuple(SIZE_TO_RECKON_WITH if size is None else size for size in result.shape)
        if sizes is None:
            return MovedTensor(result.shape, (), nonnegative, result.itemsize, result)
        roles, unread = [UNKNOWN] * len(sizes), [frozenset[str]()] * len(sizes)
        for tensor in like:
            for back in range(1, min(len(tensor.roles), len(sizes)) + 1):
                unread[-back] |= tensor.unread[-back]
                if roles[-back] == UNKNOWN:
                    roles[-back] = tensor.roles[-back]
        movement = Movement.start(result.key, sizes) if max(sizes, default=0) <= LONGEST_AXIS else None
        info = (result.shape, (), nonnegative, result.itemsize, result, movement)
        may_be_padded = any(tensor.may_be_padded for tensor in like)
        return MovedTensor(*info, None, tuple(roles), tuple(unread), may_be_padded=may_be_padded)

    def constant(self, result: Result, values: Values) -> MovedTensor:
        """Return a constant tensor."""
        rank = len(values.shape)
        shape = result.shape if result.shape is not None and len(result.shape) == rank else values.shape
        info = (shape, (), False, result.itemsize, result, None, values)
        return MovedTensor(*info, (UNKNOWN,) * rank, (frozenset[str](),) * rank)

    def _move(self, result: Result, tensor: MovedTensor, movement: Movement, **changes: Any) -> MovedTensor:
        """Return a tensor whose values were moved."""
        if result.sizes is not None and movement.shape != result.sizes:
            return self.along(result, [tensor], None, "its places cannot be followed")
        if movement == tensor.movement and tensor.is_declared:
            return replace(tensor, shape=joined_shapes(tensor.shape, result.shape), **changes)
        absorbed = (*tensor.absorbed, *(pad.name for pad in tensor.pads))
        shape = result.shape
        if tensor.shape is not None and None not in tensor.shape:
            shape = movement.shape
        elif shape is None:
            shape = (None,) * len(movement.axes)
        changes = {"absorbed": absorbed, "shape": shape, "is_declared": False, **changes}
        return replace(tensor, result=result, pads=(), movement=movement, **changes)

    # Operations that are not followed

    def along(
        self, result: Result, tensors: Sequence[MovedTensor], axes: Iterable[int] | None, reason: str
    ) -> MovedTensor:
        """Return the output of an operation that moves values along axes, None for all; a window there is told so."""
        is_unread = self.settle(tensors)
        output = self.fresh(result, tensors if axes is not None else [])
        output = replace(output, may_be_padded=output.may_be_padded or is_unread)
        if output.movement is None:
            if result.sizes is None:
                self.unsupported.append(result.because(reason))
            return output
        entry, rank = frozenset([result.because(reason)]), len(output.unread)
        marked = range(rank) if axes is None else [axis % rank for axis in axes]
        unread = tuple(old | entry if axis in marked else old for axis, old in enumerate(output.unread))
        return replace(output, unread=unread)

    def unreadable(self, result: Result, tensors: Sequence[MovedTensor], reason: str = "") -> MovedTensor:
        """Note an operation that cannot be read, and return its output."""
        self.settle(tensors)
        self.add_unsupported(result.name, result.layer, reason)
        return replace(self.fresh(result), may_be_padded=not reason.startswith(_MIXING))

    def pointwise(self, result: Result, tensors: Sequence[MovedTensor], *, nonnegative: bool = False) -> MovedTensor:
        """Return the output of an operation that leaves every value at its place."""
        moved = [tensor for tensor in tensors if tensor.values is None]
        if not moved:
            shape = result.sizes or broadcast([tensor.values.shape for tensor in tensors if tensor.values])
            return self.constant(result, Values.unknown(shape))
        is_unread = self.settle(moved)
        if any(self._apart(a, b) for a, b in combinations(moved, 2)):
            self.add_unsupported(result.name, result.layer, "it combines different places of a tensor")
            is_unread = True
        if result.sizes is None and all(tensor.shape is not None and None not in tensor.shape for tensor in tensors):
            sizes = broadcast([tensor.sizes or () for tensor in tensors])
            result = replace(result, sizes=sizes, shape=sizes)
        elif result.sizes is None and all(tensor.sizes is not None for tensor in tensors):
            result = replace(result, sizes=broadcast([tensor.sizes or () for tensor in tensors]))
        output = self.fresh(result, moved, nonnegative=nonnegative)
        output = replace(output, may_be_padded=output.may_be_padded or is_unread)
        for tensor in tensors:
            if tensor.values is not None and output.roles:
                output = self._with_factors(output, moved, tensor.values)
        return output

    def _with_factors(self, output: MovedTensor, tensors: Sequence[MovedTensor], values: Values) -> MovedTensor:
        """Note a constant that is not the same at all places: it may take away what a window has padded."""
        entry, unread = output.result.because("its constant depends on the place"), list(output.unread)
        for back in range(1, min(len(values.shape), len(unread)) + 1):
            axis = len(unread) - back
            if values.varies[-back] and output.is_space(axis):
                unread[axis] |= {entry}
                if output.roles[axis] == SPACE:
                    self.unsupported.append(entry)
                    bases = [self._window_of.get(tensor.movement.base) for tensor in tensors if tensor.movement]
                    for index in bases:
                        if index is not None:
                            self.windows[index] = replace(self.windows[index], is_unread=True)
        return replace(output, unread=tuple(unread))

    def renormalised(self, result: Result, tensor: MovedTensor, factors: Values) -> MovedTensor | None:
        """Return a window's output times taps over taps covered, which leaves its padding out; None for another."""
        movement = tensor.movement
        index = self._window_of.get(movement.base) if movement is not None else None
        if movement is None or index is None or movement.steps or len(factors.shape) != len(movement.axes):
            return None
        window = window_at(self.windows[index], self.sizes_of[index])
        ignoring = without_zeros(self.windows[index])
        names = [name for name, _ in movement.sizes if isinstance(name, int)][-len(window.kernel) :]
        axes = [movement.axes.index(name) if name in movement.axes else None for name in names]
        if ignoring is None or not is_coverage(window, factors, axes):
            return None
        for pad in window.pads:
            self._pads.pop(pad.name, None)
        self.windows[index] = ignoring
        self.sizes_of[index] = tuple(size or 0 for size in window.input)
        return replace(self.fresh(result, [tensor]), itemsize=tensor.itemsize)

    def _apart(self, a: MovedTensor, b: MovedTensor) -> bool:
        """Return whether two tensors are different places of one."""
        one, other = a.movement, b.movement
        if one is None or other is None or (one.base, one.axes) != (other.base, other.axes):
            return False
        names = {name for axis, name in enumerate(one.axes) if a.is_space(axis)}
        steps = [[step for step in movement.steps if step[0] in names] for movement in (one, other)]
        return steps[0] != steps[1]

    def is_folding(self, tensor: MovedTensor) -> bool:
        """Return whether a tensor holds places of the output of a transposed convolution, moved by hand."""
        index = None if tensor.movement is None or tensor.is_declared else self._window_of.get(tensor.movement.base)
        return index is not None and self.windows[index].op == "conv_transpose"

    # Paddings

    def settle(self, tensors: Iterable[MovedTensor]) -> bool:
        """Note what was moved into tensors that are no further moved: paddings, or what is none.

        Return whether something was moved into one of them that is not read.
        """
        is_unread = False
        for tensor in tensors:
            is_cropped = self._note_crop(tensor) is not None
            if tensor.is_declared or tensor.movement is None or is_cropped:
                continue
            key = repr(tensor.movement.base), tensor.movement.axes, tensor.movement.steps
            if key not in self._settled:
                self._settled[key] = False
                axes = [axis for axis in range(len(tensor.movement.axes)) if tensor.is_space(axis)]
                self._settled[key] = self._padded(tensor, axes).may_be_padded
            is_unread = is_unread or self._settled[key]
        return is_unread

    def _padded(self, tensor: MovedTensor, axes: Sequence[int]) -> TensorInfo:
        """Return a tensor with the layers that pad some of its axes; note it where it is padded in no known way."""
        steps, _, reason = paddings_of(tensor, axes)
        for name in tensor.absorbed:
            self._pads.pop(name, None)
        if reason:
            self.add_unsupported(tensor.result.name, tensor.result.layer, reason)
            return replace(tensor, pads=(), may_be_padded=True)
        if steps and (axes[0] < 2 or list(axes) != list(range(axes[0], axes[0] + len(axes)))):
            self.add_unsupported(tensor.result.name, tensor.result.layer, "it pads axes that are not the last ones")
            return replace(tensor, pads=(), may_be_padded=True)
        if not steps or tensor.shape is None:
            return replace(tensor, pads=())
        shape = list(tensor.shape)
        for axis, before, after in steps:
            size = shape[axis]
            shape[axis] = None if size is None else size - before[0] - after[0]
        padded: TensorInfo = TensorInfo(tuple(shape), (), tensor.nonnegative, tensor.itemsize)
        for index, group in enumerate(grouped(steps)):
            name = tensor.result.name + (f" (step {index + 1})" if index else "")
            padding = padding_of([group.get(axis) for axis in range(2, len(shape))])
            padded = self.add_pad(padded, name, tensor.result.layer, padding, channels_last=False)
            self.note_constants(tensor.result, padding)
        return padded

    def _note_crop(self, tensor: MovedTensor) -> tuple[int, Crop] | None:
        """Note the crop of a transposed convolution's output, and return the number of its window with it.

        None where the tensor is no such output, or has other values of it than what a padding's adjoint leaves.
        """
        movement = tensor.movement
        index = self._window_of.get(movement.base) if movement is not None else None
        if movement is None or index is None or self.windows[index].op != "conv_transpose":
            return None
        names = [name for name, _ in movement.sizes if isinstance(name, int)][-len(self.windows[index].kernel) :]
        if not all(name in movement.axes for name in names):
            return None
        crop = crop_of(movement, names)
        if crop is None:
            return None
        self._crops.setdefault(index, {}).setdefault(crop, tensor.result.because("it cuts a transposed convolution"))
        return index, crop

    def _crop_windows(self) -> None:
        """Give each transposed convolution what is cut off its output: that is its padding, as frameworks pad evenly.

        Where its output is read in several ways none of them is its padding, and the cuts are noted.
        """
        cropped: set[int] = set()
        for index, crops in self._crops.items():
            cut = {crop: entry for crop, entry in crops.items() if is_cut(crop)}
            window = self.windows[index]
            pairs = [amount.pair for amount in window.padding.amounts]
            if not cut:
                continue
            own = any(map(any, filter(None, pairs)))
            if len(crops) > 1 or None in pairs or (own and any(map(is_folded, cut))):
                self.unsupported += cut.values()
                self.windows[index] = replace(window, is_unread=True)
                continue
            (crop,) = cut
            rows = zip(pairs, crop, strict=True)
            inner = [((pair[0] + a[0], a[1]), (pair[1] + b[0], b[1])) for pair, (a, b) in rows if pair]
            config = replace(window.config, padding=padding_of(inner))
            problem = config.problem(window.problem.input_shape)
            self.windows[index] = replace(window, config=config, problem=problem)
            cropped.add(index)
        for index, source in self._cropped_by.items():
            if source in cropped:
                self.windows[index] = replace(self.windows[index], cuts=())

    def result(self, source: str, framework: str) -> ModelWindows:
        """Return the windows and layers, with the crops of transposed convolutions as their padding."""
        self._crop_windows()
        return super().result(source, framework)

    def note_constants(self, result: Result, padding: Padding) -> None:
        """Note a padding whose constant is not known: it may be another in a model that is otherwise equal."""
        if ("constant", None) in sum(normalised_fills(padding), ()):
            self.add_unsupported(result.name, result.layer, "its constant is trained or computed")

    def read_window(self, tensor: MovedTensor, result: Result, config: WindowConfig) -> MovedTensor:
        """Note a window with the paddings ahead of it, and return its output."""
        rank, crop = len(config.kernel), self._note_crop(tensor)
        info: TensorInfo = tensor
        may_be_padded = tensor.may_be_padded
        cuts: tuple[tuple[int, int, int], ...] = ()
        if tensor.sizes is not None and len(tensor.sizes) > rank:
            axes = range(len(tensor.sizes) - rank, len(tensor.sizes))
            for axis in axes:
                self.unsupported += sorted(tensor.unread[axis])
                may_be_padded = may_be_padded or not all(map(_mixes, tensor.unread[axis]))
            if not tensor.is_declared and not (crop and is_folded(crop[1])):
                info, by_axis = self._padded(tensor, axes), paddings_of(tensor, axes)[1]
                may_be_padded = may_be_padded or info.may_be_padded
                cuts = tuple(by_axis.get(axis, (0, 0, 1)) for axis in axes) if by_axis else ()
        plain = TensorInfo(info.shape, info.pads, info.nonnegative, info.itemsize, may_be_padded=may_be_padded)
        output = self.add_window(plain, result.name, result.layer, config)
        shape = joined_shapes(result.shape, output.shape)
        made = self.fresh(replace(result, shape=shape), nonnegative=output.nonnegative)
        self.windows[-1] = replace(self.windows[-1], cuts=cuts)
        if tensor.sizes is not None and len(tensor.sizes) >= rank:
            self.sizes_of[len(self.windows) - 1] = tensor.sizes[-rank:]
        self._window_of[result.key] = len(self.windows) - 1
        if crop is not None:
            self._cropped_by[len(self.windows) - 1] = crop[0]
        roles = (BATCH, CHANNELS, *(SPACE,) * rank)[-len(made.roles) :] if made.roles else ()
        return replace(made, roles=roles)


def _mixes(entry: str) -> bool:
    return any(reason in entry for reason in _MIXING)
