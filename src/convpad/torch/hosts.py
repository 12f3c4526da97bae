"""The modules of torch.nn that `repad_` reaches: their classes here, and the padding that they have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from convpad.torch import convolution, padding, pooling, upsampling
from convpad.torch.base import PaddedModule

Kind = Literal["convolution", "transposed", "pool", "pad", "resize"]


@dataclass(frozen=True, slots=True)
class Host:
    """A class of torch.nn and the class of ours in its place.

    Args:
        theirs, ours: the classes.
        kind: what it does.
        rank: the number of spatial axes; 0 where modules of the class have any.
    """

    theirs: type[nn.Module]
    ours: type[Any]
    kind: Kind
    rank: int


_RANKS = (1, 2, 3)
_WINDOWS: tuple[tuple[str, Any, Kind], ...] = (
    ("Conv", convolution, "convolution"),
    ("ConvTranspose", convolution, "transposed"),
    ("MaxPool", pooling, "pool"),
    ("AvgPool", pooling, "pool"),
)
_PADS = ("ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad")
_OURS = [getattr(padding, f"Pad{rank}d") for rank in _RANKS]
HOSTS: tuple[Host, ...] = (
    *(
        Host(getattr(nn, f"{name}{rank}d"), getattr(file, f"{name}{rank}d"), kind, rank)
        for name, file, kind in _WINDOWS
        for rank in _RANKS
    ),
    *(Host(getattr(nn, f"{name}{rank}d"), _OURS[rank - 1], "pad", rank) for name in _PADS for rank in _RANKS),
    *(Host(ours, ours, "pad", ours.rank) for ours in _OURS),
    Host(nn.Upsample, upsampling.Upsample, "resize", 0),
)
"""One for each class. `ZeroPad` is a `ConstantPad` in torch.nn."""

_PAD_MODES = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}


def host_of(module: nn.Module) -> Host | None:
    """Return the host of a module, None where `repad_` does not reach it."""
    return next((host for host in HOSTS if isinstance(module, host.theirs)), None)


def declared_padding(module: Any, host: Host) -> tuple[Any, Any]:
    """Return `(padding, padding_mode)` of a module whose forward is that of its host, as our class takes them."""
    if isinstance(module, PaddedModule):
        return module.__dict__.get("declared", (module.padding, module.padding_mode))
    if host.kind == "resize":
        return None, getattr(module, "padding_mode", "replicate")
    if host.kind == "pad":
        flat = module.padding
        pairs = tuple(reversed([tuple(flat[place : place + 2]) for place in range(0, len(flat), 2)]))
        name = host.theirs.__name__
        mode = next((mode for word, mode in _PAD_MODES.items() if name.startswith(word)), None)
        return pairs, mode or module.value or "zeros"
    if host.kind == "pool":
        counted = getattr(module, "count_include_pad", False)
        return module.padding, "zeros" if counted else "ignore"
    return module.padding, module.padding_mode


def pads_nothing(padding: Any) -> bool:
    """Return whether a padding as it was written adds nothing, whatever the sizes."""
    if isinstance(padding, (tuple, list)):
        return all(pads_nothing(entry) for entry in padding)
    return padding in (0, "valid")
