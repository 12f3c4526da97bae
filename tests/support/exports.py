"""The table of exports: layers, modes, amounts, sizes, and which of their combinations a test runs.

A cell is one layer (or the function that does the same) with one padding, exported one way. `full` is every cell of a
route, `covering` the fewest that show every pair of two columns' values, `light` what `make test` has time for.
"""

from __future__ import annotations

import itertools
import os
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from keras_layers import CHANNELS, minimal, numbers

from convpad import Constant, Learned

KINDS: dict[str, tuple[str, tuple[int, ...]]] = {
    "Conv": ("Conv{}D", (1, 2, 3)),
    "DepthwiseConv": ("DepthwiseConv{}D", (1, 2)),
    "SeparableConv": ("SeparableConv{}D", (1, 2)),
    "ConvTranspose": ("Conv{}DTranspose", (1, 2, 3)),
    "MaxPooling": ("MaxPooling{}D", (1, 2, 3)),
    "AveragePooling": ("AveragePooling{}D", (1, 2, 3)),
    "Padding": ("Padding{}D", (1, 2, 3)),
    "ZeroPadding": ("ZeroPadding{}D", (1, 2, 3)),
}
"""The kinds of layers: how a layer of that kind and a rank is called, and its ranks."""

MODES: dict[str, Callable[[int], Any]] = {
    "zeros": lambda rank: "zeros",
    "constant": lambda rank: 1.5,
    "one per channel": lambda rank: Constant([1.0, -2.0, 0.5, 3.0]),
    "learned": lambda rank: Learned("ones"),
    "reflect": lambda rank: "reflect",
    "symmetric": lambda rank: "symmetric",
    "replicate": lambda rank: "replicate",
    "circular": lambda rank: "circular",
    "reflect_odd": lambda rank: "reflect_odd",
    "symmetric_odd": lambda rank: "symmetric_odd",
    "ignore": lambda rank: "ignore",
    "mixed axes": lambda rank: ("reflect", "circular", "zeros")[:rank] if rank > 1 else ("reflect", 1.5),
    "mixed sides": lambda rank: (
        (("symmetric", "reflect"), ("circular", -1.0), ("replicate", "zeros"))[:rank]
        if rank > 1
        else ("circular", "symmetric")
    ),
}
"""The modes by the name of their row, as the argument of a layer of some rank."""

AMOUNTS: dict[str, Callable[[int], Any]] = {
    "same": lambda rank: "same",
    "half": lambda rank: "half",
    "even": lambda rank: 1,
    "uneven": lambda rank: ((0, 2), (2, 0), (0, 2))[:rank] if rank > 1 else (0, 2),
}
"""The amounts. Each leaves an output where Keras traces open sizes: with one value on every axis."""

SIZES = ("fixed", "batch", "open")
"""What the artefact leaves open: nothing, the batch, the batch and every spatial axis."""

LIGHT = 4
"""How many cells of each kind `make test` runs of a route: of the page and of the covering ones."""

TRACED = {1: (12,), 2: (12, 10), 3: (7, 6, 8)}
OTHERS = {1: ((9,), (21,)), 2: ((9, 13), (17, 11)), 3: ((6, 9, 7), (9, 5, 10))}
"""The sizes at which a cell is traced, and at which it is run as well where they are open."""


