"""Which layers are measured? The rows: layers of real networks; and in which modes? The columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import convpad
from convpad.benchmark.runners import Pairs

__all__ = ["MODES", "ROWS", "VALUE", "Pairs", "Row", "row_named"]

MODES = ("zeros", "constant", "reflect", "replicate", "circular", "ignore")
"""The columns. Zeros are there so that Keras's own layer is compared with what computes the same numbers."""

VALUE = 0.5
"""What the mode `constant` pads with."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer.

    Args:
        name: how it is named on the command line.
        network: where it is from.
        op: the function of convpad.
        size: the spatial axes of the input.
        channels: of the input.
        filters: of the output; a depthwise convolution has as many as channels.
        window: taps on each spatial axis.
        batch: 4 where the maps are small, else 1.
        stride, dilation: on every spatial axis.
        padding: how much, as Keras spells it.
        around: the mode of the last axis where that is always the same one (a globe's longitude).
    """

    name: str
    network: str
    op: str
    size: tuple[int, ...]
    channels: int
    filters: int
    window: tuple[int, ...]
    batch: int = 4
    stride: int = 1
    dilation: int = 1
    padding: str = "same"
    around: str | None = None

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.size)

    @property
    def depthwise(self) -> bool:
        """Whether every channel is convolved by itself."""
        return self.op == "depthwise_conv"

    @property
    def transposed(self) -> bool:
        """Whether it is an adjoint: modes fold back instead of reaching out."""
        return self.op == "conv_transpose"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Batch, sizes, channels."""
        return (self.batch, *self.size, self.channels)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """As Keras has it."""
        if self.depthwise:
            return (*self.window, self.channels, 1)
        ends = (self.filters, self.channels) if self.transposed else (self.channels, self.filters)
        return (*self.window, *ends)

    @property
    def options(self) -> dict[str, Any]:
        """What convpad's function takes beside tensors and mode."""
        return {"strides": self.stride, "dilation_rate": self.dilation, "padding": self.padding}

    @property
    def moving(self) -> dict[str, Any]:
        """How its window moves, as the engines take it."""
        steps = ((step,) * self.rank for step in (self.stride, self.dilation))
        return {"depthwise": self.depthwise, **dict(zip(("strides", "dilation"), steps, strict=True))}

    def modes(self, mode: str) -> tuple[str, ...]:
        """The mode of each spatial axis."""
        return (mode,) * self.rank if self.around is None else (*(mode,) * (self.rank - 1), self.around)

    def spelled(self, mode: str) -> Any:
        """The mode as convpad takes it."""
        words = tuple(VALUE if word == "constant" else word for word in self.modes(mode))
        return words[0] if len(set(words)) == 1 else words

    def route(self, mode: str, backend: str, step: str) -> str:
        """The route that a step takes, and why."""
        return str(self.plan(mode, backend) if step == "forward" else self.plan(mode, backend).for_gradient())

    def plan(self, mode: str, backend: str) -> convpad.Plan:
        """What convpad will do."""
        return convpad.plan(
            self.input_shape,
            self.kernel_shape,
            op=self.op,
            padding_mode=self.spelled(mode),
            backend=backend,
            **self.options,
        )

    @property
    def windows(self) -> Any:
        """The windows in integers; those of a transposed row belong to the convolution whose adjoint it is."""
        return self.plan("zeros", "numpy").windows

    @property
    def pairs(self) -> Pairs:
        """How much is padded."""
        return tuple((window.before, window.after) for window in self.windows)

    @property
    def even_pairs(self) -> Pairs:
        """The same output size, padded alike on both sides: all that some frameworks can do."""
        return tuple(((before + after + 1) // 2,) * 2 for before, after in self.pairs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Batch, sizes, filters."""
        shape = self.plan("zeros", "numpy").output_shape
        return tuple(int(size or 0) for size in shape)

    def shrunk(self, edge: int = 12, channels: int = 4) -> Row:
        """The same layer on a small input, for tests: never smaller than its window reaches."""
        reach = tuple((taps - 1) * self.dilation + 2 for taps in self.window)
        size = tuple(
            max(min(n, edge - axis), least) for axis, (n, least) in enumerate(zip(self.size, reach, strict=True))
        )
        few = min(channels, self.channels)
        return replace(self, size=size, channels=few, filters=min(few, self.filters), batch=min(2, self.batch))


def _depthwise(name: str, network: str, edge: int, channels: int, taps: int = 3, stride: int = 1) -> Row:
    sides = ((edge,) * 2, channels, channels, (taps,) * 2)
    return Row(name, network, "depthwise_conv", *sides, stride=stride)


def _mobilenet(edge: int, channels: int, stride: int) -> Row:
    return _depthwise(f"mobilenet-{edge}-s{stride}", "MobileNetV2", edge, channels, stride=stride)


ROWS: tuple[Row, ...] = (
    Row("resnet-224", "ResNet-50", "conv", (224, 224), 3, 64, (7, 7), stride=2),
    Row("resnet-56", "ResNet-50", "conv", (56, 56), 64, 64, (3, 3)),
    Row("resnet-28", "ResNet-50", "conv", (28, 28), 128, 128, (3, 3)),
    Row("resnet-14", "ResNet-50", "conv", (14, 14), 256, 256, (3, 3)),
    Row("vgg-224", "VGG-16", "conv", (224, 224), 64, 64, (3, 3), batch=1),
    _mobilenet(112, 32, 1),
    _mobilenet(112, 96, 2),
    _mobilenet(56, 144, 1),
    _mobilenet(56, 144, 2),
    _mobilenet(14, 384, 1),
    _mobilenet(14, 576, 2),
    _depthwise("convnext-56", "ConvNeXt-T", 56, 96, taps=7),
    _depthwise("efficientnet-28", "EfficientNetB0", 28, 240, taps=5),
    Row("unet-572", "U-Net", "conv", (572, 572), 64, 64, (3, 3), batch=1),
    Row("globe-181", "a globe", "conv", (181, 360), 32, 32, (3, 3), batch=1, around="circular"),
    Row("wavenet-16000", "WaveNet", "conv", (16000,), 32, 32, (2,), batch=1, dilation=512, padding="causal"),
    Row("unet3d-64", "3D U-Net", "conv", (64, 64, 64), 16, 32, (3, 3, 3), batch=1),
    Row("dcgan-16", "DCGAN", "conv_transpose", (16, 16), 256, 128, (4, 4), stride=2),
)


def row_named(name: str) -> Row:
    """The row of that name.

    Raises:
        ValueError: there is none.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise ValueError(f"row must be one of {', '.join(row.name for row in ROWS)}. Received: {name!r}.")
