"""Tests of `convpad demo`: the command, its refusals, and the artefacts in its picture."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import convpad
from convpad import demo
from convpad.cli.commands import app

keras = pytest.importorskip("keras")

import numpy as np

from convpad.demo.border import CASES, measure, network_input, true_output
from convpad.demo.networks import resnet_stem
from convpad.demo.picture import MARGIN, STRIDE, cropped, padded_photograph
from convpad.demo.story import border_chapter

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = [
    pytest.mark.needs("jax"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]
ROOT = Path(__file__).parents[2]
SIZE = "32"


def invoke(*arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of the command, run in this process."""
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def stem() -> keras.Model:
    return resnet_stem()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The picture and the output of the demo, run once as a user runs it."""
    path = tmp_path_factory.mktemp("demo") / "demo.png"
    code = "from convpad.cli import main; main()"
    program = [sys.executable, "-c", code, "demo", "--output", str(path), "--size", SIZE]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return path, done.stdout


def test_table(written: tuple[Path, str]) -> None:
    _, out = written
    for label, (padding, _) in CASES.items():
        row = next(line for line in out.splitlines() if line.startswith(label + "  "))
        amounts = "2,3 0,1 1,1" if padding == "same" else "3,3 1,1 1,1"
        assert re.search(rf"{amounts}  8x8x64 .*\de-0\d +\d+\.\d\d *$", row), row
    assert "leaves least" in out


def test_story(written: tuple[Path, str]) -> None:
    _, out = written
    assert [line[0] for line in out.splitlines() if re.match(r"\d  ", line)] == list("12345")
    assert "52 windows, 18 of them padded" in out
    assert "4 padding layers folded" in out
    assert re.search(r"Folded, the output is \de[-+]0\d off the original's", out)
    assert re.search(r"Padded with reflect, the output is \de[-+]0\d off the NumPy oracle's", out)
    for name in ("Keras, zeros", "convpad, zeros", "convpad, reflect", "workaround, reflect"):
        figures = re.search(rf"^{name} +([\d.]+) ms +([\d.]+)  ([\d.]+) to ([\d.]+)", out, re.MULTILINE)
        assert figures and all(float(figure) > 0 for figure in figures.groups()), name
    assert "times as fast as the workaround" in out
    *chapters, last = out.rstrip().splitlines()
    assert max(map(len, chapters)) <= 80
    assert last.startswith("Picture: ")
    assert "Not equal" not in out


def test_picture(written: tuple[Path, str]) -> None:
    path, _ = written
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [file.name for file in path.parent.iterdir()] == ["demo.png"], "nothing half-written is left"


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "mine.png"
    path.write_text("mine")
    status, out, err = invoke("demo", "--output", str(path))
    assert (status, out, path.read_text()) == (2, "", "mine")
    assert err == f"convpad demo: {path} exists. Add --force to replace it, or name another file with --output.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--size", "33"], "--size must be a multiple of 4 from 32 to 256. Received: 33."),
        (["--size", "28"], "--size must be a multiple of 4 from 32 to 256. Received: 28."),
        (["--size", "260"], "--size must be a multiple of 4 from 32 to 256. Received: 260."),
        (["--output", "."], "--output must be a file. Received: the folder ."),
        (["--output", "nowhere/demo.png"], "to write demo.png into."),
    ],
)
def test_refusals(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = invoke("demo", *arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1, "one line"


@pytest.mark.parametrize("package", ["keras", "jax", "matplotlib"])
def test_missing_packages(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setitem(sys.modules, package, None)
    status, _, err = invoke("demo", "--output", str(tmp_path / "demo.png"))
    assert status == 2
    said = f"The demo needs {package}, not installed here. Install with: pip install {package}"
    assert err == f"convpad demo: {said}\n"


def test_another_backend_of_keras_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    status, _, err = invoke("demo", "--output", str(tmp_path / "demo.png"))
    assert status == 2
    assert "KERAS_BACKEND must be 'jax', 'tensorflow' or 'torch'. Received: 'openvino'." in err


def test_numbers_off_the_oracle_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, *others = measure(cropped(32), lambda step: None, dict(list(CASES.items())[:3]))
    wrong = [replace(others[0], from_oracle=1e-4), replace(others[1], from_oracle=float("nan"))]
    path = tmp_path / "demo.png"
    chapter = border_chapter([good, *wrong], path)
    assert chapter.wrong == ("Not equal to the oracle: constant (mean).", "Not equal to the oracle: reflect.")
    monkeypatch.setattr(demo, "run", lambda *arguments, **options: iter([chapter]))
    status, out, _ = invoke("demo", "--output", str(path), "--size", SIZE)
    assert status == 1
    assert "\n".join(chapter.wrong) in out
    status, out, _ = invoke("demo", "--output", str(path), "--size", SIZE, "--json")
    assert (status, json.loads(out)["wrong"]) == (1, list(chapter.wrong))


def test_every_case_is_a_step(tmp_path: Path) -> None:
    steps: list[str] = []
    chapter = border_chapter(measure(cropped(32), steps.append), tmp_path / "demo.png")
    assert len(steps) == 1 + len(CASES)
    assert chapter.facts["border"][0]["artefact"] == 1
    assert chapter.wrong == ()


def truths_apart(stem: keras.Model, padding: str, margin: int = MARGIN) -> float:
    """Return how much the truth depends on the padding around the surroundings."""
    folded = convpad.fold(stem)
    zeros, other = (
        true_output(convpad.repad(folded, mode, padding=padding), cropped(32), margin)[0] for mode in ("zeros", 300.0)
    )
    assert zeros.shape == (1, 32 // STRIDE, 32 // STRIDE, 64)
    return float(np.abs(zeros - other).max() / np.abs(zeros).max())


@pytest.mark.parametrize("padding", ["half", "same"])
def test_the_truth_sees_no_padding(padding: str, stem: keras.Model) -> None:
    assert truths_apart(stem, padding) <= 1e-5


def test_the_truth_needs_its_margin(stem: keras.Model) -> None:
    assert truths_apart(stem, "half", 2 * STRIDE) > 0.1


def test_zeros_are_what_keras_gives(stem: keras.Model) -> None:
    """ResNet-50 as keras.applications builds it, its ZeroPadding2D layers too, against `padding="half"`."""
    x = network_input(cropped(32).grown(0))
    repadded = convpad.repad(convpad.fold(stem), "zeros", padding="half")
    theirs, ours = (keras.ops.convert_to_numpy(model(x)) for model in (stem, repadded))
    assert theirs.shape == ours.shape == (1, 8, 8, 64)
    assert np.abs(theirs - ours).max() <= 1e-6 * np.abs(theirs).max()


def test_padded_photograph() -> None:
    crop = cropped(32)
    inside = slice(crop.shown, -crop.shown)
    for mode in ("reflect", "ignore", 0.5):
        image = padded_photograph(crop, mode)
        assert image.shape == (32 + 2 * crop.shown,) * 2 + (4,)
        assert np.allclose(image[inside, inside, :3], crop.grown(0) / 255)
        assert image[0, 0, 3] == (0 if mode == "ignore" else 1)
    assert np.array_equal(crop.grown(5)[5:-5, 5:-5], crop.grown(0))


@pytest.mark.parametrize("size", range(demo.SMALLEST, demo.LARGEST + 1, 4))
def test_every_size_has_its_surroundings(size: int) -> None:
    crop = cropped(size)
    edge = size + 2 * max(MARGIN, crop.shown)
    assert crop.grown(max(MARGIN, crop.shown)).shape == (edge, edge, 3)


def test_help_and_version() -> None:
    status, out, _ = invoke("--help")
    assert status == 0 and "demo" in out
    status, out, _ = invoke("demo", "--help")
    assert status == 0 and "convpad demo --output borders.png --force" in out
    assert invoke("--version") == (0, f"convpad {convpad.__version__}\n", "")


def test_starting_the_command_imports_no_framework() -> None:
    code = "import sys, convpad.cli; print({'keras', 'jax', 'torch', 'tensorflow', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
