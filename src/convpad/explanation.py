"""What does a padding mean? Facts about one padded window, and the words of other frameworks for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import refuse
from convpad.core.padding import Padding
from convpad.core.problem import OPS, POOLS, Problem, pose
from convpad.core.validation import integer, listed, per_axis
from convpad.core.window import Window, places_read
from convpad.frameworks import NAMES, TITLES, Translation, to_code

__all__ = ["AxisFacts", "Explanation", "explain"]

_LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class AxisFacts:
    """What one window does on one axis, in numbers of values.

    Args:
        input, output: sizes.
        window: the window. Of a transposed convolution it is that of the forward convolution whose adjoint it is, on
            the output: what the forward one pads is cropped here.
        modes: what it is padded with, `(before, after)`.
        read_before, read_after: how much of the padding any window reads.
        unread: values of the axis that no window reads; of a transposed convolution, outputs that nothing reaches.
        even_sizes: where the amounts are alike and used unevenly, the next smaller and larger input whose padding is
            used evenly.
    """

    input: int
    output: int
    window: Window
    modes: tuple[str, str]
    read_before: int
    read_after: int
    unread: int
    even_sizes: tuple[int, int] | None

    @property
    def before(self) -> int:
        """Values added before the axis."""
        return self.window.before or 0

    @property
    def after(self) -> int:
        """Values added after the axis."""
        return self.window.after or 0

    @property
    def even(self) -> bool:
        """Whether as much of the padding is read on one side as on the other."""
        return self.read_before == self.read_after


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that can be said about one padded operation.

    Args:
        problem: the operation, of unknown channels.
        padding: the padding as it was asked for.
        axes: one for each spatial axis.
        words: the same operation in the words of each framework of `convpad.frameworks.NAMES`.

    `str()` of it is text, `json()` JSON and `svg()` a picture.

    Example:

    >>> import convpad
    >>> print(str(convpad.explain(9, 3, strides=4)).split("Keras")[0].rstrip())
    conv on 9: kernel 3, stride 4, padding='valid', padding_mode='zeros'
    <BLANKLINE>
    9 -> 2
      padded by 0 before and 0 after
      values that no window reads: 3 of 9
    """

    problem: Problem
    padding: Padding
    axes: tuple[AxisFacts, ...]
    words: tuple[Translation, ...]

    def json(self) -> str:
        """The facts and the words, as JSON.

        Example:

        >>> import convpad, json
        >>> facts = json.loads(convpad.explain(224, 7, strides=2, padding="same").json())
        >>> facts["axes"][0]["before"], facts["axes"][0]["after"], facts["words"]["onnx"]["code"]
        (2, 3, 'y = Conv <kernel_shape = [7], pads = [2, 3], strides = [2]> (x, kernel)')
        """
        axes = [
            {
                "input": axis.input,
                "output": axis.output,
                "kernel": axis.window.kernel,
                "stride": axis.window.stride,
                "dilation": axis.window.dilation,
                "before": axis.before,
                "after": axis.after,
                "modes": axis.modes,
                "read_before": axis.read_before,
                "read_after": axis.read_after,
                "even": axis.even,
                "even_sizes": axis.even_sizes,
                "unread": axis.unread,
            }
            for axis in self.axes
        ]
        words = {word.framework: {"code": word.code, "exact": word.exact, "note": word.note} for word in self.words}
        return json.dumps({"op": self.problem.op, "axes": axes, "words": words}, indent=2)

    def svg(self) -> str:
        """The window over the padded axes, in the manner of Dumoulin & Visin (arXiv:1603.07285), as an SVG file.

        Example:

        >>> import convpad
        >>> convpad.explain(5, 3, padding="same").svg()[:4]
        '<svg'
        """
        from convpad.display.svg import drawn  # it draws what is explained here

        return drawn(self)

    def __str__(self) -> str:
        lines = [_asked(self)]
        for place, axis in enumerate(self.axes):
            name = f"axis {place}: " if len(self.axes) > 1 else ""
            lines += ["", f"{name}{axis.input} -> {axis.output}", *(f"  {fact}" for fact in _facts(self, axis))]
        for words in self.words:
            lines += ["", TITLES[words.framework] + ("" if words.exact else " (not in one operation)")]
            lines += [f"  {line}" for line in (*words.code.splitlines(), words.note) if line]
        return "\n".join(lines)


