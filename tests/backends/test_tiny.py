"""A backend that defines nothing but the methods without a default: the laws hold on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import OPS, cases
from compare import assert_close, oracle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_backend import Tensor, Tiny

import convpad
from convpad import backends
from convpad.backends.base import Backend
from convpad.ops.plan import Route

pytestmark = pytest.mark.needs("numpy")


@pytest.fixture(scope="module", autouse=True)
def tiny() -> None:
    backends.register(Tiny())


def defined(cls: type) -> set[str]:
    return {name for name, value in vars(cls).items() if callable(value) and not name.startswith("_")}


def test_a_backend_needs_at_most_24_methods() -> None:
    assert len(defined(Tiny)) <= 24
    assert defined(Tiny) <= defined(Backend)


@pytest.mark.parametrize("op", OPS)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_the_answer_is_the_oracles(op: str, data: Any) -> None:
    case = data.draw(cases(op))
    want = oracle(case, *case.arrays)
    for route in (None, *Route):
        try:
            out = case.call(*map(Tensor, case.arrays), route=route)
        except convpad.PaddingError as refusal:
            assert route is not None and "`route` must" in str(refusal), refusal
            continue
        assert_close(out.array, want, where=f"{case} {route}")


@pytest.mark.parametrize("mode", ["reflect", "circular", "symmetric_odd", 3, ("zeros", "replicate")])
def test_pad(mode: Any) -> None:
    x = np.arange(24.0).reshape(1, 4, 3, 2)
    np.testing.assert_array_equal(convpad.pad(Tensor(x), 5, mode).array, convpad.pad(x, 5, mode))


def test_a_name_is_taken_once() -> None:
    with pytest.raises(convpad.PaddingError, match="^`backend` must have a name of its own. Received: 'tiny'"):
        backends.register(Tiny())
