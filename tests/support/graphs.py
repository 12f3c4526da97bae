"""ONNX graphs that are audited and compared: small ones of a few nodes, and those inside the onnx package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def graph(*nodes: str, size: str = "8, 8") -> Any:
    """A graph of nodes from x to y, with kernels k (4 of 3 channels, 3x3) and t (3 to 2 channels, 3x3)."""
    pads = "<int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}>"
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 18]> net (float[1, 3, {size}] x, float[4, 3, 3, 3] k, '
        f"float[3, 2, 3, 3] t) => (float[1, c, a, b] y) {pads} {{ {' '.join(nodes)} }}"
    )
