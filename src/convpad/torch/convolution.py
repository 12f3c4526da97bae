"""Convolution modules: torch.nn's own, plain and transposed, with any padding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from convpad.backends.torch.tensors import is_slice
from convpad.core.amounts import Amount
from convpad.core.errors import ShapeError, refuse
from convpad.core.fills import normalised_fills
from convpad.core.operation import Operation
from convpad.core.padding import Learned, Padding
from convpad.core.types import PaddingLike, PaddingModeLike, PerAxis
from convpad.core.validation import integer, per_axis
from convpad.core.window import transposed_window
from convpad.torch.base import PaddedModule, equal_sides, initialized
from convpad.torch.single_pad import SinglePad, find_single_pad


class _Conv(PaddedModule):
    op = "conv"
    function: Callable[..., Tensor]
    """PyTorch's own operation."""
    single_pad: SinglePad | None = None
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    weight: Tensor
    bias: Tensor | None

    def _options(self) -> dict[str, Any]:
        options = {"strides": self.stride, "dilation_rate": self.dilation, "groups": self.groups}
        return {**super()._options(), **options}

    def _trained_value(self, learned: Learned) -> nn.Parameter:
        return initialized(learned, self._padded_channels(), self.weight)

    def _padded_channels(self) -> int:
        return self.in_channels

    def reset_parameters(self) -> None:
        """Initialise the weight and the bias as torch.nn does, then the trained padding."""
        super().reset_parameters()  # pyright: ignore[reportAttributeAccessIssue]
        if "_trained" in self.__dict__:
            for pair, names in zip(self._parsed.values, self._trained, strict=bool(self._trained)):
                for learned, name in zip(pair, names, strict=True):
                    if name is not None:
                        getattr(self, name).data.copy_(self._trained_value(learned))

    def _convolve(
        self, input: Tensor, weight: Tensor, bias: Tensor | None, operation: Operation | None = None
    ) -> Tensor:
        """Return the convolution with a weight in torch.nn's order, by convpad's own way."""
        pad = self.single_pad
        padded = None if pad is None or operation is not None else pad(input)
        if padded is not None:
            input, padding = padded
            return self.function(input, weight, bias, self.stride, padding, self.dilation, self.groups)
        return self._run(input, weight, bias=(bias,), operation=operation)

    def _operation(self, parsed: Padding) -> Operation:
        return replace(super()._operation(parsed), filters_first=True)

    def extra_repr(self) -> str:
        """Return torch.nn's line, with the padding as it was written."""
        shown = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.rank:
            shown += f", padding={self.padding}"
        for name in ("dilation", "output_padding"):
            value = getattr(self, name)
            if value != (int(name == "dilation"),) * self.rank:
                shown += f", {name}={value}"
        if self.groups != 1:
            shown += f", groups={self.groups}"
        if self.bias is None:
            shown += ", bias=False"
        if self.padding_mode != "zeros":
            shown += f", padding_mode={self._shown_mode()}"
        return shown


