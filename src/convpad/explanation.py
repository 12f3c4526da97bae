"""Explanation of a padding: facts about one padded window, and the words of each framework for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convpad.core.axis_facts import AxisFacts, axis_facts
from convpad.core.errors import refuse
from convpad.core.operation import OPS, POOLS
from convpad.core.padding import Padding
from convpad.core.problem import Problem, parse_problem
from convpad.core.validation import listed, per_axis
from convpad.display.format import format_sizes
from convpad.display.interactive import to_interactive, window_data
from convpad.display.result import Result
from convpad.display.svg import to_svg
from convpad.display.table import Cell, Table
from convpad.display.text import painted
from convpad.display.wrap import wrapped, wrapped_code
from convpad.frameworks import NAMES, TITLES, Translation, to_code
from convpad.frameworks.code import check_choice, default_mode, shortest_amounts

_LARGEST = 100_000


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(Result):
    """All facts about one padded operation.

    Args:
        problem: the operation, with unknown channels.
        padding: the padding as it was parsed.
        axes: the facts of each spatial axis.
        words: the operation in the words of each framework of `convpad.frameworks.NAMES`.

    `str()` is text, `to_json()` JSON, `to_svg()` a picture, `to_html()` a page of both.

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

    @property
    def summary(self) -> str:
        """The operation: `conv on 9: kernel 3, stride 4, padding='valid', padding_mode='zeros'`."""
        problem, (padding, mode) = self.problem, self.padding.spelling()
        sizes = format_sizes([axis.input for axis in self.axes])
        kernel = format_sizes([window.kernel for window in problem.windows], shorten=True)
        steps = f"kernel {kernel}, stride {format_sizes(problem.strides, shorten=True)}"
        if set(problem.dilation) != {1}:
            steps += f", dilation {format_sizes(problem.dilation, shorten=True)}"
        if any(window.ceil for window in problem.windows):
            steps += ", rounded up"
        return f"{problem.op} on {sizes}: {steps}, padding={shortest_amounts(padding)!r}, padding_mode={mode!r}"

    @property
    def sentences(self) -> tuple[tuple[str, ...], ...]:
        """For each axis its sizes, then its facts in words."""
        sentences: list[tuple[str, ...]] = []
        for number, axis in enumerate(self.axes):
            name = f"axis {number}: " if len(self.axes) > 1 else ""
            facts = _sentences(axis, transposed=self.problem.op == "conv_transpose")
            sentences.append((f"{name}{axis.input} -> {axis.output}", *facts))
        return tuple(sentences)

    def to_dict(self) -> dict[str, Any]:
        """Return the facts and the words.

        Example:

        >>> import convpad
        >>> facts = convpad.explain(224, 7, strides=2, padding="same").to_dict()
        >>> facts["axes"][0]["before"], facts["axes"][0]["after"], facts["words"]["onnx"]["code"]
        (2, 3, 'y = Conv <kernel_shape = [7], pads = [2, 3], strides = [2]> (x, kernel)')
        """
        names = ("before", "after", "modes", "read_before", "read_after", "even", "even_sizes", "unread")
        axes = [
            {
                "input": axis.input,
                "output": axis.output,
                **{name: getattr(axis.window, name) for name in ("kernel", "stride", "dilation")},
                **{name: getattr(axis, name) for name in names},
            }
            for axis in self.axes
        ]
        return {"op": self.problem.op, "axes": axes, "words": {word.framework: word.to_dict() for word in self.words}}

    def to_table(self) -> Table:
        """Return the words of the frameworks as a table, with the facts below."""
        rows = tuple((TITLES[words.framework], Cell(words.code, "code"), words.note) for words in self.words)
        lines = tuple(f"{axis[0]}: {'; '.join(axis[1:])}." for axis in self.sentences)
        return Table(self.summary, ("framework", "code", "note"), rows, lines)

    def to_svg(self) -> str:
        """Return the window over the padded axes, in the manner of Dumoulin & Visin (arXiv:1603.07285), as SVG.

        Example:

        >>> import convpad
        >>> convpad.explain(5, 3, padding="same").to_svg()[:4]
        '<svg'
        """
        return to_svg(self.summary, self.axes, self.sentences)

    def window_data(self) -> dict[str, Any]:
        """Return what an interactive drawing of the window needs: sizes, positions, and what stands at padded ones."""
        return window_data(self.problem.op, self.axes, self.padding.values)

    def _drawing(self) -> str:
        return to_interactive(self.window_data(), self.to_svg())

    def to_text(self, width: int | None = 80, *, colour: bool = False) -> str:
        """Return the facts, then the words, as text for a terminal of `width` columns; None breaks no line."""
        parts = [[painted(line, "heading", colour=colour) for line in wrapped(self.summary, width)]]
        for title, *facts in self.sentences:
            parts.append([line for text in (title, *(f"  {fact}" for fact in facts)) for line in wrapped(text, width)])
        room = None if width is None else width - 2
        for words in self.words:
            title = TITLES[words.framework] + ("" if words.exact else " (not in one operation)")
            code = [painted(line, "code", colour=colour) for line in wrapped_code(words.code, room)]
            note = wrapped(words.note, room) if words.note else []
            parts.append([title, *(f"  {line}" for line in (*code, *note) if line)])
        return "\n\n".join("\n".join(lines) for lines in parts)


