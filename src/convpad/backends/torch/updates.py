"""Slices cut from tensors and added to tensors in PyTorch, with gradients as thin as the slices.

Autograd alone makes of every part's gradient a tensor of zeros as large as the whole, and copies the whole for every
addition in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from convpad import tuning
from convpad.backends.base import Box
from convpad.backends.torch.tensors import Tensor, is_functorch, requires_grad, tensor


def supports_inplace(x: Tensor) -> bool:
    return not torch.compiler.is_compiling() and not requires_grad(x)


def set_slice(x: Tensor, box: Box, values: Tensor) -> Tensor:
    x[box] = values
    return x


def add_slice(x: Tensor, box: Box, values: Tensor) -> Tensor:
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


def add_bias(out: Tensor, bias: Tensor) -> Tensor:
    return add_slices(out, [((), bias)]) if out.dtype == bias.dtype else out + bias


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
        return _added(out.detach(), boxes, values)  # the same memory, which is unaliased

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
        return scale(out.detach())  # the same memory, which is unaliased

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.scale = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return _Multiply.apply(gradients[0].clone(), ctx.scale), None  # pyright: ignore

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        return ctx.scale(tangents[0].clone())
