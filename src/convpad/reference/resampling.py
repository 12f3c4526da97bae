"""Resized arrays and their gradients in plain NumPy: every axis times a matrix, written from the definition.

An output is the sum of all values of the extended axis, each times the method's kernel at its distance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.core.modes import Mode
from convpad.core.resampling import Resize, ResizedAxis, resized_axes

Array = npt.NDArray[Any]
Values = tuple[tuple[Any, Any], ...]

_MARGIN = 4
"""Positions outside that are looked at: more than any method reads."""


def resize(operation: Resize, values: Values, x: Array) -> Array:
    """Return the output of a resizing for an array; `values` are the constants of its padding.

    Example:

    >>> import numpy as np
    >>> from convpad import reference
    >>> from convpad.core.resampling import Resize
    >>> operation = Resize.parse(1, scale=2, padding_mode="circular")
    >>> reference.resize(operation, operation.padding.values, np.array([[[0.0], [4.0]]])).ravel()
    array([1., 1., 3., 3.])
    """
    spatial = range(1, x.ndim - 1) if operation.channels_last else range(2, x.ndim)
    out = x if operation.method.taps == 1 else x.astype(np.float64)
    for number, (axis, tensor_axis) in enumerate(zip(resized_axes(operation, x.shape), spatial, strict=True)):
        if operation.method.taps == 1:
            out = np.take(out, [axis.taps(place)[0] for place in range(axis.output or 0)], tensor_axis)
            continue
        matrix, constants = _matrices(axis, operation.padding.modes[number])
        out = np.moveaxis(np.tensordot(matrix, out, (1, tensor_axis)), 0, tensor_axis)
        for weights, value in zip(constants, values[number], strict=True):
            along = [1] * x.ndim
            along[tensor_axis] = len(weights)
            per_channel = [1] * x.ndim
            per_channel[-1 if operation.channels_last else 1] = -1
            out = out + weights.reshape(along) * np.reshape(0.0 if value is None else value, per_channel)
    return out.astype(x.dtype)


def resize_gradient(operation: Resize, cotangent: Array, x: Array) -> Array:
    """Return the gradient of ``sum(cotangent * resize(...))`` to the input."""
    spatial = range(1, x.ndim - 1) if operation.channels_last else range(2, x.ndim)
    back = cotangent.astype(np.float64)
    for number, (axis, tensor_axis) in enumerate(zip(resized_axes(operation, x.shape), spatial, strict=True)):
        matrix, _ = _matrices(axis, operation.padding.modes[number])
        back = np.moveaxis(np.tensordot(matrix.T, back, (1, tensor_axis)), 0, tensor_axis)
    return back


def _matrices(axis: ResizedAxis, modes: tuple[Mode, Mode]) -> tuple[Array, tuple[Array, Array]]:
    """Return the weights of the inputs in each output, and those of the constants before and after the axis."""
    size, output = axis.size or 0, axis.output or 0
    weights = np.zeros((output, size))
    outside = np.zeros((2, output))
    if axis.method.taps == 1:
        weights[np.arange(output), [axis.taps(place)[0] for place in range(output)]] = 1
        return weights, (outside[0], outside[1])
    centres = (np.arange(output) + 0.5) * axis.inputs / axis.outputs - 0.5
    covered = np.zeros(output)
    for position in range(-_MARGIN, size + _MARGIN):
        side = 0 if position < 0 else 1 if position >= size else -1
        column = _kernel(axis, centres - position)
        if side < 0 or modes[side].is_counted:
            covered += column
        for index, weight in ((position, 1),) if side < 0 else modes[side].terms(position, size):
            weights[:, index] += column * weight
        if side >= 0:
            outside[side] += column
    weights, outside = weights / covered[:, None], outside / covered  # below 1 where the mode is `ignore`
    return weights, (outside[0], outside[1])


def _kernel(axis: ResizedAxis, distance: Array) -> Array:
    """Return the weight of a value at a distance: a hat, or the cubic convolution of Keys 1981."""
    a, d = axis.coefficient, np.abs(distance)
    if axis.method.name == "linear":
        return np.maximum(1 - d, 0)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    return np.where(d <= 1, near, np.where(d < 2, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a, 0))
