"""Targets, and the figures that were reached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import geometric_mean

from benchmarks.modules.rows import AGAIN, OURS, TINY
from benchmarks.modules.rows import ROWS as MODULE_ROWS
from benchmarks.results import Cell, Memory, Results
from benchmarks.rows import ROWS
from benchmarks.startup import REPADDED, SECOND, TOTAL
from convpad.ops.plan import Route

__all__ = ["PEERS", "Verdict", "place", "verdicts"]

PEERS = ("torch.nn", "torch.nn channels_last", "flax", "equinox")
DENSE = {row.name for row in ROWS if row.op == "conv"}
DEPTHWISE = {row.name for row in ROWS if row.depthwise}
DEPTHWISE_MODULES = {row.name for rows in MODULE_ROWS.values() for row in rows if row.depthwise}
UNEVEN = {row.name for row in ROWS if row.pairs != row.even_pairs}
PADS_ITSELF = {row.name for row in ROWS if row.pairs == row.even_pairs and row.around is None}
"""Rows whose zeros a convolution of every framework pads itself."""

LIMITS = {"jax": (1.05, 1.15), "torch": (1.15, 1.20), "tensorflow": (1.15, 1.25)}
"""Largest geometric mean over the rows of time / limit: forward, with gradient."""
CORRECTIONS = (f"{Route.CORRECTION} ", "offset on ", "border on ")
"""Starts of the plans that correct a zero-padded convolution; earlier result files have the last two."""
SEEN = 4 * 2**20
"""The least bytes of an input beside which the process's own pages are few."""
MODELS = {("jax", "MobileNetV2"): 3.5, ("jax", "EfficientNetB0"): 4.0, ("torch", "MobileNetV2"): 1.5}
MODELS |= {("torch", "ResNet50"): 1.2}
"""How many times faster than stock Keras a forward pass is to be."""
ACROSS = (1.5, 4)
"""Largest geometric mean and worst of JAX's time / that of the fastest other framework."""
ACROSS_NETWORKS = 1.3
"""Largest time of a network on JAX / that of the fastest stock Keras."""
BY_HAND = (0.85, 1.05)
"""Largest geometric mean and worst of time / that of what users write."""
STARTUP = 1.1
"""Largest startup / that of stock Keras."""
OVERHEAD = 2
"""Microseconds that a call of a module may take more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One target on one backend.

    Args:
        target: in words.
        backend: where.
        wanted: as a bound, `"<= 1.05"`.
        reached: the figure, and where the worst of it is.
        met: whether it was.
    """

    target: str
    backend: str
    wanted: str
    reached: str
    met: bool


def _most(target: str, backend: str, bound: float, reached: float, note: str = "") -> Verdict:
    return Verdict(target, backend, f"<= {bound:g}", f"{reached:.2f}{note}", reached <= bound)


def _least(target: str, backend: str, bound: float, reached: float, note: str = "") -> Verdict:
    return Verdict(target, backend, f">= {bound:g}", f"{reached:.2f}{note}", reached >= bound)


def _worst(target: str, backend: str, bound: float, cells: Sequence[Cell], ratio: Callable[[Cell], float]) -> Verdict:
    """Return the target of the worst cell, with the number of those above the bound."""
    worst = max(cells, key=ratio)
    over = sum(ratio(cell) > bound for cell in cells)
    return _most(target, backend, bound, ratio(worst), f" ({place(worst)}); {over} of {len(cells)} above")


def _mean(cells: Iterable[Cell], ratio: Callable[[Cell], float]) -> float:
    return geometric_mean([ratio(cell) for cell in cells])


def _faster(cell: Cell, other: str) -> float:
    """How many times faster convpad's layer is than another layer of Keras."""
    return cell.figures[other].seconds / cell.figures["layer"].seconds


