"""The functions: their signatures and documentation. `run.call` does the work."""

from __future__ import annotations

from typing import Any

from convpad.core.types import Array, DataFormat, PaddingLike, PaddingModeLike, PerAxis, RouteName
from convpad.ops.run import call


def pad(
    x: Array,
    padding: PaddingLike,
    padding_mode: PaddingModeLike = "zeros",
    *,
    data_format: DataFormat = "channels_last",
) -> Array:
    """Pad the spatial axes of a tensor.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([1, 2, 3, 4]).reshape(1, 4, 1)
    >>> convpad.pad(x, 2, "reflect").ravel()
    array([3, 2, 1, 2, 3, 4, 3, 2])
    >>> convpad.pad(x, (0, 5), "circular").ravel()
    array([1, 2, 3, 4, 1, 2, 3, 4, 1])

    Args:
        x: `(batch, *spatial, channels)`, or channels second: a NumPy array, `jax.Array`, `tf.Tensor` or
            `torch.Tensor` of any dtype.
        padding: an int, or one entry for each spatial axis, an int or a pair `(before, after)`; with one axis, a
            pair. It may exceed the axis: the rule of the mode goes on, as `numpy.pad`'s does.
        padding_mode: a mode's name, a number, or `Constant`; or one entry for each spatial axis, each one of
            these or a pair `(before, after)` of them.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        A tensor of the same kind and dtype, its spatial axes longer by the amounts.

    Raises:
        PaddingError: an argument is not one of those.

    Source: the modes are those of `numpy.pad`, by the names of the convolution layers.
    """
    return call("pad", (x,), None, padding, padding_mode, data_format)


def conv(
    x: Array,
    kernel: Any,
    *,
    strides: PerAxis = 1,
    padding: PaddingLike = "valid",
    padding_mode: PaddingModeLike = "zeros",
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    data_format: DataFormat = "channels_last",
    route: RouteName | None = None,
) -> Array:
    """Convolve a tensor, padded by any amount in any mode, along its one, two or three spatial axes.

    Example:

    >>> import convpad, numpy as np
    >>> x, kernel = np.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1), np.ones((3, 1, 1))
    >>> convpad.conv(x, kernel, padding="same").ravel()
    array([3., 6., 9., 7.])
    >>> convpad.conv(x, kernel, padding="same", padding_mode="circular").ravel()
    array([7., 6., 9., 8.])
    >>> convpad.conv(x, kernel, padding=(2, 0), padding_mode=10).ravel()
    array([21., 13.,  6.,  9.])

    Args:
        x: `(batch, *spatial, channels)`, or channels second: a NumPy array (the oracle computes), `jax.Array`,
            `tf.Tensor` or `torch.Tensor`, of a floating dtype.
        kernel: `(*window, channels // groups, filters)`, as in Keras, of the same dtype.
        strides, dilation_rate: an int, or one for each spatial axis. Both may exceed 1.
        padding: how much. `"valid"` none; `"same"` so that the output is ceil(input / stride), the odd one after;
            `"same_lower"` the odd one before; `"half"` span // 2 on both sides; `"full"` span - 1 on both sides;
            `"causal"` span - 1 before the first axis; an int; or one entry for each spatial axis, each a word, an
            int or a pair `(before, after)`; with one axis, a pair. The span is the size of the dilated window.
        padding_mode: with what. `"zeros"`, `"reflect"`, `"symmetric"`, `"replicate"`, `"circular"`,
            `"reflect_odd"`, `"symmetric_odd"`, `"ignore"`, a number, or `Constant`; or one entry for each spatial
            axis, each one of these or a pair `(before, after)` of them.
        groups: the channels are split into so many groups, convolved apart.
        data_format: `"channels_last"` or `"channels_first"`.
        route: None for the best, or the one to take (see `convpad.plan`).

    Returns:
        `(batch, *outputs, filters)`, or channels second, of the input's dtype.

    Raises:
        PaddingError: an argument is not one of those.
        ShapeError: the arguments do not fit each other.

    Source: Dumoulin & Visin, arXiv:1603.07285; `ignore` is the partial convolution of Liu et al.,
    arXiv:1811.11718, with `taps / taps covered` as its ratio.
    """
    return call("conv", (x, kernel), route, padding, padding_mode, strides, dilation_rate, data_format, groups)


def depthwise_conv(
    x: Array,
    kernel: Any,
    *,
    strides: PerAxis = 1,
    padding: PaddingLike = "valid",
    padding_mode: PaddingModeLike = "zeros",
    dilation_rate: PerAxis = 1,
    data_format: DataFormat = "channels_last",
    route: RouteName | None = None,
) -> Array:
    """Convolve every channel by itself.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]])
    >>> convpad.depthwise_conv(x, np.ones((3, 2, 1)), padding="same", padding_mode="replicate")
    array([[[ 4., 40.],
            [ 6., 60.],
            [ 8., 80.]]])

    Args:
        x: as for `conv`.
        kernel: `(*window, channels, depth_multiplier)`.
        strides, padding, padding_mode, dilation_rate, data_format, route: as for `conv`.

    Returns:
        `(batch, *outputs, channels * depth_multiplier)`, or channels second.

    Raises:
        PaddingError: as `conv` does.
    """
    return call("depthwise_conv", (x, kernel), route, padding, padding_mode, strides, dilation_rate, data_format)


