"""Tracing of code in Keras models: one call of a layer or a function on symbolic tensors, which leaves no trace."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false, reportMissingImports=false

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from convpad.models.readers import printable


def obstacle_of(thing: Any) -> str:
    """Return the reason why code cannot be traced; empty where it can."""
    if isinstance(thing, keras.layers.Layer):
        if type(thing).__call__ is not keras.layers.Layer.__call__:
            return "its class has a __call__ of its own"
        if not thing.built:
            return "it is not built: call it once on an input"
    elif isinstance(thing, keras.Operation) and type(thing).symbolic_call is not keras.Operation.symbolic_call:
        return "its class has a symbolic_call of its own"
    return ""


def float_of(thing: Any) -> str:
    """Return the dtype in which a layer or a function computes."""
    return getattr(thing, "compute_dtype", None) or keras.config.floatx()


def called(thing: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a layer's code, or a function, as Keras does for predictions."""
    if not isinstance(thing, keras.Operation):
        return thing(*args, **kwargs)
    parameters = inspect.signature(thing.call).parameters
    if "training" in parameters and isinstance(thing, keras.layers.Layer):
        place = list(parameters).index("training")
        if len(args) > place:
            args[place] = args[place] or False
        else:
            kwargs["training"] = kwargs.get("training") or False
    for place, (name, parameter) in enumerate(parameters.items()):
        if name.endswith("mask") and parameter.default is parameter.empty and len(args) <= place:
            kwargs.setdefault(name, None)  # as Keras hands it over where nothing is masked
    return thing.call(*args, **kwargs)


@contextmanager
def without_traces(thing: Any) -> Iterator[None]:
    """Undo what calls on symbolic tensors leave in a model: the calls that layers note, and the counters of names."""
    from keras.src.backend.common import global_state

    layers = list(thing._flatten_layers()) if isinstance(thing, keras.layers.Layer) else []
    notes = [(nodes, len(nodes)) for layer in layers for nodes in (layer._inbound_nodes, layer._outbound_nodes)]
    names = dict(global_state.get_global_attribute("object_name_uids") or {})
    try:
        with keras.StatelessScope(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for nodes, count in notes:
            del nodes[count:]
        current = global_state.get_global_attribute("object_name_uids")
        if current is not None:
            current.clear()
            current.update(names)


def reason_of(error: BaseException) -> str:
    """Return the cause of an error in one line, without what Keras writes around it."""
    text = str(error).rpartition("Error encountered:")[2].partition("Arguments received by")[0]
    return f"{type(error).__name__}: {printable(text, 160)}".rstrip(" :.")