def slower_than_best(cell: Cell, *, alike: bool = False) -> float:
    """convpad next to the fastest there is: its layer next to Keras's, its function next to the peers.

    `stock` pads with zeros whatever the mode is, and PyTorch's own both sides alike; with `alike` they count only where
    that is what is asked.
    """
    pairs = [("layer", "stock"), ("layer", "workaround"), *(("convpad", peer) for peer in PEERS)]
    if alike:
        others = {"stock"} if cell.mode != "zeros" else set[str]()
        others |= {peer for peer in PEERS if peer.startswith("torch.nn")} if cell.row in UNEVEN else set()
        pairs = [pair for pair in pairs if pair[1] not in others]
    figures = cell.figures
    return max((figures[ours].seconds / figures[name].seconds for ours, name in pairs if name in figures), default=0.0)


def place(cell: Cell) -> str:
    """Return the names of a cell."""
    return ", ".join(name for name in (cell.row, cell.mode, cell.step, cell.variant) if name)


def _layers(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    for who, alike in (("stock, workaround, peers", False), ("those that compute the same", True)):
        ratio = partial(slower_than_best, alike=alike)
        yield _worst(f"time / the fastest of {who}: worst", backend, 1.05, cells, ratio)
    yield from _each_step("time / a pad and a convolution by hand", backend, BY_HAND, cells, _next_to_pad_and_convolve)
    for step, bound in zip(("forward", "gradient"), LIMITS[backend], strict=True):
        chosen = [cell for cell in cells if cell.step == step]
        if chosen:
            reached = _mean(chosen, lambda cell: cell.figures["convpad"].ratio)
            yield _most(f"time / limit, {step}: geometric mean", backend, bound, reached)
    if backend == "jax":
        worst = max(cells, key=lambda cell: cell.figures["convpad"].ratio)
        yield _most("time / limit: worst", backend, 1.25, worst.figures["convpad"].ratio, f" ({place(worst)})")
    yield from _faster_than(backend, [cell for cell in cells if cell.step == "forward"])


def _next_to_pad_and_convolve(cell: Cell) -> float:
    """convpad's function next to a pad and a convolution; of zeros that it pads itself, next to the convolution."""
    alone = cell.mode == "zeros" and cell.row in PADS_ITSELF
    return cell.figures["convpad"].seconds / cell.figures["limit" if alone else "framework"].seconds


def _each_step(
    target: str,
    backend: str,
    bounds: tuple[float, float],
    cells: Sequence[Cell],
    ratio: Callable[[Cell], float],
) -> Iterable[Verdict]:
    """Yield two targets of each step, with a bound each: the geometric mean, and the worst."""
    for step in dict.fromkeys(cell.step for cell in cells):
        chosen = [cell for cell in cells if cell.step == step]
        yield _most(f"{target}, {step}: geometric mean", backend, bounds[0], _mean(chosen, ratio))
        yield _worst(f"{target}, {step}: worst", backend, bounds[1], chosen, ratio)


def _faster_than(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    worked = [cell for cell in cells if cell.row in DENSE and cell.mode != "zeros" and "workaround" in cell.figures]
    depthwise = [cell for cell in cells if cell.row in DEPTHWISE]
    if backend == "jax" and worked:
        target = "times faster than the workaround, dense rows, forward: geometric mean"
        yield _least(target, backend, 2.5, *_times(worked, "workaround"))
    if backend == "jax" and depthwise:
        target = "times faster than stock, depthwise rows, forward: geometric mean"
        yield _least(target, backend, 10, *_times(depthwise, "stock"))
    if backend == "torch" and cells:
        yield _least("times faster than stock, forward: geometric mean", backend, 3, *_times(cells, "stock"))


def _times(cells: list[Cell], other: str) -> tuple[float, str]:
    """How many times faster convpad's layer is than another; and how many times the limit itself would be."""
    limit = _mean(cells, lambda cell: cell.figures[other].ratio)
    return _mean(cells, lambda cell: _faster(cell, other)), f" (the limit itself: {limit:.2f})"


def _models(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    for cell in cells:
        if cell.step == "forward" and cell.mode == "zeros" and (backend, cell.row) in MODELS:
            bound, reached = MODELS[backend, cell.row], 1 / cell.figures["zeros"].ratio
            yield _least(f"{cell.row}, zeros, forward: times faster than stock", backend, bound, reached)
        if cell.step == "forward" and cell.mode != "zeros":
            reached = cell.figures[cell.mode].ratio
            yield _most(f"{cell.row}, {cell.mode}, forward: time / zeros", backend, 1.05, reached)


def excess(memory: Memory, name: str = "convpad") -> float:
    """How much more it needs than the limit, as a part of the input."""
    return (memory.peak[name] - memory.peak["limit"]) / memory.input


def _memory(backend: str, memories: list[Memory]) -> Iterable[Verdict]:
    # Where the process is watched, and not asked a compiler, small layers drown in its pages.
    least = 0 if backend == "jax" else SEEN
    apart = [memory for memory in memories if memory.route.startswith(CORRECTIONS)]
    chosen = [memory for memory in apart if memory.input >= least]
    if not chosen:
        return
    worst = max(chosen, key=excess)
    over = sum(excess(memory) > 0.1 for memory in chosen)
    note = f" ({worst.row}, {worst.mode}, {worst.step}); {over} of {len(chosen)} above"
    what = "correction: memory beyond the limit's / input" + (
        f", inputs of {least / 2**20:.0f} MiB and more" if least else ""
    )
    yield _most(f"{what}: worst", backend, 0.1, excess(worst), note)


def _scale(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    largest = str(max(int(cell.row) for cell in cells))
    worst = max((cell for cell in cells if cell.row == largest), key=lambda cell: cell.figures["convpad"].ratio)
    reached, note = worst.figures["convpad"].ratio, f" ({worst.mode}, {worst.step})"
    yield _most(f"time / limit at {largest} squared: worst", backend, 1.03, reached, note)


def _overhead(target: str, backend: str, cells: Sequence[Cell]) -> Iterable[Verdict]:
    """Yield the target of the smallest convolution: microseconds, because of those a ratio says nothing."""
    more = [(1e6 * (cell.figures[OURS].seconds - next(iter(cell.figures.values())).seconds), cell) for cell in cells]
    if more:
        reached, worst = max(more, key=lambda pair: pair[0])
        yield _most(target, backend, OVERHEAD, reached, f" ({place(worst)})")


def _next_to(target: str, backend: str, bound: float, cells: Sequence[Cell]) -> Iterable[Verdict]:
    """Yield the target of modules next to the fastest of the others: the worst cell, and what all are in the mean."""
    if cells:
        worst = max(cells, key=lambda cell: cell.figures[OURS].ratio)
        over = sum(cell.figures[OURS].ratio > bound for cell in cells)
        note = f" ({place(worst)}); {over} of {len(cells)} above; geometric mean {_mean(cells, _ours):.2f}"
        noise = [cell.figures[AGAIN].ratio for cell in cells if AGAIN in cell.figures]
        note += f"; two copies of the same {min(noise):.2f} to {max(noise):.2f}" if noise else ""
        yield _most(target, backend, bound, worst.figures[OURS].ratio, note)


def _ours(cell: Cell) -> float:
    return cell.figures[OURS].ratio


def _modules(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    tiny = [cell for cell in cells if cell.row == TINY and cell.mode == "zeros"]
    zeros = [cell for cell in cells if cell.row != TINY and cell.mode == "zeros"]
    others = [cell for cell in cells if cell.mode != "zeros"]
    if backend == "torch":
        for way in ("eager", "compiled"):
            of_way = lambda chosen, way=way: [cell for cell in chosen if cell.variant.endswith(way)]  # noqa: E731
            yield from _next_to(f"modules, zeros, {way}: time / torch.nn: worst", backend, 1.02, of_way(zeros))
            yield from _overhead(f"modules, zeros, {way}, {TINY}: us more than torch.nn", backend, of_way(tiny))
            target = f"modules, other paddings, {way}: time / the fastest that users write: worst"
            yield from _next_to(target, backend, 1.05, of_way(others))
        return
    for host in dict.fromkeys(cell.variant for cell in cells):
        chosen = [cell for cell in (*zeros, *others) if cell.variant == host and cell.row != TINY]
        yield from _next_to(f"modules, {host}: time / {host}'s own: worst", backend, 1.02, chosen)
        of_host = [cell for cell in cells if cell.row == TINY and cell.variant == host]
        yield from _overhead(f"modules, {host}, {TINY}: us more than {host}'s own", backend, of_host)
        depthwise = [cell for cell in chosen if cell.row in DEPTHWISE_MODULES]
        for step in dict.fromkeys(cell.step for cell in depthwise):
            target = f"modules, {host}, depthwise, {step}: times faster: geometric mean"
            reached = 1 / _mean([cell for cell in depthwise if cell.step == step], _ours)
            yield _least(target, backend, 10, reached)


def _across(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    target = "time / the fastest of PyTorch and TensorFlow"
    yield from _each_step(target, backend, ACROSS, cells, lambda cell: cell.figures[backend].ratio)


def _across_networks(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    for cell in cells:
        target = f"{cell.row}, {cell.step}: time / the fastest of stock Keras on three backends"
        note = f" ({next(iter(cell.figures))})"
        yield _most(target, backend, ACROSS_NETWORKS, cell.figures[backend].ratio, note)


def next_to_hand(cell: Cell) -> float:
    """convpad's function next to the fastest that users write: a module, or a pad and a convolution."""
    uneven = cell.row in UNEVEN
    peers = [name for name in cell.figures if name.startswith("torch.nn") and not uneven]
    rivals = [*peers, *(name for name in cell.figures if name.startswith("by hand"))]
    return cell.figures["convpad"].seconds / min(cell.figures[name].seconds for name in rivals)


def _by_hand(result: Results) -> Iterable[Verdict]:
    """Yield the targets of a setting: under `torch.compile`, or on a GPU."""
    target = f"{result.setting}, {result.dtype}: time / what users write"
    yield from _each_step(target, result.backend, BY_HAND, result.cells, next_to_hand)


def _startup(backend: str, cells: list[Cell]) -> Iterable[Verdict]:
    for cell in cells:
        if cell.step == TOTAL:
            for mode in REPADDED:
                parts = [(one.step, one.figures[mode].ratio) for one in cells if one.step != TOTAL]
                note = f" ({', '.join(f'{step} {ratio:.2f}' for step, ratio in parts)}; {_again(cell)})"
                target = f"{cell.row}, {mode}: startup and first calls / stock's"
                yield _most(target, backend, STARTUP, cell.figures[mode].ratio, note)


def _again(cell: Cell) -> str:
    figure = cell.figures[SECOND]
    return f"stock twice {figure.ratio:.2f}, {figure.low:.2f} to {figure.high:.2f}"


def _training_memory(backend: str, memories: list[Memory]) -> Iterable[Verdict]:
    for one in memories:
        again = one.peak[SECOND] / one.peak["stock"]
        for mode in REPADDED:
            reached = one.peak[mode] / one.peak["stock"]
            note = f"{reached:.2f} ({one.peak[mode] / 2**20:.0f} MiB; stock twice {again:.2f})"
            target = f"{one.row}, {mode}: peak memory of a step of training / stock's"
            yield Verdict(target, backend, "<= 1 and noise", note, reached <= 1 + abs(again - 1))


def verdicts(results: Iterable[Results]) -> list[Verdict]:
    """One for every target that there are figures for."""
    kinds = {
        "layers": _layers,
        "models": _models,
        "scale": _scale,
        "modules": _modules,
        "across": _across,
        "across-networks": _across_networks,
        "startup": _startup,
    }
    found: list[Verdict] = []
    for result in results:
        if result.setting:
            found += _by_hand(result) if result.command == "layers" and result.cells else ()
            continue
        if result.command == "memory" and result.memory:
            found += _memory(result.backend, result.memory)
        if result.command == "startup":
            found += _training_memory(result.backend, result.memory)
        if result.command in kinds and result.cells:
            found += kinds[result.command](result.backend, result.cells)
    return found