@dataclass(frozen=True)
class Cell:
    """One layer with one padding: the values of the columns."""

    kind: str
    rank: int
    mode: str
    amount: str
    strides: int
    sizes: str
    data_format: str
    portable: bool = False

    @property
    def layer(self) -> str:
        return KINDS[self.kind][0].format(self.rank)

    @property
    def padding(self) -> Any:
        return AMOUNTS[self.amount](self.rank)

    @property
    def padding_mode(self) -> Any:
        return MODES[self.mode](self.rank)

    def __str__(self) -> str:
        values = [self.layer, self.mode, self.amount, f"strides {self.strides}", self.sizes, self.data_format]
        words = ", ".join([*values, *["portable"] * self.portable])
        return words.replace(", strides 1", "").replace(", channels_last", "")

    def arguments(self) -> dict[str, Any]:
        """What the layer is constructed with."""
        arguments = {**minimal(self.layer), "padding": self.padding, "data_format": self.data_format}
        if self.kind != "ZeroPadding":
            arguments["padding_mode"] = self.padding_mode
        if "Padding" not in self.kind:
            arguments["strides"] = self.strides
        return arguments

    def shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the inputs: the traced one, and two others where one of these may be given."""
        traced = TRACED[self.rank]
        if self.sizes == "fixed":
            return [self._shape(2, traced)]
        if self.sizes == "batch":
            return [self._shape(batch, traced) for batch in (2, 1, 3)]
        return [self._shape(2, traced), *(self._shape(*of) for of in zip((1, 3), OTHERS[self.rank], strict=True))]

    def _shape(self, batch: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
        return (batch, CHANNELS, *sizes) if self.data_format == "channels_first" else (batch, *sizes, CHANNELS)

    def open_axes(self) -> tuple[int, ...]:
        """The axes of the input whose sizes the artefact leaves open."""
        first = 2 if self.data_format == "channels_first" else 1
        spatial = tuple(range(first, first + self.rank))
        return {"fixed": (), "batch": (0,), "open": (0, *spatial)}[self.sizes]

    def inputs(self) -> list[Any]:
        """Small whole numbers of these shapes."""
        return [numbers(*shape, seed=place) for place, shape in enumerate(self.shapes())]


REFUSED: dict[tuple[str, str], str] = {
    **{("ZeroPadding", mode): "it pads zeros" for mode in MODES if mode != "zeros"},
    ("ConvTranspose", "learned"): "it pads its output, where no input has a value",
    ("Padding", "ignore"): "no tensor holds what is not there",
}
"""Kinds and modes that are no layer, and why."""


def exists(cell: Cell) -> bool:
    """Whether there is such a layer."""
    if cell.rank not in KINDS[cell.kind][1] or (cell.kind, cell.mode) in REFUSED:
        return False
    # A layer that only pads has no window, and so no strides and no amount that a window says.
    return "Padding" not in cell.kind or (cell.strides == 1 and cell.amount in ("even", "uneven"))


def full() -> list[Cell]:
    """Every cell."""
    columns = (KINDS, (1, 2, 3), MODES, AMOUNTS, (1, 2), SIZES, ("channels_last", "channels_first"), (False, True))
    return [cell for cell in (Cell(*values) for values in itertools.product(*columns)) if exists(cell)]


def covering(route: str, most: int | None = None) -> list[Cell]:
    """The cells that show every pair of two columns' values that there is, few and always the same for a route.

    Greedy: each cell is the one with the most pairs not yet shown. Ties are broken differently for each route, so that
    the routes together show more than one does. The first `most` of them show the most pairs that so many can.
    """
    cells = full()
    np.random.default_rng(zlib.crc32(route.encode())).shuffle(cells)  # type: ignore[arg-type]
    numbered: dict[Any, int] = {}
    pairs = np.array(
        [
            [numbered.setdefault(pair, len(numbered)) for pair in itertools.combinations(asdict(cell).items(), 2)]
            for cell in cells
        ]
    )
    missing = np.ones(len(numbered), bool)
    chosen: list[Cell] = []
    while missing.any() and len(chosen) != most:
        best = int(missing[pairs].sum(1).argmax())
        missing[pairs[best]] = False
        chosen.append(cells[best])
    return chosen


def page(portable: bool = False) -> list[Cell]:
    """The cells of a table in docs/exports.md: one convolution with every mode, sizes open or pads portable."""
    sizes = "fixed" if portable else "open"
    return [Cell("Conv", 2, mode, "same", 1, sizes, "channels_last", portable) for mode in MODES]


def selected(route: str) -> list[Cell]:
    """What this run tests of a route: by `CONVPAD_EXPORTS`, which is `covering`, `full`, or in `make test` not set."""
    chosen = os.environ.get("CONVPAD_EXPORTS", "light")
    if chosen == "light":
        first = zlib.crc32(route.encode())
        cells = [page()[(first + place) % len(MODES)] for place in range(0, 2 * LIGHT, 2)] + covering(route, LIGHT)
    else:
        tables = [*page(), *page(portable=True)]
        cells = [*tables, *(full() if chosen == "full" else covering(route))]
    return list(dict.fromkeys(cells))
