"""Gradients whose padded tensor is made again, next to those that keep it: products of a padded value, and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from convpad import tuning
from convpad.benchmark.layer import make_layer
from convpad.benchmark.timing import Budget, time_interleaved

__all__ = ["SHAPES", "Shape", "measure"]

BUDGET = Budget(seconds=2, min_rounds=5, max_rounds=60, patience=6)

NEVER = 10**9
"""More products than any padded value has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A dense convolution of 3 x 3 taps, `same` with `reflect`.

    Args:
        edge, channels, filters: as in `Row`.
        batch: of the input.
    """

    edge: int
    channels: int
    filters: int
    batch: int

    @property
    def products(self) -> int:
        """Products of a padded value: taps times filters."""
        return 9 * self.filters

    @property
    def padded_bytes(self) -> int:
        """Bytes of the padded tensor."""
        return 4 * self.batch * self.channels * (self.edge + 2) ** 2


SHAPES = tuple(
    Shape(edge, 32, filters, batch)
    for edge, batch in ((64, 4), (112, 4), (112, 8))
    for filters in (4, 8, 16, 32, 64, 128)
)
"""Padded tensors of 2, 6 and 13 MiB, from 36 to 1152 products of a value."""


def measure(shapes: tuple[Shape, ...] = SHAPES, budget: Budget = BUDGET) -> Iterator[tuple[Shape, float, float, float]]:
    """Yield each shape with the milliseconds of its gradient where the padded tensor is kept, the ratio of one that
    makes it again, and the other ratio of two that keep it: the noise.
    """
    import torch

    import convpad

    def gradient(x: Any, kernel: Any, cotangent: Any, products: int) -> None:
        limits = {"torch_remake_min_products": products, "torch_keep_bytes": 0}
        with tuning.replace(preferences=(), **limits):
            output = convpad.conv(x, kernel, padding="same", padding_mode="reflect")
            torch.autograd.grad(output, (x, kernel), cotangent)

    for shape in shapes:
        sizes = (shape.batch, shape.edge, shape.edge, shape.channels)
        kernel_shape, options = (3, 3, shape.channels, shape.filters), {"op": "conv", "strides": 1, "dilation_rate": 1}
        layer = make_layer(sizes, kernel_shape, backend="torch", padding="same", **options)
        x, kernel, cotangent = map(torch.tensor, layer.arrays)
        x.requires_grad_()
        kernel.requires_grad_()
        limits = {"kept": NEVER, "made again": 0, "kept once more": NEVER}
        functions = {name: partial(gradient, x, kernel, cotangent, limit) for name, limit in limits.items()}
        for function in functions.values():
            function()
        times = time_interleaved(functions, budget, always=("kept",)).timings("kept")
        yield shape, 1e3 * times["kept"].seconds, times["made again"].ratio, times["kept once more"].ratio
