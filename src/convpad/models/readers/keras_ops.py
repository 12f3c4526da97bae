"""Operations of `keras.ops` in Keras configs: windows, paddings, those that may pad by hand, and those that cannot.

What is in none of these lists is not known to be harmless, and is reported as not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from convpad.core.validation import listed
from convpad.models.readers.keras_config import Config

WINDOW_OPS = {
    "Conv": "conv",
    "ConvTranspose": "conv_transpose",
    "DepthwiseConv": "depthwise_conv",
    "SeparableConv": "separable_conv",
    "MaxPool": "max_pool",
    "AveragePool": "average_pool",
}
PAD_MODES = {
    "constant": "constant",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "edge": "replicate",
    "wrap": "circular",
}
"""Modes of `keras.ops.pad`, as NumPy names them, and convpad's."""

VALUES_ALONE = ("Cast", "StopGradient", "Copy", "ConvertToTensor", "SaturateCast", "Dropout", "Identity")
"""Layers and operations whose output has the values of their input."""


def _names(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


_ELEMENTWISE = _names(
    """
    Abs Absolute Add Angle Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh BinaryCrossentropy BitwiseAnd
    BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor Cast Cbrt Ceil Celu Clip Conj
    Conjugate ConvertToTensor Copy Cos Cosh Deg2rad Digitize Divide DivideNoNan Elu EmptyLike Equal Erf Erfc
    Erfinv Exp Exp2 Expm1 Fabs FakeQuantWithMinMaxVars Floor FloorDivide Fmax Fmin Fmod FullLike Gcd Gelu Greater
    GreaterEqual HSVToRGB HardShrink HardSigmoid HardSilu HardTanh Heaviside Hypot I0 Imag IsIn Isclose Isfinite
    Isinf Isnan Isneginf Isposinf Isreal Lcm Ldexp LeakyRelu LeftShift Less LessEqual Log Log10 Log1p Log2
    LogSigmoid Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Maximum Minimum Mish Mod Multiply
    NanToNum Negative Nextafter NotEqual OnesLike Power RGBToGrayscale RGBToHSV Rad2deg ReLU Real Reciprocal Relu
    Relu6 RightShift Round Rsqrt SaturateCast Select Selu Sigmoid Sign Signbit Silu Sin Sinc Sinh SoftShrink
    Softplus Softsign SparsePlus SparseSigmoid Sqrt Square Squareplus StopGradient Subtract Tan Tanh TanhShrink
    Threshold TrueDivide Trunc Where ZerosLike
    """
)
"""Operations that compute each value from the values in the same place."""

_SAME_AXES = _names(
    """
    BatchNorm Cumprod Cumsum Diff Flip Fliplr Flipud Glu Identity LayerNorm LogSoftmax Nancumprod Nancumsum
    Normalize RMSNorm Resize Slice Softmax Sort Sparsemax Polar CropImages
    """
)
"""Operations that cannot pad, and whose output has the axes of their input."""

_OTHER_AXES = _names(
    """
    AdaptiveAveragePool AdaptiveMaxPool All AllClose Amax Amin Any Arange Argmax Argmin Argpartition Argsort Array
    ArraySplit Average Bincount BroadcastTo CDist CTCDecode CTCLoss CategoricalCrossentropy Cholesky
    CholeskyInverse Corrcoef CountNonzero Cross DepthToSpace Det Diag Diagonal DotProductAttention Dsplit Eig Eigh
    ExpandDims Full Geomspace Histogram Hsplit InTopK Inv Linspace Logdet Logspace Logsumexp LuFactor MatrixRank
    Max Mean Median Meshgrid Min Moments Moveaxis MultiHot Nanargmax Nanargmin Nanmax Nanmean Nanmedian Nanmin
    Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Norm OneHot PSNR Percentile Pinv Prod Ptp Qr
    Quantile Ravel Rearrange Reshape SVD Size Slogdet Solve SolveTriangular SpaceToDepth
    SparseCategoricalCrossentropy Split Squeeze Std Sum Swapaxes TopK Trace Transpose Trapezoid Tril Triu Unstack
    Var View ViewAsComplex ViewAsReal Vsplit
    """
)
"""Operations that cannot pad, after which nothing is known of the axes."""

_MATRICES = _names(
    """
    Matmul Dot Tensordot Einsum Inner Outer Kron Vdot
    """
)
_MASKS = _names(
    """
    Divide FloorDivide Maximum Minimum Mod Multiply Power Select TrueDivide Where
    """
)

_ByHand = tuple[str, "frozenset[int] | None"]
"""(reason, axes) of an operation that may pad; the axes are None where it may along any."""


def keeps_axes(kind: str) -> bool:
    """Return whether the axes of an operation's output are those of its input, where it has as many."""
    return kind in _ELEMENTWISE or kind in _SAME_AXES or kind in ("Concatenate", "Append", "Roll", "GetItem")


def is_elementwise(kind: str) -> bool:
    """Return whether an operation computes each value from the values in the same place."""
    return kind in _ELEMENTWISE


def is_harmless(kind: str) -> bool:
    """Return whether an operation cannot pad: what `by_hand` does not find in it is nothing."""
    return kind in _ELEMENTWISE | _SAME_AXES | _OTHER_AXES | _MATRICES | _BY_HAND.keys()


def argument(call: Any, place: int, name: str) -> Any:
    """Return an argument of a call by its place or its name; None where there is none."""
    if not isinstance(call, dict):
        return None
    args, kwargs = call.get("args") or [], call.get("kwargs") or {}
    return args[place] if len(args) > place else kwargs.get(name)


def shape_of(value: Any) -> tuple[int, ...] | None:
    """Return the shape of a tensor or an array among the arguments of a call; None for all else, and open sizes."""
    if not isinstance(value, dict) or value.get("class_name") not in ("__keras_tensor__", "__tensor__", "__numpy__"):
        return None
    config = value["config"]
    shape = listed(config["shape"]) if "shape" in config else _nested_shape(config.get("value"))
    return tuple(shape) if shape is not None and all(type(size) is int for size in shape) else None


def _nested_shape(value: Any) -> list[int]:
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))  # pyright: ignore[reportUnknownArgumentType]
        value = value[0] if value else None  # pyright: ignore[reportUnknownVariableType]
    return shape


