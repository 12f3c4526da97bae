"""Keras configs: the layers that pad or have a window, their paddings, the output shapes of others, and calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

from convpad.core.errors import ModelFileError
from convpad.core.padding import Constant, Learned, Padding
from convpad.core.validation import listed
from convpad.models.readers import printable
from convpad.models.readers.keras_safety import kind_of, owner_of
from convpad.models.readers.walk import checked_shape
from convpad.models.windows import Shape

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
RESIZES = ("UpSampling2D",)
"""The layers that may read beyond the edge as they resize."""
_ITEMSIZES = {"float16": 2, "bfloat16": 2, "float64": 8}
_NONNEGATIVE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus", "exponential")
"""Activations with no output below 0."""

_ACTIVATIONS = frozenset(
    (
        *_NONNEGATIVE,
        *("celu", "elu", "gelu", "glu", "hard_shrink", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear"),
        *("log_sigmoid", "log_softmax", "mish", "selu", "silu", "soft_shrink", "softsign", "sparse_plus", "swish"),
        *("sparse_sigmoid", "sparsemax", "squareplus", "tanh", "tanh_shrink", "threshold"),
    )
)
"""Keras's activations. A function of one's own is written by its name alone, or as its code."""

Config = dict[str, Any]


def padding_of(config: Config, rank: int, mode: str) -> Padding:
    """Return the padding of a layer; `mode` is its default."""
    padding_mode = config.get("padding_mode")
    padding_mode = mode if padding_mode is None else _mode(padding_mode)
    return Padding.parse(_tuples(config.get("padding", "valid")), padding_mode, rank=rank)


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


def is_channels_last(config: Config) -> bool:
    """Return whether the channels of a layer's input are the last axis, or the second."""
    return config.get("data_format") != "channels_first"


def is_rectified(kind: str, config: Config) -> bool:
    """Return whether no output of a layer is below 0, whatever its input."""
    if kind == "ReLU":
        return not config.get("negative_slope") and not config.get("threshold")
    activation = config.get("activation")
    if isinstance(activation, dict):
        activation = activation.get("class_name")
    return isinstance(activation, str) and activation in _NONNEGATIVE


def is_own_activation(activation: Any) -> bool:
    """Return whether an activation is none, or one of Keras's functions."""
    if isinstance(activation, dict):
        activation = activation.get("config", "code")
    return activation is None or (isinstance(activation, str) and activation in _ACTIVATIONS)


def itemsize_of(config: Config, default: int) -> int:
    """Return the bytes of a value in the layer's output."""
    dtype = config.get("dtype")
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    if not isinstance(dtype, str):
        return default
    return _ITEMSIZES.get(dtype.removeprefix("mixed_"), 4)


def input_shape(entry: Config) -> Shape | None:
    """Return the shape of an InputLayer."""
    config = entry["config"]
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    return None if shape is None else checked_shape(f"The input {config.get('name')!r}", shape)


def first_input_shape(config: Config) -> Shape | None:
    """Return the shape of the input of a Sequential model without an InputLayer."""
    first = config["layers"][0]["config"] if config["layers"] else {}
    shape = first.get("batch_input_shape") or first.get("batch_shape") or config.get("build_input_shape")
    return checked_shape("The input", shape) if shape else None


def built_for(entry: Config) -> Shape | None:
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


Rule = Callable[[Config, Sequence[Shape]], Shape]


def _broadcast(config: Config, shapes: Sequence[Shape]) -> Shape:
    longest = max(shapes, key=len)
    merged: list[int | None] = []
    for axis in range(-len(longest), 0):
        sizes = {shape[axis] for shape in shapes if len(shape) >= -axis} - {1}
        merged.append(sizes.pop() if len(sizes) == 1 else None if sizes else 1)
    return tuple(merged)


def _concatenate(config: Config, shapes: Sequence[Shape]) -> Shape:
    shape, axis = list(shapes[0]), config.get("axis", -1)
    along = [shape[axis] for shape in shapes]
    known = [size for size in along if size is not None]
    shape[axis] = sum(known) if len(known) == len(along) else None
    return tuple(shape)


def _flatten(config: Config, shapes: Sequence[Shape]) -> Shape:
    sizes = [size for size in shapes[0][1:] if size is not None]
    return (shapes[0][0], prod(sizes) if len(sizes) == len(shapes[0]) - 1 else None)


def _reshape(config: Config, shapes: Sequence[Shape]) -> Shape:
    target = [int(size) for size in config["target_shape"]]
    whole = _flatten(config, shapes)[1]
    rest = prod(size for size in target if size != -1)
    free = None if whole is None or not rest else whole // rest
    return (shapes[0][0], *(free if size == -1 else size for size in target))


def _spatial(change: Callable[[Config, Sequence[int | None]], Iterable[int | None]]) -> Rule:
    """Return the rule that changes the spatial sizes alone."""

    def rule(config: Config, shapes: Sequence[Shape]) -> Shape:
        batch, *rest = shapes[0]
        if is_channels_last(config):
            return (batch, *change(config, rest[:-1]), rest[-1])
        return (batch, rest[0], *change(config, rest[1:]))

    return rule


def _crop(config: Config, sizes: Sequence[int | None]) -> Shape:
    crops = listed(config["cropping"]) or []
    amounts = [sum(int(number) for number in pair) for pair in ([crops] if len(sizes) == 1 else crops)]
    return tuple(size and size - amount for size, amount in zip(sizes, amounts, strict=True))


