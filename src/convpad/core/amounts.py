"""Amounts of padding: the rules behind `"same"`, `"half"` and the other words.

With Dumoulin & Visin (arXiv:1603.07285): an axis of size i, a window of k taps spread by a dilation d spans
``k + (k - 1)(d - 1)``, moves by a stride s, and meets an axis padded by p on each side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Pair = tuple[int, int]
"""(before, after): how many values are added on the two sides of an axis."""

Rule = Callable[[Any, int], tuple[Any, Any]]
"""(total, span) -> (before, after). `total` is what ceil(size / stride) windows need beyond the axis."""


def total_padding(size: Any, span: int, stride: int) -> Any:
    """Return the number of values that ceil(size / stride) windows need beyond an axis of `size`."""
    # Sums and floor divisions alone, so that the size may be a tensor of a running backend or a symbol of a tracer.
    rest = (size + stride - 1) // stride * stride - size  # from the end of the axis to that of the last stride
    if span >= stride:
        return rest + span - stride
    # max(rest - (stride - span), 0): of each number up to `rest`, 1 if it is larger than stride - span.
    return sum((rest + stride - number) // stride for number in range(stride - span + 1, stride))


def _same(total: Any, span: int) -> tuple[Any, Any]:
    return total // 2, total - total // 2


def _same_lower(total: Any, span: int) -> tuple[Any, Any]:
    return total - total // 2, total // 2


@dataclass(frozen=True, slots=True)
class Amount:
    """One way of saying how much, for one axis.

    Args:
        name: the word for it, or `"explicit"`.
        rule: `(total, span) -> (before, after)`.
        meaning: one line for people.
        pair: what was said, where the amount is explicit.
        follows_size: True where the amount depends on the size as soon as the stride is not 1.

    Example:

    >>> from convpad.core.amounts import AMOUNTS
    >>> AMOUNTS["same"].pair_for(size=224, span=7, stride=2)
    (2, 3)
    >>> AMOUNTS["half"].pair_for(size=224, span=7, stride=2)
    (3, 3)
    """

    name: str
    rule: Rule = field(repr=False, compare=False, hash=False)
    meaning: str = field(repr=False, compare=False)
    pair: Pair | None = None
    follows_size: bool = field(default=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Callable[..., Amount], Pair | tuple[str]]:
        return (explicit, self.pair) if self.pair else (_amount_named, (self.name,))

    def pair_for(self, size: Any, span: int, stride: int) -> tuple[Any, Any]:
        """Return (before, after) for an axis of known size, an int or a backend's integer."""
        return self.rule(total_padding(size, span, stride), span)

    def most(self, span: int) -> tuple[int, int]:
        """Return the largest (before, after) for any size and stride."""
        return self.rule(span - 1, span)

    def pair_or_none(self, size: int | None, span: int, stride: int) -> Pair | None:
        """Return (before, after), or None where the two depend on an unknown size."""
        if size is None and self.follows_size and stride > 1:
            return None
        return self.pair_for(1 if size is None else size, span, stride)


AMOUNTS: Mapping[str, Amount] = MappingProxyType(
    {
        amount.name: amount
        for amount in (
            Amount("valid", lambda total, span: (0, 0), "none"),
            Amount("same", _same, "output = ceil(input / stride); the odd one after", follows_size=True),
            Amount("same_lower", _same_lower, "output = ceil(input / stride); the odd one before", follows_size=True),
            Amount("half", lambda total, span: (span // 2, span // 2), "span // 2 on both sides"),
            Amount("full", lambda total, span: (span - 1, span - 1), "span - 1 on both sides"),
            Amount("causal", lambda total, span: (span - 1, 0), "span - 1 before, none after"),
        )
    }
)
"""Every word for an amount. `convpad.solve` ranks them by this order. `span` is the size of the dilated kernel."""


def _amount_named(name: str) -> Amount:
    return AMOUNTS[name]


def explicit(before: int, after: int) -> Amount:
    """Return the amount of two given numbers."""
    return Amount("explicit", lambda total, span: (before, after), "as given", pair=(before, after))
