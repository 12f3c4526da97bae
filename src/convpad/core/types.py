"""Types of arguments: the words as literals, so that editors complete them and type checkers know them.

At run time nothing is checked here: `Padding.parse` reads every spelling, and says what is wrong with a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, SupportsFloat, SupportsIndex, TypeAlias, TypeVar

from convpad.core.modes import Mode
from convpad.core.padding import Constant, Learned, Padding

AmountName: TypeAlias = Literal["valid", "same", "same_lower", "half", "full", "causal"]
"""A word for an amount."""

ModeName: TypeAlias = Literal[
    "zeros", "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "ignore"
]
"""A mode by its name alone; `constant` comes with its value, as a number, `Constant` or `Learned`."""

DataFormat: TypeAlias = Literal["channels_last", "channels_first"]

RouteName: TypeAlias = Literal["native", "rescale", "correction", "padded"]
"""How the padding gets into the result (`convpad.plan`)."""

PerAxis: TypeAlias = SupportsIndex | Sequence[SupportsIndex]
"""One int, or one for each spatial axis: strides, dilation rates, the size of a pool."""

AxisAmount: TypeAlias = AmountName | SupportsIndex | Sequence[SupportsIndex]
"""The amount of one axis: a word, an int for both sides, or a pair (before, after)."""

PaddingLike: TypeAlias = Padding | AxisAmount | Sequence[AxisAmount]
"""How much: an amount for all axes, or one for each. With one axis, a pair (before, after)."""

SideMode: TypeAlias = ModeName | float | Constant | Learned | Mode
"""The mode of one side of an axis."""

AxisMode: TypeAlias = SideMode | Sequence[SideMode]
"""The mode of one axis: one for both sides, or a pair (before, after)."""

PaddingModeLike: TypeAlias = AxisMode | Sequence[AxisMode]
"""With what: a mode for all axes, or one for each. With one axis, a pair (before, after)."""


MethodName: TypeAlias = Literal[
    "nearest", "linear", "cubic", "nearest-exact", "bilinear", "trilinear", "bicubic", "tricubic"
]
"""How `convpad.resize` computes a value between others."""

Scale: TypeAlias = SupportsFloat | Sequence[SupportsFloat]
"""Outputs per input of a resizing: one number, or one for each spatial axis."""


class SupportsShape(Protocol):
    """An array of any framework: it has a shape and a dtype."""

    @property
    def shape(self) -> Any: ...

    @property
    def dtype(self) -> Any: ...


Array = TypeVar("Array", bound=SupportsShape)
"""The type of an array, kept from input to output: a `torch.Tensor` gives a `torch.Tensor`."""
