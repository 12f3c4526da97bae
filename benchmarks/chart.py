"""Charts: dots of every candidate next to the limit, bars of the networks, and the scale curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import TYPE_CHECKING

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.report import STEPS, loaded
from benchmarks.results import Cell, Results
from benchmarks.verdict import PEERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw"]

STYLE = {"font.family": "DejaVu Sans", "font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
COLOURS = {"convpad": "#c0392b", "stock": "#8a8f94", "workaround": "#2477b3", "peers": "#59b36b"}
TICKS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
LINES = ("#4e9ad4", "#59b36b", "#f2b33d", "#e2705f", "#8e6bb5")


def _ratios(cell: Cell, kind: str) -> list[float]:
    """Return the ratio of one candidate; of the peers, of the fastest of them."""
    names = PEERS if kind == "peers" else (kind,)
    found = [cell.figures[name].ratio for name in names if name in cell.figures]
    return [min(found)] if found else []


def _dots(axes: Axes, cells: Sequence[Cell], title: str) -> None:
    """One line for each row: a dot for each mode, and the geometric mean of the modes as a larger one."""
    rows = list(dict.fromkeys(cell.row for cell in cells))[::-1]
    for place, (kind, colour) in enumerate(COLOURS.items()):
        for height, row in enumerate(rows):
            ratios = [ratio for cell in cells if cell.row == row for ratio in _ratios(cell, kind)]
            if ratios:
                level = height + 0.24 - 0.16 * place
                axes.scatter(ratios, [level] * len(ratios), s=7, color=colour, alpha=0.55, linewidth=0)
                axes.scatter(geometric_mean(ratios), level, s=38, color=colour, linewidth=0, zorder=3)
    axes.axvline(1, color="#333333", linewidth=1, zorder=0)
    everything = [ratio for cell in cells for kind in COLOURS for ratio in _ratios(cell, kind)]
    least, most = min(0.6, *everything) / 1.1, max(1.8, *everything) * 1.1
    ticks = [tick for tick in TICKS if least <= tick <= most]
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.minorticks_off()
    axes.set_xlim(least, most)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_yticks(range(len(rows)), rows)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_title(title, loc="left", fontweight="bold", fontsize=11)


def _layers(results: Sequence[Results]) -> Figure:
    steps = ("forward", "gradient")
    figure = Figure(figsize=(5.6 * len(results), 15), layout="constrained", facecolor="white")
    grid = figure.subplots(2, len(results), squeeze=False)
    for column, result in enumerate(results):
        for line, step in enumerate(steps):
            cells = [cell for cell in result.cells if cell.step == step]
            _dots(grid[line][column], cells, f"{result.backend}, {STEPS[step]}")
        grid[-1][column].set_xlabel("time / limit (the backend's own zero padding): left is faster")
    handles = [
        grid[0][0].scatter([], [], s=38, color=colour, label="fastest peer" if kind == "peers" else kind)
        for kind, colour in COLOURS.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False, fontsize=11)
    return figure


def _models(results: Sequence[Results]) -> Figure:
    """What a step takes next to stock Keras with zeros."""
    figure = Figure(figsize=(5.6 * len(results), 6.5), layout="constrained", facecolor="white")
    grid = figure.subplots(2, len(results), squeeze=False)
    colours = {"stock": COLOURS["stock"], "zeros": "#e2a09a", "reflect": COLOURS["convpad"]}
    colours["workaround"] = COLOURS["workaround"]
    labels = {"stock": "Keras, zeros", "zeros": "convpad, zeros", "reflect": "convpad, reflect"}
    for column, result in enumerate(results):
        for line, step in enumerate(("forward", "training")):
            axes, cells = grid[line][column], [cell for cell in result.cells if cell.step == step]
            networks = list(dict.fromkeys(cell.row for cell in cells))
            for place, (name, colour) in enumerate(colours.items()):
                seconds = [_seconds(cells, network, name) / _seconds(cells, network, "stock") for network in networks]
                at = [index + 0.2 * place - 0.3 for index in range(len(networks))]
                axes.bar(at, seconds, 0.18, color=colour, label=labels.get(name, f"{name}, reflect"))
            axes.axhline(1, color="#333333", linewidth=0.8, zorder=0)
            axes.set_xticks(range(len(networks)), networks)
            axes.set_title(f"{result.backend}, {STEPS[step]}", loc="left", fontweight="bold", fontsize=11)
            axes.set_ylabel("time / Keras with zeros")
    handles, words = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=len(words), frameon=False, fontsize=11)
    return figure


def _seconds(cells: Sequence[Cell], network: str, name: str) -> float:
    return next(cell.figures[name].seconds for cell in cells if cell.row == network and name in cell.figures)


def _scale(results: Sequence[Results]) -> Figure:
    figure = Figure(figsize=(5.2 * len(results), 7), layout="constrained", facecolor="white")
    grid = figure.subplots(2, len(results), squeeze=False, sharex=True)
    for column, result in enumerate(results):
        for line, step in enumerate(("forward", "gradient")):
            axes, cells = grid[line][column], [cell for cell in result.cells if cell.step == step]
            for mode, colour in zip(dict.fromkeys(cell.mode for cell in cells), LINES, strict=False):
                chosen = [cell for cell in cells if cell.mode == mode]
                edges = [int(cell.row) for cell in chosen]
                for name, style in (("convpad", "-"), ("framework", ":")):
                    ratios = [cell.figures[name].ratio for cell in chosen]
                    label = mode if name == "convpad" else None
                    axes.plot(edges, ratios, style, color=colour, marker="o", markersize=3.5, label=label)
            axes.axhline(1, color="#333333", linewidth=1, zorder=0)
            axes.set_xscale("log", base=2)
            edges = sorted({int(cell.row) for cell in cells})
            axes.set_xticks(edges, [str(edge) for edge in edges])
            axes.set_ylabel("time / limit")
            axes.set_title(f"{result.backend}, {STEPS[step]}", loc="left", fontweight="bold", fontsize=11)
        grid[-1][column].set_xlabel("edge of the square (dotted: pad, then convolve)")
    handles, words = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, words, loc="outside upper center", ncols=len(words), frameon=False, fontsize=11)
    return figure


CHARTS: dict[str, Callable[[Sequence[Results]], Figure]] = {"layers": _layers, "models": _models, "scale": _scale}


def draw(folder: Path, *, dpi: int = 110) -> list[Path]:
    """One PNG for each kind of figures that there are."""
    paths: list[Path] = []
    results = [one for one in loaded(folder) if one.dtype == "float32" and not one.setting]
    with matplotlib.rc_context(STYLE):
        for command, chart in CHARTS.items():
            chosen = [one for one in results if one.command == command and one.cells]
            if chosen:
                figure, path = chart(chosen), folder / f"{command}.png"
                FigureCanvasAgg(figure)
                figure.savefig(path, dpi=dpi)
                paths.append(path)
    return paths
