"""Upsampling of images: Keras's own layer, and with an edge that is padded in any mode."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any

import keras

from convpad.core.errors import refuse
from convpad.core.resampling import CUBIC_COEFFICIENT, Resize
from convpad.core.types import PaddingModeLike
from convpad.keras import config
from convpad.keras.base import document_arguments
from convpad.ops.resampling import call

_METHODS = {"bilinear": "linear", "bicubic": "cubic"}
"""The methods of Keras's interpolations that read beyond the edge and are weighted sums of at most four values."""


@keras.saving.register_keras_serializable(package="convpad")
@document_arguments
class UpSampling2D(keras.layers.UpSampling2D):
    """`keras.layers.UpSampling2D` that reads beyond the edge as a padding mode says.

    Example:

    >>> import convpad, keras, numpy as np
    >>> x = np.array([0.0, 4.0, 8.0], "float32").reshape(1, 1, 3, 1)
    >>> layer = convpad.keras.UpSampling2D((1, 2), interpolation="bilinear", padding_mode="circular")
    >>> keras.ops.convert_to_numpy(layer(x)).ravel()
    array([2., 1., 3., 5., 7., 6.], dtype=float32)

    Shapes: `(batch, height, width, channels)` to `(batch, new_height, new_width, channels)`, or channels second.
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        *,
        padding_mode: PaddingModeLike | None = None,
        **kwargs: Any,
    ) -> None:
        """Make the layer from Keras's arguments, in their order, and `padding_mode`.

        Args:
            size, data_format, interpolation: as Keras takes them.
            padding_mode: None for Keras's own edge: `"replicate"` for `"bilinear"`, and for `"bicubic"` what the
                backend does. Or as `convpad.resize` takes it, with equal numbers on every backend. `"nearest"` reads
                nothing beyond the edge, so every mode gives the same.
            **kwargs: `name`, `dtype`, `trainable`.

        Raises:
            PaddingError: no such padding mode, or one given to an interpolation of Lanczos.

        Source: https://keras.io/api/layers/reshaping_layers/up_sampling2d
        """
        super().__init__(size, data_format, interpolation, **kwargs)
        self.padding_mode = padding_mode
        if padding_mode is None:
            return
        if self.interpolation not in ("nearest", *_METHODS):
            mend = "Interpolate with 'bilinear' or 'bicubic'."
            raise refuse("padding_mode", f"be None with interpolation={interpolation!r}", padding_mode, mend)
        parsed = config.parse(0, padding_mode, 2)
        self.padding_mode = parsed.spelling()[1]
        Resize.parse(2, None, self.size, _METHODS.get(self.interpolation, "nearest"), self.padding_mode)

    def call(self, inputs: Any) -> Any:
        """Return the upsampled inputs."""
        if self.padding_mode is None or self.interpolation not in _METHODS:
            return super().call(inputs)
        method = _METHODS[self.interpolation]
        inputs = keras.ops.cast(inputs, self.compute_dtype)
        return call(inputs, None, self.size, method, self.padding_mode, CUBIC_COEFFICIENT, self.data_format)

    def get_config(self) -> dict[str, Any]:
        """Return Keras's config and `padding_mode`, as JSON can have it."""
        mode = None if self.padding_mode is None else config.to_config(self.padding_mode)
        return {**super().get_config(), "padding_mode": mode}

    @classmethod
    def from_config(cls, config_of_layer: dict[str, Any]) -> Any:
        """Return the layer of a config of this class, or of Keras's class with its name."""
        options = dict(config_of_layer)
        if options.get("padding_mode") is not None:
            options["padding_mode"] = config.from_config(options["padding_mode"])
        return super().from_config(options)
