"""Kept figures: each target is met, or the reason why it is missed is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.reasons import REASONS, reason
from benchmarks.report import loaded, summary
from benchmarks.verdict import verdicts

pytestmark = pytest.mark.needs("numpy")

KEPT = Path(__file__).parents[2] / "benchmarks" / "results"


def test_every_target_that_is_missed_has_its_reason() -> None:
    missed = [one for one in verdicts(loaded(KEPT)) if not one.met]
    assert [f"{one.backend}: {one.target}" for one in missed if not reason(one)] == []
    assert all(text and not text.isspace() for text in REASONS.values())


def test_the_page_is_that_of_the_figures() -> None:
    assert (KEPT / "README.md").read_text() == summary(loaded(KEPT))
