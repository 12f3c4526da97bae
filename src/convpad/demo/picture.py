"""The picture of the demo: the padded photographs, and under each the artefact that its padding leaves."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

import convpad
from convpad.demo.photograph import Crop
from convpad.display.format import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.gridspec import GridSpec
    from matplotlib.image import AxesImage

    from convpad.demo.measure import Outcome
    from convpad.demo.story import Raced

__all__ = ["STYLE", "bare", "draw", "padded_photograph", "save", "show_photograph"]

Array = npt.NDArray[Any]

COLUMNS = 6
STRIP = 2.3
"""Inches at the bottom for the whole network."""
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
    def below_top(inches: float) -> float:
        return 1 - inches / figure.get_figheight()

    heading = "What each padding leaves at the border"
    figure.text(0.012, below_top(0.19), heading, fontsize=22, fontweight="bold", va="top")
    lines = (
        f"Photographs: a crop of {crop.size} x {crop.size} pixels (inside the pink line) and what each mode puts "
        "around it. ResNet-50 reads ImageNet's mean grey as zero.",
        "Maps: how far the first layers of ResNet-50, padded so, are from what they give where the photograph goes on "
        "(the truth). Random weights, fixed seed.",
    )
    figure.text(0.012, below_top(0.69), "\n".join(lines), fontsize=12.5, color="#333333", va="top", linespacing=1.45)


def _network(figure: Figure, raced: Raced, sentences: Sequence[str]) -> None:
    """The strip at the bottom: what was found of the whole network, and how long its forward passes take."""
    height = figure.get_figheight()
    figure.add_artist(Line2D([0.012, 0.988], [STRIP / height] * 2, color="#cccccc", linewidth=0.8))
    top = (STRIP - 0.2) / height
    figure.text(0.012, top, "A whole network: MobileNetV2", fontsize=16, fontweight="bold", va="top")
    lines = "\n".join(sentences)
    figure.text(0.012, top - 0.44 / height, lines, fontsize=12.5, color="#333333", va="top", linespacing=1.6)
    axes = figure.add_axes((0.7, 0.2 / height, 0.24, (STRIP - 0.75) / height))
    taken = {name: figure.seconds for name, figure in raced.timings.items()}
    for place, (name, seconds) in enumerate(taken.items()):
        axes.barh(place, seconds, color="#2477b3" if name.startswith("convpad") else "#8a8f94", height=0.62)
        axes.text(0, place, f"{name}  ", ha="right", va="center", fontsize=12)
        axes.text(seconds, place, f"  {format_seconds(seconds)}", va="center", fontsize=12)
    axes.set_ylim(len(taken) - 0.5, -0.5)
    axes.set_axis_off()
    count, rows, columns, _ = raced.shape
    title = f"forward pass, {count} images of {rows} x {columns}, Keras on {raced.backend}"
    figure.text(0.585, top, title, fontweight="bold", va="top")


def _figure(crop: Crop, outcomes: list[Outcome], raced: Raced, sentences: Sequence[str]) -> Figure:
    shown = [outcome for outcome in outcomes if outcome.case.padding == "half"]
    # The truth, the modes, and the bars in the last column of the last band.
    bands = -(-(len(shown) + 2) // COLUMNS)
    height = 0.9 + 5.9 * bands + STRIP
    layout = ConstrainedLayoutEngine(
        rect=(0, (STRIP + 0.1) / height, 1, 1 - (STRIP + 1.43) / height), h_pad=0.06, w_pad=0.08
    )
    figure = Figure(figsize=(16, height), layout=layout, facecolor="white")
    grid = figure.add_gridspec(2 * bands, COLUMNS)
    _columns(figure, grid, crop, shown)
    _bars(figure.add_subplot(grid[2 * bands - 2 :, COLUMNS - 1]), outcomes)
    _words(figure, crop)
    _network(figure, raced, sentences)
    return figure


def save(figure: Figure, path: Path, **options: Any) -> None:
    """Writes a PNG beside its place and moves it there once it is complete."""
    path = path.resolve()
    handle, name = tempfile.mkstemp(suffix=".part", prefix=f".{path.stem}-", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            FigureCanvasAgg(figure)
            drawn = BytesIO()
            figure.savefig(drawn, format="png", **options)
            # Without the alpha channel, which is of no use on white, it is a tenth smaller.
            Image.open(drawn).convert("RGB").save(file, "PNG", optimize=True)
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def draw(crop: Crop, outcomes: list[Outcome], raced: Raced, sentences: Sequence[str], path: Path, *, dpi: int) -> None:
    """The picture of the demo, as a PNG.

    Args:
        crop: the photograph.
        outcomes: one for each padding.
        raced: how long the forward passes of the whole network take.
        sentences: what else was found of it, one a line.
        path: where.
        dpi: pixels for each inch; it is 16 inches wide.
    """
    with matplotlib.rc_context(STYLE):
        save(_figure(crop, outcomes, raced, sentences), path, dpi=dpi)
