"""Report of the modules: a line for each padding, and a page with every cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import geometric_mean

from benchmarks.markdown import spread, table
from benchmarks.modules.rows import OURS, ROWS
from benchmarks.results import Cell, Results

__all__ = ["HEAD", "page", "rows", "summary"]

HEAD = """\
Our modules next to the fastest of the others that compute the same: the host's own module (`torch.nn`, `flax`,
`equinox`), and what users write where the host has not the padding.

- *two F.pad*: the patch of `_conv_forward` for seamless textures, a pad for each axis. *F.pad*, *torch.cat*: its
  fastest forms, where the convolution pads the other axis with zeros. *jnp.pad*: that for Flax and Equinox.
- *Conv2dSame*: amounts computed from the input in every call. *ZeroPad2d*: the same amounts in a padding layer.
- *again*: a second copy of the host's module. What it is away from 1 is noise.

Outputs and gradients (of input, weight and bias) are compared first. A turn takes 5 ms or more: short calls are
repeated within it, so that their time is that of a loop whose code and data are in the cache.
"""


def _name(backend: str) -> str:
    return {"torch": "PyTorch", "jax": "Flax and Equinox"}.get(backend, backend)


def summary(result: Results) -> str:
    """Return a line for each padding and variant."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in result.cells:
        groups.setdefault((cell.mode, cell.step, cell.variant), []).append(cell)
    lines = [
        (
            *names,
            str(len(cells)),
            f"{geometric_mean([cell.figures[OURS].ratio for cell in cells]):.2f}",
            f"{worst.figures[OURS].ratio:.2f} ({worst.row})",
            str(sum(cell.figures[OURS].low > 1 for cell in cells)),
            str(sum(cell.figures[OURS].high < 1 for cell in cells)),
        )
        for names, cells in groups.items()
        for worst in [max(cells, key=lambda cell: cell.figures[OURS].ratio)]
    ]
    heads = ("padding", "step", "variant", "rows", "geometric mean", "worst", "slower", "faster")
    legend = "\n*slower*, *faster*: rows whose quartiles are all above 1, or all below.\n"
    return f"### {_name(result.backend)}: convpad / the fastest of the others\n\n{table(heads, lines)}{legend}"


def _time(seconds: float) -> str:
    return f"{1e6 * seconds:.1f} us" if seconds < 1e-3 else f"{1e3 * seconds:.2f} ms"


def _line(cell: Cell) -> Iterable[str]:
    (base, fastest), *others = cell.figures.items()
    yield from (cell.row, cell.mode, cell.variant, base, _time(fastest.seconds))
    yield from (_time(cell.figures[OURS].seconds), spread(cell.figures[OURS]))
    yield ", ".join(f"{name} {spread(figure)}" for name, figure in others if name != OURS)


def page(result: Results) -> str:
    """Return every cell."""
    heads = ("row", "padding", "variant", "fastest of the others", "its time", "convpad", "ratio", "the rest")
    parts = [f"# Modules of {_name(result.backend)}: every candidate / the fastest of the others\n\n{HEAD}"]
    for step in dict.fromkeys(cell.step for cell in result.cells):
        cells = [cell for cell in result.cells if cell.step == step]
        parts.append(f"## {step}\n\n" + table(heads, [tuple(_line(cell)) for cell in cells]))
    return "\n".join(parts)


def rows(backends: Sequence[str]) -> str:
    """Return the rows of some backends."""
    every = {row.name: row for backend in backends for row in ROWS[backend]}
    lines = [
        (
            row.name,
            row.network,
            " x ".join(map(str, row.input_shape)),
            f"{row.filters}, {row.window} x {row.window}{', depthwise' if row.depthwise else ''}",
            str(row.stride),
        )
        for row in every.values()
    ]
    heads = ("row", "network", "input, channels first", "filters and window", "stride")
    return "### The rows of the modules\n\n" + table(heads, lines)
