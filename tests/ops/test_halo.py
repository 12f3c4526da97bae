"""Slabs of the halo, against windows that are followed tap by tap."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from problems import problem, problems

from convpad.core.modes import MODES, Mode
from convpad.core.problem import Problem
from convpad.core.window import Window, spanned
from convpad.ops.halo import Slab, halo, halo_share

pytestmark = pytest.mark.needs("numpy")

# One tap at a time

Place = tuple[int, ...]


def reads(window: Window) -> list[tuple[int, int, int]]:
    """(output, tap, place) for every tap of every output's window of one axis."""
    return [
        (output, tap, output * window.stride + tap * window.dilation - (window.before or 0))
        for output in range(window.output or 0)
        for tap in range(window.kernel)
    ]


def deciding(asked: Problem, place: Place) -> tuple[int, int, Mode] | None:
    """(axis, side, mode) of the last axis that the place is outside of; None inside."""
    found = None
    for axis, (at, window, modes) in enumerate(zip(place, asked.windows, asked.modes, strict=True)):
        if at < 0 or at >= (window.size or 0):
            side = int(at >= 0)
            found = axis, side, modes[side]
    return found


def holding(asked: Problem, place: Place) -> list[Slab]:
    """The slabs that hold a place."""
    return [
        slab
        for slab in halo(asked)
        if all(start <= at < stop for at, (start, stop) in zip(place, slab.extent, strict=True))
    ]


def met(slab: Slab, axis: int, output: int, tap: int) -> bool:
    """Whether the slab is convolved for that output by that tap of that axis."""
    return axis != slab.axis or (output in range(*slab.outputs) and tap in range(*slab.taps))


# The laws


@settings(max_examples=300)
@given(problems())
def test_what_a_tap_reads_outside_is_added_once(asked: Problem) -> None:
    for row in product(*map(reads, asked.windows)):
        place = tuple(place for _, _, place in row)
        found = [
            slab
            for slab in holding(asked, place)
            if all(met(slab, axis, output, tap) for axis, (output, tap, _) in enumerate(row))
        ]
        decided = deciding(asked, place)
        if decided is None or not (decided[2].copies_input or decided[2].takes_value):
            assert found == []
            continue
        axis, side, mode = decided
        assert all((slab.axis, slab.after) == (axis, bool(side)) for slab in found)
        earlier = deciding(asked, tuple(0 if other >= axis else at for other, at in enumerate(place)))
        zeros_copied = (
            mode.copies_input and earlier is not None and not (earlier[2].copies_input or earlier[2].takes_value)
        )
        assert len(found) == 1 or (zeros_copied and not found)


@settings(max_examples=300)
@given(problems())
def test_a_slab_alone_gives_its_outputs(asked: Problem) -> None:
    for slab in halo(asked):
        assert asked.windows[slab.axis].size is not None
        for axis, window in enumerate(asked.windows):
            thin = axis == slab.axis
            outputs = slab.outputs if thin else (0, window.output or 0)
            taps = slab.taps if thin else (0, window.kernel)
            (start, stop), (before, after) = slab.extent[axis], slab.zeros[axis]
            assert start < stop
            assert min(before, after) >= 0
            assert start - before == outputs[0] * window.stride + taps[0] * window.dilation - (window.before or 0)
            left = stop + after - (start - before) - spanned(taps[1] - taps[0], window.dilation)
            assert left >= 0
            assert left // window.stride + 1 == outputs[1] - outputs[0]


@settings(max_examples=300)
@given(problems())
def test_a_slab_is_no_larger_than_what_is_read(asked: Problem) -> None:
    for slab in halo(asked):
        window, inside = asked.windows[slab.axis], range(asked.windows[slab.axis].size or 0)
        outside = [
            (output, tap, at) for output, tap, at in reads(window) if at not in inside and (at > 0) == slab.after
        ]
        for place, (first, stop) in enumerate((slab.outputs, slab.taps)):
            found = [row[place] for row in outside]
            assert (first, stop) == (min(found), max(found) + 1)
        start, stop = slab.extent[slab.axis]
        places = [at for _, _, at in outside]
        assert (start, stop) == (
            (max(len(inside), start), max(places) + 1) if slab.after else (min(places), min(stop, 0))
        )
        assert min(places) - start < window.dilation * window.stride


@settings(max_examples=300)
@given(problems())
def test_the_share_is_counted(asked: Problem) -> None:
    counted = 0.0
    for slab in halo(asked):
        window = asked.windows[slab.axis]
        pairs = [met(slab, slab.axis, output, tap) for output, tap, _ in reads(window)]
        counted += sum(pairs) / len(pairs)
    assert halo_share(asked) == pytest.approx(counted, abs=1e-12)


# sizes, kernel, padding, mode -> (axis, after, places, outputs, taps) of each slab
ROWS = [
    ((9,), (3,), 0, "reflect", []),
    ((9,), (3,), 1, "zeros", []),
    ((9,), (3,), 1, "ignore", []),
    ((9,), (3,), 1, 0.0, [(0, False, ((-1, 0),), (0, 1), (0, 1)), (0, True, ((9, 10),), (8, 9), (2, 3))]),
    ((9,), (5,), 2, "reflect", [(0, False, ((-2, 0),), (0, 2), (0, 2)), (0, True, ((9, 11),), (7, 9), (3, 5))]),
    ((9,), (3,), 1, ("zeros", "reflect"), [(0, True, ((9, 10),), (8, 9), (2, 3))]),
    ((9,), (3,), (1, 0), ("reflect", 5), [(0, False, ((-1, 0),), (0, 1), (0, 1))]),
    ((1,), (3,), 2, "circular", [(0, False, ((-2, 0),), (0, 2), (0, 2)), (0, True, ((1, 3),), (1, 3), (1, 3))]),
    ((4, 4), (3, 1), ((1, 0), (0, 0)), "circular", [(0, False, ((-1, 0), (0, 4)), (0, 1), (0, 1))]),
    ((4, 4), (1, 3), ((1, 0), (1, 0)), (5, "circular"), [
        (0, False, ((-1, 0), (0, 4)), (0, 1), (0, 1)),
        (1, False, ((-1, 4), (-1, 0)), (0, 1), (0, 1)),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "kernel", "padding", "mode", "found"), ROWS)
def test_slabs_of(sizes: Any, kernel: Any, padding: Any, mode: Any, found: Any) -> None:
    asked = problem(sizes, kernel, padding, mode)
    assert [(slab.axis, slab.after, slab.extent, slab.outputs, slab.taps) for slab in halo(asked)] == found


def test_the_brute_force_can_see() -> None:
    asked = problem((5,), (3,), (1, 2), ("reflect", "zeros"), dilation_rate=2)
    assert [at for _, _, at in reads(asked.windows[0])] == [-1, 1, 3, 0, 2, 4, 1, 3, 5, 2, 4, 6]
    assert [deciding(asked, (at,)) for at in (-1, 0, 4)] == [(0, 0, MODES["reflect"]), None, None]
    assert deciding(asked, (5,)) == (0, 1, MODES["zeros"])
    assert [slab.outputs for slab in holding(asked, (-1,))] == [(0, 1)]
