"""Rows of the modules: convolutions of networks that people repad, and a tiny one for the overhead."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["AGAIN", "MODES", "OURS", "ROWS", "TINY", "ModuleRow"]

MODES = ("zeros", "circular", "reflect", "zeros x circular", "same")
"""The paddings: half the window on both sides, with zeros, wrapped around, mirrored, or wrapped along the last axis
alone, as a panorama is; and TensorFlow's `same`, whose sides differ where there is a stride."""

OURS, AGAIN = "convpad", "again"
"""Names of contestants: our module, and a second copy of the host's, whose ratio is the noise."""

TINY = "tiny-8"
"""The row whose overhead is counted in microseconds."""

SPELLED = {"zeros x circular": ("zeros", "circular"), "same": "zeros"}
"""The modes that are no word of convpad, as convpad takes them."""

_ALL = MODES[:4]


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """One convolution with a bias.

    Args:
        name: its name on the command line.
        network: a network that has it.
        size: height and width.
        channels, filters, window, stride, batch: of the convolution.
        depthwise: whether every channel is convolved by itself.
        modes: those of `MODES` that are measured.
        compiled: those that are measured under `torch.compile`, too.
    """

    name: str
    network: str
    size: tuple[int, int]
    channels: int
    filters: int
    window: int = 3
    stride: int = 1
    batch: int = 1
    depthwise: bool = False
    modes: tuple[str, ...] = _ALL
    compiled: tuple[str, ...] = ()

    @property
    def groups(self) -> int:
        """The groups of the convolution."""
        return self.channels if self.depthwise else 1

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Batch, channels, sizes."""
        return (self.batch, self.channels, *self.size)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The weight in PyTorch's layout."""
        return (self.filters, self.channels // self.groups, self.window, self.window)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Batch, filters, sizes: the same whether half the window is padded or `same`."""
        return (self.batch, self.filters, *(-(-size // self.stride) for size in self.size))

    def spelled(self, mode: str) -> str | tuple[str, ...]:
        """Return a mode as convpad takes it."""
        return SPELLED.get(mode, mode)

    def same_pairs(self) -> tuple[tuple[int, int], ...]:
        """Return the amounts of `same`, with the odd one after."""
        totals = (max((-(-size // self.stride) - 1) * self.stride + self.window - size, 0) for size in self.size)
        return tuple((total // 2, total - total // 2) for total in totals)

    def shrunk(self, edge: int = 12, channels: int = 4) -> ModuleRow:
        """Return the row on a small input, for tests."""
        channels = min(channels, self.channels)
        filters = channels if self.depthwise else min(channels, self.filters)
        return replace(self, size=(edge, edge + 2), channels=channels, filters=filters, batch=min(2, self.batch))


def _depthwise(
    name: str, network: str, edge: int, channels: int, window: int = 3, batch: int = 4, **options: object
) -> ModuleRow:
    row = ModuleRow(name, network, (edge, edge), channels, channels, window, batch=batch, depthwise=True)
    return replace(row, **options)  # pyright: ignore


_COMPILED = ("zeros", "zeros x circular")

_UNET = ModuleRow("unet-64", "Stable Diffusion's U-Net", (64, 64), 320, 320)
_VAE = ModuleRow("vae-128", "a VAE's decoder", (128, 256), 64, 64)
_MOBILENET = _depthwise("mobilenet-56", "MobileNetV2", 56, 144)
_CONVNEXT = _depthwise("convnext-56", "ConvNeXt-T", 56, 96, 7)
_STEM = ModuleRow("stem-224", "EfficientNetB0", (224, 224), 3, 32, stride=2, modes=("zeros", "same"))
_TINY = ModuleRow(TINY, "the overhead", (8, 8), 8, 8)

ROWS: dict[str, tuple[ModuleRow, ...]] = {
    "torch": (
        replace(_TINY, compiled=_COMPILED),
        replace(_UNET, compiled=_COMPILED),
        _VAE,
        ModuleRow("vae-256", "Stable Diffusion's VAE", (256, 256), 128, 128),
        replace(_MOBILENET, compiled=_COMPILED),
        replace(_MOBILENET, name="mobilenet-56-x1", batch=1, modes=("zeros", "zeros x circular")),
        _CONVNEXT,
        replace(_STEM, compiled=("same",)),
        _depthwise("efficientnet-112", "EfficientNetB0", 112, 96, stride=2, modes=("zeros", "same")),
    ),
    "jax": (
        _UNET,
        _VAE,
        _STEM,
        _depthwise("depthwise-124", "jax#23713", 124, 256, batch=1),
        _MOBILENET,
        _CONVNEXT,
        replace(_TINY, modes=("zeros", "circular")),
    ),
}
"""By backend; modules of PyTorch on one, of Flax and of Equinox on the other."""
