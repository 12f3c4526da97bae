"""Two paddings merged into one, and the reports of changes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from compare import assert_close
from frameworks import CHOSEN
from hypothesis import given, settings
from hypothesis import strategies as st

import convpad
from convpad import Constant, Learned, Padding
from convpad.changes import Change, Changes
from convpad.models.merge import merge_paddings

if "numpy" not in CHOSEN:
    pytest.skip("once is enough", allow_module_level=True)

MODES = st.sampled_from(["zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", 0, 0.5, 2])
AMOUNTS = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)
FILLS = st.tuples(*[st.tuples(MODES, MODES)] * 2)


@settings(max_examples=400)
@given(AMOUNTS, FILLS, AMOUNTS, FILLS, st.tuples(st.integers(1, 4), st.integers(1, 4)))
def test_two_paddings_that_melt_are_one(first: Any, fills: Any, second: Any, more: Any, sizes: tuple[int, int]) -> None:
    x = np.random.default_rng(0).normal(size=(1, *sizes, 1))
    between = convpad.pad(x, first, fills)
    one = merge_paddings(
        convpad.Padding.parse(first, fills, rank=2),
        convpad.Padding.parse(second, more, rank=2),
        (1, 1),
        (1, 1),
        between.shape[1:3],
    )
    if not isinstance(one, str):
        assert_close(convpad.pad(x, *one.spelling()), convpad.pad(between, second, more))


@given(AMOUNTS, AMOUNTS, st.sampled_from(["zeros", "replicate", 0.5]))
def test_equal_paddings_always_melt(first: Any, second: Any, mode: Any) -> None:
    one = merge_paddings(
        convpad.Padding.parse(first, mode, rank=2), convpad.Padding.parse(second, mode, rank=2), (1, 1), (1, 1), (5, 5)
    )
    assert not isinstance(one, str)
    amounts = tuple((a + c, b + d) for (a, b), (c, d) in zip(first, second, strict=True))
    assert tuple(amount.pair for amount in one.amounts) == amounts


@pytest.mark.parametrize(("first", "second", "said"), [
    ((1, "zeros"), ("same", "zeros"), "how much it pads depends on a size that is not known"),
    ((1, "zeros"), (1, Learned()), "its own padding is trained"),
    ((1, "zeros"), (1, "ignore"), "it leaves its own padding out of the count"),
    ((1, "reflect"), (1, "zeros"), "it pads the same axis with 'zeros', after 'reflect'"),
    ((1, 0.5), (1, 2), "it pads the same axis with 'constant', after 'constant'"),
    ((((1, 1), (0, 0)), 0.5), (((0, 0), (1, 1)), "zeros"),
     "where the axes meet, the constant of one would be padded by the other"),
])  # fmt: skip
def test_why_two_are_not_one(first: Any, second: Any, said: str) -> None:
    one, two = (Padding.parse(*padding, rank=2) for padding in (first, second))
    assert merge_paddings(one, two, (3, 3), (2, 2), (None, None)) == said


@pytest.mark.parametrize(("first", "second", "sizes", "one"), [
    ((0, "reflect"), ("same", "zeros"), (None, None), ("same", "zeros")),
    ((1, "zeros"), ("same", 0), (8, 7), (((1, 2), (2, 2)), "zeros")),
    ((1, Learned()), ("valid", "zeros"), (8, 8), (1, Learned())),
    ((1, Constant([1, 2])), (1, Constant([1, 2])), (8, 8), (2, Constant([1, 2]))),
    (((1, 0), "reflect"), ((0, 1), "circular"), (8, 8), (1, ("reflect", "circular"))),
])  # fmt: skip
def test_which_padding_two_are(first: Any, second: Any, sizes: Any, one: Any) -> None:
    found = merge_paddings(Padding.parse(*first, rank=2), Padding.parse(*second, rank=2), (3, 3), (2, 2), sizes)
    wanted = Padding.parse(*one, rank=2)
    assert not isinstance(found, str), found
    assert (found.amounts, found.modes) == (wanted.amounts, wanted.modes)


def test_what_was_done_is_told() -> None:
    rows = (Change("a", "Conv2D", "replaced", "x"), Change("b/c", "ZeroPadding2D", "left", "y"))
    changes = Changes("fold", rows)
    assert str(changes).splitlines() == [
        "fold: 1 layer replaced, 0 folded, 1 left alone",
        "",
        "layer  kind           done      detail",
        "--------------------------------------",
        "a      Conv2D         replaced  x",
        "b/c    ZeroPadding2D  left      y",
        "",
        "replaced  by a layer of convpad with the same weights",
        "left      as it was",
    ]
    assert repr(changes) == "<Changes: fold: 1 layer replaced, 0 folded, 1 left alone; print(...) shows all>"
    assert str(Changes("repad", ())) == "repad: 0 layers replaced, 0 folded, 0 left alone"
    assert changes.layers("left") == ("b/c",)
    told = json.loads(changes.to_json())
    assert told["tool"] == "fold"
    assert told["layers"][0] == {"layer": "a", "kind": "Conv2D", "done": "replaced", "detail": "x"}