def separable_conv(
    x: Array,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    *,
    strides: PerAxis = 1,
    padding: PaddingLike = "valid",
    padding_mode: PaddingModeLike = "zeros",
    dilation_rate: PerAxis = 1,
    data_format: DataFormat = "channels_last",
    route: RouteName | None = None,
) -> Array:
    """Convolve every channel by itself, then mix the channels of every position.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]])
    >>> convpad.separable_conv(x, np.ones((3, 2, 1)), np.ones((1, 2, 1)), padding="same").ravel()
    array([33., 66., 55.])

    Args:
        x: as for `conv`.
        depthwise_kernel: `(*window, channels, depth_multiplier)`.
        pointwise_kernel: `(1, ..., channels * depth_multiplier, filters)`.
        strides, padding, padding_mode, dilation_rate, data_format, route: as for `conv`.

    Returns:
        `(batch, *outputs, filters)`, or channels second.

    Raises:
        PaddingError: as `conv` does.
    """
    words = padding, padding_mode, strides, dilation_rate, data_format
    return call("separable_conv", (x, depthwise_kernel, pointwise_kernel), route, *words)


def conv_transpose(
    x: Array,
    kernel: Any,
    *,
    strides: PerAxis = 1,
    padding: PaddingLike = "valid",
    padding_mode: PaddingModeLike = "zeros",
    output_padding: PerAxis | None = None,
    dilation_rate: PerAxis = 1,
    groups: int = 1,
    data_format: DataFormat = "channels_last",
    route: RouteName | None = None,
) -> Array:
    """Apply the transposed convolution: by definition the adjoint of `conv` with the same arguments.

    What the padded convolution would have copied outwards is added back where it came from: `circular` wraps and
    sums, `reflect` folds back and adds, `zeros` and constants crop.

    Example:

    >>> import convpad, numpy as np
    >>> y, kernel = np.array([1.0, 0.0, 0.0, 0.0]).reshape(1, 4, 1), np.ones((3, 1, 1))
    >>> convpad.conv_transpose(y, kernel, padding="same").ravel()
    array([1., 1., 0., 0.])
    >>> convpad.conv_transpose(y, kernel, padding="same", padding_mode="circular").ravel()
    array([1., 1., 0., 1.])

    Args:
        x: as for `conv`.
        kernel: `(*window, filters // groups, channels)`, as in Keras: the kernel of the forward convolution.
        strides, padding, padding_mode, dilation_rate, groups, data_format, route: as for `conv`; they describe
            the forward convolution.
        output_padding: tells apart the output sizes that a stride makes equal: None for Keras's choice (input *
            stride with `"same"`), or an int less than the stride, one for all or one for each spatial axis.

    Returns:
        `(batch, *sizes, filters)`, or channels second.

    Raises:
        PaddingError: as `conv` does.

    Source: Dumoulin & Visin, arXiv:1603.07285, section 4.
    """
    words = padding, padding_mode, strides, dilation_rate, data_format, groups, output_padding
    return call("conv_transpose", (x, kernel), route, *words)


def max_pool(
    x: Array,
    pool_size: PerAxis,
    *,
    strides: PerAxis | None = None,
    padding: PaddingLike = "valid",
    padding_mode: PaddingModeLike = "ignore",
    dilation_rate: PerAxis = 1,
    ceil_mode: bool = False,
    data_format: DataFormat = "channels_last",
    route: RouteName | None = None,
) -> Array:
    """Return the maximum of every window; with `ignore`, as everywhere, the padding never wins.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([-1.0, -2.0, -3.0]).reshape(1, 3, 1)
    >>> convpad.max_pool(x, 2, strides=1, padding=(0, 1)).ravel()
    array([-1., -2., -3.])
    >>> convpad.max_pool(x, 2, strides=1, padding=(0, 1), padding_mode="zeros").ravel()
    array([-1., -2.,  0.])

    Args:
        x: as for `conv`; integers too.
        pool_size: an int, or one for each spatial axis.
        strides: an int, or one for each spatial axis; None is the pool's size.
        dilation_rate: an int, or one for each spatial axis.
        ceil_mode: whether the number of outputs is rounded up, as PyTorch and ONNX do: the last window may hang over
            the padded axis, unless it would begin in the padding after.
        padding, padding_mode, data_format, route: as for `conv`.

    Returns:
        `(batch, *outputs, channels)`, or channels second. A window that covers nothing gives the lowest value.

    Raises:
        PaddingError: as `conv` does.
    """
    words = padding, padding_mode, pool_size, strides, dilation_rate, ceil_mode, data_format
    return call("max_pool", (x,), route, *words)


def average_pool(
    x: Array,
    pool_size: PerAxis,
    *,
    strides: PerAxis | None = None,
    padding: PaddingLike = "valid",
    padding_mode: PaddingModeLike = "ignore",
    dilation_rate: PerAxis = 1,
    ceil_mode: bool = False,
    data_format: DataFormat = "channels_last",
    route: RouteName | None = None,
) -> Array:
    """Return the mean of every window; with `ignore`, as in Keras, of the values that the window covers.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([2.0, 4.0, 6.0]).reshape(1, 3, 1)
    >>> convpad.average_pool(x, 3, strides=1, padding="same").ravel()
    array([3., 4., 5.])
    >>> convpad.average_pool(x, 3, strides=1, padding="same", padding_mode="zeros").ravel()
    array([2.        , 4.        , 3.33333333])

    Args:
        x: as for `conv`.
        pool_size, strides, dilation_rate, ceil_mode: as for `max_pool`.
        padding, padding_mode, data_format, route: as for `conv`. `"zeros"` counts them, which PyTorch calls
            `count_include_pad=True`.

    Returns:
        `(batch, *outputs, channels)`, or channels second. A window that covers nothing gives 0.

    Raises:
        PaddingError: as `conv` does.
    """
    words = padding, padding_mode, pool_size, strides, dilation_rate, ceil_mode, data_format
    return call("average_pool", (x,), route, *words)
