"""The tests' own helpers: each is given a wrong answer, and must say so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import OPS, Case, cases
from compare import TOLERANCE, assert_close, assert_forward, assert_gradients, oracle
from frameworks import CHOSEN, ENGINES, framework
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

CASE = Case(
    "conv",
    (np.arange(10.0).reshape(1, 5, 2), np.ones((3, 2, 1))),
    {"padding": "same", "padding_mode": "reflect"},
)


class Wrong(Case):
    """A case whose function answers a little too much, at one place."""

    def call(self, *arrays: Any, **changed: Any) -> Any:
        out = super().call(*arrays, **changed)
        return out + 1e-6 * arrays[0][:, :1, :1] * out


@pytest.mark.parametrize(
    ("got", "want"),
    [
        ([1.0, 2.0], [1.0, 2.0 + 1e-9]),
        ([1.0, 2.0], [[1.0, 2.0]]),
        ([1.0, np.nan], [1.0, 2.0]),
        ([1.0, np.inf], [1.0, -np.inf]),
        ([1.0], [1.0, 2.0]),
    ],
    ids=["value", "rank", "nan", "sign of infinity", "length"],
)
def test_unequal_answers_are_told(got: Any, want: Any) -> None:
    with pytest.raises(AssertionError):
        assert_close(got, want)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_tolerance_is_one_of_the_answers_scale(dtype: str) -> None:
    assert_close([1000.0], [1000.0 * (1 + TOLERANCE[dtype] / 2)], dtype)
    with pytest.raises(AssertionError):
        assert_close([1000.0], [1000.0 * (1 + TOLERANCE[dtype] * 2)], dtype)


@pytest.mark.parametrize("name", CHOSEN)
def test_a_wrong_answer_fails_the_comparison_with_the_oracle(name: str) -> None:
    assert_forward(name, CASE)
    with pytest.raises(AssertionError, match="differs by"):
        assert_forward(name, Wrong(CASE.op, (CASE.arrays[0] + 1, CASE.arrays[1]), CASE.options))


@pytest.mark.parametrize("name", ENGINES)
def test_a_wrong_gradient_fails_the_comparison_with_the_oracle(name: str) -> None:
    assert_gradients(name, CASE)
    with pytest.raises(AssertionError, match="gradient"):
        assert_gradients(name, Wrong(CASE.op, (CASE.arrays[0] + 1, CASE.arrays[1]), CASE.options))


def test_another_mode_is_another_answer() -> None:
    """The oracle itself is not blind to what is asked."""
    changed = Case(CASE.op, CASE.arrays, {**CASE.options, "padding_mode": "circular"})
    with pytest.raises(AssertionError):
        assert_close(oracle(changed), oracle(CASE))


@pytest.mark.parametrize("name", CHOSEN)
def test_arrays_survive_the_way_in_and_out_of_a_framework(name: str) -> None:
    array = np.random.default_rng(0).normal(size=(2, 3))[:, ::-1]
    np.testing.assert_array_equal(framework(name).numpy(framework(name).tensor(array)), array)


QUICK = settings(max_examples=500, derandomize=True, database=None, phases=[Phase.generate])

NASTY = {
    "an uneven amount": lambda case: any(w.before != w.after for w in case.problem().windows),
    "an amount beyond the axis": lambda case: any((w.before or 0) > (w.size or 0) for w in case.problem().windows),
    "an even kernel": lambda case: any(w.kernel % 2 == 0 for w in case.problem().windows),
    "an axis of length 1": lambda case: any(w.size == 1 for w in case.problem().windows),
    "a stride beyond the window": lambda case: any(w.stride > w.span for w in case.problem().windows),
    "unlike sides": lambda case: any(before != after for before, after in case.problem().modes),
    "three axes": lambda case: case.problem().rank == 3,
    "channels first": lambda case: case.options["data_format"] == "channels_first",
    "something ignored": lambda case: any(not mode.is_counted for pair in case.problem().modes for mode in pair),
    "one number per channel": lambda case: any(
        isinstance(value, tuple) for pair in case.padding().values for value in pair
    ),
}


@pytest.mark.parametrize("what", NASTY)
@pytest.mark.parametrize("op", OPS)
def test_the_random_cases_are_nasty(op: str, what: str) -> None:
    """Every law meets these: a search for one must find it."""
    assert find(cases(op), NASTY[what], settings=QUICK)


def test_strides_and_dilation_meet_in_one_case() -> None:
    def both(case: Case) -> bool:
        return any(w.stride > 1 and w.dilation > 1 for w in case.problem().windows)

    assert find(st.one_of(*(cases(op) for op in OPS[:4])), both, settings=QUICK)
