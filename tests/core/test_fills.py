"""Fills against the values themselves, place by place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from frameworks import CHOSEN
from hypothesis import given
from hypothesis import strategies as st

from convpad import Padding
from convpad.core.fills import joined_paddings, mode_names, normalised_fill, normalised_fills
from convpad.core.modes import MODES

if "numpy" not in CHOSEN:
    pytest.skip("once is enough", allow_module_level=True)

FILLS = st.sampled_from([("zeros", None), ("constant", 1), ("constant", 2), ("replicate", None), ("reflect", None)])
LAYERS = st.lists(st.tuples(st.integers(0, 3), FILLS), max_size=4)


@given(LAYERS, st.one_of(st.none(), st.integers(-1, 12)))
def test_layers_hold_the_same_places(layers: list[tuple[int, tuple[str, int | None]]], count: int | None) -> None:
    places = [fill for amount, fill in layers for _ in range(amount)]
    found = joined_paddings(layers, count)
    assert [fill for amount, fill in found for _ in range(amount)] == places[: None if count is None else max(count, 0)]
    assert all(amount for amount, _ in found)
    neighbours = pairwise(found)
    assert not any(a == b and MODES[a[0]].is_edge_alone for (_, a), (_, b) in neighbours)


def test_fills() -> None:
    assert normalised_fill("constant", 0.0) == ("zeros", None)
    assert normalised_fill("constant", (0, 0)) == ("constant", (0, 0))
    padding = Padding.parse(1, ((0, "reflect"), 3), rank=2)
    assert normalised_fills(padding) == ((("zeros", None), ("reflect", None)), (("constant", 3), ("constant", 3)))
    assert mode_names([(1, ("reflect", None)), (0, ("circular", None)), (2, ("zeros", None))]) == "reflect, then zeros"
