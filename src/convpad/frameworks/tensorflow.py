"""TensorFlow: the functions of tf.nn (https://www.tensorflow.org/api_docs/python/tf/nn).

SAME and VALID everywhere; amounts of one's own in two dimensions alone, and not in average pools. Zeros; its pools
leave the padding out. Other modes come first, with tf.pad: constant, reflect and symmetric.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.validation import listed
from convpad.core.window import Window
from convpad.frameworks.code import Name, as_padding, call, collapse, default_mode, require
from convpad.frameworks.query import OpQuery, PadStep, pads_within_kernel

PADS = {"zeros": None, "constant": None, "reflect": "REFLECT", "symmetric": "SYMMETRIC"}

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


def check(query: OpQuery) -> None:
    is_depthwise, is_transposed = query.is_depthwise, query.is_transposed
    require(query.rank == 2 or not is_depthwise, f"TensorFlow has no {_FUNCTIONS[query.op].format(query.rank)}.")
    one_stride = len(set(query.problem.strides)) == 1
    require(one_stride or not is_depthwise, "TensorFlow wants one stride here for both axes.")
    undilated = is_transposed or query.is_pool or (is_depthwise and query.is_strided)
    require(not (query.dilation and undilated), "TensorFlow refuses a dilation here.")
    ungrouped = query.rank == 3 or is_transposed
    require(not (query.problem.groups > 1 and ungrouped), "TensorFlow knows no groups here.")
    shapeless = is_transposed and None in query.output_sizes
    require(not shapeless, "TensorFlow must be told the output's shape, which is not known here.")


def arguments(query: OpQuery) -> dict[str, Any]:
    pools, convolutions = "pools leave the padding out of the count", "convolutions pad with zeros alone"
    require(query.has_default_mode, f"TensorFlow's {pools if query.is_pool else convolutions}.")
    layout = {} if query.problem.channels_last else {"data_format": _CHANNELS_FIRST[query.rank]}
    # A transposed convolution is the adjoint of one with this word: TensorFlow is told the output's size.
    adjoint = (word for word in _WORDS if query.is_transposed and query.is_equivalent(query.pairs_of(word)))
    if word := query.first_word(_WORDS) or next(adjoint, None):
        return {"padding": _WORDS[word], **layout}
    explicit = query.rank == 2 and query.op != "average_pool"
    require(explicit, "TensorFlow knows SAME and VALID here, and no amounts of one's own.")
    reason = "TensorFlow has no word for this amount, and its numbers depend on a size that is not known."
    pairs = query.reach if query.is_transposed else query.known_pairs(reason)
    require(min(number for pair in pairs for number in pair) >= 0, "TensorFlow crops here, and adds nothing.")
    if query.is_pool:
        pads_within_kernel(query, pairs, "TensorFlow's")
    return {"padding": _every_axis(query, map(list, pairs), [0, 0]), **layout}


def _every_axis(query: OpQuery, entries: Iterable[Any], other: Any) -> list[Any]:
    """Return the entries of the spatial axes with those of the batch and the channels."""
    return [other, *entries, other] if query.problem.channels_last else [other, other, *entries]


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
        options[name] = _every_axis(query, strides, 1) if wide else collapse(strides)
    options |= arguments
    if query.dilation:
        options["dilations"] = _every_axis(query, dilation, 1) if query.rank == 3 else dilation
    return call(f"tf.nn.{_FUNCTIONS[query.op].format(query.rank)}", *inputs, **options)


def padded(query: OpQuery, steps: Sequence[PadStep]) -> str:
    x = Name("x")
    for step in steps:
        pairs = _every_axis(query, map(list, step.pairs), [0, 0])
        x = Name(call("tf.pad", x, pairs, mode=PADS[step.mode], constant_values=step.value))
    layout = None if query.problem.channels_last else _CHANNELS_FIRST[query.rank]
    return code(query, {"padding": "VALID", "data_format": layout}, x)


def parse(windows: tuple[Window, ...], op: str, padding: Any, data_format: str | None = None) -> Padding:
    rank, mode = len(windows), default_mode(op)
    if padding == "SAME" and op == "conv_transpose" and all(window.size for window in windows):
        # TensorFlow is told the output's size, and SAME is that of the convolution which reads it: on one axis such a
        # size may be the one that "same" gives by itself, and on another one that takes an output_padding.
        return as_padding([AMOUNTS["same"].pair_or_none(w.size, w.span, w.stride) for w in windows], mode)
    if padding in ("SAME", "VALID"):
        return Padding.parse(padding.lower(), mode, rank=rank)
    pairs = listed(padding)
    if pairs is None or len(pairs) != rank + 2:
        raise refuse("padding", f"be 'SAME', 'VALID' or {rank + 2} pairs, one for each axis", padding)
    channels_first = data_format is not None and data_format.startswith("NC")
    return as_padding([tuple(pair) for pair in (pairs[2:] if channels_first else pairs[1:-1])], mode)
