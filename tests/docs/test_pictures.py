"""Pictures of the documentation, drawn again."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("numpy")

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[2]


def test_pictures_are_drawn(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
    written = script["main"](tmp_path)
    assert [path.name for path in written] == ["modes.png", "amounts.png", "photographs.png", "resize.png"]
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert 10_000 < path.stat().st_size < 300_000
        assert (ROOT / "docs" / "images" / path.name).exists()
