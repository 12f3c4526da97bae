"""Executors as compiled programs: called outside of `jax.jit`, they run as one program and not operation by operation.

Inside of another program they are inlined, so that it holds nothing but their operations.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from convpad.backends.jax.tensors import Tensor, owns


class _Numbers:
    """The constants of a padding that are no tensors, compared as they are written: 0.0 is not -0.0, and NaN is NaN."""

    __slots__ = ("_key", "values")

    def __init__(self, values: Any) -> None:
        self.values = values
        self._key = repr(values)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Numbers) and self._key == other._key


def compiled(executor: Callable[..., Tensor], values: Any) -> Callable[..., Tensor]:
    if all(value is None for pair in values for value in pair):
        program: Any = jax.jit(partial(executor, values), inline=True)
        return lambda values, *arrays: program(*arrays)

    @partial(jax.jit, static_argnums=0, inline=True)
    def program_of(numbers: _Numbers, tensors: list[list[Any]], *arrays: Tensor) -> Tensor:
        rows = zip(numbers.values, tensors, strict=True)
        return executor(
            tuple([tuple([b if a is None else a for a, b in zip(*row, strict=True)]) for row in rows]), *arrays
        )

    def run(values: Any, *arrays: Tensor) -> Tensor:
        numbers = _Numbers([[None if owns(value) else value for value in pair] for pair in values])
        return program_of(numbers, [[value if owns(value) else None for value in pair] for pair in values], *arrays)

    return run
