"""`repad_`: changes the padding of a live PyTorch model in place, and a handle that changes it back."""

from __future__ import annotations

from typing import Any

from convpad.changes import ModuleChange, ModuleChanges
from convpad.core.padding import check_for_any_rank
from convpad.torch import refusals
from convpad.torch.bystanders import why_bystander
from convpad.torch.hosts import Host, host_of
from convpad.torch.planning import Request, again, plan_module, row_left
from convpad.torch.selection import PlacedModule, choose, walk_modules
from convpad.torch.undo import LOCK, Step, make_steps, undo_steps


class Handle:
    """The change that `repad_` made to a model, to be undone: by `remove()`, or as a context manager.

    Attributes:
        changes: a `convpad.changes.ModuleChanges`: every module that pads or could pad, changed or left alone.

    Example:

    >>> import convpad, torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1))
    >>> with convpad.torch.repad_(model, "circular") as handle:
    ...     model[0].padding_mode
    'circular'
    >>> model[0].padding_mode
    'zeros'
    """

    def __init__(self, changes: ModuleChanges, steps: list[Step]) -> None:
        self.changes = changes
        self._modules = [step.module for step in steps]
        self._names = dict(zip(map(id, self._modules), changes.modules("replaced"), strict=True))
        self._token = object()

    def remove(self) -> None:
        """Undo the change exactly. Later changes of other handles stay, and a second call does nothing.

        Raises:
            PaddingError: something else has changed the class of a module since; nothing is undone then.
        """
        with LOCK:
            undo_steps(self._modules, self._token, again, self._names)
            self._modules = []

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        state = "" if self._modules else ", removed"
        return f"<{type(self).__name__} of {self.changes.summary}{state}>"


def repad_(module: Any, padding_mode: Any = None, *, padding: Any = None, where: Any = None) -> Handle:
    """Change the padding of a PyTorch model in place, and return a handle that undoes it.

    Convolutions, transposed ones, padding modules and `Upsample` pad with another mode from then on. Parameters, hooks,
    `state_dict`, device, dtype and `isinstance` stay. A class with its own forward keeps what that does
    beyond padding, or is left alone with the reason. `handle.changes` lists both.

    Args:
        module: a model, or one module.
        padding_mode: the new mode, as `convpad.torch.Conv2d` takes it. None: every module keeps its mode. With
            neither mode nor padding, TensorFlow's `"same"` of other libraries (timm's `Conv2dSame`, `MaxPool2dSame`)
            becomes convpad's, with equal numbers.
        padding: the new amounts of the convolutions and pools that pad. Pools get the mode together with it, and
            are left alone without.
        where: the modules to change: a name or a pattern (`"decoder"`, `"*.conv1"`), which stands for all that is in
            the module, too; a class; several of these; or a function of a name and a module. None: all.

    Returns:
        A handle: `remove()` it, or use it in a `with` statement, which also ends well after an exception.

    Raises:
        PaddingError: not a module, or one whose convolutions cannot be changed (a ScriptModule, an exported program,
            quantised or sharded convolutions); a chosen module cannot pad so; or `where` fits none. Nothing is
            changed then.

    Example:

    >>> import convpad, torch
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.GroupNorm(2, 8))
    >>> handle = convpad.torch.repad_(model, ("zeros", "circular"))
    >>> model[0]
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), padding_mode=('zeros', 'circular'))
    >>> handle.changes.modules("replaced")
    ('0',)
    >>> handle.remove()
    >>> type(model[0]) is torch.nn.Conv2d
    True

    Source: the underscore and the handles are PyTorch's, https://docs.pytorch.org/docs/stable/notes/modules.html
    """
    refusals.check_model(module)
    request = Request(padding_mode, padding)
    check_for_any_rank(padding, padding_mode)
    with LOCK:
        places = walk_modules(module)
        hosts = {id(place.module): host_of(place.module) for place in places}
        reachable = [place for place in places if hosts[id(place.module)] or refusals.is_quantised(place.module)]
        chosen = choose(places, where, reachable)
        refusals.check_chosen([place for place in places if id(place.module) in chosen])
        steps, rows = _plan(places, hosts, chosen, request)
        refusals.check_shards(places, [step.module for step in steps])
        handle = Handle(ModuleChanges("repad_", tuple(rows)), steps)
        make_steps(steps, handle._token)
    return handle


def _plan(
    places: list[PlacedModule], hosts: dict[int, Host | None], chosen: set[int], request: Request
) -> tuple[list[Step], list[ModuleChange]]:
    """Return the steps to make, and a row for each module that pads, could pad, or keeps its own way at edges."""
    steps: dict[int, Step] = {}
    rows: dict[int, ModuleChange] = {}
    absorbed: dict[int, str] = {}
    # Modules that pad for others come last: these may do it themselves.
    order = sorted(places, key=lambda place: getattr(hosts[id(place.module)], "kind", "") == "pad")
    for place in order:
        key, host = id(place.module), hosts[id(place.module)]
        if host is None:
            reason = why_bystander(place.module) if key in chosen else ""
            if reason:
                rows[key] = row_left(place, None, reason, None)
        elif key in absorbed or key not in chosen:
            rows[key] = row_left(place, host, absorbed.get(key, "not chosen"), None)
        else:
            planned = plan_module(place, host, request)
            rows[key] = planned.row
            if planned.step is not None:
                steps[key] = planned.step
                absorbed |= {id(part): f"{place.name or 'the model'} pads for it" for part in planned.absorbed}
    keys = [id(place.module) for place in places]
    return [steps[key] for key in keys if key in steps], [rows[key] for key in keys if key in rows]
