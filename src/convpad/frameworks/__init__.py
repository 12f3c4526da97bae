"""What does a framework call this padding? One file for each: to its words, and back.

`say` writes a `Problem` down as one would in that framework, or says why it cannot be said there and what to write
instead. `read` is the way back: a framework's words for the padding of a window, as a `Padding`.

    say(problem, name)                      -> Words(framework, code, exact, note, arguments)
    read(name, windows, op="conv", **words) -> Padding

Whatever is said exactly reads back as the same padding: with `read(name, windows, op=op, **dict(words.arguments))` the
same values stand under the same windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.problem import OPS, Problem
from convpad.core.window import Window
from convpad.frameworks import caffe, flax, keras, onnx, tensorflow, theano, torch
from convpad.frameworks.code import Words
from convpad.frameworks.query import Asked

__all__ = ["NAMES", "TITLES", "Words", "read", "say"]

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
"""The frameworks whose words are known here, in the order in which they are shown."""

TITLES = dict(zip(NAMES, ("Keras", "TensorFlow", "PyTorch", "ONNX", "Caffe", "Theano", "Flax"), strict=True))
"""What people call them."""


def _framework(name: str) -> Any:
    if name not in NAMES:
        raise refuse("framework", f"be one of {', '.join(map(repr, NAMES))}", name)
    return _FRAMEWORKS[name]


def say(problem: Problem, name: str, values: Sequence[tuple[Any, Any]] | None = None) -> Words:
    """One padded operation in the words of one framework.

    Args:
        problem: what is asked. Where its shapes do not know the channels, the code says `channels` and `filters`;
            a layout that the framework does not have is not shown.
        name: one of `NAMES`.
        values: what the constants among its modes carry, `(before, after)` for each axis, as `Padding.values` has
            them. Without, the code says `value`.

    Example:

    >>> from convpad import Padding
    >>> from convpad.frameworks import say
    >>> from convpad.core.problem import pose
    >>> asked = pose("conv", (None, 224, 224, 3), (7, 7, 3, 64), Padding.parse("half", rank=2), strides=2)
    >>> say(asked, "torch").code
    'torch.nn.Conv2d(3, 64, 7, stride=2, padding=3)'
    >>> words = say(asked, "keras")
    >>> words.exact, words.code
    (False, 'keras.Sequential([keras.layers.ZeroPadding2D(3), keras.layers.Conv2D(64, 7, strides=2)])')

    Raises:
        PaddingError: the framework is none of them, or the problem has no window.
    """
    framework = _framework(name)
    if problem.op not in OPS:
        raise refuse("problem.op", f"be one of {', '.join(map(repr, OPS))}", problem.op)
    return framework.say(Asked(problem, tuple(values or ((None, None),) * problem.rank)))


def read(name: str, windows: Sequence[Window], *, op: str = "conv", **words: Any) -> Padding:
    """What a framework's words for a padding mean here.

    Args:
        name: one of `NAMES`.
        windows: one for each spatial axis; their size, kernel, stride and dilation are read, not their amounts.
            The size may be None where the words do not depend on it.
        op: the operation, one of `convpad.core.problem.OPS`: pools count their padding otherwise than convolutions.
        words: the framework's own arguments: `padding` and `padding_mode` of PyTorch, `pads` and `auto_pad` of ONNX,
            `pad` of Caffe, `border_mode` and `pad` of Theano, `padding` of Keras, TensorFlow and Flax;
            `count_include_pad` and `ceil_mode` where pools have them.

    Example:

    >>> from convpad.frameworks import read
    >>> from convpad.core.window import Window
    >>> axes = [Window(224, kernel=3, stride=2, dilation=1, before=None, after=None)] * 2
    >>> read("torch", axes, padding=1, padding_mode="circular")
    Padding.parse(((1, 1), (1, 1)), 'circular', rank=2)
    >>> read("onnx", axes, auto_pad="SAME_UPPER")
    Padding.parse('same', 'zeros', rank=2)

    Raises:
        PaddingError: the framework is none of them, or has no such words.
    """
    framework = _framework(name)
    if op not in OPS:
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    unknown = [word for word in words if word not in framework.WORDS]
    if unknown:
        allowed = f"be among {TITLES[name]}'s words for padding: {', '.join(framework.WORDS)}"
        raise refuse("words", allowed, unknown[0])
    return framework.read(tuple(windows), op, **words)
