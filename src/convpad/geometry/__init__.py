"""How much, and what comes out? Integers in, integers out: no tensor, no framework."""

from __future__ import annotations

from convpad.geometry.amounts import AMOUNTS, Amount, explicit
from convpad.geometry.transpose import transposed_window
from convpad.geometry.window import Window, padded_window

__all__ = ["AMOUNTS", "Amount", "Window", "explicit", "padded_window", "transposed_window"]
