"""docs/flax.md and the example of depthwise convolutions: their code runs and gives what it says."""

from __future__ import annotations

import doctest
import re
import runpy
from pathlib import Path

import pytest
from doctests import failures

pytestmark = pytest.mark.needs("jax")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flax.md").read_text(encoding="utf-8")


def test_page() -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(code, {}, "flax", "flax.md", 0)
    assert len(test.examples) > 8
    assert failures(test, doctest.NORMALIZE_WHITESPACE) == ""


def test_example(capsys: pytest.CaptureFixture[str]) -> None:
    example = runpy.run_path(str(ROOT / "examples" / "depthwise_jax.py"))
    ratios = example["main"](["--size", "6", "--channels", "4", "--rounds", "1"])
    shown = capsys.readouterr().out
    assert [*ratios] == ["forward", "gradients"]
    assert all(f"{name:12}" in shown for name in ratios)
    assert float(re.findall(r"differ by (\S+) at most", shown)[0]) < 1e-5
