"""Copies of PyTorch modules that share their tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn

from convpad.core.errors import PaddingError
from convpad.models.readers import line_of

_HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_backward_hooks",
    "_backward_pre_hooks",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
"""The dictionaries of a module that hold its hooks."""

CALL_HOOKS = _HOOKS[:4]
"""Those that a call runs."""


def copied(module: nn.Module, tensor: Callable[[Any], Any] | None = None) -> nn.Module:
    """Return a new tree of modules, with the same parameters, buffers and other tensors.

    A hook goes along. Where it is a method of a module of the tree, it becomes that of the new module; all else that
    it holds is the same object, so that what it records arrives where it did.

    Args:
        module: the tree.
        tensor: what becomes of a tensor; None to share it.

    Raises:
        PaddingError: it cannot be copied.
    """
    modules = {id(inner): inner for inner in module.modules()}
    memo: dict[int, Any] = {}
    for inner in modules.values():
        _refuse_old_forward(module, inner, modules)
        for value in _tensors(vars(inner), set()):
            if id(value) not in memo:
                memo[id(value)] = value if tensor is None else tensor(value)
        for hook in _hooks(inner):
            memo |= {id(part): part for part in _parts(hook) if id(part) not in modules}
    try:
        new = copy.deepcopy(module, memo)
    except Exception as error:  # whatever an attribute of a user's class raises
        raise PaddingError(
            f"The module must be one that copy.deepcopy can copy. Received: {type(module).__name__}, where it raises "
            f"{line_of(error)}. convpad.torch.repad_ changes a module in place."
        ) from None
    for (name, old), (_, same) in zip(_named_tensors(module), _named_tensors(new), strict=True):
        if same is not memo.get(id(old)):
            raise PaddingError(
                f"The module must be one whose copy can share its tensors. Received: {type(module).__name__}, where a "
                f"class with a __deepcopy__ of its own copies {name!r}. convpad.torch.repad_ changes a module in place."
            )
    return new


def _tensors(value: Any, seen: set[int]) -> Iterator[torch.Tensor]:
    """Yield the tensors in the attributes of a module, also in lists, tuples and dicts, but not in its children."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (dict, list, tuple, set)) and id(value) not in seen:
        seen.add(id(value))
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _tensors(entry, seen)


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    return chain(module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False))


def _hooks(module: nn.Module) -> Iterator[Any]:
    for name in _HOOKS:
        yield from vars(module).get(name, {}).values()


def call_hooks(module: nn.Module) -> list[Any]:
    """Return the hooks that a call of a module runs, without those of torch.nn.utils, which make its weights."""
    hooks = [hook for name in CALL_HOOKS for hook in vars(module).get(name, {}).values()]
    return [hook for hook in hooks if not type(hook).__module__.startswith("torch.nn.utils.")]


def _parts(hook: Any) -> Iterator[Any]:
    """Yield what a hook is made of: a function, the object of a method, the arguments of a partial."""
    if isinstance(hook, partial):
        for part in (hook.func, *hook.args, *hook.keywords.values()):
            yield from _parts(part)
    elif isinstance(hook, MethodType):
        yield hook.__self__
    elif type(hook).__module__ == "torch.nn.modules.module":  # a hook with the module that it is called with
        yield from _parts(getattr(hook, "hook", None))
    elif not isinstance(hook, FunctionType):
        yield hook


def _refuse_old_forward(root: nn.Module, module: nn.Module, modules: dict[int, nn.Module]) -> None:
    """Refuse a module whose forward was replaced by a function that holds modules: the copy would run the old ones."""
    forward = vars(module).get("forward")
    held = [cell.cell_contents for cell in getattr(forward, "__closure__", None) or ()]
    if any(id(getattr(value, "__self__", value)) in modules for value in held):
        name = next(name for name, inner in root.named_modules() if inner is module)
        raise PaddingError(
            f"The forward of a module must not hold modules in a closure. Received: {name or type(module).__name__!r}, "
            "whose forward was replaced by such a function: in a copy it would run the old module. "
            "convpad.torch.repad_ changes a module in place."
        )


def without_hooks(module: nn.Module) -> nn.Module:
    """Take the hooks off a tree of modules, and return it."""
    for inner in module.modules():
        for name in _HOOKS:
            vars(inner).get(name, {}).clear()
    return module
