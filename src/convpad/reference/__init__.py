"""The oracle: every operation and its gradients in plain NumPy, any rank, slow and obviously right.

It shares the `Problem` with the engine (what is asked) and nothing else (how it is done). `convpad.conv` and
its like run it for NumPy arrays, and every route of every backend is tested against it.

Each function takes a `Problem`, the values that its constants carry, and the arrays; `gradients` takes the
cotangent of the output as well and returns the gradients of all that is differentiable.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from convpad.core.problem import Problem
from convpad.reference import windows
from convpad.reference.extension import Values, extend, fold, outside_sums

__all__ = ["gradients", "solve"]

Array = npt.NDArray[Any]


def _last(array: Array, problem: Problem) -> Array:
    return array if problem.channels_last else np.moveaxis(array, 1, -1)


def _back(array: Array, problem: Problem) -> Array:
    return array if problem.channels_last else np.moveaxis(array, -1, 1)


def _dense(kernel: Array, problem: Problem) -> tuple[Array, Problem]:
    """A depthwise kernel as the grouped one it is: one group for each channel."""
    if problem.op not in ("depthwise_conv", "separable_conv"):
        return kernel, problem
    *window, channels, multiplier = kernel.shape
    return kernel.reshape(*window, 1, channels * multiplier), replace(problem, groups=channels)


def _without_constants(values: Values) -> Values:
    return tuple((None, None) for _ in values)


def _pad(problem: Problem, values: Values, x: Array) -> Array:
    return extend(x, problem, values)


def _conv(problem: Problem, values: Values, x: Array, kernel: Array) -> Array:
    kernel, problem = _dense(kernel, problem)
    return windows.convolve(x, kernel, problem, values)


def _separable_conv(problem: Problem, values: Values, x: Array, depthwise: Array, pointwise: Array) -> Array:
    return _conv(problem, values, x, depthwise) @ pointwise.reshape(pointwise.shape[-2:])


def _conv_transpose(problem: Problem, values: Values, y: Array, kernel: Array) -> Array:
    return windows.convolve_adjoint(y, kernel, problem)[0]


_FORWARD: dict[str, Callable[..., Array]] = {
    "pad": _pad,
    "conv": _conv,
    "depthwise_conv": _conv,
    "separable_conv": _separable_conv,
    "conv_transpose": _conv_transpose,
    "max_pool": lambda problem, values, x: windows.largest(x, problem, values),
    "average_pool": lambda problem, values, x: windows.mean(x, problem, values),
}


def solve(problem: Problem, values: Values, *arrays: Array) -> Array:
    """The output of the problem for these arrays: the input first, then the kernels.

    Example:

    >>> import numpy as np
    >>> from convpad import Padding, reference
    >>> from convpad.core.problem import pose
    >>> asked = pose("average_pool", (1, 3, 1), 3, Padding.parse("same", "ignore", rank=1))
    >>> reference.solve(asked, ((None, None),), np.array([[[1.0], [2.0], [6.0]]])).ravel()
    array([1.5, 3. , 4. ])
    """
    dtype = np.result_type(*arrays)
    x, *kernels = arrays if problem.op in ("pad", "max_pool") else [array.astype(np.float64) for array in arrays]
    return _back(_FORWARD[problem.op](problem, values, _last(x, problem), *kernels), problem).astype(dtype)


def gradients(problem: Problem, values: Values, cotangent: Array, *arrays: Array) -> tuple[list[Array], Any]:
    """The gradients of ``sum(cotangent * solve(...))``: to each array, and to the constants per axis and side.

    A constant's gradient comes as one number per channel; for a constant that is a single number, add them up.
    """
    x, *kernels = (array.astype(np.float64) for array in arrays)
    x, cotangent = _last(x, problem), _last(cotangent.astype(np.float64), problem)
    if problem.op == "pad":
        found = [fold(cotangent, problem)], outside_sums(cotangent, problem)
    elif problem.op == "max_pool":
        dx, constants = windows.largest_adjoint(x, cotangent, problem, values)
        found = [dx], constants
    elif problem.op == "average_pool":
        dx, constants = windows.mean_adjoint(cotangent, problem)
        found = [dx], constants
    elif problem.op == "conv_transpose":
        # It is the adjoint of a convolution without constants, so its own adjoint is that convolution.
        linear = _without_constants(values)
        kernel = kernels[0]
        dkernel = windows.kernel_gradient(cotangent, x, kernel.shape, problem, linear)
        found = [windows.convolve(cotangent, kernel, problem, linear), dkernel], ()
    else:
        found = _convolution_gradients(problem, values, cotangent, x, kernels)
    (dx, *rest), constants = found
    return [_back(dx, problem), *rest], constants


def _convolution_gradients(
    problem: Problem, values: Values, cotangent: Array, x: Array, kernels: list[Array]
) -> tuple[list[Array], Any]:
    kernel, dense = _dense(kernels[0], problem)
    rest: list[Array] = []
    if problem.op == "separable_conv":
        pointwise = kernels[1].reshape(kernels[1].shape[-2:])
        between = windows.convolve(x, kernel, dense, values)
        mixed = between.reshape(-1, between.shape[-1]).T @ cotangent.reshape(-1, cotangent.shape[-1])
        rest = [mixed.reshape(kernels[1].shape)]
        cotangent = cotangent @ pointwise.T
    dx, constants = windows.convolve_adjoint(cotangent, kernel, dense)
    dkernel = windows.kernel_gradient(x, cotangent, kernel.shape, dense, values)
    return [dx, dkernel.reshape(kernels[0].shape), *rest], constants
