"""Tests of the run on a GPU: on the CPU, on small inputs; nothing is timed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from frameworks import ENGINES

from benchmarks import gpu
from benchmarks.gpu import Contestant, Run, Task, host_of, tasks
from benchmarks.gpu.files import Files
from benchmarks.results import Cell, Determinism, Memory, load
from convpad.benchmark.timing import Budget

ROOT = Path(__file__).parents[2]
HERE = [name for name in ("torch", "jax") if name in ENGINES]
ONE_ROUND = Budget(seconds=0, min_rounds=1, max_rounds=1)


def run_of(backend: str, deadline: float = 1.0) -> Run:
    return Run(backend, "cpu", deadline, ONE_ROUND, 0.0, [])


def chosen(backend: str, **wanted: Any) -> Task:
    """The first task of its kind."""
    every = [task for task in tasks(backend, tiny=True) if task.row.name == wanted.pop("row", task.row.name)]
    return next(task for task in every if all(getattr(task, name) == value for name, value in wanted.items()))


# The tasks.


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_the_most_telling_come_first_and_nothing_is_left_out(backend: str) -> None:
    every = tasks(backend)
    assert len(set(every)) == len(every)
    first = every[0]
    assert (first.row.name, first.mode, first.row.batch) == ("resnet-56", "reflect", 32)
    assert {task.dtype for task in every} == {"float32", "bfloat16"}
    assert {task.mode for task in every} == {"zeros", "constant", "reflect", "replicate", "circular", "ignore"}
    ways = {(task.way, task.memory_format) for task in every}
    both = {(way, memory) for way in ("eager", "compiled") for memory in ("channels_last", "contiguous")}
    assert ways == (both if backend == "torch" else {("jit", "channels_last")})
    assert {task.row.depthwise for task in every[:20]} == {True, False}
    assert max(4 * size for task in tasks(backend, tiny=True) for size in task.row.input_shape[:1]) <= 8


# A run, with a framework that is made up.


class MadeUp:
    """A host of two numbers: what a candidate computes, and the seconds it takes."""

    def __init__(self, **numbers: float) -> None:
        self.numbers = numbers

    def contestants(self, task: Task, device: str) -> dict[str, Callable[[], Contestant]]:
        def maker(number: float) -> Callable[[], Contestant]:
            def make() -> Contestant:
                if number < 0:
                    raise NotImplementedError("no such kernel\nand more")
                return Contestant(lambda: number, lambda: (number, 1.0, 1.0), comparable=number != 5)

            return make

        return {name.replace("_", " "): maker(number) for name, number in self.numbers.items()}

    def seconds(self, run: Callable[[], Any], calls: int, device: str) -> float:
        run()
        return 2.0 * calls

    def difference(self, tensor: float, expected: float) -> float:
        return abs(tensor - expected)

    def peak(self, contestant: Contestant, step: str, device: str) -> int | None:
        return 7 if step == "gradient" else None

    def determinism(self, contestants: Mapping[str, Contestant], repeats: int) -> Any:
        return dict.fromkeys(contestants, True), dict.fromkeys(contestants, "runs, same")

    def forget(self) -> None:
        pass


@pytest.mark.skipif(not HERE, reason="the plans of a framework are needed")
def test_what_fails_or_differs_is_said_and_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = HERE[0]
    numbers = {"limit": 5, "by_hand": 1, "torch.nn": -1, "convpad": 1, "convpad_correction": 1.5}
    monkeypatch.setattr(gpu, "host_of", lambda name: MadeUp(**numbers))
    task, run = tasks(backend, tiny=True)[0], run_of(backend)
    measured = [one for _, one in run.measure([task], str, lambda: 0.0)]
    kinds = [Cell, Cell, Memory] + ([Determinism] if task.way == "eager" else [])
    assert [type(one) for one in measured] == kinds
    assert {tuple(one.figures) for one in measured if isinstance(one, Cell)} == {("limit", "by hand", "convpad")}
    assert run.unreached == [
        f"{task}: torch.nn failed: NotImplementedError: no such kernel",
        f"{task}: convpad correction is not timed, as the output is 5.0e-01 off; allowed: 4e-02",
    ]


@pytest.mark.skipif(not HERE, reason="the plans of a framework are needed")
def test_it_stops_in_time_and_says_what_was_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    backend, now = HERE[0], iter(range(100))
    monkeypatch.setattr(gpu, "host_of", lambda name: MadeUp(limit=5, by_hand=1, convpad=1))
    run = run_of(backend)
    files = Files(backend, "cuda", "a GPU", tmp_path)
    every = tasks(backend, tiny=True)
    for dtype, one in run.measure(every, str, lambda: float(next(now))):
        files.add(dtype, one)
    files.end(run.unreached)
    assert run.unreached == [str(task) for task in every[2:]]
    results = [load(tmp_path / f"layers-{backend}-cuda{end}.json") for end in ("", "-bfloat16")]
    assert [{cell.row for cell in result.cells} for result in results] == [{every[0].row.name}] * 2
    assert sum(len(result.unreached) for result in results) == len(every) - 2
    assert {result.machine["gpu"] for result in results} == {"a GPU"}


# The frameworks.


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize(
    ("row", "mode", "dtype"),
    [
        ("mobilenet-112-s2", "reflect", "float32"),
        ("resnext-28", "ignore", "bfloat16"),
        ("resnet-224", "zeros", "float32"),
    ],
)
def test_all_candidates_agree(backend: str, row: str, mode: str, dtype: str) -> None:
    task, run = chosen(backend, row=row, mode=mode, dtype=dtype), run_of(backend)
    measured = list(run.measure([task], str, lambda: 0.0))
    cells = [one for _, one in measured if isinstance(one, Cell)]
    assert run.unreached == []
    assert [cell.step for cell in cells] == ["forward", "gradient"]
    names = set(cells[0].figures)
    assert {"limit", "by hand", "convpad"} <= names
    assert ("torch.nn" in names) == (backend == "torch" and mode == "reflect")
    assert any(name.startswith("convpad ") for name in names)
    determinism = [one for _, one in measured if isinstance(one, Determinism)]
    assert len(determinism) == (backend == "torch")
    assert all(one.repeated["convpad"] and one.strict["convpad"] == "runs, same" for one in determinism)


@pytest.mark.parametrize("backend", HERE)
def test_a_host_sees_a_difference(backend: str) -> None:
    host, task = host_of(backend), chosen(backend, mode="reflect", dtype="float32")
    makers = host.contestants(task, "cpu")
    limit, ours = (makers[name]().forward() for name in ("limit", "convpad"))
    assert host.difference(ours, ours) == 0
    assert host.difference(limit, ours) > 1e-2
    assert host.difference(ours[:1], ours) == float("inf")


@pytest.mark.skipif("torch" not in HERE, reason="PyTorch's alone")
def test_compiled_candidates_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    whole = torch.compile
    monkeypatch.setattr(torch, "compile", lambda call, **options: whole(call, backend="eager", **options))
    task, run = chosen("torch", way="compiled", mode="reflect"), run_of("torch")
    measured = list(run.measure([task], str, lambda: 0.0))
    assert (run.unreached, len(measured)) == ([], 2)


@pytest.mark.skipif("torch" not in HERE, reason="runs once, with all frameworks that are there")
def test_the_script_on_a_cpu(tmp_path: Path) -> None:
    options = {"PYTHON": sys.executable, "GPU_OPTIONS": "--row resnet-56 --mode reflect --way eager --way jit"}
    command = [
        "bash",
        str(ROOT / "benchmarks" / "gpu.sh"),
        "--device",
        "cpu",
        "--tiny",
        str(tmp_path),
    ]
    done = subprocess.run(command, env={**os.environ, **options}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for backend in ("torch", *(["jax"] if find_spec("jax") else [])):
        assert (tmp_path / f"layers-{backend}-cpu-bfloat16.md").exists(), done.stderr
    result = load(tmp_path / "layers-torch-cpu-bfloat16.json")
    assert {cell.row for cell in result.cells} == {"resnet-56"}
    assert result.quick


def test_the_script_refuses_what_is_not_there(tmp_path: Path) -> None:
    command = ["bash", str(ROOT / "benchmarks" / "gpu.sh"), "--gpu"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "There is no option --gpu: see the head of this script.\n")
