"""Graphs of PyTorch programs: the operations of an exported program in their order.

Graphs within a graph that run once, whatever the input, are put in its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from convpad.models.readers.movement import SIZE_TO_RECKON_WITH
from convpad.models.readers.values import MOST, Values
from convpad.models.readers.walk import checked_shape
from convpad.models.windows import Shape

_INLINED = re.compile(r"wrap_with_|wrap$|tag_activation_checkpoint|invoke_subgraph|wrap_activation_checkpoint")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor among the arguments of an operation, by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """A number among the arguments of an operation that depends on the sizes of the input.

    Args:
        expression: of the open sizes, as sympy's `srepr` writes it; empty where it is not known.
    """

    expression: str = ""


@dataclass(frozen=True, slots=True)
class TensorType:
    """What a graph tells of a tensor.

    Args:
        shape: None for an open size.
        sizes: open ones are those of the example, or one to reckon with.
        itemsize: bytes of one value.
        expressions: of open sizes, as sympy's `srepr` writes them; empty for the others.
    """

    shape: Shape
    sizes: tuple[int, ...]
    itemsize: int
    expressions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One operation of a graph.

    Args:
        name: of its node.
        operation: without its overload, and of PyTorch's own without the namespace: "conv2d".
        module, layer: the path and the class of the module that calls it; empty where there is none.
        arguments: by name; a tensor is a `Tensor`.
        results: the names of the tensors that it returns.
    """

    name: str
    operation: str
    module: str
    layer: str
    arguments: dict[str, Any]
    results: tuple[str, ...]


@dataclass(slots=True)
class Graph:
    """The operations of a program, in the order in which they run.

    Args:
        tensors: every tensor by name.
        constants: those that no input reaches; a weight's values are not known.
        calls: the operations.
        outputs: the names of the tensors that are returned.
        ranges: the least and the largest size that a symbol stands for; None for no largest.
    """

    tensors: dict[str, TensorType] = field(default_factory=dict[str, TensorType])
    constants: dict[str, Values] = field(default_factory=dict[str, Values])
    calls: list[Call] = field(default_factory=list[Call])
    outputs: list[str] = field(default_factory=list[str])
    ranges: dict[str, tuple[int, int | None]] = field(default_factory=dict[str, tuple[int, "int | None"]])


def operation_name(target: str) -> str:
    """Return an operation without its overload: `aten.conv2d.default` is "conv2d", `my.op.default` "my::op"."""
    namespace, _, name = target.removeprefix("torch.ops.").partition(".")
    if not name:
        return namespace
    name = name.partition(".")[0]
    return name if namespace in ("aten", "higher_order") else f"{namespace}::{name}"


def renamed(value: Any, names: dict[str, str]) -> Any:
    """Return an argument with other names for its tensors."""
    if isinstance(value, list):
        return [renamed(entry, names) for entry in value]
    return Tensor(names.get(value.name, value.name)) if isinstance(value, Tensor) else value


def is_run_once(operation: str) -> bool:
    """Return whether an operation runs the one graph that it holds, once."""
    return bool(_INLINED.match(operation))


def inline(graph: Graph, inner: Graph, inputs: list[str], operands: list[Any], results: list[str], prefix: str) -> None:
    """Put a graph in the place of the operation that runs it."""
    names = {name: f"{prefix}.{name}" for name in inner.tensors}
    for name, operand in zip(inputs, operands, strict=False):
        if isinstance(operand, Tensor):
            names[name] = operand.name
    names.update(zip(inner.outputs, results, strict=False))
    for name, kind in inner.tensors.items():
        graph.tensors.setdefault(names[name], kind)
    for call in inner.calls:
        arguments = {key: renamed(value, names) for key, value in call.arguments.items()}
        outs = tuple(names.get(name, f"{prefix}.{name}") for name in call.results)
        graph.calls.append(Call(f"{prefix}.{call.name}", call.operation, call.module, call.layer, arguments, outs))
    for name, result in zip(inner.outputs, results, strict=False):
        if names.get(name) != result or name in inputs:  # one tensor is returned twice, or an input is
            source = Tensor(names.get(name, name))
            graph.calls.append(Call(result, "alias", "", "", {"self": source}, (result,)))


# Programs


def graph_of(program: Any) -> Graph:
    """Return the graph of an exported program."""
    graph, signature = Graph(), program.graph_signature
    _add_nodes(graph, program.graph_module)
    graph.ranges = {str(name): _range(limits) for name, limits in program.range_constraints.items()}
    stored = {**program.state_dict, **program.constants}
    known = {**signature.inputs_to_buffers, **signature.inputs_to_lifted_tensor_constants}
    written = set(signature.buffers_to_mutate.values())
    for name in (*signature.inputs_to_parameters, *known):
        if name in graph.tensors:
            shape, key = graph.tensors[name].sizes, known.get(name)
            values = (None if key in written else _values(stored.get(key))) or Values.unknown(shape)
            graph.constants[name] = values if name in known else Values.weight(shape)
    return graph


