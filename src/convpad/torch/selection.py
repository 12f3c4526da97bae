"""Modules of a model under their names, and the choice among them that `where` makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from convpad.core.errors import refuse

_ALLOWED = "be a name, a pattern, a class, several of these, or a function of a name and a module"


@dataclass(frozen=True, slots=True)
class PlacedModule:
    """A module of a model.

    Args:
        module: the module.
        names: its names, the first one first: several where a module is used in several places.
    """

    module: nn.Module
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The first name."""
        return self.names[0]


def walk_modules(model: nn.Module) -> list[PlacedModule]:
    """Return every module of a model once, the model first, named as by `named_modules`.

    The module in a compiled one (`torch.compile`) has the name of that, not `_orig_mod` in addition.
    """
    names: dict[int, list[str]] = {}
    modules: dict[int, nn.Module] = {}
    for name, module in _walk(model, "", ()):
        modules.setdefault(id(module), module)
        known = names.setdefault(id(module), [])
        if name not in known:
            known.append(name)
    return [PlacedModule(module, tuple(names[key])) for key, module in modules.items()]


def _walk(module: nn.Module, name: str, around: tuple[int, ...]) -> Iterator[tuple[str, nn.Module]]:
    if id(module) in around:  # a module that holds one around it
        return
    yield name, module
    for child_name, child in module._modules.items():
        if child is not None:
            transparent = child_name == "_orig_mod"
            path = name if transparent else f"{name}.{child_name}" if name else child_name
            yield from _walk(child, path, (*around, id(module)))


def choose(places: list[PlacedModule], where: Any, reachable: list[PlacedModule]) -> set[int]:
    """Return `id` of every module that `where` fits, or refuse it where it fits no reachable module.

    A name or a pattern fits a module and all that is in it. What adapters such as LoRA add to a chosen module
    is chosen with it.
    """
    if where is None:
        return {id(place.module) for place in places}
    fits = _test(where)
    chosen = {id(place.module) for place in places if any(fits(name, place.module) for name in place.names)}
    for place in places:
        base = place.module._modules.get("base_layer")
        if base is not None and id(base) in chosen:
            chosen |= {id(module) for module in place.module.modules()}
    if not any(id(place.module) in chosen for place in reachable):
        names = [place.name for place in reachable[:3]]
        mend = f"Such modules are named like {names}." if names else "This model has none."
        raise refuse("where", "fit at least one module that pads or could pad", where, mend)
    return chosen


def _test(where: Any) -> Callable[[str, nn.Module], bool]:
    if isinstance(where, (str, type)):
        entries: list[Any] = [where]
    elif isinstance(where, (list, tuple, set, frozenset)):
        entries = list(where)
    elif callable(where):
        return lambda name, module: bool(where(name, module))
    else:
        raise refuse("where", _ALLOWED, where)
    if not all(isinstance(entry, (str, type)) for entry in entries):
        raise refuse("where", _ALLOWED, where)
    patterns = [entry for entry in entries if isinstance(entry, str)]
    classes = tuple(entry for entry in entries if isinstance(entry, type))

    def fits(name: str, module: nn.Module) -> bool:
        parts = name.split(".")
        around = [".".join(parts[: count + 1]) for count in range(len(parts))]
        named = any(fnmatchcase(path, pattern) for pattern in patterns for path in around)
        return named or isinstance(module, classes)

    return fits
