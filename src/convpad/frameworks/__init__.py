"""Padding in the terms of seven frameworks: code written for a `Problem`, and arguments read into a `Padding`.

Every exact translation can be read back: `parse(name, windows, op=op, **dict(translation.arguments))` puts the same
values under the same windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from inspect import signature
from typing import Any

from convpad.core.amounts import explicit
from convpad.core.errors import refuse
from convpad.core.operation import OPS
from convpad.core.padding import Padding
from convpad.core.problem import Problem, absorb_overhang
from convpad.core.window import Window
from convpad.frameworks import caffe, flax, keras, onnx, tensorflow, theano, torch
from convpad.frameworks.code import InexactError, Translation, check_choice, require
from convpad.frameworks.query import OpQuery, portability_note

__all__ = ["NAMES", "TITLES", "Translation", "parse", "to_code"]

# Each module has `check`, which raises InexactError where the framework has no such operation, whatever its padding;
# `arguments`, which raises it where the operation cannot pad like this; `code` with these arguments; PADS, the modes
# that the framework has for a padding by itself; `padded`, the operation after such paddings; and `parse`.
_FRAMEWORKS: dict[str, Any] = {
    "keras": keras, "tensorflow": tensorflow, "torch": torch, "onnx": onnx, "caffe": caffe, "theano": theano,
    "flax": flax,
}  # fmt: skip

NAMES = tuple(_FRAMEWORKS)
"""The frameworks, in the order in which they are shown."""

TITLES = dict(zip(NAMES, ("Keras", "TensorFlow", "PyTorch", "ONNX", "Caffe", "Theano", "Flax"), strict=True))
"""The frameworks' names for people."""


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
    >>> from convpad.core.problem import parse_problem
    >>> from convpad.frameworks import to_code
    >>> problem = parse_problem("conv", (None, 224, 224, 3), (7, 7, 3, 64), Padding.parse("half", rank=2), strides=2)
    >>> to_code(problem, "torch").code
    'torch.nn.Conv2d(3, 64, 7, stride=2, padding=3)'
    >>> translation = to_code(problem, "keras")
    >>> translation.exact, translation.code
    (False, 'keras.Sequential([keras.layers.ZeroPadding2D(3), keras.layers.Conv2D(64, 7, strides=2)])')

    Raises:
        PaddingError: the framework is none of them, or the problem has no window.
    """
    check_choice("framework", name, NAMES)
    check_choice("problem.op", problem.op, OPS)
    framework = _FRAMEWORKS[name]
    query = OpQuery(_rounded_down(problem), values or ((None, None),) * problem.rank)
    try:
        reason = "The last window may reach beyond padding that counts, or beyond an unknown size."
        require(not query.is_rounded_up, reason)
        framework.check(query)
    except InexactError as reason:
        return Translation(name, _convpad_code(query, name), exact=False, note=str(reason))
    try:
        arguments = framework.arguments(query)
    except InexactError as reason:
        if steps := query.pad_steps(framework.PADS, repeats=framework is flax):
            code = framework.padded(query, steps)
        else:
            code = keras.convpad_layer(query) if framework is keras else _convpad_code(query, name)
        return Translation(name, code, exact=False, note=str(reason))
    words = _words(name)
    padding = tuple((argument, value) for argument, value in arguments.items() if argument in words)
    return Translation(name, framework.code(query, arguments), True, portability_note(query), padding)


def _words(name: str) -> list[str]:
    """Return the names of the arguments that a framework has for a padding."""
    return [*signature(_FRAMEWORKS[name].parse).parameters][2:]


def _convpad_code(query: OpQuery, name: str) -> str:
    """Write convpad's own call on the arrays of a framework; nothing where it serves none of the framework."""
    if name in ("caffe", "theano", "onnx"):
        return ""
    is_first = name == "torch" or (name != "flax" and not query.problem.channels_last)
    return query.convpad_call("channels_first" if is_first else None)


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
        op: the operation, one of `convpad.core.operation.OPS`: frameworks pad pools and convolutions differently.
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
    check_choice("framework", name, NAMES)
    check_choice("op", op, OPS)
    words = _words(name)
    for argument in arguments:
        if argument not in words:
            raise refuse("words", f"be among {TITLES[name]}'s words for padding: {', '.join(words)}", argument)
    return _FRAMEWORKS[name].parse(tuple(windows), op, **arguments)
