"""Depthwise and separable convolution layers."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, ClassVar

import keras

from convpad.keras.base import registered
from convpad.keras.convolution import KernelLayer

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"]


class _DepthwiseConv(KernelLayer):
    op = "depthwise_conv"
    kernel_names: ClassVar = {"kernel": 2}

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        return ((*self.kernel_size, channels, self.depth_multiplier),)


class _SeparableConv(KernelLayer):
    op = "separable_conv"
    kernel_names: ClassVar = {"depthwise_kernel": 2, "pointwise_kernel": 1}

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        between = None if channels is None else channels * self.depth_multiplier
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        return depthwise, (*(1,) * self.rank, between, self.filters)


@registered
class DepthwiseConv1D(_DepthwiseConv, keras.layers.DepthwiseConv1D):
    """`keras.layers.DepthwiseConv1D` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.DepthwiseConv1D(3, padding="half", padding_mode="ignore", depthwise_initializer="ones")
    >>> keras.ops.convert_to_numpy(layer(np.ones((1, 4, 1)))).ravel()
    array([3., 3., 3., 3.], dtype=float32)

    Args:
        *args, **kwargs: as `DepthwiseConv2D`, with one spatial axis.

    Input shape: `(batch, steps, channels)`, or channels second.
    Output shape: `(batch, new_steps, channels * depth_multiplier)`, or channels second.

    Raises:
        PaddingError: as `Conv2D`.

    Source: https://keras.io/api/layers/convolution_layers/depthwise_convolution1d
    """

    rank = 1


@registered
class DepthwiseConv2D(_DepthwiseConv, keras.layers.DepthwiseConv2D):
    """`keras.layers.DepthwiseConv2D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.DepthwiseConv2D(3, strides=2, padding=1, padding_mode="replicate", depth_multiplier=2)
    >>> layer.compute_output_shape((None, 32, 32, 3))
    (None, 16, 16, 6)

    Args:
        *args, **kwargs: all that `keras.layers.DepthwiseConv2D` takes, in its order.
        padding, padding_mode: as `Conv2D` takes them.

    Input shape: `(batch, height, width, channels)`, or channels second.
    Output shape: `(batch, new_height, new_width, channels * depth_multiplier)`, or channels second.

    Raises:
        PaddingError: as `Conv2D`.

    Source: https://keras.io/api/layers/convolution_layers/depthwise_convolution2d
    """

    rank = 2


@registered
class SeparableConv1D(_SeparableConv, keras.layers.SeparableConv1D):
    """`keras.layers.SeparableConv1D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.SeparableConv1D(4, 5, padding="causal", padding_mode="reflect_odd")
    >>> layer.compute_output_shape((None, 100, 2))
    (None, 100, 4)

    Args:
        *args, **kwargs: as `SeparableConv2D`, with one spatial axis.

    Input shape: `(batch, steps, channels)`, or channels second. Output shape: `(batch, new_steps, filters)`.

    Raises:
        PaddingError: as `Conv2D`.

    Source: https://keras.io/api/layers/convolution_layers/separable_convolution1d
    """

    rank = 1


@registered
class SeparableConv2D(_SeparableConv, keras.layers.SeparableConv2D):
    """`keras.layers.SeparableConv2D` with any padding, which its depthwise part gets.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.SeparableConv2D(8, 3, padding="same", padding_mode="circular")
    >>> layer.compute_output_shape((None, 32, 32, 3))
    (None, 32, 32, 8)

    Args:
        *args, **kwargs: all that `keras.layers.SeparableConv2D` takes, in its order.
        padding, padding_mode: as `Conv2D` takes them.

    Input shape: `(batch, height, width, channels)`, or channels second.
    Output shape: `(batch, new_height, new_width, filters)`, or channels second.

    Raises:
        PaddingError: as `Conv2D`.

    Source: https://keras.io/api/layers/convolution_layers/separable_convolution2d
    """

    rank = 2
