"""Which outputs meet the padding? The bands, held against windows that are looked at one by one."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from convpad.errors import ShapeError
from convpad.geometry import Window
from convpad.modes import MODES
from convpad.ops.bands import bands, border_share, thickness
from convpad.problem import Problem, pose
from convpad.spec import Padding

FILLS = [5.0 if mode.carries_value else name for name, mode in MODES.items()]


def problem(sizes: Any, kernel: Any, padding: Any, mode: Any, **options: Any) -> Problem:
    """A convolution of one channel."""
    parsed = Padding.parse(padding, mode, rank=len(sizes))
    return pose("conv", (1, *sizes, 1), (*kernel, 1, 1), parsed, **options)


@st.composite
def problems(draw: Any, ranks: tuple[int, ...] = (1, 1, 2, 3)) -> Problem:
    """Any windows, any mode on any side."""
    rank = draw(st.sampled_from(ranks))
    top = {1: 12, 2: 9, 3: 5}[rank]

    def each(values: Any) -> Any:
        return draw(st.tuples(*[values] * rank))

    pair = st.tuples(st.integers(0, top), st.integers(0, top))
    fill = st.sampled_from(FILLS)
    mode = tuple((before, after) for before, after in each(st.tuples(fill, fill)))
    try:
        return problem(
            each(st.integers(1, top)),
            each(st.integers(1, 5)),
            each(pair) if rank > 1 else draw(pair),
            mode if rank > 1 else mode[0],
            strides=each(st.integers(1, 4)),
            dilation_rate=each(st.integers(1, 3)),
        )
    except ShapeError:
        reject()


# One window at a time


def read(window: Window, output: int) -> list[int]:
    """The places under the taps of one output's window."""
    start = output * window.stride - (window.before or 0)
    return [start + tap * window.dilation for tap in range(window.kernel)]


def outside(window: Window, output: int) -> tuple[bool, bool]:
    """Whether the window stands out of the axis before it, and after it."""
    places = read(window, output)
    return any(place < 0 for place in places), any(place >= (window.size or 0) for place in places)


def constant_somewhere(asked: Problem) -> bool:
    """Whether a constant is among the sides that are padded."""
    sides = zip(asked.pads, asked.modes, strict=True)
    return any(count > 0 and mode.name == "constant" for pair in sides for count, mode in zip(*pair, strict=True))


def mended(asked: Problem, axis: int) -> list[int]:
    """The outputs of an axis that zeros would get wrong: what they read outside is copied, or may be a constant."""
    window, modes, all_sides = asked.windows[axis], asked.modes[axis], constant_somewhere(asked)
    return [
        output
        for output in range(window.output or 0)
        if any(out and (all_sides or mode.copies) for out, mode in zip(outside(window, output), modes, strict=True))
    ]


# The laws


@settings(max_examples=400)
@given(problems())
def test_an_output_is_in_a_band_where_its_window_stands_out(asked: Problem) -> None:
    for axis in range(asked.rank):
        found = [o for band in bands(asked) if band.axis == axis for o in range(*band.outputs)]
        assert sorted(found) == mended(asked, axis)
        assert len(found) == len(set(found)), "the bands of one axis do not overlap"


@settings(max_examples=400)
@given(problems())
def test_the_thickness_is_that_of_each_side(asked: Problem) -> None:
    for window, modes, found in zip(asked.windows, asked.modes, thickness(asked), strict=True):
        outputs = range(window.output or 0)
        for side, mode in enumerate(modes):
            standing_out = sum(outside(window, output)[side] for output in outputs)
            assert found[side] == (standing_out if mode.copies or constant_somewhere(asked) else 0)


@settings(max_examples=400)
@given(problems())
def test_the_places_are_what_the_windows_read(asked: Problem) -> None:
    for band in bands(asked):
        for axis, window in enumerate(asked.windows):
            outputs = range(*band.outputs) if axis == band.axis else range(window.output or 0)
            places = [place for output in outputs for place in read(window, output)]
            assert band.places[axis] == (min(places), max(places) + 1)
            assert -(window.before or 0) <= min(places)
            assert max(places) < (window.size or 0) + (window.after or 0)


@settings(max_examples=400)
@given(problems())
def test_the_share_is_counted(asked: Problem) -> None:
    wrong = [set(mended(asked, axis)) for axis in range(asked.rank)]
    every = list(product(*(range(window.output or 0) for window in asked.windows)))
    count = sum(any(o in wrong[axis] for axis, o in enumerate(output)) for output in every)
    assert border_share(asked) == pytest.approx(count / len(every), abs=1e-12)


# sizes, kernel, padding, mode -> thickness, (axis, outputs, places) of each band
ROWS = [
    ((9,), (3,), 0, "reflect", [(0, 0)], []),
    ((9,), (3,), 1, "zeros", [(0, 0)], []),
    ((9,), (3,), 1, "ignore", [(0, 0)], []),
    ((9,), (3,), 1, "reflect", [(1, 1)], [(0, (0, 1), ((-1, 2),)), (0, (8, 9), ((7, 10),))]),
    ((9,), (3,), 1, ("zeros", "reflect"), [(0, 1)], [(0, (8, 9), ((7, 10),))]),
    ((9,), (3,), 1, ("zeros", 5), [(1, 1)], [(0, (0, 1), ((-1, 2),)), (0, (8, 9), ((7, 10),))]),
    ((9,), (3,), (1, 0), ("reflect", 5), [(1, 0)], [(0, (0, 1), ((-1, 2),))]),
    ((1,), (3,), 2, "circular", [(2, 2)], [(0, (0, 2), ((-2, 2),)), (0, (2, 3), ((0, 3),))]),
    ((1,), (3,), 1, "circular", [(1, 1)], [(0, (0, 1), ((-1, 2),))]),
    ((4, 4), (3, 1), ((1, 0), (0, 0)), "circular", [(1, 0), (0, 0)], [(0, (0, 1), ((-1, 2), (0, 4)))]),
]


@pytest.mark.parametrize(("sizes", "kernel", "padding", "mode", "thick", "found"), ROWS)
def test_bands(sizes: Any, kernel: Any, padding: Any, mode: Any, thick: Any, found: Any) -> None:
    asked = problem(sizes, kernel, padding, mode)
    assert thickness(asked) == thick
    assert [(band.axis, band.outputs, band.places) for band in bands(asked)] == found


def test_the_brute_force_can_see() -> None:
    asked = problem((5,), (3,), (1, 2), ("reflect", "zeros"), dilation_rate=2)
    assert [read(asked.windows[0], output) for output in range(4)] == [[-1, 1, 3], [0, 2, 4], [1, 3, 5], [2, 4, 6]]
    assert [outside(asked.windows[0], output) for output in range(4)] == [
        (True, False),
        (False, False),
        (False, True),
        (False, True),
    ]
    assert mended(asked, 0) == [0]
    assert mended(problem((5,), (3,), (1, 2), ("reflect", 5), dilation_rate=2), 0) == [0, 2, 3]
    assert mended(problem((5,), (3,), (1, 0), ("reflect", 5), dilation_rate=2), 0) == [0]
