"""Which of the routes that apply is the fastest? A table of what was measured, one line for each finding.

Every line names the command that shows it; its table has the rows. Where nothing was measured (another device), the
padded tensor is made, as everybody does it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from convpad.ops.bands import border_share
from convpad.problem import Problem

__all__ = ["PREFERENCES", "Preference", "Route", "preferred"]


class Route(StrEnum):
    """The ways from a problem to its answer."""

    NATIVE = "native"
    """the backend's operation pads with zeros itself: nothing is copied"""
    RESCALE = "rescale"
    """`ignore`: the zero-padded operation times ``taps / taps covered``"""
    OFFSET = "offset"
    """constants: the zero-padded operation, and at the border what they add to it"""
    BORDER = "border"
    """any mode: the zero-padded operation, and the outputs at the border again, from thin padded strips"""
    TAPS = "taps"
    """depthwise: a sum over the taps of what is under each, fused; the border as in `offset` and `border`"""
    PADDED = "padded"
    """materialise the padded tensor, then the operation without padding: always right"""


@dataclass(frozen=True, slots=True)
class Preference:
    """One finding: on a backend and a device, a route that is faster than what comes after it.

    Args:
        route: which.
        backend, device: where it was measured. PyTorch for a gradient is apart: "cpu, for a gradient".
        op: for which operation; None is every one.
        share: up to which share of the outputs at the border.
        least: from how many values of the input on.
        finding: what was measured, in a few words.
        benchmark: the command that shows it.
    """

    route: Route
    backend: str
    device: str
    finding: str
    benchmark: str
    op: str | None = None
    share: float = 1.0
    least: int = 0

    def fits(self, problem: Problem) -> bool:
        """Whether it was measured for such problems."""
        enough = prod([size or 1 for size in problem.input_shape]) >= self.least
        few = self.share == 1.0 or border_share(problem) <= self.share
        return self.op in (None, problem.op) and enough and few


PREFERENCES = (
    Preference(
        Route.TAPS,
        "jax",
        "cpu",
        "XLA's own depthwise convolution takes over 10 times as long",
        "python -m benchmarks layers --backend jax",
        op="depthwise_conv",
    ),
    Preference(
        Route.TAPS,
        "jax",
        "cpu",
        "XLA's own depthwise convolution takes over 10 times as long",
        "python -m benchmarks layers --backend jax",
        op="separable_conv",
    ),
    Preference(
        Route.OFFSET,
        "jax",
        "cpu",
        "constants are added at the border alone",
        "python -m benchmarks layers --backend jax",
    ),
    Preference(
        Route.BORDER,
        "jax",
        "cpu",
        "few outputs meet the border, and only they are computed again",
        "python -m benchmarks layers --backend jax",
        share=0.08,
    ),
    Preference(
        Route.OFFSET,
        "torch",
        "cpu",
        "from 6 MB on, constants are added at the border sooner than a padded copy is made",
        "python -m benchmarks layers --backend torch",
        op="conv",
        least=1_500_000,
    ),
    Preference(
        Route.BORDER,
        "torch",
        "cpu",
        "from 6 MB on, outputs at the border are computed again sooner than a padded copy is made",
        "python -m benchmarks layers --backend torch",
        op="conv",
        least=1_500_000,
    ),
    Preference(
        Route.OFFSET,
        "tensorflow",
        "cpu",
        "from 8 MB on, constants are added at the border sooner than a padded copy is made",
        "python -m benchmarks layers --backend tensorflow",
        op="conv",
        least=2_000_000,
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
