"""Imports of `import convpad`: NumPy at most, and no framework."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("numpy")

FOREIGN = ("jax", "jaxlib", "keras", "matplotlib", "onnx", "rich", "scipy", "tensorflow", "torch", "typer")

CORE = """
import convpad
p = convpad.Padding.parse("same", ("reflect", 7), rank=2)
assert repr(p) == "Padding.parse('same', ('reflect', 7), rank=2)"
convpad.MODES, convpad.Constant(1), convpad.Learned("ones"), convpad.PaddingError, convpad.ShapeError
convpad.plan((1, 8, 8, 3), (3, 3, 3, 4), padding="same", backend="numpy")
dir(convpad)
"""
ORACLE = """
import numpy as np
x, k = np.ones((1, 8, 3)), np.ones((3, 3, 4))
convpad.pad(x, 1, "circular")
convpad.conv(x, k, padding="same", padding_mode="ignore")
convpad.depthwise_conv(x, np.ones((3, 3, 1)))
convpad.separable_conv(x, np.ones((3, 3, 1)), np.ones((1, 3, 2)))
convpad.conv_transpose(x, np.ones((3, 4, 3)), strides=2)
convpad.max_pool(x, 2), convpad.average_pool(x, 2)
try:
    convpad.pad([1.0], 1)
except convpad.PaddingError:
    pass