def explain(
    input_size: Any,
    kernel_size: Any,
    *,
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: Any = "valid",
    padding_mode: Any = None,
    op: str = "conv",
    output_padding: Any = None,
    ceil_mode: bool = False,
) -> Explanation:
    """Explain one padding: amounts, sizes, values that no window reads, and the words of each framework for it.

    Args:
        input_size: the input's size in values: an int for one axis, or one for each spatial axis.
        kernel_size: the window's size: an int, or one for each axis.
        strides: an int, or one for each axis; by default 1, for a pool its size.
        dilation_rate: an int, or one for each axis.
        padding: the amount, as everywhere in convpad: "same", 1, (1, 2), ((1, 2), (3, 4)).
        padding_mode: the padding mode; by default "zeros", for a pool "ignore", which leaves the padding out of the
            count.
        op: "conv", "depthwise_conv", "separable_conv", "conv_transpose", "max_pool" or "average_pool".
        output_padding: for a transposed convolution.
        ceil_mode: for a pool, whether the number of outputs is rounded up, as in PyTorch and ONNX.

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
    check_choice("op", op, OPS)
    rank = len(listed(input_size) or [input_size])
    sizes, window = per_axis("input_size", input_size, rank), per_axis("kernel_size", kernel_size, rank)
    for argument, numbers in (("input_size", sizes), ("kernel_size", window)):
        if max(numbers) > _LARGEST:
            raise refuse(argument, f"be at most {_LARGEST:,}", next(number for number in numbers if number > _LARGEST))
    parsed = Padding.parse(padding, default_mode(op) if padding_mode is None else padding_mode, rank=rank)
    is_pool = op in POOLS
    if not is_pool and ceil_mode is not False:
        raise refuse("ceil_mode", "be left out but for a pool", ceil_mode)
    if op != "conv_transpose" and output_padding is not None:
        raise refuse("output_padding", "be left out but for conv_transpose", output_padding)
    problem = parse_problem(
        op,
        (None, *sizes, None),
        window if is_pool else (*window, None, None),
        parsed,
        pointwise_shape=(*(1,) * rank, None, None),
        strides=1 if strides is None and not is_pool else strides,
        dilation_rate=dilation_rate,
        output_padding=output_padding,
        ceil_mode=ceil_mode,
    )
    outputs = [problem.output_shape[axis] for axis in problem.axes]
    modes = [(before.name, after.name) for before, after in problem.modes]
    rows = zip(problem.windows, sizes, outputs, modes, strict=True)
    facts = [axis_facts(*row, transposed=op == "conv_transpose") for row in rows]
    axes = tuple(axis for axis in facts if axis is not None)  # none is, as all sizes are known
    words = tuple(to_code(problem, name, parsed.values) for name in NAMES)
    return Explanation(problem, parsed, axes, words)


def _sentences(axis: AxisFacts, *, transposed: bool) -> list[str]:
    if transposed:
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
    if axis.window.overhang:
        places = "place" if axis.window.overhang == 1 else "places"
        facts.append(f"the last window reaches {axis.window.overhang} {places} beyond the padded axis")
    return facts
