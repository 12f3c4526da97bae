"""Images spread over devices: what XLA moves and keeps on 8 virtual ones, and docs/sharding.md."""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import doctests
import pytest

pytestmark = pytest.mark.needs("jax")

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))
from sharding_numbers import LONG, TABLE, Case, cases, large

sys.path.pop(0)

SCRIPT = ROOT / "docs" / "sharding_numbers.py"
PAGE = (ROOT / "docs" / "sharding.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)

CHANNELS, DEVICES = 16, 8
IMAGE = 512 * 512 * CHANNELS * 4
STRIP = 3 * 514 * CHANNELS * 4
"""Bytes of what the table of the page is about: the whole image, and what the outputs along one border read."""


def in_a_process(*arguments: str, given: str = "") -> str:
    """What a Python says whose JAX has 8 devices."""
    flags = f"--xla_force_host_platform_device_count={DEVICES} --xla_backend_optimization_level=0"
    environment = {**os.environ, "XLA_FLAGS": flags, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    support = str(ROOT / "tests" / "support")
    environment["PYTHONPATH"] = os.pathsep.join([support, environment.get("PYTHONPATH", "")])
    program = [sys.executable, *arguments]
    done = subprocess.run(program, input=given, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return json.loads(in_a_process(str(SCRIPT), "--json"))


@pytest.fixture(scope="module")
def programs(found: dict[str, Any]) -> dict[str, Any]:
    """What was found, by the name of the case."""
    return {each["name"]: each for each in (*found["cases"], *found["large"])}


def strip(case: Case) -> int:
    """The elements that the outputs along one border read, where the spread axis ends."""
    other = case.size[case.sharded == "rows"]
    return case.window * (other + 2 * (case.window - 1)) * CHANNELS


def too_large(case: Case, moved: list[Any]) -> list[Any]:
    """What moves that is more than a strip, or of a kind that is not wanted."""
    # An all-to-all gives a device one piece from each; the others give it tensors that have nothing in common.
    wholes = [(kind, [sum(sizes)] if kind == "all-to-all" else sizes) for kind, sizes in moved]
    gathers = ("all-gather", "collective-broadcast", "reduce-scatter")
    return [row for row in wholes if row[0] in gathers or max(row[1]) > strip(case)]


JUDGED = [case for case in cases() if case.route != "padded"]


@pytest.mark.parametrize("case", JUDGED, ids=lambda case: case.name)
def test_only_strips_move(case: Case, programs: dict[str, Any]) -> None:
    moved = programs[case.name]["moved"]
    assert moved, "a spread axis has halos"
    assert not too_large(case, moved)
    if case.part == "forward" and case.mode in ("zeros", "ignore"):
        assert {kind for kind, _ in moved} == {"collective-permute"}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_the_numbers_are_those_of_one_device(case: Case, programs: dict[str, Any]) -> None:
    assert programs[case.name]["error"] < 2e-6


@pytest.mark.parametrize("way", LONG)
@pytest.mark.parametrize("row", TABLE[:3], ids=lambda row: row[2])
def test_a_longer_axis_does_not_move_more(row: Any, way: str, programs: dict[str, Any]) -> None:
    short, long = (programs[Case(*row, way, **size).name]["moved"] for size in ({}, {"size": LONG[way]}))

    def permuted(moved: list[Any]) -> int:
        return sum(sum(sizes) for kind, sizes in moved if kind == "collective-permute")

    assert permuted(short) == permuted(long)


def test_that_it_is_noticed(found: dict[str, Any], programs: dict[str, Any]) -> None:
    """A program that gathers, one that moves more than strips, and one that keeps more than a shard."""
    case = Case("conv", "zeros", "native")
    assert too_large(case, found["control"])
    assert too_large(case, programs[Case("conv", "reflect", "padded").name]["moved"])
    assert not too_large(case, [("collective-permute", [1024]), ("all-to-all", [128] * 8)])
    assert too_large(case, [("all-to-all", [1024] * 8)])
    assert too_large(case, [("all-gather", [16])])
    assert programs[large(8)[-1].name]["temporary"] > IMAGE / 8 + 6 * STRIP


@pytest.mark.parametrize("place", range(len(TABLE) - 1), ids=lambda place: "-".join(map(str, TABLE[place])))
def test_memory_shrinks_with_the_devices(place: int, programs: dict[str, Any]) -> None:
    found = {count: programs[large(count)[place].name] for count in (1, 2, 4, 8)}
    assert found[1]["temporary"] <= 6 * STRIP  # no copy to spread
    for count in (2, 4, 8):
        assert found[count]["temporary"] <= IMAGE / count + 6 * STRIP
    totals = [found[count]["total"] for count in (1, 2, 4, 8)]
    assert totals[1] < totals[0] * 0.8
    assert totals[2] < totals[1] * 0.55
    assert totals[3] < totals[2] * 0.55


def test_table_of_the_page(found: dict[str, Any]) -> None:
    """Another JAX may compile otherwise; `python docs/sharding_numbers.py` prints what the page is to say."""
    if f"jax {found['jax']} " not in PAGE:
        pytest.skip(f"the page is about another version than {found['jax']}")
    assert found["table"] in PAGE


def failures(blocks: list[str]) -> str:
    """What doctest has to say against the code of the page; nothing if it gives what it says."""
    said: list[str] = []
    for place, block in enumerate(blocks):
        test = doctest.DocTestParser().get_doctest(block, {}, f"block {place}", "docs/sharding.md", 0)
        assert test.examples, f"block {place} shows no results"
        said.append(doctests.failures(test, doctest.NORMALIZE_WHITESPACE))
    return "".join(said)


def test_code_of_the_page() -> None:
    assert len(BLOCKS) == PAGE.count("```python") >= 6
    assert json.loads(in_a_process(__file__, given=json.dumps(BLOCKS)).splitlines()[-1]) == ""


def test_that_wrong_results_are_noticed() -> None:
    assert "Expected:\n    3" in failures([">>> 1 + 1\n3\n"])


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(failures(json.loads(sys.stdin.read()))) + "\n")
