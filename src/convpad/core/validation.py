"""Checks of arguments: numbers, ints, lists, one int per axis."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, cast

from convpad.core.errors import refuse


def is_numpy_scalar(value: object) -> bool:
    """Return whether a value is a NumPy scalar or an array without axes, without importing NumPy."""
    return type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0


def is_number(value: Any) -> bool:
    return type(value) is not bool and isinstance(value, Real)


def is_int(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def integer(argument: str, value: Any, minimum: int, mend: str = "") -> int:
    """Return `value` as an int that is at least `minimum`; bools and floats are not ints."""
    allowed = "be a positive int" if minimum == 1 else f"be an int of at least {minimum}"
    if not is_int(value):
        raise refuse(argument, allowed, value)
    number = operator.index(value)
    if number < minimum:
        raise refuse(argument, allowed, number, mend)
    return number


def each(rank: int) -> str:
    return "for the one spatial axis" if rank == 1 else f"for each of the {rank} spatial axes"


def listed(value: Any) -> list[Any] | None:
    """Return the entries of a list, a tuple or an array; None for anything else."""
    is_array = type(value).__module__ == "numpy" and getattr(value, "ndim", 0) > 0
    return [*cast("Sequence[Any]", value)] if isinstance(value, (list, tuple)) or is_array else None


def map_entries(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value of one entry, or of entries by axis and side, with every entry changed; lists become tuples."""
    entries = listed(value)
    return change(value) if entries is None else tuple(map_entries(entry, change) for entry in entries)


def per_axis(argument: str, value: Any, rank: int, minimum: int = 1) -> tuple[int, ...]:
    """Return one int per spatial axis, from one int or from one per axis, as Keras reads `strides`."""
    entries = listed(value)
    if entries is None:
        return (integer(argument, value, minimum),) * rank
    if len(entries) != rank:
        raise refuse(argument, f"be an int, or one {each(rank)}", value)
    return tuple(integer(argument, entry, minimum) for entry in entries)
