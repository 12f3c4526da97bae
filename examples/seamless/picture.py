"""Picture: the tiles three times three, a magnified joint of each, and the panoramas with their ends in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from examples.seamless.seams import Image

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

STYLE = {"font.family": "DejaVu Sans", "font.size": 11}
BAD, GOOD = "#c0392b", "#2e8b57"
TITLES = {
    "tile, zeros": "as it was trained: zeros",
    "tile, circular": 'convpad.torch.repad_(network, "circular")',
    "panorama, zeros": "a panorama, turned by half so that its ends meet in the middle: zeros",
    "panorama, (zeros, circular)": 'repad_(network, ("zeros", "circular")): wrapped along one axis alone',
}


def _show(axes: Axes, pixels: Any, colour: str) -> None:
    axes.imshow(pixels, cmap="gray", vmin=-2.5, vmax=2.5, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=2)


def _mark(axes: Axes, column: float, colour: str) -> None:
    """Point at a joint from above, so that nothing lies on it."""
    arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.4, "shrinkA": 0, "shrinkB": 2}
    options = {"textcoords": "offset points", "arrowprops": arrow, "annotation_clip": False}
    axes.annotate("", (column, 1), (0, 12), xycoords=axes.get_xaxis_transform(), **options)


def _tile(axes: Axes, zoomed: Axes, image: Image, colour: str) -> None:
    size = len(image.pixels)
    reach = size // 4
    tiled = np.tile(image.pixels, (3, 3))
    _show(axes, tiled, colour)
    _show(zoomed, tiled[size - reach : size + reach, size - reach : size + reach], colour)
    for where, column in ((axes, size), (axes, 2 * size), (zoomed, reach)):
        _mark(where, column - 0.5, colour)
    corner = (size - reach - 0.5,) * 2
    axes.add_patch(Rectangle(corner, 2 * reach, 2 * reach, fill=False, edgecolor=colour, linewidth=1.5))
    axes.set_title(f"{TITLES[image.name]}\nseam {image.seam:.2f}", color=colour, fontweight="bold", pad=16)
    zoomed.set_title("where four tiles meet", color=colour, fontsize=9, pad=13)


def draw(images: Sequence[Image], output: Path, *, dpi: int = 100) -> None:
    """Write the picture as a PNG: the images of `make_images`."""
    zeros, wrapped, *panoramas = images
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(14.4, 11.8), facecolor="white", layout="constrained")
        FigureCanvasAgg(figure)
        above, *below = figure.subfigures(3, 1, height_ratios=[7, 2.4, 2.4])
        grid = above.add_gridspec(2, 5)
        for place, (image, colour) in enumerate(((zeros, BAD), (wrapped, GOOD))):
            whole, zoomed = grid[:, 2 * place : 2 * place + 2], grid[place, 4]
            _tile(above.add_subplot(whole), above.add_subplot(zoomed), image, colour)
        for part, image, colour in zip(below, panoramas, (BAD, GOOD), strict=True):
            axes, middle = part.subplots(), image.pixels.shape[1] // 2
            _show(axes, np.roll(image.pixels, middle, axis=1), colour)
            _mark(axes, middle - 0.5, colour)
            axes.set_title(f"{TITLES[image.name]}: seam {image.seam:.2f}", color=colour, fontweight="bold", pad=15)
        figure.savefig(output, dpi=dpi, metadata={"Software": ""})
