"""Refused calls with their words, equal on every backend.

Every row is a function that makes a malformed call with tensors made by `array`, its options, and the exact text. The
texts are interface: what was wrong, what is allowed, what was received, how to mend it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import convpad
from convpad.core.modes import ALLOWED

Array = Callable[[Any], Any]
NAN, INF = float("nan"), float("inf")


# Calls that are right, but for the options of a row


def conv(
    array: Array, x: Any = (1, 8, 3), kernel: Any = (3, 3, 4), dtypes: Any = ("float32",) * 2, **options: Any
) -> Any:
    return convpad.conv(array(np.ones(x, dtypes[0])), array(np.ones(kernel, dtypes[1])), **options)


def conv2(array: Array, x: Any = (1, 8, 8, 3), kernel: Any = (3, 3, 3, 4), **options: Any) -> Any:
    return conv(array, x, kernel, **options)


def conv_of(array: Array, x: Any = None, kernel: Any = None) -> Any:
    """With something else for a tensor."""
    return convpad.conv(
        array(np.ones((1, 8, 3))) if x is None else x, array(np.ones((3, 3, 4))) if x is not None else kernel
    )


def depthwise_conv(array: Array, x: Any = (1, 8, 3), kernel: Any = (3, 3, 1), **options: Any) -> Any:
    return convpad.depthwise_conv(array(np.ones(x)), array(np.ones(kernel)), **options)


def separable_conv(
    array: Array, x: Any = (1, 8, 3), kernel: Any = (3, 3, 2), pointwise: Any = (1, 6, 4), **options: Any
) -> Any:
    third = array(np.ones(pointwise)) if isinstance(pointwise, tuple) else pointwise
    return convpad.separable_conv(array(np.ones(x)), array(np.ones(kernel)), third, **options)


def conv_transpose(array: Array, x: Any = (1, 8, 3), kernel: Any = (3, 4, 3), **options: Any) -> Any:
    return convpad.conv_transpose(array(np.ones(x)), array(np.ones(kernel)), **options)


def max_pool(array: Array, x: Any = (1, 8, 3), pool_size: Any = 2, dtype: str = "float32", **options: Any) -> Any:
    return convpad.max_pool(array(np.ones(x, dtype)), pool_size, **options)


def average_pool(array: Array, x: Any = (1, 8, 3), pool_size: Any = 2, dtype: str = "float32", **options: Any) -> Any:
    return convpad.average_pool(array(np.ones(x, dtype)), pool_size, **options)


def pad(
    array: Array,
    x: Any = (1, 8, 3),
    dtype: str = "float32",
    padding: Any = 1,
    padding_mode: Any = "zeros",
    **options: Any,
) -> Any:
    return convpad.pad(array(np.ones(x, dtype)), padding, padding_mode, **options)


def pad_of(array: Array, x: Any) -> Any:
    """With something else for a tensor."""
    return convpad.pad(x, 1)


def pad_with(array: Array, values: Any, x: Any = (1, 8, 3), dtype: str = "float32") -> Any:
    """With a constant that is a tensor."""
    return convpad.pad(array(np.ones(x, dtype)), 1, convpad.Constant(array(np.asarray(values))))


def constant(array: Array, value: Any) -> Any:
    return convpad.Constant(value)


def learned(array: Array, initializer: Any) -> Any:
    return convpad.Learned(initializer)


def parse(array: Array, padding: Any = "same", padding_mode: Any = "zeros", rank: Any = 2) -> Any:
    return convpad.Padding.parse(padding, padding_mode, rank=rank)


def plan(array: Array, x: Any = (1, 8, 3), kernel: Any = (3, 3, 4), **options: Any) -> Any:
    return convpad.plan(x, kernel, **options)


# What is allowed, as it is said again and again

AMOUNT = "`padding` must be one of 'valid', 'same', 'same_lower', 'half', 'full', 'causal', an int, or a pair (before, after) for each spatial axis. Received: "
MODE = f"`padding_mode` must be one of {ALLOWED}. Received: "

REFUSALS: list[tuple[Callable[..., Any], dict[str, Any], str]] = [
    # function, options, text
    # How much
    (conv, {"padding": "SAME_UPPER"}, AMOUNT + "'SAME_UPPER'. ONNX's 'SAME_UPPER' is 'same' here."),
    (conv, {"padding": "NOTSET"}, AMOUNT + "'NOTSET'. With ONNX's 'NOTSET' give its pads as pairs."),
    (conv, {"padding": "EXPLICIT"}, AMOUNT + "'EXPLICIT'. Give the amounts themselves."),
    (conv, {"padding": "none"}, AMOUNT + "'none'. No padding is 'valid'."),
    (
        conv,
        {"padding": "reflect"},
        AMOUNT + "'reflect'. 'reflect' says with what: give it as padding_mode=, and say here how much.",
    ),
    (conv, {"padding": "bounce"}, AMOUNT + "'bounce'."),
    (conv, {"padding": ""}, AMOUNT + "''."),
    (conv, {"padding": "1"}, AMOUNT + "'1'."),
    (conv, {"padding": b"same"}, AMOUNT + "b'same'."),
    (conv, {"padding": True}, AMOUNT + "True."),
    (conv, {"padding": 1.0}, AMOUNT + "1.0."),
    (conv, {"padding": None}, AMOUNT + "None."),
    (conv, {"padding": {"before": 1}}, AMOUNT + "{'before': 1}."),
    (conv, {"padding": {1}}, AMOUNT + "{1}."),
    (
        conv,
        {"padding": -1},
        "`padding` must be an int of at least 0. Received: -1. To take values away, slice or crop.",
    ),
    (
        conv,
        {"padding": (0, -1)},
        "`padding` must be an int of at least 0. Received: -1. To take values away, slice or crop.",
    ),
    (conv, {"padding": (1, 1.5)}, "`padding` must be an int of at least 0. Received: 1.5."),
    (conv, {"padding": (1, 2, 3)}, "`padding` must have one entry for the one spatial axis. Received: (1, 2, 3)."),
    (conv, {"padding": ()}, "`padding` must have one entry for the one spatial axis. Received: ()."),
    (
        conv,
        {"padding": ("same", "same")},
        "`padding` must give two ints (before, after) for each spatial axis. Received: ('same', 'same').",
    ),
    (
        conv2,
        {"padding": (1, 2, 3)},
        "`padding` must have one entry for each of the 2 spatial axes. Received: (1, 2, 3). ((top, bottom), (left, right)) pads an image unevenly.",
    ),
    (
        conv2,
        {"padding": (1, 2, 3, 4)},
        "`padding` must have one entry for each of the 2 spatial axes. Received: (1, 2, 3, 4). ((top, bottom), (left, right)) pads an image unevenly.",
    ),
    (
        conv2,
        {"padding": ((1, 2), (3,))},
        "`padding` must give two ints (before, after) for each spatial axis. Received: (3,).",
    ),
    (conv2, {"padding": ((1, 2), None)}, AMOUNT + "None."),
    (
        conv2,
        {"padding": ((1, "same"), 0)},
        "`padding` must give two ints (before, after) for each spatial axis. Received: (1, 'same').",
    ),
    (
        conv2,
        {"padding": (((1, 2), (3, 4)),)},
        "`padding` must have one entry for each of the 2 spatial axes. Received: (((1, 2), (3, 4)),). ((top, bottom), (left, right)) pads an image unevenly.",
    ),
    (
        conv,
        {"padding": convpad.Padding.parse("same", rank=2)},
        "`padding` must have 1 spatial axis, like the input. Received: Padding.parse('same', 'zeros', rank=2).",
    ),
    (parse, {"padding": np.array(1.5)}, AMOUNT + "array(1.5)."),
    (parse, {"padding": int}, AMOUNT + "<class 'int'>."),
    (parse, {"padding": np.bool_(True)}, AMOUNT + "np.True_."),
    (parse, {"padding": "None"}, AMOUNT + "'None'. No padding is 'valid'."),
    (
        parse,
        {"padding": "Reflect"},
        AMOUNT + "'Reflect'. 'reflect' says with what: give it as padding_mode=, and say here how much.",
    ),
    (parse, {"padding": ("same", "bounce")}, AMOUNT + "'bounce'."),
    (parse, {"padding": ((0, 1), {})}, AMOUNT + "{}."),
    (
        parse,
        {"padding": (1, 2), "rank": 3},
        "`padding` must have one entry for each of the 3 spatial axes. Received: (1, 2).",
    ),
    (
        parse,
        {"padding": ((1, 2, 3), 1)},
        "`padding` must give two ints (before, after) for each spatial axis. Received: (1, 2, 3).",
    ),
    (
        parse,
        {"padding": ((0, -1), 1)},
        "`padding` must be an int of at least 0. Received: -1. To take values away, slice or crop.",
    ),
    (
        parse,
        {"padding": (1, "same"), "rank": 1},
        "`padding` must give two ints (before, after) for each spatial axis. Received: (1, 'same').",
    ),
    # With what
    (parse, {"padding_mode": np.bool_(True)}, MODE + "np.True_."),
    (parse, {"padding_mode": (("zeros", None), 1)}, MODE + "None."),
    (
        parse,
        {"padding_mode": ((1,), 1)},
        "`padding_mode` must be one mode, or a pair (before, after), on each spatial axis. Received: (1,).",
    ),
    (
        parse,
        {"padding_mode": (1, 2, 3)},
        (
            "`padding_mode` must have one entry for each of the 2 spatial axes. Received: (1, 2, 3). One number per channel "
            "is written Constant([...])."
        ),
    ),
    (
        parse,
        {"padding_mode": ("zeros", 2, 3)},
        "`padding_mode` must have one entry for each of the 2 spatial axes. Received: ('zeros', 2, 3).",
    ),
    (conv, {"padding_mode": "edge"}, MODE + "'edge'. NumPy's 'edge' is 'replicate' here."),
    (conv, {"padding_mode": "nearest"}, MODE + "'nearest'. Keras's 'nearest' is 'replicate' here."),
    (conv, {"padding_mode": "wrap"}, MODE + "'wrap'. NumPy's 'wrap' is 'circular' here."),
    (conv, {"padding_mode": "periodic"}, MODE + "'periodic'. PhiFlow's 'periodic' is 'circular' here."),
    (conv, {"padding_mode": "REFLECT"}, MODE + "'REFLECT'. TensorFlow's 'REFLECT' is 'reflect' here."),
    (conv, {"padding_mode": "SYMMETRIC"}, MODE + "'SYMMETRIC'. TensorFlow's 'SYMMETRIC' is 'symmetric' here."),
    (conv, {"padding_mode": "CIRCULAR"}, MODE + "'CIRCULAR'. Flax's 'CIRCULAR' is 'circular' here."),
    (conv, {"padding_mode": "mirror"}, MODE + "'mirror'. scipy.ndimage's 'mirror' is 'reflect' here."),
    (conv, {"padding_mode": "grid-mirror"}, MODE + "'grid-mirror'. scipy.ndimage's 'grid-mirror' is 'symmetric' here."),
    (
        conv,
        {"padding_mode": "BORDER_REPLICATE"},
        MODE + "'BORDER_REPLICATE'. OpenCV's 'BORDER_REPLICATE' is 'replicate' here.",
    ),
    (conv, {"padding_mode": "zero"}, MODE + "'zero'. Keras's 'zero' is 'zeros' here."),
    (conv, {"padding_mode": "partial"}, MODE + "'partial'. Liu et al.'s 'partial' is 'ignore' here."),
    (conv, {"padding_mode": "linear_ramp"}, MODE + "'linear_ramp'."),
    (conv, {"padding_mode": ""}, MODE + "''."),
    (
        conv,
        {"padding_mode": "constant"},
        "`padding_mode` must come with its value. Received: 'constant'. Give the number itself, Constant(value), or in a layer Learned().",
    ),
    (
        conv,
        {"padding_mode": "same"},
        "`padding_mode` must say with what. Received: 'same'. 'same' says how much: give it as padding=.",
    ),
    (conv, {"padding_mode": None}, MODE + "None."),
    (conv, {"padding_mode": True}, MODE + "True."),
    (conv, {"padding_mode": {"mode": "reflect"}}, MODE + "{'mode': 'reflect'}."),
    (conv, {"padding_mode": {"reflect"}}, MODE + "{'reflect'}."),
    (conv, {"padding_mode": 1j}, MODE + "1j."),
    (conv, {"padding_mode": ()}, "`padding_mode` must have one entry for the one spatial axis. Received: ()."),
    (
        conv,
        {"padding_mode": (1, 2, 3)},
        "`padding_mode` must have one entry for the one spatial axis. Received: (1, 2, 3). One number per channel is written Constant([...]).",
    ),
    (conv, {"padding_mode": ("zeros", "edge")}, MODE + "'edge'. NumPy's 'edge' is 'replicate' here."),
    (
        conv2,
        {"padding_mode": ("zeros", "zeros", "zeros")},
        "`padding_mode` must have one entry for each of the 2 spatial axes. Received: ('zeros', 'zeros', 'zeros').",
    ),
    (
        conv2,
        {"padding_mode": ("zeros", ("zeros", "reflect", "zeros"))},
        "`padding_mode` must be one mode, or a pair (before, after), on each spatial axis. Received: ('zeros', 'reflect', 'zeros').",
    ),
    (
        conv2,
        {"padding_mode": (("zeros",), "zeros")},
        "`padding_mode` must be one mode, or a pair (before, after), on each spatial axis. Received: ('zeros',).",
    ),
    (average_pool, {"padding_mode": "edge"}, MODE + "'edge'. NumPy's 'edge' is 'replicate' here."),
    # What a constant carries
    (constant, {"value": "7"}, "`Constant(value)` must be a number, or one number per input channel. Received: '7'."),
    (constant, {"value": None}, "`Constant(value)` must be a number, or one number per input channel. Received: None."),
    (constant, {"value": True}, "`Constant(value)` must be a number, or one number per input channel. Received: True."),
    (constant, {"value": []}, "`Constant(value)` must be a number, or one number per input channel. Received: []."),
    (
        constant,
        {"value": [[1, 2]]},
        "`Constant(value)` must be a number, or one number per input channel. Received: [[1, 2]].",
    ),
    (
        learned,
        {"initializer": None},
        "`Learned(initializer)` must be what keras.initializers.get understands. Received: None.",
    ),
    (
        conv,
        {"padding_mode": convpad.Constant([1, 2])},
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 3 channels.",
    ),
    (
        conv,
        {"padding_mode": ("zeros", convpad.Constant([1]))},
        "A constant per channel must have one value for each channel that is padded. Received: 1 for 3 channels.",
    ),
    (
        conv_transpose,
        {"padding_mode": convpad.Constant([1, 2])},
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 4 channels.",
    ),
    (
        max_pool,
        {"padding_mode": convpad.Constant([1, 2])},
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 3 channels.",
    ),
    (
        conv,
        {"padding_mode": convpad.Learned()},
        "`padding_mode` must carry its value here. Received: Learned(initializer='zeros'). Learned needs a layer: give Constant(tensor).",
    ),
    (
        conv2,
        {"padding_mode": ("zeros", convpad.Learned("ones"))},
        "`padding_mode` must carry its value here. Received: Learned(initializer='ones'). Learned needs a layer: give Constant(tensor).",
    ),
    (
        max_pool,
        {"padding_mode": convpad.Learned()},
        "`padding_mode` must carry its value here. Received: Learned(initializer='zeros'). Learned needs a layer: give Constant(tensor).",
    ),
    (
        pad,
        {"padding_mode": convpad.Learned()},
        "`padding_mode` must carry its value here. Received: Learned(initializer='zeros'). Learned needs a layer: give Constant(tensor).",
    ),
    (
        pad,
        {"dtype": "int32", "padding_mode": 0.5},
        "A constant must be a value of the input's dtype, int32. Received: 0.5.",
    ),
    (
        pad,
        {"dtype": "int32", "padding_mode": NAN},
        "A constant must be a value of the input's dtype, int32. Received: nan.",
    ),
    (
        pad,
        {"dtype": "int32", "padding_mode": INF},
        "A constant must be a value of the input's dtype, int32. Received: inf.",
    ),
    (
        pad,
        {"dtype": "int32", "padding_mode": 2**31},
        "A constant must be a value of the input's dtype, int32. Received: 2147483648.",
    ),
    (
        pad,
        {"dtype": "uint8", "padding_mode": 300},
        "A constant must be a value of the input's dtype, uint8. Received: 300.",
    ),
    (
        pad,
        {"dtype": "uint8", "padding_mode": -1},
        "A constant must be a value of the input's dtype, uint8. Received: -1.",
    ),
    (pad, {"dtype": "bool", "padding_mode": 2}, "A constant must be a value of the input's dtype, bool. Received: 2."),
    (
        pad,
        {"dtype": "int32", "padding_mode": convpad.Constant([1, 2.5, 3])},
        "A constant must be a value of the input's dtype, int32. Received: 2.5.",
    ),
    (
        max_pool,
        {"dtype": "int32", "padding": 1, "padding_mode": 0.5},
        "A constant must be a value of the input's dtype, int32. Received: 0.5.",
    ),
    (
        pad_with,
        {"values": [1.0, 2.0]},
        "A constant per channel must have one value for each channel that is padded. Received: 2 for 3 channels.",
    ),
    # Padding alone
    (
        pad,
        {"padding": "same"},
        "`padding` must be an int, or a pair (before, after) for each spatial axis. Received: 'same'. There is no window here that it could depend on: give the numbers.",
    ),
    (
        pad,
        {"x": (1, 8, 8, 3), "padding": (1, "half")},
        "`padding` must be an int, or a pair (before, after) for each spatial axis. Received: 'half'. There is no window here that it could depend on: give the numbers.",
    ),
    (
        pad,
        {"padding": "bounce"},
        "`padding` must be an int, or a pair (before, after) for each spatial axis. Received: 'bounce'.",
    ),
    (pad, {"padding": -1}, "`padding` must be an int of at least 0. Received: -1. To take values away, slice or crop."),
    (
        pad,
        {"padding": 1.5},
        "`padding` must be an int, or a pair (before, after) for each spatial axis. Received: 1.5.",
    ),
    (pad, {"padding": (1, 2, 3)}, "`padding` must have one entry for the one spatial axis. Received: (1, 2, 3)."),
    (
        pad,
        {"padding_mode": "ignore"},
        "`padding_mode` must have values. Received: 'ignore'. It has no values to pad with: use it as the padding_mode of a convolution or a pool.",
    ),
    (
        pad,
        {"x": (1, 8, 8, 3), "padding_mode": ("zeros", ("zeros", "ignore"))},
        "`padding_mode` must have values. Received: 'ignore'. It has no values to pad with: use it as the padding_mode of a convolution or a pool.",
    ),
    (pad, {"padding_mode": "edge"}, MODE + "'edge'. NumPy's 'edge' is 'replicate' here."),
    (pad, {"data_format": "NCHW"}, "`data_format` must be 'channels_last' or 'channels_first'. Received: 'NCHW'."),
    (
        pad,
        {"x": (4, 4)},
        "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape (4, 4). Add the missing axes, of size 1.",
    ),
    (
        pad,
        {"x": (1, 0, 3), "padding": (0, 1), "padding_mode": "circular"},
        "An empty axis has nothing to copy. Received: spatial axis 0 of size 0 with padding_mode 'circular'. Pad it with 'zeros' or a constant.",
    ),
    (
        pad,
        {"dtype": "bool", "padding_mode": "reflect_odd"},
        "An odd mirror subtracts, and booleans cannot. Received: x of bool. Cast it first.",
    ),
    (
        pad_of,
        {"x": [[[1.0]]]},
        "`x` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'list'>. numpy.asarray makes an array of nested lists.",
    ),
    (
        pad_of,
        {"x": "tensor"},
        "`x` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'str'>. numpy.asarray makes an array of nested lists.",
    ),
    (
        pad_of,
        {"x": 3.0},
        "`x` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'float'>. numpy.asarray makes an array of nested lists.",
    ),
    # Steps, groups, axes, routes
    (conv, {"strides": 0}, "`strides` must be a positive int. Received: 0."),
    (conv, {"strides": -1}, "`strides` must be a positive int. Received: -1."),
    (conv, {"strides": 1.0}, "`strides` must be a positive int. Received: 1.0."),
    (conv, {"strides": "2"}, "`strides` must be a positive int. Received: '2'."),
    (conv, {"strides": None}, "`strides` must be a positive int. Received: None."),
    (conv, {"strides": True}, "`strides` must be a positive int. Received: True."),
    (conv, {"strides": int}, "`strides` must be a positive int. Received: <class 'int'>."),
    (conv, {"groups": np.array(1.5)}, "`groups` must be a positive int. Received: array(1.5)."),
    (conv, {"strides": (1, 2)}, "`strides` must be an int, or one for the one spatial axis. Received: (1, 2)."),
    (conv2, {"strides": (1, 0)}, "`strides` must be a positive int. Received: 0."),
    (
        conv2,
        {"strides": (1, 2, 3)},
        "`strides` must be an int, or one for each of the 2 spatial axes. Received: (1, 2, 3).",
    ),
    (conv, {"dilation_rate": 0}, "`dilation_rate` must be a positive int. Received: 0."),
    (conv, {"dilation_rate": 2.0}, "`dilation_rate` must be a positive int. Received: 2.0."),
    (
        conv2,
        {"dilation_rate": (1,)},
        "`dilation_rate` must be an int, or one for each of the 2 spatial axes. Received: (1,).",
    ),
    (conv, {"groups": 0}, "`groups` must be a positive int. Received: 0."),
    (conv, {"groups": 1.0}, "`groups` must be a positive int. Received: 1.0."),
    (conv, {"groups": None}, "`groups` must be a positive int. Received: None."),
    (
        conv,
        {"groups": 2},
        "The kernel must be of shape (*window, channels // groups, filters). Received: a kernel of shape (3, 3, 4) with groups=2 for an input of 3 channels. That kernel reads 6.",
    ),
    (conv, {"data_format": "NWC"}, "`data_format` must be 'channels_last' or 'channels_first'. Received: 'NWC'."),
    (conv, {"data_format": None}, "`data_format` must be 'channels_last' or 'channels_first'. Received: None."),
    (
        conv,
        {"data_format": "channels_first"},
        "The kernel must be of shape (*window, channels // groups, filters). Received: a kernel of shape (3, 3, 4) for an input of 8 channels. That kernel reads 3.",
    ),
    (
        conv,
        {"route": "fast"},
        "`route` must be None or one of 'native', 'rescale', 'correction', 'padded'. Received: 'fast'.",
    ),
    (
        conv,
        {"route": ["native"]},
        "`route` must be None or one of 'native', 'rescale', 'correction', 'padded'. Received: ['native'].",
    ),
    (
        conv,
        {"route": "native", "padding": 1, "padding_mode": "reflect"},
        "`route` must be able to do what is asked. Received: 'native'. Here it is not: no backend's operation pads with reflect.",
    ),
    (
        conv,
        {"route": "rescale", "padding": 1},
        "`route` must be able to do what is asked. Received: 'rescale'. Here it is not: nothing is renormalised.",
    ),
    (
        conv,
        {"route": "correction", "padding": 1},
        "`route` must be able to do what is asked. Received: 'correction'. Here it is not: nothing but zeros is padded.",
    ),
    (
        max_pool,
        {"route": "correction", "padding": 1, "padding_mode": "reflect"},
        "`route` must be able to do what is asked. Received: 'correction'. Here it is not: max_pool of zeros is no max_pool to start from.",
    ),
    (
        conv_transpose,
        {"output_padding": 1},
        "`output_padding` must be less than the stride, 1. Received: 1. It tells apart the sizes that one stride makes equal.",
    ),
    (conv_transpose, {"output_padding": -1}, "`output_padding` must be an int of at least 0. Received: -1."),
    (
        conv_transpose,
        {"output_padding": 2, "strides": 2},
        "`output_padding` must be less than the stride, 2. Received: 2. It tells apart the sizes that one stride makes equal.",
    ),
    (
        conv_transpose,
        {"output_padding": (0, 0)},
        "`output_padding` must be an int, or one for the one spatial axis. Received: (0, 0).",
    ),
    (conv_transpose, {"output_padding": "same"}, "`output_padding` must be an int of at least 0. Received: 'same'."),
    (max_pool, {"pool_size": 0}, "`pool_size` must be a positive int. Received: 0."),
    (max_pool, {"pool_size": None}, "`pool_size` must be a positive int. Received: None."),
    (max_pool, {"pool_size": 2.0}, "`pool_size` must be a positive int. Received: 2.0."),
    (max_pool, {"pool_size": (2, 2)}, "`pool_size` must be an int, or one for the one spatial axis. Received: (2, 2)."),
    (average_pool, {"pool_size": 0}, "`pool_size` must be a positive int. Received: 0."),
    (max_pool, {"strides": 0}, "`strides` must be a positive int. Received: 0."),
    # Shapes and dtypes that do not fit
    (
        conv,
        {"x": (8, 3)},
        "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape (8, 3). Add the missing axes, of size 1.",
    ),
    (
        conv,
        {"kernel": (3, 4)},
        "A kernel must have one window axis, like the input, and two for channels. Received: a kernel of shape (3, 4) for an input with 1 spatial axis.",
    ),
    (
        conv2,
        {"kernel": (3, 3, 4)},
        "A kernel must have 2 window axes, like the input, and two for channels. Received: a kernel of shape (3, 3, 4) for an input with 2 spatial axes.",
    ),
    (
        conv2,
        {"kernel": (5, 3, 7, 7)},
        "The kernel must be of shape (*window, channels // groups, filters). Received: a kernel of shape (5, 3, 7, 7) for an input of 3 channels. That kernel reads 7. PyTorch's order is another: a kernel of a torch.nn layer fits after `kernel.permute(2, 3, 1, 0)`.",
    ),
    (
        conv,
        {"kernel": (3, 2, 4)},
        "The kernel must be of shape (*window, channels // groups, filters). Received: a kernel of shape (3, 2, 4) for an input of 3 channels. That kernel reads 2.",
    ),
    (
        conv,
        {"x": (1, 8, 4), "kernel": (3, 2, 3), "groups": 2},
        "The groups must divide 3, the kernel's last axis. Received: groups=2.",
    ),
    (
        conv,
        {"kernel": (0, 3, 4)},
        "A kernel must hold at least one value on every axis. Received: a kernel of shape (0, 3, 4).",
    ),
    (
        conv,
        {"x": (1, 2, 3)},
        "The window must fit into the padded axis. Received: spatial axis 0 of size 2, padded by (0, 0), with a window that spans 3. Pad more, or use a smaller window.",
    ),
    (
        conv,
        {"x": (1, 5, 3), "dilation_rate": 3, "padding": (0, 1)},
        "The window must fit into the padded axis. Received: spatial axis 0 of size 5, padded by (0, 1), with a window that spans 7. Pad more, or use a smaller window.",
    ),
    (
        conv,
        {"x": (1, 0, 3), "padding": "full"},
        "Every spatial axis must hold at least one value. Received: spatial axis 0 of size 0. Drop the empty input before the window meets it.",
    ),
    (
        conv,
        {"x": (1, 2, 2, 2, 2, 1), "kernel": (1, 1, 1, 1, 1, 1)},
        "A window moves along one, two or three spatial axes. Received: an input with 4. Fold the others into the batch.",
    ),
    (
        max_pool,
        {"pool_size": 9},
        "The window must fit into the padded axis. Received: spatial axis 0 of size 8, padded by (0, 0), with a window that spans 9. Pad more, or use a smaller window.",
    ),
    (
        max_pool,
        {"x": (1, 2, 2, 2, 2, 1)},
        "A window moves along one, two or three spatial axes. Received: an input with 4. Fold the others into the batch.",
    ),
    (
        depthwise_conv,
        {"kernel": (3, 2, 4)},
        "The kernel must be of shape (*window, channels, depth_multiplier). Received: a kernel of shape (3, 2, 4) for an input of 3 channels. That kernel reads 2.",
    ),
    (
        separable_conv,
        {"pointwise": (1, 5, 4)},
        "The pointwise kernel must be of shape (1, 6, filters). Received: (1, 5, 4).",
    ),
    (
        separable_conv,
        {"pointwise": (6, 4)},
        "A kernel must have one window axis, like the input, and two for channels. Received: a pointwise_kernel of shape (6, 4) for an input with 1 spatial axis.",
    ),
    (
        separable_conv,
        {"pointwise": None},
        "`pointwise_kernel` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'NoneType'>. numpy.asarray makes an array of nested lists.",
    ),
    (
        conv_transpose,
        {"kernel": (3, 3, 4)},
        "The kernel must be of shape (*window, filters // groups, channels). Received: a kernel of shape (3, 3, 4) for an input of 3 channels. That kernel reads 4. PyTorch's order is another: a kernel of a torch.nn layer fits after `kernel.permute(2, 1, 0)`.",
    ),
    (
        conv_transpose,
        {"kernel": (3, 2, 3), "groups": 2},
        "The groups must divide 3, the kernel's last axis. Received: groups=2.",
    ),
    (
        conv_transpose,
        {"padding": 5},
        "A transposed convolution must have something to give. Received: spatial axis 0 of size 8, which would become 0. Pad less, or use a larger kernel.",
    ),
    (
        conv_of,
        {"kernel": [[[1.0]]]},
        "`kernel` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'list'>. numpy.asarray makes an array of nested lists.",
    ),
    (
        conv_of,
        {"kernel": None},
        "`kernel` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'NoneType'>. numpy.asarray makes an array of nested lists.",
    ),
    (
        conv_of,
        {"x": "tensor"},
        "`x` must be a NumPy array, or a tensor of jax, tensorflow or torch. Received: <class 'str'>. numpy.asarray makes an array of nested lists.",
    ),
    (
        conv,
        {"dtypes": ("int32", "int32")},
        "conv computes with real floating numbers. Received: x of int32, kernel of int32. Cast first.",
    ),
    (
        conv,
        {"dtypes": ("float32", "int32")},
        "conv computes with real floating numbers. Received: x of float32, kernel of int32. Cast first.",
    ),
    (
        conv,
        {"dtypes": ("float32", "float64")},
        "All must be of one dtype. Received: x of float32, kernel of float64. Cast them to the same.",
    ),
    (
        conv,
        {"dtypes": ("complex64", "complex64")},
        "conv computes with real floating numbers. Received: x of complex64, kernel of complex64. Cast first.",
    ),
    (
        average_pool,
        {"dtype": "int32"},
        "average_pool computes with real floating numbers. Received: x of int32. Cast first.",
    ),
    (
        average_pool,
        {"dtype": "bool"},
        "average_pool computes with real floating numbers. Received: x of bool. Cast first.",
    ),
    (max_pool, {"dtype": "bool"}, "A maximum needs numbers in order. Received: x of bool. Cast it first."),
    (max_pool, {"dtype": "complex64"}, "A maximum needs numbers in order. Received: x of complex64. Cast it first."),
    # Planning
    (
        plan,
        {"op": "convolve"},
        "`op` must be one of 'conv', 'depthwise_conv', 'separable_conv', 'conv_transpose', 'max_pool', 'average_pool'. Received: 'convolve'.",
    ),
    (
        plan,
        {"backend": "mxnet"},
        "`backend` must be 'numpy' or one of 'jax', 'tensorflow', 'torch'. Received: 'mxnet'.",
    ),
    (
        plan,
        {"x": (1, 8)},
        "An input must have a batch axis, at least one spatial axis and a channel axis. Received: shape (1, 8). Add the missing axes, of size 1.",
    ),
    (plan, {"padding": "edge"}, AMOUNT + "'edge'."),
    (plan, {"op": "max_pool", "kernel": 0}, "`pool_size` must be a positive int. Received: 0."),
    (plan, {"op": "max_pool", "kernel": 2, "strides": 0}, "`strides` must be a positive int. Received: 0."),
    (plan, {"x": 8}, "`input_shape` must have a shape: one int or None for each axis. Received: 8."),
    (plan, {"kernel": 2}, "`kernel` must have a shape: one int or None for each axis. Received: 2."),
    (
        plan,
        {"op": "separable_conv"},
        "`kernel_shape` must be a pair for separable_conv: the depthwise and the pointwise kernel's shape. Received: (3, 3, 4).",
    ),
    (plan, {"x": (1, 8.5, 3)}, "`input_shape` must be an int of at least 0. Received: 8.5."),
    (plan, {"x": (1, -8, 3)}, "`input_shape` must be an int of at least 0. Received: -8."),
    (
        plan,
        {"op": "depthwise_conv", "kernel": (3, 3, 1), "groups": 2},
        "`groups` must not be given to depthwise_conv, which takes strides, dilation_rate, data_format. Received: 2.",
    ),
    (
        plan,
        {"op": "max_pool", "kernel": 2, "groups": 2},
        "`groups` must not be given to max_pool, which takes strides, dilation_rate, ceil_mode, data_format. Received: 2.",
    ),
    (
        plan,
        {"output_padding": 1},
        "`output_padding` must not be given to conv, which takes strides, dilation_rate, data_format, groups. Received: 1.",
    ),
    (
        plan,
        {"colour": "red"},
        "`colour` must not be given to conv, which takes strides, dilation_rate, data_format, groups. Received: 'red'.",
    ),
    (parse, {"rank": 0}, "`rank` must be a positive int. Received: 0."),
    (parse, {"rank": "2"}, "`rank` must be a positive int. Received: '2'."),
    (parse, {"padding": "SAME_UPPER"}, AMOUNT + "'SAME_UPPER'. ONNX's 'SAME_UPPER' is 'same' here."),
]
