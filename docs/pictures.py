"""Pictures of the documentation: modes and amounts, drawn from the package itself.

python docs/pictures.py [FOLDER]        # docs/images where no folder is named
"""

from __future__ import annotations

import doctest
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from PIL import Image

import convpad
from convpad.core.amounts import AMOUNTS
from convpad.core.modes import MODES, Mode, picture
from convpad.core.window import padded_window
from convpad.demo import prepare, run
from convpad.demo.picture import STYLE, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#4e9ad4", "#59b36b", "#f2b33d", "#e2705f")
"""a, b, c, d."""
SIZE, OUTSIDE = 4, 3
SIGNAL = np.array([2.0, 3.0, 2.5, 4.0])
"""The values that a, b, c, d have in the curves."""
GREY, DARK = "#e6e6e6", "#333333"


def _cell(axes: Axes, x: float, colours: list[str], word: str, *, inside: bool, hatch: str | None = None) -> None:
    """One place of an axis: in the colour of the value it is made of, or cut in two where it is made of two."""
    edge = {"edgecolor": DARK if inside else "#aaaaaa", "linewidth": 1.6 if inside else 0.8}
    axes.add_patch(Rectangle((x, 0), 1, 1, facecolor=colours[0], alpha=1 if inside else 0.55, hatch=hatch, **edge))
    if len(colours) > 1:
        corner = [(x, 0), (x + 1, 0), (x + 1, 1)]
        axes.add_patch(Polygon(corner, facecolor=colours[-1], alpha=0.75, linewidth=0))
    size = 13 if len(word) < 3 else 10
    weight = "bold" if inside else "normal"
    axes.text(x + 0.5, 0.47, word, ha="center", va="center", fontsize=size, fontweight=weight, color=DARK)


def _cells(axes: Axes, mode: Mode) -> None:
    words = [word for part in picture(mode, SIZE, OUTSIDE).split(" | ") for word in part.split()]
    for position, word in zip(range(-OUTSIDE, SIZE + OUTSIDE), words, strict=True):
        inside = 0 <= position < SIZE
        terms = [(position, 1)] if inside else mode.terms(position, SIZE)
        colours = [COLOURS[index] for index, _ in terms] or ["white" if not mode.is_counted else GREY]
        _cell(axes, position, colours, word, inside=inside, hatch=None if mode.is_counted or inside else "////")
    axes.set_xlim(-OUTSIDE - 0.1, SIZE + OUTSIDE + 0.1)
    axes.set_ylim(-0.08, 1.08)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _curve(axes: Axes, mode: Mode) -> None:
    """The values themselves, padded by convpad: what is inside in full colour."""
    places = np.arange(-OUTSIDE, SIZE + OUTSIDE)
    fill = 1.0 if mode.takes_value else mode.name
    values = np.full(len(places), np.nan)
    values[OUTSIDE:-OUTSIDE] = SIGNAL
    if mode.is_counted:
        values = convpad.pad(SIGNAL[None, :, None], OUTSIDE, fill).ravel()
    axes.axvspan(-0.5, SIZE - 0.5, color="#f2f2f2", linewidth=0)
    axes.plot(places, values, color="#9a9a9a", linewidth=1.2, marker="o", markersize=4.5, zorder=1)
    axes.plot(range(SIZE), SIGNAL, color=DARK, linewidth=2, zorder=2)
    axes.scatter(range(SIZE), SIGNAL, color=COLOURS, edgecolor=DARK, s=46, zorder=3)
    axes.set_xlim(-OUTSIDE - 0.4, SIZE + OUTSIDE - 0.6)
    axes.set_ylim(-1.2, 7.2)
    axes.set_axis_off()


def modes_picture() -> Figure:
    """Every mode: where the outside comes from, and a curve continued by it."""
    figure = Figure(figsize=(10.4, 0.91 * len(MODES)), layout="constrained", facecolor="white")
    grid = figure.add_gridspec(len(MODES), 3, width_ratios=[1.35, 4.6, 2.4], hspace=0.05)
    for row, mode in enumerate(MODES.values()):
        name = figure.add_subplot(grid[row, 0])
        name.text(1, 0.5, mode.name, ha="right", va="center", fontsize=14, fontweight="bold", family="monospace")
        name.set_axis_off()
        _cells(figure.add_subplot(grid[row, 1]), mode)
        _curve(figure.add_subplot(grid[row, 2]), mode)
    return figure


AXIS, KERNEL, STRIDE = 6, 3, 2


