"""Mirrors in TensorFlow: the gradient of `tf.pad` next to strips, which every other test holds against the oracle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convpad
from convpad import tuning

pytestmark = pytest.mark.needs("tensorflow")

SHAPES = ((2, 5, 6, 3), (1, 1, 6, 2), (0, 5, 6, 3))
PADDINGS: tuple[Any, ...] = (1, 3, 7, ((0, 1), (2, 0)), ((0, 0), (1, 4)))


def derivatives(x: Any, padding: Any, mode: str, values: int) -> list[Any]:
    """Return the padded tensor, a gradient, and a gradient of that."""
    import tensorflow as tf

    with tuning.replace(tensorflow_mirror_values=values), tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            padded = convpad.pad(x, padding, mode)
            total = tf.reduce_sum(padded**3)
        gradient = inner.gradient(total, x)
        norm = tf.reduce_sum(gradient**2)
    return [padded, gradient, outer.gradient(norm, x)]


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_both_gradients_agree(shape: tuple[int, ...], dtype: str, mode: str) -> None:
    import tensorflow as tf

    tolerance = {"float64": 1e-12, "bfloat16": 0.05}[dtype]
    x = tf.cast(np.random.default_rng(0).normal(size=shape), dtype)
    for padding in PADDINGS:
        for ours, theirs in zip(*(derivatives(x, padding, mode, values) for values in (0, 10**9)), strict=True):
            one, other = (np.asarray(tf.cast(tensor, "float64")) for tensor in (ours, theirs))
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.abs(one).max(initial=1))


def test_one_operation_is_the_gradient_of_a_small_mirror() -> None:
    import tensorflow as tf

    def operations(*shape: int | None) -> set[str]:
        @tf.function(input_signature=[tf.TensorSpec(shape)])
        def gradient(x: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                padded = convpad.pad(x, 1, "reflect")
            return tape.gradient(padded, x)

        return {operation.type for operation in gradient.get_concrete_function().graph.get_operations()}

    assert "MirrorPadGrad" in operations(2, 8, 8, 4)
    assert "MirrorPadGrad" not in operations(2, 300, 300, 4)  # strips are faster
    assert "MirrorPadGrad" not in operations(None, 8, 8, 4)  # which may be empty
