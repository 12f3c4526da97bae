"""JAX takes the padded tensor where nobody asks for a gradient, and corrects the border where somebody does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import Case
from compare import assert_close, oracle
from frameworks import framework
from route_cases import CONSTANTS, COPIES, OTHERS, asked

import convpad

pytestmark = pytest.mark.needs("jax")

jax = framework("jax").jax

# modes, window, strides -> whether the padded tensor is taken
CASES = [
    (COPIES, (4, 5), 1, True),
    (OTHERS, (4, 5), (2, 1), True),
    (CONSTANTS, (4, 5), (1, 2), True),
    (CONSTANTS, (3, 2), 1, True),
    (CONSTANTS, (3, 2), (2, 1), False),
    (COPIES, (3, 3), 1, False),
    ("reflect", (3, 3), (1, 2), True),
    (OTHERS, (3, 2), 1, False),
]


def case(mode: Any, window: tuple[int, int], strides: Any) -> Case:
    return asked("depthwise_conv", mode, (1, 6, 9, 4), (*window, 4, 2), strides=strides)


def tensors(found: Case) -> list[Any]:
    return [jax.numpy.asarray(array, "float32") for array in found.arrays]


@pytest.mark.parametrize(("mode", "window", "strides", "padded"), CASES, ids=str)
def test_slabs_are_for_calls_that_they_make_faster(
    executors_run: list[str], mode: Any, window: Any, strides: Any, padded: bool
) -> None:
    found = case(mode, window, strides)
    plan = convpad.plan(*found.shapes, op="depthwise_conv", backend="jax", **found.options)
    assert plan.kernel == "sum of taps"
    assert plan.route == ("padded" if padded else "correction")
    assert plan.for_gradient().route == "correction"
    jax.jit(lambda *given: found.call(*given)).lower(*tensors(found))
    assert executors_run == ["Padded" if padded else "Corrected"]
    jax.clear_caches()  # JAX remembers a call that it has traced
    jax.jit(jax.grad(lambda *given: found.call(*given).sum())).lower(*tensors(found))
    assert executors_run[1:].count("Corrected") == 1


@pytest.mark.parametrize(("mode", "window", "strides", "padded"), CASES, ids=str)
def test_both_give_the_numbers_of_the_oracle(mode: Any, window: Any, strides: Any, padded: bool) -> None:
    found = case(mode, window, strides)
    want, arrays = oracle(found), tensors(found)

    def taps(*given: Any) -> Any:
        return found.call(*given)

    moved = jax.jvp(taps, tuple(arrays), tuple(arrays))
    pulled = jax.vjp(taps, *arrays)
    assert_close(np.asarray(jax.jit(taps)(*arrays)), want, "float32", str(found))
    assert_close(np.asarray(moved[0]), want, "float32", str(found))
    assert_close(np.asarray(pulled[0]), want, "float32", str(found))
    assert_close(np.asarray(jax.vmap(taps)(*(array[None] for array in arrays))[0]), want, "float32", str(found))


# Of 12 x 12 outputs the border is a ninth of the multiplications, of 6 x 6 two ninths.
DENSE = [(COPIES, 12, True), (1.5, 12, True), ("reflect", 6, False), (1.5, 6, True)]


@pytest.mark.parametrize(("mode", "size", "apart"), DENSE, ids=str)
def test_a_dense_convolution_is_corrected_for_its_gradient(
    executors_run: list[str], mode: Any, size: int, apart: bool
) -> None:
    found = asked("conv", mode, (2, size, size, 4), (3, 3, 4, 5), padding=1)
    plan = convpad.plan(*(array.shape for array in found.arrays), **found.options, backend="jax")
    assert plan.route == "padded"
    assert (plan.gradient_route is not None) is apart
    assert ("where it is differentiated" in str(plan)) is apart
    arrays, want = tensors(found), oracle(found)
    assert_close(np.asarray(jax.jit(found.call)(*arrays)), want, "float32", str(found))
    assert "Corrected" not in executors_run
    out, back = jax.vjp(found.call, *arrays)
    assert executors_run.count("Corrected") == apart
    assert_close(np.asarray(out), want, "float32", str(found))
    by_copy = jax.vjp(lambda *given: found.call(*given, route="padded"), *arrays)[1]
    for one, other in zip(back(out), by_copy(out), strict=True):
        assert_close(np.asarray(one), np.asarray(other), "float32", str(found))


def test_a_constant_that_is_a_tensor_has_its_gradient() -> None:
    found = case(CONSTANTS, (4, 5), 1)
    x, kernel = tensors(found)

    def energy(value: Any) -> Any:
        return convpad.depthwise_conv(x, kernel, padding=2, padding_mode=convpad.Constant(value)).sum()

    value = jax.numpy.asarray([0.5, 1.0, -1.0, 2.0])
    slope = np.asarray(jax.grad(energy)(value))
    for channel in range(4):
        step = np.eye(4, dtype="float32")[channel]
        assert np.isclose(energy(value + step) - energy(value), slope[channel], rtol=1e-3, atol=1e-3)
