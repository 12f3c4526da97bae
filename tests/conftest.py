"""What holds for every test process? Its backends, its Hypothesis profile, and which files are its own.

`make test` runs one process for each of numpy, jax, tensorflow and torch (`CONVPAD_BACKENDS`); pytest run by hand
takes them all. The process for NumPy has no framework: importing one there is an error.
"""

from __future__ import annotations

import os
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

CHOSEN = os.environ.get("CONVPAD_BACKENDS", "numpy,jax,tensorflow,torch").split(",")

# Files that are not for every process: what they need. The rest run in each.
NEEDS = {
    "test_core_": {"numpy"},
    "test_imports": {"numpy"},
    "test_oracle_tensorflow": {"tensorflow"},
    "test_oracle_torch": {"torch"},
    "test_oracle_": {"numpy"},
    "test_keras_": {"jax", "tensorflow", "torch"},
    "test_tools_hostile": {"numpy"},
    "test_tools_repad": {"jax", "tensorflow", "torch"},
    "test_tools_fold": {"jax", "tensorflow", "torch"},
    "test_readme": {"jax", "tensorflow", "torch"},
    "test_demo_story": {"jax", "tensorflow", "torch"},
    "test_demo": {"jax"},
    "test_jax_": {"jax"},
    "test_sharding": {"jax"},
    "test_pictures": {"numpy"},
}


def is_others(file: Path) -> bool:
    """Whether a test file is only for processes with other backends; the first name that fits decides."""
    needed = next((backends for start, backends in NEEDS.items() if file.name.startswith(start)), set(CHOSEN))
    return not needed & set(CHOSEN)


collect_ignore = [file.name for file in Path(__file__).parent.glob("test_*.py") if is_others(file)]

KERAS_TOOLS = ("folding", "nesting", "rebuilding", "repadding", "standing", "wiring")
KERAS_DEMO = ("facts", "measure", "networks", "oracle", "report", "story")
NEEDS_KERAS = (
    "convpad.keras",
    *(f"convpad.demo.{name}" for name in KERAS_DEMO),
    *(f"convpad.tools.{name}" for name in KERAS_TOOLS),
)
HOMES = ("convpad.ops._backends", "convpad.benching.engines")
FRAMEWORKS = {f"{home}.{name}": name for home in HOMES for name in ("jax", "tensorflow", "torch")}


def loadable(module: str) -> bool:
    """Whether the frameworks of this process are enough to import a module."""
    if module in FRAMEWORKS:
        return FRAMEWORKS[module] in CHOSEN
    return not module.startswith(NEEDS_KERAS) or CHOSEN != ["numpy"]


def modules(package: str = "convpad") -> Iterator[str]:
    """Every module in a package that this process can import. A package of another framework is not looked into."""
    for found in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if loadable(found.name):
            yield found.name
            if found.ispkg:
                yield from modules(found.name)


class NoFramework(MetaPathFinder):
    """Refuses to import a framework, as a machine without one would."""

    frameworks = ("jax", "tensorflow", "torch", "keras")

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> None:
        if fullname in self.frameworks:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return


if CHOSEN == ["numpy"]:
    sys.meta_path.insert(0, NoFramework())

# The same examples on every machine; a wider search with HYPOTHESIS_PROFILE=wide.
quiet = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
settings.register_profile("suite", derandomize=True, deadline=None, database=None, suppress_health_check=quiet)
settings.register_profile("wide", max_examples=500, deadline=None, suppress_health_check=quiet)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


@pytest.fixture
def nothing_is_too_small(monkeypatch: Any) -> None:
    """Small tensors are scaled whole, and PyTorch keeps small padded ones; here it is as with large ones."""
    if "torch" in CHOSEN:
        from convpad.ops._backends.torch import padding, parts

        monkeypatch.setattr(padding, "KEPT", 0)
        monkeypatch.setattr(parts, "IN_PARTS", 0)
    if "tensorflow" in CHOSEN:
        from convpad.ops._backends.tensorflow import parts

        monkeypatch.setattr(parts, "IN_PARTS", 0)
