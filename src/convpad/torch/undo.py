"""States of live modules: a module changed all at once, and changed back exactly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary, ref

from torch import nn

from convpad.core.errors import PaddingError
from convpad.torch.joining import core_class, rebased

_CONTAINERS = ("_parameters", "_buffers", "_modules")
_MISSING = object()
LOCK = threading.RLock()
"""Held while modules are changed, and while they are changed back."""


def probe_of(module: nn.Module, core: type[Any]) -> Any:
    """Return a module with the attributes of another and another core class, whose changes do not reach that one."""
    cls = rebased(type(module), core)
    probe = object.__new__(cls)
    state = probe.__dict__
    state.update(module.__dict__)
    for name in _CONTAINERS:
        state[name] = dict(state[name])
    return probe


@dataclass
class Step:
    """One change of a module.

    Args:
        reference: the module, held weakly: a change lasts no longer than what it changed.
        classes: core classes after the change, each with the one before; a lazy module goes from one to the next.
        after: the core class after the change.
        entries: `(container, name, before, after)` for every attribute, parameter or buffer that changed.
        token: the handle that it belongs to.
        request: the arguments that it was made with, to make it again on another state.
    """

    reference: ref[nn.Module]
    classes: dict[type[Any], type[Any]]
    after: type[Any]
    entries: list[tuple[str, str, Any, Any]] = field(repr=False)
    token: object = None
    request: Any = None

    @property
    def module(self) -> nn.Module:
        """The module."""
        module = self.reference()
        if module is None:
            raise PaddingError("The module of a change must be there to be changed. It was deleted.")
        return module

    def commit(self) -> None:
        """Make the change."""
        module = self.module
        for container, name, _, value in self.entries:
            _set(module, container, name, value)
        module.__class__ = rebased(type(module), self.after)

    def why_not_undone(self) -> str:
        """Return why the change cannot be undone; empty where it can."""
        if core_class(type(self.module)) in self.classes:
            return ""
        return f"its class became {type(self.module).__name__} since, which is not the one that repad_ gave it"

    def undo(self) -> None:
        """Undo the change."""
        module = self.module
        module.__class__ = rebased(type(module), self.classes[core_class(type(module))])
        for container, name, before, _ in reversed(self.entries):
            _set(module, container, name, before)

    def added_parameters(self) -> dict[str, Any]:
        """Return the parameters that the change added, by name."""
        return {
            name: after
            for container, name, before, after in self.entries
            if container == "_parameters" and before is _MISSING and after is not _MISSING
        }


def step_between(module: nn.Module, probe: nn.Module) -> Step:
    """Return the change that makes a module what its probe is."""
    before, after = core_class(type(module)), core_class(type(probe))
    classes = {after: before}
    becomes = getattr(after, "cls_to_become", None)
    if becomes is not None:
        classes[becomes] = before.cls_to_become
    entries = [("", *entry) for entry in _differences(module.__dict__, probe.__dict__) if entry[0] not in _CONTAINERS]
    for container in _CONTAINERS:
        pairs = _differences(getattr(module, container), getattr(probe, container))
        entries += [(container, *entry) for entry in pairs]
    return Step(ref(module), classes, after, entries)


def _differences(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    rows = [(name, before.get(name, _MISSING), after.get(name, _MISSING)) for name in {**before, **after}]
    return [row for row in rows if row[1] is not row[2]]


def _set(module: nn.Module, container: str, name: str, value: Any) -> None:
    entries = getattr(module, container) if container else module.__dict__
    if value is _MISSING:
        entries.pop(name, None)
    else:
        entries[name] = value


_STEPS: WeakKeyDictionary[nn.Module, list[Step]] = WeakKeyDictionary()
"""The steps of every changed module, the first one first. Copies of a module have none: they stay as they are."""


def steps_of(module: nn.Module) -> list[Step]:
    """Return the steps of a module that are not undone."""
    return _STEPS.get(module, [])


def forget_steps(model: nn.Module) -> None:
    """Forget the steps of all modules of a model, which stay as they are: no handle is there to undo them."""
    for module in model.modules():
        _STEPS.pop(module, None)


def make_steps(steps: list[Step], token: object) -> None:
    """Make every step, or none."""
    made: list[Step] = []
    try:
        for step in steps:
            step.token = token
            step.commit()
            made.append(step)
    except BaseException:
        for step in reversed(made):
            step.undo()
        raise
    for step in steps:
        _STEPS.setdefault(step.module, []).append(step)


def undo_steps(modules: list[nn.Module], token: object, remake: Callable[[Step], Step], names: dict[int, str]) -> None:
    """Undo the steps of one handle on these modules, below later steps of others, too; all of them, or none.

    Args:
        modules: the modules.
        token: the handle's.
        remake: `remake(step)` returns a later step made again on the module as it is without the undone one.
        names: of the modules by `id`, for refusals.
    """
    for module in modules:
        steps = steps_of(module)
        reasons = [step.why_not_undone() for step in steps[-1:]]
        if not any(step.token is token for step in steps):
            reasons = ["it was not changed by this handle: a copy stays as it is"]
        if any(reasons):
            raise PaddingError(
                f"The module {names[id(module)]!r} cannot be changed back: {reasons[0]}. Undo that first."
            )
    for module in modules:
        steps = steps_of(module)
        place = next(place for place, step in enumerate(steps) if step.token is token)
        later = steps[place + 1 :]
        for step in reversed(steps[place:]):
            step.undo()
        del steps[place:]
        for step in later:
            again = remake(step)
            added = step.added_parameters()
            again.entries = [
                (container, name, before, added.get(name, after) if container == "_parameters" else after)
                for container, name, before, after in again.entries
            ]
            again.token, again.request = step.token, step.request
            again.commit()
            steps.append(again)
        if not steps:
            _STEPS.pop(module, None)
