"""How much, and what comes out? Integers in, integers out: no tensor, no framework."""

from __future__ import annotations

from convpad.geometry.amounts import AMOUNTS, Amount, explicit
from convpad.geometry.solve import ROUNDINGS, Fit, Rounding, fit, fits, outputs_within, sizes_within
from convpad.geometry.transpose import transposed_window
from convpad.geometry.window import Window, padded_window

__all__ = [
    "AMOUNTS",
    "ROUNDINGS",
    "Amount",
    "Fit",
    "Rounding",
    "Window",
    "explicit",
    "fit",
    "fits",
    "outputs_within",
    "padded_window",
    "sizes_within",
    "transposed_window",
]