class _Convolution(_Conv):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PaddingLike = 0,
        dilation: PerAxis = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: PaddingModeLike = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the module from the arguments of torch.nn's module with this name, in their order.

        Args:
            padding: how much: an int, or one for each spatial axis, as torch.nn takes it; or a word (`"valid"`,
                `"same"`, `"same_lower"`, `"half"`, `"full"`, `"causal"`), or for each spatial axis a word, an int or
                a pair `(before, after)`. With one spatial axis, a pair.
            padding_mode: with what: a mode's name, a number, `Constant` or `Learned`; or one for each spatial axis,
                or a pair of them `(before, after)`. Every `Learned` that is written becomes a parameter
                `padding_value` of shape `(in_channels,)`.

        Raises:
            PaddingError: an argument is wrong by itself, or does not fit the others.

        Source: the module with this name in https://docs.pytorch.org/docs/stable/nn.html
        """
        arguments = _checked(self.rank, in_channels, out_channels, kernel_size, stride, dilation, groups)
        in_channels, out_channels, kernel_size, stride, dilation, groups = arguments
        super().__init__(
            in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias, "zeros", device, dtype
        )
        self._set_padding(padding, padding_mode)

    def _set_parsed(self, parsed: Padding, padding: Any, padding_mode: Any) -> None:
        super()._set_parsed(parsed, padding, padding_mode)
        no_pad = self.own_padding is not None
        self.__dict__["single_pad"] = None if no_pad else find_single_pad(self.operation, self.kernel_size)

    def _find_own_padding(self, operation: Operation) -> Any:
        padding = equal_sides(operation, self.kernel_size, "zeros")
        if padding is not None:
            return padding
        words = {amount.name for amount in operation.padding.amounts}
        fills = {fill[0] for pair in normalised_fills(operation.padding) for fill in pair}
        return "same" if (words, {*operation.strides}, fills) == ({"same"}, {1}, {"zeros"}) else None

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.own_padding
        if padding is None:
            return self._convolve(input, weight, bias)
        return self.function(input, weight, bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Convolution, nn.Conv1d):
    """`torch.nn.Conv1d` with any padding.

    Example:

    >>> import convpad, torch
    >>> conv = convpad.torch.Conv1d(3, 8, 5, padding="causal", padding_mode="replicate")
    >>> conv(torch.zeros(1, 3, 20)).shape
    torch.Size([1, 8, 20])

    Shapes: `(batch, channels, steps)` to `(batch, out_channels, new_steps)`, or both without a batch.
    """

    rank, function = 1, staticmethod(F.conv1d)


class Conv2d(_Convolution, nn.Conv2d):
    """`torch.nn.Conv2d` with any padding.

    Example:

    >>> import convpad, torch
    >>> conv = convpad.torch.Conv2d(3, 8, 3, padding=1, padding_mode=("zeros", "circular"))
    >>> conv
    Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), padding_mode=('zeros', 'circular'))
    >>> conv(torch.zeros(1, 3, 32, 64)).shape
    torch.Size([1, 8, 32, 64])

    Shapes: `(batch, channels, height, width)` to `(batch, out_channels, new_height, new_width)`, or both without a
    batch.
    """

    rank, function = 2, staticmethod(F.conv2d)


class Conv3d(_Convolution, nn.Conv3d):
    """`torch.nn.Conv3d` with any padding.

    Example:

    >>> import convpad, torch
    >>> conv = convpad.torch.Conv3d(1, 4, 3, padding=("causal", 1, 1), padding_mode=("replicate", "zeros", "zeros"))
    >>> conv(torch.zeros(1, 1, 5, 8, 8)).shape
    torch.Size([1, 4, 5, 8, 8])

    Shapes: `(batch, channels, depth, height, width)` to `(batch, out_channels, new_depth, new_height, new_width)`, or
    both without a batch.
    """

    rank, function = 3, staticmethod(F.conv3d)


class _Transposed(_Conv):
    op = "conv_transpose"
    followed = _Conv.followed | {"output_padding"}

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis = 1,
        padding: PaddingLike = 0,
        output_padding: PerAxis = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: PerAxis = 1,
        padding_mode: PaddingModeLike = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        """Make the module from the arguments of torch.nn's module with this name, in their order.

        It is the adjoint of the convolution with this padding: what that pads with zeros is cropped here, what it
        copies is added to the values that it copies.

        Args:
            padding: how much, as `Conv2d` takes it. `"same"` gives `stride` outputs for each input.
            output_padding: how many outputs more at the end of each axis, less than the stride or the dilation. Not
                with `"same"` and `"same_lower"`, which say how many outputs there are.
            padding_mode: with what, as `Conv2d` takes it. Every `Learned` becomes a parameter of shape
                `(out_channels,)`, on which nothing depends.

        Raises:
            PaddingError: an argument is wrong by itself, or does not fit the others.

        Source: the module with this name in https://docs.pytorch.org/docs/stable/nn.html
        """
        arguments = _checked(self.rank, in_channels, out_channels, kernel_size, stride, dilation, groups)
        in_channels, out_channels, kernel_size, stride, dilation, groups = arguments
        output_padding = per_axis("output_padding", output_padding, self.rank, 0)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            0,
            output_padding,
            groups,
            bias,
            dilation,
            "zeros",
            device,
            dtype,
        )
        self._set_padding(padding, padding_mode)

    def _operation(self, parsed: Padding) -> Operation:
        operation = super()._operation(parsed)
        return replace(operation, output_padding=tuple(map(self._extra, parsed.amounts, range(self.rank))))

    def _extra(self, amount: Amount, axis: int) -> int | None:
        """Return the outputs to add at the end of an axis, None where the amount says how many outputs there are."""
        extra, limit = self.output_padding[axis], max(self.stride[axis], self.dilation[axis])
        if amount.follows_size:
            if extra:
                mend = f"padding={amount.name!r} gives {self.stride[axis]} outputs for each input."
                raise refuse("output_padding", "be 0 here", extra, mend)
            return None
        if extra and extra >= limit:
            mend = "It tells apart the sizes that one stride makes equal."
            raise refuse("output_padding", f"be less than the stride or the dilation, {limit}", extra, mend)
        return extra

    def _padded_channels(self) -> int:
        return self.out_channels

    def _find_own_padding(self, operation: Operation) -> Any:
        """Return PyTorch's `padding` and `output_padding`."""
        rows = zip(
            self.kernel_size,
            self.stride,
            self.dilation,
            operation.padding.amounts,
            operation.output_padding,
            strict=True,
        )
        pads, extras = [], []
        for axis, (kernel, stride, dilation, amount, extra) in enumerate(rows):
            window, leftover = transposed_window(None, kernel, stride, dilation, amount, extra, axis)
            copies = any(mode.copies_input or not mode.is_counted for mode in operation.padding.modes[axis])
            padded = window.before or window.after
            if window.before != window.after or not 0 <= leftover < max(stride, dilation) or (padded and copies):
                return None
            pads.append(window.before)
            extras.append(leftover)
        return tuple(pads), tuple(extras)

    def _for_output(self, input: Tensor, output_size: Any) -> Operation:
        """Return the operation whose output has these sizes, with those of the batch and the channels or without."""
        if len(output_size) not in (self.rank, input.dim()):
            allowed = f"have {self.rank} sizes, or {input.dim()} with those of the other axes"
            raise refuse("output_size", allowed, tuple(output_size))
        sizes, inputs = [*output_size][-self.rank :], input.shape[-self.rank :]
        extras: list[int] = []
        for axis, (size, length, amount) in enumerate(zip(sizes, inputs, self.operation.padding.amounts, strict=True)):
            kernel, stride, dilation = self.kernel_size[axis], self.stride[axis], self.dilation[axis]
            least, _ = transposed_window(length, kernel, stride, dilation, amount, 0, axis)
            extra = size - (least.size or 0)
            if amount.follows_size:
                first, last = (length - 1) * stride + 1, length * stride
            else:
                first, last = least.size or 0, (least.size or 0) + stride - 1
            if not first <= size <= last:
                raise ShapeError(
                    f"`output_size` must be from {first} to {last} on spatial axis {axis}, for an input of {length}. "
                    f"Received: {tuple(output_size)}."
                )
            extras.append(extra)
        return replace(self.operation, output_padding=tuple(extras))

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """Return the transposed convolution; `output_size` chooses among the sizes that a stride makes equal."""
        own, operation = self.own_padding, None
        if output_size is not None:
            operation = self._for_output(input, output_size)
            own = self._find_own_padding(operation)
        if own is None:
            # Most often a slice of a larger tensor: its sum with the bias is no slice, as torch.nn's outputs are none.
            out = self._convolve(input, self.weight, None, operation)
            if self.bias is not None:
                return out + self.bias.to(out.dtype).reshape(-1, *[1] * self.rank)
            return out.clone() if is_slice(out) else out
        padding, extra = own
        return self.function(input, self.weight, self.bias, self.stride, padding, extra, self.groups, self.dilation)


