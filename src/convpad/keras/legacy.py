"""The padding functions of Keras 2, which had three in `keras.backend`; here they take any mode."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, cast

import keras

from convpad.core.errors import ShapeError, refuse
from convpad.keras.config import learned
from convpad.keras.padding import Padding1D, Padding2D, Padding3D
from convpad.ops.functions import pad

__all__ = ["spatial_2d_padding", "spatial_3d_padding", "temporal_padding"]


def _padded(
    layer: type[Padding1D | Padding2D | Padding3D], x: Any, padding: Any, padding_mode: Any, data_format: str | None
) -> Any:
    if len(x.shape) != layer.rank + 2:
        raise ShapeError(
            f"x must have {layer.rank + 2} axes: batch, {layer.rank} to pad, and channels. "
            f"Received: shape {tuple(x.shape)}. convpad.pad pads any number of axes."
        )
    if learned(padding_mode):
        raise refuse("padding_mode", "carry its value here", padding_mode, f"Learned needs a layer: {layer.__name__}.")
    if isinstance(x, keras.KerasTensor):
        return layer(padding, padding_mode, data_format, dtype=x.dtype)(x)
    x = keras.ops.cast(x, x.dtype) if isinstance(x, keras.Variable) else x
    data_format = keras.config.image_data_format() if data_format is None else data_format
    return pad(x, padding, padding_mode, data_format=cast("Any", data_format))


def temporal_padding(
    x: Any, padding: Any = (1, 1), data_format: str | None = "channels_last", padding_mode: Any = "zeros"
) -> Any:
    """Pads the middle axis of a tensor of three, as Keras's function of that name did.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.keras.temporal_padding(np.array([[[1], [2]]]), (2, 1), padding_mode="circular").ravel()
    array([1, 2, 1, 2, 1])

    Args:
        x: a tensor of any framework, a NumPy array or a `KerasTensor`, of shape `(batch, steps, channels)`.
        padding: an int, or a pair `(before, after)`.
        data_format: None is Keras's `image_data_format`; left out, it is the middle axis, as it always was.
        padding_mode: as `convpad.pad` takes it.

    Returns:
        A tensor of the same kind and dtype, of shape `(batch, padded_steps, channels)`.

    Raises:
        PaddingError: no such padding.

    Source: `keras.backend.temporal_padding` of Keras 2.
    """
    return _padded(Padding1D, x, padding, padding_mode, data_format)


def spatial_2d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None, padding_mode: Any = "zeros"
) -> Any:
    """Pads the two spatial axes of images, as Keras's function of that name did.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.keras.spatial_2d_padding(np.ones((1, 2, 2, 3)), ((1, 0), (2, 2)), padding_mode="symmetric").shape
    (1, 3, 6, 3)

    Args:
        x: a tensor of any framework, a NumPy array or a `KerasTensor`, of shape `(batch, height, width, channels)`,
            or channels second.
        padding: as `Padding2D` takes it.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's `image_data_format`.
        padding_mode: as `convpad.pad` takes it.

    Returns:
        A tensor of the same kind and dtype, of shape `(batch, padded_height, padded_width, channels)`, or channels
        second.

    Raises:
        PaddingError: no such padding.

    Source: `keras.backend.spatial_2d_padding` of Keras 2.
    """
    return _padded(Padding2D, x, padding, padding_mode, data_format)


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, padding_mode: Any = "zeros"
) -> Any:
    """Pads the three spatial axes of volumes, as Keras's function of that name did.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.keras.spatial_3d_padding(np.ones((1, 2, 2, 2, 3)), padding_mode=7).shape
    (1, 4, 4, 4, 3)

    Args:
        x, padding, data_format, padding_mode: as `spatial_2d_padding`, with three spatial axes.

    Returns:
        A tensor of the same kind and dtype.

    Raises:
        PaddingError: no such padding.

    Source: `keras.backend.spatial_3d_padding` of Keras 2.
    """
    return _padded(Padding3D, x, padding, padding_mode, data_format)