def pairs_of(config: Config, rank: int) -> list[tuple[int, int]] | None:
    """Return (before, after) for each axis of a `Pad`; None where they are not known."""
    width = config.get("pad_width")
    rows: list[Any] = [width] if isinstance(width, int) else listed(width) or []
    if len(rows) == 2 and all(isinstance(row, int) for row in rows):
        rows = [rows]
    pairs = [(row, row) if isinstance(row, int) else tuple(listed(row) or ()) for row in rows]
    pairs = [pair * 2 if len(pair) == 1 else pair for pair in pairs]
    pairs = pairs * rank if len(pairs) == 1 else pairs
    is_known = len(pairs) == rank and all(len(p) == 2 and all(type(n) is int and n >= 0 for n in p) for p in pairs)
    return [(pair[0], pair[1]) for pair in pairs] if is_known else None


def by_hand(kind: str, config: Config, call: Any, rank: int | None) -> _ByHand | None:
    """Return how an operation may pad by hand; None where it cannot.

    Args:
        kind, config: its class and config.
        call: its arguments, as the config of a functional model has them.
        rank: the number of axes of its first tensor.
    """
    rule = _BY_HAND.get(kind) or (_mask if kind in _MASKS else None)
    return None if rule is None else rule(config, call, rank)


def has_arrays(call: Any) -> bool:
    """Return whether there are arrays among the arguments of a call, which are no tensors of the graph."""
    return any(value.get("class_name") != "__keras_tensor__" for value in _arrays(call))


def has_numbers(call: Any) -> bool:
    """Return whether there are numbers or arrays among the arguments of a call, whatever their sign."""
    if isinstance(call, dict) and "args" in call:
        values = [*(call["args"] or []), *(call.get("kwargs") or {}).values()]
        return has_arrays(call) or any(isinstance(value, (int, float)) for value in values)
    return False


def is_matrix(kind: str, call: Any) -> bool:
    """Return whether an operation multiplies a tensor by a matrix that is no tensor of the graph."""
    return kind in _MATRICES and has_arrays(call)


def matrix_axes(kind: str, call: Any, rank: int | None) -> frozenset[int] | None:
    """Return the axes along which a product with a matrix changes a tensor; None where it is any."""
    second = argument(call, 1, "x2")
    is_last = kind in ("Matmul", "Dot") and len(shape_of(second) or ()) == 2 and _is_array(second)
    return _axes(-1, rank) if is_last else None


