"""What does a model pad? Every window of it, what it is padded with, and what comes of that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from convpad.core.amounts import AMOUNTS
from convpad.core.window import places_read
from convpad.explanation import AxisFacts
from convpad.frameworks.query import OpQuery, portability_note
from convpad.models.readers import read
from convpad.models.windows import Pad, PaddedWindow, Reading

__all__ = ["Audit", "Row", "audit"]


@dataclass(frozen=True, slots=True)
class Row:
    """One window of a model.

    Args:
        window: what the reader found.
        axes: what it does on each axis; None where a size is unknown.
        elsewhere: where the same words, or the same habit, give other values; empty where nothing is known.
    """

    window: PaddedWindow
    axes: tuple[AxisFacts, ...] | None
    elsewhere: str

    @property
    def uneven(self) -> bool | None:
        """Whether more of the padding is read on one side of an axis than on the other; None where unknown."""
        return None if self.axes is None else any(not axis.even for axis in self.axes)


@dataclass(frozen=True, slots=True)
class Audit:
    """What a model pads.

    Args:
        reading: all windows, as they were read.
        rows: one for each window that pads, or is wider than one value.

    `str()` of it is a table, `json()` JSON, `html()` a page; `rich.print` shows the table in colour.

    Example:

    >>> import onnx, convpad
    >>> model = onnx.parser.parse_model('''<ir_version: 8, opset_import: ["": 17]>
    ...     net (float[1, 3, 8, 8] x, float[4, 3, 3, 3] w) => (float[1, 4, 4, 4] y) {
    ...         y = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (x, w)
    ...     }''')
    >>> row, = convpad.audit(model).rows
    >>> row.window.amounts, row.uneven, row.window.output
    (((1, 1), (1, 1)), True, (4, 4))
    >>> row.elsewhere
    'This pads (1, 1). Keras\\'s "same" pads (0, 1): the same sizes, other values.'
    """

    reading: Reading
    rows: tuple[Row, ...]

    @property
    def copied(self) -> int | None:
        """Bytes that all layers that only pad copy for one input; None where a size is unknown."""
        pads = {pad.name: pad for row in self.rows for pad in row.window.pads} | {p.name: p for p in self.reading.loose}
        copies = [pad.copied for pad in pads.values()]
        return None if None in copies else sum(copy for copy in copies if copy is not None)

    def json(self) -> str:
        """The same facts, as JSON: one object for each row; sizes in values, copies in bytes, null for unknown."""
        reading = self.reading
        found = {
            "source": reading.source,
            "framework": reading.framework,
            "windows": len(reading.windows),
            "copied": self.copied,
            "rows": [_row(row) for row in self.rows],
            "loose": [_pad(pad) for pad in reading.loose],
            "unread": reading.unread,
        }
        return json.dumps(found, indent=2)

    def html(self) -> str:
        """The same as one HTML page that needs nothing else."""
        from convpad.display.rich_html import audited  # it shows what is found here

        return audited(self)

    def __rich__(self) -> Any:
        from convpad.display.rich_text import audited

        return audited(self)

    def __str__(self) -> str:
        from convpad.display.rich_text import plain

        return plain(self)


def audit(model: Any, *, input_shape: Any = None) -> Audit:
    """Every padded window of a model: how much, with what, how evenly it is used, what it costs, and where it differs.

    Args:
        model: a Keras model, functional or Sequential; a `torch.nn.Module`, which is run once by `torch.export` to see
            its operations; a `torch.export.ExportedProgram`; an `onnx.ModelProto`; or the path of a file that ends in
            .keras, .h5, .pt2 or .onnx. Files are read as data: no code in them is run, no other file is opened.
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
    >>> row.window.amounts, row.window.fills[0][0], row.window.copied
    (((1, 1), (1, 1)), ('reflect', None), 1200)

    Raises:
        PaddingError: it is no such model, or the file is not what it should be.

    That padding at a stride above 1 may be used on one side alone is from Alsallakh et al. 2021 (arXiv:2010.02178).
    """
    reading = read(model, input_shape)
    return Audit(reading, tuple(_facts(window) for window in reading.windows if window.matters))


def _facts(window: PaddedWindow) -> Row:
    axes = [_axis(window, axis) for axis in range(len(window.windows))]
    known = tuple(axis for axis in axes if axis is not None)
    return Row(window, known if len(known) == len(axes) else None, _elsewhere(window))


def _axis(window: PaddedWindow, axis: int) -> AxisFacts | None:
    one, given, made = window.windows[axis], window.input[axis], window.output[axis]
    if one.size is None or one.before is None or one.after is None or given is None or made is None:
        return None
    before, after = places_read(one, -one.before, 0), places_read(one, one.size, one.size + one.after)
    left, even_sizes = one.leftover or 0, None
    if window.op != "conv_transpose" and one.before == one.after and before != after and one.size > left:
        even_sizes = (one.size - left, one.size - left + one.stride)
    modes = (window.fills[axis][0][0], window.fills[axis][1][0])
    return AxisFacts(given, made, one, modes, before, after, one.size - places_read(one, 0, one.size), even_sizes)


def _elsewhere(window: PaddedWindow) -> str:
    """Where the same sizes come with other values: the habits of frameworks at a stride above 1."""
    asked = window.asked()
    if asked is None or window.amounts is None or max(window.strides) == 1:
        return ""
    if window.op != "conv_transpose":
        return portability_note(OpQuery(asked, ((None, None),) * asked.rank))
    uneven = [axis for axis, (before, after) in enumerate(_crops(window)) if before != after]
    if not uneven or not all(abs(b - a) == 1 for b, a in (_crops(window)[axis] for axis in uneven)):
        return ""
    pairs = _crops(window)
    turned = [(after, before) for before, after in pairs]
    same = [AMOUNTS["same"].known(one.size, one.span, one.stride) for one in window.windows]
    who = "PyTorch's habit, padding with output_padding," if list(pairs) == same else 'Keras\'s "same"'
    if who.startswith("Keras") and turned != same:
        return ""
    return f"This crops {_alike(pairs)}. {who} crops {_alike(turned)}: the same sizes, other values."


def _crops(window: PaddedWindow) -> list[tuple[int, int]]:
    """What a transposed convolution takes off its full output; less than 0 is added."""
    left = window.problem.leftovers
    return [(b, a - more) for (b, a), more in zip(window.amounts or (), left, strict=True)]


def _alike(pairs: list[tuple[int, int]]) -> Any:
    return pairs[0] if len(set(pairs)) == 1 else tuple(pairs)


def _row(row: Row) -> dict[str, Any]:
    window = row.window
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
        "amounts": window.amounts,
        "modes": [[before[0], after[0]] for before, after in window.fills],
        "read": None if row.axes is None else [[axis.read_before, axis.read_after] for axis in row.axes],
        "uneven": row.uneven,
        "pads": [_pad(pad) for pad in window.pads],
        "copied": window.copied,
        "elsewhere": row.elsewhere,
    }


def _pad(pad: Pad) -> dict[str, Any]:
    modes = [[before[0], after[0]] for before, after in pad.fills]
    return {"name": pad.name, "layer": pad.layer, "amounts": pad.pairs, "modes": modes, "copied": pad.copied}
