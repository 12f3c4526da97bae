"""The literals of the type hints: the same names as in the tables, which nobody can change."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from convpad import AMOUNTS, MODES
from convpad.core.types import AmountName, ModeName


def test_the_literals_are_the_names_of_the_tables() -> None:
    assert get_args(AmountName) == tuple(AMOUNTS)
    assert {*get_args(ModeName), "constant"} == {*MODES}


@pytest.mark.parametrize("table", [AMOUNTS, MODES])
def test_the_tables_are_read_only(table: Any) -> None:
    with pytest.raises(TypeError, match="does not support item assignment"):
        table["mine"] = None
