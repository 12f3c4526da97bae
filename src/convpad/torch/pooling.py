"""Pooling modules: torch.nn's own, with any padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from convpad.core.errors import refuse
from convpad.core.modes import MODES
from convpad.core.operation import Operation
from convpad.core.padding import Padding
from convpad.core.types import PaddingLike, PaddingModeLike, PerAxis
from convpad.core.validation import integer, per_axis
from convpad.torch.base import PaddedModule, equal_sides


class _Pool(PaddedModule):
    function: Callable[..., Any]
    """PyTorch's own operation."""
    kernel_size: Any
    stride: Any
    ceil_mode: bool
    followed = PaddedModule.followed | {"ceil_mode"}

    def _options(self) -> dict[str, Any]:
        options = {"pool_size": self.kernel_size, "strides": self.stride, "ceil_mode": self.ceil_mode}
        return {**super()._options(), **options}

    def _spelled_padding(self, parsed: Padding, padding: Any) -> Any:
        return padding if isinstance(padding, int) else super()._spelled_padding(parsed, padding)

    def _equal_sides(self, operation: Operation, mode: str) -> tuple[int, ...] | None:
        """Return the amount of each axis as PyTorch's pools take it: at most half the window; None elsewhere."""
        padding = equal_sides(operation, operation.pool_size, mode)
        if padding is None:
            return None
        return (
            padding
            if all(2 * count <= taps for count, taps in zip(padding, operation.pool_size, strict=True))
            else None
        )


class _MaxPool(_Pool):
    op = "max_pool"
    followed = _Pool.followed | {"return_indices"}
    dilation: Any
    return_indices: bool

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PaddingLike = 0,
        dilation: PerAxis = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
        *,
        padding_mode: PaddingModeLike = "ignore",
    ) -> None:
        """Make the module from the arguments of torch.nn's module with this name, in their order, and `padding_mode`.

        Args:
            padding: how much, as `Conv2d` takes it.
            return_indices: whether the places of the maxima are returned, too; for padding of torch.nn's alone.
            padding_mode: with what, as `Conv2d` takes it. `"ignore"`, as torch.nn: padding is never the maximum.

        Raises:
            PaddingError: an argument is wrong by itself, or does not fit the others.

        Source: the module with this name in https://docs.pytorch.org/docs/stable/nn.html
        """
        kernel_size, stride = _checked(self.rank, kernel_size, stride)
        per_axis("dilation", dilation, self.rank)
        super().__init__(kernel_size, stride, 0, dilation, return_indices, ceil_mode)
        self._set_padding(padding, padding_mode)

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "dilation_rate": self.dilation}

    def _find_own_padding(self, operation: Operation) -> Any:
        padding = self._equal_sides(operation, "ignore")
        if padding is None and self.return_indices:
            mend = "Its padding is 'ignore', the same number on both sides, at most half the window."
            raise refuse("return_indices", "be False where torch.nn has no such padding", True, mend)
        return padding

    def forward(self, input: Tensor) -> Any:
        """Return the maximum of every window, and its places where `return_indices`."""
        padding = self.own_padding
        if padding is None:
            return self._run(input)
        return self.function(
            input,
            self.kernel_size,
            self.stride,
            padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        """Return torch.nn's line, with the padding as it was written."""
        shown = super().extra_repr()
        return shown if self.padding_mode == "ignore" else f"{shown}, padding_mode={self._shown_mode()}"


class MaxPool1d(_MaxPool, nn.MaxPool1d):
    """`torch.nn.MaxPool1d` with any padding.

    Example:

    >>> import convpad, torch
    >>> pool = convpad.torch.MaxPool1d(3, stride=1, padding="same", padding_mode="circular")
    >>> pool(torch.tensor([[[9.0, 1.0, 2.0, 3.0]]]))
    tensor([[[9., 9., 3., 9.]]])

    Shapes: `(batch, channels, steps)` to `(batch, channels, new_steps)`, or both without a batch.
    """

    rank, function = 1, staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPool, nn.MaxPool2d):
    """`torch.nn.MaxPool2d` with any padding.

    Example:

    >>> import convpad, torch
    >>> convpad.torch.MaxPool2d(3, stride=2, padding="same")(torch.zeros(1, 64, 112, 112)).shape
    torch.Size([1, 64, 56, 56])

    Shapes: `(batch, channels, height, width)` to `(batch, channels, new_height, new_width)`, or both without a batch.
    """

    rank, function = 2, staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPool, nn.MaxPool3d):
    """`torch.nn.MaxPool3d` with any padding.

    Example:

    >>> import convpad, torch
    >>> convpad.torch.MaxPool3d(2, padding=((0, 1), 0, 0))(torch.zeros(1, 8, 5, 8, 8)).shape
    torch.Size([1, 8, 3, 4, 4])

    Shapes: `(batch, channels, depth, height, width)` to `(batch, channels, new_depth, new_height, new_width)`, or both
    without a batch.
    """

    rank, function = 3, staticmethod(F.max_pool3d)


