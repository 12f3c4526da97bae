"""The paddings that the demo compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convpad.core.modes import MODES

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One padding of the demo: what every layer with a window is given.

    Args:
        label: its name in the table and the picture.
        padding: how much.
        padding_mode: with what; None for a constant per channel, the mean of what the layer reads.
    """

    label: str
    padding: str
    padding_mode: Any


def _case(name: str) -> Case:
    if MODES[name].carries_value:
        return Case(f"{name} (mean)", "half", None)
    return Case(name, "half", name)


CASES = (
    *map(_case, MODES),
    Case("replicate, circular", "half", ("replicate", "circular")),
    Case("zeros, same", "same", "zeros"),
)
"""Every row of the table of modes, by the amounts of ResNet's paper; then one mode for the rows and another for
the columns; then Keras's `same`. `zeros` comes first: the artefacts of the others are told relative to it."""
