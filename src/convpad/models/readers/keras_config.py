"""Keras configs: the layers that pad or have a window, the padding of a layer, the tensors of a call."""

from __future__ import annotations

from typing import Any

from convpad.core.errors import ModelFileError
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.validation import listed
from convpad.models.readers.keras_shapes import NONNEGATIVE
from convpad.models.readers.walk import checked_shape
from convpad.models.windows import Shape

__all__ = [
    "PADS",
    "WINDOWS",
    "TensorKey",
    "built_for",
    "first_input_shape",
    "input_shape",
    "is_rectified",
    "itemsize_of",
    "keys_of",
    "padding_of",
    "tensors_of",
]

TensorKey = tuple[str, int, int]
"""(layer, call, output) that a tensor comes from."""

_OPS = {
    "Conv": "conv",
    "Convolution": "conv",
    "DepthwiseConv": "depthwise_conv",
    "SeparableConv": "separable_conv",
    "MaxPooling": "max_pool",
    "AveragePooling": "average_pool",
}
WINDOWS = {f"{name}{rank}D": (op, rank) for name, op in _OPS.items() for rank in (1, 2, 3)}
WINDOWS |= {f"Conv{rank}DTranspose": ("conv_transpose", rank) for rank in (1, 2, 3)}
PADS = {f"{name}{rank}D": rank for name in ("ZeroPadding", "Padding") for rank in (1, 2, 3)}
_ITEMSIZES = {"float16": 2, "bfloat16": 2, "float64": 8}


def padding_of(config: dict[str, Any], rank: int, mode: str) -> Padding:
    """Return the padding of a layer; `mode` is its default."""
    return Padding.parse(_tuples(config.get("padding", "valid")), _mode(config.get("padding_mode") or mode), rank=rank)


def _tuples(value: Any) -> Any:
    entries = listed(value)
    return value if entries is None else tuple(_tuples(entry) for entry in entries)


def _mode(value: Any) -> Any:
    """Read a padding mode from its spelling in a config."""
    if isinstance(value, dict):
        return Constant(value["constant"]) if "constant" in value else Learned()
    if isinstance(value, (list, tuple)):
        return tuple(_mode(entry) for entry in value)
    return value


def is_rectified(kind: str, config: dict[str, Any]) -> bool:
    """Whether no output of a layer is below 0, whatever its input."""
    if kind == "ReLU":
        return not config.get("negative_slope") and not config.get("threshold")
    activation = config.get("activation")
    if isinstance(activation, dict):
        activation = activation.get("class_name")
    return isinstance(activation, str) and activation in NONNEGATIVE


def itemsize_of(config: dict[str, Any], default: int) -> int:
    """Return the bytes of a value in the layer's output."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    if not isinstance(dtype, str):
        return default
    return _ITEMSIZES.get(dtype.removeprefix("mixed_"), 4)


def input_shape(entry: dict[str, Any]) -> Shape | None:
    """Return the shape of an InputLayer."""
    config = entry["config"]
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    return None if shape is None else checked_shape(f"The input {config.get('name')!r}", shape)


def first_input_shape(config: dict[str, Any]) -> Shape | None:
    """Return the shape of the input of a Sequential model without an InputLayer."""
    first = config["layers"][0]["config"] if config["layers"] else {}
    shape = first.get("batch_input_shape") or first.get("batch_shape") or config.get("build_input_shape")
    return checked_shape("The input", shape) if shape else None


def built_for(entry: dict[str, Any]) -> Shape | None:
    """Return the input's shape that a layer was built for, as Keras 3 writes it down."""
    known = entry.get("build_config")
    shape = listed(known.get("input_shape")) if isinstance(known, dict) else None
    if not shape or any(listed(size) is not None or isinstance(size, dict) for size in shape):
        return None
    return checked_shape(str(entry["config"].get("name")), shape)


def keys_of(ends: Any) -> list[TensorKey]:
    """Read the inputs or outputs of a model: [layer, call, output], or lists and dicts of them."""
    if isinstance(ends, dict):
        ends = [*ends.values()]
    if not isinstance(ends, (list, tuple)):
        raise ModelFileError("Its inputs and outputs must each be written as [layer, call, output].")
    if len(ends) == 3 and isinstance(ends[0], str):
        return [(ends[0], int(ends[1]), int(ends[2]))]
    return [key for end in ends for key in keys_of(end)]


def tensors_of(call: Any) -> list[tuple[TensorKey, Any]]:
    """Return the tensors among the arguments of a call, with their shapes; None where the config has none."""
    if isinstance(call, dict):
        return _nested([call.get("args", []), call.get("kwargs", {})])
    # Keras 2: [[name, node, tensor, kwargs], ...]
    flat = [call] if call and isinstance(call[0], str) else call
    return [((str(end[0]), int(end[1]), int(end[2])), None) for end in flat]


def _nested(value: Any) -> list[tuple[TensorKey, Any]]:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            name, node, tensor = value["config"]["keras_history"]
            return [((str(name), int(node), int(tensor)), value["config"].get("shape"))]
        value = [*value.values()]
    return [tensor for entry in value for tensor in _nested(entry)] if isinstance(value, (list, tuple)) else []
