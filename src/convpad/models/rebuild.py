"""Rebuilding of a Keras model with its weights, some layers replaced and some left out.

Functional models and stacks are rebuilt layer by layer, by `keras.models.clone_model` and `keras.Sequential`; every
other layer with layers in it from its config. A layer that is used in several places is rebuilt once.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from traceback import walk_tb
from typing import Any

import keras

from convpad.core.errors import PaddingError
from convpad.models.layer_graph import (
    attributes_of,
    children,
    has_operations,
    is_graph,
    is_stack,
    layers_in,
    walk_layers,
)
from convpad.models.readers import printable

_HOOK = "convpad_rebuilt"
"""A registered name under which a config refers to a layer that this file rebuilds."""

Replacements = Mapping[int, Callable[[], Any]]
"""The makers of new layers, by `id` of the layer that is replaced."""


def rebuild(model: Any, replacements: Replacements, dropped: Set[int]) -> tuple[Any, Set[int]]:
    """Return a new model with the same names and weights, and the `id` of the layers that could be replaced.

    Layers of functional models and stacks whose `id` is in `dropped` are left out: their output is their input.
    """
    rebuilder = _Rebuilder(model, replacements, dropped)
    new = rebuilder.new_for(model)
    if model.built and not new.built:
        new.build_from_config(model.get_build_config())
    rebuilder.copy_weights()
    if model.compiled and not new.compiled:  # as far as Keras can write that down; the optimizer starts anew
        with suppress(TypeError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new.compile_from_config(model.get_compile_config())
    return new, rebuilder.pairs.keys() & replacements.keys()


class _Rebuilder:
    """The layers that are rebuilt: (old, new) by `id` of the old one."""

    def __init__(self, model: Any, replacements: Replacements, dropped: Set[int]) -> None:
        self.replacements, self.dropped = replacements, dropped
        self.pairs: dict[int, tuple[Any, Any]] = {}
        layers = [model, *(placed.layer for placed in walk_layers(model))]
        self._by_id = {id(layer): layer for layer in layers}
        self._ours = self._our_layers(layers)
        classes = {type(layer) for layer in layers if type(layer).__module__.split(".")[0] not in ("keras", "convpad")}
        # Keras takes `self` for the class of a layer with that name, and calls its `from_config` below.
        self._scope = {keras.saving.get_registered_name(cls): cls for cls in classes} | {_HOOK: self}

    def _our_layers(self, layers: list[Any]) -> set[int]:
        """Return `id` of the layers whose parent's `from_config` must use our new layer.

        They are replaced or dropped, have such layers in them, or are in several places.
        """
        holders: dict[int, list[int]] = {}
        for layer in layers:
            for child in children(layer):
                holders.setdefault(id(child), []).append(id(layer))
        waiting = [key for key, above in holders.items() if len(above) > 1] + [*self.replacements, *self.dropped]
        keys = set[int]()
        while waiting:
            key = waiting.pop()
            if key not in keys:
                keys.add(key)
                waiting += holders.get(key, [])
        return keys

    def new_for(self, layer: Any) -> Any:
        """Return the new layer for an old one, which is rebuilt once."""
        if id(layer) not in self.pairs:
            with keras.saving.custom_object_scope(self._scope):
                self.pairs[id(layer)] = (layer, self._make(layer))
        return self.pairs[id(layer)][1]

    def from_config(self, config: dict[str, Any]) -> Any:
        """Return the new layer for a layer in the config of another one; Keras calls this."""
        return self.new_for(self._by_id[config["id"]])

    def _make(self, layer: Any) -> Any:
        if id(layer) in self.replacements:
            return self.replacements[id(layer)]()
        if is_stack(layer):
            return self._stack(layer)
        if is_graph(layer):
            return self._functional(layer)
        try:
            return self._other(layer)
        except PaddingError:
            raise
        except Exception as error:  # whatever a class of its own raises
            raise PaddingError(
                f"The layer {layer.name!r} ({type(layer).__name__}) cannot be made from its config: "
                f"{_line_of_cause(error)}. Give its class get_config and from_config as Keras asks for them."
            ) from error

    def _stack(self, stack: Any) -> Any:
        layers = [self.new_for(layer) for layer in stack.layers if id(layer) not in self.dropped]
        built = stack.built and hasattr(stack, "inputs")
        if built:
            (tensor,) = stack.inputs
            first = stack.get_config()["layers"][0]["config"]
            layers.insert(0, keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=first["name"]))
        return keras.Sequential(layers, name=stack.name, trainable=stack.trainable)

    def _functional(self, graph: Any) -> Any:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            return [*args, *kwargs.values()][0] if layer is None else layer(*args, **kwargs)

        def new_input(tensor: Any, layer: Any) -> Any:
            # `clone_model` by itself names an input after its tensor (keras 3.15.1).
            options = {"dtype": tensor.dtype, "sparse": tensor.sparse, "optional": layer.optional}
            return keras.Input(batch_shape=tensor.shape, name=layer.name, **options)

        def clone(layer: Any) -> Any:
            return None if id(layer) in self.dropped else self.new_for(layer)

        # Keras would compile the clone, and fail where a loss is not registered.
        plain = keras.Model(graph.input, graph.output, name=graph.name) if graph.compiled else graph
        source = plain if type(plain) is type(graph) else graph
        layers = {id(layer.output): layer for layer in graph.layers if isinstance(layer, keras.layers.InputLayer)}
        inputs = keras.tree.map_structure(lambda tensor: new_input(tensor, layers[id(tensor)]), graph.input)
        new = keras.models.clone_model(source, inputs, clone_function=clone, call_function=call)
        if not graph.trainable:
            new.trainable = False
        return new

    def _other(self, layer: Any) -> Any:
        """Rebuild a layer from its config, in which our layers are written by `id`.

        Layers that its code makes, which the config does not show, are replaced in its attributes.
        """
        inner = {child.name: child for child in children(layer) if id(child) in self._ours}
        if not isinstance(layer, keras.layers.Layer) or not inner:
            return type(layer).from_config(layer.get_config())
        if has_operations(layer) or isinstance(layer, keras.Sequential):
            raise PaddingError(
                f"The model {layer.name!r} must run its layers as they stand in it. Received: "
                f"{type(layer).__name__}, a class with a call of its own over them. Take the model inside, "
                "keras.Model(model.input, model.output)."
            )
        config: Any = keras.saving.serialize_keras_object(layer)
        new = type(layer).from_config(_with_ids(config["config"], inner))
        made_by_code = _attributes(new)
        for name, value in _attributes(layer).items():
            # `from_config` has not met a layer that is missing in the pairs, so the class makes it in code.
            missing = [child for child in layers_in(value) if child.name in inner and id(child) not in self.pairs]
            if missing and name in made_by_code:
                setattr(new, name, self._mapped(value, made_by_code[name]))
                current = {id(child) for child in layers_in(getattr(new, name))}
                _forget(new, [child for child in layers_in(made_by_code[name]) if id(child) not in current])
        return new

    def _mapped(self, old: Any, new: Any) -> Any:
        """Return a copy of `new` with our new layers for those of `old`; both have the same structure."""
        if isinstance(old, keras.layers.Layer):
            return self.new_for(old) if id(old) in self._ours else new
        if isinstance(old, dict):
            return {key: self._mapped(value, new[key]) for key, value in old.items()}
        if isinstance(old, (list, tuple)):
            entries = [self._mapped(*pair) for pair in zip(old, new, strict=True)]
            return tuple(entries) if isinstance(old, tuple) else entries
        return new

    def copy_weights(self) -> None:
        """Copy every weight to the new layers."""
        waiting, new_ids = list(self.pairs.values()), {id(new) for _, new in self.pairs.values()}
        while waiting:
            old, new = waiting.pop()
            if not isinstance(old, keras.layers.Layer) or is_stack(old) or is_graph(old):
                continue
            if id(old) in self.replacements:
                _copy_by_name(old, new)
                continue
            state: dict[str, Any] = {}
            if old.built:
                old.save_own_variables(state)  # as its class saves and loads it, without the layers in it
            if state:
                new.load_own_variables({key: _copied(value) for key, value in state.items()})
            # Layers that are not ours were made alike, in the same order.
            olds = [child for child in children(old) if id(child) not in self.pairs]
            news = [child for child in children(new) if id(child) not in new_ids]
            if [type(child) for child in olds] != [type(child) for child in news]:
                raise PaddingError(
                    f"The layer {old.name!r} ({type(old).__name__}) must hold the same layers whenever it is made from "
                    f"its config. Received: {len(olds)}, then {len(news)} other than those that were replaced. Write "
                    "what decides on them into get_config."
                )
            waiting += zip(olds, news, strict=True)


def _line_of_cause(error: BaseException) -> str:
    """Return an error on one line: the one that a class has raised, below those that Keras raises over it."""
    while (inner := error.__cause__ or error.__context__) is not None and _is_raised_by_keras(error):
        error = inner
    first = str(error).strip().partition("\n\n")[0]  # what follows is an example
    return f"{type(error).__name__}: {printable(first, 240)}".rstrip(".: ")


def _is_raised_by_keras(error: BaseException) -> bool:
    frames = list(walk_tb(error.__traceback__))
    return bool(frames) and str(frames[-1][0].f_globals.get("__name__")).startswith("keras.")


def _with_ids(config: Any, layers: Mapping[str, Any]) -> Any:
    """Return a config in which the layers of these names are written by `id`."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_ids(entry, layers) for entry in config)
    if not isinstance(config, dict):
        return config
    inner = config.get("config")
    layer = layers.get(inner["name"]) if isinstance(inner, dict) and isinstance(inner.get("name"), str) else None
    if layer is not None and config.get("class_name") == type(layer).__name__:
        return {"module": None, "class_name": _HOOK, "registered_name": _HOOK, "config": {"id": id(layer)}}
    return {key: _with_ids(value, layers) for key, value in config.items()}


