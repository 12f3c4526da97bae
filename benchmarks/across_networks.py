"""Whole networks on JAX through convpad, next to stock Keras on every backend: a process for each, which take turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.across import OURS, cell, prepare
from benchmarks.candidates import BACKENDS
from benchmarks.markdown import spread, table
from benchmarks.results import Cell, Results
from benchmarks.turns import time_turns
from benchmarks.worker import Bench, Worker
from convpad.benchmark.candidates import relative_difference
from convpad.benchmark.timing import Budget
from convpad.core.errors import DisagreementError

__all__ = ["BUDGET", "NETWORKS", "measure", "summary", "verify"]

Array = npt.NDArray[Any]

NETWORKS = ("MobileNetV2", "EfficientNetB0", "ResNet50", "ResNeXt50")
STEPS = ("forward", "training")
BATCH = 4
BUDGET = Budget(seconds=4, min_rounds=4, max_rounds=15, patience=10)
TOLERANCE = 1e-3
"""Largest difference of an output, relative to the largest: fifty layers, each summed in an order of its own."""


def stock(backend: str) -> str:
    """Return the name of stock Keras on a backend."""
    return f"stock on {backend}"


class Networks(Bench):
    """Stock Keras; on JAX its twin of convpad's layers, too, padded with zeros."""

    def __init__(self, backend: str) -> None:
        """Import Keras."""
        import keras

        super().__init__(backend)
        keras.utils.set_random_seed(0)
        self.runs: dict[tuple[str, str], Callable[[], Any]] = {}

    def prepare(self, case: str) -> dict[str, Array]:
        """Compile a network of `networks`, both steps; return what each candidate computes."""
        import gc

        import keras

        from benchmarks.networks import GROUPED, NETWORKS, repadded
        from benchmarks.training import forward_of, training_of

        self.runs.clear()
        keras.utils.clear_session()
        gc.collect()
        model = (NETWORKS | GROUPED)[case]()
        set_weights(model)
        models = {stock(self.backend): model}
        if self.backend == OURS:
            models[OURS] = repadded(model, "zeros")
        random = np.random.default_rng(0)
        shapes = [(BATCH, *tensor.shape[1:]) for tensor in (model.input, model.output)]
        x, target = (random.standard_normal(shape, dtype="float32") for shape in shapes)
        outputs: dict[str, Array] = {}
        for name, each in models.items():
            self.runs[name, "forward"] = forward_of(self.backend, each, x)
            outputs[name] = keras.ops.convert_to_numpy(self.runs[name, "forward"]())
            self.runs[name, "training"] = training_of(self.backend, each, x, target)
            self.runs[name, "training"]()
        return outputs

    def function(self, name: str, step: str) -> Callable[[], Any]:
        """Return a step of a network."""
        return self.runs[name, step]


def set_weights(model: Any) -> None:
    """Give a network the weights that it has in every process: random kernels that keep the variance, no biases."""
    random = np.random.default_rng(1)
    for weight in model.trainable_weights:
        if len(weight.shape) > 1:
            fan_in = np.prod(weight.shape[:-1]) if weight.shape[-1] > 1 else np.prod(weight.shape[:-2])
            weight.assign(random.standard_normal(weight.shape, dtype="float32") * float(fan_in) ** -0.5)


def verify(network: str, outputs: Mapping[str, Array]) -> None:
    """Compare the outputs of all processes with those of the first.

    Raises:
        DisagreementError: they differ.
    """
    (base, expected), *others = outputs.items()
    for name, output in others:
        difference = relative_difference(output, expected)
        if not difference <= TOLERANCE:  # True for NaN too
            raise DisagreementError(
                f"{network}: {name} is {difference:.1e} off {base}, relative to the largest output; allowed: "
                f"{TOLERANCE:.0e}."
            )


def measure(
    networks: Sequence[str],
    *,
    budget: Budget = BUDGET,
    frameworks: Sequence[str] = BACKENDS,
    make: Callable[[str], Bench] = Networks,
    on_step: Callable[[str], None],
) -> Iterator[Cell]:
    """Measure every network, a forward pass and a training step, as `across.measure` does layers."""
    with ExitStack() as stack:
        workers = {name: stack.enter_context(closing(Worker(name, make))) for name in frameworks}
        for network in networks:
            on_step(network)
            outputs = prepare(workers, network)
            verify(network, {name: out for each in outputs.values() for name, out in each.items()})
            for step in STEPS:
                turns = {
                    name: partial(workers[framework].ask, "turn", name, step)
                    for framework, own in outputs.items()
                    for name in own
                }
                yield cell(network, "zeros", step, "", time_turns(turns, budget))


# The report.

HEAD = f"""\
A batch of {BATCH} at 224 x 224, a forward pass and a step of training: Keras's network with convpad's layers on JAX,
and stock Keras on JAX (`jax.jit`), PyTorch (eager) and TensorFlow (`tf.function`), a process for each, taking turns.
Keras has no ResNeXt-50: it is built of its layers. A ratio is convpad on JAX next to the fastest of the others.
"""


def summary(result: Results) -> str:
    """Return every cell: the milliseconds of each candidate, and the ratio."""
    names = [OURS, *(stock(name) for name in BACKENDS)]
    rows = [
        (
            one.row,
            one.step,
            *(f"{1e3 * one.figures[name].seconds:.0f}" if name in one.figures else "" for name in names),
            next(iter(one.figures)),
            spread(one.figures[OURS]),
        )
        for one in result.cells
    ]
    heads = ("network", "step", "convpad on jax, ms", *(f"{name}, ms" for name in names[1:]), "fastest of the others")
    return table((*heads, "convpad / that"), rows)
