"""How is a convolution computed? Dense, depthwise, separable and transposed, by the route of its plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.backends import Backend, Pairs, Tensor
from convpad.ops.border import Operation, bordered
from convpad.ops.coverage import renormalisation
from convpad.ops.dispatch import Way, answer
from convpad.ops.pad import Values, fold
from convpad.ops.plan import Plan, Route
from convpad.ops.slabs import Slab

__all__ = ["conv", "conv_transpose", "depthwise_conv", "separable_conv"]


def _conv(backend: Backend, plan: Plan, values: Values) -> Way:
    problem = plan.problem
    strides, dilation, groups, last = problem.strides, problem.dilation, problem.groups, problem.channels_last

    def run(x: Tensor, kernel: Tensor, pads: Pairs) -> Tensor:
        if problem.op == "conv":
            return backend.conv(x, kernel, strides, pads, dilation, groups, last)
        if plan.route is Route.TAPS:
            return backend.taps(x, kernel, strides, pads, dilation, last)
        return backend.depthwise_conv(x, kernel, strides, pads, dilation, last)

    def cut(kernel: Tensor, found: Sequence[Slab]) -> list[Tensor]:
        return backend.parted(kernel, [(slice(None),) * slab.axis + (slice(*slab.taps),) for slab in found])

    return bordered(backend, plan, values, Operation(run, cut))


def _separable_conv(backend: Backend, plan: Plan, values: Values) -> Way:
    rank, last, of_channels = plan.problem.rank, plan.problem.channels_last, _conv(backend, plan, values)

    def separable(x: Tensor, depthwise: Tensor, pointwise: Tensor) -> Tensor:
        ones, none = (1,) * rank, ((0, 0),) * rank
        return backend.conv(of_channels(x, depthwise), pointwise, ones, none, ones, 1, last)

    return separable


def _conv_transpose(backend: Backend, plan: Plan, values: Values) -> Way:
    problem = plan.problem

    def transposed(y: Tensor, kernel: Tensor, pads: Pairs) -> Tensor:
        return backend.conv_transpose(
            y,
            kernel,
            problem.strides,
            pads,
            problem.leftovers,
            problem.dilation,
            problem.groups,
            problem.channels_last,
        )

    def folded(y: Tensor, kernel: Tensor) -> Tensor:
        if problem.ignores:
            # The map is that of the output; while its size is not known it takes an output to learn it from.
            like = y if problem.known else transposed(y, kernel, problem.pads)
            y = y * renormalisation(backend, y, like, problem)
        out = transposed(y, kernel, plan.pads)
        return fold(backend, out, problem) if plan.route is Route.PADDED else out

    return folded


def conv(
    x: Any,
    kernel: Any,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    padding_mode: Any = "zeros",
    dilation_rate: Any = 1,
    groups: int = 1,
    data_format: str = "channels_last",
    route: str | None = None,
) -> Any:
    """A convolution, padded by any amount with anything; 1-D, 2-D or 3-D as the input is.

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
    return answer(
        "conv",
        _conv,
        {"x": x, "kernel": kernel},
        padding,
        padding_mode,
        route=route,
        strides=strides,
        dilation_rate=dilation_rate,
        groups=groups,
        data_format=data_format,
    )


def depthwise_conv(
    x: Any,
    kernel: Any,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    padding_mode: Any = "zeros",
    dilation_rate: Any = 1,
    data_format: str = "channels_last",
    route: str | None = None,
) -> Any:
    """A convolution of every channel by itself.

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
    return answer(
        "depthwise_conv",
        _conv,
        {"x": x, "kernel": kernel},
        padding,
        padding_mode,
        route=route,
        strides=strides,
        dilation_rate=dilation_rate,
        data_format=data_format,
    )


def separable_conv(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    padding_mode: Any = "zeros",
    dilation_rate: Any = 1,
    data_format: str = "channels_last",
    route: str | None = None,
) -> Any:
    """A depthwise convolution, then one that mixes the channels of every place.

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
    return answer(
        "separable_conv",
        _separable_conv,
        {"x": x, "depthwise_kernel": depthwise_kernel, "pointwise_kernel": pointwise_kernel},
        padding,
        padding_mode,
        route=route,
        strides=strides,
        dilation_rate=dilation_rate,
        data_format=data_format,
    )


def conv_transpose(
    x: Any,
    kernel: Any,
    *,
    strides: Any = 1,
    padding: Any = "valid",
    padding_mode: Any = "zeros",
    output_padding: Any = None,
    dilation_rate: Any = 1,
    groups: int = 1,
    data_format: str = "channels_last",
    route: str | None = None,
) -> Any:
    """The transposed convolution: by definition the adjoint of `conv` with the same arguments.

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
    return answer(
        "conv_transpose",
        _conv_transpose,
        {"x": x, "kernel": kernel},
        padding,
        padding_mode,
        route=route,
        strides=strides,
        output_padding=output_padding,
        dilation_rate=dilation_rate,
        groups=groups,
        data_format=data_format,
    )
