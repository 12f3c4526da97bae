"""docs/how-to/moving.md: its code on timm's layers gives what it shows."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest
from doctests import failures
from real_models import package

timm = package("timm")

pytestmark = [pytest.mark.needs("torch"), pytest.mark.filterwarnings("ignore::FutureWarning")]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "moving.md"


def test_page() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    code = "\n".join(block for block in blocks if re.search(r"^>>> import .*\btimm\b", block, re.MULTILINE))
    test = doctest.DocTestParser().get_doctest(code, {}, "moving", "moving.md", 0)
    assert len(test.examples) > 5
    assert failures(test, doctest.NORMALIZE_WHITESPACE) == ""
