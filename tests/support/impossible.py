"""The cells of the table of exports that cannot be, by name, each with the reason.

They are left out. For each entry the tests export one of its cells, ours and Keras's own layer: both must fail, so that
nothing stays on the list that is possible.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from export_routes import Route
from exports import Cell


@dataclass(frozen=True)
class Impossible:
    """Cells that one way to export cannot have, as Keras's own layers cannot.

    Args:
        route: the name of the way.
        covers: which cells.
        reason: why.
        example: one of them that Keras's own layer has: its padding is "same".
    """

    route: str
    covers: Callable[[Cell], bool]
    reason: str
    example: Cell


def same(kind: str, rank: int, strides: int, sizes: str) -> Cell:
    return Cell(kind, rank, "zeros", "same", strides, sizes, "channels_last")


JAX_ONNX = "ONNX (Keras on JAX)"
TORCH_LITERT = "LiteRT (Keras on PyTorch)"

IMPOSSIBLE = [
    Impossible(
        JAX_ONNX,
        lambda cell: cell.kind == "Conv" and cell.rank == 3,
        "jax2onnx 0.13.0 knows no convolution of three axes",
        same("Conv", 3, 1, "fixed"),
    ),
    Impossible(
        JAX_ONNX,
        lambda cell: cell.kind == "ConvTranspose" and cell.rank == 3,
        "jax2onnx 0.13.0 knows no convolution of three axes",
        same("ConvTranspose", 3, 1, "fixed"),
    ),
    Impossible(
        JAX_ONNX,
        lambda cell: cell.kind == "ConvTranspose" and cell.strides == 2,
        "jax2onnx 0.13.0 leaves out the strides of a transposed convolution",
        same("ConvTranspose", 2, 2, "fixed"),
    ),
    Impossible(
        JAX_ONNX,
        lambda cell: cell.kind == "MaxPooling" and cell.rank > 1,
        "jax2onnx 0.13.0 writes the wrong window into MaxPool, which ONNX Runtime refuses",
        same("MaxPooling", 2, 1, "fixed"),
    ),
    Impossible(
        JAX_ONNX,
        lambda cell: cell.amount == "same" and cell.strides == 2 and cell.sizes == "open",
        'jax2onnx 0.13.0 cannot write what "same" depends on where a size is open and divided by strides',
        same("Conv", 2, 2, "open"),
    ),
    Impossible(
        TORCH_LITERT,
        lambda cell: cell.sizes != "fixed",
        "litert-torch leaves no size open, and Keras takes 1 for what is: its documentation says so",
        same("Conv", 2, 2, "open"),
    ),
]


COPYING = ("reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd", "mixed axes", "mixed sides")

NOT_YET: list[tuple[str, Callable[[Route, Cell], bool]]] = [
    (
        "OpenVINO 2026.4.1 aborts the process where parts are joined between transpositions of fixed sizes",
        lambda route, cell: (
            route.name == "OpenVINO (Keras on TensorFlow)"
            and cell.kind == "ConvTranspose"
            and cell.mode in COPYING
            and (cell.sizes, cell.data_format) == ("fixed", "channels_first")
        ),
    ),
]
"""What fails and could be mended: some of the cells of each entry, whose tests may fail."""


def not_yet(route: Route, cell: Cell) -> str | None:
    """Return why a cell may fail though it should not, or None if it may not."""
    return next((reason for reason, covers in NOT_YET if covers(route, cell)), None)


def impossible(route: Route, cell: Cell) -> str | None:
    """Return why a cell cannot be exported, or None if it can."""
    for entry in IMPOSSIBLE:
        if entry.route == route.name and entry.covers(cell):
            return entry.reason
    return None
