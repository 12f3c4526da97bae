"""What runs is what the plan says, route and kernel, for every row of the benchmarks; traced, not computed."""

from __future__ import annotations

from typing import Any

import pytest
from frameworks import ENGINES

import convpad
from benchmarks.rows import MODES, ROWS
from convpad.backends import backend_named

pytestmark = [
    pytest.mark.needs("jax", "tensorflow", "torch"),
    pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor:UserWarning"),
]

BACKEND = next(name for name in ENGINES if name != "numpy")

RUNS = {"native": "Native", "rescale": "Native", "correction": "Corrected", "padded": "Padded"}
"""The executor that each route of a convolution runs."""


def trace(backend: str, row: Any, mode: Any) -> None:
    """Run a row's operation on shapes alone."""
    options = {**row.layer().options, "padding_mode": mode}

    def call(x: Any, kernel: Any) -> Any:
        return getattr(convpad, row.op)(x, kernel, **options)

    if backend == "jax":
        import jax

        shapes = [jax.ShapeDtypeStruct(shape, "float32") for shape in (row.input_shape, row.kernel_shape)]
        jax.make_jaxpr(call)(*shapes)
    elif backend == "torch":
        import torch
        from torch._subclasses.fake_tensor import FakeTensorMode

        with FakeTensorMode():
            call(torch.empty(row.input_shape), torch.empty(row.kernel_shape))
    else:
        import tensorflow as tf

        shapes = [tf.TensorSpec(shape, "float32") for shape in (row.input_shape, row.kernel_shape)]
        tf.function(call).get_concrete_function(*shapes)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.parametrize("mode", MODES)
def test_what_runs_is_what_the_plan_says(
    row: Any, mode: str, executors_run: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels: list[str] = []
    choose = backend_named(BACKEND).kernel_name

    def chosen(*facts: Any) -> str:
        kernels.append(choose(*facts))
        return kernels[-1]

    plan = row.layer(BACKEND).plan(row.spelled(mode))
    if BACKEND == "jax":
        from convpad.backends.jax import convolutions

        monkeypatch.setattr(convolutions, "kernel_name", chosen)
    trace(BACKEND, row, row.spelled(mode))
    assert executors_run[0] == ("Transposed" if row.transposed else RUNS[plan.route]), plan
    if BACKEND == "jax":
        assert plan.kernel in kernels, (plan, kernels)
