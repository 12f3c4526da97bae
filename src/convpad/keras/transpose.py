"""Transposed convolution layers: the adjoints of padded convolutions."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

from convpad.core.errors import PaddingError
from convpad.core.padding import Padding
from convpad.keras.base import registered
from convpad.keras.config import learned
from convpad.keras.convolution import KernelLayer

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


class _ConvTranspose(KernelLayer):
    op = "conv_transpose"

    def __init__(self, *args: Any, padding_mode: Any = "zeros", **kwargs: Any) -> None:
        if learned(padding_mode):
            raise PaddingError(
                "`padding_mode` of a transposed convolution must be without Learned(...). "
                f"Received: {padding_mode!r}. A transposed convolution is an adjoint, which sees no constants, so "
                "there is nothing to learn."
            )
        super().__init__(*args, padding_mode=padding_mode, **kwargs)

    def _keep(self, padding: Padding) -> None:
        padding.check_channels(self.filters)
        super()._keep(padding)

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        return ((*self.kernel_size, self.filters, channels),)

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "output_padding": self.output_padding}


@registered
class Conv1DTranspose(_ConvTranspose, keras.layers.Conv1DTranspose):
    """`keras.layers.Conv1DTranspose` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> ones = {"kernel_initializer": "ones", "padding": "same"}
    >>> layer = convpad.keras.Conv1DTranspose(1, 3, padding_mode="circular", **ones)
    >>> keras.ops.convert_to_numpy(layer(np.array([[[1.0], [0.0], [0.0], [0.0]]]))).ravel()
    array([1., 1., 0., 1.], dtype=float32)

    Args:
        *args, **kwargs: as `Conv2DTranspose`, with one spatial axis.

    Input shape: `(batch, steps, channels)`, or channels second. Output shape: `(batch, new_steps, filters)`.

    Raises:
        PaddingError: as `Conv2DTranspose`.

    Source: https://keras.io/api/layers/convolution_layers/convolution1d_transpose
    """

    rank = 1


@registered
class Conv2DTranspose(_ConvTranspose, keras.layers.Conv2DTranspose):
    """`keras.layers.Conv2DTranspose` with any padding: the adjoint of `Conv2D` with the same arguments.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Conv2DTranspose(8, 4, strides=2, padding="same", padding_mode="circular")
    >>> layer.compute_output_shape((None, 16, 16, 3))
    (None, 32, 32, 8)

    Args:
        *args, **kwargs: all that `keras.layers.Conv2DTranspose` takes, in its order.
        padding, padding_mode: as `Conv2D` takes them, and of the forward convolution: what it would have copied
            outwards is added back where it came from. Constants are not seen by an adjoint.

    Input shape: `(batch, height, width, channels)`, or channels second.
    Output shape: `(batch, new_height, new_width, filters)`, or channels second.

    Raises:
        PaddingError: as `Conv2D`; and for `Learned`, which could learn nothing here.

    Source: Dumoulin & Visin, arXiv:1603.07285, section 4.
    """

    rank = 2


@registered
class Conv3DTranspose(_ConvTranspose, keras.layers.Conv3DTranspose):
    """`keras.layers.Conv3DTranspose` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Conv3DTranspose(2, 3, padding="half", padding_mode="reflect")
    >>> layer.compute_output_shape((None, 5, 6, 7, 4))
    (None, 5, 6, 7, 2)

    Args:
        *args, **kwargs: as `Conv2DTranspose`, with three spatial axes.

    Input shape: `(batch, depth, height, width, channels)`, or channels second.
    Output shape: `(batch, new_depth, new_height, new_width, filters)`, or channels second.

    Raises:
        PaddingError: as `Conv2DTranspose`.

    Source: https://keras.io/api/layers/convolution_layers/convolution3d_transpose
    """

    rank = 3
