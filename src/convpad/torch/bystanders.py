"""What keeps its own way at the edges of an image: attention, norms over it, and functions called in a forward."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import nn

_NORMS = (nn.GroupNorm, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
_NORM = "its statistics are those of the whole image: it looks at no edge"
_ATTENTION = "attention looks at all positions, and at no edge: what it knows of places is in their embeddings"
_SCRIPTED = "torch.jit has compiled it: repad it before"

_FUNCTIONS: dict[Any, str] = {
    F.pad: "its forward pads (F.pad), which cannot be seen from outside: subclass it",
    F.scaled_dot_product_attention: _ATTENTION,
    F.grid_sample: "its forward samples (F.grid_sample) with a padding_mode of its own",
    F.unfold: "its forward cuts windows (F.unfold), with a padding of its own",
}
_WINDOWS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
for _name in _WINDOWS:
    _FUNCTIONS[getattr(F, _name)] = f"its forward calls F.{_name}, with a padding of its own"
_RESIZES = (F.interpolate, F.upsample)
_RESIZE = "its forward resizes ({mode}) and looks across the edge, which it replicates: put a module of convpad there"
_HARMLESS_RESIZES = ("nearest", "nearest-exact", "area")


def why_bystander(module: nn.Module) -> str:
    """Return what a module does at the edges of an image that `repad_` does not change; empty for nothing."""
    if isinstance(module, torch.jit.ScriptModule):
        return _SCRIPTED
    if isinstance(module, _NORMS):
        return _NORM
    if isinstance(module, nn.MultiheadAttention):
        return _ATTENTION
    if module.__dict__.get("use_tiling") is True:
        return "it works in tiles (use_tiling), each of which has edges of its own: disable_tiling() first"
    cls = type(module)
    if cls.__module__.startswith("torch."):
        return ""
    forward = inspect.unwrap(cls.forward)
    reasons = list(dict.fromkeys(_reasons(module, forward, is_method=True, depth=2)))
    if not reasons and cls.__name__.endswith("Attention"):
        reasons = [_ATTENTION]
    return "; ".join(reasons)


def _reasons(module: nn.Module, function: Any, *, is_method: bool, depth: int) -> Iterator[str]:
    """Return the reasons in the source of a function of a module, and of what it calls outside PyTorch."""
    for use in _uses(function):
        target, is_own = use.function, False
        if use.attribute and is_method:
            target = module.__dict__.get(use.attribute, inspect.getattr_static(type(module), use.attribute, None))
            is_own = inspect.isfunction(target)
            target = target.__func__ if isinstance(target, staticmethod) else target
        reason = use.reason or _reason_of(target)
        if reason:
            yield reason
        elif depth and inspect.isfunction(target) and not target.__module__.startswith("torch."):
            yield from _reasons(module, inspect.unwrap(target), is_method=is_own, depth=depth - 1)


@dataclass(frozen=True, slots=True)
class _Use:
    """A line of a source that matters: a reason, a function that is called, or an attribute of the first argument."""

    reason: str = ""
    function: Any = None
    attribute: str = ""


@lru_cache(maxsize=2048)
def _uses(function: Any) -> tuple[_Use, ...]:
    """Return what the source of a function uses."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        names = inspect.getclosurevars(function).nonlocals | function.__globals__
    except (OSError, TypeError, SyntaxError, ValueError, AttributeError):
        return ()
    first, uses = next(iter(inspect.signature(function).parameters), ""), list[_Use]()
    for node in ast.walk(tree):
        target = _resolved(node, names)
        # Not calls alone: a function may get another name, or be given to one that calls it.
        uses.append(_Use(_reason_of(target)))
        if isinstance(node, ast.Call):
            target = _resolved(node.func, names)
            if target in _RESIZES:
                uses.append(_Use(_reason_of_resize(node)))
            elif inspect.isfunction(target):
                uses.append(_Use(function=target))
            elif isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == first:
                uses.append(_Use(attribute=node.func.attr))
    return tuple(dict.fromkeys(use for use in uses if use != _Use()))


def _reason_of(function: Any) -> str:
    try:
        return _FUNCTIONS.get(function, "")
    except TypeError:  # not hashable
        return ""


def _resolved(node: ast.AST, names: dict[str, Any]) -> Any:
    """Return the object that `F.pad` or `pad` stands for in a function; None where it is not a name."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _resolved(node.value, names)
        return inspect.getattr_static(owner, node.attr, None) if inspect.ismodule(owner) else None
    return None


def _reason_of_resize(call: ast.Call) -> str:
    mode: Any = "nearest"
    if len(call.args) > 3:
        mode = call.args[3]
    mode = next((keyword.value for keyword in call.keywords if keyword.arg == "mode"), mode)
    if isinstance(mode, ast.Constant):
        mode = mode.value
    if isinstance(mode, ast.expr):
        return _RESIZE.format(mode=f"mode {ast.unparse(mode)}")
    return "" if mode in _HARMLESS_RESIZES else _RESIZE.format(mode=mode)
