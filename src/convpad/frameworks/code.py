"""How is an operation written down as code? `Words`, and the few rules of writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convpad.core.errors import ShapeError
from convpad.core.padding import Padding
from convpad.core.validation import per_axis

__all__ = ["Name", "Words", "alike", "as_padding", "call", "cropped", "pair_or_one"]


@dataclass(frozen=True, slots=True)
class Words:
    """One padded operation in the words of one framework.

    Args:
        framework: its name, one of `convpad.frameworks.NAMES`.
        code: whole lines to paste: a layer, a call on `x` and `kernel`, nodes of ONNX's text format, or layers of a
            prototxt. Empty where nothing there can do it.
        exact: whether the framework says the padding in the operation itself. If not, the code is what to write
            instead.
        note: why not, or what to beware of; one or two sentences, or empty.
        arguments: the padding alone, as `convpad.frameworks.read` takes it; empty where it is not exact.
    """

    framework: str
    code: str
    exact: bool
    note: str = ""
    arguments: tuple[tuple[str, Any], ...] = ()


class Name(str):
    """A name in code: what is written without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def alike(entries: Sequence[Any]) -> Any:
    """One entry for several equal ones, else a tuple of them all."""
    return entries[0] if all(entry == entries[0] for entry in entries) else tuple(entries)


def pair_or_one(pairs: Sequence[tuple[int, int]]) -> Any:
    """Pairs as Keras and convpad read them: a single int where all are one number."""
    numbers = {number for pair in pairs for number in pair}
    if len(numbers) == 1:
        return numbers.pop()
    return tuple(pairs) if len(pairs) > 1 else pairs[0]


def call(function: str, *positional: Any, **options: Any) -> str:
    """``function(1, name="x")``; options that are None are left out."""
    said = [*map(repr, positional), *(f"{key}={value!r}" for key, value in options.items() if value is not None)]
    return f"{function}({', '.join(said)})".replace("'", '"')


def as_padding(pairs: Sequence[tuple[int, int] | None], mode: Any) -> Padding:
    """What a framework's numbers mean here; they are None where the size that they follow is not known."""
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(pairs):
        raise ShapeError("These words must come with sizes that they can be counted from. Received: a size of None.")
    return Padding.parse(known[0] if len(known) == 1 else known, mode, rank=len(known))


def cropped(pairs: Sequence[tuple[int, int]], output_padding: Any) -> list[tuple[int, int]]:
    """What a transposed convolution crops once `output_padding` has given some of it back after each axis.

    What `output_padding` adds beyond the full output is no amount: `convpad.conv_transpose` takes it apart.
    """
    given_back = per_axis("output_padding", output_padding, len(pairs), 0)
    return [(before, max(after - more, 0)) for (before, after), more in zip(pairs, given_back, strict=True)]
