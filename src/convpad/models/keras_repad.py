"""Repadding of a Keras model: the same weights on convpad's layers, with the same padding or another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from convpad.changes import Change, Changes
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import check_for_any_rank
from convpad.models.layer_graph import PlacedLayer, walk_layers
from convpad.models.layer_map import (
    PADDED_METHODS,
    PADDINGS,
    RESIZED,
    WINDOWED,
    convpad_class,
    describe_layer,
    is_padded,
    padding_of,
    replacement_of,
)
from convpad.models.rebuild import rebuild


def repad_model(
    model: Any, padding_mode: Any, padding: Any, where: Any, report: Callable[[Changes], Any] | None
) -> Any:
    """Return a new Keras model, as `convpad.repad` describes it."""
    check_for_any_rank(padding, padding_mode)
    replacements: dict[int, Callable[[], Any]] = {}
    changes: dict[int, Change] = {}
    layers = walk_layers(model)
    chosen = _chosen(layers, where)
    for placed in layers:
        layer, key, kind = placed.layer, id(placed.layer), type(placed.layer)
        is_resized = isinstance(layer, tuple(RESIZED)) and padding_mode is not None
        if not is_resized and not isinstance(layer, tuple(WINDOWED | PADDINGS)):
            continue
        done, detail, cls = "left", "not chosen", convpad_class(layer)
        if key in chosen and cls is None:  # a user's class may do anything else besides
            detail = f"{kind.__name__} is a class of its own: inherit from convpad.keras there"
        elif key in chosen and is_resized and layer.interpolation not in PADDED_METHODS:
            detail = f"{layer.interpolation!r} takes no padding mode"
        elif key in chosen and is_resized:
            replacements[key] = replacement_of(layer, None, padding_mode)
            done, detail = "replaced", _describe(placed, replacements[key])
        elif key in chosen:
            options = (padding if kind in WINDOWED else None, padding_mode) if is_padded(layer) else (None, None)
            if cls is kind and all(option is None for option in options):
                detail = "convpad's already"
            else:
                replacements[key] = replacement_of(layer, *options)
                done, detail = "replaced", _describe(placed, replacements[key])
        changes[key] = Change(placed.path, kind.__name__, done, detail)
    new, replaced = rebuild(model, replacements, frozenset())
    for key in replacements.keys() - replaced:
        detail = "what holds it makes it when it is built: use convpad.keras there"
        changes[key] = replace(changes[key], done="left", detail=detail)
    if report is not None:
        report(Changes("repad", tuple(changes.values())))
    return new


def _chosen(layers: list[PlacedLayer], where: Any) -> set[int]:
    """Return `id` of every layer that `where` fits."""
    if where is None:
        return {id(placed.layer) for placed in layers}
    if callable(where):
        keys = {id(placed.layer) for placed in layers if where(placed.layer)}
        if not keys:
            raise refuse("where", "choose at least one layer", where)
        return keys
    patterns: Any = [where] if isinstance(where, str) else where
    if not isinstance(patterns, (list, tuple, set)) or not all(isinstance(entry, str) for entry in patterns):
        allowed = "be a layer's name, a pattern, several of them, or a function of a layer"
        raise refuse("where", allowed, where)
    keys = set[int]()
    for pattern in patterns:
        fitting = [p for p in layers if fnmatchcase(p.path, pattern) or fnmatchcase(p.layer.name, pattern)]
        if not fitting:
            names = [placed.path for placed in layers if convpad_class(placed.layer)]
            raise refuse("where", "fit a layer of the model", pattern, f"Layers are named like {names[:3]}.")
        keys.update(id(placed.layer) for placed in fitting)
    return keys


def _describe(placed: PlacedLayer, replacement: Callable[[], Any]) -> str:
    """Describe the new layer, or refuse it by name."""
    try:
        new = replacement()
    except Exception as error:
        refusal = error if isinstance(error, PaddingError) else error.__context__  # Keras raises one of its own over it
        if not isinstance(refusal, PaddingError):
            raise
        mend = "Leave it out with where=."
        if type(placed.layer) in PADDINGS:
            mend = "Fold padding layers into what follows first, convpad.fold(model), or leave it out with where=."
        raise PaddingError(f"The layer {placed.path!r} cannot pad so. {refusal} {mend}") from None
    if isinstance(new, tuple(RESIZED)):
        return f"{type(new).__name__}, {new.interpolation!r} with {new.padding_mode!r}"
    return describe_layer(type(new), padding_of(new)) if is_padded(new) else f"{type(new).__name__}, no padding"
