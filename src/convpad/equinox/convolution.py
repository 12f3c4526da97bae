"""Convolution layers: Equinox's own, with any padding."""

from __future__ import annotations

from typing import Any

import equinox as eqx

from convpad.core.operation import Operation
from convpad.core.types import PaddingLike, PaddingModeLike
from convpad.core.validation import integer
from convpad.equinox.base import (
    ConvLayer,
    PerAxis,
    Window,
    parse_padding,
    stored_mode,
    stored_padding,
    trained_places,
    trained_values,
)
from convpad.equinox.computations import Convolution


class Conv(ConvLayer, eqx.nn.Conv):
    """`equinox.nn.Conv` with any padding, for one, two or three spatial axes.

    The weight and the bias have Equinox's names and shapes, and for one key Equinox's numbers.

    Example:

    >>> import convpad, jax
    >>> layer = convpad.equinox.Conv(
    ...     2, 3, 8, 3, padding="same", padding_mode=("zeros", "circular"), key=jax.random.key(0)
    ... )
    >>> layer(jax.numpy.zeros((3, 18, 36))).shape
    (8, 18, 36)

    Shapes: `(in_channels, *spatial)` to `(out_channels, *new_spatial)`.
    """

    def __init__(
        self,
        num_spatial_dims: int,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PaddingLike | str = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer from the arguments of Equinox's layer with this name, in their order.

        Args:
            padding: how much: Equinox's int, ints, pairs and words, or as `convpad.conv` takes it: a word (`"valid"`,
                `"same"`, `"same_lower"`, `"half"`, `"full"`, `"causal"`), or for each spatial axis a word, an int or a
                pair `(before, after)`.
            padding_mode: with what: Equinox's words, or as `convpad.conv` takes it: a mode's name, a number, `Constant`
                or `Learned`; or one for each spatial axis, or a pair of them `(before, after)`. Every `Learned` that is
                written becomes a trained array of shape `(in_channels,)` in `padding_values`.

        Raises:
            PaddingError: there is no such layer. Nothing has been made then.

        Source: https://docs.kidger.site/equinox/api/nn/conv
        """
        rank = integer("num_spatial_dims", num_spatial_dims, 1)
        window = Window.parse(rank, in_channels, out_channels, kernel_size, stride, dilation, groups)
        parsed = parse_padding(padding, padding_mode, rank)
        parsed.check_channels(in_channels)
        depthwise = 1 < groups == in_channels
        self.computation = Convolution(
            Operation.parse(
                "depthwise_conv" if depthwise else "conv",
                rank,
                padding=parsed,
                strides=window.stride,
                dilation_rate=window.dilation,
                groups=1 if depthwise else groups,
                data_format="channels_first",
            ),
            trained_places(parsed),
            groups,
            use_bias,
        )
        eqx.nn.Conv.__init__(
            self,
            rank,
            in_channels,
            out_channels,
            window.size,
            window.stride,
            dilation=window.dilation,
            groups=groups,
            use_bias=use_bias,
            dtype=dtype,
            key=key,
        )
        self.padding, self.padding_mode = stored_padding(parsed), stored_mode(parsed)
        self.padding_values = trained_values(parsed, key, in_channels, self.weight.dtype)


class Conv1d(Conv, eqx.nn.Conv1d):
    """`equinox.nn.Conv1d` with any padding.

    Example:

    >>> import convpad, equinox, jax
    >>> layer = convpad.equinox.Conv1d(1, 1, 3, padding="causal", padding_mode="replicate", key=jax.random.key(0))
    >>> layer = equinox.tree_at(lambda it: (it.weight, it.bias), layer, (jax.numpy.ones((1, 1, 3)), 0.0))
    >>> layer(jax.numpy.array([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 4.0, 6.0]]

    Shapes: `(in_channels, steps)` to `(out_channels, new_steps)`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PaddingLike | str = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer as `Conv` with one spatial axis."""
        super().__init__(
            1,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            use_bias,
            padding_mode,
            dtype,
            key=key,
        )


class Conv2d(Conv, eqx.nn.Conv2d):
    """`equinox.nn.Conv2d` with any padding.

    Example:

    >>> import convpad, jax
    >>> globe = convpad.equinox.Conv2d(
    ...     4, 8, 3, padding="SAME", padding_mode=("reflect", "circular"), key=jax.random.key(0)
    ... )
    >>> jax.vmap(globe)(jax.numpy.zeros((5, 4, 18, 36))).shape
    (5, 8, 18, 36)
    >>> learned = convpad.equinox.Conv2d(
    ...     3, 8, 7, stride=2, padding="half", padding_mode=convpad.Learned(), key=jax.random.key(0)
    ... )
    >>> [value.shape for value in learned.padding_values]
    [(3,)]

    Shapes: `(in_channels, height, width)` to `(out_channels, new_height, new_width)`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = (1, 1),
        padding: PaddingLike | str = (0, 0),
        dilation: PerAxis = (1, 1),
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer as `Conv` with two spatial axes."""
        super().__init__(
            2,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            use_bias,
            padding_mode,
            dtype,
            key=key,
        )


class Conv3d(Conv, eqx.nn.Conv3d):
    """`equinox.nn.Conv3d` with any padding.

    Example:

    >>> import convpad, jax
    >>> layer = convpad.equinox.Conv3d(
    ...     1, 4, 3, padding=("causal", "same", "same"), padding_mode="symmetric", key=jax.random.key(0)
    ... )
    >>> layer(jax.numpy.zeros((1, 6, 8, 8))).shape
    (4, 6, 8, 8)

    Shapes: `(in_channels, depth, height, width)` to `(out_channels, new_depth, new_height, new_width)`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = (1, 1, 1),
        padding: PaddingLike | str = (0, 0, 0),
        dilation: PerAxis = (1, 1, 1),
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer as `Conv` with three spatial axes."""
        super().__init__(
            3,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            use_bias,
            padding_mode,
            dtype,
            key=key,
        )
