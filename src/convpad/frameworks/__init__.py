"""Padding in the terms of seven frameworks: code written for a `Problem`, and arguments read into a `Padding`.

    to_code(problem, name)                       -> Translation(framework, code, exact, note, arguments)
    parse(name, windows, op="conv", **arguments) -> Padding

Every exact translation can be read back: `parse(name, windows, op=op, **dict(translation.arguments))` puts the same
values under the same windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convpad.core.amounts import explicit
from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.problem import OPS, Problem, absorb_overhang
from convpad.core.window import Window
from convpad.frameworks import caffe, flax, keras, onnx, tensorflow, theano, torch
from convpad.frameworks.code import InexactError, Translation
from convpad.frameworks.query import OpQuery, portability_note

__all__ = ["NAMES", "TITLES", "Translation", "parse", "to_code"]

# Each module has ARGUMENTS, the names that its `parse` takes; `arguments`, which raises InexactError where the
# framework's own operation cannot pad like this; `code` with these arguments; and `workaround` without them.
_FRAMEWORKS = {
    "keras": keras,
    "tensorflow": tensorflow,
    "torch": torch,
    "onnx": onnx,
    "caffe": caffe,
    "theano": theano,
    "flax": flax,
}

NAMES = tuple(_FRAMEWORKS)
"""The frameworks, in the order in which they are shown."""

TITLES = dict(zip(NAMES, ("Keras", "TensorFlow", "PyTorch", "ONNX", "Caffe", "Theano", "Flax"), strict=True))
"""The frameworks' names for people."""


def _framework(name: str) -> Any:
    if name not in NAMES:
        raise refuse("framework", f"be one of {', '.join(map(repr, NAMES))}", name)
    return _FRAMEWORKS[name]


def to_code(problem: Problem, name: str, values: Sequence[tuple[Any, Any]] | None = None) -> Translation:
    """Write one padded operation for a framework.

    Args:
        problem: the operation. Where its shapes do not know the channels, the code has `channels` and `filters`;
            a layout that the framework does not have is not shown.
        name: one of `NAMES`.
        values: the constants among its modes, `(before, after)` for each axis, as `Padding.values` has them. Without
            them, the code has `value`.

    Example:

    >>> from convpad import Padding
    >>> from convpad.core.problem import pose
    >>> from convpad.frameworks import to_code
    >>> problem = pose("conv", (None, 224, 224, 3), (7, 7, 3, 64), Padding.parse("half", rank=2), strides=2)
    >>> to_code(problem, "torch").code
    'torch.nn.Conv2d(3, 64, 7, stride=2, padding=3)'
    >>> translation = to_code(problem, "keras")
    >>> translation.exact, translation.code
    (False, 'keras.Sequential([keras.layers.ZeroPadding2D(3), keras.layers.Conv2D(64, 7, strides=2)])')

    Raises:
        PaddingError: the framework is none of them, or the problem has no window.
    """
    framework = _framework(name)
    if problem.op not in OPS:
        raise refuse("problem.op", f"be one of {', '.join(map(repr, OPS))}", problem.op)
    query = OpQuery(_rounded_down(problem), tuple(values or ((None, None),) * problem.rank))
    try:
        if query.is_rounded_up:
            raise InexactError("The last window may reach beyond padding that counts, or beyond an unknown size.")
        arguments = framework.arguments(query)
    except InexactError as reason:
        return Translation(name, framework.workaround(query), exact=False, note=str(reason))
    padding = tuple((key, value) for key, value in arguments.items() if key in framework.ARGUMENTS)
    return Translation(name, framework.code(query, arguments), True, portability_note(query), padding)


def _rounded_down(problem: Problem) -> Problem:
    """Replace `ceil_mode` by the amounts that it comes to, where they are known."""
    absorbed = absorb_overhang(problem)
    rows = zip(absorbed.windows, problem.windows, problem.amounts, strict=True)
    amounts = [amount if w.ceil == ceil.ceil else explicit(w.before or 0, w.after or 0) for w, ceil, amount in rows]
    return replace(absorbed, amounts=tuple(amounts))


def parse(name: str, windows: Sequence[Window], *, op: str = "conv", **arguments: Any) -> Padding:
    """Read a framework's arguments for a padding.

    Args:
        name: one of `NAMES`.
        windows: one for each spatial axis; their size, kernel, stride and dilation are read, not their amounts.
            The size, of a transposed convolution its output's, may be None where the arguments do not depend on it.
        op: the operation, one of `convpad.core.problem.OPS`: frameworks pad pools and convolutions differently.
        arguments: the framework's own: `padding`, `padding_mode` and `output_padding` of PyTorch, `pads`,
            `output_padding` and `auto_pad` of ONNX, `pad` of Caffe, `border_mode` and `pad` of Theano, `padding` of
            Keras, TensorFlow and Flax; `count_include_pad` and `ceil_mode` where pools have them.

    Example:

    >>> from convpad.frameworks import parse
    >>> from convpad.core.window import Window
    >>> axes = [Window(224, kernel=3, stride=2, dilation=1, before=None, after=None)] * 2
    >>> parse("torch", axes, padding=1, padding_mode="circular")
    Padding.parse(((1, 1), (1, 1)), 'circular', rank=2)
    >>> parse("onnx", axes, auto_pad="SAME_UPPER")
    Padding.parse('same', 'zeros', rank=2)

    Raises:
        PaddingError: the framework is none of them, or has no such arguments.
    """
    framework = _framework(name)
    if op not in OPS:
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    for argument in arguments:
        if argument not in framework.ARGUMENTS:
            allowed = f"be among {TITLES[name]}'s words for padding: {', '.join(framework.ARGUMENTS)}"
            raise refuse("words", allowed, argument)
    return framework.parse(tuple(windows), op, **arguments)
