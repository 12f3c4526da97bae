"""The function that resizes: its signature and documentation. `resampling.call` does the work."""

from __future__ import annotations

from typing import SupportsFloat

from convpad.core.resampling import CUBIC_COEFFICIENT
from convpad.core.types import Array, DataFormat, MethodName, PaddingModeLike, PerAxis, Scale
from convpad.ops.resampling import call


def resize(
    x: Array,
    size: PerAxis | None = None,
    *,
    scale: Scale | None = None,
    method: MethodName = "linear",
    padding_mode: PaddingModeLike = "replicate",
    cubic_coefficient: SupportsFloat = CUBIC_COEFFICIENT,
    data_format: DataFormat = "channels_last",
) -> Array:
    """Resize the spatial axes of a tensor, which go on beyond their ends as a padding mode says.

    Values at the ends are computed from values beyond them. Frameworks repeat the end there (`replicate`), which leaves
    a seam in a picture that is to be tiled; `circular` leaves none.

    The output equals that of the padded tensor, cropped. The centres of values are half a value from the ends, as with
    `align_corners=False` in PyTorch, in `tf.image.resize` and in `jax.image.resize`. Nothing is smoothed where an axis
    becomes shorter, as with their `antialias=False`.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([0.0, 4.0, 8.0]).reshape(1, 3, 1)
    >>> convpad.resize(x, scale=2).ravel()
    array([0., 1., 3., 5., 7., 8.])
    >>> convpad.resize(x, scale=2, padding_mode="circular").ravel()
    array([2., 1., 3., 5., 7., 6.])
    >>> convpad.resize(x, 2, method="nearest").ravel()
    array([0., 8.])

    Args:
        x: as for `conv`, with any number of spatial axes; with `"nearest"` of any dtype.
        size: the sizes of the outputs, an int or one for each spatial axis; or give `scale`.
        scale: outputs per input, a number or one for each spatial axis: the output has ``floor(size * scale)``
            values, ``1 / scale`` apart. The scale may be any number, and the sizes of the input unknown.
        method: `"nearest"`, PyTorch's `nearest-exact`, which reads nothing beyond the ends; `"linear"`, `"bilinear"` or
            `"trilinear"`, one method for any number of axes; `"cubic"` or `"bicubic"`.
        padding_mode: as for `pad`; and `"ignore"`: of the values inside alone, their weights made to add up to 1, as
            `jax.image.resize` does.
        cubic_coefficient: the slope of the cubic kernel one value away: -0.5 in TensorFlow, Keras, JAX and Pillow;
            -0.75 in PyTorch, OpenCV and ONNX.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        A tensor of the same kind and dtype.

    Raises:
        PaddingError: an argument is not one of those.
        ShapeError: an axis without values, before or after; a `size` for an axis of unknown size.

    Source: Keys, "Cubic convolution interpolation for digital image processing", IEEE Transactions on Acoustics, Speech
    and Signal Processing 29(6), 1981.
    """
    return call(x, size, scale, method, padding_mode, cubic_coefficient, data_format)
