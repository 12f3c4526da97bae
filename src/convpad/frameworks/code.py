"""Code and arguments of frameworks: a `Translation`, and the rules of writing calls and reading amounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convpad.core.errors import ShapeError, closest, refuse
from convpad.core.padding import Padding
from convpad.core.validation import is_int, listed, per_axis
from convpad.core.window import Window


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


def shortest_amounts(padding: str | Sequence[Any]) -> Any:
    """Return the amounts of `Padding.spelling` as short as convpad reads them: `((1, 1), (1, 1))` is `1`."""
    has_words = isinstance(padding, str) or any(isinstance(amount, str) for amount in padding)
    return padding if has_words else shortest_pairs(padding)


def call(function: str, *positional: Any, **options: Any) -> str:
    """Write ``function(1, name="x")``, without the options that are None."""
    arguments = [*map(repr, positional), *(f"{key}={value!r}" for key, value in options.items() if value is not None)]
    return f"{function}({', '.join(arguments)})".replace("'", '"')


def unless_zero(argument: str, numbers: Sequence[int]) -> dict[str, Any]:
    """Return the argument with one number for all axes or one for each; nothing where all are 0, its default."""
    return {argument: collapse(numbers)} if any(numbers) else {}


# Arguments


def check_choice(argument: str, value: Any, choices: Iterable[str], whose: str = "") -> None:
    """Refuse an argument that is none of the choices; `whose` stands before them in the refusal."""
    if value not in choices:
        mend = closest(value, choices) if isinstance(value, str) else ""
        raise refuse(argument, f"be one of {whose}{', '.join(map(repr, choices))}", value, mend)


def default_mode(op: str, counts: Any = False) -> str:
    """Return the mode of an operation without an argument for it; `counts`: whether an average counts the padding."""
    return "ignore" if op == "max_pool" or (op == "average_pool" and not counts) else "zeros"


def as_padding(pairs: Sequence[tuple[int, int] | None], mode: Any) -> Padding:
    """Return a framework's amounts as a `Padding`; a pair is None where it depends on a size that is not known."""
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(pairs):
        raise ShapeError("These words must come with sizes that they can be counted from. Received: a size of None.")
    return Padding.parse(known[0] if len(known) == 1 else known, mode, rank=len(known))


def pair_entries(argument: str, value: Any, rank: int, allowed: str) -> list[Any]:
    """Return one pair for each axis from an int, or from one int or pair for each axis."""
    entries = [value] * rank if is_int(value) else listed(value) or ()
    pairs = [(entry, entry) if is_int(entry) else tuple(listed(entry) or ()) for entry in entries]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        raise refuse(argument, allowed, value)
    return pairs


def crop_less(pairs: Sequence[tuple[int, int]], output_padding: Any) -> list[tuple[int, int]]:
    """Return the crop of a transposed convolution whose `output_padding` gives some of it back after each axis.

    What `output_padding` adds beyond the full output is no crop: `convpad.conv_transpose` takes it by itself.
    """
    extras = per_axis("output_padding", output_padding, len(pairs), 0)
    return [(before, max(after - extra, 0)) for (before, after), extra in zip(pairs, extras, strict=True)]


def rounded_up(window: Window, pad: int) -> tuple[int, int] | None:
    """Return the amounts that a pool's windows read where it pads both sides by `pad` and rounds up.

    In PyTorch and Theano the last window may hang over the padded axis, and is dropped if it starts behind the axis.
    None where the size is not known.
    """
    ceil = replace(window, before=pad, after=pad, ceil=True)
    return None if ceil.leftover is None else (pad, max(pad + ceil.overhang - ceil.leftover, 0))


def overhang_modes(pairs: Sequence[tuple[int, int] | None], afters: Sequence[int], mode: str) -> Any:
    """Return the padding modes of a pool that rounds up: beyond its padding, which may count, nothing counts.

    `pairs` are the amounts that its windows read, `afters` and `mode` the padding after each axis in its arguments.
    A last window that reads both is refused.
    """
    overhangs = [pair is not None and pair[1] > after for pair, after in zip(pairs, afters, strict=True)]
    if mode == "ignore" or not any(overhangs):
        return mode
    if any(overhang and after for overhang, after in zip(overhangs, afters, strict=True)):
        allowed = "be off, or count_include_pad, where the last window reaches beyond what is padded"
        raise refuse("ceil_mode", allowed, True)
    modes = [(mode, "ignore" if overhang else mode) for overhang in overhangs]
    return modes[0] if len(modes) == 1 else tuple(modes)
