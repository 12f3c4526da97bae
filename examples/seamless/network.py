"""Texture network in plain PyTorch: noise in, gravel out, trained on one photograph. It knows no convpad.

As in "Texture Networks" (Ulyanov et al. 2016), convolutions make an image of noise. The loss is a sliced Wasserstein
distance (Heitz et al. 2021, Elnekave and Weiss 2022), of patches on several scales: it needs no pretrained network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

CHANNELS = 16
"""Channels of the noise."""
SHRINK = 8
"""The edge of the image over that of the noise."""


def make_network(widths: Sequence[int] = (32, 32, 24)) -> nn.Sequential:
    """Return a network that makes images (batch, 1, height, width) of noise, about 0 and with a deviation of 1."""
    layers: list[nn.Module] = []
    channels = CHANNELS
    for width in widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.LeakyReLU(0.2)]
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.2)]
        layers += [nn.Upsample(scale_factor=2, mode="nearest")]
        channels = width
    layers += [nn.Conv2d(channels, 16, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, padding=1)]
    return nn.Sequential(*layers)


def make_noise(batch: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Return the noise of images of that size, which must be multiples of 8."""
    return torch.randn(batch, CHANNELS, height // SHRINK, width // SHRINK, generator=generator)


def load_photograph(shrink: int = 2) -> Tensor:
    """Return a photograph of gravel that comes with scikit-image: (1, 1, height, width), about 0, deviation 1."""
    import skimage.data

    photograph = F.avg_pool2d(torch.tensor(skimage.data.gravel()).float()[None, None], shrink)
    return (photograph - photograph.mean()) / photograph.std()


def patch_distance(
    images: Tensor, targets: Tensor, generator: torch.Generator, *, filters: int = 16, window: int = 7, scales: int = 3
) -> Tensor:
    """Return the distance of two batches by what their patches are, wherever these lie.

    Random filters look at both on several scales, and their sorted answers are compared. Both are mirrored at their
    edges first, so that these count as much as the middle.
    """
    total = images.new_zeros(())
    for _ in range(scales):
        kernel = torch.randn(filters, 1, window, window, generator=generator)
        kernel = kernel / kernel.flatten(1).norm(dim=1)[:, None, None, None]
        made, wanted = (
            F.conv2d(F.pad(batch, (window - 1,) * 4, "reflect"), kernel).transpose(0, 1).flatten(1).sort(1).values
            for batch in (images, targets)
        )
        total = total + (made - wanted).square().mean()
        images, targets = F.avg_pool2d(images, 2), F.avg_pool2d(targets, 2)
    return total


def train(
    photograph: Tensor,
    *,
    steps: int,
    size: int,
    seed: int,
    on_step: Callable[[int, float], None],
    batch: int = 2,
    learning_rate: float = 4e-3,
) -> nn.Sequential:
    """Train a network on a photograph (1, 1, height, width), and report each step with its loss."""
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = make_network()
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps + 1)
    for step in range(steps):
        images = network(make_noise(batch, size, size, generator))
        loss = patch_distance(images, _crops(photograph, batch, size, generator), generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        on_step(step, float(loss.detach()))
    return network.eval()


def _crops(photograph: Tensor, batch: int, size: int, generator: torch.Generator) -> Tensor:
    """Return random crops of the photograph."""
    crops: list[Tensor] = []
    for _ in range(batch):
        y, x = (int(torch.randint(edge - size + 1, (), generator=generator)) for edge in photograph.shape[2:])
        crops.append(photograph[:, :, y : y + size, x : x + size])
    return torch.cat(crops)
