"""The photograph of the demo, and its picture: the padded crops, and under each the artefact of its padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import matplotlib
import matplotlib.cbook
import matplotlib.image
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from PIL import Image

import convpad
from convpad.display.table import Table
from convpad.display.text import to_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from convpad.demo.border import Outcome

Array = npt.NDArray[Any]

STRIDE = 4
"""Pixels from one output of ResNet-50's first layers to the next."""
MARGIN = 16
"""Pixels of surroundings, at least, that decide the outputs at the border of the crop: padding changes the outermost
three outputs, which is 12 pixels."""
COLUMNS = 6
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 12, "hatch.linewidth": 0.6}
GREY, BLUE, RED, PINK = "#8a8f94", "#2477b3", "#c0392b", "#ff1f7a"  # no pink is in the photograph
IMAGENET_MEAN = np.array([123.68, 116.779, 103.939]) / 255
"""Red, green, blue: the colour that ResNet-50 reads as zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A square of a photograph in its surroundings, which are known, so that an artefact can be measured.

    Args:
        photograph: the larger square around it: `(height, width, 3)`, float32 from 0 to 255.
        size: the edge of the crop, in pixels.
    """

    photograph: Array
    size: int

    def grown(self, margin: int) -> Array:
        """Return the crop with `margin` pixels of the photograph around it."""
        start = (len(self.photograph) - self.size) // 2 - margin
        return self.photograph[start : len(self.photograph) - start, start : len(self.photograph) - start]

    @property
    def shown(self) -> int:
        """Pixels of padding that a picture shows."""
        return self.size // 6


