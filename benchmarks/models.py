"""Times of whole networks: zeros next to stock Keras; reflections next to zeros and to the workaround."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from benchmarks.candidates import framework_of
from benchmarks.networks import NETWORKS, repadded, worked_around
from benchmarks.results import Cell
from benchmarks.training import forward_of, training_of
from convpad.benchmark.timing import Budget, time_interleaved
from convpad.core.errors import DisagreementError

__all__ = ["BATCH", "BUDGET", "MODE", "STEPS", "TOLERANCE", "measure"]

BATCH = 4
MODE = "reflect"
STEPS = ("forward", "training")
TOLERANCE = 1e-5
"""Largest difference of an output, relative to the largest."""
BUDGET = Budget(seconds=4, min_rounds=5, patience=30)


def _difference(one: Any, other: Any) -> float:
    """Return the largest difference of two outputs, relative to the largest value."""
    one, other = (keras.ops.convert_to_numpy(out) for out in (one, other))
    return float(np.abs(one - other).max() / np.abs(other).max())


def _networks(runner: Any, network: str) -> dict[str, keras.Model]:
    stock = NETWORKS[network]()
    return {
        "stock": stock,
        "zeros": repadded(stock, "zeros"),
        MODE: repadded(stock, MODE),
        "workaround": worked_around(runner, stock, MODE),
    }


def _verify(network: str, runs: dict[str, Callable[[], Any]]) -> None:
    """Run all networks once and compare those with zeros, and those with reflections.

    Raises:
        DisagreementError: the outputs differ.
    """
    out = {name: run() for name, run in runs.items()}
    for ours, theirs in (("zeros", "stock"), (MODE, "workaround")):
        difference = _difference(out[ours], out[theirs])
        if not difference <= TOLERANCE:
            raise DisagreementError(f"{network}: {ours} is {difference:.1e} off {theirs}; allowed: {TOLERANCE:.0e}.")


def _cells(runner: Any, network: str, budget: Budget) -> Iterator[Cell]:
    models = _networks(runner, network)
    random = np.random.default_rng(0)
    shapes = [(BATCH, *tensor.shape[1:]) for tensor in (models["stock"].input, models["stock"].output)]
    x, target = (random.standard_normal(shape, dtype="float32") for shape in shapes)
    for step in STEPS:
        if step == "forward":
            runs = {name: forward_of(runner.name, model, x) for name, model in models.items()}
            _verify(network, runs)
        else:
            runs = {name: training_of(runner.name, model, x, target) for name, model in models.items()}
            for run in runs.values():
                run()
        rounds = time_interleaved(runs, budget, always=("stock", "zeros"))
        zeros, reflected = rounds.timings("stock"), rounds.timings("zeros")
        yield Cell(network, "zeros", step, "", {name: zeros[name] for name in ("stock", "zeros")})
        yield Cell(network, MODE, step, "", {name: reflected[name] for name in ("zeros", MODE, "workaround")})


def measure(
    backend: str, networks: Sequence[str], *, budget: Budget = BUDGET, on_step: Callable[[str], None]
) -> Iterator[Cell]:
    """Measure every network, a forward pass and a training step; see `layers.measure`."""
    runner = framework_of(backend)
    for network in networks:
        on_step(network)
        yield from _cells(runner, network, budget)
        keras.utils.clear_session()
        gc.collect()
