"""Seams: the trained network as it is, and with every convolution wrapped around, on the same noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

import convpad
import convpad.torch as convpad_torch
from examples.seamless.network import make_noise

__all__ = ["Image", "make_images"]


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the network made.

    Args:
        name: what it is, and how the network padded.
        pixels: (height, width), about 0.
        axes: those along which the image is repeated.
    """

    name: str
    pixels: npt.NDArray[Any]
    axes: tuple[int, ...]

    @property
    def seam(self) -> float:
        """The difference across the joined edges over that of neighbours inside: the mean of the axes."""
        return float(np.mean([convpad.seam(self.pixels, axis) for axis in self.axes]))


def _image(network: nn.Module, noise: torch.Tensor, name: str, axes: tuple[int, ...]) -> Image:
    with torch.no_grad():
        return Image(name, network(noise)[0, 0].numpy(), axes)


def make_images(network: nn.Module, *, size: int, seed: int) -> tuple[list[Image], str]:
    """Return a tile and a panorama, each with zeros as trained and repadded, and the table of the changes."""
    generator = torch.Generator().manual_seed(seed + 1)
    noise, wide = make_noise(1, size, size, generator), make_noise(1, size, 6 * size, generator)
    images = [_image(network, noise, "tile, zeros", (0, 1))]
    with convpad_torch.repad_(network, "circular") as handle:
        images.append(_image(network, noise, "tile, circular", (0, 1)))
    images.append(_image(network, wide, "panorama, zeros", (1,)))
    with convpad_torch.repad_(network, ("zeros", "circular")):
        images.append(_image(network, wide, "panorama, (zeros, circular)", (1,)))
    return images, str(handle.changes)
