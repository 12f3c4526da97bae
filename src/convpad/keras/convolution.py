"""Convolution layers: Keras's own, plain, depthwise, separable and transposed, with any padding."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, ClassVar

import keras

from convpad.core.errors import PaddingError
from convpad.core.padding import Padding
from convpad.keras.base import KernelLayer
from convpad.keras.config import has_learned


class _Conv(KernelLayer):
    op = "conv"

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        return ((*self.kernel_size, None if channels is None else channels // self.groups, self.filters),)

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "groups": self.groups}

    @property
    def _output_is_unaliased(self) -> bool:
        return type(self).convolution_op is _Conv.convolution_op  # another one may return a tensor that is held

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return the convolution without bias and activation: Keras's documented place for another one."""
        return self._run_with_kernels(inputs, kernel)

    def _convolve(self, inputs: Any) -> Any:
        return self.convolution_op(inputs, self.kernel)

    def build(self, input_shape: Any) -> None:
        """Build the layer, LoRA last, since no weight can be added after it."""
        rank, self.lora_rank = self.lora_rank, None
        try:
            super().build(input_shape)
        finally:
            self.lora_rank = rank
        if rank:
            self.enable_lora(rank, lora_alpha=self.lora_alpha)

    def save_own_variables(self, store: Any) -> None:
        """Store Keras's kernel, LoRA merged into it, and bias; then the trained padding, which Keras's method omits."""
        super().save_own_variables(store)
        for number, value in enumerate(self.padding_values, 1 + self.use_bias):
            store[str(number)] = value

    def load_own_variables(self, store: Any) -> None:
        """Load what `save_own_variables` stored; without trained padding that is what Keras's layer stores."""
        super().load_own_variables(store)
        for number, value in enumerate(self.padding_values, 1 + self.use_bias):
            value.assign(store[str(number)])


class Conv1D(_Conv, keras.layers.Conv1D, rank=1):
    """`keras.layers.Conv1D` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.Conv1D(1, 3, padding="causal", padding_mode="replicate", kernel_initializer="ones")
    >>> keras.ops.convert_to_numpy(layer(np.array([[[1.0], [2.0], [3.0]]]))).ravel()
    array([3., 4., 6.], dtype=float32)

    Shapes: `(batch, steps, channels)` to `(batch, new_steps, filters)`, or channels second.
    """


class Conv2D(_Conv, keras.layers.Conv2D, rank=2):
    """`keras.layers.Conv2D` with any padding.

    Weights have the same names and shapes as Keras's, so those of a Keras model load unchanged.

    Example:

    >>> import convpad, keras, numpy as np
    >>> globe = convpad.keras.Conv2D(8, 3, padding="same", padding_mode=("reflect", "circular"))
    >>> globe(np.zeros((1, 18, 36, 4))).shape == (1, 18, 36, 8)
    True
    >>> learned = convpad.keras.Conv2D(8, 7, strides=2, padding="half", padding_mode=convpad.Learned())
    >>> learned.compute_output_shape((None, None, None, 3))
    (None, None, None, 8)

    Shapes: `(batch, height, width, channels)` to `(batch, new_height, new_width, filters)`, or channels second.
    """


class Conv3D(_Conv, keras.layers.Conv3D, rank=3):
    """`keras.layers.Conv3D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Conv3D(4, 3, padding=("causal", "same", "same"), padding_mode="symmetric")
    >>> layer.compute_output_shape((None, 10, 16, 16, 1))
    (None, 10, 16, 16, 4)

    Shapes: `(batch, depth, height, width, channels)`
    to `(batch, new_depth, new_height, new_width, filters)`, or channels second.
    """


class _DepthwiseConv(KernelLayer):
    op = "depthwise_conv"
    kernel_names: ClassVar = {"kernel": 2}

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        return ((*self.kernel_size, channels, self.depth_multiplier),)


class DepthwiseConv1D(_DepthwiseConv, keras.layers.DepthwiseConv1D, rank=1):
    """`keras.layers.DepthwiseConv1D` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.DepthwiseConv1D(3, padding="half", padding_mode="ignore", depthwise_initializer="ones")
    >>> keras.ops.convert_to_numpy(layer(np.ones((1, 4, 1)))).ravel()
    array([3., 3., 3., 3.], dtype=float32)

    Shapes: `(batch, steps, channels)` to `(batch, new_steps, channels * depth_multiplier)`, or channels second.
    """


