"""Plans of 72 problems on every backend and device, as they were when the routes were first measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from frameworks import ENGINES

from convpad.backends import backend_named
from convpad.backends.base import Context
from convpad.core.padding import Padding
from convpad.core.problem import parse_problem
from convpad.ops.plan import choose

pytestmark = pytest.mark.needs("jax", "tensorflow", "torch")

RECORDED = json.loads((Path(__file__).parent / "plans.json").read_text(encoding="utf-8"))
CONTEXTS = {
    "jax: cpu": Context("cpu", gradient=None),
    "jax: gpu": Context("gpu", gradient=None),
    "tensorflow: cpu": Context("cpu"),
    "tensorflow: cpu, eagerly": Context("cpu", eager=True),
    "tensorflow: gpu": Context("gpu"),
    "torch: cpu": Context("cpu"),
    "torch: cpu, for a gradient": Context("cpu", gradient=True),
    "torch: gpu": Context("gpu"),
}
HERE = [name for name in CONTEXTS if name.split(":")[0] in ENGINES]


def tuples(value: Any) -> Any:
    return tuple(map(tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("name", HERE)
def test_plans_are_those_that_were_measured(name: str) -> None:
    assert len(RECORDED) == 72
    for row in RECORDED:
        words = {key: tuples(value) for key, value in row.items() if key not in ("output_shape", "plans")}
        op, shape, kernel = (words.pop(key) for key in ("op", "input_shape", "kernel_shape"))
        padding = Padding.parse(words.pop("padding"), words.pop("padding_mode"), rank=len(shape) - 2)
        problem = parse_problem(op, shape, kernel, padding, **words)
        assert list(problem.output_shape) == row["output_shape"]
        backend = name.split(":")[0]
        plan = choose(problem, backend, backend_named(backend), CONTEXTS[name])
        gradient_route = plan.gradient_route and str(plan.gradient_route)
        route, later, kernel_name = row["plans"][name]
        assert (str(plan.route), gradient_route) == (route, later), (row, name)
        if not problem.op.startswith("max") and kernel_name != "adjoint":  # oneDNN is not on every processor
            assert plan.kernel == kernel_name, (row, name)
