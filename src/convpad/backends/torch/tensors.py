"""Facts and elementary operations of PyTorch tensors; slices cut and added to, with gradients as thin as the slices.

Autograd alone makes of every part's gradient a tensor of zeros as large as the whole, and copies the whole for every
addition in place.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from convpad import tuning
from convpad.backends.base import Box, Context

Tensor = torch.Tensor


def owns(x: object) -> bool:
    return isinstance(x, torch.Tensor)


_TELLS_EXPORTS = hasattr(torch.compiler, "is_exporting")  # PyTorch 2.6 cannot tell
is_exporting = torch.compiler.is_exporting if _TELLS_EXPORTS else torch.compiler.is_compiling


def is_compiling() -> bool:
    return torch.compiler.is_compiling()


def call_cached(function: Callable[..., Any], *arguments: Any) -> Any:
    # torch.compile warns of every functools cache that it meets.
    cached: Any = function
    return cached.__wrapped__(*arguments) if torch.compiler.is_compiling() else cached(*arguments)


def static_shape(x: Tensor) -> tuple[int, ...]:
    """Return the shape in ints, those of the traced tensor under `torch.jit.trace`, where sizes are tensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # pyright: ignore[reportPrivateImportUsage]
        return tuple([int(size) for size in x.shape])


def shape(x: Tensor) -> tuple[int | None, ...]:
    if not torch.compiler.is_compiling() and {*map(type, x.shape)} == {int}:
        return x.shape
    # A size that torch.compile or torch.export leaves open is a SymInt, not an int.
    known = [size if isinstance(size, int) and not isinstance(size, torch.SymInt) else None for size in x.shape]
    if not _TELLS_EXPORTS or not is_exporting():
        return tuple(known)
    from torch.fx.experimental.symbolic_shapes import has_static_value  # not at import: it takes long

    # With strict=True it is traced by torch.compile's tracer, to which an open size is of class int, too.
    return tuple([size if size is not None and has_static_value(size) else None for size in known])


_NAMES = {kind: str(kind).removeprefix("torch.") for kind in vars(torch).values() if isinstance(kind, torch.dtype)}


def dtype(x: Tensor) -> str:
    return _NAMES[x.dtype]


def tensor(array: Any, like: Tensor) -> Tensor:
    return torch.as_tensor(array, dtype=like.dtype, device=like.device)


def autocast(tensors: Sequence[Tensor]) -> tuple[torch.autocast, Sequence[Tensor]]:
    # PyTorch casts the arguments of convolutions. Those of pools and pads stay: on a CPU it casts some of them to
    # float32, so within an operation the dtype would depend on the route.
    device = tensors[0].device.type
    if len(tensors) > 1:
        lower = torch.get_autocast_dtype(device)
        tensors = [x.to(lower) if x.is_floating_point() and x.dtype != torch.float64 else x for x in tensors]
    return torch.autocast(device, enabled=False), tensors


_CPU, _CPU_WITH_GRADIENT = Context("cpu", gradient=False), Context("cpu", gradient=True)


def context(*arrays: Tensor) -> Context:
    # Without a compiler, the gradient of every strip cut from x is as large as x, so a call with a gradient is a case
    # of its own.
    gradient = torch.is_grad_enabled() and any(x.requires_grad for x in arrays)
    if arrays and arrays[0].is_cpu and not torch.is_autocast_enabled("cpu"):
        return _CPU_WITH_GRADIENT if gradient else _CPU
    kind = arrays[0].device.type if arrays else torch.get_default_device().type
    automatic = kind != "meta" and torch.is_autocast_enabled(kind)  # PyTorch 2.13 raises where a device has no autocast
    return Context("gpu" if kind == "cuda" else kind, gradient, autocast=automatic)


def facts(arrays: Sequence[Tensor]) -> tuple[Context, tuple[Any, ...], tuple[str, ...]]:
    here, names = context(*arrays), tuple([_NAMES[x.dtype] for x in arrays])
    if torch.compiler.is_compiling():
        here = replace(here, traced=True) if is_exporting() else here
        return here, tuple([shape(x) for x in arrays]), names
    shapes = tuple([x.shape for x in arrays])  # once: PyTorch makes a new one each time
    if {type(size) for sizes in shapes for size in sizes} == {int}:
        return here, shapes, names
    # torch.jit.trace: the sizes of the input are tensors, and stay open; those of the kernels do not change.
    return replace(here, traced=True), (shape(arrays[0]), *map(static_shape, arrays[1:])), names


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


def interleave(parts: list[Tensor], axis: int) -> Tensor:
    return torch.stack(parts, axis + 1).flatten(axis, axis + 1)


def broadcast_along(x: Tensor, axis: int, count: Any, like: Tensor) -> Tensor:
    shape = list(like.shape)
    shape[axis] = count
    return x.expand(shape)