class DepthwiseConv2D(_DepthwiseConv, keras.layers.DepthwiseConv2D, rank=2):
    """`keras.layers.DepthwiseConv2D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.DepthwiseConv2D(3, strides=2, padding=1, padding_mode="replicate", depth_multiplier=2)
    >>> layer.compute_output_shape((None, 32, 32, 3))
    (None, 16, 16, 6)

    Shapes: `(batch, height, width, channels)`
    to `(batch, new_height, new_width, channels * depth_multiplier)`, or channels second.
    """


class _SeparableConv(KernelLayer):
    op = "separable_conv"
    kernel_names: ClassVar = {"depthwise_kernel": 2, "pointwise_kernel": 1}

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        between = None if channels is None else channels * self.depth_multiplier
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        return depthwise, (*(1,) * self.rank, between, self.filters)


class SeparableConv1D(_SeparableConv, keras.layers.SeparableConv1D, rank=1):
    """`keras.layers.SeparableConv1D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.SeparableConv1D(4, 5, padding="causal", padding_mode="reflect_odd")
    >>> layer.compute_output_shape((None, 100, 2))
    (None, 100, 4)

    Shapes: `(batch, steps, channels)` to `(batch, new_steps, filters)`, or channels second.
    """


class SeparableConv2D(_SeparableConv, keras.layers.SeparableConv2D, rank=2):
    """`keras.layers.SeparableConv2D` with any padding, which its depthwise part gets.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.SeparableConv2D(8, 3, padding="same", padding_mode="circular")
    >>> layer.compute_output_shape((None, 32, 32, 3))
    (None, 32, 32, 8)

    Shapes: `(batch, height, width, channels)` to `(batch, new_height, new_width, filters)`, or channels second.
    """


class _ConvTranspose(KernelLayer):
    op = "conv_transpose"

    def __init__(self, *args: Any, padding_mode: Any = "zeros", **kwargs: Any) -> None:
        """Make the layer from the arguments of Keras's layer with this name, in their order, and `padding_mode`.

        Args:
            padding, padding_mode: as `Conv2D` takes them, and of the forward convolution: values that it copies
                outwards are added back where they come from. An adjoint sees no constants.

        Raises:
            PaddingError: from the constructor, on every backend alike: no such padding; or `Learned`, which could
                learn nothing here.
            ShapeError: when built: it does not fit the input.

        Source: Dumoulin & Visin, arXiv:1603.07285, section 4; the layer with this name in https://keras.io/api/layers
        """
        if has_learned(padding_mode):
            raise PaddingError(
                "`padding_mode` of a transposed convolution must be without Learned(...). "
                f"Received: {padding_mode!r}. A transposed convolution is an adjoint, which sees no constants, so "
                "there is nothing to learn."
            )
        super().__init__(*args, padding_mode=padding_mode, **kwargs)

    def _set_padding(self, padding: Padding) -> None:
        padding.check_channels(self.filters)
        super()._set_padding(padding)

    def _kernel_shapes(self, channels: int | None) -> tuple[Any, ...]:
        return ((*self.kernel_size, self.filters, channels),)

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "output_padding": self.output_padding}


class Conv1DTranspose(_ConvTranspose, keras.layers.Conv1DTranspose, rank=1):
    """`keras.layers.Conv1DTranspose` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> ones = {"kernel_initializer": "ones", "padding": "same"}
    >>> layer = convpad.keras.Conv1DTranspose(1, 3, padding_mode="circular", **ones)
    >>> keras.ops.convert_to_numpy(layer(np.array([[[1.0], [0.0], [0.0], [0.0]]]))).ravel()
    array([1., 1., 0., 1.], dtype=float32)

    Shapes: `(batch, steps, channels)` to `(batch, new_steps, filters)`, or channels second.
    """


class Conv2DTranspose(_ConvTranspose, keras.layers.Conv2DTranspose, rank=2):
    """`keras.layers.Conv2DTranspose` with any padding: the adjoint of `Conv2D` with the same arguments.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Conv2DTranspose(8, 4, strides=2, padding="same", padding_mode="circular")
    >>> layer.compute_output_shape((None, 16, 16, 3))
    (None, 32, 32, 8)

    Shapes: `(batch, height, width, channels)` to `(batch, new_height, new_width, filters)`, or channels second.
    """


class Conv3DTranspose(_ConvTranspose, keras.layers.Conv3DTranspose, rank=3):
    """`keras.layers.Conv3DTranspose` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Conv3DTranspose(2, 3, padding="half", padding_mode="reflect")
    >>> layer.compute_output_shape((None, 5, 6, 7, 4))
    (None, 5, 6, 7, 2)

    Shapes: `(batch, depth, height, width, channels)`
    to `(batch, new_depth, new_height, new_width, filters)`, or channels second.
    """
