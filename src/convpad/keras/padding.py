"""Padding layers: `Padding1D` to `Padding3D` with any mode, and Keras's `ZeroPadding1D` to `ZeroPadding3D`."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

from convpad.core.padding import Padding
from convpad.keras import config
from convpad.keras.base import PaddingLayer, registered

__all__ = ["Padding1D", "Padding2D", "Padding3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]


class _PadLayer(PaddingLayer):
    """A layer that pads, and nothing else."""

    op = "pad"

    def _keep(self, padding: Padding) -> None:
        super()._keep(padding)
        self._problem((None,) * (self.rank + 2))  # a mode without values is refused in the constructor

    def call(self, inputs: Any) -> Any:
        """Return the padded inputs; integers with trained padding in the compute dtype."""
        return self._run(keras.ops.cast(inputs, self.compute_dtype) if self.padding_values else inputs)


class _Padding(_PadLayer):
    def __init__(self, padding: Any = 1, padding_mode: Any = "zeros", data_format: str | None = None, **kwargs: Any):
        parsed = config.parse(padding, padding_mode, self.rank, words=False)
        super().__init__(**kwargs)
        self.data_format = keras.config.image_data_format() if data_format is None else data_format
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._keep(parsed)

    def get_config(self) -> dict[str, Any]:
        """Return the config as JSON can have it."""
        return {**super().get_config(), "data_format": self.data_format}


class _ZeroPadding(_PadLayer):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound, padding = self._bound(*args, **kwargs)
        parsed = config.parse(padding, "zeros", self.rank, words=False)
        pairs, _ = parsed.spelling()
        bound.arguments["padding"] = pairs if self.rank > 1 else pairs[0]
        super().__init__(*bound.args, **bound.kwargs)
        keras_padding = self.padding
        self._keep(parsed)
        self.padding = keras_padding

    def get_config(self) -> dict[str, Any]:
        """Return Keras's config, which has no mode."""
        return {key: value for key, value in super().get_config().items() if key != "padding_mode"}


@registered
class Padding1D(_Padding):
    """Pads sequences by any amount with anything.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.Padding1D((2, 1), "reflect")
    >>> keras.ops.convert_to_numpy(layer(np.array([[[1.0], [2.0], [3.0]]]))).ravel()
    array([3., 2., 1., 2., 3., 2.], dtype=float32)

    Args:
        padding: an int, or a pair `(before, after)`.
        padding_mode, data_format: as `Padding2D`.

    Input shape: `(batch, steps, channels)`, or channels second. Output shape: `(batch, padded_steps, channels)`.

    Raises:
        PaddingError: as `Padding2D`.

    Source: the modes are those of `numpy.pad`.
    """

    rank = 1


@registered
class Padding2D(_Padding):
    """Pads images by any amount with anything.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Padding2D(((0, 0), (3, 3)), ("zeros", "circular"))
    >>> layer.compute_output_shape((None, 18, 36, 1))
    (None, 18, 42, 1)

    Args:
        padding: an int, or for each spatial axis an int or a pair `(before, after)`, as `ZeroPadding2D` reads it.
        padding_mode: a mode's name, a number, `Constant` or `Learned`; or one for each spatial axis, or a pair of
            them `(before, after)`. Later axes pad the corners.
        data_format: `"channels_last"`, `"channels_first"`, or None for Keras's `image_data_format`.
        **kwargs: `name`, `dtype`, `trainable`, as every Keras layer takes them.

    Input shape: `(batch, height, width, channels)`, or channels second.
    Output shape: `(batch, padded_height, padded_width, channels)`, or channels second.

    Raises:
        PaddingError: from the constructor, on every backend alike: no such padding.

    Source: the modes are those of `numpy.pad`.
    """

    rank = 2


@registered
class Padding3D(_Padding):
    """Pads volumes by any amount with anything.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Padding3D((1, 2, (3, 0)), convpad.Learned("ones"))
    >>> layer.compute_output_shape((None, 4, 4, None, 2))
    (None, 6, 8, None, 2)

    Args:
        padding, padding_mode, data_format: as `Padding2D`, with three spatial axes.

    Input shape: `(batch, depth, height, width, channels)`, or channels second.
    Output shape: `(batch, padded_depth, padded_height, padded_width, channels)`, or channels second.

    Raises:
        PaddingError: as `Padding2D`.

    Source: the modes are those of `numpy.pad`.
    """

    rank = 3


@registered
class ZeroPadding1D(_ZeroPadding, keras.layers.ZeroPadding1D):
    """`keras.layers.ZeroPadding1D`, refusing what is no amount. `Padding1D` pads with more than zeros.

    Example:

    >>> import convpad
    >>> convpad.keras.ZeroPadding1D((1, 2)).compute_output_shape((None, 4, 2))
    (None, 7, 2)

    Args:
        *args, **kwargs: all that `keras.layers.ZeroPadding1D` takes: an int or a pair `(before, after)`.

    Input shape: `(batch, steps, channels)`, or channels second. Output shape: `(batch, padded_steps, channels)`.

    Raises:
        PaddingError: no such amount.

    Source: https://keras.io/api/layers/reshaping_layers/zero_padding1d
    """

    rank = 1


@registered
class ZeroPadding2D(_ZeroPadding, keras.layers.ZeroPadding2D):
    """`keras.layers.ZeroPadding2D`, refusing what is no amount. `Padding2D` pads with more than zeros.

    Example:

    >>> import convpad
    >>> convpad.keras.ZeroPadding2D((1, 2)).compute_output_shape((None, 4, 4, 3))
    (None, 6, 8, 3)
    >>> convpad.keras.ZeroPadding2D(((1, 0), (0, 0))).padding
    ((1, 0), (0, 0))

    Args:
        *args, **kwargs: all that `keras.layers.ZeroPadding2D` takes: an int, one for each spatial axis, or a pair
            `(before, after)` for each.

    Input shape: `(batch, height, width, channels)`, or channels second.
    Output shape: `(batch, padded_height, padded_width, channels)`, or channels second.

    Raises:
        PaddingError: no such amounts.

    Source: https://keras.io/api/layers/reshaping_layers/zero_padding2d
    """

    rank = 2


@registered
class ZeroPadding3D(_ZeroPadding, keras.layers.ZeroPadding3D):
    """`keras.layers.ZeroPadding3D`, refusing what is no amount. `Padding3D` pads with more than zeros.

    Example:

    >>> import convpad
    >>> convpad.keras.ZeroPadding3D().compute_output_shape((None, 4, 4, 4, 3))
    (None, 6, 6, 6, 3)

    Args:
        *args, **kwargs: as `ZeroPadding2D`, with three spatial axes.

    Input shape: `(batch, depth, height, width, channels)`, or channels second.
    Output shape: `(batch, padded_depth, padded_height, padded_width, channels)`, or channels second.

    Raises:
        PaddingError: no such amounts.

    Source: https://keras.io/api/layers/reshaping_layers/zero_padding3d
    """

    rank = 3
