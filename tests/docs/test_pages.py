"""The README and the pages of docs: their code gives what they show, their tables are the code's, their links exist."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import doctests
import pytest
from frameworks import CHOSEN

from benchmarks.results import load
from convpad.core.amounts import AMOUNTS, Amount
from convpad.core.modes import MODES, Mode, picture
from convpad.core.window import padded_window

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.skipif(CHOSEN == ["numpy"], reason="its code needs Keras"),
]

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/how-to/*.md")),
    *sorted(ROOT.glob("docs/understand/*.md")),
    *(ROOT / f"docs/{name}.md" for name in ("start", "padding", "resize", "gallery")),
]
"""The pages whose code is run here. The other pages of docs are run where their subject is tested."""
LINKED = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("examples/**/*.md"))]
RESULTS = ROOT / "benchmarks" / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = (ROOT / "docs" / "padding.md").read_text(encoding="utf-8")
FLAGS = doctest.NORMALIZE_WHITESPACE

FOREIGN = {
    "timm": r"^>>> import .*\btimm\b",
    "jax": r"^>>> import .*\bjax\b",
    "torch": r"^>>> import .*\btorch\b|= \"torch\"",
    "tensorflow": r"^>>> import .*\btensorflow\b",
}
"""Code that is of one framework whatever Keras's backend is: it runs in a process of its own."""
ABSENT = {"timm"}
"""Packages that are not in this environment: their code is run by tests/realmodels."""


def sections() -> dict[str, list[str]]:
    """The blocks of Python of each page."""
    found = {page: re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S) for page in PAGES}
    return {page.relative_to(ROOT).as_posix(): blocks for page, blocks in found.items() if blocks}


def foreign(block: str) -> str | None:
    """The framework that a block is of, if it names one."""
    return next((name for name, says in FOREIGN.items() if re.search(says, block, re.MULTILINE)), None)


def failures(code: str, name: str) -> str:
    """What doctest has to say against a block; nothing if it gives what it says."""
    test = doctest.DocTestParser().get_doctest(code, {}, name, name, 0)
    assert test.examples, f"{name} shows no results"
    return doctests.failures(test, FLAGS)


HERE = {title: "\n".join(b for b in blocks if not foreign(b)) for title, blocks in sections().items()}
ELSEWHERE = [
    (name, title, block)
    for title, blocks in sections().items()
    for block in blocks
    if (name := foreign(block)) and name not in ABSENT
]


@pytest.mark.parametrize("title", [title for title, code in HERE.items() if code])
def test_code(title: str) -> None:
    if "jax" in HERE[title] and "jax" not in CHOSEN:
        pytest.skip("this process has no jax")
    if title == "docs/gallery.md" and "jax" not in CHOSEN:
        pytest.skip("once is enough: it builds MobileNetV2")
    assert not failures(HERE[title], title)


@pytest.mark.skipif("jax" not in CHOSEN, reason="once is enough")
@pytest.mark.parametrize(("framework", "title", "block"), ELSEWHERE, ids=[f"{row[1]}-{row[0]}" for row in ELSEWHERE])
def test_code_of_a_framework(framework: str, title: str, block: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("KERAS_BACKEND", "CONVPAD_BACKENDS")}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), str(ROOT / "tests" / "support"), environment.get("PYTHONPATH", "")]
    )
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
    program = [sys.executable, __file__]
    done = subprocess.run(program, input=block, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_that_wrong_results_are_noticed() -> None:
    assert "Expected:\n    3" in failures(">>> 1 + 1\n3\n", "wrong")
    assert not failures(">>> 1 + 1\n2\n", "right")


def test_that_code_was_found() -> None:
    assert sum(page.read_text("utf-8").count("```python") for page in PAGES) == sum(map(len, sections().values())) >= 20
    assert {row[0] for row in ELSEWHERE} == set(FOREIGN) - ABSENT


def code(word: str | None) -> str:
    return f"`{word}`" if word else ""


@pytest.mark.parametrize("mode", MODES.values(), ids=str)
def test_table_of_modes(mode: Mode) -> None:
    frameworks = ("NumPy", "PyTorch", "TensorFlow", "ONNX", "scipy.ndimage", "OpenCV")
    cells = [
        code(mode.name),
        code(picture(mode).replace("|", "¦")),
        *(code(mode.aliases.get(name)) for name in frameworks),
    ]
    assert f"| {' | '.join(cells)} |" in WORDS


@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=str)
def test_table_of_amounts(amount: Amount) -> None:
    window = padded_window(6, 3, 2, 1, amount, axis=0)
    cells = [f'`"{amount.name}"`', amount.meaning, f"({window.before}, {window.after})", str(window.output)]
    assert f"| {' | '.join(cells)} |" in WORDS


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize(("backend", "name"), [("jax", "JAX"), ("torch", "PyTorch"), ("tensorflow", "TensorFlow")])
def test_the_figures_of_the_readme(backend: str, name: str) -> None:
    cells = [cell for cell in load(RESULTS / f"models-{backend}.json").cells if cell.step == "forward"]
    columns: list[str] = []
    for base, candidate in (("stock", "zeros"), ("zeros", "reflect"), ("zeros", "workaround")):
        ratios = [
            cell.figures[candidate].seconds / cell.figures[base].seconds
            for cell in cells
            if {base, candidate} <= cell.figures.keys()
        ]
        assert len(ratios) == 4
        columns.append(f"{min(ratios):.2f} to {max(ratios):.2f}")
    assert f"| {' | '.join([name, *columns])} |" in README


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}, link


def test_every_page_is_listed() -> None:
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    listed = set(re.findall(r"\]\(([\w/-]+\.md)\)", index))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")} - {"README.md"}
    assert listed == pages
    for page in pages:
        title = (ROOT / "docs" / page).read_text("utf-8").splitlines()[0]
        assert title.startswith("# "), page


def test_map_of_the_house() -> None:
    """Every folder is on CONTRIBUTING.md's map, and the map shows no other."""
    package = ROOT / "src" / "convpad"
    folders = {f"{file.parent.relative_to(package)}/" for file in package.glob("*/__init__.py")}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| `([a-z_]+/)` \|", text, re.MULTILINE))
    assert shown == folders


def test_pictures_are_small() -> None:
    for image in re.findall(r"docs/images/\w+\.png", README):
        assert (ROOT / image).stat().st_size < 300_000, image


if __name__ == "__main__":
    said = failures(sys.stdin.read(), "README.md")
    sys.stdout.write(said)
    sys.exit(bool(said))
