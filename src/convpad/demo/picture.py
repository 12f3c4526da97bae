"""What does a person see? The padded photographs, and under each the artefact that its padding leaves."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

import convpad
from convpad.demo.photograph import Crop

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpec
    from matplotlib.image import AxesImage

    from convpad.demo.measure import Outcome

__all__ = ["STYLE", "bare", "draw", "padded_photograph", "save", "show_photograph"]

Array = npt.NDArray[Any]

COLUMNS = 6
LINE = "#ff1f7a"
"""The border of the crop: a colour that is not in the photograph."""
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "font.size": 12, "hatch.linewidth": 0.6}
IMAGENET_MEAN = np.array([123.68, 116.779, 103.939]) / 255
"""Red, green, blue: the colour that ResNet-50 reads as zero."""


def padded_photograph(crop: Crop, padding_mode: Any) -> Array:
    """The crop padded with convpad, as pixels from 0 to 1 with an alpha channel: `(height, width, 4)`.

    Where the mode is `ignore` there is nothing: alpha is 0.
    """
    amount, pixels = crop.shown, crop.grown(0)[None] / 255
    ignored = padding_mode == "ignore"
    padded = convpad.pad(pixels, amount, "zeros" if ignored else padding_mode)
    alpha = convpad.pad(np.ones_like(pixels[..., :1]), amount, "zeros" if ignored else 1)
    return np.concatenate([np.clip(padded, 0, 1), alpha], axis=-1)[0]


def show_photograph(axes: Axes, image: Array, crop: Crop) -> None:
    """The photograph with a thin line where the crop ends; hatched where there is nothing."""
    edge, start = image.shape[0], crop.shown - 0.5
    nothing = {"facecolor": "#f4f4f4", "edgecolor": "#bbbbbb", "hatch": "////", "linewidth": 0, "zorder": -1}
    axes.add_patch(Rectangle((-0.5, -0.5), edge, edge, **nothing))
    axes.imshow(image, interpolation="nearest")
    axes.add_patch(Rectangle((start, start), crop.size, crop.size, fill=False, edgecolor=LINE, linewidth=1.3))
    bare(axes)


def bare(axes: Axes) -> None:
    """No ticks, and a faint frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color="#888888")


def _seen(outcome: Outcome) -> Any:
    """The first layer's mode as one pads a photograph with it: numbers become the colours that they stand for."""
    if outcome.first_mode == "zeros":
        return convpad.Constant(IMAGENET_MEAN)
    if isinstance(outcome.first_mode, convpad.Constant):
        return convpad.Constant(np.array(outcome.first_mode.value)[::-1] / 255 + IMAGENET_MEAN)
    return outcome.first_mode


def _heat(axes: Axes, values: Array, top: float, title: str) -> AxesImage:
    image = axes.imshow(values, cmap="inferno", vmin=0, vmax=top, interpolation="nearest")
    axes.set_title(title, fontsize=12)
    bare(axes)
    return image


def _bars(axes: Axes, outcomes: list[Outcome]) -> None:
    """The artefacts in order, zeros being 1."""
    ranked = sorted(outcomes, key=lambda outcome: outcome.artefact, reverse=True)
    for place, outcome in enumerate(ranked):
        zeros = outcome is outcomes[0]
        colour = "#8a8f94" if zeros else "#c0392b" if outcome.artefact > 1 else "#2477b3"
        axes.barh(place, outcome.artefact, color=colour, height=0.34)
        axes.text(0, place + 0.21, f"{outcome.case.label}  {outcome.artefact:.2f}", va="bottom", fontsize=11)
    axes.axvline(1, color="#8a8f94", linewidth=0.8, linestyle=":", zorder=0)
    axes.set_ylim(-0.4, len(ranked) - 0.2)
    axes.set_axis_off()
    axes.set_title("artefact, zeros = 1", fontweight="bold", loc="left")


def _columns(figure: Figure, grid: GridSpec, crop: Crop, outcomes: list[Outcome]) -> None:
    """The truth and every mode: a photograph and, below it, the artefact, all on one scale."""
    top = float(np.percentile([outcome.heat for outcome in outcomes], 99))
    pairs = [
        [figure.add_subplot(grid[2 * (place // COLUMNS) + row, place % COLUMNS]) for row in (0, 1)]
        for place in range(len(outcomes) + 1)
    ]
    true = crop.grown(crop.shown) / 255
    show_photograph(pairs[0][0], true, crop)
    pairs[0][0].set_title("the truth", fontweight="bold")
    image = _heat(pairs[0][1], np.zeros_like(outcomes[0].heat), top, "no artefact")
    for (photograph, heat), outcome in zip(pairs[1:], outcomes, strict=True):
        show_photograph(photograph, padded_photograph(crop, _seen(outcome)), crop)
        photograph.set_title(outcome.case.label, fontweight="bold")
        words = " (down, across)" if isinstance(outcome.case.padding_mode, tuple) else ""
        _heat(heat, outcome.heat, top, f"artefact {outcome.artefact:.2f}{words}")
    figure.colorbar(
        image,
        ax=[axes for pair in pairs for axes in pair],
        location="bottom",
        shrink=0.42,
        aspect=45,
        pad=0.012,
        extend="max",
        label="|output - truth|, mean over the 64 channels: one scale for all",
    )


def _words(figure: Figure, crop: Crop) -> None:
    figure.text(0.012, 0.985, "What each padding leaves at the border", fontsize=22, fontweight="bold", va="top")
    lines = (
        f"Photographs: a crop of {crop.size} x {crop.size} pixels (inside the pink line) and what each mode puts "
        "around it. ResNet-50 reads ImageNet's mean grey as zero.",
        "Maps: how far the first layers of ResNet-50, padded so, are from what they give where the photograph goes on "
        "(the truth). Random weights, fixed seed.",
    )
    figure.text(0.012, 0.946, "\n".join(lines), fontsize=12.5, color="#333333", va="top", linespacing=1.45)


def _figure(crop: Crop, outcomes: list[Outcome]) -> Figure:
    shown = [outcome for outcome in outcomes if outcome.case.padding == "half"]
    # The truth, the modes, and the bars in the last column of the last band.
    bands = -(-(len(shown) + 2) // COLUMNS)
    layout = ConstrainedLayoutEngine(rect=(0, 0, 1, 0.895), h_pad=0.06, w_pad=0.08)
    figure = Figure(figsize=(16, 0.9 + 5.9 * bands), layout=layout, facecolor="white")
    grid = figure.add_gridspec(2 * bands, COLUMNS)
    _columns(figure, grid, crop, shown)
    _bars(figure.add_subplot(grid[2 * bands - 2 :, COLUMNS - 1]), outcomes)
    _words(figure, crop)
    return figure


def save(figure: Figure, path: Path, **options: Any) -> None:
    """Writes a PNG beside its place and moves it there once it is complete."""
    path = path.resolve()
    handle, name = tempfile.mkstemp(suffix=".part", prefix=f".{path.stem}-", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            FigureCanvasAgg(figure)
            figure.savefig(file, format="png", **options)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def draw(crop: Crop, outcomes: list[Outcome], path: Path, *, dpi: int = 110) -> None:
    """The picture of the demo, as a PNG."""
    with matplotlib.rc_context(STYLE):
        save(_figure(crop, outcomes), path, dpi=dpi)