def _range(limits: Any) -> tuple[int, int | None]:
    low, high = (getattr(limits, side) for side in ("lower", "upper"))
    return int(low) if low.is_Integer else 0, int(high) if high.is_Integer else None


def _values(tensor: Any) -> Values | None:
    """Return the values of a small tensor of numbers; None for any other."""
    if tensor is None or not hasattr(tensor, "numel") or tensor.numel() > MOST or tensor.is_meta:
        return None
    if type(tensor).__name__ == "FakeTensor" or tensor.is_complex() or tensor.is_sparse or tensor.is_quantized:
        return None
    return Values.known(tuple(tensor.shape), tensor.detach().cpu().flatten().tolist())


def _add_nodes(graph: Graph, module: Any) -> list[str]:
    """Add the nodes of a module to a graph; return the names of its inputs."""
    inputs: list[str] = []
    for node in module.graph.nodes:
        value = node.meta.get("val")
        if hasattr(value, "shape") and hasattr(value, "element_size"):
            graph.tensors[node.name] = _type_of(node.name, value)
        if node.op == "placeholder":
            inputs.append(node.name)
        elif node.op == "call_function":
            _add_call(graph, module, node)
        elif node.op == "output":
            flat = node.args[0] if isinstance(node.args[0], (list, tuple)) else [node.args[0]]
            graph.outputs = [entry.name for entry in flat if hasattr(entry, "meta")]
    return inputs


def _type_of(name: str, tensor: Any) -> TensorType:
    shape = checked_shape(name, tuple(size if type(size) is int else None for size in tensor.shape))
    expressions = tuple(map(_expression, tensor.shape))
    return TensorType(shape, tuple(map(_nominal, tensor.shape)), tensor.element_size(), expressions)


def _expression(number: Any) -> str:
    """Return a symbolic number as text; empty for a number, or what has no expression."""
    expression = getattr(getattr(number, "node", None), "expr", None)
    return "" if expression is None else _as_text(expression)


@lru_cache(maxsize=4096)
def _as_text(expression: Any) -> str:
    from sympy import srepr  # PyTorch has brought it

    return srepr(expression)


def _nominal(size: Any) -> int:
    hint = size if type(size) is int else getattr(getattr(size, "node", None), "hint", None)
    return hint if type(hint) is int and hint >= 0 else SIZE_TO_RECKON_WITH


def _add_call(graph: Graph, module: Any, node: Any) -> None:
    if getattr(node.target, "__name__", "") == "getitem":
        return
    schema = getattr(node.target, "_schema", None)
    if schema is None and not hasattr(node.target, "name"):
        return  # arithmetic of sizes
    names = [argument.name for argument in schema.arguments] if schema else []
    names += [f"argument {index}" for index in range(len(names), len(node.args))]
    arguments = {name: _plain(value) for name, value in (*zip(names, node.args, strict=False), *node.kwargs.items())}
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = (str(stack[-1][0]), str(stack[-1][1])) if stack else ("", "")
    operation = operation_name(str(node.target) if schema else node.target.name())
    results = _results(node)
    for name, value in results.items():
        if name not in graph.tensors and hasattr(value, "shape"):
            graph.tensors[name] = _type_of(name, value)
    graphs = [i for i, entry in enumerate(node.args) if getattr(entry, "op", "") == "get_attr"]
    inner = [getattr(module, str(node.args[i].target), None) for i in graphs]
    if len(graphs) == 1 and is_run_once(operation) and hasattr(inner[0], "graph"):
        within = Graph()
        inputs = _add_nodes(within, inner[0])
        operands = [_plain(entry) for entry in node.args[graphs[0] + 1 :]]
        inline(graph, within, inputs, operands, list(results), node.name)
    else:
        graph.calls.append(Call(node.name, operation, path, kind, arguments, tuple(results)))


def _results(node: Any) -> dict[str, Any]:
    """Return the tensors that a node gives, by name."""
    value = node.meta.get("val")
    if not isinstance(value, (list, tuple)):
        return {node.name: value} if value is not None else {}
    taken = {user.args[1]: user.name for user in node.users if getattr(user.target, "__name__", "") == "getitem"}
    return {taken.get(index, f"{node.name}#{index}"): entry for index, entry in enumerate(value)}


def _plain(value: Any) -> Any:
    """Return an argument with names for its tensors."""
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if hasattr(value, "op") and hasattr(value, "meta"):
        known = value.meta.get("val")
        is_tensor = hasattr(known, "shape") or isinstance(known, (list, tuple))
        return Tensor(value.name) if is_tensor else Symbol(_expression(known))
    return value if not hasattr(value, "node") else Symbol(_expression(value))
