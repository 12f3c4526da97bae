"""Output sizes of Keras's layers against the solver's, for every solution."""

from __future__ import annotations

from itertools import product

import keras
import pytest

import convpad

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")


@pytest.mark.parametrize("op", ["conv", "conv_transpose", "max_pool", "average_pool"])
def test_code_for_keras_gives_these_sizes(op: str) -> None:
    seen = 0
    for size, output, kernel, strides in product((5, 8), (3, 5, 8, 16), (2, 3), (1, 2)):
        solved = convpad.solve(size, output, kernel_size=kernel, strides=strides, op=op)
        for solution in (solution for solution in solved if max(solution.dilation_rate) == 1):
            words = solution.to_code("keras")
            if "convpad.conv" in words.code or "convpad.max" in words.code or "convpad.average" in words.code:
                continue  # a call, and not a layer
            layer = eval(words.code, {"keras": keras, "convpad": convpad, "filters": 1, "channels": 1})
            shape = layer.compute_output_shape((1, size, size, 1))
            assert (*shape[1:3],) == (output, output), words.code
            seen += 1
    assert seen > 10
