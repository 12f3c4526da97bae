"""Report: Markdown tables of the figures, with the versions and the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import geometric_mean
from textwrap import fill

from benchmarks import across, across_networks
from benchmarks.markdown import spread, table
from benchmarks.modules import report as modules
from benchmarks.reasons import reason
from benchmarks.results import Cell, Determinism, Memory, Results, load, path_of
from benchmarks.rows import ROWS
from benchmarks.startup import REPADDED, SECOND
from benchmarks.verdict import excess, next_to_hand, verdicts
from convpad.benchmark.machine import describe_machine

__all__ = ["loaded", "summary", "write"]

COMMANDS = ("layers", "across", "across-networks", "models", "startup", "scale", "modules", "memory", "determinism")
BACKENDS = ("jax", "torch", "tensorflow")
STEPS = {"forward": "forward", "gradient": "forward and backward", "training": "a step of training"}

HEAD = """\
# Figures

Made by `make bench`; do not edit. Every ratio is of runs that were interleaved in one process, at the median; in
brackets the quartiles of the ratios of single rounds. Below 1 is faster than what it is divided by. The candidates:

- *limit*: the backend's own zero-padded convolution at its best: `lax.conv_general_dilated`; `torch.nn.functional` on
  channels-last memory; `tf.nn`. Where the backend pads both sides alike only, the limit does.
- *convpad*: the function. *layer*: convpad's Keras layer.
- *stock*: Keras's own layer with zeros.
- *workaround*: `keras.ops.pad`, or the framework's pad where that has not the mode, then Keras's `valid` layer. Of
  `ignore`: Keras's layer times taps / the convolution of a mask.
- *framework*: the same without Keras. Of a transposed convolution: the gradient of that.
- *torch.nn*, *flax*, *equinox*: their layers, where they have the mode.
- *by hand*: what users write: the framework's own convolution, after its own pad where that is needed, its kernel in
  the framework's order. *convpad correction*, *convpad padded*: the function by another route than its own. Both under
  `torch.compile` and on a GPU, where float32 is multiplied as the framework does unless told otherwise (TF32).

Before they are timed all are run and found to agree, outputs and gradients.
"""


def loaded(folder: Path) -> list[Results]:
    """All figures of a folder, in the order of commands and backends."""
    results = [load(path) for path in sorted(folder.glob("*.json"))]
    return sorted(
        results, key=lambda one: (COMMANDS.index(one.command), BACKENDS.index(one.backend), one.setting, one.dtype)
    )


def _where(results: Sequence[Results]) -> str:
    """The machine and the versions, once where all agree."""
    rows = [
        (one.backend, *describe_machine(one.machine, one.versions), "quick" if one.quick else "full") for one in results
    ]
    return "## Machine and versions\n\n" + table(("backend", "machine", "versions", "run"), dict.fromkeys(rows))


def _verdicts(results: Sequence[Results]) -> str:
    found = verdicts(results)
    rows = [(one.backend, one.target, one.wanted, one.reached, "yes" if one.met else "**no**") for one in found]
    targets = "## Targets\n\n" + table(("backend", "target", "wanted", "reached", "met"), rows)
    known = dict.fromkeys((one.backend, reason(one)) for one in found if not one.met and reason(one))
    why = "\n".join(fill(f"- **{backend}**: {text}", 120, subsequent_indent="  ") for backend, text in known)
    return targets + (f"\n### Why those that are missed are\n\n{why}\n" if why else "")


def _grid(cells: Sequence[Cell], name: str) -> str:
    """One line for each row, one column for each mode."""
    rows, modes = dict.fromkeys(cell.row for cell in cells), dict.fromkeys(cell.mode for cell in cells)
    at = {(cell.row, cell.mode): cell.figures.get(name) for cell in cells}
    lines: list[list[str]] = []
    for row in rows:
        figures = [at.get((row, mode)) for mode in modes]
        lines.append([row, *("" if figure is None else spread(figure) for figure in figures)])
    return table(("row", *modes), lines)


def _by_step(result: Results) -> Iterable[tuple[str, list[Cell]]]:
    for step in dict.fromkeys(cell.step for cell in result.cells):
        yield STEPS[step], [cell for cell in result.cells if cell.step == step]


def _title(result: Results) -> str:
    return ", ".join(filter(None, (result.backend, result.setting, result.dtype if result.dtype != "float32" else "")))


def _by_variant(result: Results) -> str:
    """Return a line for each variant, step and mode."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in result.cells:
        groups.setdefault((cell.variant, cell.step, cell.mode), []).append(cell)
    lines = [
        (
            *names,
            str(len(cells)),
            f"{geometric_mean(cell.figures['convpad'].ratio for cell in cells):.2f}",
            f"{geometric_mean(map(next_to_hand, cells)):.2f}",
            f"{next_to_hand(worst):.2f} ({worst.row})",
        )
        for names, cells in groups.items()
        for worst in [max(cells, key=next_to_hand)]
    ]
    heads = ("variant", "step", "mode", "rows", "convpad / limit", "convpad / by hand", "worst of these")
    return f"### {_title(result)}: geometric means\n\n" + table(heads, lines)


