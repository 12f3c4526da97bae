"""Does JAX take the padded tensor where nobody asks for a gradient, and slabs where somebody does?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from cases import Case
from compare import assert_close, oracle
from frameworks import framework
from route_cases import CONSTANTS, COPIES, OTHERS, asked

import convpad
from convpad.ops import border, dispatch
from convpad.ops.choice import sooner_padded

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


@pytest.fixture
def mendings(monkeypatch: Any) -> Iterator[list[str]]:
    """Grows by one whenever a border is mended."""
    found: list[str] = []
    prepared = border._mended

    def watched(*given: Any) -> Any:
        mended = prepared(*given)
        return lambda *arrays: found.append("mended") or mended(*arrays)

    monkeypatch.setattr(border, "_mended", watched)
    dispatch._remembered.cache_clear()
    yield found
    dispatch._remembered.cache_clear()


@pytest.mark.parametrize(("mode", "window", "strides", "padded"), CASES, ids=str)
def test_slabs_are_for_whom_they_are_sooner(
    mendings: list[str], mode: Any, window: Any, strides: Any, padded: bool
) -> None:
    found = case(mode, window, strides)
    assert sooner_padded(found.problem()) is padded

    def taps(*given: Any) -> Any:
        return found.call(*given, route="taps")

    jax.jit(taps).lower(*tensors(found))
    assert mendings == ([] if padded else ["mended"])
    jax.jit(jax.grad(lambda *given: taps(*given).sum())).lower(*tensors(found))
    assert mendings == ["mended"] * (1 if padded else 2)


@pytest.mark.parametrize(("mode", "window", "strides", "padded"), CASES, ids=str)
def test_both_give_the_numbers_of_the_oracle(mode: Any, window: Any, strides: Any, padded: bool) -> None:
    found = case(mode, window, strides)
    want, arrays = oracle(found), tensors(found)

    def taps(*given: Any) -> Any:
        return found.call(*given, route="taps")

    moved = jax.jvp(taps, tuple(arrays), tuple(arrays))
    pulled = jax.vjp(taps, *arrays)
    assert_close(np.asarray(jax.jit(taps)(*arrays)), want, "float32", str(found))
    assert_close(np.asarray(moved[0]), want, "float32", str(found))
    assert_close(np.asarray(pulled[0]), want, "float32", str(found))
    assert_close(np.asarray(jax.vmap(taps)(*(array[None] for array in arrays))[0]), want, "float32", str(found))


# Of 12 x 12 outputs the border is a ninth of the multiplications, of 6 x 6 two ninths.
DENSE = [(COPIES, 12, True), (1.5, 12, True), ("reflect", 6, False), (1.5, 6, True)]


@pytest.mark.parametrize(("mode", "size", "apart"), DENSE, ids=str)
def test_a_dense_convolution_is_mended_for_its_gradient(mendings: list[str], mode: Any, size: int, apart: bool) -> None:
    found = asked("conv", mode, (2, size, size, 4), (3, 3, 4, 5), padding=1)
    plan = convpad.plan(*(array.shape for array in found.arrays), **found.options, backend="jax")
    assert plan.route == "padded"
    assert (plan.differentiated is not None) is apart
    assert ("where it is differentiated" in str(plan)) is apart
    arrays, want = tensors(found), oracle(found)
    assert_close(np.asarray(jax.jit(found.call)(*arrays)), want, "float32", str(found))
    assert mendings == []
    out, back = jax.vjp(found.call, *arrays)
    assert mendings == ["mended"] * apart
    assert_close(np.asarray(out), want, "float32", str(found))
    by_copy = jax.vjp(lambda *given: found.call(*given, route="padded"), *arrays)[1]
    for one, other in zip(back(out), by_copy(out), strict=True):
        assert_close(np.asarray(one), np.asarray(other), "float32", str(found))


def test_a_constant_that_is_a_tensor_has_its_gradient() -> None:
    found = case(CONSTANTS, (4, 5), 1)
    x, kernel = tensors(found)

    def energy(value: Any) -> Any:
        return convpad.depthwise_conv(x, kernel, padding=2, padding_mode=convpad.Constant(value), route="taps").sum()

    value = jax.numpy.asarray([0.5, 1.0, -1.0, 2.0])
    slope = np.asarray(jax.grad(energy)(value))
    for channel in range(4):
        step = np.eye(4, dtype="float32")[channel]
        assert np.isclose(energy(value + step) - energy(value), slope[channel], rtol=1e-3, atol=1e-3)
