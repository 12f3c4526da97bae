"""Which paddings does the demo compare?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convpad.modes import MODES

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """One padding of the demo.

    Args:
        label: its name in the table and the picture.
        padding_mode: what the layers are given; None for a constant per channel, the mean of what the layer reads.
    """

    label: str
    padding_mode: Any


def _case(name: str) -> Case:
    return Case("constant (mean)", None) if MODES[name].carries_value else Case(name, name)


CASES = (*map(_case, MODES), Case("replicate, circular", ("replicate", "circular")))
"""Every mode of the table of modes, and one pair: rows replicate, columns circular. `zeros` comes first."""
