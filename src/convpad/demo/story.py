"""The chapters of the demo: MobileNetV2 audited, folded, repadded, timed.

Each chapter holds what was found, and `wrong`: what did not come out as it must, a sentence for each.
"""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

import convpad
from convpad.benchmark.timing import Budget, Rounds, Timing, time_interleaved
from convpad.demo.networks import mobilenet, worked_around
from convpad.demo.oracle import TOLERANCE, answer, apart
from convpad.demo.photograph import Crop
from convpad.models.audit import Audit
from convpad.models.changes import Changes

__all__ = ["DEEP", "MODE", "RACERS", "STEPS", "Audited", "Chapter", "Check", "Folded", "Raced", "Repadded", "tell"]

Array = npt.NDArray[Any]

MODE = "reflect"

STOCK, ZEROS, OURS, WORKAROUND = RACERS = (
    "Keras, zeros",
    "convpad, zeros",
    f"convpad, {MODE}",
    f"workaround, {MODE}",
)
"""Who is timed."""

BUDGET = Budget(seconds=3.0, patience=12.0)

STEPS = 9
"""What `tell` says begins."""


DEEP = 5e-5
"""Largest difference of a whole network from the oracle: float32 rounds in each of MobileNetV2's layers, float64 does
not. Measured: 1e-5 at most, where the last maps are one value, and a mirror repeats it."""


@dataclass(frozen=True, slots=True)
class Check:
    """Two that must give the same.

    Args:
        one, other: what they are called.
        difference: the largest, relative to the largest output.
        allowed: how large it may be.
    """

    one: str
    other: str
    difference: float
    allowed: float = TOLERANCE

    @property
    def sentence(self) -> str:
        """What was found."""
        return f"{self.one} is {self.difference:.0e} off {self.other} (allowed: {self.allowed:.0e})"

    @property
    def wrong(self) -> tuple[str, ...]:
        """A sentence if they do not."""
        agree = self.difference <= self.allowed  # False for what is no number, too
        return () if agree else (f"Not equal: {self.sentence}.",)


@dataclass(frozen=True, slots=True)
class Audited:
    """Chapter 1: what the model pads."""

    audit: Audit

    @property
    def wrong(self) -> tuple[str, ...]:
        """Nothing was computed."""
        return ()


@dataclass(frozen=True, slots=True)
class Folded:
    """Chapter 2: its padding layers melted, and its output next to the original's."""

    changes: Changes
    check: Check

    @property
    def wrong(self) -> tuple[str, ...]:
        """A sentence if the output is another, or a padding layer is left."""
        return (*self.check.wrong, *(f"convpad.fold left {pad} as it was." for pad in self.changes.layers("left")))


@dataclass(frozen=True, slots=True)
class Repadded:
    """Chapter 3: every layer with another mode.

    Args:
        mode: which.
        changes: what was done to which layer.
        check: the output next to the oracle's.
        from_zeros: how far the output is from that of the original, which pads with zeros.
    """

    mode: str
    changes: Changes
    check: Check
    from_zeros: float

    @property
    def wrong(self) -> tuple[str, ...]:
        """A sentence if the oracle gives something else."""
        return self.check.wrong


@dataclass(frozen=True, slots=True)
class Raced:
    """Chapter 4: a forward pass of each of `RACERS`.

    Args:
        backend: Keras's.
        shape: of the input.
        rounds: what everyone took.
        checks: that those which ought to, give the same.
    """

    backend: str
    shape: tuple[int, ...]
    rounds: Rounds
    checks: tuple[Check, ...]

    @property
    def timings(self) -> dict[str, Timing]:
        """Everyone's time next to Keras's own with zeros."""
        return self.rounds.timings(STOCK)

    @property
    def faster(self) -> Timing:
        """The workaround's time next to convpad's."""
        return self.rounds.timings(OURS)[WORKAROUND]

    @property
    def wrong(self) -> tuple[str, ...]:
        """A sentence for each pair that does not give the same."""
        return tuple(sentence for check in self.checks for sentence in check.wrong)


Chapter = Audited | Folded | Repadded | Raced


def _images(crop: Crop) -> Array:
    """The crop and its mirror images, as MobileNetV2 reads them: `(4, size, size, 3)` from -1 to 1."""
    image: Any = keras.applications.mobilenet_v2.preprocess_input(crop.grown(0).copy())
    return np.stack([image, image[:, ::-1], image[::-1], image[::-1, ::-1]])


def tell(crop: Crop, on_step: Callable[[str], None]) -> Iterator[Chapter]:
    """The four chapters, each as soon as it is known.

    Args:
        crop: what MobileNetV2 reads.
        on_step: told what begins, `STEPS` times.
    """
    on_step("Keras builds MobileNetV2")
    stock, x = mobilenet(crop.size), _images(crop)
    on_step("audit")
    yield Audited(convpad.audit(stock))

    reports: list[Changes] = []
    on_step("MobileNetV2 as it is")
    outputs = {STOCK: stock.predict_on_batch(x)}
    on_step("fold")
    folded = convpad.fold(stock, report=reports.append)
    yield Folded(reports[-1], Check("the output", "the original's", apart(folded.predict_on_batch(x), outputs[STOCK])))

    on_step(f"repad with {MODE}")
    reflecting = convpad.repad(folded, MODE, report=reports.append)
    outputs[OURS] = reflecting.predict_on_batch(x)
    on_step("the oracle: the whole network in NumPy")
    check = Check("the output", "the NumPy oracle's", apart(outputs[OURS], answer(reflecting, x)), DEEP)
    yield Repadded(MODE, reports[-1], check, apart(outputs[OURS], outputs[STOCK]))

    models = {STOCK: stock, ZEROS: convpad.repad(folded), OURS: reflecting, WORKAROUND: worked_around(reflecting)}
    for name in (ZEROS, WORKAROUND):
        on_step(f"to be timed: {name}")
        outputs[name] = models[name].predict_on_batch(x)
    pairs = ((ZEROS, STOCK), (OURS, WORKAROUND))
    checks = tuple(Check(one, other, apart(outputs[one], outputs[other])) for one, other in pairs)
    on_step("forward passes, in turn")
    rounds = time_interleaved({name: _pass(model, x) for name, model in models.items()}, BUDGET, always=RACERS)
    yield Raced(keras.config.backend(), x.shape, rounds, checks)


def _pass(model: Any, x: Array) -> Callable[[], Any]:
    return lambda: model.predict_on_batch(x)
