"""The chapters of the demo: MobileNetV2 audited, folded, repadded and timed; ResNet-50's first layers at the border."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

import convpad
from convpad.benchmark.candidates import relative_difference
from convpad.benchmark.timing import Budget, Rounds, time_interleaved
from convpad.changes import Changes
from convpad.demo.border import Outcome
from convpad.demo.networks import TOLERANCE, mobilenet, oracle_output, worked_around
from convpad.demo.picture import Crop
from convpad.display.format import format_seconds, format_sizes
from convpad.display.table import Cell, Table
from convpad.models.audit import Audit

MODE = "reflect"
STOCK, ZEROS, OURS, WORKAROUND = MODELS = ("Keras, zeros", "convpad, zeros", f"convpad, {MODE}", f"workaround, {MODE}")
"""The timed models."""
BUDGET = Budget(seconds=3.0, patience=12.0)
DEEP = 5e-5
"""Largest difference of a whole network from the oracle: float32 rounds in each of MobileNetV2's layers, float64 does
not. Measured: 1e-5 at most, where the last maps are one value, and a mirror repeats it."""


@dataclass(frozen=True, slots=True)
class Check:
    """The largest difference of an output from the expected one, relative to the largest expected value."""

    output: str
    expected: str
    difference: float
    allowed: float = TOLERANCE

    @property
    def sentence(self) -> str:
        """The difference in words."""
        return f"{self.output} is {self.difference:.0e} off {self.expected} (allowed: {self.allowed:.0e})"

    @property
    def wrong(self) -> tuple[str, ...]:
        """A sentence if the outputs differ."""
        agree = self.difference <= self.allowed  # False for NaN, too
        return () if agree else (f"Not equal: {self.sentence}.",)

    def to_dict(self) -> dict[str, float]:
        """Return the numbers."""
        return {"difference": self.difference, "allowed": self.allowed}


@dataclass(frozen=True, slots=True)
class Chapter:
    """One chapter of the demo.

    Args:
        table: the chapter for people; the picture shows its last line, too.
        facts: the chapter for programs: times in seconds, differences relative to the largest output.
        wrong: a sentence for each result that is not as it must be.
    """

    table: Table
    facts: dict[str, Any]
    wrong: tuple[str, ...] = ()


def network_chapters(crop: Crop, on_step: Callable[[str], None], budget: Budget = BUDGET) -> Iterator[Chapter]:
    """Yield the chapters on MobileNetV2, which reads the crop and its mirror images, each as soon as it is known."""
    changes: list[Changes] = []
    on_step("Keras builds MobileNetV2")
    stock = mobilenet(crop.size)
    image: Any = keras.applications.mobilenet_v2.preprocess_input(crop.grown(0).copy())
    x = np.stack([image, image[:, ::-1], image[::-1], image[::-1, ::-1]])
    on_step("audit")
    yield _audited(convpad.audit(stock))

    on_step("fold")
    folded = convpad.fold(stock, report=changes.append)
    outputs = {STOCK: stock.predict_on_batch(x)}
    difference = relative_difference(folded.predict_on_batch(x), outputs[STOCK])
    yield folded_chapter(changes[-1], Check("the output", "the original's", difference))

    on_step(f"repad with {MODE}")
    ours = convpad.repad(folded, MODE, report=changes.append)
    outputs[OURS] = ours.predict_on_batch(x)
    on_step("the oracle: the whole network in NumPy")
    check = Check("the output", "the NumPy oracle's", relative_difference(outputs[OURS], oracle_output(ours, x)), DEEP)
    yield repadded_chapter(changes[-1], check, relative_difference(outputs[OURS], outputs[STOCK]))

    models = {STOCK: stock, ZEROS: convpad.repad(folded), OURS: ours, WORKAROUND: worked_around(ours)}
    for name in (ZEROS, WORKAROUND):
        on_step(f"to be timed: {name}")
        outputs[name] = models[name].predict_on_batch(x)
    pairs = ((ZEROS, STOCK), (OURS, WORKAROUND))
    checks = [Check(name, other, relative_difference(outputs[name], outputs[other])) for name, other in pairs]
    on_step("forward passes, in turn")
    passes = {name: lambda model=model: model.predict_on_batch(x) for name, model in models.items()}
    yield timed_chapter(x.shape, time_interleaved(passes, budget, always=MODELS), checks)


def _audited(audit: Audit) -> Chapter:
    """Return the chapter on an audit: its first rows, enough to see one of each kind."""
    table = audit.to_table()
    size = format_sizes(audit.rows[0].window.input)
    title = f"1  convpad.audit(model)  What does MobileNetV2 pad, on images of {size}?"
    lines = (f"and {len(table.rows) - 4} more.", audit.summary)
    return Chapter(replace(table, title=title, rows=table.rows[:4], lines=lines, legend=()), {"audit": audit.to_dict()})


def folded_chapter(changes: Changes, check: Check) -> Chapter:
    """Return the chapter on `convpad.fold`; the check is that of the output next to the original's."""
    folded = changes.layers("folded")
    title = f"2  convpad.fold(model)  {len(folded)} padding layers folded into what follows them."
    details = ", ".join(f"{row.layer} {row.detail}" for row in changes.rows if row.done == "folded")
    lines = (f"{details}.", "Off: the largest difference / the largest output.", f"Folded, {check.sentence}.")
    unfolded = tuple(f"convpad.fold left {layer} as it was." for layer in changes.layers("left"))
    facts = {"folded": folded, "from_original": check.to_dict()}
    return Chapter(Table(title, lines=lines), {"fold": facts}, check.wrong + unfolded)


