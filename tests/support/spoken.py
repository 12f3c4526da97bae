"""Random padded operations to translate for other frameworks, small and nasty, with the oracle's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

import convpad
from convpad.core.errors import ShapeError
from convpad.core.modes import MODES
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.problem import Problem, parse_problem

OPS = ("conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool", "average_pool")
WORDS = ("valid", "same", "same_lower", "half", "full", "causal")
FILLS = [name for name, mode in MODES.items() if mode.is_counted and not mode.takes_value]


@dataclass(frozen=True)
class Spoken:
    """One padded operation and how it was asked for."""

    op: str
    sizes: tuple[int, ...]
    window: tuple[int, ...]
    groups: int
    options: dict[str, Any]

    @property
    def rank(self) -> int:
        return len(self.sizes)

    @property
    def pools(self) -> bool:
        return self.op in POOLS

    @property
    def padding(self) -> Padding:
        mode = self.options.get("padding_mode", "ignore" if self.pools else "zeros")
        return Padding.parse(self.options["padding"], mode, rank=self.rank)

    def problem(self, *, data_format: str = "channels_last") -> Problem:
        steps = {k: v for k, v in self.options.items() if k not in ("padding", "padding_mode")}
        shape = (2, *self.sizes, 4) if data_format == "channels_last" else (2, 4, *self.sizes)
        kernel = self.window if self.pools else self.arrays()[1].shape
        pointwise = self.arrays()[2].shape if self.op == "separable_conv" else ()
        groups = {} if self.pools or "_conv" in self.op else {"groups": self.groups}
        return parse_problem(
            self.op, shape, kernel, self.padding, pointwise_shape=pointwise, data_format=data_format, **steps, **groups
        )

    def arrays(self) -> list[Any]:
        """The input and the kernels, channels last."""
        random = np.random.default_rng(0)
        shapes = [(2, *self.sizes, 4)]
        if self.op in ("conv", "conv_transpose"):
            shapes.append((*self.window, 4 // self.groups, 6) if self.op == "conv" else (*self.window, 6, 4))
        elif not self.pools:
            shapes.append((*self.window, 4, 2))
        if self.op == "separable_conv":
            shapes.append((*(1,) * self.rank, 8, 3))
        return [random.normal(size=shape).astype("float32") for shape in shapes]

    def answer(self) -> Any:
        """What the oracle gives."""
        arrays = [array.astype("float64") for array in self.arrays()]
        if self.pools:
            arrays.append(self.window)
        groups = {"groups": self.groups} if self.op == "conv" else {}
        return getattr(convpad, self.op)(*arrays, **self.options, **groups)


def _per_axis(draw: st.DrawFn, entries: st.SearchStrategy[Any], rank: int) -> Any:
    return draw(entries) if draw(st.booleans()) else tuple(draw(entries) for _ in range(rank))


@st.composite
def spoken(draw: st.DrawFn, ops: tuple[str, ...] = OPS, largest: int = 3) -> Spoken:
    """Any padded operation, of the kind that frameworks have at all more often than not."""
    op = draw(st.sampled_from(ops))
    rank = draw(st.sampled_from([1, 2, 2, 2, 3][: 5 if largest == 3 else 4]))
    pools = op in POOLS
    sizes = tuple(draw(st.integers(2, 9)) for _ in range(rank))
    window = tuple(draw(st.lists(st.integers(1, 4), min_size=rank, max_size=rank)))
    window = window if draw(st.booleans()) else window[:1] * rank
    options: dict[str, Any] = {"strides": _per_axis(draw, st.integers(1, 3), rank)}
    if not pools:
        options["dilation_rate"] = _per_axis(draw, st.sampled_from([1, 1, 1, 2]), rank)
    number = st.integers(0, 3)
    amounts = st.one_of(number, st.tuples(number, number))
    word = draw(st.booleans())
    options["padding"] = draw(st.sampled_from(WORDS)) if word else tuple(draw(amounts) for _ in range(rank))
    if rank == 1 and not word:
        options["padding"] = options["padding"][0]
    if op == "conv_transpose" and draw(st.booleans()):
        strides = options["strides"]
        options["output_padding"] = draw(st.integers(0, (strides if isinstance(strides, int) else min(strides)) - 1))
    if draw(st.booleans()):
        fill = st.sampled_from([*FILLS, "zeros", 0, 1.5, *(["ignore"] if pools else [])])
        options["padding_mode"] = draw(fill) if draw(st.booleans()) else tuple(draw(fill) for _ in range(rank))
        if rank == 1 and isinstance(options["padding_mode"], tuple):
            options["padding_mode"] = options["padding_mode"][0]
    found = Spoken(op, sizes, window, draw(st.sampled_from([1, 1, 2])) if op == "conv" else 1, options)
    try:
        found.problem()
    except ShapeError:
        assume(False)
    return found
