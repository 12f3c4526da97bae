"""Facts and elementary operations of PyTorch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from convpad.backends.base import Context

Tensor = torch.Tensor


def owns(x: object) -> bool:
    return isinstance(x, torch.Tensor)


def is_compiling() -> bool:
    return torch.compiler.is_compiling()


def call_cached(function: Callable[..., Any], *arguments: Any) -> Any:
    # torch.compile warns of every functools cache that it meets.
    cached: Any = function
    return cached.__wrapped__(*arguments) if torch.compiler.is_compiling() else cached(*arguments)


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


_CPU, _CPU_WITH_GRADIENT = Context("cpu", gradient=False), Context("cpu", gradient=True)


def context(*arrays: Tensor) -> Context:
    # Without a compiler, the gradient of every strip cut from x is as large as x, so a call with a gradient is a case
    # of its own.
    gradient = torch.is_grad_enabled() and any(x.requires_grad for x in arrays)
    if arrays and arrays[0].is_cpu:
        return _CPU_WITH_GRADIENT if gradient else _CPU
    kind = arrays[0].device.type if arrays else torch.get_default_device().type
    return Context("gpu" if kind == "cuda" else kind, gradient)


def facts(arrays: Sequence[Tensor]) -> tuple[Context, tuple[Any, ...], tuple[str, ...]]:
    compiling = torch.compiler.is_compiling()
    shapes = tuple([shape(x) if compiling or {*map(type, x.shape)} != {int} else x.shape for x in arrays])
    return context(*arrays), shapes, tuple([_NAMES[x.dtype] for x in arrays])


def zeros(shape: Sequence[int], like: Tensor) -> Tensor:
    return like.new_zeros(tuple(shape))


def set_kernel_layout(kernel: Callable[[], Tensor], trailing_axes: int) -> None:
    values = kernel()
    last, first = [*range(-trailing_axes, 0)], [*range(trailing_axes)]
    with torch.no_grad():
        values.data = values.data.movedim(last, first).contiguous().movedim(first, last)


def arange(start: Any, stop: Any, like: Tensor) -> Tensor:
    return torch.arange(start, stop, device=like.device)


def take(x: Tensor, axis: int, index: Tensor) -> Tensor:
    return x.index_select(axis, index)


def flip(x: Tensor, axis: int) -> Tensor:
    return x.flip(axis)


def sum_along(x: Tensor, axis: int) -> Tensor:
    return x.sum(axis, keepdim=True)


def concat(parts: list[Tensor], axis: int) -> Tensor:
    return torch.cat(parts, axis)


def broadcast_along(x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
    shape = list(like.shape)
    shape[axis] = count
    return x.expand(shape)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return torch.where(mask != 0, x, torch.as_tensor(value, dtype=x.dtype, device=x.device))


def channels_first(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(-1, 1) if channels_last else x


def as_given(x: Tensor, channels_last: bool) -> Tensor:
    return x.movedim(1, -1) if channels_last else x


def requires_grad(*tensors: Tensor) -> bool:
    """Return whether autograd, and no compiler, will compute a gradient of one of the tensors."""
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return False
    return any(tensor.requires_grad for tensor in tensors)


def is_functorch(x: Tensor) -> bool:
    """Return whether a tensor belongs to a transformation of torch.func, and has no memory of its own."""
    try:
        x.data_ptr()
    except RuntimeError:
        return True
    return False