"""


def need_installed(*packages: str) -> None:
    """Skip a test of fresh processes where a package is not installed at all; this process may see no framework."""
    missing = [name for name in packages if not PathFinder.find_spec(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


def _foreign(program: str) -> str:
    """The frameworks that a fresh process has imported once it has run the program."""
    asked = f"{program}\nimport sys\nprint(*sorted(set({FOREIGN}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-W", "error", "-c", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("program", ["import convpad", CORE, CORE + ORACLE], ids=["import", "core", "oracle"])
def test_no_framework_is_imported(program: str) -> None:
    assert _foreign(program) == ""


@pytest.mark.parametrize("module", ["rich", "scipy"])
def test_a_framework_would_be_noticed(module: str) -> None:
    pytest.importorskip(module)
    assert _foreign(f"import {module}") == module


def test_the_core_needs_the_standard_library_alone() -> None:
    # DESIGN: everything above the reference is free of NumPy, too.
    program = "import convpad; convpad.Padding.parse('same', rank=2); import convpad.core.problem\nimport sys\n"
    done = subprocess.run(
        [sys.executable, "-c", program + "print('numpy' in sys.modules)"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "False"), done.stderr


def test_a_program_that_fails_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no_such_module"):
        _foreign("import no_such_module")


def test_what_needs_keras_says_what_to_install() -> None:
    blocked = "import sys; sys.modules['keras'] = None\nimport convpad\n"
    program = blocked + "try:\n    convpad.keras\nexcept ModuleNotFoundError as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == (
        "convpad.keras needs Keras 3, which is not installed. Install it, and one of the backends that it runs "
        "on, with: pip install keras jax\n"
    ), done.stderr


@pytest.mark.parametrize("how", ["convpad.{}", "import convpad.{}", "from convpad.{} import *"])
@pytest.mark.parametrize(
    ("name", "framework", "missing"),
    [
        ("torch", "PyTorch", "torch"),
        ("flax", "Flax", "flax"),
        ("flax", "Flax", "jax"),
        ("equinox", "Equinox", "equinox"),
        ("equinox", "Equinox", "jax"),
    ],
)
def test_a_front_end_says_what_to_install(name: str, framework: str, missing: str, how: str) -> None:
    if missing == "jax":
        need_installed(name)
    program = f"import sys; sys.modules[{missing!r}] = None\nimport convpad\n"
    program += f"try:\n    exec({how.format(name)!r})\nexcept ModuleNotFoundError as error:\n    print(error)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    said = f"convpad.{name} needs {framework}, which is not installed. Install it with: pip install {name}\n"
    assert done.stdout == said, done.stderr


@pytest.mark.parametrize(
    ("set_to", "installed", "mend"),
    [
        (None, ("torch", "jax"), "KERAS_BACKEND=jax"),
        (None, ("torch",), "KERAS_BACKEND=torch"),
        ("jax", ("torch",), "KERAS_BACKEND=torch"),
        (None, (), "KERAS_BACKEND=jax (none is installed yet: pip install jax)"),
    ],
)
def test_where_the_backend_of_keras_is_missing_it_is_named(
    tmp_path: Path, set_to: str | None, installed: tuple[str, ...], mend: str
) -> None:
    need_installed("keras", *installed)
    missing = {"jax", "tensorflow", "torch"} - {*installed}
    program = f"import sys; sys.modules.update(dict.fromkeys({sorted(missing)}))\nimport convpad\n"
    program += "try:\n    convpad.keras\nexcept ModuleNotFoundError as error:\n    print(error)"
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    environment |= {"KERAS_HOME": str(tmp_path)} | ({"KERAS_BACKEND": set_to} if set_to else {})
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    backend = set_to or "tensorflow"
    assert done.stdout == (
        f"convpad.keras needs Keras, which is set to run on {backend} (its default is tensorflow), and {backend} is "
        f"not installed. Before Keras is imported, set another backend in the environment: {mend}\n"
    ), done.stderr


@pytest.mark.parametrize("call", ["convpad.fold(model)", "convpad.repad(model, 'circular')"])
def test_models_of_pytorch_need_no_keras_and_those_of_keras_no_pytorch(call: str) -> None:
    need_installed("torch", "keras", "jax")
    program = (
        "import sys; sys.modules.update(dict.fromkeys({missing!r}))\nimport convpad, {framework}\n{model}\n" + call
    )
    torch = "model = torch.nn.Sequential(torch.nn.ZeroPad2d(1), torch.nn.Conv2d(3, 8, 3))"
    keras = "model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(8, 3)])"
    for framework, missing, model in (("torch", ["keras"], torch), ("keras", ["torch"], keras)):
        text = program.format(missing=missing, framework=framework, model=model)
        variables = os.environ | {"KERAS_BACKEND": "jax"}
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, env=variables)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", ["fold", "repad"])
@pytest.mark.parametrize("thing", [3, "model.keras", [1]])
def test_what_is_no_model_is_refused_without_a_framework(function: str, thing: object) -> None:
    import convpad

    with pytest.raises(convpad.PaddingError, match="`model` must be a Keras model or a torch.nn.Module. Received: "):
        getattr(convpad, function)(thing)


def test_another_package_that_is_missing_is_named() -> None:
    program = "import sys; sys.modules['numpy'] = None\nimport convpad\nconvpad.reference"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "numpy" in done.stderr.splitlines()[-1]


SAVED = """
import keras, convpad
model = keras.Sequential([keras.Input((5, 5, 1)), convpad.keras.Conv2D(1, 3, padding_mode="reflect", padding="same")])
model.save("model.keras")
"""


@pytest.mark.parametrize("imports", ["convpad, keras", "keras, convpad"])
def test_saved_models_load_once_convpad_is_imported(imports: str, tmp_path: Path) -> None:
    load = f"import {imports}\nprint(keras.saving.load_model('model.keras').layers[0].padding_mode)"
    for program, said in ((SAVED, ""), (load, "reflect\n")):
        variables = os.environ | {"KERAS_BACKEND": "jax"}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path, env=variables
        )
        assert (done.returncode, done.stdout) == (0, said), done.stderr


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow"])
def test_a_backend_is_loaded_before_its_framework(name: str) -> None:
    need_installed(name)
    program = f"import convpad\nprint(convpad.plan((1, 8, 8, 3), (3, 3, 3, 4), backend={name!r}).backend)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == f"{name}\n", done.stderr


def test_frameworks_are_found_and_fail_as_without_convpad() -> None:
    program = """import sys, importlib.util
sys.modules["convpad.keras"] = None
import convpad
print(importlib.util.find_spec("keras").name, importlib.util.find_spec("no_such_module"))
import keras
print(convpad.core.imports._Hook in map(type, sys.meta_path))"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "keras None\nFalse\n", done.stderr
