"""How is a pool computed? Maximum and average, by the route of its plan."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convpad.backends import Backend, Pairs, Tensor
from convpad.core.modes import MODES
from convpad.ops.border import Operation, bordered
from convpad.ops.coverage import mask, renormalisation
from convpad.ops.dispatch import Way, answer
from convpad.ops.dtypes import lowest
from convpad.ops.pad import Values, extend
from convpad.ops.plan import Plan, Route
from convpad.ops.slabs import Slab

__all__ = ["average_pool", "max_pool"]


def _max_pool(backend: Backend, plan: Plan, values: Values) -> Way:
    problem, size = plan.problem, [window.kernel for window in plan.windows]
    modes, pads = problem.padded_modes, plan.pads
    ignored, alone = MODES["ignore"] in modes, modes == (MODES["ignore"],)
    # A window may cover nothing. Pools differ in what they make of that.
    empty = ignored and any(max(w.before or 0, w.after or 0) >= w.kernel for w in plan.windows)

    def pooled(x: Tensor) -> Tensor:
        least, padded = lowest(backend.dtype(x)), x
        if plan.route is Route.PADDED:
            padded = extend(backend, x, problem, ((least, least),) * problem.rank if alone else values)
            if ignored and not alone:
                # The lowest value is nothing to compute with, and later axes may: so it is put in afterwards.
                padded = backend.where(mask(backend, x, problem), padded, least)
        out = backend.max_pool(padded, size, problem.strides, pads, problem.channels_last)
        return backend.where(renormalisation(backend, out, x, problem), out, least) if empty else out

    return pooled


def _average_pool(backend: Backend, plan: Plan, values: Values) -> Way:
    problem, size = plan.problem, [window.kernel for window in plan.windows]
    ignored = plan.route is Route.NATIVE and MODES["ignore"] in problem.padded_modes

    def run(x: Tensor, size: list[int], pads: Pairs) -> Tensor:
        out = backend.average_pool(x, size, problem.strides, pads, ignored, problem.channels_last)
        return out if prod(size) == problem.taps else out * (prod(size) / problem.taps)

    def cut(size: list[int], found: Sequence[Slab]) -> list[list[int]]:
        met = [(slab.axis, slab.taps[1] - slab.taps[0]) for slab in found]
        return [size, *([*size[:axis], taps, *size[axis + 1 :]] for axis, taps in met)]

    if ignored:
        return lambda x: run(x, size, plan.pads)
    pooled = bordered(backend, plan, values, Operation(run, cut))
    return lambda x: pooled(x, size)


def max_pool(
    x: Any,
    pool_size: Any,
    *,
    strides: Any = None,
    padding: Any = "valid",
    padding_mode: Any = "ignore",
    data_format: str = "channels_last",
    route: str | None = None,
) -> Any:
    """The maximum of every window; with `ignore`, as everywhere, the padding never wins.

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
        padding, padding_mode, data_format, route: as for `conv`.

    Returns:
        `(batch, *outputs, channels)`, or channels second. A window that covers nothing gives the lowest value.

    Raises:
        PaddingError: as `conv` does.
    """
    options = {"pool_size": pool_size, "strides": strides, "data_format": data_format}
    return answer("max_pool", _max_pool, {"x": x}, padding, padding_mode, route=route, **options)


def average_pool(
    x: Any,
    pool_size: Any,
    *,
    strides: Any = None,
    padding: Any = "valid",
    padding_mode: Any = "ignore",
    data_format: str = "channels_last",
    route: str | None = None,
) -> Any:
    """The mean of every window; with `ignore`, as in Keras, of the values it covers.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.array([2.0, 4.0, 6.0]).reshape(1, 3, 1)
    >>> convpad.average_pool(x, 3, strides=1, padding="same").ravel()
    array([3., 4., 5.])
    >>> convpad.average_pool(x, 3, strides=1, padding="same", padding_mode="zeros").ravel()
    array([2.        , 4.        , 3.33333333])

    Args:
        x: as for `conv`.
        pool_size, strides: as for `max_pool`.
        padding, padding_mode, data_format, route: as for `conv`. `"zeros"` counts them, which PyTorch calls
            `count_include_pad=True`.

    Returns:
        `(batch, *outputs, channels)`, or channels second. A window that covers nothing gives 0.

    Raises:
        PaddingError: as `conv` does.
    """
    options = {"pool_size": pool_size, "strides": strides, "data_format": data_format}
    return answer("average_pool", _average_pool, {"x": x}, padding, padding_mode, route=route, **options)
