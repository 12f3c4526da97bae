"""Metadata: what the wheel and the sdist say and carry, the citation, the workflow, the install texts."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.metadata import Metadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import convpad

pytestmark = pytest.mark.needs("numpy")

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def build(source: Path, target: Path, kind: str) -> Path:
    """Build a wheel or an sdist of a source tree, and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")) as archive:
        yield archive


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(build(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    return source


def contents(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    return {name: wheel.read(name) for name in wheel.namelist()}


def metadata(wheel: zipfile.ZipFile) -> Metadata:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    raw, unparsed = parse_email(wheel.read(name))
    assert not unparsed
    return Metadata.from_raw(raw)  # refuses what is not valid


# The distributions


def test_what_the_wheel_says(wheel: zipfile.ZipFile) -> None:
    said = metadata(wheel)
    assert (said.name, str(said.version), said.author) == ("convpad", convpad.__version__, "The convpad authors")
    assert (said.license_expression, said.license_files) == ("Apache-2.0", ["LICENSE"])
    assert said.requires_python == SpecifierSet(">=3.11")
    assert sorted(said.keywords or []) == sorted(PROJECT["keywords"])
    assert said.classifiers is not None
    versions = [c.rpartition(" ")[2] for c in said.classifiers if re.search(r"Python :: 3\.\d+$", c)]
    assert versions == PYTHONS
    assert said.project_urls is None, "no address that is not there"


def test_the_wheel_holds_the_package_its_types_and_its_licence(wheel: zipfile.ZipFile) -> None:
    files = {name for name in wheel.namelist() if ".dist-info/" not in name}
    source = ROOT / "src"
    tracked = [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert files == {path.relative_to(source).as_posix() for path in tracked if ".egg-info" not in str(path)}
    assert "convpad/py.typed" in files
    (licence,) = (name for name in wheel.namelist() if name.endswith("/LICENSE"))
    assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_sdist_builds_the_same_wheel(unpacked: Path, wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(unpacked, tmp_path, "wheel")) as again:
        assert contents(again) == contents(wheel)


def test_the_sdist_holds_what_it_needs_to_be_tested_and_cited(unpacked: Path) -> None:
    files = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    papers = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "SECURITY.md", "Makefile"}
    assert papers | {"requirements-dev.txt", "tests/conftest.py", "docs/audit.md"} <= files
    assert not [name for name in files if name.startswith((".venv", ".git/")) or "__pycache__" in name]


def test_there_is_no_notice_of_others_to_carry() -> None:
    files = [path for folder in ("src", "tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")]
    owners = [path.name for path in files if re.search(r"^#.*copyright", path.read_text("utf-8"), re.I | re.M)]
    assert owners == []


# The extras


def requirements(extra: str, of: dict[str, list[str]]) -> list[Requirement]:
    """The packages that an extra brings, those of the extras that it names with them."""
    packages: list[Requirement] = []
    for requirement in map(Requirement, of[extra]):
        inner = [package for name in sorted(requirement.extras) for package in requirements(name, of)]
        packages += inner if requirement.name == "convpad" else [requirement]
    return packages


def pinned() -> dict[str, str]:
    """The versions that everything is tested with."""
    lines = (ROOT / "requirements-dev.txt").read_text("utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {pin.name.lower(): str(pin.specifier).removeprefix("==") for pin in pins}
    return versions | {"tensorflow": versions["tensorflow-cpu"]}


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_resolves_to_what_is_tested(extra: str, wheel: zipfile.ZipFile) -> None:
    packages = requirements(extra, EXTRAS)
    assert packages
    for package in packages:
        assert package.specifier.contains(pinned()[package.name.lower()]), package
    assert extra in (metadata(wheel).provides_extra or [])


def test_all_is_every_extra_of_users() -> None:
    users = sorted(set(EXTRAS) - {"all", "docs", "test"})
    assert sorted(Requirement(EXTRAS["all"][0]).extras) == users


def test_an_extra_that_is_not_there_is_noticed() -> None:
    with pytest.raises(KeyError, match="tf"):
        requirements("all", {"all": ["convpad[tf]"]})


# The citation


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == convpad.__version__
    assert citation["authors"] == PROJECT["authors"]
    assert (citation["title"], citation["license"]) == (PROJECT["name"], PROJECT["license"])
    assert citation["keywords"] == PROJECT["keywords"]
    assert (citation["cff-version"], citation["type"], bool(citation["message"])) == ("1.2.0", "software", True)


# The workflow


def rules(makefile: str) -> dict[str, list[str]]:
    """The targets of a Makefile and what each needs first, its variables filled in."""
    values = dict(re.findall(r"^([A-Z]+) :?= (.*)$", makefile, re.M))
    filled = re.sub(r"\$\(([A-Z]+)\)", lambda name: values.get(name[1], ""), makefile)
    found = re.findall(r"^([a-z][a-z\- ]*):(?!=)([^#\n]*)", filled, re.M)
    return {target: needs.split() for targets, needs in found for target in targets.split()}


RULES = rules((ROOT / "Makefile").read_text("utf-8"))
WORKFLOWS = [*(ROOT / ".github" / "workflows").glob("*.yml")]


def called(commands: str) -> list[str]:
    return re.findall(r"\bmake ([a-z-]+)", commands)


def targets(workflow: dict[str, Any]) -> set[str]:
    """The targets of `make` that the jobs of a workflow call, one for each entry of a matrix where there is one."""
    found: set[str] = set()
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            command = step.get("run", "")
            for name, entries in job.get("strategy", {}).get("matrix", {"": [""]}).items():
                for entry in entries:
                    found |= {*called(command.replace(f"${{{{ matrix.{name} }}}}", str(entry)))}
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_call_targets_that_exist_and_pin_their_actions(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert targets(workflow)
    assert targets(workflow) <= set(RULES)
    actions = [step["uses"] for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]
    assert actions
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in actions)


def test_the_workflow_runs_what_ci_runs_on_each_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    wanted = called((ROOT / ".ci" / "run").read_text("utf-8"))
    assert wanted
    for target in wanted:
        parts = [need for need in RULES[target] if need in RULES]
        assert {*(parts or [target])} <= targets(workflow), target
    first = next(step["with"] for step in workflow["jobs"]["check"]["steps"] if "with" in step)["python-version"]
    assert [first, *workflow["jobs"]["python"]["strategy"]["matrix"]["python"]] == PYTHONS


def test_a_missing_target_is_noticed() -> None:
    made = rules("PARTS := one two\nall: $(PARTS)\n\n$(PARTS): %: x\n\ttouch $@\n")
    assert made == {"all": ["one", "two"], "one": ["%:", "x"], "two": ["%:", "x"]}
    job = {"strategy": {"matrix": {"part": ["one", "three"]}}, "steps": [{"run": "make ${{ matrix.part }}"}]}
    assert targets({"jobs": {"job": job}}) - set(made) == {"three"}


# What texts say of installing


TEXTS = [
    *(path for pattern in ("*.md", "docs/**/*.md", "benchmarks/**/*.md") for path in ROOT.glob(pattern)),
    *(path for folder in ("src", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py")),
]
INSTALL = re.compile(r"\bpip install ([^\n`\"#){\\]*)")
"""What is said to install, up to what is filled in where it is said: the tests of these messages look at that."""


def wrong_installs(text: str) -> list[str]:
    """What a text says to install that is neither a package of an extra nor an extra of a checkout."""
    packages = {requirement.name for extra in EXTRAS for requirement in requirements(extra, EXTRAS)}
    wrong: list[str] = []
    for words in INSTALL.findall(text):
        for word in words.split():
            checkout = re.fullmatch(r"'\.\[([a-z,]+)\]'", word)
            known = {*checkout[1].split(",")} <= set(EXTRAS) if checkout else word in packages
            if not known:
                wrong.append(word)
    return wrong


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_texts_say_to_install_can_be_installed(path: Path) -> None:
    assert wrong_installs(path.read_text("utf-8")) == []


@pytest.mark.parametrize("word", ["convpad", "'convpad[keras]'", "'.[tf]'", "no-such-package"])
def test_what_cannot_be_installed_is_noticed(word: str) -> None:
    assert wrong_installs(f"Try: `pip install {word}` # or so") == [word]
