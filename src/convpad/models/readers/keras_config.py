"""What does a Keras config say of a layer: what it pads, and which tensors it is given?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.errors import PaddingError
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.validation import listed
from convpad.models.readers.keras_shapes import NONNEGATIVE
from convpad.models.tensor_info import Shape, Signal, checked_shape, pad_of

__all__ = [
    "PADS",
    "WINDOWS",
    "End",
    "behind",
    "built_for",
    "ends_of",
    "input_shape",
    "itemsize_of",
    "padding_of",
    "rectified",
    "started",
    "tensors_of",
]

End = tuple[str, int, int]
"""(layer, call, output): where a tensor comes from."""

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


def behind(kind: str, name: str, config: dict[str, Any], signal: Signal) -> Signal:
    """A tensor behind a layer that only pads."""
    rank = PADS[kind]
    padding = padding_of(config, rank, "zeros")
    pairs = [amount.pair or (0, 0) for amount in padding.amounts]
    fills = [((m[0].name, v[0]), (m[1].name, v[1])) for m, v in zip(padding.modes, padding.values, strict=True)]
    shape = signal.shape
    if shape is None:
        shape = (None,) * (rank + 2)
    if len(shape) != rank + 2:
        raise PaddingError(f"{name}: a {kind} must have an input of {rank + 2} axes. Received: {len(shape)}.")
    start = 2 if config.get("data_format") == "channels_first" else 1
    known = Signal(shape, signal.pads, signal.nonnegative, signal.itemsize)
    return pad_of(known, name, kind, pairs, fills, range(start, start + rank))


def padding_of(config: dict[str, Any], rank: int, mode: str) -> Padding:
    return Padding.parse(_tuples(config.get("padding", "valid")), _mode(config.get("padding_mode") or mode), rank=rank)


def _tuples(value: Any) -> Any:
    entries = listed(value)
    return value if entries is None else tuple(_tuples(entry) for entry in entries)


def _mode(value: Any) -> Any:
    """A padding mode as a config spells it."""
    if isinstance(value, dict):
        return Constant(value["constant"]) if "constant" in value else Learned()
    if isinstance(value, (list, tuple)):
        return tuple(_mode(entry) for entry in value)  # pyright: ignore[reportUnknownVariableType]
    return value


def rectified(kind: str, config: dict[str, Any]) -> bool:
    """Whether a layer gives nothing below 0, whatever it is given."""
    if kind == "ReLU":
        return not config.get("negative_slope") and not config.get("threshold")
    activation = config.get("activation")
    if isinstance(activation, dict):
        activation = activation.get("class_name")  # pyright: ignore
    return isinstance(activation, str) and activation in NONNEGATIVE


def itemsize_of(config: dict[str, Any], otherwise: int) -> int:
    """Bytes of a value in the layer's output."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")  # pyright: ignore
    if not isinstance(dtype, str):
        return otherwise
    return _ITEMSIZES.get(dtype.removeprefix("mixed_"), 4)


def input_shape(entry: dict[str, Any]) -> Shape | None:
    config = entry["config"]
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    return None if shape is None else checked_shape(f"The input {config.get('name')!r}", shape)


def started(config: dict[str, Any]) -> Shape | None:
    """The input's shape of a Sequential model without an InputLayer."""
    first = config["layers"][0]["config"] if config["layers"] else {}
    shape = first.get("batch_input_shape") or first.get("batch_shape") or config.get("build_input_shape")
    return checked_shape("The input", shape) if shape else None


def built_for(entry: dict[str, Any]) -> Shape | None:
    """The input's shape that a layer was built for, as Keras 3 writes it down."""
    known: Any = entry.get("build_config")
    shape = listed(known.get("input_shape")) if isinstance(known, dict) else None  # pyright: ignore
    if not shape or any(listed(size) is not None or isinstance(size, dict) for size in shape):
        return None
    return checked_shape(str(entry["config"].get("name")), shape)


def ends_of(ends: Any) -> list[End]:
    """[layer, call, output], or lists and dicts of them, as deep as a model's inputs and outputs are."""
    if isinstance(ends, dict):
        ends = [*ends.values()]  # pyright: ignore
    if not isinstance(ends, list):
        raise PaddingError("Its inputs and outputs must each be written as [layer, call, output].")
    if len(ends) == 3 and isinstance(ends[0], str):  # pyright: ignore[reportUnknownArgumentType]
        return [(ends[0], int(ends[1]), int(ends[2]))]
    return [found for end in ends for found in ends_of(end)]  # pyright: ignore[reportUnknownVariableType]


def tensors_of(call: Any) -> list[tuple[End, Shape | None]]:
    """The tensors that one call is given, with their shapes where the file says them."""
    if isinstance(call, dict):
        return _nested([call.get("args", []), call.get("kwargs", {})])  # pyright: ignore
    # Keras 2: [[name, node, tensor, kwargs], ...]
    flat: Sequence[Any] = [call] if call and isinstance(call[0], str) else call
    return [((str(end[0]), int(end[1]), int(end[2])), None) for end in flat]


def _nested(value: Any) -> list[tuple[End, Shape | None]]:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":  # pyright: ignore
            config: dict[str, Any] = value["config"]
            name, node, tensor = config["keras_history"]
            shape = config.get("shape")
            return [((str(name), int(node), int(tensor)), shape and checked_shape(str(name), shape))]
        value = [*value.values()]  # pyright: ignore
    return [found for entry in value for found in _nested(entry)] if isinstance(value, (list, tuple)) else []  # pyright: ignore
