"""Which of the routes that apply is the fastest? A table of what was measured, one line for each finding.

Every line names the command that shows it; its table has the rows. Where nothing was measured (another device), the
padded tensor is made, as everybody does it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from convpad.core.problem import Problem, sources
from convpad.ops.slabs import slab_share

__all__ = ["PREFERENCES", "Preference", "Route", "preferred", "sooner_padded"]


class Route(StrEnum):
    """The ways from a problem to its answer."""

    NATIVE = "native"
    """the backend's operation pads with zeros itself: nothing is copied"""
    RESCALE = "rescale"
    """`ignore`: the zero-padded operation times ``taps / taps covered``"""
    OFFSET = "offset"
    """constants: the same, and the slabs depend on no input"""
    BORDER = "border"
    """any mode: the zero-padded operation, and what thin slabs of padding add to it"""
    TAPS = "taps"
    """depthwise: a sum over the taps of what is under each, fused; the border as in `offset` and `border`"""
    PADDED = "padded"
    """materialise the padded tensor, then the operation without padding: always right"""


@dataclass(frozen=True, slots=True)
class Preference:
    """One finding: on a backend and a device, a route that is faster than what comes after it.

    Args:
        route: which.
        backend, device: where it was measured. PyTorch for a gradient is apart, "cpu, for a gradient", and TensorFlow
            out of a graph, "cpu, eagerly". JAX knows of a gradient only when it is taken, "cpu, differentiated".
        ops: for which operations; none named is every one.
        share: up to which share of the multiplications are the padding's.
        least: from how many values of the input on, for each side that is padded with more than zeros.
        finding: what was measured, in a few words.
        benchmark: the command that shows it.
    """

    route: Route
    backend: str
    device: str
    finding: str
    benchmark: str
    ops: tuple[str, ...] = ()
    share: float = 1.0
    least: int = 0

    def fits(self, problem: Problem) -> bool:
        """Whether it was measured for such problems."""
        values = prod([size or 1 for size in problem.input_shape])
        rows = zip(problem.pads, problem.modes, strict=True)
        sides = sum(
            count > 0 and (mode.copies or mode.carries_value) for row in rows for count, mode in zip(*row, strict=True)
        )
        enough = values >= self.least * sides
        few = self.share == 1.0 or slab_share(problem) <= self.share
        return (not self.ops or problem.op in self.ops) and enough and few


PREFERENCES = (
    Preference(
        Route.TAPS,
        "jax",
        "cpu",
        "XLA's own depthwise convolution takes over 10 times as long",
        "python -m benchmarks layers --backend jax",
        ops=("depthwise_conv", "separable_conv"),
    ),
    Preference(
        Route.OFFSET,
        "jax",
        "cpu",
        "what constants add at the border is computed apart",
        "python -m benchmarks layers --backend jax",
        share=0.06,
    ),
    Preference(
        Route.BORDER,
        "jax",
        "cpu",
        "few outputs meet the border, and what it adds is computed apart",
        "python -m benchmarks layers --backend jax",
        share=0.03,
    ),
    *(
        Preference(
            route,
            "jax",
            "cpu, differentiated",
            "the gradient of a padded tensor is a copy more",
            "python -m benchmarks layers --backend jax",
            ops=("conv",),
            share=share,
        )
        for route, share in ((Route.OFFSET, 0.25), (Route.BORDER, 0.12))
    ),
    *(
        Preference(
            route,
            backend,
            device,
            "what the border adds is computed sooner than a copy as large is padded",
            f"python -m benchmarks layers --backend {backend}",
            ops=("conv",),
            least=500_000,
        )
        for route in (Route.OFFSET, Route.BORDER)
        for backend, device in (("torch", "cpu"), ("torch", "cpu, for a gradient"), ("tensorflow", "cpu"))
    ),
)
"""What was found faster than the padded tensor, best first."""


def preferred(problem: Problem, backend: str, device: str, possible: Collection[Route]) -> Preference | None:
    """The first finding that fits, among routes that are possible."""
    return next(
        (
            row
            for row in PREFERENCES
            if (row.backend, row.device) == (backend, device) and row.route in possible and row.fits(problem)
        ),
        None,
    )


def sooner_padded(problem: Problem) -> bool:
    """Whether a sum over taps is sooner made of a padded tensor than mended, where nobody asks for its gradient.

    Slabs have outputs for every tap that meets them, 5 x 5 on a map of 7 x 7 half as many as the map; and a tensor that
    is padded with copies alone is one gather. The gradient of a padded tensor takes three times as long, whatever the
    window (`python -m benchmarks layers --backend jax`: the rows of depthwise convolutions).
    """
    copies = any(mode.copies for mode in problem.padded_modes)
    return problem.taps > _FEW_TAPS or (sources(problem) is not None if copies else set(problem.strides) == {1})


_FEW_TAPS = 9
