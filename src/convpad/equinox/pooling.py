"""Pooling layers: Equinox's own, with any padding."""

from __future__ import annotations

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from convpad.core.errors import refuse
from convpad.core.operation import Operation
from convpad.core.types import PaddingLike, PaddingModeLike
from convpad.core.validation import per_axis
from convpad.equinox.base import (
    PaddedLayer,
    PerAxis,
    output_of,
    parse_padding,
    stored_padding,
    trained_places,
)
from convpad.equinox.computations import Pooling


class _PoolLayer(PaddedLayer):
    """What all pools share."""

    op: ClassVar[str]
    rank: ClassVar[int]
    default: ClassVar[str]
    """The mode of Equinox's own padding."""
    padding_mode: Any = eqx.field(static=True)
    _is_equinox: bool = eqx.field(static=True, repr=False)

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PaddingLike | str = 0,
        use_ceil: bool = False,
        padding_mode: PaddingModeLike | str | None = None,
    ) -> None:
        """Make the layer from the arguments of Equinox's layer with this name, in their order, and `padding_mode`.

        Args:
            padding: how much, as `Conv2d` takes it.
            use_ceil: as Equinox takes it: whether the number of outputs is rounded up, with more padding after.
            padding_mode: with what, as `Conv2d` takes it, but for `Learned`. None is Equinox's: `"ignore"` for a
                maximum, which padding never is, and `"zeros"` for an average, to which padding counts. An average with
                `"ignore"` is the mean of the values that the window covers.

        Raises:
            PaddingError: there is no such layer.

        Source: https://docs.kidger.site/equinox/api/nn/pool
        """
        size, steps = per_axis("kernel_size", kernel_size, self.rank), per_axis("stride", stride, self.rank)
        parsed = parse_padding(padding, self.default if padding_mode is None else padding_mode, self.rank)
        if parsed.learned:
            mend = "A pool has no key to initialise it with: train Constant(array) in convpad.average_pool."
            raise refuse("padding_mode", "be without Learned(...)", padding_mode, mend)
        if not isinstance(use_ceil, bool):
            raise refuse("use_ceil", "be True or False", use_ceil)
        options = {"pool_size": size, "strides": steps, "data_format": "channels_first"}
        operation = Operation.parse(self.op, self.rank, padding=parsed, **options)
        self.computation = Pooling(operation, trained_places(parsed), use_ceil)
        super(PaddedLayer, self).__init__(size, steps, use_ceil=use_ceil)  # pyright: ignore[reportCallIssue]
        self.padding, self.padding_mode = stored_padding(parsed), parsed.spelling()[1]
        self.padding_values = ()
        self._is_equinox = self.padding_mode == self.default and all(
            amount.pair is not None and max(amount.pair) + (step if use_ceil else 0) <= taps
            for amount, taps, step in zip(parsed.amounts, size, steps, strict=True)
        )

    def __call__(self, x: jax.Array, *, key: Any = None) -> jax.Array:
        """Return the output for one input; for a batch, `jax.vmap(layer)(batch)`.

        Args:
            x: of shape `(channels, *spatial)`.
            key: ignored, as Equinox's layers ignore it.

        Raises:
            ShapeError: the input does not fit.
        """
        if self._is_equinox:  # one reduction over windows, in any dtype, to which convpad has nothing to add
            return super().__call__(x)  # pyright: ignore[reportAttributeAccessIssue]
        if self.op == "average_pool" and jnp.issubdtype(x.dtype, jnp.integer):
            x = x.astype(jnp.result_type(float))  # as dividing integers does
        return output_of(self, x)


class _MaxPool(_PoolLayer):
    op, default = "max_pool", "ignore"


class _AvgPool(_PoolLayer):
    op, default = "average_pool", "zeros"


class MaxPool1d(_MaxPool, eqx.nn.MaxPool1d):
    """`equinox.nn.MaxPool1d` with any padding.

    Example:

    >>> import convpad, jax
    >>> pool = convpad.equinox.MaxPool1d(3, padding="same", padding_mode="circular")
    >>> pool(jax.numpy.array([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 3.0, 3.0]]

    Shapes: `(channels, steps)` to `(channels, new_steps)`.
    """

    rank = 1


class MaxPool2d(_MaxPool, eqx.nn.MaxPool2d):
    """`equinox.nn.MaxPool2d` with any padding.

    Example:

    >>> import convpad, jax
    >>> pool = convpad.equinox.MaxPool2d(3, 2, padding="same")
    >>> pool(jax.numpy.zeros((8, 15, 15))).shape
    (8, 8, 8)

    Shapes: `(channels, height, width)` to `(channels, new_height, new_width)`.
    """

    rank = 2


class MaxPool3d(_MaxPool, eqx.nn.MaxPool3d):
    """`equinox.nn.MaxPool3d` with any padding.

    Example:

    >>> import convpad, jax
    >>> pool = convpad.equinox.MaxPool3d(2, 2, padding=(0, 1, 1), padding_mode="replicate")
    >>> pool(jax.numpy.zeros((8, 4, 6, 6))).shape
    (8, 2, 4, 4)

    Shapes: `(channels, depth, height, width)` to `(channels, new_depth, new_height, new_width)`.
    """

    rank = 3


class AvgPool1d(_AvgPool, eqx.nn.AvgPool1d):
    """`equinox.nn.AvgPool1d` with any padding.

    Example:

    >>> import convpad, jax
    >>> pool = convpad.equinox.AvgPool1d(3, padding=1, padding_mode="ignore")
    >>> pool(jax.numpy.array([[3.0, 6.0, 9.0, 3.0]])).tolist()
    [[4.5, 6.0, 6.0, 6.0]]

    Shapes: `(channels, steps)` to `(channels, new_steps)`.
    """

    rank = 1


class AvgPool2d(_AvgPool, eqx.nn.AvgPool2d):
    """`equinox.nn.AvgPool2d` with any padding.

    Example:

    >>> import convpad, jax
    >>> pool = convpad.equinox.AvgPool2d(3, padding="same", padding_mode=("reflect", "circular"))
    >>> pool(jax.numpy.zeros((8, 15, 15))).shape
    (8, 15, 15)

    Shapes: `(channels, height, width)` to `(channels, new_height, new_width)`.
    """

    rank = 2


class AvgPool3d(_AvgPool, eqx.nn.AvgPool3d):
    """`equinox.nn.AvgPool3d` with any padding.

    Example:

    >>> import convpad, jax
    >>> pool = convpad.equinox.AvgPool3d(2, 2, padding=1, padding_mode="symmetric")
    >>> pool(jax.numpy.zeros((8, 4, 6, 6))).shape
    (8, 3, 4, 4)

    Shapes: `(channels, depth, height, width)` to `(channels, new_depth, new_height, new_width)`.
    """

    rank = 3
