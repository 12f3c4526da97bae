"""Agreement of the candidates: wrong numbers are not timed."""

from __future__ import annotations

from typing import Any

import numpy as np

from convpad.benchmark.runners import Answers
from convpad.core.errors import DisagreementError

__all__ = ["TOLERANCE", "require_equal"]

TOLERANCE = {"float32": (1e-4, 1e-3), "bfloat16": (4e-2, 1e-1), "float32 off the CPU": (4e-3, 1e-2)}
"""Largest difference of an output, and of a gradient (a longer sum), relative to the largest value.

A GPU may multiply float32 with the ten bits of TF32, unless it is told otherwise.
"""


def _difference(array: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest expected value."""
    if array.shape != expected.shape:
        return float("inf")
    return float(np.abs(array - expected).max() / (np.abs(expected).max() or 1))


def require_equal(name: str, backward: Answers, forward: Any, expected: Answers, precision: str) -> None:
    """Compare the numbers of both steps with the expected numbers.

    Args:
        name: of the candidate, for the message.
        backward: output and gradients of the backward step.
        forward: the output of the forward step.
        expected: the right output and gradients.
        precision: one of `TOLERANCE`.

    Example:

    >>> import numpy as np
    >>> from convpad.benchmark.verify import require_equal
    >>> one = np.ones(2)
    >>> require_equal("padded", (one, one, one), one, (one, one, one), "float32")
    >>> require_equal("padded", (one, one, 2 * one), one, (one, one, one), "float32")
    Traceback (most recent call last):
    convpad.core.errors.DisagreementError: padded: the gradient of the kernel is 1.0e+00 off, relative to its \
largest value; allowed: 1e-03.

    Raises:
        DisagreementError: they differ by more than the tolerance.
    """
    allowed, allowed_gradient = TOLERANCE[precision]
    for quantity, array, reference, tolerance in zip(
        ("output", "gradient of the input", "gradient of the kernel", "output of the forward pass"),
        (*backward, forward),
        (*expected, expected[0]),
        (allowed, allowed_gradient, allowed_gradient, allowed),
        strict=True,
    ):
        difference = _difference(array, reference)
        if not difference <= tolerance:  # True for NaN too
            raise DisagreementError(
                f"{name}: the {quantity} is {difference:.1e} off, relative to its largest value; "
                f"allowed: {tolerance:.0e}."
            )