def explain(
    size: Any,
    kernel: Any,
    *,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: Any = "valid",
    padding_mode: Any = None,
    op: str = "conv",
    output_padding: Any = None,
) -> Explanation:
    """What one padding comes to: amounts, sizes, what is left over, and other frameworks' words for it.

    Args:
        size: the input's size in values: an int for one axis, or one for each spatial axis.
        kernel: the window's, an int or one for each axis.
        strides: an int or one for each axis; without, 1, or of a pool its size.
        dilation_rate: an int or one for each axis.
        padding: how much, as everywhere in convpad: "same", 1, (1, 2), ((1, 2), (3, 4)).
        padding_mode: with what; without, zeros, or in a pool what leaves the padding out of the count.
        op: "conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool" or "average_pool".
        output_padding: of a transposed convolution.

    Returns:
        An `Explanation`.

    Example:

    >>> import convpad
    >>> axis, = convpad.explain(224, 7, strides=2, padding="half").axes
    >>> axis.output, (axis.before, axis.after), (axis.read_before, axis.read_after), axis.even_sizes
    (112, (3, 3), (3, 2), (223, 225))
    >>> convpad.explain((6, 6), 3, strides=2, padding="same").words[0].note
    "This pads (0, 1). PyTorch's and Caffe's habit, half the kernel on both sides, pads (1, 1): the same sizes, \
other values."

    Raises:
        PaddingError: there is no such window, or a number is beyond 100,000.

    The sizes are those of Dumoulin & Visin (arXiv:1603.07285). That a stride above 1 may leave the padding of one side
    unread, and at which sizes it does not, is from Alsallakh et al. 2021 (arXiv:2010.02178).
    """
    if op not in OPS:
        raise refuse("op", f"be one of {', '.join(map(repr, OPS))}", op)
    rank = len(listed(size) or [size])
    sizes = per_axis("size", size, rank)
    window = per_axis("kernel", kernel, rank)
    for argument, numbers in (("size", sizes), ("kernel", window)):
        for number in numbers:
            if number > _LARGEST:
                raise refuse(argument, f"be at most {_LARGEST:,}", number)
    parsed = Padding.parse(
        padding, ("ignore" if op in POOLS else "zeros") if padding_mode is None else padding_mode, rank=rank
    )
    options: dict[str, Any] = {}
    if op in POOLS:
        options["strides"] = strides
        if per_axis("dilation_rate", dilation_rate, rank) != (1,) * rank:
            raise refuse("dilation_rate", "be 1 for a pool", dilation_rate, "Pools have no holes here.")
    else:
        options = {"strides": 1 if strides is None else strides, "dilation_rate": dilation_rate}
    if op == "conv_transpose":
        options["output_padding"] = output_padding
    elif output_padding is not None:
        raise refuse("output_padding", "be left out but for conv_transpose", output_padding)
    kernel_shape = window if op in POOLS else (*window, 1, 1)
    asked = pose(op, (None, *sizes, 1), kernel_shape, parsed, pointwise_shape=(*(1,) * rank, 1, 1), **options)
    problem = replace(asked, input_shape=(None, *sizes, None), output_shape=(*asked.output_shape[:-1], None))
    axes = tuple(_axis(problem, axis) for axis in range(rank))
    return Explanation(problem, parsed, axes, tuple(to_code(problem, name, parsed.values) for name in NAMES))


def _axis(problem: Problem, axis: int) -> AxisFacts:
    window = problem.windows[axis]
    size, before, after = (integer("window", number, 0) for number in (window.size, window.before, window.after))
    place = problem.axes[axis]
    given, made = problem.input_shape[place] or 0, problem.output_shape[place] or 0
    read_before, read_after = places_read(window, -before, 0), places_read(window, size, size + after)
    left = window.leftover or 0
    even_sizes = None
    if problem.op != "conv_transpose" and before == after and read_before != read_after and size > left:
        even_sizes = (size - left, size - left + window.stride)
    modes = (problem.modes[axis][0].name, problem.modes[axis][1].name)
    return AxisFacts(
        given, made, window, modes, read_before, read_after, size - places_read(window, 0, size), even_sizes
    )


def _asked(explanation: Explanation) -> str:
    problem = explanation.problem
    padding, mode = explanation.padding.spelling()
    steps = [f"kernel {_by_axis([w.kernel for w in problem.windows])}", f"stride {_by_axis(problem.strides)}"]
    if set(problem.dilation) != {1}:
        steps.append(f"dilation {_by_axis(problem.dilation)}")
    sizes = _by_axis([axis.input for axis in explanation.axes], always=True)
    return f"{problem.op} on {sizes}: {', '.join(steps)}, padding={padding!r}, padding_mode={mode!r}"


def _by_axis(numbers: Any, *, always: bool = False) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 and not always else "x".join(map(str, numbers))


def _facts(explanation: Explanation, axis: AxisFacts) -> list[str]:
    if explanation.problem.op == "conv_transpose":
        facts = [f"{axis.before} cropped before and {axis.after} after: what the convolution it is the adjoint of pads"]
        return facts + ([f"outputs that no input reaches: {axis.unread} of {axis.output}"] if axis.unread else [])
    facts = [f"padded by {axis.before} before and {axis.after} after"]
    if axis.before or axis.after:
        use = "evenly" if axis.even else "unevenly"
        facts.append(f"windows read {axis.read_before} of it before and {axis.read_after} after: used {use}")
    if axis.even_sizes:
        smaller, larger = axis.even_sizes
        facts.append(f"an input of {smaller} or {larger} would use it evenly")
    if axis.unread:
        facts.append(f"values that no window reads: {axis.unread} of {axis.input}")
    return facts
