"""Times of the same convolutions on JAX, PyTorch and TensorFlow: a process for each, which take turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from statistics import geometric_mean
from typing import Any

from benchmarks.candidates import BACKENDS, Case
from benchmarks.markdown import spread, table
from benchmarks.results import Cell, Results
from benchmarks.rows import Row
from benchmarks.turns import time_turns
from benchmarks.worker import Prepared, Worker, by_hand
from convpad.benchmark.candidates import TOLERANCE, relative_difference
from convpad.benchmark.result import STEPS
from convpad.benchmark.timing import Budget, Rounds
from convpad.core.errors import DisagreementError

__all__ = ["BUDGET", "MODES", "OURS", "cell", "measure", "page", "prepare", "summary", "verify"]

BUDGET = Budget(seconds=1, min_rounds=5, max_rounds=40, patience=5)
MODES = ("zeros", "reflect")
OURS = "jax"
"""The framework that is held against the others."""


def verify(description: str, prepared: Mapping[str, Prepared]) -> None:
    """Compare the numbers of all candidates of all processes with those of the first.

    Raises:
        DisagreementError: they differ by more than the suite's tolerance for float32.
    """
    answers = {name: numbers for one in prepared.values() for name, numbers in one.answers.items()}
    (base, expected), *others = answers.items()
    allowed_output, allowed_gradient = TOLERANCE["float32"]
    quantities = ("output", "gradient of the input", "gradient of the kernel")
    for name, numbers in others:
        for quantity, array, right in zip(quantities, numbers, expected, strict=True):
            difference = relative_difference(array, right)
            allowed = allowed_output if quantity == "output" else allowed_gradient
            if not difference <= allowed:  # True for NaN too
                raise DisagreementError(
                    f"{name} next to {base}, {description}: the {quantity} is {difference:.1e} off, relative to its "
                    f"largest value; allowed: {allowed:.0e}."
                )


def cell(row: str, mode: str, step: str, route: str, rounds: Rounds) -> Cell:
    """Return the figures of a cell: all divided by the fastest candidate of the other frameworks; JAX's second."""
    times = rounds.timings(OURS)
    base = min((name for name in times if not name.startswith(OURS)), key=lambda name: times[name].seconds)
    figures = rounds.timings(base)
    return Cell(row, mode, step, route, {base: figures.pop(base), OURS: figures.pop(OURS), **figures})


def prepare(workers: Mapping[str, Worker], case: Any) -> dict[str, Any]:
    """Have a case prepared in every process at once, and return what each computed."""
    for worker in workers.values():
        worker.send("prepare", case)
    return {name: worker.receive("prepare") for name, worker in workers.items()}


def measure(
    rows: Sequence[Row],
    modes: Sequence[str],
    *,
    budget: Budget = BUDGET,
    frameworks: Sequence[str] = BACKENDS,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Measure every row in every mode, forward and with the gradient; see `layers.measure`.

    The processes stay alive, and in every round each candidate of each has its turn, so that a machine that becomes
    slower is slower for all.
    """
    with ExitStack() as stack:
        workers = {name: stack.enter_context(closing(Worker(name))) for name in frameworks}
        for row in rows:
            for mode in modes:
                on_step(f"{row.name} {mode}")
                prepared = prepare(workers, Case(row, mode))
                verify(f"{row.name}, {mode}", prepared)
                names = {name: list(one.answers) for name, one in prepared.items()}
                routes = prepared[OURS].routes
                del prepared  # as large as the tensors
                for step in STEPS:
                    turns = {
                        name: partial(workers[framework].ask, "turn", name, step)
                        for framework, own in names.items()
                        for name in own
                    }
                    yield cell(row.name, mode, step, routes[step], time_turns(turns, budget))


# The report.

HEAD = """\
convpad's function on JAX (`jax.jit`), PyTorch (eager) and TensorFlow (`tf.function`): a process for each, all alive at
once, which take turns on the same inputs. *By hand*: the framework's own convolution, which pads by itself where it has
the padding, else after its own pad; PyTorch's on memory with channels last, and *channels first*. A ratio is JAX next
to the fastest of all that PyTorch and TensorFlow have, convpad's and theirs. Outputs and gradients are compared first.
"""


def _ratio(cell: Cell) -> float:
    return cell.figures[OURS].ratio


def _milliseconds(cell: Cell, name: str) -> str:
    return f"{1e3 * cell.figures[name].seconds:.3f}" if name in cell.figures else ""


def summary(result: Results) -> str:
    """Return a line for each step and mode."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for one in result.cells:
        groups.setdefault((one.step, one.mode), []).append(one)
    lines = [
        (
            *names,
            str(len(cells)),
            f"{geometric_mean(map(_ratio, cells)):.2f}",
            f"{_ratio(worst):.2f} ({worst.row})",
            str(sum(_ratio(one) > 1.5 for one in cells)),
        )
        for names, cells in groups.items()
        for worst in [max(cells, key=_ratio)]
    ]
    heads = ("step", "mode", "rows", "geometric mean", "worst", "above 1.5")
    return f"### JAX / the fastest of PyTorch and TensorFlow\n\n{table(heads, lines)}"


def _lines(cells: Iterable[Cell], names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for one in cells:
        fastest = next(iter(one.figures))
        route = one.route.partition(" on ")[0]
        times = (_milliseconds(one, name) for name in names)
        yield one.row, one.mode, route, *times, fastest, spread(one.figures[OURS])


def page(result: Results) -> str:
    """Return every cell: the milliseconds of each candidate, and the ratio."""
    known = dict.fromkeys(name for one in result.cells for name in one.figures)
    own = [name for name in BACKENDS if name in known]
    names = [*own, *(name for framework in own for name in known if name.startswith(by_hand(framework)))]
    heads = ("row", "mode", "route on JAX", *(f"{name}, ms" for name in names), "fastest of the others", "JAX / that")
    parts = [f"# Across frameworks\n\n{HEAD}"]
    for step in dict.fromkeys(one.step for one in result.cells):
        cells = [one for one in result.cells if one.step == step]
        parts.append(f"## {step}\n\n" + table(heads, _lines(cells, names)))
    return "\n".join([*parts, summary(result)])
