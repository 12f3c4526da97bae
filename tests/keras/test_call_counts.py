"""The way from a constructor to the tensor, counted in calls of convpad's named functions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import framework
from keras_layers import keras

import convpad
import convpad.keras

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")

PACKAGE = str(Path(convpad.__file__).parent)
BACKEND = keras.config.backend()


def calls(function: Callable[[], Any]) -> list[str]:
    """The named functions of convpad that run while a function does."""
    found: list[str] = []

    def watch(frame: Any, event: str, argument: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and not code.co_name.startswith("<"):
            found.append(f"{Path(code.co_filename).stem}.{code.co_name}")

    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(None)
    return found


def layer() -> Any:
    return convpad.keras.Conv2D(32, 3, padding="same", padding_mode="reflect")


def test_constructor() -> None:
    layer()  # what is imported and remembered once
    found = calls(layer)
    assert len(found) <= 60, found
    assert found.count("padding.parse") == 2, "the words are read once; the operation takes the Padding as it is"


def test_build_makes_no_plan() -> None:
    layer().build((1, 32, 32, 16))  # what is imported once; another shape, as shapes are remembered
    built = layer()
    found = calls(lambda: built.build((1, 64, 64, 32)))
    assert len(found) <= 70, found
    assert "plan.choose" not in found


def test_output_shape_makes_no_plan() -> None:
    built = layer()
    assert "plan.choose" not in calls(lambda: built.compute_output_shape((1, 64, 64, 32)))


@pytest.mark.skipif(BACKEND != "torch", reason="the others run compiled")
def test_a_later_call_on_torch() -> None:
    torch = framework("torch").torch
    x, kernel = torch.zeros(1, 64, 64, 32, requires_grad=True), torch.zeros(3, 3, 32, 32, requires_grad=True)
    built = layer()
    built(x)
    for call in (lambda: convpad.conv(x, kernel, padding="same", padding_mode="reflect"), lambda: built(x)):
        call()
        found = calls(call)
        assert len(found) <= 40, found
        decided = ("plan.choose", "problem.make_problem", "operation.parse", "halo.halo", "padding.parse")
        assert not set(decided) & set(found), "a call like an earlier one decides nothing again"


@pytest.mark.skipif(BACKEND != "jax", reason="needs jax")
def test_nothing_runs_under_jit() -> None:
    jax = framework("jax").jax
    x, kernel = jax.numpy.zeros((1, 8, 8, 3)), jax.numpy.zeros((3, 3, 3, 4))
    compiled = jax.jit(lambda x, kernel: convpad.conv(x, kernel, padding="same", padding_mode="reflect"))
    compiled(x, kernel)
    assert calls(lambda: compiled(x, kernel)) == []


def test_the_counter_counts() -> None:
    found = calls(lambda: convpad.conv(np.zeros((1, 4, 1)), np.zeros((3, 1, 1)), padding="same"))
    assert {"functions.conv", "run.call"} <= set(found)
