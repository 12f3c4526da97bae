"""TensorFlow's log lines, which no command shows unless it is told to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.needs("tensorflow")

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
PROGRAM = """
import sys
from convpad.cli.quiet import quiet_tensorflow
import convpad
quiet_tensorflow()
import tensorflow
sys.stderr.write("still here\\n")
"""


@pytest.mark.parametrize("program", [PROGRAM, PROGRAM.replace("import convpad\n", "") + "import convpad\n"])
def test_an_import_is_quiet_and_leaves_the_standard_error_as_it_was(program: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "still here\n")


def test_a_level_that_was_set_stays() -> None:
    program = "from convpad.cli.quiet import quiet_tensorflow\nimport os, sys\nbefore = [*sys.meta_path]\n"
    program += f"quiet_tensorflow()\nprint(os.environ[{LEVEL!r}], before == sys.meta_path)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, LEVEL: "1"}
    )
    assert done.stdout == "1 True\n"
