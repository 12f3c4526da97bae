"""Which layers only pad? `Padding1D` to `Padding3D` with any mode, and Keras's `ZeroPadding1D` to `ZeroPadding3D`."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

from convpad.core.padding import Padding
from convpad.core.problem import pose_pad
from convpad.keras import config as spelling
from convpad.keras.base import Padded, registered
from convpad.ops.pad import pad

__all__ = ["Padding1D", "Padding2D", "Padding3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]


class _Extending(Padded):
    """What they share: nothing but the padding itself."""

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of what comes out, None where unknown."""
        self._channels(input_shape)
        parsed = Padding.parse(self.padding, self.padding_mode, rank=self.rank, words=False)
        return pose_pad(tuple(input_shape), parsed, self.data_format).output_shape

    def call(self, inputs: Any) -> Any:
        """The layer's output for a tensor of inputs; of integers with trained padding, in the compute dtype."""
        inputs = keras.ops.cast(inputs, self.compute_dtype) if self.padding_values else inputs
        mode = self._mode_for(inputs)
        return pad(inputs, self.padding, mode, data_format=self.data_format)


class _Padding(_Extending):
    def __init__(self, padding: Any = 1, padding_mode: Any = "zeros", data_format: str | None = None, **kwargs: Any):
        spelled = spelling.canonical(padding, padding_mode, self.rank, words=False)
        super().__init__(**kwargs)
        self.data_format = keras.config.image_data_format() if data_format is None else data_format
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)
        self._keep(*spelled)

    def get_config(self) -> dict[str, Any]:
        """As JSON can have it."""
        return {**super().get_config(), "data_format": self.data_format}


class _ZeroPadding(_Extending):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound, padding = self._bound(*args, **kwargs)
        pairs, _ = spelling.canonical(padding, "zeros", self.rank, words=False)
        bound.arguments["padding"] = pairs if self.rank > 1 else pairs[0]
        super().__init__(*bound.args, **bound.kwargs)
        self._keep(self.padding, "zeros")

    def get_config(self) -> dict[str, Any]:
        """Keras's config, which has no mode."""
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
