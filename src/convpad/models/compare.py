"""Comparison of two models: their windows aligned, their paddings compared, and the padding that makes them agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convpad.core.errors import PaddingError
from convpad.core.operation import POOLS
from convpad.core.padding import Padding
from convpad.display.result import Result
from convpad.display.table import Cell, Table
from convpad.frameworks import to_code
from convpad.frameworks.code import collapse, shortest_pairs
from convpad.models.alignment import aligned
from convpad.models.audit import example_shape, open_sizes_line, pads_of, unsupported_lines, window_cell
from convpad.models.diff import differs, differs_ahead
from convpad.models.readers import read
from convpad.models.values_read import with_sizes
from convpad.models.windows import ModelWindows, PaddedWindow

LEGEND = (
    ("window", "size, /stride, *dilation"),
    ("pads", "before,after on each axis, and the padding mode"),
    ("so that they agree", "arguments of convpad's layers; below them the second's own framework, if it can"),
)
"""The headings of the table that need a word."""


@dataclass(frozen=True, slots=True, repr=False)
class WindowPair:
    """A window of one model and the window of the other that takes its place.

    Args:
        a, b: the windows.
        differs: the differences of their paddings, in words; empty where both put equal values under equal windows.
        padding, padding_mode: convpad's arguments with which b pads as a does; None where there are none, or no need.
        output_padding: a further argument for a transposed convolution.
        code: the operation that pads so, in the words of b's framework; empty where there are none, or no need.
    """

    a: PaddedWindow
    b: PaddedWindow
    differs: tuple[str, ...] = ()
    padding: Any = None
    padding_mode: Any = None
    output_padding: Any = None
    code: str = ""

    @property
    def fix(self) -> tuple[str, ...]:
        """The lines of code with which b pads as a does."""
        if self.padding is None:
            return ("no single padding does",) if self.differs else ()
        arguments = f"padding={self.padding!r}"
        if self.padding_mode is not None:
            arguments += f", padding_mode={self.padding_mode!r}"
        if self.output_padding is not None:
            arguments += f", output_padding={self.output_padding!r}"
        replaced = self.b.pads if self.b.op != "conv_transpose" else ()
        instead = [f"instead of {' and '.join(pad.name for pad in replaced)}"] if replaced else []
        return (arguments, *instead, *self.code.splitlines())

    @property
    def other_steps(self) -> bool:
        """Whether the strides or the dilations differ, so that the paddings cannot be compared."""
        return (self.a.strides, self.a.dilation) != (self.b.strides, self.b.dilation)

    def __repr__(self) -> str:
        result = "other windows" if self.other_steps else "; ".join(self.differs) or "equal paddings"
        return f"<WindowPair: {self.a.name} and {self.b.name}: {result}>"


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Result):
    """The paddings of two models, window by window.

    Args:
        a, b: all windows of each model, as they were read.
        pairs: windows that take each other's place, in the order of a.
        only_a, only_b: windows without a counterpart.
        example_shapes: for each model an `input_shape` for the sizes that it leaves open; None where it leaves none, or
            was given one.

    `str()` is text, `to_json()` JSON, `to_html()` a page.

    Example:

    >>> import onnx, convpad
    >>> text = '''<ir_version: 8, opset_import: ["": 17]>
    ...     net (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w) => (float[1, 4, 4, 4] y) {
    ...         y = Conv <strides = [2, 2], pads = PADS> (x, w)
    ...     }'''
    >>> a, b = (onnx.parser.parse_model(text.replace("PADS", pads)) for pads in ("[0, 0, 1, 1]", "[1, 1, 1, 1]"))
    >>> pair, = convpad.compare(a, b).differences
    >>> pair.differs, pair.padding
    (('(0, 1) on both axes, not (1, 1)',), ((0, 1), (0, 1)))
    >>> pair.code
    'y = Conv <kernel_shape = [3, 3], pads = [0, 0, 1, 1], strides = [2, 2]> (x, kernel)'
    """

    a: ModelWindows
    b: ModelWindows
    pairs: tuple[WindowPair, ...]
    only_a: tuple[PaddedWindow, ...]
    only_b: tuple[PaddedWindow, ...]
    example_shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None] = (None, None)

    @property
    def differences(self) -> tuple[WindowPair, ...]:
        """The pairs whose padding differs."""
        return tuple(pair for pair in self.pairs if pair.differs)

    @property
    def agree(self) -> bool:
        """Whether every padded window of each model has a counterpart in the other with an equal padding."""
        alone = any(window.pads_something for window in (*self.only_a, *self.only_b))
        return not (self.differences or alone or any(pair.other_steps for pair in self.pairs))

    @property
    def summary(self) -> str:
        """The counts in a sentence."""
        equal = len(self.pairs) - len(self.differences) - sum(pair.other_steps for pair in self.pairs)
        pairs = "1 pair" if len(self.pairs) == 1 else f"{len(self.pairs)} pairs"
        return f"{pairs} of windows: {equal} pad equally, {len(self.differences)} not."

    def to_dict(self) -> dict[str, Any]:
        """Return one dict for each pair, and the names of the windows without a counterpart."""
        pairs = [
            {
                "a": pair.a.name,
                "b": pair.b.name,
                "differs": pair.differs,
                "steps_apart": pair.other_steps,
                "amounts_a": pair.a.amounts,
                "amounts_b": pair.b.amounts,
                "padding": pair.padding,
                "padding_mode": None if pair.padding_mode is None else str(pair.padding_mode),
                "output_padding": pair.output_padding,
                "code": pair.code,
            }
            for pair in self.pairs
        ]
        only = {"only_a": [w.name for w in self.only_a], "only_b": [w.name for w in self.only_b]}
        unread = {"unread_a": self.a.unsupported, "unread_b": self.b.unsupported}
        return {"a": self.a.source, "b": self.b.source, "agree": self.agree, "pairs": pairs, **only, **unread}

    def to_table(self, *, arguments: tuple[str, str] = ("input_shape_a=", "input_shape_b=")) -> Table:
        """Return one row for each pair whose padding differs, with the other windows below.

        Args:
            arguments: the ways in which the reader of the table can give the shapes of the two inputs.
        """
        open_sizes = [
            open_sizes_line(shape, argument).replace("the model", name)
            for name, shape, argument in zip(("the first", "the second"), self.example_shapes, arguments, strict=True)
            if shape is not None
        ]
        title = f"Where {self.a.source} and {self.b.source} pad differently"
        return Table(
            title if self.differences else f"The paddings of {self.a.source} and {self.b.source}",
            ("first", "second", "window", "first pads", "second pads", "so that they agree"),
            tuple(_cells(pair) for pair in self.differences),
            (self.summary, *self._lines(), *open_sizes),
            legend=LEGEND if self.differences else (),
        )

    def _lines(self) -> list[str]:
        """Return sentences about the windows that could not be compared."""
        lines: list[str] = []
        for pair in self.pairs:
            if pair.other_steps:
                steps = (("strides", pair.a.strides, pair.b.strides), ("dilation", pair.a.dilation, pair.b.dilation))
                apart = ", ".join(f"{name} {collapse(a)} and {collapse(b)}" for name, a, b in steps if a != b)
                lines.append(f"{pair.a.name} and {pair.b.name} are other windows: {apart}.")
        for reading, only in ((self.a, self.only_a), (self.b, self.only_b)):
            for padded, words in ((True, "padded"), (False, "not padded")):
                names = [window.name for window in only if window.pads_something == padded]
                if names:
                    lines.append(f"Only in {reading.source}, {words}: {', '.join(names)}.")
            lines += unsupported_lines(f"Not looked into in {reading.source}", reading)
        return lines


def compare(a: Any, b: Any, *, input_shape_a: Any = None, input_shape_b: Any = None) -> Comparison:
    """Compare the paddings of two models, window by window, and find the `padding=` that makes the second agree.

    Windows wider than one value are aligned by their order and by kernel, stride and channels; a window that is missing
    from a model does not shift the others. Two paddings are equal if they put equal values under equal windows.

    Args:
        a, b: models of any two kinds that `convpad.audit` takes.
        input_shape_a, input_shape_b: the shapes of their inputs, as `convpad.audit` takes them.

    Returns:
        A `Comparison`.

    Example:

    >>> import onnx, convpad
    >>> text = '''<ir_version: 8, opset_import: ["": 17]>
    ...     net (float[1, 3, 9, 9] x, float[4, 3, 3, 3] w) => (float[1, 4, 5, 5] y) {
    ...         y = Conv <strides = [2, 2], PADDING> (x, w)
    ...     }'''
    >>> words = 'auto_pad = "SAME_UPPER"', "pads = [1, 1, 1, 1]"
    >>> a, b = (onnx.parser.parse_model(text.replace("PADDING", word)) for word in words)
    >>> convpad.compare(a, b).agree
    True

    Raises:
        PaddingError: a model is of no such kind, or has no such input.
        ModelFileError: a file is missing, damaged or of another kind.
    """
    first, second = read(a, input_shape_a), read(b, input_shape_b)
    windows_a = [window for window in first.windows if window.is_relevant]
    windows_b = [window for window in second.windows if window.is_relevant]
    matches = aligned(windows_a, windows_b)
    pairs = tuple(_pair(windows_a[i], windows_b[j], second.framework) for i, j in matches)
    paired_a, paired_b = {i for i, _ in matches}, {j for _, j in matches}
    only_a = tuple(window for i, window in enumerate(windows_a) if i not in paired_a)
    only_b = tuple(window for j, window in enumerate(windows_b) if j not in paired_b)
    examples = (
        example_shape(first) if input_shape_a is None else None,
        example_shape(second) if input_shape_b is None else None,
    )
    return Comparison(first, second, pairs, only_a, only_b, examples)


def _pair(a: PaddedWindow, b: PaddedWindow, framework: str) -> WindowPair:
    """Return the pair with its differences, and the arguments and the code that make b pad as a does."""
    pair = WindowPair(a, b)
    if pair.other_steps:
        return pair
    ahead = differs_ahead(a, b)
    if ahead:
        return WindowPair(a, b, (ahead,))
    differences, rank = differs(a, b), len(a.windows)
    first, second = with_sizes(a, b.input), with_sizes(b, a.input)
    merged = first.merged_padding
    if not differences or merged is None or first.amounts is None:
        return WindowPair(a, b, differences)
    padding = shortest_pairs(first.amounts)
    mode, leftovers = merged.spelling()[1], first.problem.leftovers
    output_padding = leftovers if a.op == "conv_transpose" and any(leftovers) else None
    parsed = Padding.parse(padding, mode, rank=rank)
    try:
        problem = second.whole_problem(parsed, output_padding or ((0,) * rank if a.op == "conv_transpose" else None))
        code = "" if problem is None else to_code(problem, framework, parsed.values).code
    except PaddingError:  # on b's input there is no such window
        return WindowPair(a, b, differences)
    default = "ignore" if a.op in POOLS else "zeros"
    extra = None if output_padding is None else collapse(output_padding)
    return WindowPair(a, b, differences, padding, None if mode == default else mode, extra, code)


def _cells(pair: WindowPair) -> tuple[Cell | str, ...]:
    pads = [pads_of(window) for window in (pair.a, pair.b)]
    return (pair.a.name, pair.b.name, window_cell(pair.a), *pads, Cell("\n".join(pair.fix), "code"))
