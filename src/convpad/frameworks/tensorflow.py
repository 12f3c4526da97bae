"""What does TensorFlow call it? The functions of tf.nn (https://www.tensorflow.org/api_docs/python/tf/nn).

SAME and VALID everywhere; amounts of one's own in two dimensions alone, and not in average pools. Zeros; its pools
leave the padding out. Other modes come first, with tf.pad: constant, reflect and symmetric.
"""

from __future__ import annotations

from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import listed
from convpad.core.window import Window
from convpad.frameworks.code import Name, Words, alike, as_padding, call
from convpad.frameworks.query import Asked, Pad, number, warning

__all__ = ["WORDS", "read", "say"]

WORDS = ("padding", "data_format")

_FUNCTIONS = {
    "conv": "conv{}d",
    "depthwise_conv": "depthwise_conv{}d",
    "separable_conv": "separable_conv{}d",
    "conv_transpose": "conv{}d_transpose",
    "max_pool": "max_pool{}d",
    "average_pool": "avg_pool{}d",
}
_NAMED = {"valid": "VALID", "same": "SAME"}
_LAYOUTS = {1: ("NWC", "NCW"), 2: ("NHWC", "NCHW"), 3: ("NDHWC", "NCDHW")}
_PADS = {"zeros": "CONSTANT", "constant": "CONSTANT", "reflect": "REFLECT", "symmetric": "SYMMETRIC"}
_EXPLICIT = ("conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool")


def say(asked: Asked) -> Words:
    strides = asked.problem.strides
    data_format = None if asked.problem.channels_last else "channels_first"
    refused = ""
    if asked.rank > 3 or (asked.depthwise and asked.rank != 2):
        refused = f"TensorFlow has no {_FUNCTIONS[asked.op].format(asked.rank)}."
    elif asked.depthwise and len(set(strides)) > 1:
        refused = "TensorFlow wants one stride here for both axes."
    elif asked.dilation and (asked.depthwise or asked.transposed) and (set(strides) != {1} or asked.transposed):
        refused = "TensorFlow refuses a dilation here."
    elif asked.problem.groups > 1 and (asked.rank == 3 or asked.transposed):
        refused = "TensorFlow knows no groups here."
    elif asked.transposed and None in asked.problem.output_shape[1:]:
        refused = "TensorFlow must be told the output's shape, which is not known here."
    if refused:
        return asked.cannot("tensorflow", refused, asked.convpad(data_format))
    padding, note = _padding(asked)
    if padding is not None:
        return Words("tensorflow", _call(asked, padding), True, note, _arguments(asked, padding))
    pads = asked.pads()
    x: Any = Name("x")
    for pad in pads or ():
        x = x and _pad(asked, pad, x)
    if pads and x:
        return asked.cannot("tensorflow", note, _call(asked, "VALID", x))
    return asked.cannot("tensorflow", note, asked.convpad(data_format))


def _padding(asked: Asked) -> tuple[Any, str]:
    """The argument, and what to beware of; or None, and why."""
    if not asked.plain:
        modes = "leave the padding out of the count" if asked.pools else "pad with zeros alone"
        return None, f"TensorFlow's {'pools' if asked.pools else 'convolutions'} {modes}."
    named = next((word for word in _NAMED if asked.is_word(AMOUNTS[word]) or _crops(asked, word)), None)
    if named:
        return _NAMED[named], warning(asked)
    if asked.rank != 2 or asked.op not in _EXPLICIT:
        return None, "TensorFlow knows SAME and VALID here, and no amounts of one's own."
    pairs = asked.reach if asked.transposed else asked.pairs
    if pairs is None:
        return None, "TensorFlow has no word for this amount, and its numbers depend on a size that is not known."
    if min(number for pair in pairs for number in pair) < 0:
        return None, "TensorFlow crops here, and adds nothing."
    if asked.op == "max_pool" and any(max(pair) >= size for pair, size in zip(pairs, asked.kernel, strict=True)):
        return None, "TensorFlow's pools pad by less than their size."
    return _explicit(asked, pairs), warning(asked)


