"""Walk through PyTorch's arithmetic and its tensors that no input reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from convpad.core.validation import listed
from convpad.models.readers import torch_names as names
from convpad.models.readers.moved_tensor import MovedTensor, Result
from convpad.models.readers.movement import UNWRITTEN
from convpad.models.readers.torch_graph import Call
from convpad.models.readers.torch_moves import NUMBERS, Moved, TorchMoves
from convpad.models.readers.values import MOST, Values, combined


class TorchArithmetic(TorchMoves):
    """Follows sums, products and choices of moved values, and computes constants."""

    def follow_arithmetic(self, call: Call, results: list[Result]) -> Moved:
        """Return the outputs of an operation of this kind; None where it is no such."""
        handler = _HANDLERS.get(call.operation)
        return None if handler is None or not results else handler(self, call, results)

    def _arithmetic(self, call: Call, results: list[Result]) -> Moved:
        word = names.ARITHMETIC[call.operation]
        keys = list(call.arguments)[:2]
        a, b = (self.given(call, key) for key in keys) if len(keys) == 2 else (self._self(call), self._self(call))
        alpha = call.arguments.get("alpha", 1)
        if call.arguments.get("rounding_mode") == "floor":
            word = "floor_div"
        elif call.arguments.get("rounding_mode"):
            return None
        if a.values is not None and b.values is not None:
            return self.constant(results[0], combined(word, a.values, b.values)) if alpha == 1 else None
        nonnegative = call.operation in names.STAYS_NONNEGATIVE and a.nonnegative and b.nonnegative
        if word in ("add", "sub") and isinstance(alpha, NUMBERS):
            output = self.add(results[0], a, b, alpha if word == "add" else -alpha)
            return replace(output, nonnegative=nonnegative)
        tensor, factors = (a, b) if b.values is not None else (b, a)
        if factors.values is not None and word == "mul":
            return self._scaled(call, results[0], tensor, factors.values, nonnegative)
        if factors is b and factors.values is not None and word == "div" and factors.values.is_known:
            inverse = factors.values.mapped(lambda value: 1 / value if value else float("inf"))
            return self._scaled(call, results[0], tensor, inverse, nonnegative)
        return self.pointwise(results[0], [a, b], nonnegative=nonnegative)

    def _scaled(
        self, call: Call, result: Result, tensor: MovedTensor, factors: Values, nonnegative: bool
    ) -> MovedTensor:
        output = self.scale(result, tensor, factors)
        return replace(output, nonnegative=output.nonnegative or nonnegative)

    def _rsub(self, call: Call, results: list[Result]) -> Moved:
        if call.arguments.get("alpha", 1) != 1:
            return None
        swapped = dict(zip(list(call.arguments)[:2], list(call.arguments.values())[1::-1], strict=True))
        return self._arithmetic(replace(call, operation="sub", arguments=swapped), results)

    def _negative(self, call: Call, results: list[Result]) -> Moved:
        tensor = self._self(call)
        if tensor.values is not None:
            return self.constant(results[0], tensor.values.mapped(lambda value: -value))
        return self.scale(results[0], tensor, Values.uniform((), -1))

    def _known(self, call: Call, results: list[Result]) -> Moved:
        """Compute a function of a constant."""
        tensor = self._self(call)
        if tensor.values is None:
            return None
        low, high = call.arguments.get("min"), call.arguments.get("max")
        functions: dict[str, Callable[[Any], Any]] = {
            "abs": abs,
            "reciprocal": lambda v: 1 / v if v else float("inf"),
            "clamp": lambda v: min(max(v, v if low is None else low), v if high is None else high),
            "logical_not": lambda v: not v,
            "bitwise_not": lambda v: not v if isinstance(v, bool) else ~v,
        }
        return self.constant(results[0], tensor.values.mapped(functions[call.operation]))

    def _where(self, call: Call, results: list[Result]) -> Moved:
        mask = self.given(call, "condition")
        if "other" not in call.arguments:
            return None
        return self.choose(results[0], mask, self.given(call, "self"), self.given(call, "other"))

    def _masked_fill(self, call: Call, results: list[Result]) -> Moved:
        return self.choose(results[0], self.given(call, "mask"), self.given(call, "value"), self._self(call))

    # Constants and writing

    def _made(self, call: Call, results: list[Result]) -> Moved:
        value = call.arguments.get("fill_value")
        fill: Any = ("unknown", call.name)
        if call.operation in names.MADE:
            fill = names.MADE[call.operation]
        elif call.operation in names.UNWRITTEN_MADE:
            fill = UNWRITTEN
        elif call.operation in ("scalar_tensor", "full", "new_full", "full_like"):
            value = call.arguments.get("s", value)
            fill = value if isinstance(value, NUMBERS) else fill
        sizes = results[0].sizes
        return None if sizes is None else self.constant(results[0], Values.uniform(sizes, fill))

    def _random(self, call: Call, results: list[Result]) -> Moved:
        return None if results[0].sizes is None else self.constant(results[0], Values.unknown(results[0].sizes))

    def _arange(self, call: Call, results: list[Result]) -> Moved:
        start, stop, step = (call.arguments.get(key, d) for key, d in (("start", 0), ("end", None), ("step", 1)))
        sizes = results[0].sizes
        if sizes is None or not all(isinstance(number, NUMBERS) for number in (start, stop, step)) or sizes[0] > MOST:
            return None if sizes is None else self.constant(results[0], Values.unknown(sizes))
        return self.constant(results[0], Values.known(sizes, [start + step * at for at in range(sizes[0])]))

    def _copy(self, call: Call, results: list[Result]) -> Moved:
        sizes = results[0].sizes
        return None if sizes is None else self.expand(results[0], self.given(call, "src"), sizes)

    def _slice_scatter(self, call: Call, results: list[Result]) -> Moved:
        tensor, source, get = self._self(call), self.given(call, "src"), call.arguments.get
        bounds = get("start"), get("end"), get("step", 1)
        if tensor.sizes is None or not all(isinstance(n, (int, type(None))) for n in bounds):
            return self.unreadable(results[0], [tensor, source], "it writes at places that depend on the input")
        axis = get("dim", 0) % len(tensor.sizes)
        indices = range(*slice(*bounds).indices(tensor.sizes[axis]))
        return self.write(results[0], tensor, [(axis, indices)], source) if indices else tensor

    def _index_add(self, call: Call, results: list[Result]) -> Moved:
        index, alpha = self.given(call, "index").values, call.arguments.get("alpha", 1)
        places = index.numbers() if index is not None and alpha == 1 else None
        return self._added_at(call, results[0], "source", places)

    def _scatter_add(self, call: Call, results: list[Result]) -> Moved:
        index, source = self.given(call, "index").values, self.given(call, "src")
        places = index.along(call.arguments.get("dim", 0)) if index and index.shape == source.sizes else None
        return self._added_at(call, results[0], "src", places)

    def _added_at(self, call: Call, result: Result, argument: str, places: list[Any] | None) -> MovedTensor:
        """Return a tensor with a source added at places of an axis."""
        tensor, source, axis = self._self(call), self.given(call, argument), call.arguments.get("dim", 0)
        sizes, others = list(tensor.sizes or ()), list(source.sizes or ())
        fits = bool(sizes) and len(sizes) == len(others)
        if fits:
            axis %= len(sizes)
            fits = [*sizes[:axis], *sizes[axis + 1 :]] == [*others[:axis], *others[axis + 1 :]]
        if not fits or places is None or any(type(at) is not int or not 0 <= at < sizes[axis] for at in places):
            return self.unreadable(result, [tensor, source], names.REASONS["scatter_add"])
        step = replace(result, key=f"{result.key} source", sizes=None, shape=None)
        sums = tuple((tuple((i, 1) for i, at in enumerate(places) if at == own), 0) for own in range(sizes[axis]))
        return self.add(result, tensor, self.moved_along(step, source, axis, sums))

    def _sum(self, call: Call, results: list[Result]) -> Moved:
        """Return the sum of an axis of what a transposed convolution gave: a part of its output, to be folded back."""
        tensor, axes = self._self(call), listed(call.arguments.get("dim")) or []
        if not self.is_folding(tensor) or len(axes) != 1 or not call.arguments.get("keepdim") or tensor.sizes is None:
            return None
        axis = axes[0] % len(tensor.sizes)
        return self.moved_along(results[0], tensor, axis, ((tuple((at, 1) for at in range(tensor.sizes[axis])), 0),))

    def _select_scatter(self, call: Call, results: list[Result]) -> Moved:
        tensor, source, index = self._self(call), self.given(call, "src"), call.arguments.get("index")
        if tensor.sizes is None or type(index) is not int:
            return self.unreadable(results[0], [tensor, source], "it writes at places that depend on the input")
        axis = call.arguments.get("dim", 0) % len(tensor.sizes)
        wide = self._with_axis(replace(results[0], key=f"{results[0].key} source"), source, axis)
        return self.write(results[0], tensor, [(axis, [index % tensor.sizes[axis]])], wide)


_W = TorchArithmetic
_HANDLERS: dict[str, Callable[[TorchArithmetic, Call, list[Result]], Moved]] = {
    **dict.fromkeys(names.ARITHMETIC, _W._arithmetic),
    "rsub": _W._rsub,
    **dict.fromkeys(("neg", "negative"), _W._negative),
    **dict.fromkeys(("abs", "reciprocal", "clamp", "logical_not", "bitwise_not"), _W._known),
    "where": _W._where,
    "masked_fill": _W._masked_fill,
    **dict.fromkeys((*names.MADE, *names.UNWRITTEN_MADE, *names.FILLED, "scalar_tensor"), _W._made),
    **dict.fromkeys(names.RANDOM, _W._random),
    "arange": _W._arange,
    "copy": _W._copy,
    "slice_scatter": _W._slice_scatter,
    "select_scatter": _W._select_scatter,
    "index_add": _W._index_add,
    "scatter_add": _W._scatter_add,
    "sum": _W._sum,
}
