"""Convolutions, plain, depthwise and transposed, and pools in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from math import gcd
from typing import Any

import tensorflow as tf

from convpad.backends.base import Context, ConvWindow, Pairs
from convpad.backends.tensorflow import grouped
from convpad.backends.tensorflow.padding import is_same, spelled
from convpad.backends.tensorflow.tensors import Tensor, as_given, planar, size, two
from convpad.core.window import spanned


def conv(x: Tensor, kernel: Tensor, window: ConvWindow, *, plain: bool = False) -> Tensor:
    """Return the zero-padded convolution; `plain` is without gradients of ours."""
    rank, strides, dilation = window.rank, window.strides, window.dilation
    if not (rank < 3 and _dilates(x.dtype.name)):
        kernel, dilation = _without_strided_dilation(kernel, strides, dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = two(strides, strides[0]), two(window.pads, (0, 0)), two(dilation, 1)
    dilation = [step if taps > 1 else 1 for step, taps in zip(dilation, kernel.shape, strict=False)]

    def convolve(x: Tensor, kernel: Tensor) -> Tensor:
        spans = [spanned(taps, step) for taps, step in zip(kernel.shape, dilation, strict=False)]
        padding = spelled(x, spans, strides, pads)
        if max(dilation) > 1 and rank < 3 and _dilates(x.dtype.name):
            return tf.nn.conv2d(x, kernel, [1, *strides, 1], padding, dilations=dilation)
        if max(dilation) > 1:
            return tf.nn.convolution(x, kernel, strides, padding, dilations=dilation)
        convolution: Any = tf.nn.conv3d if rank == 3 else tf.nn.conv2d
        if not isinstance(padding, str):
            backs = tf.raw_ops.Conv2DBackpropInput, tf.raw_ops.Conv2DBackpropFilter
            return _explicit(x, kernel, strides, padding, convolution, *backs)
        return convolution(x, kernel, [1, *strides, 1], padding)

    x = planar(x, window.channels_last)
    if not plain and _is_grouped(window, x.dtype.name):
        out = grouped.conv(x, kernel, ConvWindow(tuple(strides), tuple(pads), tuple(dilation), window.groups))
    else:
        out = _by_groups(convolve, x, kernel, window.groups)
    return as_given(out, rank, window.channels_last)


def _explicit(
    x: Tensor, kernel: Tensor, strides: Sequence[int], pads: Any, forward: Any, to_x: Any, to_kernel: Any
) -> Tensor:
    """Return a convolution with a list of pads, and a gradient with none.

    TensorFlow 2.21 computes the gradients of explicit pads without oneDNN, 2 to 4 times as slowly as those of VALID
    on a padded tensor (`python -m benchmarks layers --backend tensorflow`).
    """

    @tf.custom_gradient
    def convolved(x: Tensor, kernel: Tensor) -> Any:
        def gradients(gradient: Tensor) -> tuple[Tensor, Tensor]:
            padded = tf.pad(x, pads)
            options = {"out_backprop": gradient, "strides": [1, *strides, 1], "padding": "VALID"}
            to_padded = to_x(input_sizes=tf.shape(padded), filter=kernel, **options)
            cut = tf.slice(to_padded, [before for before, _ in pads], tf.shape(x))
            return cut, to_kernel(input=padded, filter_sizes=tf.shape(kernel), **options)

        return forward(x, kernel, [1, *strides, 1], pads), gradients

    return convolved(x, kernel)


def _holed(kernel: Tensor, dilation: Sequence[int]) -> Tensor:
    """Return the kernel with the holes of its dilation filled in with zeros, for operations that know no dilation."""
    for axis, step in enumerate(dilation):
        if step > 1:
            taps = kernel.shape[axis]
            kernel = tf.expand_dims(kernel, axis + 1)
            kernel = tf.pad(kernel, [(0, step - 1) if a == axis + 1 else (0, 0) for a in range(len(kernel.shape))])
            merged = [*kernel.shape[:axis], taps * step, *kernel.shape[axis + 2 :]]
            kernel = tf.reshape(kernel, merged)[(slice(None),) * axis + (slice(0, spanned(taps, step)),)]
    return kernel


def _without_strided_dilation(
    kernel: Tensor, strides: Sequence[int], dilation: Sequence[int]
) -> tuple[Tensor, Sequence[int]]:
    """Return a kernel and a dilation that go together with the strides.

    TensorFlow refuses strides and dilation at once: then the zeros between the taps are written into the kernel.
    """
    if max(dilation) > 1 and max(strides) > 1:
        return _holed(kernel, dilation), [1] * len(dilation)
    return kernel, dilation


def _by_groups(operation: Callable[[Tensor, Tensor], Tensor], x: Tensor, kernel: Tensor, groups: int) -> Tensor:
    """Run an operation group by group."""
    if groups == 1:
        return operation(x, kernel)
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([operation(*part) for part in parts], -1)


@lru_cache
def _dilates(dtype: str) -> bool:
    """Return whether this build has dilated kernels and their gradients: with oneDNN, for some dtypes. Tried once."""
    try:
        with tf.init_scope():
            tf.raw_ops.Conv2DBackpropInput(
                input_sizes=[1, 7, 7, 2],
                filter=tf.ones([3, 3, 2, 2], dtype),
                out_backprop=tf.ones([1, 3, 3, 2], dtype),
                strides=[1, 1, 1, 1],
                padding="VALID",
                dilations=[1, 2, 2, 1],
            )
    except tf.errors.OpError:
        return False
    return True


def _is_grouped(window: ConvWindow, dtype: str) -> bool:
    """Return whether `grouped` computes a convolution: TensorFlow has no grouped kernels of three axes."""
    strided = max(window.strides) > 1  # then the dilation is written into the kernel
    return window.groups > 1 and window.rank < 3 and (max(window.dilation) == 1 or strided or _dilates(dtype))


def conv_transpose(y: Tensor, kernel: Tensor, window: ConvWindow, *, plain: bool = False) -> Tensor:
    """Return the adjoint of `conv`; `plain` is without gradients of ours."""
    rank = window.rank
    # The gradient kernels of the CPU know no dilation.
    kernel = _holed(kernel, window.dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    y = planar(y, window.channels_last)
    strides, pads, leftovers = two(window.strides, 1), two(window.pads, (0, 0)), two(window.leftovers, 0)
    full = [
        (size(y, 1 + axis) - 1) * stride + kernel.shape[axis] + rest
        for axis, (stride, rest) in enumerate(zip(strides, leftovers, strict=True))
    ]

    sizes = [length - sum(pair) for length, pair in zip(full, pads, strict=True)]
    cuts = [slice(None), *(slice(before, length - after) for (before, after), length in zip(pads, full, strict=True))]
    same = not any(leftovers) and all(isinstance(length, int) for length in sizes)
    same = same and any(map(any, pads)) and is_same(sizes, kernel.shape[:-2], strides, pads)

    def transpose(y: Tensor, kernel: Tensor) -> Tensor:
        transposed: Any = tf.nn.conv3d_transpose if rank == 3 else tf.nn.conv2d_transpose
        channels = kernel.shape[-2]
        if same:
            return transposed(y, kernel, [size(y, 0), *sizes, channels], [1, *strides, 1], "SAME")
        if rank == 3:
            return transposed(y, kernel, [size(y, 0), *full, channels], [1, *strides, 1], "VALID")[tuple(cuts)]
        if not any(map(any, pads)):
            return transposed(y, kernel, [size(y, 0), *full, channels], [1, *strides, 1], "VALID")
        return _cropped(y, kernel, strides, pads, [size(y, 0), *full, channels], tuple(cuts))

    if window.groups > 1 and rank < 3 and not plain:
        images = ConvWindow(tuple(strides), tuple(pads), (1, 1), window.groups)
        out = grouped.adjoint(y, kernel, sizes, images)
    else:
        out = _by_groups(transpose, y, kernel, window.groups)
    return as_given(out, rank, window.channels_last)


def _cropped(
    y: Tensor, kernel: Tensor, strides: Sequence[int], pads: Pairs, full: Any, cuts: tuple[slice, ...]
) -> Tensor:
    """Return a transposed convolution cut to size, whose gradient pads once, where that of the cut would twice."""

    @tf.custom_gradient
    def transposed(y: Tensor, kernel: Tensor) -> Any:
        def gradients(gradient: Tensor) -> tuple[Tensor, Tensor]:
            ends = [length - cut.stop for length, cut in zip(full[1:-1], cuts[1:], strict=True)]
            around = [(0, 0), *((before, end) for (before, _), end in zip(pads, ends, strict=True)), (0, 0)]
            padded, options = tf.pad(gradient, around), {"strides": [1, *strides, 1], "padding": "VALID"}
            to_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=padded, filter_sizes=tf.shape(kernel), out_backprop=y, **options
            )
            return tf.nn.conv2d(padded, kernel, **options), to_kernel

        return tf.nn.conv2d_transpose(y, kernel, full, [1, *strides, 1], "VALID")[cuts], gradients

    return transposed(y, kernel)


def kernel_name(
    op: str, shape: Sequence[Any], kernel_shape: Sequence[Any], window: ConvWindow, dtype: str, context: Context
) -> str:
    """Return the kernel that stands in for one that TensorFlow lacks, else `"framework"`.

    TensorFlow has no depthwise convolution of three axes, and no gradient of a grouped convolution on a CPU.
    """
    if op == "depthwise_conv":
        return "sum of taps" if window.rank == 3 else "framework"
    if window.groups == 1:
        return "framework"
    if op == "conv_transpose":
        return "groups apart" if window.rank == 3 else "adjoint of groups"
    return "gradient of groups" if _is_grouped(window, dtype) else "groups apart"


def depthwise_conv(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    rank, last, strides = window.rank, window.channels_last, window.strides
    x = planar(x, last)
    if rank == 3:
        return as_given(_sum_of_taps(x, kernel, window), rank, last)
    kernel, dilation = _without_strided_dilation(_guarded(kernel, x), strides, window.dilation)
    if rank == 1:
        kernel = tf.expand_dims(kernel, 0)
    strides, pads, dilation = two(strides, strides[0]), two(window.pads, (0, 0)), two(dilation, 1)
    # TensorFlow's strides must be equal: go by what divides both, and skip.
    common = gcd(*strides)
    spans = [spanned(taps, step) for taps, step in zip(kernel.shape, dilation, strict=False)]
    padding = spelled(x, spans, [common, common], pads)
    if isinstance(padding, str):
        out = tf.nn.depthwise_conv2d(x, kernel, [1, common, common, 1], padding, dilations=dilation)
    else:
        backs = tf.raw_ops.DepthwiseConv2dNativeBackpropInput, tf.raw_ops.DepthwiseConv2dNativeBackpropFilter
        out = _explicit(x, kernel, [common, common], padding, tf.nn.depthwise_conv2d, *backs)
    skips = [stride // common for stride in strides]
    return as_given(out if max(skips) == 1 else out[:, :: skips[0], :: skips[1]], rank, last)


def _guarded(kernel: Tensor, x: Tensor) -> Tensor:
    """Return the kernel, with a gradient of 0 for an empty batch: TensorFlow 2.21 leaves that as memory was."""
    if x.shape[0]:
        return kernel

    @tf.custom_gradient
    def same(kernel: Tensor) -> Any:
        return tf.identity(kernel), lambda gradient: tf.where(tf.size(x) > 0, gradient, tf.zeros_like(gradient))

    return same(kernel)


def _sum_of_taps(x: Tensor, kernel: Tensor, window: ConvWindow) -> Tensor:
    """Return the sum over the taps of a shifted input times the tap, for an input that is padded already."""
    *taps, channels, multiplier = kernel.shape
    starts = [[tap * step for tap in range(count)] for count, step in zip(taps, window.dilation, strict=True)]
    x = tf.expand_dims(x, -1)
    total: Any = 0
    for tap in product(*(range(count) for count in taps)):
        cuts = [
            slice(places[at], size(x, 1 + axis) - places[-1] + places[at], stride)
            for axis, (places, at, stride) in enumerate(zip(starts, tap, window.strides, strict=True))
        ]
        total += x[(slice(None), *cuts)] * kernel[tap]
    shape = tf.shape(total)
    out = tf.reshape(total, tf.concat([shape[:-2], [channels * multiplier]], 0))
    return tf.ensure_shape(out, [*total.shape[:-2], channels * multiplier])


def max_pool(x: Tensor, window: ConvWindow) -> Tensor:
    return _pool(tf.nn.max_pool2d, x, window)


def average_pool(x: Tensor, window: ConvWindow, *, count_padding: bool) -> Tensor:
    # `why_not_native` lets no padding through that counts.
    return _pool(tf.nn.avg_pool2d, x, window)


def _pool(pool: Callable[..., Tensor], x: Tensor, window: ConvWindow) -> Tensor:
    """Return a pool of one or two axes, or of three as one of two and one of one: the 3-D kernels lack most dtypes."""
    size, strides, last = window.size, window.strides, window.channels_last
    padding = "SAME" if window.is_padded else "VALID"  # `why_not_native` lets nothing else through
    x = planar(x, last)
    if window.rank < 3:
        return as_given(pool(x, two(size, 1), two(strides, strides[0]), padding), window.rank, last)
    batch, depth, height, width, channels = tf.unstack(tf.shape(x))
    planes = pool(tf.reshape(x, [batch * depth, height, width, x.shape[-1]]), size[1:], strides[1:], padding)
    _, rows, columns, _ = tf.unstack(tf.shape(planes))
    lines = tf.reshape(planes, [batch, depth, rows * columns, x.shape[-1]])
    out = pool(lines, [size[0], 1], [strides[0], 1], padding)
    return as_given(tf.reshape(out, [batch, tf.shape(out)[1], rows, columns, channels]), window.rank, last)
