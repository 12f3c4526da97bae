"""Graph of a PyTorch module: which module reads the output of which padding module."""

from __future__ import annotations

import dis
import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch
from torch import fx, nn

from convpad.changes import Change
from convpad.models.folding import LayerGraph, Use
from convpad.models.torch_copy import call_hooks, copied, without_hooks
from convpad.models.torch_layers import kind_of
from convpad.models.torch_trace import Trace, trace_tree

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True, slots=True)
class _Function:
    """A function, or an input, that a module reads."""

    name: str


@dataclass(frozen=True, slots=True)
class ModuleGraph:
    """The calls of a tree of modules.

    Args:
        names: the name of each module in the tree, by its `id`; the class of the tree itself.
        calls: of the modules that pad or have a window.
        notes: what could not be followed.
    """

    names: dict[int, str]
    calls: LayerGraph
    notes: tuple[Change, ...]

    def name_of(self, module: Any) -> str:
        """Return the name of a module or of a function."""
        return module.name if isinstance(module, _Function) else self.names[id(module)]


def module_graph(root: nn.Module) -> ModuleGraph:
    """Return the graph of a tree of modules."""
    probe = without_hooks(copied(root, _on_meta))
    originals = {
        id(inner): old for (_, inner), (_, old) in zip(probe.named_modules(), root.named_modules(), strict=True)
    }
    names = {id(old): name or type(old).__name__ for name, old in root.named_modules()}
    traces = trace_tree(probe, _is_leaf)
    builder = _Builder(originals, names)
    for trace in traces.traces:
        builder.add_trace(trace)
    for inner, reason in traces.failures.values():
        builder.add_black_box(originals[id(inner)], reason)
    return ModuleGraph(names, builder.calls, tuple(builder.notes.values()))


