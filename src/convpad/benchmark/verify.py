"""Do all who are timed compute the same? Wrong numbers are not timed."""

from __future__ import annotations

from typing import Any

import numpy as np

from convpad.benchmark.runners import Engine, Steps

__all__ = ["TOLERANCE", "Answers", "DisagreementError", "agree", "answers"]

TOLERANCE = {"float32": (1e-4, 1e-3), "bfloat16": (4e-2, 1e-1), "float32 off the CPU": (4e-3, 1e-2)}
"""Largest difference of an output, and of a gradient (a longer sum), relative to the largest value.

A GPU may multiply float32 with the ten bits of TF32, unless it is told otherwise.
"""

Answers = tuple[Any, Any, Any]
"""Output, gradient of the input, gradient of the kernel: arrays, channels last, kernels as Keras has them."""


class DisagreementError(Exception):
    """Someone who is to be timed computes something else than the others."""


def difference(found: Any, wanted: Any) -> float:
    """The largest, relative to the largest value."""
    if found.shape != wanted.shape:
        return float("inf")
    return float(np.abs(found - wanted).max() / (np.abs(wanted).max() or 1))


def answers(engine: Engine, steps: Steps) -> Answers:
    """Runs forward and backward once, as arrays."""
    out, input_gradient, kernel_gradient = map(engine.array, steps.backward())
    return out, input_gradient, kernel_gradient


def agree(who: str, backward: Answers, forward: Any, wanted: Answers, precision: str) -> None:
    """Holds answers against those that are right, and the output of the forward pass alone against theirs.

    Args:
        who: for the refusal.
        backward: output and gradients.
        forward: the output of the forward pass alone.
        wanted: what is right.
        precision: one of `TOLERANCE`.

    Example:

    >>> import numpy as np
    >>> from convpad.benchmark.verify import agree
    >>> one = np.ones(2)
    >>> agree("padded", (one, one, one), one, (one, one, one), "float32")
    >>> agree("padded", (one, one, 2 * one), one, (one, one, one), "float32")
    Traceback (most recent call last):
    convpad.benchmark.verify.DisagreementError: padded: the gradient of the kernel is 1.0e+00 off, relative to its \
largest value; allowed: 1e-03.

    Raises:
        DisagreementError: they are apart.
    """
    allowed, allowed_gradient = TOLERANCE[precision]
    for what, one, other, most in zip(
        ("output", "gradient of the input", "gradient of the kernel", "output of the forward pass"),
        (*backward, forward),
        (*wanted, wanted[0]),
        (allowed, allowed_gradient, allowed_gradient, allowed),
        strict=True,
    ):
        off = difference(one, other)
        if not off <= most:
            raise DisagreementError(
                f"{who}: the {what} is {off:.1e} off, relative to its largest value; allowed: {most:.0e}."
            )