def _layers(result: Results) -> str:
    name = _page(result)
    return f"{_by_variant(result) if result.setting else _scale(result)}\nAll candidates: [{name}]({name}).\n"


def _scale(result: Results) -> str:
    parts = [
        f"### {_title(result)}, {step}: convpad / limit\n\n{_grid(cells, 'convpad')}"
        for step, cells in _by_step(result)
    ]
    return "\n".join(parts)


def _models(result: Results) -> str:
    rows = [
        (cell.row, STEPS[cell.step], name, base, f"{1e3 * figure.seconds:.0f} ms", spread(figure))
        for cell in result.cells
        for base, *others in [list(cell.figures)]
        for name, figure in cell.figures.items()
        if name in others
    ]
    return f"### {_title(result)}\n\n" + table(("network", "step", "what", "next to", "median", "ratio"), rows)


def _memory(result: Results) -> str:
    def of(memory: Memory, name: str) -> str:
        return f"{memory.peak[name] / 2**20:.1f}" if name in memory.peak else ""

    def kept(memory: Memory) -> str:
        return ", ".join(f"{name} {size / 2**20:.1f}" for name, size in memory.kept.items())

    names = list(dict.fromkeys(name for memory in result.memory for name in memory.peak))
    rows = [
        (
            memory.row,
            memory.mode,
            *([memory.variant] if result.setting else []),
            STEPS[memory.step],
            f"{memory.input / 2**20:.1f}",
            *(of(memory, name) for name in names),
            f"{100 * excess(memory):.0f}%" if {"limit", "convpad"} <= {*memory.peak} else "",
            kept(memory),
        )
        for memory in result.memory
    ]
    variant = ["variant"] if result.setting else []
    heads = ("row", "mode", *variant, "step", "input", *names, "beyond the limit / input", "kept")
    return f"# Memory on {_title(result)}, in MiB\n\n" + table(heads, rows)


def _details(result: Results) -> str:
    """Return every candidate of every cell."""
    names = dict.fromkeys(name for cell in result.cells for name in cell.figures)
    parts = [f"# Layers on {_title(result)}: every candidate / limit\n"]
    for step, cells in _by_step(result):
        rows = [
            (
                cell.row,
                cell.mode,
                *([cell.variant] if result.setting else []),
                cell.route.partition(" on ")[0],
                f"{1e3 * cell.figures['limit'].seconds:.{3 if result.setting else 2}f} ms",
                *(spread(cell.figures[name]) if name in cell.figures else "" for name in list(names)[1:]),
            )
            for cell in cells
        ]
        heads = ("row", "mode", *(["variant"] if result.setting else []), "route", "limit", *list(names)[1:])
        parts.append(f"## {step}\n\n" + table(heads, rows))
    if result.unreached:
        parts.append("## Not reached\n\n" + "\n".join(f"- {what}" for what in result.unreached) + "\n")
    return "\n".join(parts)


def _determinism(result: Results) -> str:
    """Return whether the gradients of each candidate are the same bits from run to run."""
    names = list(dict.fromkeys(name for one in result.determinism for name in one.repeated))

    def said(one: Determinism, name: str) -> str:
        if name not in one.repeated:
            return ""
        return f"{'same' if one.repeated[name] else '**differs**'}; {one.strict[name]}"

    rows = [(one.row, one.mode, one.variant, *(said(one, name) for name in names)) for one in result.determinism]
    text = "Gradients of several runs, bit by bit; then under `torch.use_deterministic_algorithms(True)`.\n"
    return f"# Determinism on {_title(result)}\n\n{text}\n" + table(("row", "mode", "variant", *names), rows)


