"""Facts of an axis under a window: what is read of its padding, and None where a size is unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convpad.core.axis_facts import axis_facts
from convpad.core.window import Window

pytestmark = pytest.mark.needs("numpy")

MODES = ("zeros", "zeros")
WINDOW = Window(size=224, kernel=3, stride=2, dilation=1, before=1, after=1)


def test_a_stride_may_leave_the_padding_after_unread() -> None:
    facts = axis_facts(WINDOW, 224, 112, MODES, transposed=False)
    assert facts is not None
    assert (facts.read_before, facts.read_after, facts.unread, facts.even) == (1, 0, 0, False)
    assert facts.even_sizes == (223, 225)
    transposed = axis_facts(WINDOW, 112, 224, MODES, transposed=True)
    assert transposed is not None
    assert transposed.even_sizes is None


@pytest.mark.parametrize("size", [223, 225])
def test_the_sizes_named_use_both_sides(size: int) -> None:
    facts = axis_facts(replace(WINDOW, size=size), size, 112, MODES, transposed=False)
    assert facts is not None
    assert facts.even
    assert facts.even_sizes is None


def test_no_size_of_0_is_named() -> None:
    window = Window(size=1, kernel=2, stride=2, dilation=1, before=1, after=1)
    facts = axis_facts(window, 1, 1, MODES, transposed=False)
    assert facts is not None
    assert (facts.read_before, facts.read_after, facts.even_sizes) == (1, 0, None)


@pytest.mark.parametrize("unknown", ["size", "before", "after", "input", "output"])
def test_nothing_is_said_where_a_number_is_unknown(unknown: str) -> None:
    window = replace(WINDOW, **{unknown: None}) if hasattr(WINDOW, unknown) and unknown != "output" else WINDOW
    sizes = {"input": 224, "output": 112} | ({unknown: None} if unknown in ("input", "output") else {})
    assert axis_facts(window, sizes["input"], sizes["output"], MODES, transposed=False) is None