def where(mask: Tensor, x: Tensor, value: float) -> Tensor:
    return torch.where(mask != 0, x, x.new_full((), value))


def channels_first(x: Tensor, channels_last: bool) -> Tensor:
    # Not movedim: torch.onnx writes its negative axes as they are.
    return x.permute(0, x.ndim - 1, *range(1, x.ndim - 1)) if channels_last else x


def as_given(x: Tensor, channels_last: bool) -> Tensor:
    return x.permute(0, *range(2, x.ndim), 1) if channels_last else x


def is_channels_last_memory(x: Tensor) -> bool:
    """Return whether a tensor, by its shape channels first, lies in memory channels last."""
    kind = {4: torch.channels_last, 5: torch.channels_last_3d}.get(x.ndim)
    return kind is not None and not x.is_contiguous() and x.is_contiguous(memory_format=kind)


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


def supports_inplace(x: Tensor) -> bool:
    return not torch.compiler.is_compiling() and not requires_grad(x)


def set_slice(x: Tensor, box: Box, values: Tensor) -> Tensor:
    x[box] = values
    return x


def add_slice(x: Tensor, box: Box, values: Tensor, *, exportable: bool = False) -> Tensor:
    x[box] += values
    return x


def scatter_add(x: Tensor, axis: int, index: Any, values: Tensor) -> Tensor:
    return x.index_add(axis, torch.as_tensor(index, device=x.device), values)


def take_slices(x: Tensor, boxes: Sequence[Box]) -> list[Tensor]:
    if requires_grad(x):
        return list(_TakeSlices.apply(x, boxes))  # pyright: ignore
    return [x, *(x[box] for box in boxes)]


def add_slices(out: Tensor, added: Sequence[tuple[Box, Tensor]]) -> Tensor:
    boxes, values = [box for box, _ in added], [value for _, value in added]
    if requires_grad(out, *values):
        return _AddSlices.apply(boxes, out, *values)  # pyright: ignore
    if not torch.compiler.is_compiling() and is_functorch(out):
        out = out.clone()  # its derivative may be a tensor of zeros that is not to be written into
    return _added(out, boxes, values)


def _added(out: Tensor, boxes: Sequence[Box], values: Sequence[Tensor]) -> Tensor:
    for box, value in zip(boxes, values, strict=True):
        out[box] += value
    return out


def is_slice(x: Tensor) -> bool:
    """Return whether a tensor is a part of another one's memory; False for one that has none, as under a tracer."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or is_functorch(x):  # pyright: ignore[reportPrivateImportUsage]
        return False
    return x.untyped_storage().nbytes() != x.nbytes


def add_bias(out: Tensor, bias: Tensor) -> Tensor:
    if out.dtype != bias.dtype or torch.compiler.is_compiling() or torch.jit.is_tracing():  # pyright: ignore[reportPrivateImportUsage]
        return out + bias
    return add_slices(out, [((), bias)])


def multiply(
    out: Tensor, factors: Callable[[], Tensor], boxes: Callable[[], Sequence[tuple[Box, Any]] | None]
) -> Tensor:
    thin_boxes = (
        None if torch.compiler.is_compiling() or out.nbytes < tuning.LIMITS["torch.scale_parts_bytes"] else boxes()
    )
    if thin_boxes is None:
        return out * factors()

    def scale(out: Tensor) -> Tensor:
        for box, rows in thin_boxes:
            out[box] *= tensor(rows, out)
        return out

    return _Multiply.apply(out, scale) if requires_grad(out) else scale(out)  # pyright: ignore


class _TakeSlices(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, boxes: Sequence[Box]) -> tuple[Tensor, ...]:
        x = x.detach()
        return x, *(x[box] for box in boxes)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.boxes = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        whole, *parts = gradients
        if torch.is_grad_enabled():  # a gradient of the gradient is asked for
            whole = whole.clone()
        for box, part in zip(ctx.boxes, parts, strict=True):
            whole[box] += part
        return whole, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return tangents[0].clone(), *(tangents[0][box] for box in ctx.boxes)


class _AddSlices(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(boxes: Sequence[Box], out: Tensor, *values: Tensor) -> Tensor:
        return _added(out.detach(), boxes, values)  # a function must not return its input: same memory, new tensor

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.boxes, _, *values = inputs
        ctx.shapes = [value.shape for value in values]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        parts = [gradient[box].sum_to_size(shape) for box, shape in zip(ctx.boxes, ctx.shapes, strict=True)]
        return None, gradient, *parts

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        _, out, *values = tangents
        return _added(out.clone(), ctx.boxes, values)


class _Multiply(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(out: Tensor, scale: Callable[[Tensor], Tensor]) -> Tensor:
        return scale(out.detach())  # a function must not return its input: same memory, new tensor

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.scale = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Multiply.apply(gradients[0].clone(), ctx.scale), None  # pyright: ignore

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return ctx.scale(tangents[0].clone())
