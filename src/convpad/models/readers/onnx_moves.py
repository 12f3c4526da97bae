"""Walk through ONNX's operations that move values: each is said in the words of every reader's moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from convpad.core.validation import listed
from convpad.models.readers.moved_tensor import MovedTensor, Result
from convpad.models.readers.moves import MovingWalk
from convpad.models.readers.values import MOST, Values, broadcast, combined

Moved = MovedTensor | list[MovedTensor] | None

_ARITHMETIC = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Mod": "mod", "Min": "min", "Max": "max", "Less": "lt",
    "LessOrEqual": "le", "Greater": "gt", "GreaterOrEqual": "ge", "Equal": "eq", "And": "and", "Or": "or",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a graph.

    Args:
        name: as people know it.
        operation: its type; with its domain where that is not ONNX's own.
        domain: the domain.
        inputs, outputs: names of tensors; "" for none.
        attributes: by name.
    """

    name: str
    operation: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class OnnxMoves(MovingWalk):
    """Follows the operations that neither pad by attributes nor have a window."""

    def moved(self, name: str) -> MovedTensor:
        """Return a tensor by name."""
        tensor = self.tensor(name)
        return tensor if isinstance(tensor, MovedTensor) else self.fresh(Result(name, name, "input", tensor.shape))

    def follow_move(self, node: Node, results: list[Result]) -> Moved:
        """Return the outputs of a node that moves values; None where it is no such."""
        handler = _HANDLERS.get(node.operation)
        if handler is None or (not node.inputs and node.operation != "Constant"):
            return None
        return handler(self, node, results)

    def _has(self, node: Node, index: int) -> bool:
        return len(node.inputs) > index and bool(node.inputs[index])

    def numbers(self, node: Node, index: int, attribute: str = "", default: Any = None) -> Any:
        """Return the numbers of an attribute or an input, the default where there is neither; None if not known."""
        if attribute and attribute in node.attributes:
            value = node.attributes[attribute]
            return [value] if listed(value) is None else listed(value)
        if not self._has(node, index):
            return default
        values = self.moved(node.inputs[index]).values
        return None if values is None else values.numbers()

    def _integers(self, node: Node, index: int, attribute: str = "", default: Any = None) -> Any:
        numbers = self.numbers(node, index, attribute, default)
        return numbers if numbers is None else [int(number) for number in numbers]

    def _constant(self, node: Node, results: list[Result]) -> Moved:
        value = next(iter(node.attributes.values()), None)
        if isinstance(value, Values):
            return self.constant(results[0], value)
        numbers = listed(value)
        if value is None or isinstance(value, (str, bytes)) or (numbers and isinstance(numbers[0], (str, bytes))):
            return None
        shape = () if numbers is None else (len(numbers),)
        return self.constant(results[0], Values.known(shape, [value] if numbers is None else numbers))

    def _shape(self, node: Node, results: list[Result]) -> Moved:
        shape = self.moved(node.inputs[0]).shape
        if shape is None:
            return None
        shape = shape[slice(node.attributes.get("start"), node.attributes.get("end"))]
        known = [size for size in shape if size is not None]
        values = Values.known((len(shape),), known) if len(known) == len(shape) else Values.unknown((len(shape),))
        return self.constant(results[0], values)

    def _constant_of_shape(self, node: Node, results: list[Result]) -> Moved:
        shape, value = self._integers(node, 0), node.attributes.get("value")
        fill = 0 if value is None else value.fill if isinstance(value, Values) else None
        sizes = results[0].sizes if shape is None else tuple(shape)
        return None if sizes is None else self.constant(results[0], Values.uniform(sizes, fill))

    def _range(self, node: Node, results: list[Result]) -> Moved:
        numbers = [self.numbers(node, index) for index in range(3)]
        if any(entry is None for entry in numbers):
            return None
        start, stop, step = (entry[0] for entry in numbers)
        count = max(int(-((start - stop) // step)), 0) if step else 0
        if count > MOST:
            return self.constant(results[0], Values.unknown((count,)))
        return self.constant(results[0], Values.known((count,), [start + step * at for at in range(count)]))

    # Parts of an axis

    def _slice(self, node: Node, results: list[Result]) -> Moved:
        tensor = self.moved(node.inputs[0])
        starts, stops = self._integers(node, 1, "starts"), self._integers(node, 2, "ends")
        if tensor.sizes is None or starts is None or stops is None:
            return self.unreadable(results[0], [tensor], "its bounds are computed from the input")
        axes = self._integers(node, 3, "axes", range(len(starts)))
        steps = self._integers(node, 4, "steps", [1] * len(starts))
        if axes is None or steps is None or 0 in steps:
            return self.unreadable(results[0], [tensor], "its bounds are computed from the input")
        parts = [
            (axis, range(*_bounds(start, stop, step, tensor.sizes[axis])))
            for axis, start, stop, step in zip(axes, starts, stops, steps, strict=False)
        ]
        return self._taken(results[0], tensor, parts)

    def _taken(self, result: Result, tensor: MovedTensor, parts: Sequence[tuple[int, Sequence[int]]]) -> MovedTensor:
        for number, (axis, indices) in enumerate(parts):
            step = replace(result, key=f"{result.key} {number}", shape=None, sizes=None)
            tensor = self.take(result if number == len(parts) - 1 else step, tensor, axis, indices)
        return tensor

    def _gather(self, node: Node, results: list[Result]) -> Moved:
        tensor, index = self.moved(node.inputs[0]), self.moved(node.inputs[1]).values
        axis = node.attributes.get("axis", 0)
        if tensor.sizes is None or index is None or not index.is_known or len(index.shape) > 1:
            return self.unreadable(results[0], [tensor], "its indices are computed from the input")
        indices = [int(number) for number in index.numbers() or []]
        if index.shape:
            return self.take(results[0], tensor, axis, indices)
        step = replace(results[0], key=f"{results[0].key} part", sizes=None, shape=None)
        one = self.take(step, tensor, axis, indices)
        sizes = [size for place, size in enumerate(one.sizes or ()) if place != axis % len(tensor.sizes)]
        return self.reshape(results[0], one, sizes)

    def _gather_elements(self, node: Node, results: list[Result]) -> Moved:
        tensor, index = self.moved(node.inputs[0]), self.moved(node.inputs[1]).values
        axis = node.attributes.get("axis", 0)
        along = index.along(axis) if index and index.is_known else None
        if along is None or tensor.sizes is None or index is None:
            return self.unreadable(results[0], [tensor], "its indices are computed from the input")
        axis %= len(tensor.sizes)
        parts = [(a, list(range(size))) for a, size in enumerate(index.shape) if a != axis]
        return self._taken(results[0], tensor, [*parts, (axis, [int(number) for number in along])])

    def _split(self, node: Node, results: list[Result]) -> Moved:
        tensor, axis = self.moved(node.inputs[0]), node.attributes.get("axis", 0)
        lengths = self._integers(node, 1, "split")
        if tensor.sizes is None or (lengths is None and self._has(node, 1)):
            return self.unreadable(results[0], [tensor], "its parts are computed from the input")
        size, count = tensor.sizes[axis], len(results)
        even = -(-size // count)
        lengths = lengths or [min(even, size - even * index) for index in range(count)]
        starts = [sum(lengths[:index]) for index in range(count)]
        rows = zip(results, starts, lengths, strict=False)
        return [self.cut(result, tensor, axis, start, start + length) for result, start, length in rows]

    def _concat(self, node: Node, results: list[Result]) -> Moved:
        return self.join(results[0], [self.moved(name) for name in node.inputs], node.attributes.get("axis", 0))

    def _tile(self, node: Node, results: list[Result]) -> Moved:
        tensor, counts = self.moved(node.inputs[0]), self._integers(node, 1)
        if tensor.sizes is None or counts is None or len(counts) != len(tensor.sizes):
            return self.unreadable(results[0], [tensor], "it repeats values")
        rows = enumerate(zip(tensor.sizes, counts, strict=True))
        return self._taken(results[0], tensor, [(axis, list(range(size)) * count) for axis, (size, count) in rows])

    def _expand(self, node: Node, results: list[Result]) -> Moved:
        tensor, shape = self.moved(node.inputs[0]), self._integers(node, 1)
        if tensor.sizes is None or shape is None:
            return self.along(results[0], [tensor], None, "its shape is computed from the input")
        return self.expand(results[0], tensor, broadcast([tensor.sizes, shape]))

    # Axes

    def _transpose(self, node: Node, results: list[Result]) -> Moved:
        tensor = self.moved(node.inputs[0])
        order = node.attributes.get("perm") or list(range(len(tensor.sizes or ())))[::-1]
        return self.permute(results[0], tensor, order)

    def _reshape(self, node: Node, results: list[Result]) -> Moved:
        tensor, shape = self.moved(node.inputs[0]), self._integers(node, 1, "shape")
        if tensor.sizes is None or shape is None:
            if tensor.sizes is not None and results[0].sizes is not None:
                return self.reshape(results[0], tensor, results[0].sizes)
            return self.along(results[0], [tensor], None, "its shape is computed from the input")
        sizes = [tensor.sizes[at] if size == 0 and at < len(tensor.sizes) and not node.attributes.get("allowzero") else
                 size for at, size in enumerate(shape)]  # fmt: skip
        known = prod(size for size in sizes if size != -1)
        sizes = [prod(tensor.sizes) // known if size == -1 and known else size for size in sizes]
        if prod(sizes) != prod(tensor.sizes):
            return self.along(results[0], [tensor], None, "its shape is not that of its input")
        return self.reshape(results[0], tensor, sizes)

    def _flatten(self, node: Node, results: list[Result]) -> Moved:
        tensor, axis = self.moved(node.inputs[0]), node.attributes.get("axis", 1)
        if tensor.sizes is None:
            return None
        return self.reshape(results[0], tensor, [prod(tensor.sizes[:axis]), prod(tensor.sizes[axis:])])

    def _squeeze(self, node: Node, results: list[Result]) -> Moved:
        tensor, axes = self.moved(node.inputs[0]), self._integers(node, 1, "axes", [])
        if tensor.sizes is None or axes is None:
            return None
        rank = len(tensor.sizes)
        gone = {axis % rank for axis in axes} or {at for at, size in enumerate(tensor.sizes) if size == 1}
        return self.reshape(results[0], tensor, [size for at, size in enumerate(tensor.sizes) if at not in gone])

    def _unsqueeze(self, node: Node, results: list[Result]) -> Moved:
        tensor, axes = self.moved(node.inputs[0]), self._integers(node, 1, "axes")
        if tensor.sizes is None or axes is None:
            return None
        rank, sizes = len(tensor.sizes) + len(axes), iter(tensor.sizes)
        new = {axis % rank for axis in axes}
        return self.reshape(results[0], tensor, [1 if at in new else next(sizes) for at in range(rank)])

    # Arithmetic

    def _arithmetic(self, node: Node, results: list[Result]) -> Moved:
        word, tensors = _ARITHMETIC[node.operation], [self.moved(name) for name in node.inputs]
        if len(tensors) != 2:
            return None
        a, b = tensors
        if a.values is not None and b.values is not None:
            numbers = [value for values in (a.values, b.values) for value in values.numbers() or []]
            if word == "div" and all(isinstance(value, int) for value in numbers):
                word = "floor_div"
            return self.constant(results[0], combined(word, a.values, b.values))
        stays = node.operation in ("Add", "Mul") and a.nonnegative and b.nonnegative
        if word in ("add", "sub"):
            return replace(self.add(results[0], a, b, 1 if word == "add" else -1), nonnegative=stays)
        tensor, factors = (a, b) if b.values is not None else (b, a)
        if factors.values is not None and word == "mul":
            return self.scale(results[0], tensor, factors.values)
        if factors is b and factors.values is not None and word == "div" and factors.values.is_known:
            inverse = factors.values.mapped(lambda value: 1 / value if value else float("inf"))
            return self.scale(results[0], tensor, inverse)
        return self.pointwise(results[0], tensors, nonnegative=stays)

    def _negative(self, node: Node, results: list[Result]) -> Moved:
        tensor = self.moved(node.inputs[0])
        if tensor.values is not None:
            return self.constant(results[0], tensor.values.mapped(lambda value: -value))
        return self.scale(results[0], tensor, Values.uniform((), -1))

    def _known(self, node: Node, results: list[Result]) -> Moved:
        """Compute a function of a constant."""
        tensor = self.moved(node.inputs[0])
        if tensor.values is None:
            return None
        functions: dict[str, Callable[[Any], Any]] = {"Not": lambda value: not value, "Abs": abs}
        return self.constant(results[0], tensor.values.mapped(functions[node.operation]))

    def _where(self, node: Node, results: list[Result]) -> Moved:
        mask, a, b = (self.moved(name) for name in node.inputs[:3])
        values = [tensor.values for tensor in (mask, a, b)]
        if all(value is not None for value in values):
            known = [value for value in values if value is not None]
            shape = broadcast([value.shape for value in known])
            numbers = [(value.expanded(shape) or Values.unknown(shape)).numbers() for value in known]
            if any(entry is None for entry in numbers):
                return self.constant(results[0], Values.unknown(shape))
            rows = zip(*(entry or [] for entry in numbers), strict=True)
            return self.constant(results[0], Values.known(shape, [x if chosen else y for chosen, x, y in rows]))
        return self.choose(results[0], mask, a, b)


def _bounds(start: int, stop: int, step: int, size: int) -> tuple[int, int, int]:
    """Return the bounds of a slice as `range` takes them, cut to an axis."""
    return slice(start, None if step < 0 and stop < -size else stop, step).indices(size)


_W = OnnxMoves
_HANDLERS: dict[str, Callable[[OnnxMoves, Node, list[Result]], Moved]] = {
    "Constant": _W._constant,
    "Shape": _W._shape,
    "ConstantOfShape": _W._constant_of_shape,
    "Range": _W._range,
    "Slice": _W._slice,
    "Gather": _W._gather,
    "GatherElements": _W._gather_elements,
    "Split": _W._split,
    "Concat": _W._concat,
    "Tile": _W._tile,
    "Expand": _W._expand,
    "Transpose": _W._transpose,
    "Reshape": _W._reshape,
    "Flatten": _W._flatten,
    "Squeeze": _W._squeeze,
    "Unsqueeze": _W._unsqueeze,
    **dict.fromkeys(_ARITHMETIC, _W._arithmetic),
    "Neg": _W._negative,
    **dict.fromkeys(("Not", "Abs"), _W._known),
    "Where": _W._where,
}