def cropped(size: int) -> Crop:
    """Return the face of Rear Admiral Grace Hopper, from a public domain photograph that ships inside matplotlib."""
    path: Any = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    full = np.asarray(matplotlib.image.imread(path), np.float32)
    height, width, _ = full.shape
    edge = size + 2 * max(MARGIN, size // 6)
    # Made smaller, each pixel the mean of a block, so that a small crop shows the whole face too.
    factor = max(1, width // edge)
    height, width = height // factor, width // factor
    small = full[: height * factor, : width * factor].reshape(height, factor, width, factor, 3).mean((1, 3))
    # The face is in the upper half.
    top, left = min(max(0, round(0.36 * height) - edge // 2), height - edge), (width - edge) // 2
    return Crop(small[top : top + edge, left : left + edge], size)


def padded_photograph(crop: Crop, padding_mode: Any) -> Array:
    """Return the crop padded with convpad, as pixels from 0 to 1 with an alpha channel: `(height, width, 4)`.

    `ignore` puts nothing around it: alpha is 0.
    """
    amount, pixels = crop.shown, crop.grown(0)[None] / 255
    ignored = padding_mode == "ignore"
    padded = convpad.pad(pixels, amount, "zeros" if ignored else padding_mode)
    alpha = convpad.pad(np.ones_like(pixels[..., :1]), amount, "zeros" if ignored else 1)
    return np.concatenate([np.clip(padded, 0, 1), alpha], axis=-1)[0]


def show_photograph(axes: Axes, image: Array, crop: Crop) -> None:
    """Show a photograph with a thin line around the crop; hatched where it is transparent."""
    start = crop.shown - 0.5
    axes.patch.set(facecolor="#f4f4f4", edgecolor="#bbbbbb", hatch="////", linewidth=0)
    axes.imshow(image, interpolation="nearest")
    axes.add_patch(Rectangle((start, start), crop.size, crop.size, fill=False, edgecolor=PINK, linewidth=1.3))
    axes.set(xticks=[], yticks=[])


def save(figure: Figure, path: Path, *, dpi: int) -> None:
    """Write a PNG, which appears only once it is complete."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    with TemporaryDirectory(dir=path.absolute().parent) as folder:
        part = Path(folder) / path.name
        # Without the alpha channel, which is of no use on white, it is a tenth smaller.
        Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]).save(part, "PNG", optimize=True)
        part.replace(path)


def draw(crop: Crop, outcomes: Sequence[Outcome], tables: Sequence[Table], path: Path, *, dpi: int) -> None:
    """Write a PNG of the outcomes, zeros first, and of the tables on the whole network, of which the last has times."""
    with matplotlib.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
        figure: Any = Figure(figsize=(16, 15.3), layout=layout, facecolor="white")
        border, network = figure.subfigures(2, 1, height_ratios=(13, 2.3))
        title = {"fontsize": 20, "fontweight": "bold", "x": 0.008, "ha": "left"}
        border.suptitle("What each padding leaves at the border", **title)
        _draw_border(border, crop, outcomes)
        network.suptitle("A whole network: MobileNetV2", **title)
        sentences = "\n".join(to_text(Table("", lines=table.lines[-1:]), 100) for table in tables)
        network.text(0.008, 0.75, sentences, va="top", linespacing=1.5)
        network.text(0.6, 0.95, to_text(replace(tables[-1], lines=())), va="top", linespacing=1.5, family="monospace")
        save(figure, path, dpi=dpi)


def _draw_border(figure: SubFigure, crop: Crop, outcomes: Sequence[Outcome]) -> None:
    """Draw the truth and every mode, a photograph above its artefact on one scale, and the artefacts as bars."""
    shown = [outcome for outcome in outcomes if outcome.padding == "half"]
    columns = [("the truth", crop.grown(crop.shown) / 255, "no artefact", np.zeros_like(outcomes[0].heat))]
    # Numbers become the colours that they stand for.
    colours = {"zeros": convpad.Constant(IMAGENET_MEAN), None: convpad.Constant(crop.grown(MARGIN).mean((0, 1)) / 255)}
    for outcome in shown:
        photograph = padded_photograph(crop, colours.get(outcome.mode, outcome.mode))
        columns.append((outcome.padding_mode, photograph, f"artefact {outcome.artefact:.2f}", outcome.heat))
    bands = -(-(len(columns) + 1) // COLUMNS)  # the bars fill the last column of the last band
    grid = figure.add_gridspec(2 * bands, COLUMNS)
    scale = {"cmap": "inferno", "vmin": 0, "vmax": np.percentile([outcome.heat for outcome in shown], 99)}
    heats: list[Any] = []
    for place, (mode, photograph, label, heat) in enumerate(columns):
        band, column = divmod(place, COLUMNS)
        axes = figure.add_subplot(grid[2 * band, column])
        show_photograph(axes, photograph, crop)
        axes.set_title(mode, fontweight="bold")
        heats.append(figure.add_subplot(grid[2 * band + 1, column], xticks=[], yticks=[], title=label))
        heats[-1].imshow(heat, interpolation="nearest", **scale)
    _draw_ranking(figure.add_subplot(grid[-2:, -1]), outcomes)
    label = (
        f"Photographs: a crop of {crop.size} x {crop.size} pixels (inside the pink line) and what each mode puts "
        "around it. ResNet-50 reads ImageNet's mean grey as zero.\n"
        "Maps: how far the first layers of ResNet-50, padded so, are from what they give where the photograph goes on "
        "(the truth). Random weights, fixed seed.\n|output - truth|, mean over the 64 channels: one scale for all"
    )
    figure.colorbar(heats[0].images[0], ax=heats, location="bottom", shrink=0.42, aspect=45, extend="max", label=label)


def _draw_ranking(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    """Draw the artefacts in order, as bars with the name above."""
    for place, outcome in enumerate(sorted(outcomes, key=lambda outcome: outcome.artefact)):
        colour = RED if outcome.artefact > 1 else GREY if outcome is outcomes[0] else BLUE
        axes.barh(-place, outcome.artefact, color=colour, height=0.34)
        axes.text(0, 0.21 - place, f"{outcome.padding_mode}  {outcome.artefact:.2f}", va="bottom", fontsize=11)
    axes.set_axis_off()
    axes.set_title("artefact, zeros = 1", fontweight="bold", loc="left")
