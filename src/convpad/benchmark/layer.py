"""The timed layer: its shapes, its window, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.backends.base import Context
from convpad.core.errors import PaddingError, ShapeError, refuse
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.core.problem import known_shape, rank_of
from convpad.core.validation import per_axis
from convpad.display.format import format_sizes
from convpad.ops.plan import Plan
from convpad.ops.run import plan, plan_of

Pairs = tuple[tuple[int, int], ...]
"""(before, after) for each spatial axis."""

OPS = ("conv", "depthwise_conv", "conv_transpose")

LARGEST = 2**30
"""Bytes of input, kernel and output together."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, channels last, on a backend.

    Args:
        op: one of `OPS`.
        input_shape, kernel_shape, output_shape: with the batch; kernels in Keras's layout.
        strides, dilation: for each spatial axis.
        padding: the amounts, as they were spelled.
        sizes, pairs: size and amounts of each padded axis; of `conv_transpose` those of its output.
        backend: the backend.
        groups: of `conv`.
    """

    op: str
    input_shape: tuple[int, ...]
    kernel_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: Any
    sizes: tuple[int, ...]
    pairs: Pairs
    backend: str
    groups: int = 1

    @property
    def window(self) -> tuple[int, ...]:
        """Taps on each spatial axis."""
        return self.kernel_shape[:-2]

    @property
    def options(self) -> dict[str, Any]:
        """The arguments of convpad's function beside tensors, mode and route."""
        options = {"strides": self.strides, "dilation_rate": self.dilation, "padding": self.padding}
        return {**options, "groups": self.groups} if self.groups > 1 else options

    @property
    def is_depthwise(self) -> bool:
        """Whether every channel is convolved by itself."""
        return self.op == "depthwise_conv"

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Input, kernel and cotangent (the factor of the output in the differentiated sum): equal on every backend."""
        random = np.random.default_rng(0)
        kernel = random.standard_normal(self.kernel_shape, dtype="float32")
        return (
            random.standard_normal(self.input_shape, dtype="float32"),
            kernel / np.sqrt(kernel.size / kernel.shape[-1]).astype("float32"),
            random.standard_normal(self.output_shape, dtype="float32"),
        )

    def plan(self, mode: Any, route: str | None = None, context: Context | None = None) -> Plan:
        """Return convpad's plan in a mode.

        Raises:
            PaddingError: the mode or the route does not go with the layer.
        """
        operation = Operation.parse(self.op, len(self.window), padding_mode=mode, **self.options)
        return plan_of(operation, self.backend, self.input_shape, self.kernel_shape, route=route, context=context)

    def __str__(self) -> str:
        filters = "" if self.is_depthwise else f", {self.output_shape[-1]} filters"
        text = f"{self.op} {format_sizes(self.window)} on {format_sizes(self.input_shape)}{filters}"
        for word, steps in (("stride", self.strides), ("dilation", self.dilation)):
            if set(steps) != {1}:
                text += f", {word} {format_sizes(steps, shorten=True)}"
        padding = self.padding if isinstance(self.padding, str) else " ".join(f"{b},{a}" for b, a in self.pairs)
        groups = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{text}{groups}, padding {padding}"


def make_layer(
    input_shape: Any,
    kernel_shape: Any,
    *,
    op: Any,
    backend: str,
    strides: Any,
    dilation_rate: Any,
    padding: Any,
    groups: int = 1,
) -> Layer:
    """Return a layer.

    Raises:
        PaddingError: an argument makes no sense, nothing is padded, or it is too large to be timed in passing.
    """
    if op not in OPS:
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    shape = known_shape("input_shape", getattr(input_shape, "shape", input_shape))
    if not all(shape):
        raise refuse("input_shape", "have sizes that are known, each at least 1", shape)
    rank = rank_of(shape)
    steps: dict[str, Any] = {"strides": strides, "dilation_rate": dilation_rate}
    if groups > 1:
        steps["groups"] = groups
    planned = plan(shape, kernel_shape, op=op, padding=padding, backend=backend, **steps)
    if not any(map(any, planned.problem.pads)):
        raise PaddingError(
            f"Nothing is padded here, so all modes are one. Received: padding={padding!r}, kernel "
            f"{format_sizes([window.kernel for window in planned.windows])}. Pad more, or use a larger kernel."
        )
    kernel = known_shape("kernel", getattr(kernel_shape, "shape", kernel_shape))
    shapes = tuple(tuple(size or 0 for size in sizes) for sizes in (shape, kernel, planned.output_shape))
    size = 4 * sum(map(prod, shapes))
    if size > LARGEST or not all(map(all, shapes)):
        raise ShapeError(
            f"Input, kernel and output must hold values, and {LARGEST >> 20} MiB together at most. Received: "
            f"{size >> 20} MiB, an input of shape {shapes[0]} and an output of shape {shapes[2]}. Take a smaller input."
        )
    return Layer(
        op,
        *shapes,
        strides=per_axis("strides", strides, rank),
        dilation=per_axis("dilation_rate", dilation_rate, rank),
        padding=Padding.parse(padding, rank=rank).spelling()[0],
        sizes=tuple(window.size or 0 for window in planned.windows),
        pairs=tuple(planned.problem.pads),
        backend=backend,
        groups=groups,
    )
