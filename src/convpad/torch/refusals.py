"""Models that cannot be changed in place: refused before anything is changed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from convpad.core.errors import PaddingError, refuse
from convpad.torch.selection import PlacedModule

_QUANTISED = (
    "torch.ao.nn.quantized",
    "torch.ao.nn.intrinsic.quantized",
    "torch.nn.quantized",
    "torch.nn.intrinsic.quantized",
)
_SHARDED = ("FullyShardedDataParallel", "FSDPModule")


def check_model(model: Any) -> None:
    """Refuse what is no module, or one without modules in it that can be changed."""
    if isinstance(model, torch.export.ExportedProgram) or _is_exported(model):
        mend = "Repad the model that it was exported from, and export again."
        raise refuse("module", "be a live torch.nn.Module, not an exported program", type(model).__name__, mend)
    if not isinstance(model, nn.Module):
        mend = "For a pipeline, repad its modules: its unet, its vae." if hasattr(model, "components") else ""
        raise refuse("module", "be a torch.nn.Module", model, mend)
    if isinstance(model, torch.jit.ScriptModule):
        mend = "Repad the model that it was made of, and script or trace it again."
        raise refuse("module", "be a live torch.nn.Module, not a ScriptModule", type(model).__name__, mend)


def _is_exported(model: Any) -> bool:
    """Return whether a module is a graph of operators with convolutions, as `ExportedProgram.module()` returns it."""
    if not isinstance(model, torch.fx.GraphModule):
        return False
    operators = torch._ops.OpOverload
    targets = [node.target for node in model.graph.nodes if node.op == "call_function"]
    return any(isinstance(target, operators) and "conv" in str(target) for target in targets)


def is_quantised(module: nn.Module) -> bool:
    """Return whether a module is a convolution on integers."""
    quantised = any(base.__module__.startswith(_QUANTISED) and "Conv" in base.__name__ for base in type(module).__mro__)
    weight = None if isinstance(module, torch.jit.ScriptModule) else module._parameters.get("weight")
    return quantised or (weight is not None and weight.is_quantized)


def check_chosen(places: list[PlacedModule]) -> None:
    """Refuse chosen modules that hold convolutions out of reach."""
    for place in places:
        if isinstance(place.module, torch.jit.ScriptModule):
            raise _refusal(place, "was compiled by torch.jit", "Repad the model before it is scripted or traced")
        if is_quantised(place.module):
            raise _refusal(place, "is quantised", "Repad the model before it is quantised")


def check_shards(places: list[PlacedModule], modules: list[nn.Module]) -> None:
    """Refuse modules whose parameters are sharded over processes."""
    keys = {id(module) for module in modules}
    for place in places:
        sharded = any(
            base.__name__ in _SHARDED and base.__module__.startswith("torch.distributed")
            for base in type(place.module).__mro__
        )
        tensors = place.module._parameters.values()
        inside = place.module.modules() if sharded else (place.module,)
        if (sharded or any(type(tensor).__name__ == "DTensor" for tensor in tensors)) and any(
            id(module) in keys for module in inside
        ):
            raise _refusal(place, "is sharded (FSDP)", "Repad the model before it is sharded")


def _refusal(place: PlacedModule, state: str, mend: str) -> PaddingError:
    name = repr(place.name) if place.name else "that was given"
    return PaddingError(
        f"The module {name} must have a padding that can be changed. Received: {type(place.module).__name__}, which "
        f"{state}. {mend}, or leave it out with where=."
    )
