"""Windows and paddings of layers and operations in Keras configs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.core.validation import per_axis
from convpad.models.readers import keras_config as configs
from convpad.models.readers import keras_ops as operations
from convpad.models.readers.keras_config import WINDOWS, Config
from convpad.models.readers.walk import TensorInfo, explicit_padding
from convpad.models.windows import WindowConfig


def layer_window(kind: str, name: str, config: Config, tensor: TensorInfo) -> WindowConfig:
    """Return the window of a layer of Keras's or convpad's on its input."""
    op, rank = WINDOWS[kind]
    is_pool = op in POOLS
    kernel = per_axis(f"{name}.kernel_size", config["pool_size" if is_pool else "kernel_size"], rank)
    strides = config.get("strides", 1)
    channels_last = configs.is_channels_last(config)
    filters = config.get("filters")
    if op == "depthwise_conv":
        channels = tensor.shape_of_rank(rank)[-1 if channels_last else 1]
        filters = None if channels is None else channels * int(config.get("depth_multiplier", 1))
    return WindowConfig(
        op,
        configs.padding_of(config, rank, "ignore" if is_pool else "zeros"),
        kernel,
        kernel if strides is None else per_axis(f"{name}.strides", strides, rank),
        per_axis(f"{name}.dilation_rate", config.get("dilation_rate", 1), rank),
        groups=int(config.get("groups") or 1),
        filters=filters,
        channels_last=channels_last,
        output_padding=config.get("output_padding"),
        ceil_mode=is_pool and bool(config.get("ceil_mode")),
    )


def operation_window(kind: str, name: str, config: Config, tensor: TensorInfo, call: Any) -> WindowConfig | None:
    """Return the window of an operation of `keras.ops`; None where the shape of its kernel is not known."""
    op, channels_last = operations.WINDOW_OPS[kind], configs.is_channels_last(config)
    weights = _kernel_shape(op, config, tensor, call)
    if weights is None:
        return None
    rank = len(weights) - 2
    kernel, groups, filters = weights[:-2], 1, None
    if op == "conv":
        channels = tensor.shape_of_rank(rank)[-1 if channels_last else 1]
        filters, groups = weights[-1], 1 if channels is None else channels // max(weights[-2], 1)
    elif op == "conv_transpose":
        filters = weights[-2]
    elif op == "depthwise_conv":
        filters = weights[-2] * weights[-1]
    elif op == "separable_conv":
        filters = (operations.shape_of(operations.argument(call, 2, "pointwise_kernel")) or (None,))[-1]
    strides = config.get("strides")
    return WindowConfig(
        op,
        configs.padding_of(config, rank, "ignore" if op in POOLS else "zeros"),
        kernel,
        (kernel if op in POOLS else (1,) * rank) if strides is None else per_axis(f"{name}.strides", strides, rank),
        per_axis(f"{name}.dilation_rate", config.get("dilation_rate", 1), rank),
        groups=groups,
        filters=filters,
        channels_last=channels_last,
        output_padding=config.get("output_padding"),
    )


def pooled_by_torch(window: WindowConfig, tensor: TensorInfo) -> WindowConfig:
    """Return an average pool as Keras runs it on PyTorch: uneven padding copies the edge (keras 3.15.1)."""
    sizes = tensor.shape_of_rank(len(window.kernel))
    rows = zip(sizes[1:-1] if window.channels_last else sizes[2:], window.kernel, window.strides, strict=True)
    pairs = [amount.pair_or_none(*row) for amount, row in zip(window.padding.amounts, rows, strict=True)]
    if window.op != "average_pool" or all(pair is None or pair[0] == pair[1] for pair in pairs):
        return window
    return replace(window, padding=Padding.parse("same", "replicate", rank=len(window.kernel)))


def _kernel_shape(op: str, config: Config, tensor: TensorInfo, call: Any) -> tuple[int, ...] | None:
    """Return the shape of the kernel of an operation, with two entries for channels; None where it is not known."""
    if op in POOLS:
        rank = len(tensor.shape or ()) - 2
        return (*per_axis("pool_size", config["pool_size"], rank), 1, 1) if rank in (1, 2, 3) else None
    name = "depthwise_kernel" if op == "separable_conv" else "kernel"
    shape = operations.shape_of(operations.argument(call, 1, name))
    return shape if shape is not None and len(shape) in (3, 4, 5) else None


def operation_pad(config: Config, tensor: TensorInfo, call: Any) -> tuple[Padding, bool] | None:
    """Return the padding of `keras.ops.pad`, and whether the channels are the last axis.

    None where it pads the batch or the channels, or in a way that is not known.
    """
    rank = 0 if tensor.shape is None else len(tensor.shape)
    pairs, mode = operations.pairs_of(config, rank), operations.PAD_MODES.get(config.get("mode", "constant"))
    value = operations.argument(call, 1, "constant_values")
    if pairs is None or rank < 3 or mode is None or any(pairs[0]) or not isinstance(value, (int, float, type(None))):
        return None
    channels_last = not any(pairs[-1])
    if any(pairs[1]) and not channels_last:
        return None
    inner = pairs[1:-1] if channels_last else pairs[2:]
    return explicit_padding(inner, mode, value or 0.0), channels_last
