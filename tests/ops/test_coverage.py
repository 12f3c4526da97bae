"""Thin boxes of the renormalisation, against the map of the whole output."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import event, given, settings
from problems import problem, problems

from convpad.core.problem import Problem
from convpad.ops.coverage import _static_renormalisation, thin_boxes

pytestmark = pytest.mark.needs("numpy")


@settings(max_examples=300)
@given(problems(fills=("ignore", "ignore", "reflect", "zeros", 5.0)))
def test_boxes_one_after_the_other_scale_as_the_whole(asked: Problem) -> None:
    whole = _static_renormalisation(asked)[None, ..., None]
    found = thin_boxes(asked)
    event(f"{asked.rank} axes, in parts: {found is not None}")
    if found is None:
        assert (whole != 1).any()
        return
    out = np.ones(whole.shape)
    for box, factors in found:
        assert [cut != slice(None) for cut in box] == [False] * (len(box) - 1) + [True]
        out[box] *= factors
    assert np.array_equal(out, whole)


@pytest.mark.parametrize(
    ("padding", "mode", "boxes"),
    [
        ("same", "ignore", [(1, 0, 1), (1, 8, 9), (2, 0, 1), (2, 8, 9)]),
        (((0, 2), (1, 0)), "ignore", [(1, 7, 9), (2, 0, 1)]),
        ("same", ("reflect", "ignore"), [(2, 0, 1), (2, 8, 9)]),
        ("same", ("ignore", "circular"), [(1, 0, 1), (1, 8, 9)]),
    ],
)
def test_only_windows_that_reach_out_are_thin_boxes(padding: object, mode: object, boxes: object) -> None:
    found = thin_boxes(problem((9, 9), (3, 3), padding, mode))
    assert found is not None
    assert [(len(box) - 1, box[-1].start, box[-1].stop) for box, _ in found] == boxes


def test_where_every_window_reaches_out_one_box_is_all() -> None:
    found = thin_boxes(problem((2, 9), (3, 3), "same", "ignore"))
    assert [box[-1] for box, _ in found or ()] == [slice(0, 2)]


def test_there_are_no_boxes_where_a_row_is_thin_boxes_in_part() -> None:
    # Far to the left the windows see zeros alone, which count, in the ignored rows too.
    assert thin_boxes(problem((9, 9), (3, 3), ((1, 1), (3, 0)), ("ignore", "zeros"))) is None
