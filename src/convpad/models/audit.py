"""Audit of a model: each window, its padding, how evenly the padding is used, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.axis_facts import AxisFacts, axis_facts
from convpad.core.fills import Fill
from convpad.display.format import format_amounts, format_bytes, format_sizes
from convpad.display.result import Result
from convpad.display.table import Cell, Table
from convpad.frameworks import TITLES
from convpad.frameworks.code import collapse
from convpad.frameworks.query import OpQuery, portability_note
from convpad.models.readers import read
from convpad.models.windows import ModelWindows, Pad, PaddedWindow, total_copied_bytes

LEGEND = (
    ("window", "size, /stride, *dilation"),
    ("padded", "before,after on each axis"),
    ("used", "unevenly: windows read more of the padding on one side than on the other"),
    ("copied", "bytes that layers which only pad copy, for one input"),
    ("note", "another framework's padding gives the same sizes and other values"),
)
"""The headings of the table that need a word."""


@dataclass(frozen=True, slots=True, repr=False)
class AuditRow:
    """One window of a model.

    Args:
        window: the window, as it was read.
        axes: the facts of each axis; None where a size is unknown.
        portability_note: another framework's padding that gives the same sizes and different values; empty where none
            is known.
    """

    window: PaddedWindow
    axes: tuple[AxisFacts, ...] | None
    portability_note: str

    @property
    def uneven(self) -> bool | None:
        """Whether more of the padding is read on one side of an axis than on the other; None where unknown."""
        return None if self.axes is None else any(not axis.even for axis in self.axes)

    def __repr__(self) -> str:
        return (
            f"<AuditRow: {self.window.name}, {self.window.op} {window_cell(self.window)}, pads {pads_of(self.window)}>"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Audit(Result):
    """The padding of a model.

    Args:
        reading: all windows, as they were read.
        rows: one for each window that pads, or is wider than one value.
        example_shape: an `input_shape` for the sizes that the model leaves open; None where it leaves none, or was
            given one.

    `str()` is a table, `to_json()` JSON, `to_html()` a page.

    Example:

    >>> import onnx, convpad
    >>> model = onnx.parser.parse_model('''<ir_version: 8, opset_import: ["": 17]>
    ...     net (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w) => (float[1, 4, 4, 4] y) {
    ...         y = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w)
    ...     }''')
    >>> row, = convpad.audit(model).rows
    >>> row.window.amounts, row.uneven, row.window.output
    (((1, 1), (1, 1)), True, (4, 4))
    >>> row.portability_note
    'This pads (1, 1). Keras\\'s "same" pads (0, 1): the same sizes, other values.'
    """

    reading: ModelWindows
    rows: tuple[AuditRow, ...]
    example_shape: tuple[int, ...] | None = None

    @property
    def copied_bytes(self) -> int | None:
        """Bytes that the padding layers copy for one input; None where a size is unknown."""
        return total_copied_bytes(self._padding_layers.values())

    @property
    def _padding_layers(self) -> dict[str, Pad]:
        pads = [*(pad for row in self.rows for pad in row.window.pads), *self.reading.unattached]
        return {pad.name: pad for pad in pads}

    @property
    def summary(self) -> str:
        """The counts in a sentence or two."""
        count = len(self.reading.windows)
        unread = sum(row.window.is_unread for row in self.rows)
        padded = sum(row.window.pads_something for row in self.rows) - unread
        uneven = sum(bool(row.uneven) for row in self.rows)
        noted = sum(bool(row.portability_note) for row in self.rows)
        windows = "1 window" if count == 1 else f"{count} windows"
        text = f"{windows}, {padded} of them padded, {uneven} unevenly used"
        text += f", {unread} not read" if unread else ""
        text += f"; {noted} would have other values elsewhere." if noted else "."
        pads = len(self._padding_layers)
        if pads:
            layers = "1 layer that only pads copies" if pads == 1 else f"{pads} layers that only pad copy"
            text += f" {layers} {format_bytes(self.copied_bytes)} for one input."
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return one dict for each row; sizes in values, copies in bytes, None for unknown."""
        reading = self.reading
        return {
            "source": reading.source,
            "framework": reading.framework,
            "windows": len(reading.windows),
            "copied": self.copied_bytes,
            "rows": [_row_dict(row) for row in self.rows],
            "loose": [_pad_dict(pad) for pad in reading.unattached],
            "unread": reading.unsupported,
        }

    def to_table(self, *, argument: str = "input_shape=") -> Table:
        """Return one row for each window, with the notes below.

        Args:
            argument: the way in which the reader of the table can give the shape of the input.
        """
        reading = self.reading
        lines = [self.summary]
        if reading.unattached:
            lines.append(f"Layers that pad ahead of no window: {', '.join(pad.name for pad in reading.unattached)}.")
        lines += unsupported_lines("Not looked into", reading)
        if self.example_shape is not None:
            lines.append(open_sizes_line(self.example_shape, argument))
        notes = tuple(dict.fromkeys(row.portability_note for row in self.rows if row.portability_note))
        numbers = {note: str(number) for number, note in enumerate(notes, 1)}
        return Table(
            f"{reading.source}: what this {TITLES[reading.framework]} model pads",
            ("layer", "kind", "window", "padded", "mode", "input", "output", "used", "copied", "note"),
            tuple(_cells(row, numbers.get(row.portability_note, "")) for row in self.rows),
            tuple(lines),
            notes,
            legend=LEGEND,
        )


