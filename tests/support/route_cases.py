"""Calls that the tests of routes share: every route with every mode that it knows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import Case
from frameworks import ENGINES, framework

KERNELS = {"conv": (3, 2, 4, 2), "depthwise_conv": (3, 2, 4, 2)}
COPIES = (("reflect", "circular"), ("replicate", "symmetric_odd"))
OTHERS = (("symmetric", "reflect_odd"), ("ignore", 1.5))
CONSTANTS = ((1.5, "zeros"), (-2.0, "ignore"))

# operation, route, modes: every route, and every mode that it knows
ROUTES = [
    ("conv", "correction", CONSTANTS),
    ("conv", "correction", COPIES),
    ("conv", "correction", OTHERS),
    ("conv", "rescale", "ignore"),
    ("conv", "rescale", (("ignore", "zeros"), ("zeros", "ignore"))),
    ("conv", "padded", COPIES),
    ("conv", "padded", OTHERS),
    ("depthwise_conv", "correction", CONSTANTS),
    ("depthwise_conv", "correction", COPIES),
    ("depthwise_conv", "correction", OTHERS),
    ("depthwise_conv", "rescale", "ignore"),
    ("depthwise_conv", "padded", COPIES),
]

on_every_engine = pytest.mark.parametrize("name", ENGINES)
on_every_route = pytest.mark.parametrize(("op", "route", "mode"), ROUTES, ids=str)


def asked(op: str, mode: Any, shape: Any = (2, 8, 9, 4), kernel: Any = None, **options: Any) -> Case:
    rng = np.random.default_rng(7)
    arrays = tuple(rng.normal(size=size) for size in (shape, kernel or KERNELS[op]))
    return Case(op, arrays, {"padding": 2, "padding_mode": mode, **options})


def program(name: str, function: Any) -> Any:
    """On JAX compiled as one: operation by operation it takes ten times as long until all are compiled."""
    return framework(name).compiled(function) if name == "jax" else function


def slopes(name: str, case: Case, arrays: Any, cotangent: Any, **changed: Any) -> list[Any]:
    """The gradients to all arrays."""
    called = program(name, lambda *given: case.call(*given, **changed))
    return framework(name).gradients(called, list(arrays), cotangent)
