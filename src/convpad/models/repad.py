"""How is a Keras model made to pad otherwise, with the weights it has?"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import keras

from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.models.changes import Change, Changes
from convpad.models.layer_map import (
    PADDINGS,
    WINDOWED,
    config_of,
    is_of_its_own_class,
    ours_for,
    pads,
    parsed,
)
from convpad.models.layer_tree import Placed, placed
from convpad.models.rebuild import Exchange, rebuilt

__all__ = ["repad"]


def repad(
    model: Any,
    padding_mode: Any = None,
    *,
    padding: Any = None,
    only: Any = None,
    report: Callable[[Changes], Any] | None = None,
) -> Any:
    """The same Keras model and weights on convpad's layers, padding as before or with another mode.

    Works for functional and Sequential models, models in models, wrappers such as `TimeDistributed`, and classes
    of your own that have `get_config`. Names stay, and layers used in several places stay one. The model given
    is not changed. A compiled model comes back compiled, where Keras can write down its loss; the optimizer
    starts anew.

    Args:
        model: a Keras model.
        padding_mode: with what every layer that pads is to pad, as `convpad.conv` takes it. Convolutions, pools
            and padding layers get it alike. None: every layer pads as it did, and gives what it gave.
        padding: how much, in place of what convolutions and pools that pad have now, as `convpad.conv` takes
            it. Padding layers keep their amounts.
        only: the layers it is about: a name or a pattern (`"block1_*"`; in another model or layer also
            `"backbone/conv*"`), several of them, or a function of a layer. The rest stays Keras's. None: all.
        report: called once with the `convpad.models.changes.Changes` made: `report=print` prints them.

    Returns:
        A new model.

    Raises:
        PaddingError: no such padding, a chosen layer cannot have it, `only` fits no layer, or a layer cannot
            be made from its config.

    Example:

    >>> import convpad, keras
    >>> layers = keras.layers
    >>> image = keras.Input((32, 32, 3))
    >>> x = layers.Conv2D(8, 3, padding="same", name="conv")(layers.ZeroPadding2D(1, name="pad")(image))
    >>> model = convpad.repad(keras.Model(image, x), "reflect", report=print)
    repad: 2 layers replaced, 0 folded, 0 left alone
    replaced  pad   ZeroPadding2D  Padding2D, ((1, 1), (1, 1)) with 'reflect'
    replaced  conv  Conv2D         Conv2D, 'same' with 'reflect'
    >>> model.get_layer("conv").padding_mode
    'reflect'

    Source: https://keras.io/api/models/model_saving_apis/, of which it uses `clone_model`.
    """
    if not isinstance(model, keras.Model):
        raise refuse("model", "be a Keras model", model, "Load a file with keras.saving.load_model first.")
    _check(padding, padding_mode)
    exchanged: dict[int, Exchange] = {}
    rows: list[tuple[int, Change]] = []
    places = placed(model)
    chosen = _chosen(places, only)
    for place in places:
        if ours_for(place.layer) is None and not is_of_its_own_class(place.layer):
            continue
        reason = "not chosen" if id(place.layer) not in chosen else _obstacle(place.layer, padding, padding_mode)
        if reason is None:
            exchange = _exchange(place.layer, padding, padding_mode)
            exchanged[id(place.layer)] = exchange
            done, detail = "replaced", _described(place, exchange)
        else:
            done, detail = "left", reason
        rows.append((id(place.layer), Change(place.path, type(place.layer).__name__, done, detail)))
    new, made = rebuilt(model, exchanged, frozenset())
    if report is not None:
        report(Changes("repad", tuple(_left(row) if key in exchanged.keys() - made else row for key, row in rows)))
    return new


def _check(padding: Any, padding_mode: Any) -> None:
    """Refuses what would be a padding on no number of axes, also where no layer pads."""
    refusals: list[PaddingError] = []
    for rank in (1, 3, 2):
        try:
            amount, mode = "valid" if padding is None else padding, "zeros" if padding_mode is None else padding_mode
            Padding.parse(amount, mode, rank=rank)
        except PaddingError as error:
            refusals.append(error)
    if len(refusals) == 3:
        raise refusals[-1]


def _chosen(places: list[Placed], only: Any) -> set[int]:
    """`id` of every layer that `only` fits."""
    if only is None:
        return {id(place.layer) for place in places}
    if callable(only):
        found = {id(place.layer) for place in places if only(place.layer)}
        if not found:
            raise refuse("only", "choose at least one layer", only)
        return found
    patterns: Any = [only] if isinstance(only, str) else only
    if not isinstance(patterns, (list, tuple, set)) or not all(isinstance(entry, str) for entry in patterns):
        allowed = "be a layer's name, a pattern, several of them, or a function of a layer"
        raise refuse("only", allowed, only)
    found = set[int]()
    for pattern in patterns:
        fits = {id(place.layer) for place in places if _fits(place, pattern)}
        if not fits:
            names = [place.path for place in places if ours_for(place.layer)]
            raise refuse("only", "fit a layer of the model", pattern, f"Layers are named like {names[:3]}.")
        found |= fits
    return found


def _fits(place: Placed, pattern: str) -> bool:
    return fnmatchcase(place.path, pattern) or fnmatchcase(place.layer.name, pattern)


def _changes(layer: Any, padding: Any, padding_mode: Any) -> bool:
    """Whether what was asked for is about this layer."""
    asked = padding_mode is not None or (padding is not None and type(layer) in WINDOWED)
    return asked and pads(layer)


def _obstacle(layer: Any, padding: Any, padding_mode: Any) -> str | None:
    """Why a chosen layer is not replaced."""
    if ours_for(layer) is None:
        return f"{type(layer).__name__} is a class of its own: inherit from convpad.keras there"
    if ours_for(layer) is type(layer) and not _changes(layer, padding, padding_mode):
        return "convpad's already"
    return None


def _exchange(layer: Any, padding: Any, padding_mode: Any) -> Exchange:
    if not _changes(layer, padding, padding_mode):
        return Exchange(ours_for(layer), config_of(layer))
    amount = padding if type(layer) in WINDOWED else None
    return Exchange(ours_for(layer, any_mode=padding_mode is not None), config_of(layer, amount, padding_mode))


def _described(place: Placed, exchange: Exchange) -> str:
    """What the layer becomes; or a refusal that names it."""
    try:
        now = exchange.cls.from_config(exchange.config)
    except Exception as error:
        refusal = error if isinstance(error, PaddingError) else error.__context__  # Keras raises one of its own over it
        if not isinstance(refusal, PaddingError):
            raise
        mend = "Leave it out with only=."
        if type(place.layer) in PADDINGS:
            mend = "Melt padding layers into what follows first, convpad.fold(model), or leave it out with only=."
        raise PaddingError(f"The layer {place.path!r} cannot pad so. {refusal} {mend}") from None
    amount, mode = parsed(now).spelling()
    return f"{type(now).__name__}, {amount!r} with {mode!r}" if pads(now) else f"{type(now).__name__}, no padding"


def _left(row: Change) -> Change:
    why = "what holds it makes it when it is built: use convpad.keras there"
    return Change(row.layer, row.kind, "left", why)
