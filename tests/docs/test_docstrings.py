"""Examples in docstrings, run in every file of the package."""

from __future__ import annotations

import doctest
import inspect
import pydoc
import re
from importlib import import_module
from types import ModuleType

import pytest
from doctests import failures
from frameworks import CHOSEN
from loadable import modules

import convpad

# Keras 3.15.1's own variables, asked for their values by NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

FLAGS = doctest.NORMALIZE_WHITESPACE
FILES = sorted(modules())


HERE = {"keras", *CHOSEN} if CHOSEN != ["numpy"] else set[str]()
FRAMEWORKS = {"jax", "keras", "tensorflow", "torch"}


def examples(module: ModuleType) -> list[doctest.DocTest]:
    """Every docstring of a module that has an example which the frameworks of this process are enough for.

    An import says what the lines from it to the next import need.
    """
    tests = doctest.DocTestFinder(exclude_empty=True).find(module)
    for test in tests:
        lines, enough = list(test.examples), True
        test.examples = []
        for line in lines:
            if line.source.startswith(("import ", "from ")):
                enough = FRAMEWORKS & set(re.findall(r"\w+", line.source)) <= HERE
            test.examples += [line] * enough
    return [test for test in tests if test.examples]


@pytest.mark.parametrize("name", ["convpad", *FILES])
def test_examples(name: str) -> None:
    module = import_module(name)
    assert (module.__doc__ or "").strip(), f"{name} does not say which question it answers"
    for test in examples(module):
        if "jax" in CHOSEN or 'backend="jax"' not in test.docstring:
            assert not failures(test, FLAGS), test.name


def test_examples_run_where_their_frameworks_are() -> None:
    module = ModuleType("some", ">>> import keras\n>>> 1 + 1\n3\n>>> import torch\n>>> 1 + 1\n4\n>>> import re\n")
    lines = [line.source.strip() for test in examples(module) for line in test.examples]
    keras, torch = (["import " + name, "1 + 1"] * (name in HERE) for name in ("keras", "torch"))
    assert lines == [*keras, *torch, "import re"]


def test_that_wrong_examples_are_noticed() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, 0)
    assert "Expected:\n    3" in failures(wrong, FLAGS)


@pytest.mark.parametrize("name", convpad.__all__)
def test_everything_public_is_documented(name: str) -> None:
    value = getattr(convpad, name)
    if callable(value):
        assert ">>>" in (inspect.getdoc(value) or ""), f"{name} shows no example"


@pytest.mark.skipif(CHOSEN == ["numpy"], reason="this process has no Keras")
def test_every_layer_has_an_example() -> None:
    from convpad import keras as layers

    for name in layers.__all__:
        assert ">>>" in inspect.getdoc(getattr(layers, name)), name


@pytest.mark.skipif(CHOSEN == ["numpy"], reason="this process has no Keras")
def test_help_shows_the_arguments_of_every_layer() -> None:
    from convpad import keras as layers

    for name in layers.__all__:
        layer = getattr(layers, name)
        if isinstance(layer, type):
            text = pydoc.plain(pydoc.render_doc(layer)).split("Method resolution order")[0]
            sections = [text.find(section) for section in ("Example:", "Shapes:", "Args:", "Raises:", "Source:")]
            assert -1 not in sections, name
            assert sections == sorted(sections), name
