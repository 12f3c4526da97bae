"""Transposed convolution layers: Equinox's own, with any padding."""

from __future__ import annotations

from typing import Any

import equinox as eqx

from convpad.core.amounts import Amount, explicit
from convpad.core.errors import refuse
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.core.types import PaddingLike, PaddingModeLike
from convpad.core.validation import integer, per_axis
from convpad.core.window import spanned
from convpad.equinox.base import (
    ConvLayer,
    PerAxis,
    Window,
    parse_padding,
    stored_mode,
    stored_padding,
    trained_places,
)
from convpad.equinox.computations import Convolution


class ConvTranspose(ConvLayer, eqx.nn.ConvTranspose):
    """`equinox.nn.ConvTranspose` with any padding, for one, two or three spatial axes.

    It is the adjoint of the convolution with the same padding, up to the order of its weight.

    Example:

    >>> import convpad, jax
    >>> layer = convpad.equinox.ConvTranspose(
    ...     2, 8, 3, 4, stride=2, padding="same", padding_mode="reflect", key=jax.random.key(0)
    ... )
    >>> layer(jax.numpy.zeros((8, 16, 16))).shape
    (3, 32, 32)

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
        output_padding: PerAxis = 0,
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
            padding, padding_mode: as `Conv` takes them, and of the convolution that is transposed: values that it
                copies outwards are added back where they come from. An adjoint sees no constants.
            output_padding: as Equinox takes it: values that the output has more, or with `"same"` less.

        Raises:
            PaddingError: there is no such layer; or `Learned`, which could learn nothing here. Nothing has been made
                then.

        Source: Dumoulin & Visin, arXiv:1603.07285, section 4; https://docs.kidger.site/equinox/api/nn/conv
        """
        rank = integer("num_spatial_dims", num_spatial_dims, 1)
        window = Window.parse(rank, in_channels, out_channels, kernel_size, stride, dilation, groups)
        parsed = parse_padding(padding, padding_mode, rank)
        if parsed.learned:
            mend = "A transposed convolution is an adjoint, which sees no constants, so there is nothing to learn."
            raise refuse("padding_mode", "be without Learned(...)", padding_mode, mend)
        parsed.check_channels(out_channels)
        extra = per_axis("output_padding", output_padding, rank, 0)
        self.computation = Convolution(
            _transposed_operation(parsed, window, extra, groups), trained_places(parsed), groups, use_bias
        )
        eqx.nn.ConvTranspose.__init__(
            self,
            rank,
            in_channels,
            out_channels,
            window.size,
            window.stride,
            output_padding=extra,
            dilation=window.dilation,
            groups=groups,
            use_bias=use_bias,
            dtype=dtype,
            key=key,
        )
        self.padding, self.padding_mode = stored_padding(parsed), stored_mode(parsed)
        self.padding_values = ()


def _transposed_operation(padding: Padding, window: Window, extra: tuple[int, ...], groups: int) -> Operation:
    """Return the operation of a transposed convolution, its output as large as Equinox's.

    Where the amount follows the size, that of the output is `stride * size - output_padding`; the amounts and what the
    output holds beyond the last window are the same for every size.
    """
    pairs: list[Amount] = []
    leftovers: list[int] = []
    rows = zip(padding.amounts, window.size, window.stride, window.dilation, extra, strict=True)
    for amount, taps, stride, dilation, places in rows:
        span = spanned(taps, dilation)
        total = span - stride + places if amount.follows_size else 0
        pairs.append(explicit(*amount.rule(max(total, 0), span)))
        leftovers.append(max(-total, 0) if amount.follows_size else places)
    return Operation.parse(
        "conv_transpose",
        padding.rank,
        padding=Padding(tuple(pairs), padding.modes, padding.values),
        strides=window.stride,
        dilation_rate=window.dilation,
        groups=groups,
        data_format="channels_first",
        output_padding=leftovers,
    )


class ConvTranspose1d(ConvTranspose, eqx.nn.ConvTranspose1d):
    """`equinox.nn.ConvTranspose1d` with any padding.

    Example:

    >>> import convpad, equinox, jax
    >>> layer = convpad.equinox.ConvTranspose1d(
    ...     1, 1, 3, padding="same", padding_mode="circular", use_bias=False, key=jax.random.key(0)
    ... )
    >>> layer = equinox.tree_at(lambda it: it.weight, layer, jax.numpy.ones((1, 1, 3)))
    >>> layer(jax.numpy.array([[1.0, 0.0, 0.0, 0.0]])).tolist()
    [[1.0, 1.0, 0.0, 1.0]]

    Shapes: `(in_channels, steps)` to `(out_channels, new_steps)`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        output_padding: PerAxis = 0,
        padding: PaddingLike | str = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer as `ConvTranspose` with one spatial axis."""
        super().__init__(
            1,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
            use_bias,
            padding_mode,
            dtype,
            key=key,
        )


class ConvTranspose2d(ConvTranspose, eqx.nn.ConvTranspose2d):
    """`equinox.nn.ConvTranspose2d` with any padding.

    Example:

    >>> import convpad, jax
    >>> layer = convpad.equinox.ConvTranspose2d(
    ...     8, 3, 4, 2, padding="same", padding_mode="circular", key=jax.random.key(0)
    ... )
    >>> layer(jax.numpy.zeros((8, 16, 16))).shape
    (3, 32, 32)

    Shapes: `(in_channels, height, width)` to `(out_channels, new_height, new_width)`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = (1, 1),
        output_padding: PerAxis = (0, 0),
        padding: PaddingLike | str = (0, 0),
        dilation: PerAxis = (1, 1),
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer as `ConvTranspose` with two spatial axes."""
        super().__init__(
            2,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
            use_bias,
            padding_mode,
            dtype,
            key=key,
        )


class ConvTranspose3d(ConvTranspose, eqx.nn.ConvTranspose3d):
    """`equinox.nn.ConvTranspose3d` with any padding.

    Example:

    >>> import convpad, jax
    >>> layer = convpad.equinox.ConvTranspose3d(4, 2, 3, padding="half", padding_mode="reflect", key=jax.random.key(0))
    >>> layer(jax.numpy.zeros((4, 5, 6, 7))).shape
    (2, 5, 6, 7)

    Shapes: `(in_channels, depth, height, width)` to `(out_channels, new_depth, new_height, new_width)`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = (1, 1, 1),
        output_padding: PerAxis = (0, 0, 0),
        padding: PaddingLike | str = (0, 0, 0),
        dilation: PerAxis = (1, 1, 1),
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: PaddingModeLike | str = "ZEROS",
        dtype: Any = None,
        *,
        key: Any,
    ) -> None:
        """Make the layer as `ConvTranspose` with three spatial axes."""
        super().__init__(
            3,
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
            use_bias,
            padding_mode,
            dtype,
            key=key,
        )
