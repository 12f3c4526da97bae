"""Gradients of the oracle, against differences and the adjoint identity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from cases import OPS, Case, cases
from hypothesis import given, settings
from hypothesis import strategies as st

from convpad import reference
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.problem import Problem, pad_problem

pytestmark = pytest.mark.needs("numpy")

STEP = 1e-6


def _slope(function: Any, at: Any, direction: Any) -> float:
    """How fast a scalar function grows along a direction, from two values beside the point."""
    return (function(at + STEP * direction) - function(at - STEP * direction)) / (2 * STEP)


def _weighed(cotangent: Any, answer: Any) -> float:
    """A scalar of the answer. The maximum of nothing is -inf, whatever the input."""
    return float(np.sum(cotangent * np.where(answer == -np.inf, 0, answer)))


def _agrees(gradient: Any, direction: Any, slope: float) -> None:
    along = float(np.sum(gradient * direction))
    scale = max(1.0, float(np.abs(gradient).max(initial=0) * np.abs(direction).sum()))
    assert abs(along - slope) <= 1e-6 * scale, f"the gradient says {along}, the difference {slope}"


def _check(problem: Problem, arrays: tuple[Any, ...], seed: int) -> None:
    """The gradients to every array and every constant are what differences show along a random direction."""
    rng = np.random.default_rng([seed, 1])  # not the numbers of the arrays
    # Every constant one random number per channel: equal ones would share a maximum, which has no slope there.
    channels = problem.input_shape[problem.channel_axis]
    values = tuple(
        tuple(rng.normal(size=channels) if mode.takes_value else None for mode in modes) for modes in problem.modes
    )
    cotangent = rng.normal(size=reference.solve(problem, values, *arrays).shape)
    computed, constants = reference.gradients(problem, values, cotangent, *arrays)
    assert len(computed) == len(arrays)
    for place, (gradient, array) in enumerate(zip(computed, arrays, strict=True)):
        assert gradient.shape == array.shape

        def weighed(changed: Any, place: int = place) -> float:
            inputs = [changed if other == place else array for other, array in enumerate(arrays)]
            return _weighed(cotangent, reference.solve(problem, values, *inputs))

        direction = rng.normal(size=array.shape)
        _agrees(gradient, direction, _slope(weighed, array, direction))
    if problem.op != "conv_transpose":  # its answer has no constants
        _check_constants(problem, values, arrays, cotangent, constants, rng)


def _check_constants(problem: Problem, values: Any, arrays: Any, cotangent: Any, constants: Any, rng: Any) -> None:
    assert len(constants) == problem.rank
    for axis, modes in enumerate(problem.modes):
        for side, mode in enumerate(modes):
            if not mode.takes_value:
                continue

            def weighed(changed: Any, axis: int = axis, side: int = side) -> float:
                sides = [list(pair) for pair in values]
                sides[axis][side] = changed
                return _weighed(cotangent, reference.solve(problem, sides, *arrays))

            direction = rng.normal(size=values[axis][side].shape)
            assert constants[axis][side].shape == direction.shape
            _agrees(constants[axis][side], direction, _slope(weighed, values[axis][side], direction))


@pytest.mark.parametrize("op", OPS)
@settings(max_examples=150)
@given(data=st.data())
def test_gradients_are_slopes(op: str, data: st.DataObject) -> None:
    case: Case = data.draw(cases(op))
    _check(case.problem(), case.arrays, data.draw(st.integers(0, 99)))


@pytest.mark.parametrize("before", [name for name in MODES if name not in ("constant", "ignore")] + [2.5])
@pytest.mark.parametrize("after", ["zeros", "reflect_odd", "circular", -1.0])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_gradients_of_padding(before: Any, after: Any, data_format: str) -> None:
    for shape, amount in (((2, 3, 4), (7, 5)), ((1, 2, 3, 2), ((1, 4), (3, 0)))):
        rank = len(shape) - 2
        mode = (before, after) if rank == 1 else ((before, after), (after, before))
        padding = Padding.parse(amount, mode, rank=rank)
        x = np.random.default_rng(0).normal(size=shape)
        x = x if data_format == "channels_last" else np.moveaxis(x, -1, 1)
        _check(pad_problem(x.shape, padding, data_format), (x,), 1)


@settings(max_examples=200)
@given(case=cases("conv_transpose"), seed=st.integers(0, 99))
def test_a_transposed_convolution_is_the_adjoint(case: Case, seed: int) -> None:
    # <conv(x), y> == <x, conv_transpose(y)>, the constants left out: they are no part of the linear map.
    transposed, (y, kernel) = case.problem(), case.arrays
    forward = replace(
        transposed, op="conv", input_shape=transposed.output_shape, output_shape=transposed.input_shape, leftovers=()
    )
    nothing = ((None, None),) * forward.rank
    x = np.random.default_rng(seed).normal(size=transposed.output_shape)
    one = np.sum(reference.solve(forward, nothing, x, kernel) * y)
    two = np.sum(x * reference.solve(transposed, case.padding().values, y, kernel))
    assert one == pytest.approx(two, rel=1e-10, abs=1e-10)


def test_every_array_and_constant_is_looked_at() -> None:
    with pytest.raises(AssertionError, match="the gradient says"):
        _agrees(np.array([1.0, 2.0]), np.array([1.0, 1.0]), 3.1)
    assert _slope(lambda x: float(np.sum(x**2)), np.array([1.0, 2.0]), np.array([1.0, 0.0])) == pytest.approx(2.0)


def test_the_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    padding = Padding.parse((2, 1), (2.5, "reflect"), rank=1)
    x = np.random.default_rng(0).normal(size=(1, 4, 2))
    problem, right = pad_problem(x.shape, padding), reference.gradients
    for wrong in (
        lambda *a: ([2 * right(*a)[0][0]], right(*a)[1]),
        lambda *a: (right(*a)[0], [(2 * first, second) for first, second in right(*a)[1]]),
    ):
        monkeypatch.setattr(reference, "gradients", wrong)
        with pytest.raises(AssertionError, match="the gradient says"):
            _check(problem, (x,), 0)
