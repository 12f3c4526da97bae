"""Does `convpad demo` do what it says? The command, its refusals, and the measure behind its picture."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import convpad
from convpad import demo
from convpad.cli.commands import app

keras = pytest.importorskip("keras")

import numpy as np

from convpad.demo import measure, story
from convpad.demo.cases import CASES
from convpad.demo.networks import layers_of_resnet
from convpad.demo.photograph import MARGIN, STRIDE, cropped
from convpad.demo.picture import padded_photograph

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
def layers() -> list[keras.layers.Layer]:
    return layers_of_resnet()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo, run once as a user runs it, and what it printed."""
    path = tmp_path_factory.mktemp("demo") / "demo.png"
    code = "from convpad.cli import main; main()"
    program = [sys.executable, "-c", code, "demo", "--output", str(path), "--size", SIZE]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return path, done.stdout


def test_table(written: tuple[Path, str]) -> None:
    _, out = written
    for case in CASES:
        row = next(line for line in out.splitlines() if line.strip().startswith(case.label + "  "))
        before = "2,3 0,1 1,1" if case.padding == "same" else "3,3 1,1 1,1"
        assert re.search(rf"{before}  8x8x64 .*\de-0\d +\d+\.\d\d *$", row), row
    assert "leaves least" in out


def test_story(written: tuple[Path, str]) -> None:
    _, out = written
    assert [line[0] for line in out.splitlines() if re.match(r"\d  ", line)] == list("12345")
    assert "52 windows, 18 of them padded" in out
    assert "4 padding layers melted" in out
    assert re.search(r"Now the output is \de-0\d off the original's", out)
    assert re.search(r"Now the output is \de-0\d off the NumPy oracle's", out)
    for name in ("Keras, zeros", "convpad, zeros", "convpad, reflect", "workaround, reflect"):
        figures = re.search(rf"^ {name} +([\d.]+) ms +([\d.]+)  ([\d.]+) to ([\d.]+)", out, re.MULTILINE)
        assert figures and all(float(figure) > 0 for figure in figures.groups()), name
    assert "times as fast as the workaround" in out
    *story, last = out.rstrip().splitlines()
    assert max(map(len, story)) <= 80
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
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == package else name)
    status, _, err = invoke("demo", "--output", str(tmp_path / "demo.png"))
    assert status == 2
    command = "pip install 'convpad[keras,plot]'"
    assert err == f"convpad demo: The demo needs {package}, not installed here. Install with: {command}\n"


def test_another_backend_of_keras_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "openvino")
    status, _, err = invoke("demo", "--output", str(tmp_path / "demo.png"))
    assert status == 2
    assert "KERAS_BACKEND must be 'jax', 'tensorflow' or 'torch'. Received: 'openvino'." in err


def test_numbers_off_the_oracle_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "_oracle", lambda layers, x: np.ones((1, 8, 8, 64), "float32"))
    monkeypatch.setattr(measure, "CASES", CASES[:2])
    chapter = demo.Pictured(measure.measure(cropped(32), lambda step: None), tmp_path / "demo.png")
    assert chapter.wrong == ("Not equal to the oracle: zeros, constant (mean).",)
    monkeypatch.setattr(demo, "run", lambda *given, **options: iter([chapter]))
    status, out, _ = invoke("demo", "--output", str(chapter.path), "--size", SIZE)
    assert status == 1
    assert chapter.wrong[0] in out


def test_steps_are_as_many_as_announced() -> None:
    steps: list[str] = []
    outcomes = measure.measure(cropped(32), steps.append)
    assert len(steps) == measure.STEPS
    assert demo.steps() == measure.STEPS + story.STEPS + 1
    assert outcomes[0].artefact == 1
    assert all(outcome.agrees for outcome in outcomes)


def without_zero_padding(layers: list[keras.layers.Layer]) -> list[keras.layers.Layer]:
    return [layer for layer in layers if not isinstance(layer, keras.layers.ZeroPadding2D)]


def truths_apart(layers: list[keras.layers.Layer], padding: str) -> float:
    """How much the truth depends on what is padded around the surroundings."""
    one, _ = measure.truth(without_zero_padding(layers), cropped(32), padding, "zeros")
    other, _ = measure.truth(without_zero_padding(layers), cropped(32), padding, 300.0)
    assert one.shape == (1, 32 // STRIDE, 32 // STRIDE, 64)
    return float(np.abs(one - other).max() / np.abs(one).max())


@pytest.mark.parametrize("padding", ["half", "same"])
def test_the_truth_sees_no_padding(padding: str, layers: list[keras.layers.Layer]) -> None:
    assert truths_apart(layers, padding) <= 1e-5


def test_the_truth_needs_its_margin(layers: list[keras.layers.Layer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "MARGIN", 2 * STRIDE)
    assert truths_apart(layers, "half") > 0.1


def test_zeros_are_what_keras_gives(layers: list[keras.layers.Layer]) -> None:
    """ResNet-50 as keras.applications builds it, its ZeroPadding2D layers too, against `padding="half"`."""
    x = keras.ops.convert_to_tensor(measure.network_input(cropped(32).grown(0)))
    theirs = ours = x
    for layer in layers:
        theirs = layer(theirs)
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.MaxPooling2D)):
            ours = measure.repadded(layer, "half", "zeros")(ours)
        elif not isinstance(layer, keras.layers.ZeroPadding2D):
            ours = layer(ours)
    theirs, ours = keras.ops.convert_to_numpy(theirs), keras.ops.convert_to_numpy(ours)
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
