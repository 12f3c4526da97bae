"""Pooling layers: Keras's own, with any padding."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

from convpad.keras.base import WindowLayer


class _Pooling(WindowLayer):
    """A pool: a window without kernels, whose padding is ignored by default."""

    pool_size: tuple[int, ...]

    def __init__(self, *args: Any, padding_mode: Any = "ignore", **kwargs: Any) -> None:
        """Make the layer from the arguments of Keras's layer with this name, in their order, and `padding_mode`.

        Args:
            padding: how much, as `Conv2D` takes it.
            padding_mode: with what, as `Conv2D` takes it. `"ignore"`: padding never is the maximum, and an average is
                the mean of the values that the window covers. `"zeros"`: padding counts as zeros, which PyTorch calls
                `count_include_pad=True`.

        Raises:
            PaddingError: from the constructor, on every backend alike: no such padding.
            ShapeError: when built: it does not fit the input.

        Source: the layer with this name in https://keras.io/api/layers
        """
        super().__init__(*args, padding_mode=padding_mode, **kwargs)

    def _options(self) -> dict[str, Any]:
        return {"pool_size": self.pool_size, "strides": self.strides, "data_format": self.data_format}

    def call(self, inputs: Any) -> Any:
        """Return the layer's output; the maximum of integers stays one, but for trained padding."""
        floating = self.op == "average_pool" or self.padding_values
        return self._run(keras.ops.cast(inputs, self.compute_dtype) if floating else inputs)


class _MaxPooling(_Pooling):
    op = "max_pool"


class _AveragePooling(_Pooling):
    op = "average_pool"


class MaxPooling1D(_MaxPooling, keras.layers.MaxPooling1D, rank=1):
    """`keras.layers.MaxPooling1D` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.MaxPooling1D(3, strides=1, padding="same", padding_mode="circular")
    >>> keras.ops.convert_to_numpy(layer(np.array([[[9.0], [1.0], [2.0], [3.0]]]))).ravel()
    array([9., 9., 3., 9.], dtype=float32)

    Shapes: `(batch, steps, channels)` to `(batch, new_steps, channels)`, or channels second.
    """


class MaxPooling2D(_MaxPooling, keras.layers.MaxPooling2D, rank=2):
    """`keras.layers.MaxPooling2D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.MaxPooling2D(3, strides=2, padding="half")
    >>> layer.compute_output_shape((None, 112, 112, 64))
    (None, 56, 56, 64)

    Shapes: `(batch, height, width, channels)` to `(batch, new_height, new_width, channels)`, or channels second.
    """


class MaxPooling3D(_MaxPooling, keras.layers.MaxPooling3D, rank=3):
    """`keras.layers.MaxPooling3D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.MaxPooling3D(2, padding=((0, 1), 0, 0), padding_mode="zeros")
    >>> layer.compute_output_shape((None, 5, 6, 8, 3))
    (None, 3, 3, 4, 3)

    Shapes: `(batch, depth, height, width, channels)`
    to `(batch, new_depth, new_height, new_width, channels)`, or channels second.
    """


class AveragePooling1D(_AveragePooling, keras.layers.AveragePooling1D, rank=1):
    """`keras.layers.AveragePooling1D` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.AveragePooling1D(3, strides=1, padding="same", padding_mode="replicate")
    >>> keras.ops.convert_to_numpy(layer(np.array([[[3.0], [6.0], [9.0]]]))).ravel()
    array([4., 6., 8.], dtype=float32)

    Shapes: `(batch, steps, channels)` to `(batch, new_steps, channels)`, or channels second.
    """


class AveragePooling2D(_AveragePooling, keras.layers.AveragePooling2D, rank=2):
    """`keras.layers.AveragePooling2D` with any padding. The mean of integers is a floating-point number.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.AveragePooling2D(2, padding=((0, 1), (0, 1)), padding_mode="zeros")
    >>> layer.compute_output_shape((None, 7, 9, 3))
    (None, 4, 5, 3)

    Shapes: `(batch, height, width, channels)` to `(batch, new_height, new_width, channels)`, or channels second.
    """


class AveragePooling3D(_AveragePooling, keras.layers.AveragePooling3D, rank=3):
    """`keras.layers.AveragePooling3D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.AveragePooling3D(2, padding="same", padding_mode="symmetric")
    >>> layer.compute_output_shape((None, 5, 6, 7, 3))
    (None, 3, 3, 4, 3)

    Shapes: `(batch, depth, height, width, channels)`
    to `(batch, new_depth, new_height, new_width, channels)`, or channels second.
    """
