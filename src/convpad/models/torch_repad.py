"""Repadding of a PyTorch module: a copy that shares its tensors, changed in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import nn

from convpad.changes import ModuleChanges
from convpad.models.torch_copy import copied
from convpad.torch import repad_
from convpad.torch.undo import forget_steps


def repad_model(
    model: nn.Module, padding_mode: Any, padding: Any, where: Any, report: Callable[[ModuleChanges], Any] | None
) -> nn.Module:
    """Return a new tree of modules, as `convpad.repad` describes it."""
    new = copied(model)
    if callable(where) and not isinstance(where, type):  # asked about the modules that the caller knows
        named = zip(new.modules(), model.modules(), strict=True)
        originals, ask = {id(inner): old for inner, old in named}, where
        where = lambda name, module: ask(name, originals.get(id(module), module))  # noqa: E731
    handle = repad_(new, padding_mode, padding=padding, where=where)
    forget_steps(new)  # they would hold the new modules for ever
    if report is not None:
        report(replace(handle.changes, tool="repad"))
    return new
