"""How is a Keras model made again, with some layers exchanged and some left out?

Graphs and stacks are made layer by layer by `keras.models.clone_model` and `keras.Sequential`; every other layer
that holds layers, from its config. A layer that is used in several places is made once.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import warnings
from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import keras

from convpad.core.errors import PaddingError
from convpad.models.layer_tree import children, has_operations, held, is_graph, is_stack, layers_in, placed

__all__ = ["Exchange", "rebuilt"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a layer is exchanged for."""

    cls: Any
    config: dict[str, Any]


def rebuilt(model: Any, exchanged: Mapping[int, Exchange], dropped: Set[int]) -> tuple[Any, Set[int]]:
    """The model made again with the same names and weights; and which of the exchanges could be made.

    Args:
        model: stays as it is.
        exchanged: by `id` of a layer, what stands in its place.
        dropped: `id` of layers of graphs and stacks that give what they are given.

    Raises:
        PaddingError: a layer cannot be made from its config.
    """
    made = _Made(model, exchanged, dropped)
    new = made.again(model)
    if model.built and not new.built:
        new.build_from_config(model.get_build_config())
    made.fill()
    _compile(model, new)
    return new, made.places.keys() & exchanged.keys()


def _compile(model: Any, new: Any) -> None:
    """The same loss, metrics and optimizer, which starts anew, as far as Keras can write them down."""
    if model.compiled and not new.compiled:
        with suppress(TypeError, ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new.compile_from_config(model.get_compile_config())


_HOOK = "convpad_made_again"


class _Made:
    """The layers that were made again, and how."""

    def __init__(self, model: Any, exchanged: Mapping[int, Exchange], dropped: Set[int]) -> None:
        self.exchanged, self.dropped = exchanged, dropped
        self.places: dict[int, tuple[Any, Any]] = {}
        every = [model, *(place.layer for place in placed(model))]
        self._by_id = {id(layer): layer for layer in every}
        self._matters = self._concerned(every)
        own = {type(layer) for layer in every if type(layer).__module__.split(".")[0] not in ("keras", "convpad")}
        # `self` is what Keras takes for the class of a layer that is to be made again by `from_config` below.
        self._scope = {keras.saving.get_registered_name(cls): cls for cls in own} | {_HOOK: self}

    def _concerned(self, every: list[Any]) -> set[int]:
        """Layers that must not be made by what holds them: exchanged, with such in them, or in several places."""
        holders: dict[int, list[int]] = {}
        for layer in every:
            for child in children(layer):
                holders.setdefault(id(child), []).append(id(layer))
        waiting = [key for key, above in holders.items() if len(above) > 1] + [*self.exchanged, *self.dropped]
        concerned = set[int]()
        while waiting:
            key = waiting.pop()
            if key not in concerned:
                concerned.add(key)
                waiting += holders.get(key, [])
        return concerned

    def again(self, layer: Any) -> Any:
        """The layer made again, once."""
        if id(layer) not in self.places:
            with keras.saving.custom_object_scope(self._scope):
                self.places[id(layer)] = (layer, self._make(layer))
        return self.places[id(layer)][1]

    def from_config(self, config: dict[str, Any]) -> Any:
        """What Keras calls for a layer that is written in the config of another one."""
        return self.again(self._by_id[config["place"]])

    def _make(self, layer: Any) -> Any:
        if id(layer) in self.exchanged:
            exchange = self.exchanged[id(layer)]
            return exchange.cls.from_config(exchange.config)
        if is_stack(layer):
            return self._stack(layer)
        if is_graph(layer):
            return self._graph(layer)
        try:
            return self._other(layer)
        except PaddingError:
            raise
        except Exception as error:  # whatever a class of its own raises
            first = str(error).strip().partition("\n")[0]
            raise PaddingError(
                f"The layer {layer.name!r} ({type(layer).__name__}) cannot be made from its config: {first} "
                "Give its class get_config and from_config as Keras asks for them."
            ) from error

    def _stack(self, stack: Any) -> Any:
        layers = [self.again(layer) for layer in stack.layers if id(layer) not in self.dropped]
        built = stack.built and hasattr(stack, "inputs")
        if built:
            (tensor,) = stack.inputs
            first = stack.get_config()["layers"][0]["config"]
            layers.insert(0, keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=first["name"]))
        return keras.Sequential(layers, name=stack.name, trainable=stack.trainable)

    def _graph(self, graph: Any) -> Any:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            return [*args, *kwargs.values()][0] if layer is None else layer(*args, **kwargs)

        def again(layer: Any) -> Any:
            return None if id(layer) in self.dropped else self.again(layer)

        # Keras would compile the clone, and fail where a loss is not registered.
        plain = keras.Model(graph.input, graph.output, name=graph.name) if graph.compiled else graph
        source = plain if type(plain) is type(graph) else graph
        given = {id(layer.output): layer for layer in graph.layers if isinstance(layer, keras.layers.InputLayer)}
        inputs = keras.tree.map_structure(lambda tensor: _input(tensor, given[id(tensor)]), graph.input)
        new = keras.models.clone_model(source, inputs, clone_function=again, call_function=call)
        if not graph.trainable:
            new.trainable = False
        return new

    def _other(self, layer: Any) -> Any:
        """A layer from its config, in which every layer that matters is written as a place; and what its code made."""
        wanted = {child.name: child for child in children(layer) if id(child) in self._matters}
        if not isinstance(layer, keras.layers.Layer) or not wanted:
            return type(layer).from_config(layer.get_config())
        if has_operations(layer) or isinstance(layer, keras.Sequential):
            raise PaddingError(
                f"The model {layer.name!r} must run its layers as they stand in it. Received: "
                f"{type(layer).__name__}, a class with a call of its own over them. Take the model inside, "
                "keras.Model(model.input, model.output)."
            )
        written: Any = keras.saving.serialize_keras_object(layer)
        new = type(layer).from_config(_with_places(written["config"], wanted))
        made_by_code = _attributes(new)
        for name, value in _attributes(layer).items():
            missing = [child for child in layers_in(value) if child.name in wanted and id(child) not in self.places]
            if missing and name in made_by_code:
                setattr(new, name, self._mapped(value, made_by_code[name]))
                kept = {id(child) for child in layers_in(getattr(new, name))}
                _forget(new, [child for child in layers_in(made_by_code[name]) if id(child) not in kept])
        return new

    def _mapped(self, old: Any, new: Any) -> Any:
        """What `new` holds, but with layers that matter made again from `old`, which is built alike."""
        if isinstance(old, keras.layers.Layer):
            return self.again(old) if id(old) in self._matters else new
        if isinstance(old, dict):
            return {key: self._mapped(value, new[key]) for key, value in old.items()}
        if isinstance(old, (list, tuple)):
            entries = [self._mapped(*pair) for pair in zip(old, new, strict=True)]
            return tuple(entries) if isinstance(old, tuple) else entries
        return new

    def fill(self) -> None:
        """Copies every weight."""
        waiting, again = list(self.places.values()), {id(new) for _, new in self.places.values()}
        while waiting:
            old, new = waiting.pop()
            if not isinstance(old, keras.layers.Layer) or is_stack(old) or is_graph(old):
                continue
            if id(old) in self.exchanged:
                _copy_by_name(old, new)
                continue
            _copy_own(old, new)
            # What was not made here was made alike, in the same order.
            olds = [child for child in children(old) if id(child) not in self.places]
            news = [child for child in children(new) if id(child) not in again]
            if [type(child) for child in olds] != [type(child) for child in news]:
                raise PaddingError(
                    f"The layer {old.name!r} ({type(old).__name__}) must hold the same layers whenever it is made from "
                    f"its config. Received: {len(olds)}, then {len(news)} other than those that were replaced. Write "
                    "what decides on them into get_config."
                )
            waiting += zip(olds, news, strict=True)