def _crops(asked: Asked, word: str) -> bool:
    """Whether the word names the forward convolution whose adjoint this is: TensorFlow is told the output's size."""
    if not asked.transposed:
        return False
    named = [AMOUNTS[word].known(w.size, w.span, w.stride) for w in asked.problem.windows]
    outputs = [asked.problem.input_shape[axis] for axis in asked.problem.axes]
    windows = zip(asked.problem.windows, named, outputs, strict=True)
    return all(
        pair and w.size and w.before == pair[0] and (w.size + sum(pair) - w.span) // w.stride + 1 == o
        for w, pair, o in windows
    )


def _explicit(asked: Asked, pairs: Any) -> list[list[int]]:
    middle = [list(pair) for pair in pairs]
    return [[0, 0], *middle, [0, 0]] if asked.problem.channels_last else [[0, 0], [0, 0], *middle]


def _layout(asked: Asked) -> str | None:
    return None if asked.problem.channels_last else _LAYOUTS[asked.rank][1]


def _arguments(asked: Asked, padding: Any) -> tuple[tuple[str, Any], ...]:
    layout = _layout(asked)
    return (("padding", padding), *((("data_format", layout),) if layout else ()))


def _call(asked: Asked, padding: Any, x: str = Name("x")) -> str:
    function = f"tf.nn.{_FUNCTIONS[asked.op].format(asked.rank)}"
    last = asked.problem.channels_last
    strides, dilation = list(asked.problem.strides), list(asked.problem.dilation)

    def everywhere(steps: list[int]) -> list[int]:
        return [1, *steps, 1] if last else [1, 1, *steps]

    if asked.pools:
        options: dict[str, Any] = {"ksize": alike(asked.kernel), "strides": alike(strides)}
        kernels: list[Name] = []
    else:
        kernels = [Name("kernel"), *([Name("pointwise_kernel")] if asked.op == "separable_conv" else [])]
        wide = asked.rank == 3 or asked.depthwise
        options = {
            "stride" if asked.rank == 1 and not asked.transposed else "strides": everywhere(strides)
            if wide
            else alike(strides)
        }
    if asked.transposed:
        shape = [Name("tf.shape(x)[0]"), *asked.problem.output_shape[1:]]
        shape[asked.problem.channel_axis] = asked.filters
        options = {"output_shape": shape, **options}
    options |= {"padding": padding, "data_format": _layout(asked)}
    if asked.dilation:
        options["dilations"] = everywhere(dilation) if asked.rank == 3 else dilation
    return call(function, x, *kernels, **options)


def _pad(asked: Asked, pad: Pad, x: str) -> str | None:
    most = {"reflect": -1, "symmetric": 0}.get(pad.mode)
    sizes = [window.size for window in asked.problem.windows]
    short = [size for size, pair in zip(sizes, pad.pairs, strict=True) if size and max(pair) > size + (most or 0)]
    if pad.mode not in _PADS or (most is not None and short):
        return None
    value = number(pad.value) if pad.mode == "constant" else None
    if pad.mode == "constant" and value is None:
        return None
    mode = None if _PADS[pad.mode] == "CONSTANT" else _PADS[pad.mode]
    return Name(call("tf.pad", x, _explicit(asked, pad.pairs), mode=mode, constant_values=value))


def read(windows: tuple[Window, ...], op: str, padding: Any, data_format: str | None = None) -> Padding:
    rank, mode = len(windows), "ignore" if "pool" in op else "zeros"
    if padding == "SAME" and op == "conv_transpose" and all(window.size for window in windows):
        # TensorFlow is told the output's size, and SAME is that of the convolution which reads it: on one axis such a
        # size may be the one that "same" gives by itself, and on another one that takes an output_padding.
        return as_padding([AMOUNTS["same"].known(w.size, w.span, w.stride) for w in windows], mode)
    if padding in ("SAME", "VALID"):
        return Padding.parse(padding.lower(), mode, rank=rank)
    pairs = listed(padding)
    if pairs is None or len(pairs) != rank + 2:
        raise refuse("padding", f"be 'SAME', 'VALID' or {rank + 2} pairs, one for each axis", padding)
    first = data_format is not None and data_format.startswith("NC")
    return as_padding([tuple(pair) for pair in (pairs[2:] if first else pairs[1:-1])], mode)
