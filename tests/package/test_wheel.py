"""The wheel in a fresh environment with the README's first extra alone: its first lines work as they are pasted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("numpy")

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALL = re.search(r"^```\n(pip install .*?)^```$", README, re.MULTILINE | re.DOTALL)
FIRST_BLOCK = re.search(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Run lines in a shell of the fresh environment, in which the README's first lines were pasted."""
    folder = tmp_path_factory.mktemp("fresh")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
    (wheel,) = folder.glob("convpad-*.whl")
    kept = {name: value for name, value in os.environ.items() if name not in ("KERAS_BACKEND", "PYTHONPATH")}
    variables = kept | {
        "PATH": f"{folder / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_CONSTRAINT": str(ROOT / "requirements-dev.txt"),  # the versions that everything else is tested with
        "KERAS_HOME": str(folder),
    }

    def run(lines: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-c", lines], cwd=folder, env=variables, capture_output=True, text=True, check=False
        )

    assert INSTALL is not None
    install, *exports = INSTALL[1].splitlines()
    done = run(install.replace("'.[keras]'", f"'{wheel}[keras]'").replace("pip install", "pip install --quiet"))
    assert done.returncode == 0, done.stderr
    for line in exports:
        name, _, value = line.partition("#")[0].removeprefix("export ").strip().partition("=")
        variables[name] = value
    return run


def test_the_first_block_of_the_readme(shell: Shell) -> None:
    assert FIRST_BLOCK is not None
    done = shell(f"cat > first.txt <<'END'\n{FIRST_BLOCK[1]}\nEND\npython -m doctest first.txt")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_missing_backend_is_named_with_the_line_that_mends_it(shell: Shell) -> None:
    done = shell("unset KERAS_BACKEND; python -c 'import convpad; convpad.keras'")
    said = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert "tensorflow" in said
    assert "KERAS_BACKEND=jax" in said


def test_commands_say_what_they_need_and_it_mends_them(shell: Shell) -> None:
    commands = ("convpad explain 6 --kernel 3", "python -m convpad explain 6 --kernel 3")
    for command in commands:
        done = shell(command)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        _, _, mend = done.stderr.partition("Install it with: ")
        assert mend == "pip install typer rich\n"
    assert shell(mend.replace("install", "install --quiet")).returncode == 0
    for command in commands:
        done = shell(command)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("conv on 6")