def _is_array(value: Any) -> bool:
    return isinstance(value, dict) and value.get("class_name") in ("__tensor__", "__numpy__")


def _axes(axis: Any, rank: int | None) -> frozenset[int] | None:
    """Return axes as numbers from 0 on; where the rank is not known, as they stand."""
    numbers = listed(axis) if listed(axis) is not None else [axis]
    if not numbers or any(type(number) is not int for number in numbers):
        return None
    return frozenset(number % rank if rank else number for number in numbers)


def _arrays(call: Any) -> Iterator[dict[str, Any]]:
    """Yield the tensors and arrays among the arguments of a call."""
    if isinstance(call, dict):
        if call.get("class_name") in ("__keras_tensor__", "__tensor__", "__numpy__"):
            yield call
        elif call.get("class_name") not in ("__slice__",):
            for value in call.values():
                yield from _arrays(value)
    elif isinstance(call, (list, tuple)):
        for value in call:
            yield from _arrays(value)


def _mask(config: Config, call: Any, rank: int | None) -> _ByHand | None:
    axes = set[int]()
    ranks = [len(listed(value["config"].get("shape")) or ()) for value in _arrays(call)]
    whole = max([rank or 0, *ranks])
    for value in _arrays(call):
        if value.get("class_name") != "__keras_tensor__":
            shape = shape_of(value) or ()
            axes |= {whole - len(shape) + axis for axis, size in enumerate(shape) if size > 1}
    return ("with an array that varies from place to place", frozenset(axes)) if axes else None


def _joined(config: Config, call: Any, rank: int | None) -> _ByHand:
    return "it puts tensors next to each other", _axes(config.get("axis", -1), rank)


def _stacked(config: Config, call: Any, rank: int | None) -> _ByHand:
    return "it puts tensors next to each other", _axes(config.get("axis", 0), None if rank is None else rank + 1)


def _along(axis: int | None) -> Callable[[Config, Any, int | None], _ByHand]:
    return lambda config, call, rank: ("it puts tensors next to each other", _axes(axis, rank))


def _rolled(config: Config, call: Any, rank: int | None) -> _ByHand:
    return "it puts the end next to the beginning", _axes(config.get("axis"), rank)


def _tiled(config: Config, call: Any, rank: int | None) -> _ByHand | None:
    repeats = config.get("repeats")
    counts = [repeats] if isinstance(repeats, int) else listed(repeats)
    reason = "it puts copies next to each other"
    if counts is None or rank is None or len(counts) > rank:
        return reason, None
    axes = frozenset(rank - len(counts) + place for place, count in enumerate(counts) if count != 1)
    return (reason, axes) if axes else None


def _repeated(config: Config, call: Any, rank: int | None) -> _ByHand | None:
    if type(config.get("repeats")) is int:
        return None  # each value as often as any other, which no padding does
    return "it repeats some values more often than others", _axes(config.get("axis"), rank)


def _taken(config: Config, call: Any, rank: int | None) -> _ByHand | None:
    if type(argument(call, 1, "indices")) is int:
        return None
    return "it takes values by their indices", _axes(config.get("axis"), rank)


def _picked(config: Config, call: Any, rank: int | None) -> _ByHand | None:
    key = argument(call, 1, "key")
    keys = key if isinstance(key, (list, tuple)) else [key]
    arrays = [entry for entry in keys if isinstance(entry, (list, tuple)) or any(True for _ in _arrays(entry))]
    return ("it takes values by their indices", None) if arrays else None


def _written(config: Config, call: Any, rank: int | None) -> _ByHand:
    return "it writes into a tensor", None


_BY_HAND: dict[str, Callable[[Config, Any, int | None], _ByHand | None]] = {
    "Concatenate": _joined,
    "Append": _joined,
    "Stack": _stacked,
    "Hstack": _along(1),
    "Vstack": _along(0),
    "Dstack": _along(2),
    "Roll": _rolled,
    "Tile": _tiled,
    "Repeat": _repeated,
    "Take": _taken,
    "TakeAlongAxis": _taken,
    "GetItem": _picked,
    "Scatter": _written,
    "ScatterUpdate": _written,
    "SliceUpdate": _written,
}
