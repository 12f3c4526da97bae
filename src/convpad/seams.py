"""The measure of a seam: how much an image changes where its ends are joined, against inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.core.errors import ShapeError, refuse
from convpad.core.validation import is_int


def seam(image: Any, axis: int) -> float:
    """Return the mean difference across the joined ends of an axis over that of neighbours inside: 1 is seamless.

    Differences are absolute, and their means are taken over all other axes: channels, and images of a batch. Tiles of
    an image whose seam is well above 1 show their edges. Below 1 the ends are more alike than neighbours are.

    Example:

    >>> import convpad, numpy as np
    >>> ramp = np.tile([0, 1, 2, 3], (3, 1))
    >>> convpad.seam(ramp, axis=1)  # from 3 to 0, against steps of 1
    3.0
    >>> convpad.seam(ramp, axis=0)  # all rows are equal
    1.0

    Args:
        image: an array of any framework, a picture of Pillow, or nested lists of numbers: of any shape, with any axes.
        axis: the axis whose ends are joined, counted as NumPy does. In an image `(height, width, channels)`, 0 is the
            seam between tiles below each other, 1 between tiles side by side; in PyTorch's `(..., height, width)` these
            are -2 and -1.

    Returns:
        A number of at least 0. Where no neighbours differ, the ends do not either, and the seam is 1.

    Raises:
        PaddingError: `axis` is no int.
        ShapeError: there is no such axis, or it has less than 3 values; the image is empty, or not made of finite real
            numbers.
    """
    values = _numbers(image)
    if not is_int(axis):
        raise refuse("axis", "be one int: the axis whose ends are joined", axis, "Call it once for each axis.")
    if not -values.ndim <= axis < values.ndim:
        axes = f"from {-values.ndim} to {values.ndim - 1}" if values.ndim else "of an array, which a number has not"
        raise ShapeError(f"`axis` must be one {axes}. Received: {axis} for an image of shape {values.shape}.")
    if values.shape[axis] < 3 or values.size == 0:
        raise ShapeError(
            f"A seam needs at least 3 values along its axis, and one along each other. Received: shape {values.shape} "
            f"with axis {axis}. With 2, the neighbours inside are the joined ends."
        )
    if not np.isfinite(values).all():
        raise ShapeError("A seam is measured on finite numbers. Received: an image with NaN or infinity.")
    across = np.abs(np.take(values, 0, axis) - np.take(values, -1, axis)).mean()
    inside = np.abs(np.diff(values, axis=axis)).mean()
    return float(across / inside) if inside else 1.0


def _numbers(image: Any) -> npt.NDArray[np.float64]:
    if hasattr(image, "detach"):  # PyTorch's: NumPy takes none with a gradient, on a GPU, or of bfloat16
        image = image.detach().cpu().double()
    array = np.asarray(image)
    if array.dtype.kind in "cOSUmM":
        raise ShapeError(f"A seam is measured on real numbers. Received: {type(image).__name__} of {array.dtype}.")
    return array.astype(np.float64)  # differences of unsigned ints would wrap around
