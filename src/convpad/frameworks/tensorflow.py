"""TensorFlow: the functions of tf.nn (https://www.tensorflow.org/api_docs/python/tf/nn).

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
from convpad.frameworks.code import InexactError, Name, call, collapse
from convpad.frameworks.parsing import as_padding, default_mode
from convpad.frameworks.query import OpQuery, Pairs, pads_within_kernel

__all__ = ["ARGUMENTS", "arguments", "code", "parse", "workaround"]

ARGUMENTS = ("padding", "data_format")

_FUNCTIONS = {
    "conv": "conv{}d",
    "depthwise_conv": "depthwise_conv{}d",
    "separable_conv": "separable_conv{}d",
    "conv_transpose": "conv{}d_transpose",
    "max_pool": "max_pool{}d",
    "average_pool": "avg_pool{}d",
}
_WORDS = {"valid": "VALID", "same": "SAME"}
_CHANNELS_FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
_PADS = {"zeros": None, "constant": None, "reflect": "REFLECT", "symmetric": "SYMMETRIC"}


def _unsupported(query: OpQuery) -> str:
    """The reason why TensorFlow has no such function, whatever its padding."""
    if query.rank > 3 or (query.is_depthwise and query.rank != 2):
        return f"TensorFlow has no {_FUNCTIONS[query.op].format(query.rank)}."
    if query.is_depthwise and len(set(query.problem.strides)) > 1:
        return "TensorFlow wants one stride here for both axes."
    if query.dilation and (query.is_transposed or query.is_pool or (query.is_depthwise and query.is_strided)):
        return "TensorFlow refuses a dilation here."
    if query.problem.groups > 1 and (query.rank == 3 or query.is_transposed):
        return "TensorFlow knows no groups here."
    if query.is_transposed and None in query.output_sizes:
        return "TensorFlow must be told the output's shape, which is not known here."
    return ""


def arguments(query: OpQuery) -> dict[str, Any]:
    if reason := _unsupported(query):
        raise InexactError(reason)
    if not query.has_default_mode:
        pools, convolutions = "pools leave the padding out of the count", "convolutions pad with zeros alone"
        raise InexactError(f"TensorFlow's {pools if query.is_pool else convolutions}.")
    word = next((word for word in _WORDS if query.has_word(word) or _is_forward_word(query, word)), None)
    layout = {} if query.problem.channels_last else {"data_format": _CHANNELS_FIRST[query.rank]}
    return {"padding": _WORDS[word] if word else _explicit(query, _pairs(query)), **layout}


def _is_forward_word(query: OpQuery, word: str) -> bool:
    """Whether a transposed convolution is the adjoint of one with this word: TensorFlow is told the output's size."""
    return query.is_transposed and query.is_equivalent(query.pairs_of(word))


def _pairs(query: OpQuery) -> Pairs:
    if query.rank != 2 or query.op == "average_pool":
        raise InexactError("TensorFlow knows SAME and VALID here, and no amounts of one's own.")
    pairs = query.reach if query.is_transposed else query.pairs
    if pairs is None:
        raise InexactError(
            "TensorFlow has no word for this amount, and its numbers depend on a size that is not known."
        )
    if min(number for pair in pairs for number in pair) < 0:
        raise InexactError("TensorFlow crops here, and adds nothing.")
    if query.is_pool:
        pads_within_kernel(query, pairs, "TensorFlow's")
    return pairs


def _explicit(query: OpQuery, pairs: Pairs) -> list[list[int]]:
    spatial = [list(pair) for pair in pairs]
    return [[0, 0], *spatial, [0, 0]] if query.problem.channels_last else [[0, 0], [0, 0], *spatial]


def code(query: OpQuery, arguments: dict[str, Any], x: str = Name("x")) -> str:
    problem = query.problem
    strides, dilation = list(problem.strides), list(problem.dilation)
    inputs, options = [x], dict[str, Any]()
    if query.is_pool:
        options |= {"ksize": collapse(query.kernel), "strides": collapse(strides)}
    else:
        inputs += [Name("kernel"), Name("pointwise_kernel")][: 2 if query.op == "separable_conv" else 1]
    if query.is_transposed:
        shape = [Name("tf.shape(x)[0]"), *problem.output_shape[1:]]
        shape[problem.channel_axis] = query.filters
        options["output_shape"] = shape
    if not query.is_pool:
        name = "stride" if query.rank == 1 and not query.is_transposed else "strides"
        wide = query.rank == 3 or query.is_depthwise
        options[name] = _every_axis(query, strides) if wide else collapse(strides)
    options |= arguments
    if query.dilation:
        options["dilations"] = _every_axis(query, dilation) if query.rank == 3 else dilation
    return call(f"tf.nn.{_FUNCTIONS[query.op].format(query.rank)}", *inputs, **options)


def _every_axis(query: OpQuery, steps: list[int]) -> list[int]:
    """Steps of 1 along the batch and the channels too."""
    return [1, *steps, 1] if query.problem.channels_last else [1, 1, *steps]


def workaround(query: OpQuery) -> str:
    steps = () if _unsupported(query) else query.pad_steps(_PADS)
    if not steps:
        return query.convpad_call(None if query.problem.channels_last else "channels_first")
    x = Name("x")
    for step in steps:
        pairs = _explicit(query, step.pairs)
        x = Name(call("tf.pad", x, pairs, mode=_PADS[step.mode], constant_values=step.value))
    layout = None if query.problem.channels_last else _CHANNELS_FIRST[query.rank]
    return code(query, {"padding": "VALID", "data_format": layout}, x)


def parse(windows: tuple[Window, ...], op: str, padding: Any, data_format: str | None = None) -> Padding:
    rank, mode = len(windows), default_mode(op)
    if padding == "SAME" and op == "conv_transpose" and all(window.size for window in windows):
        # TensorFlow is told the output's size, and SAME is that of the convolution which reads it: on one axis such a
        # size may be the one that "same" gives by itself, and on another one that takes an output_padding.
        return as_padding([AMOUNTS["same"].known(w.size, w.span, w.stride) for w in windows], mode)
    if padding in ("SAME", "VALID"):
        return Padding.parse(padding.lower(), mode, rank=rank)
    pairs = listed(padding)
    if pairs is None or len(pairs) != rank + 2:
        raise refuse("padding", f"be 'SAME', 'VALID' or {rank + 2} pairs, one for each axis", padding)
    channels_first = data_format is not None and data_format.startswith("NC")
    return as_padding([tuple(pair) for pair in (pairs[2:] if channels_first else pairs[1:-1])], mode)
