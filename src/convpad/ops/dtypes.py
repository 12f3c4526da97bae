"""Dtypes of inputs, kernels and constants: refused here, before a backend is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.core.errors import ShapeError
from convpad.core.padding import TensorValue, dtype_name
from convpad.core.problem import Problem


def is_floating(dtype: str) -> bool:
    """Return whether a dtype, by NumPy's name, is real and floating; bfloat16 is."""
    return "float" in dtype


def _integer_range(dtype: str) -> tuple[int, int]:
    if dtype == "bool":
        return 0, 1
    bits = int(dtype.lstrip("uint"))
    return (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def lowest(dtype: str) -> float | int:
    """Return the value that no value of the dtype is below."""
    return float("-inf") if is_floating(dtype) else _integer_range(dtype)[0]


def check_dtypes(problem: Problem, dtypes: dict[str, str]) -> None:
    """Refuse dtypes that the operation cannot compute with; `dtypes` are those of its arrays, by name."""
    listed = ", ".join(f"{name} of {dtype}" for name, dtype in dtypes.items())
    first = next(iter(dtypes.values()))
    if problem.op == "pad":
        if first == "bool" and any(mode.is_weighted for pair in problem.modes for mode in pair):
            raise ShapeError("An odd mirror subtracts, and booleans cannot. Received: x of bool. Cast it first.")
    elif problem.op == "max_pool":
        if first == "bool" or "complex" in first:
            raise ShapeError(f"A maximum needs numbers in order. Received: {listed}. Cast it first.")
    elif not all(map(is_floating, dtypes.values())):
        raise ShapeError(f"{problem.op} computes with real floating numbers. Received: {listed}. Cast first.")
    if len(set(dtypes.values())) > 1:
        raise ShapeError(f"All must be of one dtype. Received: {listed}. Cast them to the same.")


def check_values(values: Sequence[tuple[Any, Any]], dtype: str) -> None:
    """Refuse constants that are no values of the input's dtype: 0.5 among integers would quietly become 0."""
    if is_floating(dtype) or "complex" in dtype:
        return
    for value in (value for pair in values for value in pair if value is not None):
        if not isinstance(value, (int, float, tuple)):
            constant_dtype = value.dtype if isinstance(value, TensorValue) else dtype_name(value)
            raise ShapeError(
                f"A constant must be a value of the input's dtype, {dtype}. Received: a tensor of {constant_dtype}. "
                "Give numbers, or cast the input."
            )
        low, high = _integer_range(dtype)
        numbers: tuple[Any, ...] = value if isinstance(value, tuple) else (value,)  # pyright: ignore
        for number in numbers:
            if not low <= number <= high or number != int(number):
                raise ShapeError(f"A constant must be a value of the input's dtype, {dtype}. Received: {number!r}.")