def _amount_row(axes: Axes, word: str) -> None:
    """One axis of six values with its padding, and the windows that a kernel of 3 and a stride of 2 put on it."""
    window = padded_window(AXIS, KERNEL, STRIDE, 1, AMOUNTS[word], axis=0)
    before, after, outputs = window.before or 0, window.after or 0, window.output or 0
    for position in range(-before, AXIS + after):
        inside = 0 <= position < AXIS
        read = position < (outputs - 1) * STRIDE - before + KERNEL
        word_in = str(position + 1) if inside else "0"
        colour = ("#bfdcf2" if inside else GREY) if read else "white"
        _cell(axes, position, [colour], word_in, inside=inside)
    for output in range(outputs):
        start, y = output * STRIDE - before, -0.34 - 0.3 * (output % 2)
        axes.plot([start + 0.06, start + KERNEL - 0.06], [y, y], color="#d1495b", linewidth=4, solid_capstyle="butt")
    span = AMOUNTS[word]
    axes.text(-2.75, 0.62, f'"{word}"', ha="right", va="center", fontsize=14, fontweight="bold", family="monospace")
    axes.text(-2.75, 0.08, span.meaning.split(";")[0], ha="right", va="center", fontsize=10, color="#555555")
    leftover = f", {window.leftover} not read" if window.leftover else ""
    axes.text(8.75, 0.62, f"({before}, {after})", va="center", fontsize=14, family="monospace")
    axes.text(8.75, 0.08, f"{outputs} outputs{leftover}", va="center", fontsize=10, color="#555555")
    axes.set_xlim(-7.6, 12.0)
    axes.set_ylim(-0.85, 1.1)
    axes.set_aspect("equal")
    axes.set_axis_off()


def amounts_picture() -> Figure:
    """Every word for an amount, on one axis."""
    figure = Figure(figsize=(10.4, 6.9), layout="constrained", facecolor="white")
    axes = figure.subplots(len(AMOUNTS), 1)
    for row, word in zip(axes, AMOUNTS, strict=True):
        _amount_row(row, word)
    figure.suptitle(
        f"an axis of {AXIS}, a kernel of {KERNEL}, stride {STRIDE}; red: the windows; white: read by none", fontsize=13
    )
    return figure


def resize_picture() -> Figure:
    """A small texture that tiles, enlarged with the edge repeated and around its ends, each as four tiles."""
    noise = np.random.default_rng(7).uniform(size=(1, 10, 10, 3))
    figure = Figure(figsize=(8.4, 4.5), layout="constrained", facecolor="white")
    for place, mode in enumerate(("replicate", "circular")):
        image = convpad.resize(noise, scale=12, method="linear", padding_mode=mode)[0]
        axes = figure.add_subplot(1, 2, place + 1)
        axes.imshow(np.tile(image, (2, 2, 1)), interpolation="nearest")
        axes.set_title(f"{mode}: seam {convpad.seam(image, 0):.1f}, {convpad.seam(image, 1):.1f}", fontsize=13)
        axes.set_axis_off()
    return figure


PICTURES = {"modes": modes_picture, "amounts": amounts_picture, "resize": resize_picture}


LARGEST = 150_000
"""Bytes of a picture of the gallery."""


def gallery(*, with_keras: bool) -> Iterator[tuple[str, Figure]]:
    """Draw the pictures of docs/gallery.md, each by the code that stands below it on the page."""
    page = (Path(__file__).parent / "gallery.md").read_text("utf-8")
    names: dict[str, Any] = {}
    for name, code in re.findall(r"(?:\(images/(gallery-\w+)\.png\)\n\n)?```python\n(.*?)```", page, re.DOTALL):
        if "import keras" in code and not with_keras:
            continue
        for example in doctest.DocTestParser().get_examples(code):
            exec(example.source, names)
        if name:
            yield name, names["figure"]


def main(folder: Path, *, with_keras: bool) -> list[Path]:
    """Draws them all, and says where they are; those that need Keras only `with_keras`."""
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with matplotlib.rc_context(STYLE):
        for name, drawn in PICTURES.items():
            written.append(folder / f"{name}.png")
            save(drawn(), written[-1], dpi=110)
        for name, figure in gallery(with_keras=with_keras):
            written.append(folder / f"{name}.png")
            save(figure, written[-1], dpi=100)
            _reduce(written[-1])
    return written


def _reduce(path: Path) -> None:
    """Write a picture again with as many colours as fit into `LARGEST` bytes."""
    image = Image.open(path).convert("RGB")
    for colours in (256, 128, 64):
        image.quantize(colours, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            break


def demonstration(path: Path) -> None:
    """The picture of `convpad demo`, small enough for a page; this one needs Keras."""
    prepare(size=128)
    for _ in run(path, size=128, on_step=lambda step: None, dpi=72):
        pass


if __name__ == "__main__":
    images = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "images"
    main(images, with_keras=True)
    demonstration(images / "demo.png")