def _upsample(config: Config, sizes: Sequence[int | None]) -> Shape:
    factors = listed(config["size"]) or [config["size"]] * len(sizes)
    return tuple(size and size * int(factor) for size, factor in zip(sizes, factors, strict=True))


_global = _spatial(lambda config, sizes: [1] * len(sizes) if config.get("keepdims") else [])
_resize = _spatial(lambda config, sizes: [config["height"], config["width"]])


_UNCHANGED = (
    "Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "CustomScaleLayer", "Dropout",
    "ELU", "GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "LayerNormalization", "LayerScale",
    "LeakyReLU", "Masking", "Normalization", "PReLU", "RMSNormalization", "RandomBrightness", "RandomContrast",
    "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "ReLU", "Rescaling", "Softmax",
    "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "StochasticDepth", "ThresholdedReLU",
    "UnitNormalization",
)  # fmt: skip
_MERGES = ("Add", "Average", "Divide", "Maximum", "Minimum", "Multiply", "Subtract")

SHAPES: dict[str, Rule] = {
    **dict.fromkeys(_UNCHANGED, lambda config, shapes: shapes[0]),
    **dict.fromkeys(_MERGES, _broadcast),
    "Concatenate": _concatenate,
    "Dense": lambda config, shapes: (*shapes[0][:-1], config["units"]),
    "Embedding": lambda config, shapes: (*shapes[0], config["output_dim"]),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": lambda config, shapes: (shapes[0][0], *(shapes[0][int(axis)] for axis in config["dims"])),
    "RepeatVector": lambda config, shapes: (shapes[0][0], config["n"], *shapes[0][1:]),
    **{f"Cropping{rank}D": _spatial(_crop) for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": _spatial(_upsample) for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": _global for kind in ("Average", "Max") for rank in (1, 2, 3)},
    **dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), _resize),
}
"""By class: `(config, shapes of the inputs) -> shape of the output`."""

OPERATION_SHAPES: dict[str, Rule] = {name: SHAPES[name] for name in (*_MERGES, "Concatenate") if name != "Average"}
"""The same for operations of `keras.ops`, whose configs are others."""

_POOLS_OF_ALL = frozenset(f"Global{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3))

_HARMLESS = frozenset(
    (
        *SHAPES,
        *(f"Adaptive{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3)),
        *("InputLayer", "Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention", "EinsumDense"),
        *("Dot", "LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "SimpleRNNCell", "ReversibleEmbedding"),
        *("Discretization", "CategoryEncoding", "Hashing", "HashedCrossing", "IntegerLookup", "StringLookup"),
        *("TextVectorization", "MaxNumBoundingBoxes", "AutoContrast", "Equalization", "Solarization"),
        # At work while the model is trained alone.
        *("AugMix", "CutMix", "MixUp", "RandAugment", "RandomColorDegeneration", "RandomColorJitter"),
        *("RandomElasticTransform", "RandomErasing", "RandomGaussianBlur", "RandomGrayscale", "RandomHue"),
        *("RandomInvert", "RandomPerspective", "RandomPosterization", "RandomSaturation", "RandomSharpness"),
        *("RandomShear",),
    )
)
"""Layers that have no window and pad nothing in predictions. What else Keras has is reported as not read."""


def is_harmless(kind: str) -> bool:
    """Return whether a layer of Keras's has no window, and pads nothing in predictions but what its config tells."""
    return kind in _HARMLESS or kind in ("RNN", "StackedRNNCells", "Bidirectional")


def hides_windows(kind: str, config: Config) -> bool:
    """Return whether a layer that is mostly harmless has windows or pads as it is configured."""
    if kind == "Resizing":
        return bool(config.get("pad_to_aspect_ratio"))
    if kind == "Resize":
        return bool(config.get("pad_to_aspect_ratio"))
    held = {"Bidirectional": "layer", "RNN": "cell", "StackedRNNCells": "cells"}.get(kind)
    if held is None:
        return False
    inner: Any = config.get(held)
    for entry in inner if isinstance(inner, (list, tuple)) else [inner]:
        if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
            return True
        name = kind_of(entry)
        if owner_of(entry) != "keras" or not is_harmless(name) or hides_windows(name, entry["config"]):
            return True
    return False


def keeps_axes(kind: str) -> bool:
    """Return whether the axes of a layer's output are those of its input, where it has as many."""
    spatial = ("Cropping", "UpSampling")
    return kind in _UNCHANGED or kind in _MERGES or kind in ("Concatenate", "Dense") or kind.startswith(spatial)


def beyond_edge(kind: str, config: Config) -> str:
    """Return what a layer that resizes reads beyond the edge; empty where it reads nothing there."""
    method = config.get("interpolation")
    if kind not in RESIZES or method not in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
        return ""
    if config.get("padding_mode") is not None:
        mode = padding_of({**config, "padding": 0}, 2, "zeros").spelling()[1]
        return f"it resamples ({method}), and pads with {printable(repr(mode), 60)} where it reads beyond the edge"
    edge = "repeats the edge" if method == "bilinear" else "has the backend's edge"
    return f"it resamples ({method}), and {edge}"


def is_global_pool(kind: str) -> bool:
    """Return whether a layer pools whole axes."""
    return kind in _POOLS_OF_ALL


STAYS_NONNEGATIVE = (
    "ActivityRegularization", "Add", "Average", "Concatenate", "Dropout", "Flatten", "Identity", "Maximum", "Minimum",
    "Multiply", "Reshape", *(f"{name}{rank}D" for name in ("Cropping", "SpatialDropout") for rank in (1, 2, 3)),
)  # fmt: skip
"""Layers with no output below 0 where no input is below 0."""
