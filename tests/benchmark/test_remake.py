"""Times of gradients whose padded tensor is made again, on a shape that takes no time."""

from __future__ import annotations

import pytest

from benchmarks.remake import SHAPES, Shape, measure
from convpad.benchmark.timing import Budget

pytestmark = pytest.mark.needs("torch")


def test_each_shape_has_a_line() -> None:
    shapes = (Shape(6, 2, 3, 1), Shape(5, 1, 2, 2))
    rows = list(measure(shapes, Budget(seconds=0, min_rounds=2, max_rounds=2)))
    assert tuple(row[0] for row in rows) == shapes
    assert all(figure > 0 for row in rows for figure in row[1:])


def test_shapes_say_how_large_they_are() -> None:
    assert (Shape(6, 2, 3, 1).products, Shape(6, 2, 3, 1).padded_bytes) == (27, 4 * 2 * 64)
    assert len({shape.products for shape in SHAPES}) > 4