def _on_meta(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that has no values, so that code that writes into it changes nothing."""
    if nn.parameter.is_lazy(tensor):
        return tensor
    empty = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty


def _is_leaf(module: nn.Module) -> bool:
    if kind_of(module) or isinstance(module, torch.jit.ScriptModule):
        return True
    is_torch = type(module).__module__.startswith(("torch.nn.modules.", "torch.ao.", "torch.nn.quantized"))
    return is_torch and not isinstance(module, _CONTAINERS)


class _Builder:
    """Collects the calls of all traces, of the modules that the user has instead of those that were traced."""

    def __init__(self, originals: dict[int, nn.Module], names: dict[int, str]) -> None:
        self.originals, self.names = originals, names
        self.calls = LayerGraph()
        self.notes: dict[str, Change] = {}

    def add_trace(self, trace: Trace) -> None:
        """Add the calls of a forward."""
        weights = {name: name.rpartition(".")[0] for name, _ in trace.root.named_parameters(remove_duplicate=False)}
        inner = dict(trace.root.named_modules(remove_duplicate=False))
        for node in trace.graph.nodes:
            if node.op == "call_module":
                self._add_call(trace, node)
            elif node.op == "get_attr" and node.target in weights:
                module = self.originals[id(inner[weights[node.target]])]
                self.calls.called_by_code.setdefault(id(module), "code reads its weights")
            elif node.op == "call_function" and getattr(node.target, "__name__", "") == "pad":
                self._note(
                    self._original(trace.stacks[node][-1]),
                    "F.pad",
                    "its forward calls this function, which no module stands for",
                )

    def _original(self, module: nn.Module) -> nn.Module:
        return self.originals[id(module)]

    def _note(self, module: nn.Module, kind: str, detail: str) -> None:
        name = self.names[id(module)]
        self.notes[f"{name} {kind}"] = Change(name, kind, "left", detail)

    def _add_call(self, trace: Trace, node: fx.Node) -> None:
        module = self._original(trace.modules[str(node.target)])
        if kind_of(module) in ("convolution", "pool"):
            for source in node.all_input_nodes:
                found = self._source(trace, source)
                if found is not None:
                    self.calls.sources.setdefault(id(module), []).append(found)
        if kind_of(module) == "pad":
            uses = list(self._uses(trace, node, trace.stacks[node]))
            self.calls.uses.setdefault(id(module), []).extend(uses)

    def _source(self, trace: Trace, node: fx.Node) -> Any:
        """Return what a node is the output of, through modules that change nothing."""
        if node.op != "call_module":
            return _Function(node.name)
        module = self._original(trace.modules[str(node.target)])
        if type(module) is nn.Identity and node.all_input_nodes:
            return self._source(trace, node.all_input_nodes[0])
        return module

    def _uses(self, trace: Trace, node: fx.Node, stack: tuple[nn.Module, ...]) -> Iterator[Use]:
        """Yield the uses of a node, through modules that change nothing."""
        if not node.users:
            yield Use(None, "nothing reads it")
        for user in node.users:
            if user.op == "output":
                yield Use(None, f"{self.names[id(self._original(trace.root))]} gives it out")
            elif user.op != "call_module":
                name = "its shape" if "shape" in str(user.args) or user.target == "size" else user.name
                yield Use(
                    None, f"the code reads {name}" if name == "its shape" else f"{_name(user)} reads it, a function"
                )
            else:
                yield from self._uses_by_module(trace, node, user, stack)

    def _uses_by_module(
        self, trace: Trace, node: fx.Node, user: fx.Node, stack: tuple[nn.Module, ...]
    ) -> Iterator[Use]:
        reader = self._original(trace.modules[str(user.target)])
        name = self.names[id(reader)]
        if len(user.args) + len(user.kwargs) != 1 or user.all_input_nodes != [node] or len(list(_flat(user))) != 1:
            yield Use(None, f"{name} reads it with other arguments")
            return
        between = set(stack) ^ set(trace.stacks[user])
        hooked = next((self._original(module) for module in between if call_hooks(self._original(module))), None)
        if hooked is not None:
            yield Use(None, f"{self.names[id(hooked)]}, at whose border {name} reads it, has hooks")
        elif type(reader) is nn.Identity:
            if call_hooks(reader):
                yield Use(None, f"{name} has hooks")
            yield from self._uses(trace, user, stack)
        else:
            yield Use(reader)

    def add_black_box(self, module: nn.Module, reason: str) -> None:
        """Add the calls of a module whose forward could not be followed."""
        name = self.names[id(module)]
        if not any(kind_of(inner) == "pad" for inner in module.modules()):
            return
        self._note(module, type(module).__name__, f"torch.fx cannot run its forward: {reason}")
        apart = taken_apart(module)
        for attribute, child in module.named_children():
            if isinstance(child, (nn.ModuleList, nn.ModuleDict)):
                called = list(child.children())
            elif attribute in apart:
                called = list(child.modules())
            else:
                called = [child]
            for inner in called:
                self.calls.called_by_code.setdefault(id(inner), f"{name} calls it, whose forward torch.fx cannot run")


def _name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", node.name)


def _flat(node: fx.Node) -> Iterator[Any]:
    yield from node.args
    yield from node.kwargs.values()


def taken_apart(module: nn.Module) -> set[str]:
    """Return the children that the code of a module does not only call: it may call what is in them.

    `self.layers[:3](x)` or `for layer in self.layers` may read the output of any of the layers.
    """
    children = {name for name, _ in module.named_children()}
    apart, waiting, reached = set[str](), ["forward"], set[str]()
    while waiting:
        name = waiting.pop()
        function = getattr(type(module), name, None)
        if name in reached or function is getattr(nn.Module, name, None):
            continue
        reached.add(name)
        code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
        if code is None:
            if name == "forward":
                return children
            continue
        for attribute, is_called in _attributes(code):
            waiting.append(attribute)
            if not is_called:
                apart.add(attribute)
    return apart & children


def _attributes(code: CodeType) -> Iterator[tuple[str, bool]]:
    """Yield the attributes that code loads, and whether it loads them to call them."""
    for line in dis.get_instructions(code):
        if line.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            flagged = sys.version_info >= (3, 12) and bool((line.arg or 0) & 1)
            yield str(line.argval), line.opname == "LOAD_METHOD" or flagged
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _attributes(constant)
