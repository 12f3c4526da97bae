"""Pages that the package writes: they are as it writes them now."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("numpy")

ROOT = Path(__file__).parents[2]
WRITERS = runpy.run_path(str(ROOT / "docs" / "pages.py"))["PAGES"]


@pytest.mark.parametrize("name", WRITERS)
def test_the_page_is_as_it_is_written_now(name: str) -> None:
    """`python docs/pages.py` writes it again."""
    assert (ROOT / "docs" / name).read_text("utf-8") == WRITERS[name]()
