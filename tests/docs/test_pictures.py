"""Pictures of the documentation, drawn again."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("numpy")

pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[2]


def test_pictures_are_drawn(tmp_path: Path) -> None:
    script = runpy.run_path(str(ROOT / "docs" / "pictures.py"))
    written = script["main"](tmp_path, with_keras=False)
    gallery = ["gallery-photograph.png", "gallery-border.png", "gallery-globe.png", "gallery-texture.png"]
    assert [path.name for path in written] == ["modes.png", "amounts.png", "resize.png", *gallery]
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert 5_000 < path.stat().st_size < 300_000
        assert (ROOT / "docs" / "images" / path.name).exists()


def test_pictures_of_the_gallery_are_small_and_all_shown() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text("utf-8")
    shown = re.findall(r"\(images/(gallery-\w+\.png)\)", page)
    images = ROOT / "docs" / "images"
    assert sorted(shown) == sorted(path.name for path in images.glob("gallery-*.png"))
    assert all((images / name).stat().st_size <= 150_000 for name in shown)
