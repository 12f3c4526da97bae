"""Walk through PyTorch's operations that write into their input, and through those that mix the values of an axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convpad.models.readers import torch_names as names
from convpad.models.readers.moved_tensor import MovedTensor, Result
from convpad.models.readers.torch_arithmetic import TorchArithmetic
from convpad.models.readers.torch_graph import Call, Symbol, Tensor
from convpad.models.readers.values import Values
from convpad.models.readers.walk import TensorInfo

_PARTS = ("slice", "select", "narrow")
_VIEWS = names.words(
    "alias detach view reshape squeeze unsqueeze permute transpose t expand view_as flatten unflatten "
    "movedim chunk split split_with_sizes unbind tensor_split swapaxes swapdims moveaxis expand_as "
    "diagonal unfold as_strided real imag contiguous to mT"
)
"""Operations whose output may be the memory of their input."""

View = tuple[str, tuple[tuple[int, Any], ...]]
"""(the tensor of which it is a part, (axis, indices or one index) of each cut)."""


class TorchWrites(TorchArithmetic):
    """Follows operations that write: a part of a tensor is written by the part's name."""

    def __init__(self, tensors: dict[str, TensorInfo] | None = None) -> None:
        super().__init__(tensors)
        self._parts: dict[str, View] = {}
        self._memory: dict[str, str] = {}
        self._same: dict[str, str] = {}

    def moved(self, name: str) -> MovedTensor:
        """Return a tensor by name."""
        return super().moved(self._owner(name))

    def _owner(self, name: str) -> str:
        """Return the first name of a tensor that an operation has written over and returned."""
        while name in self._same:
            name = self._same[name]
        return name

    def outputs_of(self, call: Call, results: list[Result]) -> list[MovedTensor]:
        """Return the outputs of an operation that writes into none of its inputs."""
        raise NotImplementedError

    def note_view(self, call: Call) -> None:
        """Note a part of a tensor, which may be written, or another view of its memory."""
        source = next(iter(call.arguments.values()), None)
        if not isinstance(source, Tensor):
            return
        owner, sizes = self._owner(source.name), self.moved(source.name).sizes
        if call.operation in ("alias", "detach"):
            self._same[call.results[0]] = owner
            return
        if call.operation in _VIEWS or call.operation in _PARTS:
            self._memory.update(dict.fromkeys(call.results, owner))
        if call.operation in _PARTS and sizes is not None:
            root, cuts = self._parts.get(owner, (owner, ()))
            cut = _cut(call, sizes)
            if cut is not None and (owner in self._parts or owner not in self._memory):
                self._parts[call.results[0]] = root, (*cuts, cut)

    def follow_write(self, call: Call, results: list[Result]) -> bool:
        """Follow an operation that writes into its first argument; return whether it is one."""
        base = call.operation.rstrip("_")
        target = next(iter(call.arguments.values()), None)
        if base == call.operation or call.operation.startswith("_") or not isinstance(target, Tensor) or not results:
            return False
        plain = replace(call, operation=base)
        if base in ("copy", "fill", "zero"):
            source = self._source(plain, base)
        elif base in ("detach", "requires_grad"):
            source = self.moved(target.name)
        else:
            source = self.outputs_of(plain, results)[0]
        self._store(self._owner(target.name), results[0], source)
        self._same[results[0].key] = self._owner(target.name)
        return True

    def _source(self, call: Call, base: str) -> MovedTensor:
        if base == "zero":
            return self.constant(Result(call.name, call.name, base), Values.uniform((), 0))
        return self.given(call, "src" if base == "copy" else "value")

    def _store(self, name: str, result: Result, source: MovedTensor) -> None:
        """Put a tensor in the place of another, or of a part of it."""
        if name in self._parts:
            root, cuts = self._parts[name]
            written = self._written(result, self.moved(root), cuts, source)
        elif name in self._memory:
            root = self._root(name)
            self.unreadable(result, [self.moved(root), source], "it writes into a view of another tensor")
            written = self.fresh(replace(self.moved(root).result, key=f"{result.key} written"))
            self.tensors[name] = self.fresh(replace(self.moved(name).result, key=f"{result.key} view"))
        else:
            root, target = name, self.moved(name)
            wide = source
            if target.sizes is not None and source.sizes != target.sizes:
                wide = self.expand(replace(result, sizes=None, shape=None), source, target.sizes)
            written = replace(wide, shape=target.shape, itemsize=target.itemsize)
        self.tensors[root] = written
        for other, (owner, cuts) in self._parts.items():
            if owner == root:
                self.tensors[other] = self._part(other, written, cuts)

    def _root(self, name: str) -> str:
        while name in self._memory:
            name = self._memory[name]
        return name

    def _part(self, name: str, tensor: MovedTensor, cuts: Sequence[tuple[int, Any]]) -> MovedTensor:
        result = replace(self.moved(name).result, sizes=None)
        for axis, indices in cuts:
            if isinstance(indices, int):
                tensor = self._selected(replace(result, shape=None), tensor, axis, indices)
            else:
                tensor = self.take(replace(result, shape=None), tensor, axis, indices)
        return replace(tensor, shape=result.shape)

    def _written(
        self, result: Result, root: MovedTensor, cuts: Sequence[tuple[int, Any]], source: MovedTensor
    ) -> MovedTensor:
        """Return a tensor of which a part was overwritten, cut by cut."""
        result = replace(result, sizes=root.sizes, shape=root.shape)
        if not cuts or root.sizes is None:
            return self.write(result, root, [], source)
        (axis, indices), *rest = cuts
        places = [indices] if isinstance(indices, int) else list(indices)
        step = replace(result, key=f"{result.key} {len(cuts)}", sizes=None, shape=None)
        part = self.take(step, root, axis, places)
        if isinstance(indices, int):
            sizes = [size for other, size in enumerate(part.sizes or ()) if other != axis]
            inner = self._written(step, self.reshape(step, part, sizes), rest, source)
            sizes.insert(axis, 1)
            inner = self.reshape(replace(step, key=f"{step.key} wide"), inner, sizes)
        else:
            inner = self._written(step, part, rest, source)
        return self.write(result, root, [(axis, places)], inner)

    # Values that are mixed along an axis

    def mixed(self, call: Call, result: Result, tensors: list[MovedTensor]) -> MovedTensor:
        """Return the output of a product of matrices, or of another operation that mixes the values of axes."""
        reason = "it mixes the values of an axis"
        data = [tensor for tensor in tensors if tensor.values is None]
        if call.operation == "linear" and len(data) == 1 and data[0] is tensors[0]:
            return self.multiply(result, data[0], -1, _turned(tensors[1].values or Values.unknown(())))
        if call.operation in ("matmul", "mm", "bmm") and len(tensors) == 2 and len(data) == 1:
            first = data[0] is tensors[0]
            matrix = tensors[1 if first else 0].values or Values.unknown(())
            return self.multiply(result, data[0], -1 if first else -2, matrix if first else _turned(matrix))
        if call.operation == "einsum" and len(data) == 1:
            equation, index = str(next(iter(call.arguments.values()))), tensors.index(data[0])
            is_layer = all(tensor.values is None or tensor.values.is_weight for tensor in tensors)
            if not is_layer and any(map(data[0].is_space, _shared_axes(equation, index))):
                self.add_unsupported(result.name, result.layer, reason)
            axes = _mixed_axes(equation, index)
            if axes is not None and len(axes) < len(result.sizes or ()):
                self.settle(data)
                return self.along(result, [], axes, reason) if axes else self.fresh(result)
        return self.along(result, tensors, None, reason)


