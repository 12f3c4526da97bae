"""docs/equinox.md: its code gives what it shows."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from frameworks import CHOSEN

pytestmark = [pytest.mark.needs("jax"), pytest.mark.skipif("jax" not in CHOSEN, reason="its code is of JAX")]

PAGE = Path(__file__).parents[2] / "docs" / "equinox.md"


def test_the_code_of_the_page() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 10
    assert not failed
