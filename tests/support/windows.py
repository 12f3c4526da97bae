"""Outputs of windows that a reader found, computed by the oracle in NumPy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import convpad
from convpad.models.windows import PaddedWindow
from convpad.reference import solve


def computed(window: PaddedWindow, x: Any, kernel: Any = None) -> Any:
    """What the oracle gives for a window with all that pads it, on an input that nothing has padded.

    Args:
        x: channels last.
        kernel: as Keras has it; of pools none.
    """
    if window.op in ("max_pool", "average_pool"):
        return pooled(window, np.asarray(x))
    padding, mode = window.padding.spelling() if window.op == "conv_transpose" or not window.pads else spelled(window)
    if window.op == "conv_transpose":
        padding = window.amounts
    options: dict[str, Any] = {"strides": window.strides, "padding": padding, "padding_mode": mode}
    options["dilation_rate"] = window.dilation
    if window.op == "conv_transpose":
        return convpad.conv_transpose(x, kernel, **options, output_padding=window.problem.leftovers)
    if window.op == "conv":
        options["groups"] = window.problem.groups
    return getattr(convpad, window.op)(x, kernel, **options)


def pooled(window: PaddedWindow, x: Any) -> Any:
    padding = window.merged_padding if window.pads else window.padding
    assert padding is not None
    config = replace(window.config, padding=padding, channels_last=True)
    return solve(config.problem(x.shape), padding.values, x)


def spelled(window: PaddedWindow) -> Any:
    assert window.merged_padding is not None
    return window.merged_padding.spelling()


def last(x: Any) -> Any:
    """Channels last, from channels second."""
    return np.moveaxis(np.asarray(x), 1, -1)


def keras_kernel(weight: Any, *, depthwise: bool = False, groups: int = 1) -> Any:
    """(filters, channels // groups, *window) as Keras has it; of a transposed one the first two are turned."""
    weight = np.asarray(weight)
    found = np.moveaxis(weight, (0, 1), (-1, -2))
    if not depthwise:
        return found
    # (*window, 1, channels * multiplier) -> (*window, channels, multiplier)
    return found.reshape(*found.shape[:-2], groups, -1)
