"""Calls of modules in the forward passes of PyTorch modules, found by torch.fx.

Every forward is run once on symbols for each way in which it may be called: in training and not, with its optional
arguments and without them. A module whose forward cannot be run so is a black box: what it calls is found by itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import torch
from torch import fx, nn
from torch.fx.proxy import TraceError

from convpad.models.readers import line_of

_MOST_WAYS = 16
"""Calls of one forward that are tried."""


class UntraceableError(Exception):
    """A forward asks for what a symbol has not."""


class _Symbol(fx.Proxy):
    """A value of which nothing is known, not even its class: code that decides by the class cannot be followed."""

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        name = "" if caller is None else str(caller.f_globals.get("__name__"))
        # PyTorch's own code treats symbols in its own way, but for the function that answers for a user's code.
        if name.split(".")[0] == "torch" and caller is not None and caller.f_code.co_name != "is_tensor":
            return _Symbol
        raise UntraceableError("its code asks for the class of a value")


@dataclass(frozen=True, slots=True)
class Trace:
    """One forward, run on symbols.

    Args:
        root: the module.
        graph: its operations.
        modules: the module of each `call_module`, by its target.
        stacks: the modules that were running, from the outside in, at each node.
    """

    root: nn.Module
    graph: fx.Graph
    modules: dict[str, nn.Module]
    stacks: dict[fx.Node, tuple[nn.Module, ...]]


@dataclass(slots=True)
class Traces:
    """All forwards of a tree that can be run on symbols.

    Args:
        traces: of the tree, and of each module that a black box holds.
        failures: the black boxes, by `id`, and what their code raised.
    """

    traces: list[Trace] = field(default_factory=list)
    failures: dict[int, tuple[nn.Module, str]] = field(default_factory=dict)


def trace_tree(root: nn.Module, is_leaf: Callable[[nn.Module], bool]) -> Traces:
    """Trace a tree of modules whose tensors may be changed and whose attributes may be overwritten.

    Args:
        root: the tree; best a copy with tensors of the device "meta".
        is_leaf: whether a module is not looked into.
    """
    found, waiting, seen = Traces(), [root], set[int]()
    while waiting:
        module = waiting.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        if is_leaf(module):
            continue
        if not isinstance(module, (nn.ModuleList, nn.ModuleDict)) and id(module) not in found.failures:
            _trace_all_ways(module, is_leaf, found)
        if isinstance(module, (nn.ModuleList, nn.ModuleDict)) or id(module) in found.failures:
            waiting += module.children()
        waiting += [inner for key, (inner, _) in found.failures.items() if key not in seen]
    return found


def _trace_all_ways(module: nn.Module, is_leaf: Callable[[nn.Module], bool], found: Traces) -> None:
    """Trace a module in every way in which it may be called, or note why it cannot be."""
    traces: list[Trace] = []
    was_training = {inner: inner.training for inner in module.modules()}
    try:
        for training in (False, True):
            for inner in was_training:
                inner.training = training
            traces += [_trace(module, way, is_leaf, found) for way in _ways(module)]
        found.traces += traces
    except Exception as error:  # whatever a user's code raises when it meets a symbol
        found.failures[id(module)] = module, _reason(error)
    finally:
        for inner, training in was_training.items():
            inner.training = training


def _reason(error: BaseException) -> str:
    if isinstance(error, UntraceableError):
        return str(error)
    if isinstance(error, TraceError):
        return "its control flow depends on values"
    return line_of(error)


_Way = dict[str, Any]
_SYMBOL: Any = object()


def _ways(module: nn.Module) -> Iterator[_Way]:
    """Yield the calls of a forward: an argument is a symbol or its default, a flag true or false."""
    signature = inspect.signature(module.forward)
    choices: dict[str, tuple[Any, ...]] = {}
    for name, parameter in signature.parameters.items():
        default = parameter.default
        if parameter.kind is parameter.VAR_POSITIONAL:
            choices[name] = ((), (_SYMBOL,)) if choices else ((_SYMBOL,), (_SYMBOL, _SYMBOL))
        elif parameter.kind is not parameter.VAR_KEYWORD:
            is_flag = isinstance(default, bool)
            required = default is parameter.empty
            choices[name] = (_SYMBOL,) if required else (default, not default) if is_flag else (default, _SYMBOL)
    ways = list(product(*choices.values()))
    if len(ways) > _MOST_WAYS:
        raise UntraceableError("it has too many optional arguments")
    for way in ways:
        yield dict(zip(choices, way, strict=True))


def _trace(module: nn.Module, way: _Way, is_leaf: Callable[[nn.Module], bool], found: Traces) -> Trace:
    tracer = _Tracer(module, way, is_leaf, found)
    with torch.device("meta"):  # no random number is drawn, and no value is there to decide by
        graph = tracer.trace(module)
    return Trace(module, graph, tracer.leaves, tracer.stacks)


class _Tracer(fx.Tracer):
    """Follows a forward into the modules that it calls, as far as they can be followed."""

    def __init__(self, root: nn.Module, way: _Way, is_leaf: Callable[[nn.Module], bool], found: Traces) -> None:
        super().__init__()
        self.way, self.is_leaf, self.found = way, is_leaf, found
        self.known = {id(inner): name for name, inner in root.named_modules()}
        self.leaves: dict[str, nn.Module] = {}
        self.stacks: dict[fx.Node, tuple[nn.Module, ...]] = {}
        self.stack: list[nn.Module] = [root]

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Symbol(node, self)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        self.stacks[node] = tuple(self.stack)
        return node

    def create_args_for_root(self, root_fn: Any, is_module: bool, concrete_args: Any = None) -> Any:
        """Return the forward, and the arguments of the way in which it is called."""
        root: Any = self.root
        parameters = inspect.signature(root.forward).parameters
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for name, value in self.way.items():
            kind = parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                positional += [self._argument(f"{name}_{index}", entry) for index, entry in enumerate(value)]
            elif kind is inspect.Parameter.KEYWORD_ONLY:
                named[name] = self._argument(name, value)
            else:
                positional.append(self._argument(name, value))
        return (lambda *_: root.forward(*positional, **named)), []

    def _argument(self, name: str, value: Any) -> Any:
        return self.create_proxy("placeholder", name, (), {}) if value is _SYMBOL else value

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if id(m) not in self.known:  # of no module of the tree, or of another thread
            return forward(*args, **kwargs)
        if self.is_leaf(m) or id(m) in self.found.failures:
            return self._call_leaf(m, args, kwargs)
        count = len(self.graph.nodes)
        self.stack.append(m)
        try:
            return forward(*args, **kwargs)
        except Exception as error:  # whatever a user's code raises when it meets a symbol
            self.found.failures[id(m)] = m, _reason(error)
            for node in list(self.graph.nodes)[: count - 1 : -1]:
                self.graph.erase_node(node)
        finally:
            self.stack.pop()
        return self._call_leaf(m, args, kwargs)

    def _call_leaf(self, m: nn.Module, args: Any, kwargs: Any) -> Any:
        target = f"module_{id(m)}"
        self.leaves[target] = m
        return self.create_proxy("call_module", target, args, kwargs)
