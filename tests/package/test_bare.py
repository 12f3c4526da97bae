"""The parts that need the standard library alone, run by an interpreter that sees nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import convpad

pytestmark = pytest.mark.needs("numpy")

SOURCE = Path(convpad.__file__).parents[1]

PROGRAM = """
import json, sys, tempfile, zipfile
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import convpad
from convpad.core.operation import Operation
from convpad.core.problem import make_problem


def layer(kind, **config):
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


layers = [
    layer("InputLayer", name="x", batch_shape=[None, 224, 224, 3]),
    layer("Conv2D", name="stem", filters=64, kernel_size=[7, 7], strides=[2, 2], padding="same"),
]
model = {"module": "keras", "class_name": "Sequential", "config": {"name": "small", "layers": layers}}
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "small.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(model))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
    audit = convpad.audit(path)
assert "stem" in str(audit) and "stem" in audit.to_html() and "stem" in audit.to_json()

explanation = convpad.explain(224, 7, strides=2, padding="half")
assert "224 -> 112" in str(explanation) and explanation.to_html()
assert convpad.solve(224, 112, kernel_size=7, strides=2)[0].padding == "same"
assert convpad.solve_chain("name, in, out, kernel, stride\\nstem, 224, 112, 7, 2").possible

operation = Operation.parse("conv", 2, padding="half", strides=2)
problem = make_problem(operation, (None, 224, 224, 3), (7, 7, 3, 64))
code = convpad.frameworks.to_code(problem, "torch").code
assert code == "torch.nn.Conv2d(3, 64, 7, stride=2, padding=3)", code

ours = set(sys.stdlib_module_names) | {"convpad", "__main__"}
print(*sorted({name.partition(".")[0] for name in sys.modules} - ours))
"""


def test_the_standard_library_is_enough() -> None:
    # -S: no site-packages; -I: neither PYTHONPATH nor the working directory.
    command = [sys.executable, "-S", "-I", "-c", PROGRAM, str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_the_interpreter_is_bare() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-I", "-c", "import numpy"], capture_output=True, text=True, check=False
    )
    assert "No module named 'numpy'" in done.stderr
