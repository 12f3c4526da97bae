"""Output shapes of the layers of Keras that have no window, by their configs alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

from convpad.core.validation import listed
from convpad.models.windows import Shape

__all__ = ["NONNEGATIVE", "SHAPES", "STAYS_NONNEGATIVE", "is_channels_last"]

Config = dict[str, Any]
Rule = Callable[[Config, Sequence[Shape]], Shape]


def is_channels_last(config: Config) -> bool:
    """Whether the channels of a layer's input are the last axis, or the second."""
    return config.get("data_format") != "channels_first"


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


def _with_spatial(
    config: Config, shape: Shape, change: Callable[[Sequence[int | None]], Iterable[int | None]]
) -> Shape:
    """Return a shape with `change(sizes)` in the place of its spatial sizes."""
    batch, *rest = shape
    if is_channels_last(config):
        return (batch, *change(rest[:-1]), rest[-1])
    return (batch, rest[0], *change(rest[1:]))


def _global(config: Config, shapes: Sequence[Shape]) -> Shape:
    return _with_spatial(config, shapes[0], lambda sizes: [1] * len(sizes) if config.get("keepdims") else [])


def _crop(config: Config, shapes: Sequence[Shape]) -> Shape:
    crops = listed(config["cropping"]) or []
    amounts = [sum(int(number) for number in pair) for pair in ([crops] if len(shapes[0]) == 3 else crops)]
    return _with_spatial(
        config, shapes[0], lambda sizes: [size and size - n for size, n in zip(sizes, amounts, strict=True)]
    )


def _upsample(config: Config, shapes: Sequence[Shape]) -> Shape:
    factors = listed(config["size"]) or [config["size"]] * (len(shapes[0]) - 2)
    return _with_spatial(
        config, shapes[0], lambda sizes: [size and size * int(n) for size, n in zip(sizes, factors, strict=True)]
    )


def _resize(config: Config, shapes: Sequence[Shape]) -> Shape:
    return _with_spatial(config, shapes[0], lambda sizes: [config["height"], config["width"]])


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
    **{f"Cropping{rank}D": _crop for rank in (1, 2, 3)},
    **{f"UpSampling{rank}D": _upsample for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": _global for kind in ("Average", "Max") for rank in (1, 2, 3)},
    **dict.fromkeys(("Resizing", "CenterCrop", "RandomCrop"), _resize),
}
"""By class: `(config, shapes of the inputs) -> shape of the output`."""

NONNEGATIVE = ("relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus", "exponential")
"""Activations with no output below 0."""

STAYS_NONNEGATIVE = (
    "ActivityRegularization", "Add", "Average", "Concatenate", "Dropout", "Flatten", "Identity", "Maximum", "Minimum",
    "Multiply", "Reshape", *(f"{name}{rank}D" for name in ("Cropping", "SpatialDropout") for rank in (1, 2, 3)),
)  # fmt: skip
"""Layers with no output below 0 where no input is below 0."""
