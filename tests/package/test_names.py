"""Dotted names of convpad in docstrings and documents: each of them is there."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

import convpad

pytestmark = pytest.mark.needs("jax")  # where Keras runs

SOURCE = Path(convpad.__file__).parent
ROOT = SOURCE.parents[1]
TEXTS = [*SOURCE.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
NAMES = sorted({name for path in TEXTS for name in re.findall(r"`(convpad(?:\.\w+)+)", path.read_text("utf-8"))})


@pytest.mark.parametrize("name", NAMES)
def test_the_name_exists(name: str) -> None:
    resolve_name(name)


def test_a_missing_name_is_noticed() -> None:
    with pytest.raises(AttributeError):
        resolve_name("convpad.core.problem.NOTHING")
