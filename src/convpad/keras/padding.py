"""Padding layers, with any mode and with zeros, and the padding functions of Keras 2, with any mode."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, cast

import keras

from convpad.core.errors import ShapeError, refuse
from convpad.core.padding import Padding
from convpad.keras import config
from convpad.keras.base import PaddingLayer
from convpad.ops.functions import pad


class _PadLayer(PaddingLayer):
    """A layer that pads, and nothing else."""

    op = "pad"

    def _set_padding(self, padding: Padding) -> None:
        super()._set_padding(padding)
        self._problem((None,) * (self.rank + 2))  # a mode without values is refused in the constructor

    def call(self, inputs: Any) -> Any:
        """Return the padded inputs; integers with trained padding in the compute dtype."""
        return self._run(keras.ops.cast(inputs, self.compute_dtype) if self.padding_values else inputs)


class _Padding(_PadLayer):
    def __init__(self, padding: Any = 1, padding_mode: Any = "zeros", data_format: str | None = None, **kwargs: Any):
        """Make the layer from a padding, and the arguments that every Keras layer takes.

        Args:
            padding: an int, or for each spatial axis an int or a pair `(before, after)`, as `ZeroPadding2D` reads it;
                with one axis an int or a pair.
            padding_mode: a mode's name, a number, `Constant` or `Learned`; or one for each spatial axis, or a pair of
                them `(before, after)`. Later axes pad the corners.
            data_format: `"channels_last"`, `"channels_first"`, or None for Keras's `image_data_format`.
            **kwargs: `name`, `dtype`, `trainable`.

        Raises:
            PaddingError: from the constructor, on every backend alike: no such padding.

        Source: the modes are those of `numpy.pad`.
        """
        parsed = config.parse(padding, padding_mode, self.rank, has_window=False)
        super().__init__(**kwargs)
        self.data_format = keras.config.image_data_format() if data_format is None else data_format
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._set_padding(parsed)

    def get_config(self) -> dict[str, Any]:
        """Return the config as JSON can have it."""
        return {**super().get_config(), "data_format": self.data_format}


class _ZeroPadding(_PadLayer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make the layer from the arguments of Keras's layer with this name, in their order.

        Args:
            padding: an int, or for each spatial axis an int or a pair `(before, after)`; with one axis an int or a
                pair.

        Raises:
            PaddingError: from the constructor, on every backend alike: no such amount.

        Source: the layer with this name in https://keras.io/api/layers
        """
        bound, padding = self._bind(*args, **kwargs)
        parsed = config.parse(padding, "zeros", self.rank, has_window=False)
        pairs, _ = parsed.spelling()
        bound.arguments["padding"] = pairs if self.rank > 1 else pairs[0]
        super().__init__(*bound.args, **bound.kwargs)
        keras_padding = self.padding
        self._set_padding(parsed)
        self.padding = keras_padding

    def get_config(self) -> dict[str, Any]:
        """Return Keras's config, which has no mode."""
        return {key: value for key, value in super().get_config().items() if key != "padding_mode"}


class Padding1D(_Padding, rank=1):
    """Pads sequences by any amount, in any mode.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.Padding1D((2, 1), "reflect")
    >>> keras.ops.convert_to_numpy(layer(np.array([[[1.0], [2.0], [3.0]]]))).ravel()
    array([3., 2., 1., 2., 3., 2.], dtype=float32)

    Shapes: `(batch, steps, channels)` to `(batch, padded_steps, channels)`, or channels second.
    """


class Padding2D(_Padding, rank=2):
    """Pads images by any amount, in any mode.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Padding2D(((0, 0), (3, 3)), ("zeros", "circular"))
    >>> layer.compute_output_shape((None, 18, 36, 1))
    (None, 18, 42, 1)

    Shapes: `(batch, height, width, channels)` to `(batch, padded_height, padded_width, channels)`, or channels second.
    """


class Padding3D(_Padding, rank=3):
    """Pads volumes by any amount, in any mode.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Padding3D((1, 2, (3, 0)), convpad.Learned("ones"))
    >>> layer.compute_output_shape((None, 4, 4, None, 2))
    (None, 6, 8, None, 2)

    Shapes: `(batch, depth, height, width, channels)`
    to `(batch, padded_depth, padded_height, padded_width, channels)`, or channels second.
    """


class ZeroPadding1D(_ZeroPadding, keras.layers.ZeroPadding1D, rank=1):
    """`keras.layers.ZeroPadding1D`, with a check of its amounts. `Padding1D` has the other modes.

    Example:

    >>> import convpad
    >>> convpad.keras.ZeroPadding1D((1, 2)).compute_output_shape((None, 4, 2))
    (None, 7, 2)

    Shapes: `(batch, steps, channels)` to `(batch, padded_steps, channels)`, or channels second.
    """


