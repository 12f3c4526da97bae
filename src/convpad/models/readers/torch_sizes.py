"""Open sizes of PyTorch programs: expressions of symbols, and sizes at which a program can be read.

An expression is what sympy's `srepr` writes, as `.pt2` files hold it. It is computed here from a list of functions;
nothing is looked up by name and nothing is run.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor, prod
from typing import Any, NamedTuple

from convpad.models.readers.movement import SIZE_TO_RECKON_WITH
from convpad.models.readers.torch_graph import Call, Graph, Symbol, Tensor, TensorType

Sizes = Mapping[str, int]
"""The size of each symbol."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|'([^']*)'|(-?\d+)|([(),=]))")
_LONGEST, _DEEPEST, _LARGEST, _HIGHEST_POWER = 10_000, 40, 2**62, 8


class _UnknownError(Exception):
    """An expression that is not computed here."""


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > _HIGHEST_POWER or exponent != int(exponent):
        raise _UnknownError
    return Fraction(base) ** int(exponent)


def _each_pair(holds: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    return lambda *values: all(holds(a, b) for a, b in pairwise(values))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Integer": lambda value: value,
    "Rational": Fraction,
    "Identity": lambda value: value,
    "Add": lambda *values: sum(values),
    "Mul": lambda *values: prod(values),
    **dict.fromkeys(("Pow", "PowByNatural"), _power),
    **dict.fromkeys(("FloorDiv", "CleanDiv"), lambda a, b: a // b),
    "CeilDiv": lambda a, b: -(-a // b),
    **dict.fromkeys(("IntTrueDiv", "FloatTrueDiv"), lambda a, b: Fraction(a) / Fraction(b)),
    **dict.fromkeys(("Mod", "PythonMod"), lambda a, b: a % b),
    "ModularIndexing": lambda base, divisor, modulus: base // divisor % modulus,
    "Max": lambda *values: max(values),
    "Min": lambda *values: min(values),
    "Abs": abs,
    "Where": lambda condition, a, b: a if condition else b,
    **dict.fromkeys(("FloorToInt", "floor"), floor),
    **dict.fromkeys(("CeilToInt", "ceiling"), ceil),
    "TruncToInt": int,
    "ToFloat": lambda value: value,
    **dict.fromkeys(("Equality", "Eq"), _each_pair(operator.eq)),
    **dict.fromkeys(("Unequality", "Ne"), _each_pair(operator.ne)),
    **dict.fromkeys(("StrictLessThan", "Lt"), _each_pair(operator.lt)),
    **dict.fromkeys(("LessThan", "Le"), _each_pair(operator.le)),
    **dict.fromkeys(("StrictGreaterThan", "Gt"), _each_pair(operator.gt)),
    **dict.fromkeys(("GreaterThan", "Ge"), _each_pair(operator.ge)),
    "And": lambda *values: all(values),
    "Or": lambda *values: any(values),
    "Not": operator.not_,
}

_Tree = tuple[str, tuple[Any, ...]] | int
"""A function and its arguments, a number, or `("Symbol", (its name,))`."""


@lru_cache(maxsize=4096)
def _tree(expression: str) -> _Tree | None:
    """Return the tree of an expression; None where it is none that is computed here."""
    if len(expression) > _LONGEST:
        return None
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(expression):
        match = _TOKEN.match(expression, at)
        if match is None:
            return None
        kind = ("name", "text", "number", "mark")[(match.lastindex or 1) - 1]
        tokens.append((kind, match[match.lastindex or 1]))
        at = match.end()
    try:
        tree, end = _parsed(tokens, 0, 0)
    except (IndexError, ValueError, _UnknownError):
        return None
    return tree if end == len(tokens) else None


def _parsed(tokens: Sequence[tuple[str, str]], at: int, depth: int) -> tuple[Any, int]:
    """Return the tree that begins at a token, and the token after it."""
    kind, text = tokens[at]
    if kind in ("number", "text"):
        return (int(text) if kind == "number" else text), at + 1
    if kind != "name" or depth > _DEEPEST:
        raise _UnknownError
    if text in ("true", "false", "True", "False"):
        return int(text.lower() == "true"), at + 1
    if tokens[at + 1] != ("mark", "("):
        raise _UnknownError
    arguments: list[Any] = []
    at += 2
    while tokens[at] != ("mark", ")"):
        if tokens[at + 1] == ("mark", "="):  # an assumption of a symbol: integer=True
            at += 3
        else:
            argument, at = _parsed(tokens, at, depth + 1)
            arguments.append(argument)
        if tokens[at] == ("mark", ","):
            at += 1
    if text == "Symbol":
        return (text, (str(arguments[0]),)), at + 1
    if text not in _FUNCTIONS:
        raise _UnknownError
    return (text, tuple(arguments)), at + 1


def computed(expression: str, sizes: Sizes) -> Any:
    """Return the value of an expression, an int or a bool; None where it cannot be computed."""
    tree = _tree(expression)
    try:
        value = None if tree is None else _value(tree, sizes)
    except (_UnknownError, KeyError, ArithmeticError, TypeError, ValueError):
        return None
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else None
    return value if isinstance(value, int) else None


def _value(tree: Any, sizes: Sizes) -> Any:
    if not isinstance(tree, tuple):
        return tree
    name, arguments = tree
    if name == "Symbol":
        return sizes[arguments[0]]
    value = _FUNCTIONS[name](*(_value(argument, sizes) for argument in arguments))
    if abs(value) > _LARGEST:
        raise _UnknownError
    return value


@lru_cache(maxsize=4096)
def _symbols(expression: str) -> frozenset[str]:
    def names(tree: Any) -> Iterator[str]:
        if isinstance(tree, tuple):
            yield from [tree[1][0]] if tree[0] == "Symbol" else (name for part in tree[1] for name in names(part))

    return frozenset(names(_tree(expression)))


# A program at sizes


class _At:
    """A program at sizes: its numbers and shapes, each computed once."""

    def __init__(self, graph: Graph, sizes: Sizes) -> None:
        self.graph, self.sizes = graph, sizes
        self._known: dict[str, Any] = {"": None}

    def number(self, expression: str) -> Any:
        """Return the value of an expression; None where it cannot be computed."""
        if expression not in self._known:
            self._known[expression] = computed(expression, self.sizes)
        return self._known[expression]

    def settled(self, value: Any) -> Any:
        """Return an argument with numbers in the place of symbols."""
        if isinstance(value, list):
            return [self.settled(entry) for entry in value]
        number = self.number(value.expression) if isinstance(value, Symbol) else None
        return value if number is None else number

    def shape(self, name: str) -> list[Any]:
        """Return the sizes of a tensor; None for one that cannot be computed."""
        kind = self.graph.tensors.get(name)
        rows = zip(kind.expressions, kind.sizes, strict=True) if kind else ()
        return [self.number(expression) if expression else size for expression, size in rows]

    def known_shapes(self, names: Iterable[str]) -> list[list[int]]:
        """Return the shapes of tensors, of which only known ones."""
        shapes = [self.shape(name) for name in names]
        return [shape for shape in shapes if all(type(size) is int for size in shape)]

    def runs(self, calls: Sequence[_Arguments]) -> bool:
        """Return whether the program can run at the sizes, as far as its shapes tell."""
        for name in self.graph.tensors:
            if any(type(size) is int and size < 0 for size in self.shape(name)):
                return False
        for call, tensors, symbols in calls:
            operation = call.operation.rstrip("_")
            if call.operation == "_assert_scalar":
                if any(self.number(condition.expression) in (False, 0) for condition in symbols[:1]):
                    return False
            elif operation in _ONE_COUNT and call.results:
                counts = {prod(shape) for shape in self.known_shapes([tensors[0], call.results[0]])}
                if len(counts) > 1:
                    return False
            elif operation in _ONE_SHAPE and not _fit(self.known_shapes(tensors)):
                return False
        return True

    def numbers(self, calls: Sequence[_Arguments]) -> list[Any]:
        """Return the numbers of all operations, as such and against the sizes of what they take."""
        numbers: list[Any] = []
        for _, tensors, symbols in calls:
            sizes = self.shape(tensors[0]) if symbols and tensors else []
            for symbol in symbols:
                value = self.number(symbol.expression)
                for size in (0, *sizes):
                    difference = None if value is None or size is None else value - size
                    numbers += [difference, difference and (difference > 0 or -1)]
        return numbers


_ONE_COUNT = frozenset(["view", "reshape", "_unsafe_view", "flatten", "unflatten", "view_copy", "_reshape_copy"])
_ONE_SHAPE = frozenset(["add", "sub", "mul", "div", "where", "maximum", "minimum"])


def _entries(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for entry in value:
            yield from _entries(entry)
    else:
        yield value


class _Arguments(NamedTuple):
    """The arguments of a call that depend on sizes: the names of its tensors, and its symbols."""

    call: Call
    tensors: list[str]
    symbols: list[Symbol]


def _arguments(call: Call) -> _Arguments:
    entries = list(_entries(list(call.arguments.values())))
    tensors = [entry.name for entry in entries if isinstance(entry, Tensor)]
    return _Arguments(call, tensors, [entry for entry in entries if isinstance(entry, Symbol)])


def _fit(shapes: Sequence[Sequence[int]]) -> bool:
    """Return whether shapes can be broadcast."""
    rank = max(map(len, shapes), default=0)
    wide = [[1] * (rank - len(shape)) + list(shape) for shape in shapes]
    return all(len({size for size in column if size != 1}) < 2 for column in zip(*wide, strict=True))


def symbols_of(graph: Graph) -> list[str]:
    """Return the symbols of the open sizes of a program's inputs; numbers that depend on values are none."""
    expressions = {expression for kind in graph.tensors.values() for expression in kind.expressions if expression}
    for call in graph.calls:
        arguments = _entries(list(call.arguments.values()))
        expressions |= {entry.expression for entry in arguments if isinstance(entry, Symbol) and entry.expression}
    names = frozenset[str]().union(*map(_symbols, expressions))
    return sorted(name for name in names if not name.startswith(("u", "zuf")))


def at_sizes(graph: Graph, sizes: Sizes) -> Graph:
    """Return a program with numbers in the place of symbols; shapes leave open what they left open."""
    at, tensors, calls = _At(graph, sizes), dict[str, TensorType](), list[Call]()
    for name, kind in graph.tensors.items():
        numbers = tuple(SIZE_TO_RECKON_WITH if size is None else size for size in at.shape(name))
        tensors[name] = replace(kind, sizes=numbers)
    for call in graph.calls:
        arguments = {name: at.settled(value) for name, value in call.arguments.items()}
        calls.append(replace(call, arguments=arguments))
    return replace(graph, tensors=tensors, calls=calls, constants=dict(graph.constants))


# Sizes to read a program at

_MOST_SAMPLES = 16
_MOST_VALUES = 8
"""A number that has more values at the sizes that are tried is no amount."""

_NEAR = (0, 1, 2, 3, 5, 7, 10, 13, 16, 17, 21, 31, 40, -1, -2, -3, 64)
"""Sizes that are tried, from that of the example on."""

_SMALL = range(19)
"""Sizes that are tried, from the least on."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Sizes at which a program is read.

    Args:
        rows: a size for each symbol, in each of them; that of the example is the first.
        cover_all: whether each number of an operation has among them every value that it has at any size tried.
    """

    rows: tuple[Sizes, ...]
    cover_all: bool


def samples(graph: Graph) -> Samples:
    """Return sizes at which a program is read: every operation is met with every amount that it may have."""
    calls = [_arguments(call) for call in graph.calls]
    tried = [at for at in (_At(graph, row) for row in _candidates(graph)) if at.runs(calls)]
    if not tried:
        return Samples((), False)
    numbers = [at.numbers(calls) for at in tried]
    few = [place for place, column in enumerate(zip(*numbers, strict=True)) if len(set(column)) <= _MOST_VALUES]
    facts = [{(place, row[place]) for place in few} for row in numbers]
    chosen, missing = [0], frozenset[Any]().union(*facts) - facts[0]
    while missing and len(chosen) < _MOST_SAMPLES:
        best = max(range(len(tried)), key=lambda index: len(facts[index] & missing))
        chosen.append(best)
        missing -= facts[best]
    chosen += [index for index in (1, 2) if index not in chosen and index < len(tried) and len(chosen) < 3]
    return Samples(tuple(tried[index].sizes for index in chosen), not missing)


def _candidates(graph: Graph) -> list[dict[str, int]]:
    """Return sizes for the symbols of a program: first its example's, then some close to them, then small ones.

    No two symbols go through them in the same order.
    """
    rows: list[dict[str, int]] = [{} for _ in (*_NEAR, *_SMALL)]
    for place, name in enumerate(symbols_of(graph)):
        low, high = graph.ranges.get(name, (0, None))
        hint, step = _hint(graph, name), 2 * place + 1
        near = [hint + _NEAR[index * step % len(_NEAR)] for index in range(len(_NEAR))]
        small = [max(low, 1) + index * step % len(_SMALL) for index in _SMALL]
        for row, size in zip(rows, (*near, *small), strict=True):
            row[name] = max(size, low, 1) if high is None else min(max(size, low, 1), high)
    return list({tuple(row.items()): row for row in rows}.values())


def _hint(graph: Graph, name: str) -> int:
    """Return the size of a symbol in the example with which a program was exported."""
    for kind in graph.tensors.values():
        for expression, size in zip(kind.expressions, kind.sizes, strict=False):
            if expression and _symbols(expression) == {name} and size < 2**12:
                value = next((each for each in range(1, size + 1) if computed(expression, {name: each}) == size), None)
                if value is not None:
                    return value
    return SIZE_TO_RECKON_WITH