class ConvTranspose1d(_Transposed, nn.ConvTranspose1d):
    """`torch.nn.ConvTranspose1d` with any padding.

    Example:

    >>> import convpad, torch
    >>> conv = convpad.torch.ConvTranspose1d(3, 8, 5, stride=2, padding="same", padding_mode="reflect")
    >>> conv(torch.zeros(1, 3, 20)).shape
    torch.Size([1, 8, 40])

    Shapes: `(batch, channels, steps)` to `(batch, out_channels, new_steps)`, or both without a batch.
    """

    rank, function = 1, staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_Transposed, nn.ConvTranspose2d):
    """`torch.nn.ConvTranspose2d` with any padding.

    Example:

    >>> import convpad, torch
    >>> conv = convpad.torch.ConvTranspose2d(8, 3, 4, stride=2, padding=1, padding_mode=("zeros", "circular"))
    >>> conv(torch.zeros(1, 8, 16, 16)).shape
    torch.Size([1, 3, 32, 32])

    Shapes: `(batch, channels, height, width)` to `(batch, out_channels, new_height, new_width)`, or both without a
    batch.
    """

    rank, function = 2, staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_Transposed, nn.ConvTranspose3d):
    """`torch.nn.ConvTranspose3d` with any padding.

    Example:

    >>> import convpad, torch
    >>> conv = convpad.torch.ConvTranspose3d(4, 1, 3, stride=2, padding="same")
    >>> conv(torch.zeros(1, 4, 5, 8, 8)).shape
    torch.Size([1, 1, 10, 16, 16])

    Shapes: `(batch, channels, depth, height, width)` to `(batch, out_channels, new_depth, new_height, new_width)`, or
    both without a batch.
    """

    rank, function = 3, staticmethod(F.conv_transpose3d)


def _checked(
    rank: int, in_channels: Any, out_channels: Any, kernel_size: Any, stride: Any, dilation: Any, groups: Any
) -> tuple[int, int, tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
    """Return the arguments of a convolution as torch.nn takes them, or refuse the wrong one."""
    groups = integer("groups", groups, 1)
    channels = []
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        number = integer(name, value, 0)
        if number % groups:
            raise refuse(name, f"be a multiple of groups, {groups}", number)
        channels.append(number)
    size = per_axis("kernel_size", kernel_size, rank)
    return *channels, size, per_axis("stride", stride, rank), per_axis("dilation", dilation, rank), groups