def audit(model: Any, *, input_shape: Any = None) -> Audit:
    """Read every window of a model: amounts, modes, how evenly the padding is used, and what it costs.

    Args:
        model: a Keras model, whose code is followed; a `torch.nn.Module`, which is run once by `torch.export` to see
            its operations; a `torch.export.ExportedProgram`; an `onnx.ModelProto`; or the path of a file that ends in
            .keras, .h5, .hdf5, .pt2 or .onnx. Files are read as data: no code in them is run, no other file is opened.
        input_shape: of the input, its batch axis first, as in `(1, 3, 224, 224)`; for several inputs a list of shapes.
            A PyTorch module needs it; of the others it fills in, or replaces, what the model says.

    Returns:
        An `Audit`. Layers that only pad are counted to the windows that follow them, with what they copy.

    Example:

    >>> import onnx, convpad
    >>> model = onnx.parser.parse_model('''<ir_version: 8, opset_import: ["": 17]>
    ...     net (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w, int64[8] p) => (float[1, 4, 8, 8] y)
    ...         <int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}> {
    ...         padded = Pad <mode = "reflect"> (x, p)
    ...         y = Conv (padded, w)
    ...     }''')
    >>> row, = convpad.audit(model).rows
    >>> row.window.amounts, row.window.fills[0][0], row.window.copied_bytes
    (((1, 1), (1, 1)), ('reflect', None), 1200)

    Raises:
        PaddingError: the model is of no such kind, or has no such input.
        ModelFileError: the file is missing, damaged or of another kind.

    That padding at a stride above 1 may be used on one side alone is from Alsallakh et al. 2021 (arXiv:2010.02178).
    """
    reading = read(model, input_shape)
    rows = tuple(audit_row(window) for window in reading.windows if window.is_relevant)
    return Audit(reading, rows, example_shape(reading) if input_shape is None else None)


def example_shape(reading: ModelWindows) -> tuple[int, ...] | None:
    """Return a shape to give as `input_shape`, after the first window with an open size; None where there is none."""
    if reading.framework == "torch":  # an exported program has its own, a module was run with one
        return None
    problem = next((window.problem for window in reading.windows if None in window.input), None)
    if problem is None:
        return None
    shape = [size or 224 for size in problem.input_shape]
    shape[0] = 1
    shape[problem.channel_axis] = problem.input_shape[problem.channel_axis] or 3
    return tuple(shape)


def open_sizes_line(shape: tuple[int, ...], argument: str) -> str:
    """Return the sentence on sizes that a model leaves open; `argument` is `input_shape=`, or the option for it."""
    text = "x".join(map(str, shape)) if argument.startswith("--") else str(shape)
    return f"Where it says ?, the model leaves a size open. To say it:\n  {argument}{text}"


def audit_row(window: PaddedWindow) -> AuditRow:
    """Return the facts of a window."""
    transposed = window.op == "conv_transpose"
    sides = zip(window.windows, window.input, window.output, window.fills, strict=True)
    axes = [
        axis_facts(axis, size, output, (before[0], after[0]), transposed=transposed)
        for axis, size, output, (before, after) in sides
    ]
    known = tuple(axis for axis in axes if axis is not None)
    is_known = len(known) == len(axes) and not window.is_unread
    return AuditRow(window, known if is_known else None, _portability_note(window))


def _portability_note(window: PaddedWindow) -> str:
    """Return the padding by which another framework gives the same sizes and different values, at a stride above 1."""
    problem = window.whole_problem()
    if problem is None or window.amounts is None or max(window.strides) == 1:
        return ""
    if window.op != "conv_transpose":
        return portability_note(OpQuery(problem, ((None, None),) * problem.rank))
    # Cropped from the full output; less than 0 are added.
    rows = zip(window.amounts, window.problem.leftovers, strict=True)
    crops = tuple((before, after - leftover) for (before, after), leftover in rows)
    if {abs(before - after) for before, after in crops} - {0} != {1}:
        return ""
    mirrored = tuple((after, before) for before, after in crops)
    same = tuple(AMOUNTS["same"].pair_or_none(axis.size, axis.span, axis.stride) for axis in window.windows)
    if crops == same:
        habit = "PyTorch's habit, padding with output_padding,"
    elif mirrored == same:
        habit = 'Keras\'s "same"'
    else:
        return ""
    return f"This crops {collapse(crops)}. {habit} crops {collapse(mirrored)}: the same sizes, other values."


