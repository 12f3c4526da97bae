"""Comparison of two answers, forward and gradient, on every backend and route."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from cases import Case
from frameworks import framework

from convpad import reference

TOLERANCE = {"float64": 1e-11, "float32": 2e-5, "bfloat16": 4e-2, "float16": 6e-3}


def assert_close(got: Any, want: Any, dtype: str = "float64", where: str = "") -> None:
    """Equal shapes, and values equal within the dtype's tolerance of the answer's scale; infinities exactly."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape, f"{where}: shape {got.shape}, not {want.shape}"
    assert (np.isfinite(got) == np.isfinite(want)).all(), f"{where}: infinities differ"
    finite = np.isfinite(want)
    assert (got[~finite] == want[~finite]).all(), f"{where}: infinities differ"
    scale = max(1.0, np.abs(want[finite]).max(initial=0))
    worst = np.abs(got[finite] - want[finite]).max(initial=0)
    assert worst <= TOLERANCE[dtype] * scale, f"{where}: differs by {worst:.3g} at a scale of {scale:.3g}"


def oracle(case: Case, *arrays: Any) -> Any:
    """The right answer, in float64."""
    return reference.solve(case.problem(), case.padding().values, *(arrays or case.arrays))


def assert_forward(name: str, case: Case, dtype: str = "float64", one_program: bool = False, **changed: Any) -> Any:
    """The backend's answer is of the input's dtype, and the oracle's, which computes from the same rounded arrays.

    `one_program` is for many shapes on JAX, where XLA compiles every operation of a call that is not compiled whole.
    """
    backend = framework(name)
    tensors = [backend.tensor(array, dtype) for array in case.arrays]
    call = functools.partial(case.call, **changed)
    out = (backend.compiled(call) if one_program and name == "jax" else call)(*tensors)
    assert dtype in str(out.dtype), f"{name} {case}: {out.dtype}, not {dtype}"
    got = backend.numpy(out)
    rounded = [np.asarray(backend.numpy(tensor), np.float64) for tensor in tensors]
    assert_close(got, oracle(case, *rounded), dtype, f"{name} {dtype} {case}")
    return got


def assert_gradients(name: str, case: Case, seed: int = 0, **changed: Any) -> None:
    """The backend's gradients, to the input and to every kernel, are the oracle's."""
    backend = framework(name)
    cotangent = np.random.default_rng(seed).normal(size=oracle(case).shape)
    want, _ = reference.gradients(case.problem(), case.padding().values, cotangent, *case.arrays)
    got = backend.gradients(lambda *arrays: case.call(*arrays, **changed), list(case.arrays), cotangent)
    for place, (one, other) in enumerate(zip(got, want, strict=True)):
        assert_close(one, other, where=f"{name} gradient {place} of {case}")