def _turned(matrix: Values) -> Values:
    """Return a matrix with its last two axes exchanged."""
    order = list(range(len(matrix.shape)))
    return matrix.permuted([*order[:-2], *order[:-3:-1]])


def _cut(call: Call, sizes: Sequence[int]) -> tuple[int, Any] | None:
    """Return the axis of a slice and its indices, or its one index; None where they are not known."""
    get = call.arguments.get
    axis = get("dim", 0) % len(sizes)
    if call.operation == "select":
        index = get("index")
        return (axis, index % sizes[axis]) if type(index) is int else None
    bounds = [get("start"), get("end"), get("step", 1)]
    if call.operation == "narrow":
        start, length = get("start"), get("length")
        bounds = [start, start + length, 1] if isinstance(start, int) and isinstance(length, int) else [Symbol()]
    if not all(isinstance(bound, (int, type(None))) for bound in bounds):
        return None
    return axis, range(*slice(*bounds).indices(sizes[axis]))


def _shared_axes(equation: str, index: int) -> list[int]:
    """Return the axes of an operand that are axes of another, too."""
    operands = equation.replace(" ", "").partition("->")[0].split(",")
    others = "".join(operand for place, operand in enumerate(operands) if place != index)
    own = operands[index] if index < len(operands) and "." not in equation else ""
    return [axis for axis, letter in enumerate(own) if letter in others]


def _mixed_axes(equation: str, index: int) -> list[int] | None:
    """Return the axes of the output of a sum of products that are not one axis of one operand alone."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    operands = inputs.split(",")
    if not arrow or "." in equation or index >= len(operands):
        return None
    others = "".join(operand for place, operand in enumerate(operands) if place != index)
    return [axis for axis, letter in enumerate(output) if letter not in operands[index] or letter in others]
