"""Pools: Flax's functions under their own names, with any padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flax import nnx

from convpad.core.amounts import explicit
from convpad.core.errors import refuse
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.core.problem import make_problem
from convpad.core.types import PaddingModeLike
from convpad.core.validation import listed
from convpad.flax import words
from convpad.flax.base import flat_batch, with_batch
from convpad.ops.extension import Values
from convpad.ops.run import run


def max_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    *,
    padding_mode: PaddingModeLike | None = None,
) -> Any:
    """Return the maximum of every window, as `nnx.max_pool`, with any padding.

    Example:

    >>> import convpad, jax.numpy as jnp
    >>> x = jnp.array([[9.0], [1.0], [2.0], [3.0]])
    >>> convpad.flax.max_pool(x, (3,), padding="same", padding_mode="circular").ravel().tolist()
    [9.0, 9.0, 3.0, 9.0]

    Args:
        inputs: `(*batch, *spatial, channels)`; there may be no batch axis.
        window_shape: one int for each spatial axis.
        strides: one int for each spatial axis; None is 1, as in Flax.
        padding: as Flax takes it (`"SAME"`, `"VALID"`, a pair for each spatial axis), or as `convpad.max_pool` does.
        padding_mode: as `convpad.max_pool` takes it; None is `"ignore"`: padding never is the maximum.

    Raises:
        PaddingError: an argument is not one of those.
        ShapeError: the arguments do not fit each other.

    Source: `nnx.max_pool` in https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/pooling.html
    """
    size = _size(window_shape)
    if padding_mode is None and words.is_of_pool(padding, len(size)):
        return nnx.max_pool(inputs, size, _strides(strides), padding)
    return _pool("max_pool", inputs, size, strides, padding, _mode(padding_mode, "ignore"))


def avg_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    count_include_pad: bool = True,
    *,
    padding_mode: PaddingModeLike | None = None,
) -> Any:
    """Return the mean of every window, as `nnx.avg_pool`, with any padding.

    Example:

    >>> import convpad, jax.numpy as jnp
    >>> x = jnp.array([[3.0], [6.0], [9.0]])
    >>> convpad.flax.avg_pool(x, (3,), padding="same", padding_mode="replicate").ravel().tolist()
    [4.0, 6.0, 8.0]

    Args:
        inputs, window_shape, strides, padding: as for `max_pool`.
        count_include_pad: as Flax takes it, where no `padding_mode` is given: whether padding counts as zeros.
        padding_mode: as `convpad.average_pool` takes it; None is `"zeros"`, or `"ignore"` where padding does not count.

    Raises:
        PaddingError: an argument is not one of those; or padding is not to count, and to have a mode.
        ShapeError: the arguments do not fit each other.

    Source: `nnx.avg_pool` in https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/pooling.html
    """
    if not count_include_pad and padding_mode not in (None, "ignore"):
        mend = "Padding that does not count has no values: its mode is 'ignore'."
        raise refuse("padding_mode", "be left out with count_include_pad=False", padding_mode, mend)
    size = _size(window_shape)
    if padding_mode is None and words.is_of_pool(padding, len(size)):
        return nnx.avg_pool(inputs, size, _strides(strides), padding, count_include_pad)
    mode = _mode(padding_mode, "zeros" if count_include_pad else "ignore")
    return _pool("average_pool", inputs, size, strides, padding, mode)


def min_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    *,
    padding_mode: PaddingModeLike | None = None,
) -> Any:
    """Return the minimum of every window, as `nnx.min_pool`, with any padding.

    Example:

    >>> import convpad, jax.numpy as jnp
    >>> x = jnp.array([[9.0], [1.0], [2.0], [3.0]])
    >>> convpad.flax.min_pool(x, (3,), padding="same", padding_mode="circular").ravel().tolist()
    [1.0, 1.0, 1.0, 2.0]

    Args:
        inputs, window_shape, strides, padding: as for `max_pool`.
        padding_mode: as for `max_pool`; `"ignore"`, which None is, on all axes or on none.

    Raises:
        PaddingError: an argument is not one of those.
        ShapeError: the arguments do not fit each other.

    Source: `nnx.min_pool` in https://flax.readthedocs.io/en/latest/api_reference/flax.nnx/nn/pooling.html
    """
    size, steps = _size(window_shape), _strides(strides)
    if padding_mode is None and words.is_of_pool(padding, len(size)):
        return nnx.min_pool(inputs, size, steps, padding)
    flat, lead = flat_batch(inputs, len(size))
    mode = _mode(padding_mode, "ignore")
    operation, values = _operation("max_pool", size, strides, padding, mode)
    pairs = make_problem(operation, flat.shape).pads
    if all(not mode.is_counted for pair in operation.padding.modes for mode in pair):
        out = nnx.min_pool(flat, size, steps, pairs)  # pyright: ignore (Flax's annotation knows no pairs)
    else:
        read = Padding(tuple(explicit(*pair) for pair in pairs), operation.padding.modes, operation.padding.values)
        out = nnx.min_pool(run(Operation.parse("pad", len(size), padding=read), values, (flat,)), size, steps)
    return with_batch(out, lead)


def _size(window_shape: Any) -> tuple[int, ...]:
    size = listed(window_shape)
    if size is None:
        raise refuse("window_shape", "be a tuple with one int for each spatial axis", window_shape)
    return tuple(size)


def _strides(strides: Any) -> Any:
    return strides if strides is None else tuple(strides)


def _mode(padding_mode: Any, default: str) -> Any:
    return default if padding_mode is None else padding_mode


def _operation(
    op: str, size: tuple[int, ...], strides: Any, padding: Any, padding_mode: Any
) -> tuple[Operation, Values]:
    """Return the operation of a pool, and the constants of its padding."""
    rank = len(size)
    parsed = Padding.parse(padding, padding_mode, rank=rank)
    if parsed.learned:
        mend = "A function has no parameters: give Constant([...]), or the array in Constant(array)."
        raise refuse("padding_mode", "be without Learned(...)", padding_mode, mend)
    steps = (1,) * rank if strides is None else tuple(strides)
    return Operation.parse(op, rank, padding=parsed, pool_size=size, strides=steps), parsed.values


def _pool(op: str, inputs: Any, size: tuple[int, ...], strides: Any, padding: Any, padding_mode: Any) -> Any:
    operation, values = _operation(op, size, strides, padding, padding_mode)
    flat, lead = flat_batch(inputs, len(size))
    return with_batch(run(operation, values, (flat,)), lead)
