"""Convolution layers: `Conv1D`, `Conv2D`, `Conv3D`, and the base class of all layers with kernels."""

# Keras re-exports its modules in a way that type checkers cannot follow.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from typing import Any, ClassVar

import keras

from convpad.keras.base import WindowLayer, registered
from convpad.ops.layers import add_bias, set_kernel_layout

__all__ = ["Conv1D", "Conv2D", "Conv3D", "KernelLayer"]


class KernelLayer(WindowLayer):
    """A layer with kernels: inputs of the kernels' dtype, then bias and activation as in Keras."""

    kernel_names: ClassVar = {"kernel": 1}
    kernel_size: tuple[int, ...]

    def build(self, input_shape: Any) -> None:
        """Build Keras's layer, then reorder the memory of its kernels for the backend. Their shapes are Keras's."""
        super().build(input_shape)
        for name, trailing_axes in self.kernel_names.items():
            backend = keras.config.backend()
            set_kernel_layout(backend, lambda name=name: getattr(self, name).value, trailing_axes)

    @property
    def _output_is_unaliased(self) -> bool:
        """Whether nothing else holds the convolution's output, so that it may be overwritten."""
        return True

    def _options(self) -> dict[str, Any]:
        return {"strides": self.strides, "dilation_rate": self.dilation_rate, "data_format": self.data_format}

    def _convolve(self, inputs: Any) -> Any:
        return self._with_kernels(inputs, *(getattr(self, name) for name in self.kernel_names))

    def _with_kernels(self, inputs: Any, *kernels: Any) -> Any:
        # Not convert_to_tensor: on TensorFlow it leaves a Keras variable what it is.
        arrays = [inputs, *(kernel.value if isinstance(kernel, keras.Variable) else kernel for kernel in kernels)]
        dtype = arrays[1].dtype
        for place, array in enumerate(arrays):
            if getattr(array, "dtype", None) != dtype:
                arrays[place] = keras.ops.cast(array, keras.backend.standardize_dtype(dtype))
        return self._run(*arrays)

    def call(self, inputs: Any) -> Any:
        """Return the layer's output for a tensor of inputs."""
        outputs = self._convolve(inputs)
        if self.use_bias:
            # Not keras.ops.add: on TensorFlow it guesses where the channels are from the sizes, and takes the last
            # axis where that is as long as the bias, channels first or not (keras 3.15.1).
            last = self.data_format == "channels_last"
            outputs = add_bias(outputs, self.bias.value, channels_last=last, unaliased=self._output_is_unaliased)
        return outputs if self.activation is None else self.activation(outputs)


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
        return self._with_kernels(inputs, kernel)

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
        for place, value in enumerate(self.padding_values, 1 + self.use_bias):
            store[str(place)] = value

    def load_own_variables(self, store: Any) -> None:
        """Load what `save_own_variables` stored; without trained padding that is what Keras's layer stores."""
        super().load_own_variables(store)
        for place, value in enumerate(self.padding_values, 1 + self.use_bias):
            value.assign(store[str(place)])


@registered
class Conv1D(_Conv, keras.layers.Conv1D):
    """`keras.layers.Conv1D` with any padding.

    Example:

    >>> import convpad, keras, numpy as np
    >>> layer = convpad.keras.Conv1D(1, 3, padding="causal", padding_mode="replicate", kernel_initializer="ones")
    >>> keras.ops.convert_to_numpy(layer(np.array([[[1.0], [2.0], [3.0]]]))).ravel()
    array([3., 4., 6.], dtype=float32)

    Args:
        *args, **kwargs: as `Conv2D`, with one spatial axis: `padding` is a word, an int or `(before, after)`.

    Input shape: `(batch, steps, channels)`, or channels second. Output shape: `(batch, new_steps, filters)`.

    Raises:
        PaddingError: as `Conv2D`.

    Source: https://keras.io/api/layers/convolution_layers/convolution1d
    """

    rank = 1


@registered
class Conv2D(_Conv, keras.layers.Conv2D):
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

    Args:
        *args, **kwargs: all that `keras.layers.Conv2D` takes, in its order.
        padding: how much, as `convpad.conv` takes it: a word (`"valid"`, `"same"`, `"same_lower"`, `"half"`,
            `"full"`, `"causal"`), an int, or for each spatial axis a word, an int or a pair `(before, after)`.
        padding_mode: with what, as `convpad.conv` takes it: a mode's name, a number, `Constant` or `Learned`; or
            one for each spatial axis, or a pair of them `(before, after)`. Every `Learned` that is written
            becomes a trained weight `padding_value` of shape `(channels,)`.

    Input shape: `(batch, height, width, channels)`, or channels second, sizes may be unknown.
    Output shape: `(batch, new_height, new_width, filters)`, or channels second.

    Raises:
        PaddingError: from the constructor, on every backend alike: no such padding.
        ShapeError: when built: it does not fit the input.

    Source: https://keras.io/api/layers/convolution_layers/convolution2d
    """

    rank = 2


@registered
class Conv3D(_Conv, keras.layers.Conv3D):
    """`keras.layers.Conv3D` with any padding.

    Example:

    >>> import convpad
    >>> layer = convpad.keras.Conv3D(4, 3, padding=("causal", "same", "same"), padding_mode="symmetric")
    >>> layer.compute_output_shape((None, 10, 16, 16, 1))
    (None, 10, 16, 16, 4)

    Args:
        *args, **kwargs: as `Conv2D`, with three spatial axes.

    Input shape: `(batch, depth, height, width, channels)`, or channels second.
    Output shape: `(batch, new_depth, new_height, new_width, filters)`, or channels second.

    Raises:
        PaddingError: as `Conv2D`.

    Source: https://keras.io/api/layers/convolution_layers/convolution3d
    """

    rank = 3
