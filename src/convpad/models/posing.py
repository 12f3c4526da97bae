"""How does a layer's arithmetic become a `Problem`, its channels known or not?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convpad.core.padding import Padding
from convpad.core.problem import POOLS, Problem, pose

__all__ = ["Shape", "posed"]

Shape = tuple[int | None, ...]


def posed(
    op: str,
    shape: Shape,
    padding: Padding,
    *,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    filters: int | None,
    channels_last: bool,
    output_padding: Any = None,
) -> Problem:
    """The problem that a layer poses; where its channels are not known, theirs are None."""
    place = len(kernel) + 1 if channels_last else 1
    options: dict[str, Any] = {
        "strides": tuple(strides),
        "data_format": "channels_last" if channels_last else "channels_first",
    }
    if op in POOLS:
        if set(dilation) == {1}:
            return pose(op, shape, tuple(kernel), padding, **options)
        # Pools with holes are PyTorch's and ONNX's alone: a window is a window, though.
        holes = posed("depthwise_conv", shape, padding, kernel=kernel, strides=strides, dilation=dilation, groups=1,
                      filters=None, channels_last=channels_last)  # fmt: skip
        output = (*holes.output_shape[:place], shape[place], *holes.output_shape[place + 1 :])
        return replace(holes, op=op, output_shape=output)
    options["dilation_rate"] = tuple(dilation)
    if op == "conv_transpose":
        options["output_padding"] = output_padding
    channels = shape[place]
    if channels is None or filters is None or channels % groups or filters % groups:
        channels, filters, groups = None, None, 1
        anonymous = (*shape[:place], 1, *shape[place + 1 :])
        found = pose(op, anonymous, (*kernel, 1, 1), padding, pointwise_shape=(*(1,) * len(kernel), 1, 1), **options)
        output = (*found.output_shape[:place], filters, *found.output_shape[place + 1 :])
        return replace(found, input_shape=shape, output_shape=output)
    pointwise: Shape = ()
    if op == "conv":
        last = (channels // groups, filters)
    elif op == "conv_transpose":
        last = (filters // groups, channels)
    elif op == "separable_conv":
        last, pointwise = (channels, 1), (*(1,) * len(kernel), channels, filters)
    else:
        last = (channels, filters // channels)
    if op in ("conv", "conv_transpose"):
        options["groups"] = groups
    return pose(op, shape, (*kernel, *last), padding, pointwise_shape=pointwise, **options)