def _startup(result: Results) -> str:
    """Return seconds of each phase, and the peak of a step of training."""
    rows = [
        (cell.row, cell.step, f"{cell.figures['stock'].seconds:.2f} s", *(spread(cell.figures[name]) for name in names))
        for cell in result.cells
        for names in [(SECOND, *REPADDED)]
    ]
    rows += [
        (one.row, "memory of a step of training", f"{one.peak['stock'] / 2**20:.0f} MiB", *ratios)
        for one in result.memory
        for ratios in [[f"{one.peak[name] / one.peak['stock']:.2f}" for name in (SECOND, *REPADDED)]]
    ]
    return f"### {_title(result)}\n\n" + table(("network", "phase", "stock", "stock again", *REPADDED), rows)


def _rows() -> str:
    rows = [
        (
            row.name,
            row.network,
            row.op,
            " x ".join(map(str, row.input_shape)),
            " x ".join(map(str, row.kernel_shape)),
            f"{row.padding}, stride {row.stride}, dilation {row.dilation}",
        )
        for row in ROWS
    ]
    return "### The rows\n\n" + table(("row", "network", "operation", "input", "kernel", "padding"), rows)


def _page(result: Results) -> str:
    return path_of(result.command, result.backend, Path(), result.dtype, result.setting).with_suffix(".md").name


STARTUP = """\
MobileNetV2 from its configuration, at 224 x 224, a batch of 4, a fresh process for each turn: import, build, first
forward pass and first step of training. The column *stock again* is noise. Ratios to stock Keras, with the quartiles of
the turns.
"""

SECTIONS = {
    "layers": ("Layers", _layers),
    "models": ("Whole networks, a batch of 4 at 224 x 224 (U-Net: 256 x 256)", _models),
    "scale": ("The scale curve: a 3x3 convolution of 16 channels on a square", _scale),
}
MEMORY = """\
On JAX what XLA's analysis says of temporaries; elsewhere by how much the process grew at most, outputs included, on
TensorFlow without oneDNN, whose allocator does not tell. *kept*: what PyTorch saves for the backward pass.
"""


PAGES = {
    "layers": _details,
    "memory": _memory,
    "modules": modules.page,
    "across": across.page,
    "determinism": _determinism,
}
"""What is written on a page of its own."""


def summary(results: Sequence[Results]) -> str:
    """The page that is read first."""
    parts = [HEAD, _where(results), _verdicts(results)]
    for command, (title, section) in SECTIONS.items():
        chosen = [one for one in results if one.command == command]
        if chosen:
            parts.append(f"## {title}\n\n![]({command}.png)\n")
            parts += [section(one) for one in chosen]
            parts += [_rows()] if command == "layers" else []
    for one in results:
        if one.command == "across":
            parts.append(f"## Across frameworks\n\n{across.HEAD}\n{across.summary(one)}")
            parts.append(f"Every cell: [{_page(one)}]({_page(one)}).\n")
        if one.command == "across-networks":
            parts.append(f"## Networks across frameworks\n\n{across_networks.HEAD}\n{across_networks.summary(one)}")
    chosen = [one for one in results if one.command == "startup"]
    if chosen:
        parts.append("## Startup and first calls\n\n" + STARTUP)
        parts += [_startup(one) for one in chosen]
    chosen = [one for one in results if one.command == "modules"]
    if chosen:
        parts.append("## Modules\n\n" + modules.HEAD)
        parts += [f"{modules.summary(one)}\nEvery cell: [{_page(one)}]({_page(one)}).\n" for one in chosen]
        parts.append(modules.rows([one.backend for one in chosen]))
    pages = [_page(one) for one in results if one.command in ("memory", "determinism")]
    if pages:
        parts.append("## Memory\n\n" + MEMORY + "\n" + "\n".join(f"- [{page}]({page})" for page in pages) + "\n")
    return "\n".join(parts)


def write(folder: Path) -> list[Path]:
    """`README.md`, and a page for each backend with all candidates, and one with its memory."""
    results = loaded(folder)
    pages = {folder / "README.md": summary(results)}
    for one in results:
        if one.command in PAGES:
            pages[folder / _page(one)] = PAGES[one.command](one)
    for path, text in pages.items():
        path.write_text(text)
    return list(pages)
