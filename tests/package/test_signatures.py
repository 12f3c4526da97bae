"""Signatures of everything public, which change only on purpose.

`python tests/package/test_signatures.py` writes signatures.txt again, with Keras installed.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import convpad

CHOSEN = os.environ.get("CONVPAD_BACKENDS", "jax,tensorflow,torch").split(",")
FRONT_ENDS = {"torch": "torch", "equinox": "jax", "flax": "jax"}
"""The packages of modules and layers besides Keras's, each with the backend whose process imports it."""

FILE = Path(__file__).with_name("signatures.txt")

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")


def members(name: str, value: type) -> Iterator[str]:
    """The methods and properties of a class of convpad's own, with those that it inherits from such a class."""
    for attribute in sorted(dir(value)):
        if attribute.startswith("_"):
            continue
        member = inspect.getattr_static(value, attribute)
        if isinstance(member, property):
            yield f"{name}.{attribute}"
        elif callable(member) or isinstance(member, (classmethod, staticmethod)):
            yield f"{name}.{attribute}{inspect.signature(getattr(value, attribute))}"


def lines() -> list[str]:
    """One line for each public name, and for each member of a type."""
    found: list[str] = []
    for name in convpad.__all__:
        value: Any = getattr(convpad, name)
        if isinstance(value, type) and issubclass(value, Exception):
            found.append(f"{name}({', '.join(base.__name__ for base in value.__bases__)})")
        elif callable(value):
            found.append(f"{name}{inspect.signature(value)}")
        else:
            found.append(f"{name}: {', '.join(value)}")
        if isinstance(value, type) and not issubclass(value, Exception):
            found += members(name, value)
    for name in convpad.keras.__all__:
        found.append(f"keras.{name}{inspect.signature(getattr(convpad.keras, name))}")
    for front_end, backend in FRONT_ENDS.items():
        if backend in CHOSEN:
            module = getattr(convpad, front_end)
            found += [f"{front_end}.{name}{inspect.signature(getattr(module, name))}" for name in module.__all__]
    for name in ("to_code", "parse"):
        found.append(f"frameworks.{name}{inspect.signature(getattr(convpad.frameworks, name))}")
    return [re.sub(r" at 0x[0-9a-f]+", "", line) for line in found]  # where a default lies differs in each process


def test_signatures() -> None:
    others = tuple(f"{front_end}." for front_end, backend in FRONT_ENDS.items() if backend not in CHOSEN)
    recorded = FILE.read_text(encoding="utf-8").splitlines()
    assert lines() == [line for line in recorded if not line.startswith(others)]


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n", encoding="utf-8")
