"""Padding modes: one table of the rules that extend an axis.

A mode says, for a `position` outside an axis of `size` values, which affine function of the values inside
stands there: ``outside = sum(weight * inside[index]) + constant``. That is all a mode is. The padded tensor,
the picture in a docstring, the gradient and the transposed convolution follow from it.

The rules are written with operators alone (no `min`, no `if`), so one rule serves an int, where sizes are
known, and a whole tensor of positions, where a backend learns the size only when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from convpad.core.errors import closest, refuse

Term = tuple[Any, Any]
"""(index, weight): one value inside the axis and what it is multiplied by."""

Rule = Callable[[Any, Any], tuple[Term, ...]]
"""(position, size) -> the terms of that position."""


def _nothing(position: Any, size: Any) -> tuple[Term, ...]:
    return ()


def _modulo(position: Any, period: Any) -> Any:
    """Return `position % period`, though `%` may be written as one that keeps the sign, as some exporters do."""
    return (position % period + period) % period


def _clip(position: Any, size: Any) -> tuple[Term, ...]:
    # |p| - |p - last| runs from -last (p at or before 0) to last (p at or after the end).
    last = size - 1
    return (((abs(position) - abs(position - last) + last) // 2, 1),)


def _wrap(position: Any, size: Any) -> tuple[Term, ...]:
    return ((_modulo(position, size), 1),)


def _mirror(position: Any, size: Any, *, repeat_edge: bool, odd: bool) -> tuple[Term, ...]:
    """Return the terms of a mirror. `odd` mirrors through the edge value instead of across it: 2 * edge - value."""
    # `total` is what a place and its mirror image add up to, counted in the period that starts at 0. An axis of
    # length 1 has no neighbour to reflect: (size + 1) // size - 1, which is 1 there and else 0, lets it repeat with
    # period 1, as NumPy does.
    period, total = (2 * size, 2 * size - 1) if repeat_edge else (2 * size - 3 + (size + 1) // size, 2 * size - 2)
    place = _modulo(position, period)
    turns = (position - place) // period  # evenly: some exporters write `//` as a division that truncates
    beyond = place // size  # 1 in the mirrored half of the period, else 0
    index = place + beyond * (total - 2 * place)
    if not odd:
        return ((index, 1),)
    # Each whole turn climbs by twice the rise from the first value to the last.
    first, last = 0 * index, 0 * index + size - 1
    return ((index, 1 - 2 * beyond), (last, 2 * beyond + 2 * turns), (first, -2 * turns))


@dataclass(frozen=True, slots=True)
class Mode:
    """One row of the table of modes.

    Args:
        name: convpad's word for it.
        rule: `(position, size) -> terms`, pairs of an index inside the axis and its weight.
        meaning: one line for people.
        takes_value: a constant is added outside (a number, one per channel, or a trained weight).
        is_counted: False where the outside is left out of the window altogether (`ignore`).
        aliases: what other frameworks call it.

    Example:

    >>> from convpad.core.modes import MODES
    >>> MODES["reflect"].terms(-2, 4)        # two before the start of a b c d stands c
    ((2, 1),)
    >>> MODES["reflect_odd"].terms(-2, 4)    # 2a - c
    ((0, 2), (2, -1))
    """

    name: str
    rule: Rule = field(repr=False, compare=False, hash=False)
    meaning: str = field(repr=False, compare=False)
    takes_value: bool = field(default=False, repr=False, compare=False)
    is_counted: bool = field(default=True, repr=False, compare=False)
    aliases: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, compare=False, hash=False)

    def __reduce__(self) -> tuple[Callable[[str], Mode], tuple[str]]:
        return mode_named, (self.name,)

    @property
    def copies_input(self) -> bool:
        """Whether the outside is made of values inside."""
        return bool(self.rule(0, 1))

    @property
    def is_weighted(self) -> bool:
        """Whether the outside is computed from values inside, and not merely a copy of one."""
        return [weight for _, weight in self.rule(0, 1)] not in ([], [1])

    @property
    def keeps_nonnegative(self) -> bool:
        """Whether the outside holds no value below 0 where the inside holds none, whatever constant it carries."""
        return not (self.takes_value or self.is_weighted)

    @property
    def is_edge_alone(self) -> bool:
        """Whether the outside is the edge value or no value inside: padding twice is then padding once by the sum."""
        return {*self.terms(-2, 3)} <= {(0, 1)}

    def terms(self, position: int, size: int) -> tuple[tuple[int, int], ...]:
        """Return the terms of one position of a known axis, one term per index, none with weight 0."""
        weights: dict[int, int] = {}
        for index, weight in self.rule(position, size):
            weights[index] = weights.get(index, 0) + weight
        return tuple((index, weight) for index, weight in sorted(weights.items()) if weight)


_TABLE = (
    Mode("zeros", _nothing, "nothing but zeros", aliases={"PyTorch": "zeros", "Keras": "zero"}),
    Mode(
        "constant",
        _nothing,
        "one value: a number, one per channel, or a trained weight",
        takes_value=True,
        aliases={"NumPy": "constant", "PyTorch": "constant", "TensorFlow": "CONSTANT", "ONNX": "constant"},
    ),
    Mode(
        "reflect",
        partial(_mirror, repeat_edge=False, odd=False),
        "a mirror on the edge value, which is not repeated",
        aliases={
            "NumPy": "reflect",
            "PyTorch": "reflect",
            "TensorFlow": "REFLECT",
            "ONNX": "reflect",
            "Flax": "REFLECT",
            "scipy.ndimage": "mirror",
            "OpenCV": "BORDER_REFLECT_101",
        },
    ),
    Mode(
        "symmetric",
        partial(_mirror, repeat_edge=True, odd=False),
        "a mirror beyond the edge value, which is repeated",
        aliases={
            "NumPy": "symmetric",
            "TensorFlow": "SYMMETRIC",
            "MATLAB": "symmetric",
            "scipy.ndimage": "grid-mirror",
            "OpenCV": "BORDER_REFLECT",
        },
    ),
    Mode(
        "replicate",
        _clip,
        "the edge value, again and again",
        aliases={
            "NumPy": "edge",
            "PyTorch": "replicate",
            "ONNX": "edge",
            "Keras": "nearest",
            "scipy.ndimage": "nearest",
            "OpenCV": "BORDER_REPLICATE",
        },
    ),
    Mode(
        "circular",
        _wrap,
        "the axis again from its other end",
        aliases={
            "NumPy": "wrap",
            "PyTorch": "circular",
            "ONNX": "wrap",
            "Flax": "CIRCULAR",
            "scipy.ndimage": "grid-wrap",
            "OpenCV": "BORDER_WRAP",
            "PhiFlow": "periodic",
        },
    ),
    Mode(
        "reflect_odd",
        partial(_mirror, repeat_edge=False, odd=True),
        "reflect, turned about the edge value (slope kept)",
    ),
    Mode("symmetric_odd", partial(_mirror, repeat_edge=True, odd=True), "symmetric, turned about the edge value"),
    Mode(
        "ignore",
        _nothing,
        "no value: the window is renormalised to what it covers (partial convolution)",
        is_counted=False,
        aliases={"Liu et al.": "partial"},
    ),
)

MODES: Mapping[str, Mode] = MappingProxyType({mode.name: mode for mode in _TABLE})
"""Every padding mode by name. Adding a mode is adding a row above."""

ALLOWED = (
    ", ".join(repr(mode.name) for mode in _TABLE if not mode.takes_value) + ", a number, Constant(...) or Learned(...)"
)
"""The padding modes that may be given, in the words of refusals; `constant` comes with its value."""


def mode_named(name: str, argument: str = "padding_mode") -> Mode:
    """Return the mode of that name, or refuse, with the name that was meant: another framework's, or a misspelt one."""
    if name in MODES:
        return MODES[name]
    foreign = [(framework, word, mode) for mode in _TABLE for framework, word in mode.aliases.items()]
    meant = [row for row in foreign if row[1] == name]
    if not meant and name.lower() not in MODES:
        meant = [row for row in foreign if row[1].lower() == name.lower()]
    hint = "{}'s {!r} is {!r} here.".format(*meant[0][:2], meant[0][2].name) if meant else closest(name, MODES)
    raise refuse(argument, f"be one of {ALLOWED}", name, hint)


def picture(mode: Mode, size: int = 4, amount: int = 2) -> str:
    """Draw a mode on an axis: `symmetric` is ``b a | a b c d | d c``."""
    letters = "abcdefghijklmnopqrstuvwxyz"[:size]
    empty = "k" if mode.takes_value else "0" if mode.is_counted else "-"

    def drawn(position: int) -> str:
        terms = sorted(mode.terms(position, size), key=lambda term: -term[1])
        signs = ["-" if weight < 0 else "+" if place else "" for place, (_, weight) in enumerate(terms)]
        values = [f"{abs(w) if abs(w) != 1 else ''}{letters[index]}" for index, w in terms]
        return "".join(sign + value for sign, value in zip(signs, values, strict=True)) or empty

    before = " ".join(drawn(p) for p in range(-amount, 0))
    after = " ".join(drawn(p) for p in range(size, size + amount))
    return f"{before} | {' '.join(letters)} | {after}"