def _attributes(layer: Any) -> dict[str, Any]:
    """Return the attributes that a class has set on a layer, without those of every Keras layer."""
    internal = vars(keras.layers.Layer()).keys() | vars(keras.Model()).keys()
    # On PyTorch a layer is a module, whose layers are no entries of its `__dict__`.
    modules = dict(layer.named_children()) if hasattr(layer, "named_children") else {}
    return {name: value for name, value in {**attributes_of(layer), **modules}.items() if name not in internal}


def _forget(holder: Any, stale: list[Any]) -> None:
    """Take replaced layers out of a layer's layers, where Keras 3.15.1 leaves the old value of an attribute.

    Keras untracks a layer only when it leaves a tracked list: the stale ones are put in such a list, which is cleared.
    """
    holder.replaced = list(stale)
    holder.replaced.clear()
    del holder.replaced


def _copied(value: Any) -> Any:
    # A buffer of its own: JAX gives away those of a model that trains.
    return keras.ops.copy(keras.ops.convert_to_tensor(value))


def _copy_by_name(old: Any, new: Any) -> None:
    """Copy the weights that both have by name. Trained padding is kept where the mode is."""
    has_same_mode = getattr(old, "padding_mode", None) == getattr(new, "padding_mode", None)
    values = {weight.name: weight for weight in old.weights}
    for weight in new.weights:
        if weight.name in values and (has_same_mode or not weight.name.startswith("padding_value")):
            weight.assign(_copied(values[weight.name]))