def _input(tensor: Any, layer: Any) -> Any:
    """An input like another one. `clone_model` by itself names it after the tensor (keras 3.15.1)."""
    return keras.Input(
        batch_shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse, name=layer.name, optional=layer.optional
    )


def _with_places(config: Any, wanted: Mapping[str, Any]) -> Any:
    """A config in which the layers of these names are written as their places."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_places(entry, wanted) for entry in config)
    if not isinstance(config, dict):
        return config
    inner = config.get("config")
    child = wanted.get(inner["name"]) if isinstance(inner, dict) and isinstance(inner.get("name"), str) else None
    if child is not None and config.get("class_name") == type(child).__name__:
        return {"module": None, "class_name": _HOOK, "registered_name": _HOOK, "config": {"place": id(child)}}
    return {key: _with_places(value, wanted) for key, value in config.items()}


def _attributes(layer: Any) -> dict[str, Any]:
    """What a class has put into a layer, without what every layer holds for Keras's sake."""
    internal = vars(keras.layers.Layer()).keys() | vars(keras.Model()).keys()
    # On PyTorch a layer is a module, which keeps the layers in it elsewhere.
    modules = dict(layer.named_children()) if hasattr(layer, "named_children") else {}
    return {name: value for name, value in {**held(layer), **modules}.items() if name not in internal}


def _forget(holder: Any, stale: list[Any]) -> None:
    """Takes replaced layers out of a layer's layers, where Keras 3.15.1 leaves what an attribute held before.

    It forgets what is taken out of a list that the layer holds.
    """
    holder.replaced = list(stale)
    holder.replaced.clear()
    del holder.replaced


def _copied(value: Any) -> Any:
    # A buffer of its own: JAX gives away those of a model that trains.
    return keras.ops.copy(keras.ops.convert_to_tensor(value))


def _copy_own(old: Any, new: Any) -> None:
    """The state of a layer, as its class saves and loads it, without that of the layers in it."""
    if old.built:
        store: dict[str, Any] = {}
        old.save_own_variables(store)
        if store:
            new.load_own_variables({key: _copied(value) for key, value in store.items()})


def _copy_by_name(old: Any, new: Any) -> None:
    """The weights that both have. Trained padding is kept where the mode is."""
    kept = getattr(old, "padding_mode", None) == getattr(new, "padding_mode", None)
    values = {weight.name: weight for weight in old.weights}
    for weight in new.weights:
        if weight.name in values and (kept or not weight.name.startswith("padding_value")):
            weight.assign(_copied(values[weight.name]))
