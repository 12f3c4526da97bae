"""Rows and columns of the tables: layers of real networks, and padding modes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from convpad.benchmark.layer import Layer, make_layer
from convpad.benchmark.runners import Pairs

__all__ = ["MODES", "ROWS", "VALUE", "Pairs", "Row", "row_named"]

MODES = ("zeros", "constant", "reflect", "replicate", "circular", "ignore")
"""The columns. Zeros are there so that Keras's own layer is compared with what computes the same numbers."""

VALUE = 0.5
"""The constant of the mode `constant`."""


@dataclass(frozen=True, slots=True)
class Row:
    """One layer.

    Args:
        name: its name on the command line.
        network: the network of the layer.
        op: the function of convpad.
        size: the spatial axes of the input.
        channels: of the input.
        filters: of the output; a depthwise convolution has as many as channels.
        window: taps on each spatial axis.
        batch: 4 where the maps are small, else 1.
        stride, dilation: on every spatial axis.
        groups: of the channels; a depthwise convolution has none of these.
        padding: the amounts, as Keras spells them.
        around: the mode of the last axis where all columns have the same (a globe's longitude).
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
    groups: int = 1
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
        """Whether it is a transposed convolution: modes fold back instead of reaching out."""
        return self.op == "conv_transpose"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Batch, sizes, channels."""
        return (self.batch, *self.size, self.channels)

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        """The kernel in Keras's layout."""
        if self.depthwise:
            return (*self.window, self.channels, 1)
        ends = (self.filters, self.channels) if self.transposed else (self.channels // self.groups, self.filters)
        return (*self.window, *ends)

    def layer(self, backend: str = "numpy") -> Layer:
        """Return the layer on a backend."""
        return _layer(self, backend)

    def modes(self, mode: str) -> tuple[str, ...]:
        """The mode of each spatial axis."""
        return (mode,) * self.rank if self.around is None else (*(mode,) * (self.rank - 1), self.around)

    def spelled(self, mode: str) -> Any:
        """Return the mode as convpad takes it."""
        words = tuple(VALUE if word == "constant" else word for word in self.modes(mode))
        return words[0] if len(set(words)) == 1 else words

    def route(self, mode: str, backend: str, step: str) -> str:
        """Return the route of a step, and the reason."""
        plan = self.layer(backend).plan(self.spelled(mode))
        return str(plan if step == "forward" else plan.for_gradient())

    @property
    def pairs(self) -> Pairs:
        """The amounts of padding."""
        return self.layer().pairs

    @property
    def even_pairs(self) -> Pairs:
        """Equal amounts on both sides, for an output of the same size: all that some frameworks can do."""
        return tuple(((before + after + 1) // 2,) * 2 for before, after in self.pairs)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Batch, sizes, filters."""
        return self.layer().output_shape

    def shrunk(self, edge: int = 12, channels: int = 4) -> Row:
        """Return the layer on a small input, for tests: never smaller than its window reaches."""
        reach = tuple((taps - 1) * self.dilation + 2 for taps in self.window)
        size = tuple(
            max(min(n, edge - axis), least) for axis, (n, least) in enumerate(zip(self.size, reach, strict=True))
        )
        channels = min(channels, self.channels)
        filters, batch, groups = min(channels, self.filters), min(2, self.batch), min(2, self.groups)
        return replace(self, size=size, channels=channels, filters=filters, batch=batch, groups=groups)


@cache
def _layer(row: Row, backend: str) -> Layer:
    options = {"op": row.op, "strides": row.stride, "dilation_rate": row.dilation, "padding": row.padding}
    options["groups"] = row.groups
    return make_layer(row.input_shape, row.kernel_shape, backend=backend, **options)


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
    Row("resnext-28", "ResNeXt-50", "conv", (28, 28), 256, 256, (3, 3), groups=32),
    Row("resnext-14", "ResNeXt-50", "conv", (14, 14), 512, 512, (3, 3), groups=32),
    Row("aspp-33-d6", "DeepLabv3", "conv", (33, 33), 256, 256, (3, 3), dilation=6),
    Row("aspp-33-d12", "DeepLabv3", "conv", (33, 33), 256, 256, (3, 3), dilation=12),
    Row("inception-17-1x7", "Inception-v3", "conv", (17, 17), 192, 192, (1, 7)),
    Row("inception-17-7x1", "Inception-v3", "conv", (17, 17), 192, 192, (7, 1)),
    Row("stem-320", "SSD MobileNetV2", "conv", (320, 320), 3, 32, (3, 3), stride=2),
    Row("dcgan-16", "DCGAN", "conv_transpose", (16, 16), 256, 128, (4, 4), stride=2),
)


def row_named(name: str) -> Row:
    """Return the row of a name.

    Raises:
        ValueError: there is none.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise ValueError(f"row must be one of {', '.join(row.name for row in ROWS)}. Received: {name!r}.")
