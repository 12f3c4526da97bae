"""The oracle: every operation and its gradients in plain NumPy, any rank, slow and obviously right.

It shares the `Problem` with the engine and nothing else. `convpad.conv` and its like run it for NumPy arrays, and every
route of every backend is tested against it.

Each function takes a `Problem`, the values of its constants, and the arrays; `gradients` takes the cotangent of the
output as well and returns the gradients of all that is differentiable.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from convpad.core.problem import Problem
from convpad.reference import windows
from convpad.reference.resampling import resize, resize_gradient
from convpad.reference.windows import Array, Values

__all__ = ["gradients", "resize", "resize_gradient", "solve"]


def solve(problem: Problem, values: Values, *arrays: Array) -> Array:
    """Return the output of a problem for these arrays: the input first, then the kernels.

    Example:

    >>> import numpy as np
    >>> from convpad import Padding, reference
    >>> from convpad.core.problem import parse_problem
    >>> problem = parse_problem("average_pool", (1, 3, 1), 3, Padding.parse("same", "ignore", rank=1))
    >>> reference.solve(problem, ((None, None),), np.array([[[1.0], [2.0], [6.0]]])).ravel()
    array([1.5, 3. , 4. ])
    """
    dtype = np.result_type(*arrays)
    x, *kernels = arrays if problem.op in ("pad", "max_pool") else [array.astype(np.float64) for array in arrays]
    return _channels_back(_forward(problem, values, _channels_last(x, problem), *kernels), problem).astype(dtype)


def gradients(problem: Problem, values: Values, cotangent: Array, *arrays: Array) -> tuple[list[Array], Any]:
    """Return the gradients of ``sum(cotangent * solve(...))``: to each array, and to the constants per axis and side.

    A constant's gradient is one number per channel; for a constant that is a single number, add them up.
    """
    x, *kernels = (array.astype(np.float64) for array in arrays)
    x, cotangent = _channels_last(x, problem), _channels_last(cotangent.astype(np.float64), problem)
    rest: list[Array] = []
    match problem.op:
        case "pad":
            dx, constants = windows.fold(cotangent, problem), windows.outside_sums(cotangent, problem)
        case "max_pool":
            dx, constants = windows.largest_adjoint(x, cotangent, problem, values)
        case "average_pool":
            dx, constants = windows.mean_adjoint(cotangent, problem)
        case "conv_transpose":
            # It is the adjoint of a convolution without constants, so its own adjoint is that convolution.
            linear = tuple((None, None) for _ in values)
            rest = [windows.kernel_gradient(cotangent, x, kernels[0].shape, problem, linear)]
            dx, constants = windows.convolve(cotangent, kernels[0], problem, linear), ()
        case _:
            kernel, dense = _dense(kernels[0], problem)
            if problem.op == "separable_conv":
                between, pointwise = windows.convolve(x, kernel, dense, values), kernels[1]
                mixed = between.reshape(-1, between.shape[-1]).T @ cotangent.reshape(-1, cotangent.shape[-1])
                rest = [mixed.reshape(pointwise.shape)]
                cotangent = cotangent @ pointwise.reshape(pointwise.shape[-2:]).T
            dx, constants = windows.convolve_adjoint(cotangent, kernel, dense)
            dkernel = windows.kernel_gradient(x, cotangent, kernel.shape, dense, values)
            rest = [dkernel.reshape(kernels[0].shape), *rest]
    return [_channels_back(dx, problem), *rest], constants


def _forward(problem: Problem, values: Values, x: Array, *kernels: Array) -> Array:
    match problem.op:
        case "pad":
            return windows.extend(x, problem, values)
        case "max_pool":
            return windows.largest(x, problem, values)
        case "average_pool":
            return windows.mean(x, problem, values)
        case "conv_transpose":
            return windows.convolve_adjoint(x, kernels[0], problem)[0]
        case _:
            y = windows.convolve(x, *_dense(kernels[0], problem), values)
            return y if len(kernels) == 1 else y @ kernels[1].reshape(kernels[1].shape[-2:])


def _dense(kernel: Array, problem: Problem) -> tuple[Array, Problem]:
    """Return a depthwise kernel as the grouped one it is: one group for each channel."""
    if problem.op not in ("depthwise_conv", "separable_conv"):
        return kernel, problem
    *window, channels, multiplier = kernel.shape
    return kernel.reshape(*window, 1, channels * multiplier), replace(problem, groups=channels)


def _channels_last(array: Array, problem: Problem) -> Array:
    return array if problem.channels_last else np.moveaxis(array, 1, -1)


def _channels_back(array: Array, problem: Problem) -> Array:
    return array if problem.channels_last else np.moveaxis(array, -1, 1)
