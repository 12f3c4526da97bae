"""Random calls for the laws, small and nasty: Hypothesis draws every argument."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

import convpad
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.problem import Problem, parse_problem

OPS = ("conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool", "average_pool")
WORDS = ("valid", "same", "same_lower", "half", "full", "causal")
FILLS = [name for name, mode in MODES.items() if not mode.takes_value]

NUMPY: dict[str, dict[str, Any]] = {
    "reflect": {"mode": "reflect"},
    "symmetric": {"mode": "symmetric"},
    "replicate": {"mode": "edge"},
    "circular": {"mode": "wrap"},
    "reflect_odd": {"mode": "reflect", "reflect_type": "odd"},
    "symmetric_odd": {"mode": "symmetric", "reflect_type": "odd"},
}
"""How `numpy.pad` says the modes that copy."""


@dataclass(frozen=True)
class Case:
    """One call: the function's name, its arrays, its keyword arguments."""

    op: str
    arrays: tuple[Any, ...] = field(repr=False)
    options: dict[str, Any]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(array.shape for array in self.arrays)

    def __repr__(self) -> str:
        return f"{self.op}{self.shapes} {self.options}"

    def call(self, *arrays: Any, **changed: Any) -> Any:
        """The public function on these arrays."""
        return getattr(convpad, self.op)(*arrays, **{**self.options, **changed})

    def padding(self) -> Padding:
        rank = self.arrays[0].ndim - 2
        default = "ignore" if "pool" in self.op else "zeros"
        return Padding.parse(self.options.get("padding", "valid"), self.options.get("padding_mode", default), rank=rank)

    def problem(self) -> Problem:
        options = {k: v for k, v in self.options.items() if k not in ("padding", "padding_mode", "pool_size")}
        kernel = self.options["pool_size"] if "pool" in self.op else self.shapes[1]
        pointwise = self.shapes[2] if self.op == "separable_conv" else ()
        return parse_problem(self.op, self.shapes[0], kernel, self.padding(), pointwise_shape=pointwise, **options)


def fills(channels: int) -> st.SearchStrategy[Any]:
    """One side's mode: a name, a number, or one number per channel."""
    numbers = st.integers(-3, 3)
    per_channel = st.lists(numbers, min_size=channels, max_size=channels).map(convpad.Constant)
    return st.one_of(st.sampled_from(FILLS), numbers, per_channel)


def modes(rank: int, channels: int) -> st.SearchStrategy[Any]:
    """A padding mode: one for all, one per axis, or one per side."""
    fill = fills(channels)
    axis = st.one_of(fill, st.tuples(fill, fill))
    return st.one_of(fill, st.tuples(*[axis] * rank) if rank > 1 else st.tuples(fill, fill))


def amounts(rank: int) -> st.SearchStrategy[Any]:
    """An amount: a word, a number, pairs, or words and pairs per axis."""
    pair = st.tuples(st.integers(0, 5), st.integers(0, 5))
    axis = st.one_of(pair, pair, st.sampled_from(WORDS[:-1]), st.integers(0, 4))
    per_axis = st.tuples(*[axis] * rank) if rank > 1 else pair
    return st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), st.integers(0, 4), per_axis)


@st.composite
def cases(draw: Any, op: str, max_rank: int = 3) -> Case:
    """A call that fits: sizes from 1, kernels of any parity, strides beyond the kernel, empty batches."""
    rank = draw(st.integers(1, max_rank))
    top = {1: 9, 2: 6, 3: 4}[rank]
    sizes = draw(st.tuples(*[st.integers(1, top)] * rank))
    window = draw(st.tuples(*[st.integers(1, 4 if rank < 3 else 3)] * rank))
    each = st.tuples(*[st.integers(1, 3)] * rank)
    channels_last = draw(st.booleans())
    dilation = draw(st.one_of(st.just(1), st.just(1), each))
    groups = draw(st.sampled_from([1, 1, 2])) if op in ("conv", "conv_transpose") else 1
    channels = groups * draw(st.integers(1, 2))
    out = draw(st.integers(1, 2))
    options: dict[str, Any] = {
        "strides": draw(st.one_of(st.just(1), st.integers(2, 3), each)),
        "padding": draw(amounts(rank)),
        "padding_mode": draw(modes(rank, groups * out if op == "conv_transpose" else channels)),
        "dilation_rate": dilation,
        "data_format": "channels_last" if channels_last else "channels_first",
    }
    if "pool" in op:
        kernels: tuple[tuple[int, ...], ...] = ()
        options["pool_size"] = window
        options["ceil_mode"] = draw(st.sampled_from([False, False, True]))
    else:
        kernels = {
            "conv": ((*window, channels // groups, out * groups),),
            "depthwise_conv": ((*window, channels, out),),
            "separable_conv": ((*window, channels, out), (*(1,) * rank, channels * out, 2)),
            "conv_transpose": ((*window, out, channels),),
        }[op]
    if groups > 1:
        options["groups"] = groups
    if op == "conv_transpose" and draw(st.booleans()):
        strides = options["strides"]
        options["output_padding"] = (
            tuple(stride - 1 for stride in strides) if isinstance(strides, tuple) else draw(st.integers(0, strides - 1))
        )
    batch = draw(st.sampled_from([2, 1, 1]))
    shape = (batch, *sizes, channels) if channels_last else (batch, channels, *sizes)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    case = Case(op, tuple(rng.normal(size=s) for s in (shape, *kernels)), options)
    try:
        problem = case.problem()
    except convpad.ShapeError:
        from hypothesis import reject

        reject()
    if max(size or 0 for size in problem.output_shape) > 40:
        from hypothesis import reject

        reject()
    return case
