"""Formats of single values."""

from __future__ import annotations

from typing import Any

import pytest

from convpad.display.format import format_amounts, format_bytes, format_seconds, format_sizes

pytestmark = pytest.mark.needs("numpy")


@pytest.mark.parametrize(("sizes", "whole", "short"), [
    ((3, 3), "3x3", "3"),
    ((3, 5), "3x5", "3x5"),
    ((7,), "7", "7"),
    ((None, 5), "?x5", "?x5"),
    ((None, None), "?x?", "?"),
    ((), "", ""),
])  # fmt: skip
def test_sizes(sizes: Any, whole: str, short: str) -> None:
    assert (format_sizes(sizes), format_sizes(sizes, shorten=True)) == (whole, short)


@pytest.mark.parametrize(("pairs", "text"), [
    ([(0, 1), (0, 1)], "0,1"),
    ([(3, 3), (1, 1)], "3,3 1,1"),
    ([(0, 0), (1, 0)], "0,0 1,0"),
    ([(0, 0)], "-"),
    ([], "-"),
    (None, "?"),
])  # fmt: skip
def test_amounts(pairs: Any, text: str) -> None:
    assert format_amounts(pairs) == text


@pytest.mark.parametrize(("count", "text"), [
    (3_326_976, "3.3 MB"), (100_000, "0.1 MB"), (99_999, "100.0 kB"), (1200, "1.2 kB"), (0, "-"), (None, "?"),
])  # fmt: skip
def test_bytes(count: int | None, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(("seconds", "text"), [
    (0.01534, "15.3 ms"), (0.3104, "310 ms"), (2e-6, "0.002 ms"), (1, "1.00 s"), (2.5, "2.50 s"),
])  # fmt: skip
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
