"""Walk of a reader through operations that move values: slices, concatenations, pads, reshapes, sums and copies."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from convpad.core.fills import normalised_fills
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.models.readers.moved_tensor import SPACE, UNKNOWN, MovedTensor, Result
from convpad.models.readers.movement import LONGEST_AXIS, PER_CHANNEL, Places, copied, filled, regrouped, weighted
from convpad.models.readers.settling import SettlingWalk
from convpad.models.readers.values import Values, broadcast, chosen

_DENSE = 0.9
"""A matrix with more values that are not 0 mixes an axis; with fewer it may pad it, or move a window along it."""


class MovingWalk(SettlingWalk):
    """A walk that follows the places of values from operation to operation."""

    def take(self, result: Result, tensor: MovedTensor, axis: int, indices: Sequence[int]) -> MovedTensor:
        """Return the values at some indices of an axis, in their order."""
        sizes = tensor.sizes
        if sizes is None:
            return self.along(result, [tensor], None, "the sizes of its input are not known")
        axis %= len(sizes)
        indices = [index + sizes[axis] if index < 0 else index for index in indices]
        if any(not 0 <= index < sizes[axis] for index in indices):
            return self.along(result, [tensor], [axis], "its indices are beyond the axis")
        if tensor.values is not None:
            values, shape = tensor.values.take(axis, indices), result.shape
            if shape is None and tensor.shape is not None:  # of what was open, a part is open
                shape = tuple(None if old is None else new for old, new in zip(tensor.shape, values.shape, strict=True))
            return self.constant(replace(result, shape=shape), values)
        if tensor.movement is None or len(indices) > LONGEST_AXIS:
            return self.along(result, [tensor], [axis], "the axis is too long to be followed")
        movement = tensor.movement.moved(tensor.movement.axes[axis], tuple(map(copied, indices)))
        shape = None
        if tensor.shape is not None and list(indices) == list(range(sizes[axis])):
            shape = tensor.shape
        return self._move(replace(result, shape=result.shape or shape), tensor, movement)

    def cut(self, result: Result, tensor: MovedTensor, axis: int, start: Any, stop: Any, step: int = 1) -> MovedTensor:
        """Return a slice of an axis."""
        if tensor.sizes is None:
            return self.along(result, [tensor], None, "the sizes of its input are not known")
        if not all(isinstance(number, (int, type(None))) for number in (start, stop, step)) or not step:
            return self.along(result, [tensor], [axis], "its bounds depend on the input")
        indices = range(*slice(start, stop, step).indices(tensor.sizes[axis]))
        return self.take(result, tensor, axis, indices)

    def join(self, result: Result, tensors: Sequence[MovedTensor], axis: int) -> MovedTensor:
        """Return tensors one behind the other along an axis."""
        tensors = [tensor for tensor in tensors if tensor.sizes is None or 0 not in tensor.sizes] or list(tensors)
        if len(tensors) == 1:
            return replace(tensors[0], result=replace(tensors[0].result, key=result.key))
        rank = len(tensors[0].sizes or ())
        axis = axis % rank if rank else axis
        if all(tensor.values is not None for tensor in tensors):
            values = [tensor.values for tensor in tensors if tensor.values is not None]
            shape = [*values[0].shape]
            shape[axis] = sum(entry.shape[axis] for entry in values)
            return self.constant(result, values[0].joined(values[1:], axis) or Values.unknown(shape))
        moved = [tensor for tensor in tensors if tensor.values is None]
        pieces = [self._piece(tensor, moved[0], axis) for tensor in tensors]
        known = [piece for piece in pieces if piece is not None]
        others = {piece[0] for piece in known if piece[0] is not None}
        places = tuple(place for piece in known for place in piece[1])
        movement = None if moved[0].movement is None else replace(moved[0].movement, factor=1)
        if len(known) < len(pieces) or len(others) > 1 or len(places) > LONGEST_AXIS or movement is None:
            return self._beside(result, tensors, axis)
        joined = movement.with_step(others.pop(), movement.axes[axis], places)
        modes = tuple(mode for tensor in moved for mode in tensor.modes)
        absorbed = [name for tensor in moved for name in (*tensor.absorbed, *(pad.name for pad in tensor.pads))]
        nonnegative = all(tensor.nonnegative for tensor in moved)
        known = all(tensor.shape is not None and None not in tensor.shape for tensor in moved)
        shape = joined.shape if known else result.shape or (None,) * rank
        changes = {"modes": modes, "absorbed": tuple(absorbed), "nonnegative": nonnegative, "shape": shape}
        return self._move(result, moved[0], joined, **changes)

    def _piece(self, tensor: MovedTensor, first: MovedTensor, axis: int) -> tuple[Any, Places] | None:
        """Return the other steps of a piece of a concatenation, None for a constant, and its places along the axis."""
        if tensor.values is not None:
            constants = self._constants(tensor, axis)
            return None if constants is None else (None, tuple(map(filled, constants)))
        a, b = tensor.movement, first.movement
        if a is None or b is None or (a.base, a.axes) != (b.base, b.axes):
            return None
        return a.multiplied(a.axes[axis]).places(a.axes[axis])

    def _constants(self, tensor: MovedTensor, axis: int) -> Sequence[Hashable] | None:
        """Return the constant at each place of an axis; None where constants differ along other axes of space."""
        values = tensor.values
        if values is None:
            return None
        along = values.along(axis)
        if along is not None:
            return list(along)
        elsewhere = [other for other, varies in enumerate(values.varies) if varies and other >= 2]
        by_channel = values.along(1) if len(values.shape) > 2 else None
        if by_channel is not None and all(isinstance(value, (int, float)) for value in by_channel):
            return [(PER_CHANNEL, tuple(by_channel))] * values.shape[axis]
        return None if elsewhere else [("values of", tensor.result.key)] * values.shape[axis]

    def _beside(self, result: Result, tensors: Sequence[MovedTensor], axis: int) -> MovedTensor:
        """Return different tensors one behind the other, which is no padding."""
        reason = "it puts different tensors side by side"
        output = self.along(result, tensors, [axis], reason)
        if output.roles:
            roles = [self._common_role(tensors, place) for place in range(len(output.roles))]
            output = replace(output, roles=tuple(roles))
            if output.is_space(axis):
                self.add_unsupported(result.name, result.layer, reason)
        return output

    def _common_role(self, tensors: Sequence[MovedTensor], axis: int) -> str:
        roles = [tensor.roles[axis] for tensor in tensors if len(tensor.roles) > axis]
        return next((role for role in roles if role != UNKNOWN), UNKNOWN)

    def pad(self, result: Result, tensor: MovedTensor, padding: Padding) -> MovedTensor:
        """Note a layer that pads the last axes by explicit amounts, and return its output."""
        padded = self.add_pad(tensor, result.name, result.layer, padding, channels_last=False)
        self.note_constants(result, padding)
        output = replace(tensor, pads=padded.pads, shape=padded.shape, nonnegative=padded.nonnegative, result=result)
        movement, sizes = tensor.movement, tensor.sizes
        if movement is None or sizes is None or tensor.values is not None:
            return self.fresh(replace(result, shape=padded.shape), [tensor]) if tensor.values is not None else output
        rank, modes = padding.rank, list(tensor.modes)
        for index, (amount, fills) in enumerate(zip(padding.amounts, normalised_fills(padding), strict=True)):
            name, (before, after) = movement.axes[index - rank], amount.pair or (0, 0)
            size = movement.size(name)
            if size + before + after > LONGEST_AXIS:
                return replace(output, movement=None)
            outside = [(fills[0], place) for place in range(-before, 0)]
            outside += [(fills[1], size + place) for place in range(after)]
            places: list[Any] = [((MODES[f[0]].terms(at, size)), _fill(f, result)) for f, at in outside]
            rows = (*places[:before], *map(copied, range(size)), *places[before:])
            movement = movement.moved(name, rows)
            modes += [fill[0] for fill in fills]
        pads = padded.pads if tensor.is_declared else ()
        absorbed = tensor.absorbed if tensor.is_declared else (*tensor.absorbed, result.name)
        return replace(output, movement=movement, pads=pads, modes=tuple(modes), absorbed=absorbed)

    def permute(self, result: Result, tensor: MovedTensor, order: Sequence[int]) -> MovedTensor:
        """Return a tensor with its axes in another order."""
        if tensor.sizes is None or len(order) != len(tensor.sizes):
            return self.along(result, [tensor], None, "the order of its axes is not known")
        if tensor.values is not None:
            return self.constant(result, tensor.values.permuted([axis % len(order) for axis in order]))
        shape = None if tensor.shape is None else tuple(tensor.shape[axis] for axis in order)
        roles, unread = tuple(tensor.roles[axis] for axis in order), tuple(tensor.unread[axis] for axis in order)
        if tensor.movement is None:
            return self.along(result, [tensor], None, "an axis is too long to be followed")
        movement = replace(tensor.movement, axes=tuple(tensor.movement.axes[axis] for axis in order))
        result = replace(result, shape=result.shape or shape)
        return self._turned(self._move(result, tensor, movement, roles=roles, unread=unread), tensor)

    def reshape(self, result: Result, tensor: MovedTensor, sizes: Sequence[int]) -> MovedTensor:
        """Return a tensor in another shape."""
        if tensor.values is not None:
            return self.constant(result, tensor.values.reshaped(sizes))
        movement = None if tensor.movement is None else regrouped(tensor.movement, sizes)
        if movement is None or tensor.movement is None:
            return self.along(result, [tensor], None, "it merges or splits axes along which values were moved")
        known = {name: (tensor.roles[i], tensor.unread[i]) for i, name in enumerate(tensor.movement.axes)}
        everything = frozenset[str]().union(*tensor.unread)
        rows = [known.get(name, (UNKNOWN, everything)) for name in movement.axes]
        roles, unread = tuple(role for role, _ in rows), tuple(entries for _, entries in rows)
        return self._turned(self._move(result, tensor, movement, roles=roles, unread=unread), tensor)

    def _turned(self, output: MovedTensor, tensor: MovedTensor) -> MovedTensor:
        """Return a tensor in another shape, which has the name of the operation that has moved its values."""
        if output.movement is None or not output.movement.steps:  # there is nothing to read in it yet
            return replace(output, is_declared=True)
        return replace(output, result=replace(output.result, name=tensor.result.name, layer=tensor.result.layer))

    def expand(self, result: Result, tensor: MovedTensor, sizes: Sequence[int]) -> MovedTensor:
        """Return a tensor whose axes of one value are repeated to sizes; missing axes come first."""
        sizes, old = tuple(sizes), tensor.sizes
        if old is None or (tensor.values is None and tensor.movement is None):
            return self.along(result, [tensor], None, "the sizes of its input are not known")
        sizes = tuple(o if s == -1 else s for s, o in zip(sizes, (*(1,) * (len(sizes) - len(old)), *old), strict=True))
        if tensor.values is not None:
            return self.constant(result, tensor.values.expanded(sizes) or Values.unknown(sizes))
        step = replace(result, sizes=None, shape=None)
        if len(sizes) > len(old):
            tensor = self.reshape(step, tensor, (*(1,) * (len(sizes) - len(old)), *old))
        for axis, size in enumerate(sizes):
            if (tensor.sizes or ())[axis : axis + 1] == (1,) and size != 1:
                tensor = self.take(step, tensor, axis, [0] * size)
        return replace(tensor, result=result, shape=result.shape or tensor.shape)

    def scale(self, result: Result, tensor: MovedTensor, factors: Values) -> MovedTensor:
        """Return a tensor times a constant, whose axes are aligned with its last ones."""
        if factors.fill == 1 and broadcast([tensor.sizes or (), factors.shape]) == tensor.sizes:
            return tensor
        constant = self.constant(replace(result, key=f"{result.key} factors"), factors)
        shape = broadcast([tensor.sizes or (), factors.shape])
        if tensor.movement is None or len(shape) != len(tensor.sizes or ()):
            return self.pointwise(result, [tensor, constant])
        factors = factors.reshaped((*(1,) * (len(shape) - len(factors.shape)), *factors.shape))
        renormalised = self.renormalised(result, tensor, factors)
        if renormalised is not None:
            return renormalised
        varied = [axis for axis, varies in enumerate(factors.varies) if varies and tensor.is_space(axis)]
        if len(varied) != sum(factors.varies) or len(varied) > 1 or not factors.is_known:
            return self.pointwise(result, [tensor, constant])
        if not varied and tensor.is_declared:
            return self.pointwise(result, [tensor, constant])
        if any(tensor.roles[axis] == SPACE for axis in varied):  # what a window gave is weighted
            return self.pointwise(result, [tensor, constant])
        wide = self.expand(replace(result, sizes=None, shape=None), tensor, shape)
        weights = factors.along(varied[0] if varied else 0)
        if wide.movement is None or weights is None:
            return self.pointwise(result, [tensor, constant])
        nonnegative = tensor.nonnegative and min(weights, default=0) >= 0
        if not varied:
            movement = replace(wide.movement, factor=wide.movement.factor * (weights[0] if weights else 1))
            return self._move(result, wide, movement, nonnegative=nonnegative)
        name = wide.movement.axes[varied[0]]
        places = tuple((((index, weight),) if weight else (), 0) for index, weight in enumerate(weights))
        return self._move(result, wide, wide.movement.moved(name, places), nonnegative=nonnegative)

    def moved_along(self, result: Result, tensor: MovedTensor, axis: int, places: Places) -> MovedTensor:
        """Return a tensor whose axis holds sums of places of another's."""
        if tensor.movement is None:
            return self.along(result, [tensor], [axis], "the axis is too long to be followed")
        return self._move(result, tensor, tensor.movement.moved(tensor.movement.axes[axis], places))

    def add(self, result: Result, a: MovedTensor, b: MovedTensor, sign: float = 1) -> MovedTensor:
        """Return a plus b, which is multiplied by a sign first."""
        for tensor, constant in ((a, b), (b, a)):
            if constant.values is None or constant.values.fill != 0 or tensor.movement is None:
                continue
            if broadcast([tensor.movement.shape, constant.values.shape]) == tensor.movement.shape:
                return self.scale(result, tensor, Values.uniform((), 1 if tensor is a else sign))
        one, other = a.movement, b.movement
        if one is not None and other is not None and (one.base, one.axes) == (other.base, other.axes):
            shape = broadcast([a.sizes or (), b.sizes or ()])
            step = replace(result, sizes=None, shape=None)
            wide = [self.expand(step, tensor, shape).movement for tensor in (a, b)]
            names = one.axes if one.steps != other.steps else () if a.is_declared else (one.steps[-1][0],)
            for name in names if all(wide) else ():
                rows = [movement.places(name) if movement else None for movement in wide]
                if rows[0] and rows[1] and rows[0][0] == rows[1][0] and wide[0] and wide[1]:
                    factors = wide[0].factor, sign * wide[1].factor
                    pairs = zip(rows[0][1], rows[1][1], strict=True)
                    places = tuple(weighted(zip(pair, factors, strict=True)) for pair in pairs)
                    movement = replace(wide[0], factor=1).with_step(rows[0][0], name, places)
                    return self._move(result, a, movement, nonnegative=False)
        return self.pointwise(result, [a, b])

    def multiply(self, result: Result, tensor: MovedTensor, axis: int, matrix: Values) -> MovedTensor:
        """Return a tensor times a constant matrix along an axis."""
        reason, movement = "it mixes the values of an axis", tensor.movement
        numbers, axis = matrix.numbers(), axis % max(len(tensor.roles), 1)
        if movement is not None and numbers is not None and matrix.shape == (movement.shape[axis], matrix.shape[-1]):
            rows, columns = matrix.shape
            if sum(map(bool, numbers)) < _DENSE * len(numbers):
                sums = [[(row, numbers[row * columns + column]) for row in range(rows)] for column in range(columns)]
                places = tuple((tuple((row, weight) for row, weight in column if weight), 0) for column in sums)
                return self._move(result, tensor, movement.moved(movement.axes[axis], places))
        is_layer = matrix.is_weight or numbers is not None
        if tensor.roles and (tensor.roles[axis] == SPACE or (tensor.is_space(axis) and not is_layer)):
            self.add_unsupported(result.name, result.layer, reason)
        return self.along(result, [tensor], [axis - len(tensor.roles)], reason)

    def choose(self, result: Result, mask: MovedTensor, a: MovedTensor, b: MovedTensor) -> MovedTensor:
        """Return the values of a where a mask says so, and those of b elsewhere."""
        shape = result.sizes or broadcast([mask.sizes or (), a.sizes or (), b.sizes or ()])
        if mask.values is None or not mask.values.is_known:
            return self.pointwise(result, [mask, a, b])
        if a.values is not None and b.values is not None:
            return self.constant(result, chosen(mask.values, a.values, b.values, shape))
        masks = mask.values.expanded(shape)
        varied = [axis for axis, varies in enumerate(masks.varies) if varies] if masks else []
        if masks is None or len(varied) > 1:
            return self.unreadable(result, [a, b], "its mask is not of one axis")
        axis = varied[0] if varied else len(shape) - 1
        step = replace(result, sizes=None, shape=None)
        wide = [self.expand(replace(step, key=f"{result.key} {i}"), tensor, shape) for i, tensor in enumerate((b, a))]
        pieces: list[MovedTensor] = []
        along = enumerate(bool(value) for value in masks.along(axis) or ())
        for index, (is_a, run) in enumerate(groupby(along, lambda pair: pair[1])):
            key = replace(step, key=f"{result.key} piece {index}")
            pieces.append(self.take(key, wide[is_a], axis, [place for place, _ in run]))
        return self.join(result, pieces, axis)

    def write(
        self, result: Result, target: MovedTensor, parts: Sequence[tuple[int, Sequence[int]]], source: MovedTensor
    ) -> MovedTensor:
        """Return a tensor with a part of it overwritten: (axis, indices) for each axis that it has not all of."""
        step = replace(result, sizes=None, shape=None)
        if target.sizes is None:
            return self.unreadable(result, [target, source], "it writes into a tensor whose sizes are not known")
        if not parts:
            return self.expand(result, source, target.sizes)
        (axis, indices), *rest = parts
        first, last, size = indices[0], indices[-1] + 1, target.sizes[axis]
        if list(indices) != list(range(first, last)):
            return self.unreadable(result, [target, source], "it writes into places that are not side by side")
        pieces = [
            self.cut(replace(step, key=f"{result.key} before {axis}"), target, axis, 0, first),
            self.write(
                replace(step, key=f"{result.key} within {axis}"),
                self.take(replace(step, key=f"{result.key} part {axis}"), target, axis, indices),
                rest,
                source,
            ),
            self.cut(replace(step, key=f"{result.key} after {axis}"), target, axis, last, size),
        ]
        return self.join(result, pieces, axis)


def _fill(fill: tuple[str, Any], result: Result) -> Hashable:
    mode, value = fill
    if mode != "constant":
        return 0
    return value if isinstance(value, (int, float)) else ("constant of", result.key)
