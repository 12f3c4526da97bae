"""Problems of one channel for tests of the halo: any window, any modes, drawn by Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from convpad.core.errors import ShapeError
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.problem import Problem, parse_problem

FILLS = [5.0 if mode.takes_value else name for name, mode in MODES.items()]


def problem(sizes: Any, kernel: Any, padding: Any, mode: Any, **options: Any) -> Problem:
    """A convolution of one channel."""
    parsed = Padding.parse(padding, mode, rank=len(sizes))
    return parse_problem("conv", (1, *sizes, 1), (*kernel, 1, 1), parsed, **options)


@st.composite
def problems(draw: Any, ranks: tuple[int, ...] = (1, 1, 2, 3), fills: Any = tuple(FILLS)) -> Problem:
    """Any windows, any of these modes on any side."""
    rank = draw(st.sampled_from(ranks))
    top = {1: 12, 2: 9, 3: 5}[rank]

    def each(values: Any) -> Any:
        return draw(st.tuples(*[values] * rank))

    pair = st.tuples(st.integers(0, top), st.integers(0, top))
    fill = st.sampled_from(fills)
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
