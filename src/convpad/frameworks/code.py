"""Code of frameworks: a `Translation` of one padded operation, and the rules by which its calls are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["InexactError", "Name", "Translation", "call", "collapse", "require", "shortest_pairs", "unless_zero"]


@dataclass(frozen=True, slots=True)
class Translation:
    """One padded operation in a framework's own terms.

    Args:
        framework: its name, one of `convpad.frameworks.NAMES`.
        code: whole lines to paste: a layer, a call on `x` and `kernel`, nodes of ONNX's text format, or layers of a
            prototxt. Empty where the framework cannot do it.
        exact: whether the framework's operation itself has this padding. If not, the code is a workaround.
        note: the reason for a workaround, or a warning; one or two sentences, or empty.
        arguments: the padding alone, as `convpad.frameworks.parse` takes it; empty where it is not exact.
    """

    framework: str
    code: str
    exact: bool
    note: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "exact": self.exact, "note": self.note}


class InexactError(Exception):
    """A framework's operation has no arguments for a padding. The text is the reason, for the user."""


def require(condition: object, reason: str) -> None:
    """Raise `InexactError` with this reason, unless the condition holds."""
    if not condition:
        raise InexactError(reason)


class Name(str):
    """A name in code, written without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def collapse(entries: Sequence[Any]) -> Any:
    """Return one entry for several equal ones, else a tuple of them all."""
    return entries[0] if all(entry == entries[0] for entry in entries) else tuple(entries)


def shortest_pairs(pairs: Sequence[tuple[int, int]]) -> Any:
    """Return pairs as Keras and convpad read them: one int where all sides are equal, one pair for one axis."""
    if len(numbers := {number for pair in pairs for number in pair}) == 1:
        return numbers.pop()
    return tuple(pairs) if len(pairs) > 1 else pairs[0]


def call(function: str, *positional: Any, **options: Any) -> str:
    """Write ``function(1, name="x")``, without the options that are None."""
    arguments = [*map(repr, positional), *(f"{key}={value!r}" for key, value in options.items() if value is not None)]
    return f"{function}({', '.join(arguments)})".replace("'", '"')


def unless_zero(argument: str, numbers: Sequence[int]) -> dict[str, Any]:
    """Return the argument with one number for all axes or one for each; nothing where all are 0, its default."""
    return {argument: collapse(numbers)} if any(numbers) else {}
