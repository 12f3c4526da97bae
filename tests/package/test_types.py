"""Types of the public functions, as pyright in strict mode sees them: a right and a wrong use of each kind."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import convpad

pytestmark = pytest.mark.needs("torch")

USES = """\
import torch

import convpad


def right(x: torch.Tensor, kernel: torch.Tensor) -> None:
    reveal_type(convpad.conv(x, kernel, padding="same", padding_mode="reflect"))
    convpad.conv(x, kernel, padding=(1, (2, 0)), padding_mode=("circular", ("zeros", 3.5)))
    convpad.pad(x, ((1, 0), 2), convpad.Constant(1))
    reveal_type(convpad.MODES["reflect"].name)
    convpad.solve(224, 112)[0].padding


def wrong(x: torch.Tensor, kernel: torch.Tensor) -> None:
    convpad.nonexistent
    convpad.conv(x, kernel, padding="same", padding_mode="refelct")
    convpad.conv(x, kernel, padding="sane")
    convpad.pad(x, None)
    convpad.MODES["mine"] = convpad.MODES["zeros"]
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Everything that pyright says of the uses."""
    if find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    folder = tmp_path_factory.mktemp("types")
    (folder / "uses.py").write_text(USES, encoding="utf-8")
    source = str(Path(convpad.__file__).parents[1])
    config = {"typeCheckingMode": "strict", "extraPaths": [source], "reportUnusedExpression": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(config), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["generalDiagnostics"]


def lines(said: list[dict[str, Any]], severity: str) -> dict[str, str]:
    """The messages of a severity, by the line of code they belong to."""
    code = USES.splitlines()
    chosen = [entry for entry in said if entry["severity"] == severity]
    return {code[entry["range"]["start"]["line"]].strip(): entry["message"] for entry in chosen}


def test_right_uses_have_their_types(said: list[dict[str, Any]]) -> None:
    assert [message.split(" is ")[1] for message in lines(said, "information").values()] == ['"Tensor"', '"str"']


def test_wrong_uses_and_no_others_are_reported(said: list[dict[str, Any]]) -> None:
    wrong = USES.split("def wrong")[1].splitlines()[1:]
    reported = lines(said, "error")
    assert sorted(reported) == sorted(line.strip() for line in wrong), reported
    assert '"nonexistent" is not a known attribute of module "convpad"' in reported["convpad.nonexistent"]
