"""Settings of every test process: its backends, its Hypothesis profile, and the test files that it runs.

`make test` runs one process for each of numpy, jax, tensorflow and torch (`CONVPAD_BACKENDS`); pytest run by hand
takes them all. The process for NumPy has no framework: importing one there is an error.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from math import inf
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

CHOSEN = os.environ.get("CONVPAD_BACKENDS", "numpy,jax,tensorflow,torch").split(",")


def needed(file: Path) -> set[str]:
    """The backends named by `pytest.mark.needs(...)` in the `pytestmark` of a file; none named: any will do.

    Read from the file's text, as its imports may fail in a process that has none of them.
    """
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            calls = [call for call in ast.walk(node.value) if isinstance(call, ast.Call)]
            marks = [call for call in calls if ast.unparse(call.func) == "pytest.mark.needs"]
            return {ast.literal_eval(name) for mark in marks for name in mark.args}
    return set()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leaves out the files that need backends which this process does not have."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    backends = needed(collection_path)
    return True if backends and not backends & set(CHOSEN) else None


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


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands write to a pipe, as when piped by hand: pytest-xdist tells its workers the width of a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def nothing_is_too_small() -> Iterator[None]:
    """Treat small tensors as large ones, which are scaled in parts and, by PyTorch, padded again and go by strips."""
    from convpad import tuning

    parts = {"torch_scale_parts_bytes": 0, "tensorflow_scale_parts_values": 0}
    parts |= {"torch_strips_min_values": 1, "torch_strips_min_kernels": 1, "torch_strip_values": 16}
    parts |= {"torch_strips_max_vector_bits": inf}
    with tuning.replace(torch_keep_bytes=0, torch_remake_min_products=0, **parts):
        yield


@pytest.fixture
def executors_run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the executors that run, in order; grows with each call."""
    from convpad.ops import prepared, routes, run

    run._executor.cache_clear()  # JAX traces each of them once
    run._prepared.cache_clear()
    names: list[str] = []
    for name in ("Native", "Corrected", "Padded", "Transposed"):
        executor = getattr(routes, name)
        called = executor.__call__
        watched = lambda *arguments, name=name, called=called: names.append(name) or called(*arguments)  # noqa: E731
        monkeypatch.setattr(executor, "__call__", watched)
    permute = prepared.Permuted.__call__

    def permuted(self: Any, *arguments: Any) -> Any:
        names.append("Native" if self.pad is None else "Padded")
        return permute(self, *arguments)

    monkeypatch.setattr(prepared.Permuted, "__call__", permuted)
    return names