class ZeroPadding2D(_ZeroPadding, keras.layers.ZeroPadding2D, rank=2):
    """`keras.layers.ZeroPadding2D`, with a check of its amounts. `Padding2D` has the other modes.

    Example:

    >>> import convpad
    >>> convpad.keras.ZeroPadding2D((1, 2)).compute_output_shape((None, 4, 4, 3))
    (None, 6, 8, 3)
    >>> convpad.keras.ZeroPadding2D(((1, 0), (0, 0))).padding
    ((1, 0), (0, 0))

    Shapes: `(batch, height, width, channels)` to `(batch, padded_height, padded_width, channels)`, or channels second.
    """


class ZeroPadding3D(_ZeroPadding, keras.layers.ZeroPadding3D, rank=3):
    """`keras.layers.ZeroPadding3D`, with a check of its amounts. `Padding3D` has the other modes.

    Example:

    >>> import convpad
    >>> convpad.keras.ZeroPadding3D().compute_output_shape((None, 4, 4, 4, 3))
    (None, 6, 6, 6, 3)

    Shapes: `(batch, depth, height, width, channels)`
    to `(batch, padded_depth, padded_height, padded_width, channels)`, or channels second.
    """


def _pad(
    layer: type[Padding1D | Padding2D | Padding3D], x: Any, padding: Any, padding_mode: Any, data_format: str | None
) -> Any:
    if len(x.shape) != layer.rank + 2:
        raise ShapeError(
            f"x must have {layer.rank + 2} axes: batch, {layer.rank} to pad, and channels. "
            f"Received: shape {tuple(x.shape)}. convpad.pad pads any number of axes."
        )
    if config.has_learned(padding_mode):
        raise refuse("padding_mode", "carry its value here", padding_mode, f"Learned needs a layer: {layer.__name__}.")
    if isinstance(x, keras.KerasTensor):
        return layer(padding, padding_mode, data_format, dtype=x.dtype)(x)
    x = keras.ops.cast(x, x.dtype) if isinstance(x, keras.Variable) else x
    data_format = keras.config.image_data_format() if data_format is None else data_format
    return pad(x, padding, padding_mode, data_format=cast("Any", data_format))


def temporal_padding(
    x: Any, padding: Any = (1, 1), data_format: str | None = "channels_last", padding_mode: Any = "zeros"
) -> Any:
    """Pad the middle axis of a tensor with three, like `keras.backend.temporal_padding` of Keras 2.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.keras.temporal_padding(np.array([[[1], [2]]]), (2, 1), padding_mode="circular").ravel()
    array([1, 2, 1, 2, 1])

    Args:
        x: a tensor of any framework, a NumPy array or a `KerasTensor`, of shape `(batch, steps, channels)`.
        padding: an int, or a pair `(before, after)`.
        data_format: None is Keras's `image_data_format`; by default `"channels_last"`, as in Keras 2.
        padding_mode: as `convpad.pad` takes it.

    Returns:
        A tensor of the same kind and dtype, of shape `(batch, padded_steps, channels)`.

    Raises:
        PaddingError: no such padding.
    """
    return _pad(Padding1D, x, padding, padding_mode, data_format)


def spatial_2d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None, padding_mode: Any = "zeros"
) -> Any:
    """Pad the two spatial axes of images, like `keras.backend.spatial_2d_padding` of Keras 2.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.keras.spatial_2d_padding(np.ones((1, 2, 2, 3)), ((1, 0), (2, 2)), padding_mode="symmetric").shape
    (1, 3, 6, 3)

    Args:
        x: as `temporal_padding`, of shape `(batch, height, width, channels)`, or channels second.
        padding, data_format, padding_mode: as `Padding2D` takes them.

    Returns, raises: as `temporal_padding`, of shape `(batch, padded_height, padded_width, channels)`.
    """
    return _pad(Padding2D, x, padding, padding_mode, data_format)


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, padding_mode: Any = "zeros"
) -> Any:
    """Pad the three spatial axes of volumes, like `keras.backend.spatial_3d_padding` of Keras 2.

    Example:

    >>> import convpad, numpy as np
    >>> convpad.keras.spatial_3d_padding(np.ones((1, 2, 2, 2, 3)), padding_mode=7).shape
    (1, 4, 4, 4, 3)

    Args:
        x: as `temporal_padding`, of shape `(batch, depth, height, width, channels)`, or channels second.
        padding, data_format, padding_mode: as `Padding3D` takes them.

    Returns, raises: as `spatial_2d_padding`, with three spatial axes.
    """
    return _pad(Padding3D, x, padding, padding_mode, data_format)