def repadded_chapter(changes: Changes, check: Check, from_zeros: float) -> Chapter:
    """Return the chapter on `convpad.repad`; the check is that of the output next to the oracle's."""
    replaced = changes.layers("replaced")
    title = f'3  convpad.repad(folded, "{MODE}")  {len(replaced)} layers exchanged, the same weights.'
    line = f"Padded with {MODE}, {check.sentence}, and {from_zeros:.2f} off what zeros give."
    facts = {"mode": MODE, "replaced": replaced, "from_oracle": check.to_dict(), "from_zeros": from_zeros}
    return Chapter(Table(title, lines=(line,)), {"repad": facts}, check.wrong)


def timed_chapter(shape: tuple[int, ...], rounds: Rounds, checks: Sequence[Check]) -> Chapter:
    """Return the chapter on the forward passes of `MODELS` for an input of a shape."""
    timings, workaround = rounds.timings(STOCK), rounds.timings(OURS)[WORKAROUND]
    rows = tuple(
        (name, format_seconds(timing.seconds), f"{timing.ratio:.2f}", f"{timing.low:.2f} to {timing.high:.2f}")
        for name, timing in timings.items()
    )
    lines = (
        "ratio: next to the first, in rounds in which each runs once. workaround: a Padding2D layer, then Keras's own "
        f"with `valid`. Those with the same mode are at most {max(check.difference for check in checks):.0e} off each "
        "other.",
        f"With {MODE}, convpad is {workaround.ratio:.1f} times as fast as the workaround "
        f"({workaround.low:.1f} to {workaround.high:.1f}).",
    )
    backend = keras.config.backend()
    subject = f"{shape[0]} images of {format_sizes(shape[1:-1])}, Keras on {backend}, {len(rounds.seconds)} rounds"
    headings = ("forward pass", "median", "ratio", "quartiles")
    table = Table(f"4  How fast?  {subject}.", headings, rows, lines, numeric=headings[1:3])
    figures = {name: asdict(timing) for name, timing in timings.items()}
    facts = {"backend": backend, "input_shape": shape, "forward": figures}
    wrong = tuple(sentence for check in checks for sentence in check.wrong)
    return Chapter(table, {"speed": facts}, wrong)


def border_chapter(outcomes: Sequence[Outcome], path: Path) -> Chapter:
    """Return the chapter on the paddings in ResNet-50's first layers, with the path of the picture."""
    best = min(outcomes, key=lambda outcome: outcome.artefact)
    different = [outcome for outcome in outcomes if not outcome.from_oracle <= TOLERANCE]
    rows = [
        (
            outcome.padding_mode,
            " ".join(f"{before},{after}" for before, after in outcome.amounts),
            format_sizes(outcome.output_shape[1:]),
            ", ".join(dict.fromkeys(outcome.routes)),
            Cell(f"{outcome.from_oracle:.0e}", "bad" if outcome in different else ""),
            Cell(f"{outcome.artefact:.2f}", "good" if outcome is best else ""),
        )
        for outcome in outcomes
    ]
    lines = (
        "padded      before,after on each axis: of the 7x7 convolution, the 3x3 pool, the 3x3 convolution; with "
        '"half", in the last row with "same"',
        f"off oracle  as above; allowed: {TOLERANCE:.0e}",
        "artefact    mean |output - truth|, zeros being 1; the truth is what the same layers give where the photograph "
        "goes on",
        "",
        f"On this photograph {best.padding_mode} leaves least: {best.artefact:.2f} of what zeros leave.",
    )
    title = "5  At the border  A photograph in ResNet-50's first layers, next to the truth."
    headings = ("padding_mode", "padded", "output", "route", "off\noracle", "artefact")
    shown = ("padding", "padding_mode", "amounts", "output_shape", "routes", "from_oracle", "artefact")
    facts = [{name: getattr(outcome, name) for name in shown} for outcome in outcomes]
    return Chapter(
        Table(title, headings, tuple(rows), lines, numeric=headings[-2:]),
        {"border": facts, "picture": str(path)},
        tuple(f"Not equal to the oracle: {outcome.padding_mode}." for outcome in different),
    )