def unsupported_lines(words: str, reading: ModelWindows) -> list[str]:
    """Return the lines on the layers that were not looked into: one entry on the line of the words, several below."""
    entries = reading.unsupported
    if len(entries) < 2:
        return [f"{words}: {entry}." for entry in entries]
    return [f"{words}:", *(f"  {entry}" for entry in entries)]


def window_cell(window: PaddedWindow) -> str:
    """Return kernel, strides and dilation: `7x7 /2`, and `*2` for a dilation; equal strides are written once."""
    text = format_sizes(window.kernel)
    if set(window.strides) != {1}:
        text += f" /{format_sizes(window.strides, shorten=True)}"
    if set(window.dilation) != {1}:
        text += f" *{format_sizes(window.dilation, shorten=True)}"
    return text


def amounts_cell(window: PaddedWindow) -> str:
    """Return the amounts: `1,1`; the word where they follow an open size, `?` where they are not known."""
    is_own = not any(map(any, (pair for pad in window.pads for pair in pad.pairs)))
    if window.amounts is None and not window.is_unread and is_own:
        amounts = zip(window.padding.amounts, window.problem.windows, strict=True)
        words = [amount.name if w.before is None else f"{w.before},{w.after}" for amount, w in amounts]
        return " ".join(words[:1] if len(set(words)) == 1 else words)
    return format_amounts(window.amounts)


def mode_cell(window: PaddedWindow) -> str:
    """Return the padding mode of the sides that are padded: `zeros`; by axis and side where they differ."""
    if not window.pads_something:
        return "-"
    if window.is_unread:
        return "?"
    sides = [_side(fill) for pair in window.fills for fill in pair]
    if window.amounts is not None:
        amounts = [amount for pair in window.amounts for amount in pair]
        sides = [side for side, amount in zip(sides, amounts, strict=True) if amount] or sides
    if len(set(sides)) == 1:
        return sides[0]
    axes = ["/".join(dict.fromkeys(map(_side, pair))) for pair in window.fills]
    return axes[0] if len(set(axes)) == 1 else ", ".join(axes)


def pads_of(window: PaddedWindow) -> str:
    """Return the amounts and the padding mode: `1,1 zeros`; `-` where nothing is padded."""
    return "not read" if window.is_unread else f"{amounts_cell(window)} {mode_cell(window)}".removesuffix(" -")


def _side(fill: Fill) -> str:
    name, value = fill
    if name == "ignore":
        return "left out"
    return f"{value:g}" if name == "constant" and isinstance(value, (int, float)) else name


def _cells(row: AuditRow, note: str) -> tuple[Cell | str, ...]:
    window = row.window
    amounts, used = amounts_cell(window), Cell("-")
    if window.op == "conv_transpose":
        amounts = f"crops {amounts}" if window.amounts and any(map(any, window.amounts)) else amounts
    elif window.pads_something:
        used = Cell("?") if row.uneven is None else Cell("unevenly", "warning") if row.uneven else Cell("evenly")
    shape = (window.op, window_cell(window), amounts, mode_cell(window))
    sizes = (format_sizes(window.input), format_sizes(window.output))
    return (window.name, *shape, *sizes, used, format_bytes(window.copied_bytes), Cell(note, "note"))


def _row_dict(row: AuditRow) -> dict[str, Any]:
    window = row.window
    own = zip(window.padding.amounts, window.problem.windows, strict=True)
    return {
        "name": window.name,
        "layer": window.layer,
        "op": window.op,
        "kernel": window.kernel,
        "strides": window.strides,
        "dilation": window.dilation,
        "groups": window.problem.groups,
        "channels": window.channels,
        "filters": window.filters,
        "input": window.input,
        "output": window.output,
        "cuts": window.cuts,
        "amounts": window.amounts,
        "follows": [amount.name if w.before is None else None for amount, w in own],
        "modes": None if window.is_unread else [[before[0], after[0]] for before, after in window.fills],
        "not_read": window.is_unread,
        "read": None if row.axes is None else [[axis.read_before, axis.read_after] for axis in row.axes],
        "uneven": row.uneven,
        "pads": [_pad_dict(pad) for pad in window.pads],
        "copied": window.copied_bytes,
        "elsewhere": row.portability_note,
    }


def _pad_dict(pad: Pad) -> dict[str, Any]:
    modes = [[before[0], after[0]] for before, after in pad.fills]
    amounts = pad.pairs if any(map(any, pad.pairs)) or pad.copied_bytes is not None else None
    return {"name": pad.name, "layer": pad.layer, "amounts": amounts, "modes": modes, "copied": pad.copied_bytes}
