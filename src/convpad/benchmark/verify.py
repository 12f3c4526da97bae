"""Agreement of the candidates: wrong numbers are not timed."""

from __future__ import annotations

from typing import Any

import numpy as np

from convpad.benchmark.runners import Answers
from convpad.core.errors import DisagreementError

TOLERANCE = {"float32": (1e-4, 1e-3), "bfloat16": (4e-2, 1e-1), "float32 off the CPU": (4e-3, 1e-2)}
"""Largest difference of an output, and of a gradient (a longer sum), relative to the largest value.

A GPU may multiply float32 with the ten bits of TF32, unless it is told otherwise.
"""


def relative_difference(array: Any, expected: Any) -> float:
    """Return the largest difference, relative to the largest expected value; infinity where the shapes differ."""
    if array.shape != expected.shape:
        return float("inf")
    return float(np.abs(array - expected).max() / (np.abs(expected).max() or 1))


def require_equal(name: str, backward: Answers, forward: Any, expected: Answers, precision: str) -> None:
    """Compare the arrays of a candidate's backward step, and the output of its forward step, with the expected arrays.

    Raises:
        DisagreementError: they differ by more than the `TOLERANCE` of the precision.
    """
    allowed, allowed_gradient = TOLERANCE[precision]
    output, input_gradient, kernel_gradient = backward
    expected_output, expected_input_gradient, expected_kernel_gradient = expected
    for quantity, array, expected_array, tolerance in (
        ("output", output, expected_output, allowed),
        ("gradient of the input", input_gradient, expected_input_gradient, allowed_gradient),
        ("gradient of the kernel", kernel_gradient, expected_kernel_gradient, allowed_gradient),
        ("output of the forward pass", forward, expected_output, allowed),
    ):
        difference = relative_difference(array, expected_array)
        if not difference <= tolerance:  # True for NaN too
            raise DisagreementError(
                f"{name}: the {quantity} is {difference:.1e} off, relative to its largest value; "
                f"allowed: {tolerance:.0e}."
            )
