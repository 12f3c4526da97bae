"""Where do two models pad differently? Their windows are aligned, compared, and what would make them agree is said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from convpad.core.errors import PaddingError
from convpad.core.padding import Padding
from convpad.core.problem import POOLS
from convpad.frameworks import to_code
from convpad.frameworks.code import collapse, shortest_pairs
from convpad.models.alignment import aligned
from convpad.models.diff import differs, differs_ahead
from convpad.models.readers import read
from convpad.models.windows import PaddedWindow, Reading

__all__ = ["Comparison", "Paired", "compare"]


@dataclass(frozen=True, slots=True)
class Paired:
    """Two windows that stand for each other.

    Args:
        a, b: the windows.
        differs: in what their padding does, in words; empty where it puts the same values under the same windows.
        padding, padding_mode: convpad's words that make b pad as a does; None where there are none, or no need.
        output_padding: the same, of a transposed convolution.
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
    def remedy(self) -> tuple[str, ...]:
        """What to write so that b pads as a does, line by line."""
        if self.padding is None:
            return ("no single padding does",) if self.differs else ()
        said = f"padding={self.padding!r}"
        if self.padding_mode is not None:
            said += f", padding_mode={self.padding_mode!r}"
        if self.output_padding is not None:
            said += f", output_padding={self.output_padding!r}"
        gone = self.b.pads if self.b.op != "conv_transpose" else ()
        without = [f"instead of {' and '.join(pad.name for pad in gone)}"] if gone else []
        return (said, *without, *self.code.splitlines())

    @property
    def steps_apart(self) -> bool:
        """Whether they are no such windows after all: of another stride or dilation."""
        return (self.a.strides, self.a.dilation) != (self.b.strides, self.b.dilation)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two models pad.

    Args:
        a, b: all windows of each, as they were read.
        pairs: windows that stand for each other, in the order of a.
        only_a, only_b: windows that stand for none.

    `str()` of it is text, `json()` JSON, `html()` a page.

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

    a: Reading
    b: Reading
    pairs: tuple[Paired, ...]
    only_a: tuple[PaddedWindow, ...]
    only_b: tuple[PaddedWindow, ...]

    @property
    def differences(self) -> tuple[Paired, ...]:
        """The pairs whose padding differs."""
        return tuple(pair for pair in self.pairs if pair.differs)

    @property
    def agree(self) -> bool:
        """Whether every padded window of each has one in the other that pads alike."""
        alone = any(window.pads_something for window in (*self.only_a, *self.only_b))
        return not (self.differences or alone or any(pair.steps_apart for pair in self.pairs))

    def lines(self) -> list[str]:
        """What there is to say besides the table of differences."""
        like = len(self.pairs) - len(self.differences) - sum(pair.steps_apart for pair in self.pairs)
        pairs = "1 pair" if len(self.pairs) == 1 else f"{len(self.pairs)} pairs"
        said = [f"{pairs} of windows: {like} pad alike, {len(self.differences)} not."]
        for pair in self.pairs:
            if pair.steps_apart:
                steps = (("strides", pair.a.strides, pair.b.strides), ("dilation", pair.a.dilation, pair.b.dilation))
                apart = ", ".join(f"{what} {collapse(a)} and {collapse(b)}" for what, a, b in steps if a != b)
                said.append(f"{pair.a.name} and {pair.b.name} are other windows: {apart}.")
        for reading, alone in ((self.a, self.only_a), (self.b, self.only_b)):
            for padded, words in ((True, "padded"), (False, "not padded")):
                names = [window.name for window in alone if window.pads_something == padded]
                if names:
                    said.append(f"Only in {reading.source}, {words}: {', '.join(names)}.")
            if reading.unread:
                said.append(f"Not looked into in {reading.source}: {', '.join(reading.unread)}.")
        return said

    def json(self) -> str:
        """The same, as JSON: one object for each pair."""
        pairs = [
            {
                "a": pair.a.name,
                "b": pair.b.name,
                "differs": pair.differs,
                "steps_apart": pair.steps_apart,
                "amounts_a": pair.a.amounts,
                "amounts_b": pair.b.amounts,
                "padding": pair.padding,
                "padding_mode": None if pair.padding_mode is None else str(pair.padding_mode),
                "output_padding": pair.output_padding,
                "code": pair.code,
            }
            for pair in self.pairs
        ]
        alone = {"only_a": [w.name for w in self.only_a], "only_b": [w.name for w in self.only_b]}
        found = {"a": self.a.source, "b": self.b.source, "agree": self.agree, "pairs": pairs, **alone}
        return json.dumps(found, indent=2)

    def html(self) -> str:
        """The same as one HTML page that needs nothing else."""
        from convpad.display.rich_html import compared  # it shows what is found here

        return compared(self)

    def __rich__(self) -> Any:
        from convpad.display.rich_text import compared

        return compared(self)

    def __str__(self) -> str:
        from convpad.display.rich_text import plain

        return plain(self)


def compare(a: Any, b: Any, *, input_shape_a: Any = None, input_shape_b: Any = None) -> Comparison:
    """Where two models pad differently, window by window, and the `padding=` that makes the second agree.

    Windows wider than one value are aligned by their order and by kernel, stride and channels; one that is missing
    from a model does not shift the others. Two paddings are alike if they put the same values under the same windows.

    Args:
        a, b: models of any two kinds that `convpad.audit` takes.
        input_shape_a, input_shape_b: of their inputs, as `convpad.audit` takes it.

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
        PaddingError: one of them is no such model, or its file is not what it should be.
    """
    first, second = read(a, input_shape_a), read(b, input_shape_b)
    ours = [window for window in first.windows if window.matters]
    theirs = [window for window in second.windows if window.matters]
    places = aligned(ours, theirs)
    pairs = tuple(_paired(ours[i], theirs[j], second.framework) for i, j in places)
    taken_a, taken_b = {i for i, _ in places}, {j for _, j in places}
    only_a = tuple(window for i, window in enumerate(ours) if i not in taken_a)
    only_b = tuple(window for j, window in enumerate(theirs) if j not in taken_b)
    return Comparison(first, second, pairs, only_a, only_b)


def _paired(a: PaddedWindow, b: PaddedWindow, framework: str) -> Paired:
    pair = Paired(a, b)
    if pair.steps_apart:
        return pair
    ahead = differs_ahead(a, b)
    if ahead:
        return Paired(a, b, (ahead,))
    found = differs(a, b)
    if not found:
        return pair
    return _mended(a, b, found, framework)


def _mended(a: PaddedWindow, b: PaddedWindow, found: tuple[str, ...], framework: str) -> Paired:
    folded, rank = a.folded, len(a.windows)
    if folded is None or a.amounts is None:
        return Paired(a, b, found)
    padding = shortest_pairs(a.amounts)
    mode = folded.spelling()[1]
    extra = a.problem.leftovers if a.op == "conv_transpose" and any(a.problem.leftovers) else None
    wanted = Padding.parse(padding, mode, rank=rank)
    code = ""
    try:
        asked = b.asked(wanted, extra or ((0,) * rank if a.op == "conv_transpose" else None))
        code = "" if asked is None else to_code(asked, framework, wanted.values).code
    except PaddingError:  # on b's input there is no such window
        return Paired(a, b, found)
    usual = "ignore" if a.op in POOLS else "zeros"
    return Paired(
        a, b, found, padding, None if mode == usual else mode, None if extra is None else collapse(extra), code
    )
