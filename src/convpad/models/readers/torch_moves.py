"""Walk through PyTorch's operations that move values: each is said in the words of every reader's moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from convpad.core.validation import listed
from convpad.models.readers.moved_tensor import MovedTensor, Result
from convpad.models.readers.moves import MovingWalk
from convpad.models.readers.torch_graph import Call, Symbol, Tensor
from convpad.models.readers.values import Values

Moved = MovedTensor | list[MovedTensor] | None
NUMBERS = (bool, int, float)


class TorchMoves(MovingWalk):
    """Follows the operations that neither pad by a number nor have a window."""

    def given(self, call: Call, argument: str) -> MovedTensor:
        """Return the tensor of an argument; a number is a constant."""
        value = call.arguments.get(argument)
        if isinstance(value, Tensor):
            return self.moved(value.name)
        fill = value if isinstance(value, NUMBERS) else ("unknown", call.name, argument)
        return self.constant(Result(f"{call.name} {argument}", call.name, call.operation), Values.uniform((), fill))

    def moved(self, name: str) -> MovedTensor:
        """Return a tensor by name."""
        tensor = self.tensor(name)
        return tensor if isinstance(tensor, MovedTensor) else self.fresh(Result(name, name, "input", tensor.shape))

    def follow_move(self, call: Call, results: list[Result]) -> Moved:
        """Return the outputs of an operation that moves values; None where it is no such."""
        handler = _HANDLERS.get(call.operation)
        return None if handler is None or not results else handler(self, call, results)

    def _self(self, call: Call) -> MovedTensor:
        first = next(iter(call.arguments.values()), None)
        return self.moved(first.name) if isinstance(first, Tensor) else self.given(call, "self")

    # Parts of an axis

    def _slice(self, call: Call, results: list[Result]) -> Moved:
        get = call.arguments.get
        axis, start, stop, step = get("dim", 0), get("start"), get("end"), get("step", 1)
        return self.cut(results[0], self._self(call), axis, start, stop, step)

    def _narrow(self, call: Call, results: list[Result]) -> Moved:
        axis, start, length = (call.arguments.get(key, 0) for key in ("dim", "start", "length"))
        stop = start + length if isinstance(start, int) and isinstance(length, int) else Symbol()
        tensor = self._self(call)
        if isinstance(start, int) and start < 0 and tensor.sizes and isinstance(stop, int):
            start, stop = start + tensor.sizes[axis], stop + tensor.sizes[axis]
        return self.cut(results[0], tensor, axis, start, stop)

    def _select(self, call: Call, results: list[Result]) -> Moved:
        tensor, axis, index = self._self(call), call.arguments.get("dim", 0), call.arguments.get("index")
        return self._selected(results[0], tensor, axis, index)

    def _selected(self, result: Result, tensor: MovedTensor, axis: int, index: Any) -> MovedTensor:
        if tensor.sizes is None or not isinstance(index, int):
            return self.along(result, [tensor], None, "its index depends on the input")
        step = replace(result, key=f"{result.key} part", sizes=None, shape=None)
        one = self.take(step, tensor, axis, [index])
        sizes = list(one.sizes or ())
        del sizes[axis]
        return self.reshape(result, one, sizes)

    def _split(self, call: Call, results: list[Result]) -> Moved:
        tensor, axis, output, start = self._self(call), call.arguments.get("dim", 0), list[MovedTensor](), 0
        for result in results:
            size = None if result.sizes is None else result.sizes[axis]
            output.append(self.cut(result, tensor, axis, start, None if size is None else start + size))
            start += size or 0
        return output

    def _unbind(self, call: Call, results: list[Result]) -> Moved:
        tensor, axis = self._self(call), call.arguments.get("dim", 0)
        return [self._selected(result, tensor, axis, index) for index, result in enumerate(results)]

    def _flip(self, call: Call, results: list[Result]) -> Moved:
        return self._per_axis(call, results[0], "dims", lambda size, _: range(size)[::-1])

    def _roll(self, call: Call, results: list[Result]) -> Moved:
        shifts = listed(call.arguments.get("shifts")) or [call.arguments.get("shifts")]
        if not listed(call.arguments.get("dims")) or any(type(shift) is not int for shift in shifts):
            return self.unreadable(results[0], [self._self(call)], "it moves values around")
        return self._per_axis(call, results[0], "dims", lambda size, i: [(at - shifts[i]) % size for at in range(size)])

    def _per_axis(
        self, call: Call, result: Result, key: str, indices: Callable[[int, int], Sequence[int]]
    ) -> MovedTensor:
        """Return a tensor with the places of some axes taken by a function of the size and the axis's number."""
        tensor, axes = self._self(call), listed(call.arguments.get(key)) or []
        if tensor.sizes is None:
            return self.along(result, [tensor], None, "its sizes are not known")
        for index, axis in enumerate(axes):
            step = result if index == len(axes) - 1 else replace(result, key=f"{result.key} {index}", shape=None)
            tensor = self.take(step, tensor, axis, indices(tensor.sizes[axis], index) if tensor.sizes else [])
        return tensor

    def _index_select(self, call: Call, results: list[Result]) -> Moved:
        tensor, index = self._self(call), self.given(call, "index")
        axis = call.arguments.get("dim", 0)
        return self._indexed(results[0], tensor, [(axis, index.values and index.values.numbers())])

    def _gather(self, call: Call, results: list[Result]) -> Moved:
        tensor, index = self._self(call), self.given(call, "index").values
        axis = call.arguments.get("dim", 0)
        along = index.along(axis) if index and index.is_known else None
        if along is None or tensor.sizes is None or index is None:
            return self._indexed(results[0], tensor, [(axis, None)])
        axis %= len(tensor.sizes)
        parts = [(a, list(range(size))) for a, size in enumerate(index.shape) if a != axis]
        return self._indexed(results[0], tensor, [*parts, (axis, along)])

    def _index(self, call: Call, results: list[Result]) -> Moved:
        tensor, indices = self._self(call), call.arguments.get("indices") or []
        chosen = [(axis, self.moved(i.name)) for axis, i in enumerate(indices) if isinstance(i, Tensor)]
        values = [index.values for _, index in chosen]
        reason = "its indices depend on the input"
        if tensor.sizes is None or any(value is None or not value.is_known for value in values):
            return self.unreadable(results[0], [tensor], reason)
        axes = [axis for axis, _ in chosen]
        known = [value for value in values if value is not None]
        rank = max((len(value.shape) for value in known), default=0)
        together = axes == list(range(axes[0], axes[0] + len(axes))) if axes else False
        if len(axes) != rank or (not together and len(axes) > 1):
            return self.unreadable(results[0], [tensor], "its indices are not one list for each axis")
        parts: list[tuple[int, list[Any] | None]] = []
        for place, (axis, value) in enumerate(zip(axes, known, strict=True)):
            own = place - rank + len(value.shape)
            parts.append((axis, value.along(own) if own >= 0 else None))
        return self._indexed(results[0], tensor, parts)

    def _indexed(self, result: Result, tensor: MovedTensor, parts: Sequence[tuple[int, Any]]) -> MovedTensor:
        """Return a tensor with the places of some axes taken; indices of None are not known."""
        if tensor.sizes is None or any(indices is None for _, indices in parts):
            return self.unreadable(result, [tensor], "its indices depend on the input")
        for number, (axis, indices) in enumerate(parts):
            last = number == len(parts) - 1
            if indices and all(isinstance(index, bool) for index in indices):
                indices = [place for place, chosen in enumerate(indices) if chosen]
            step = result if last else replace(result, key=f"{result.key} {number}", shape=None, sizes=None)
            tensor = self.take(step, tensor, axis, [int(index) for index in indices])
        return tensor

    # Several tensors

    def _tensors(self, call: Call) -> list[MovedTensor]:
        first = next(iter(call.arguments.values()), None)
        return [self.moved(entry.name) for entry in listed(first) or [] if isinstance(entry, Tensor)]

    def _cat(self, call: Call, results: list[Result]) -> Moved:
        tensors = [t for t in self._tensors(call) if t.sizes != (0,)]
        return self.join(results[0], tensors, call.arguments.get("dim", 0)) if tensors else None

    def _stack(self, call: Call, results: list[Result]) -> Moved:
        tensors, axis = self._tensors(call), call.arguments.get("dim", 0)
        rank = len(tensors[0].sizes or ()) + 1
        wide = [self._with_axis(replace(results[0], key=f"{results[0].key} {i}"), t, axis % rank)
                for i, t in enumerate(tensors)]  # fmt: skip
        return self.join(results[0], wide, axis % rank)

    def _with_axis(self, result: Result, tensor: MovedTensor, axis: int) -> MovedTensor:
        sizes = list(tensor.sizes or ())
        sizes.insert(axis, 1)
        return self.reshape(replace(result, sizes=None, shape=None), tensor, sizes)

    # Axes

    def _permute(self, call: Call, results: list[Result]) -> Moved:
        return self.permute(results[0], self._self(call), call.arguments.get("dims") or [])

    def _transpose(self, call: Call, results: list[Result]) -> Moved:
        tensor = self._self(call)
        order = list(range(len(tensor.sizes or ())))
        defaults = (0, 1) if call.operation == "t" else (-1, -2)
        first: int = call.arguments.get("dim0", defaults[0])
        second: int = call.arguments.get("dim1", defaults[1])
        if len(order) > 1:
            order[first], order[second] = order[second], order[first]
        return self.permute(results[0], tensor, order)

    def _movedim(self, call: Call, results: list[Result]) -> Moved:
        tensor = self._self(call)
        rank = len(tensor.sizes or ())
        ends = [listed(call.arguments.get(key)) or [call.arguments.get(key)] for key in ("source", "destination")]
        if any(type(axis) is not int for axes in ends for axis in axes):
            return self.along(results[0], [tensor], None, "the order of its axes is not known")
        moves = dict(zip((axis % rank for axis in ends[1]), (axis % rank for axis in ends[0]), strict=True))
        rest = iter(axis for axis in range(rank) if axis not in moves.values())
        return self.permute(results[0], tensor, [moves[at] if at in moves else next(rest) for at in range(rank)])

    def _reshape(self, call: Call, results: list[Result]) -> Moved:
        tensor, sizes = self._self(call), results[0].sizes
        if sizes is None or tensor.sizes is None or prod(sizes) != prod(tensor.sizes):
            return self.along(results[0], [tensor], None, "its sizes are not known")
        return self.reshape(results[0], tensor, sizes)

    def _expand(self, call: Call, results: list[Result]) -> Moved:
        tensor, sizes = self._self(call), results[0].sizes
        return None if sizes is None else self.expand(results[0], tensor, sizes)

    def _repeat(self, call: Call, results: list[Result]) -> Moved:
        tensor, counts = self._self(call), listed(call.arguments.get("repeats", call.arguments.get("dims")))
        if tensor.sizes is None or counts is None or any(type(count) is not int for count in counts):
            return self.unreadable(results[0], [tensor], "it repeats values")
        counts = [*[1] * (len(tensor.sizes) - len(counts)), *counts]
        wide = [1] * (len(counts) - len(tensor.sizes)) + list(tensor.sizes)
        step = replace(results[0], sizes=None, shape=None)
        tensor = self.reshape(step, tensor, wide)
        for axis, count in enumerate(counts):
            if count != 1:
                tensor = self.take(step, tensor, axis, list(range(wide[axis])) * count)
        return replace(tensor, shape=results[0].shape)

    def _repeat_interleave(self, call: Call, results: list[Result]) -> Moved:
        tensor, count, axis = self._self(call), call.arguments.get("repeats"), call.arguments.get("dim")
        if tensor.sizes is None or type(count) is not int or type(axis) is not int:
            return self.unreadable(results[0], [tensor], "it repeats values")
        return self.take(results[0], tensor, axis, [at for at in range(tensor.sizes[axis]) for _ in range(count)])