class _AvgPool(_Pool):
    op = "average_pool"
    followed = _Pool.followed | {"count_include_pad", "divisor_override"}
    count_include_pad: bool
    divisor_override: int | None = None

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PaddingLike = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        padding_mode: PaddingModeLike | None = None,
    ) -> None:
        """Make the module from the arguments of torch.nn's module with this name, in their order, and `padding_mode`.

        Args:
            padding: how much, as `Conv2d` takes it.
            count_include_pad: whether zeros of the padding count; for no `padding_mode` alone.
            divisor_override: the divisor of every sum; None is the number of values that count.
            padding_mode: with what, as `Conv2d` takes it; None is `"zeros"`, or `"ignore"` where not
                `count_include_pad`.

        Raises:
            PaddingError: an argument is wrong by itself, or does not fit the others.

        Source: the module with this name in https://docs.pytorch.org/docs/stable/nn.html
        """
        kernel_size, stride = _checked(self.rank, kernel_size, stride)
        options: list[Any] = [ceil_mode, count_include_pad]
        if divisor_override is not None:
            options.append(integer("divisor_override", divisor_override, 1))
        super().__init__(kernel_size, stride, 0, *options)
        self._set_padding(padding, padding_mode)

    def _parse(self, padding: Any, padding_mode: Any) -> Padding:
        if padding_mode is None:
            padding_mode = "zeros" if self.count_include_pad else "ignore"
        elif not self.count_include_pad and padding_mode != "ignore":
            mend = "padding_mode='ignore' leaves the padding out."
            raise refuse("count_include_pad", "be left out where a `padding_mode` is given", False, mend)
        return super()._parse(padding, padding_mode)

    def _spelled_mode(self, parsed: Padding, padding_mode: Any) -> Any:
        return None if padding_mode is None else super()._spelled_mode(parsed, padding_mode)

    def _operation(self, parsed: Padding) -> Operation:
        if self.divisor_override is not None:  # what is ignored adds nothing to a sum
            zeros = [[MODES["zeros"] if not mode.is_counted else mode for mode in pair] for pair in parsed.modes]
            parsed = replace(parsed, modes=tuple((before, after) for before, after in zeros))
        return super()._operation(parsed)

    def _find_own_padding(self, operation: Operation) -> Any:
        """Return PyTorch's `padding` and `count_include_pad`."""
        for mode in ("zeros", "ignore"):
            padding = self._equal_sides(operation, mode)
            if padding is not None:
                return padding, mode == "zeros" and (any(padding) or self.count_include_pad)
        if self.divisor_override is not None and self.ceil_mode:
            mend = "Leave one of them out, or pad before the pool."
            raise refuse("divisor_override", "be None with ceil_mode where torch.nn has no such padding", True, mend)
        return None

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of every window."""
        own = self.own_padding
        if own is None:
            return self._average(input)
        return self.function(
            input, self.kernel_size, self.stride, own[0], self.ceil_mode, own[1], self.divisor_override
        )

    def _average(self, input: Tensor) -> Tensor:
        """Return the average by convpad's own way."""
        out = self._run(input)
        return out if self.divisor_override is None else out * (prod(self.operation.pool_size) / self.divisor_override)

    def extra_repr(self) -> str:
        """Return torch.nn's line, with the padding as it was written."""
        shown = super().extra_repr()
        return shown if self.padding_mode is None else f"{shown}, padding_mode={self._shown_mode()}"


class AvgPool1d(_AvgPool, nn.AvgPool1d):
    """`torch.nn.AvgPool1d` with any padding.

    Example:

    >>> import convpad, torch
    >>> pool = convpad.torch.AvgPool1d(3, stride=1, padding="same", padding_mode="circular")
    >>> pool(torch.tensor([[[3.0, 0.0, 0.0, 3.0]]]))
    tensor([[[2., 1., 1., 2.]]])

    Shapes: `(batch, channels, steps)` to `(batch, channels, new_steps)`, or both without a batch.
    """

    rank = 1

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: PaddingLike = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        *,
        padding_mode: PaddingModeLike | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad, padding_mode=padding_mode)

    def _spelled_padding(self, parsed: Padding, padding: Any) -> Any:
        return PaddedModule._spelled_padding(self, parsed, padding)  # a tuple always, as torch.nn has it

    def forward(self, input: Tensor) -> Tensor:
        """Return the mean of every window."""
        own = self.own_padding
        if own is None:
            return self._average(input)
        return F.avg_pool1d(input, self.kernel_size, self.stride, own[0], self.ceil_mode, own[1])


class AvgPool2d(_AvgPool, nn.AvgPool2d):
    """`torch.nn.AvgPool2d` with any padding.

    Example:

    >>> import convpad, torch
    >>> convpad.torch.AvgPool2d(3, stride=2, padding="same", padding_mode="ignore")(torch.ones(1, 1, 4, 4))
    tensor([[[[1., 1.],
              [1., 1.]]]])

    Shapes: `(batch, channels, height, width)` to `(batch, channels, new_height, new_width)`, or both without a batch.
    """

    rank, function = 2, staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPool, nn.AvgPool3d):
    """`torch.nn.AvgPool3d` with any padding.

    Example:

    >>> import convpad, torch
    >>> convpad.torch.AvgPool3d(2, padding=((0, 1), 0, 0))(torch.zeros(1, 8, 5, 8, 8)).shape
    torch.Size([1, 8, 3, 4, 4])

    Shapes: `(batch, channels, depth, height, width)` to `(batch, channels, new_depth, new_height, new_width)`, or both
    without a batch.
    """

    rank, function = 3, staticmethod(F.avg_pool3d)


def _checked(rank: int, kernel_size: Any, stride: Any) -> tuple[Any, Any]:
    """Return the window of a pool as torch.nn takes it, or refuse the wrong argument."""
    per_axis("kernel_size", kernel_size, rank)
    if stride is not None:
        per_axis("stride", stride, rank)
    return kernel_size, stride
