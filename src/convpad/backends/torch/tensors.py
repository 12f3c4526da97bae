"""How are values held and moved in PyTorch?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from convpad.backends import Ints

Tensor = torch.Tensor


def owns(x: object) -> bool:
    return isinstance(x, torch.Tensor)


def settled(remembered: Callable[..., Any], *arguments: Any) -> Any:
    # torch.compile warns of every functools cache that it meets.
    function: Any = remembered
    return function.__wrapped__(*arguments) if torch.compiler.is_compiling() else function(*arguments)


def shape(x: Tensor) -> tuple[int | None, ...]:
    if not torch.compiler.is_compiling() and {*map(type, x.shape)} == {int}:
        return x.shape
    # A size that torch.compile or torch.export leaves open is a SymInt, not an int.
    return tuple([size if isinstance(size, int) and not isinstance(size, torch.SymInt) else None for size in x.shape])


_NAMES = {kind: str(kind).removeprefix("torch.") for kind in vars(torch).values() if isinstance(kind, torch.dtype)}


def dtype(x: Tensor) -> str:
    return _NAMES[x.dtype]


def tensor(array: Any, like: Tensor) -> Tensor:
    return torch.as_tensor(array, dtype=like.dtype, device=like.device)


def device(*arrays: Tensor) -> str:
    if arrays and arrays[0].is_cpu:
        kind = "cpu"
    else:
        kind = arrays[0].device.type if arrays else torch.get_default_device().type
    # Without a compiler, the gradient of every strip cut from x is as large as x: for a gradient all is different.
    apart = torch.is_grad_enabled() and any(x.requires_grad for x in arrays)
    return ("gpu" if kind == "cuda" else kind) + (", for a gradient" if apart else "")


def zeros(shape: Ints, like: Tensor) -> Tensor:
    return like.new_zeros(tuple(shape))


def lay_out(kernel: Callable[[], Tensor], ends: int) -> None:
    values = kernel()
    last, first = [*range(-ends, 0)], [*range(ends)]
    with torch.no_grad():
        values.data = values.data.movedim(last, first).contiguous().movedim(first, last)


def size(x: Tensor, axis: int) -> Any:
    return x.shape[axis]


def positions(start: Any, stop: Any, like: Tensor) -> Tensor:
    return torch.arange(start, stop, device=like.device)


def gather(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return x.index_select(axis, index)


def slices(x: Tensor, cuts: tuple[slice, ...]) -> Tensor:
    return x[cuts]


def flip(x: Tensor, axis: int) -> Tensor:
    return x.flip(axis)


def total(x: Tensor, axis: int) -> Tensor:
    return x.sum(axis, keepdim=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return torch.cat(parts, axis)


def stretch(x: Tensor, axis: int, count: Any, rows: Tensor) -> Tensor:
    wanted = list(rows.shape)
    wanted[axis] = count
    return x.expand(wanted)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return torch.where(mask != 0, x, torch.as_tensor(value, dtype=x.dtype, device=x.device))


def channels_first(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(-1, 1) if channels_last else x


def as_given(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(1, -1) if channels_last else x


def recorded(*tensors: Tensor) -> bool:
    """Whether autograd, and no compiler, will ask for a gradient of one of them."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return False
    return any(tensor.requires_grad for tensor in tensors)


def transformed(x: Tensor) -> bool:
    """Whether it is a tensor of torch.func's, which has no memory of its own."""
    try:
        x.data_ptr()
    except RuntimeError:
        return True
    return False