_W = TorchMoves
_HANDLERS: dict[str, Callable[[TorchMoves, Call, list[Result]], Moved]] = {
    "slice": _W._slice,
    "narrow": _W._narrow,
    "select": _W._select,
    **dict.fromkeys(("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk"), _W._split),
    "unbind": _W._unbind,
    "flip": _W._flip,
    "roll": _W._roll,
    "index_select": _W._index_select,
    "gather": _W._gather,
    "index": _W._index,
    **dict.fromkeys(("cat", "concat", "concatenate"), _W._cat),
    "stack": _W._stack,
    "permute": _W._permute,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "t", "mT", "adjoint", "numpy_T"), _W._transpose),
    **dict.fromkeys(("movedim", "moveaxis"), _W._movedim),
    **dict.fromkeys(
        (
            "view",
            "reshape",
            "_unsafe_view",
            "flatten",
            "unflatten",
            "squeeze",
            "unsqueeze",
            "view_as",
            "reshape_as",
            "_reshape_alias",
            "_reshape_copy",
            "view_copy",
        ),
        _W._reshape,
    ),
    **dict.fromkeys(("expand", "expand_as", "broadcast_to", "expand_copy"), _W._expand),
    **dict.fromkeys(("repeat", "tile"), _W._repeat),
    "repeat_interleave": _W._repeat_interleave,
}
