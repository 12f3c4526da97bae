"""`Padding`: amounts and modes, parsed once, frozen.

Strings, bare numbers and nested tuples exist only before `Padding.parse`; behind it there are one `Amount`
an axis and one `Mode` a side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from convpad.core.amounts import AMOUNTS, Amount, explicit
from convpad.core.errors import PaddingError, closest, refuse
from convpad.core.modes import ALLOWED, MODES, Mode, mode_named
from convpad.core.validation import each, integer, is_int, is_number, is_numpy_scalar, listed


@dataclass(frozen=True, slots=True)
class Constant:
    """The padding mode `constant` with what it carries: one number, or one per channel.

    Args:
        value: a number, a sequence with one number per input channel, or a tensor of shape `()` or
            `(channels,)`, through which gradients flow.

    Example:

    >>> import convpad, numpy as np
    >>> x = np.zeros((1, 2, 3))
    >>> convpad.pad(x, (1, 0), convpad.Constant([7, 8, 9]))[0, 0]
    array([7., 8., 9.])

    Raises:
        PaddingError: not a number, nor one number per channel.
    """

    value: Any

    def __post_init__(self) -> None:
        numbers = listed(self.value)
        if numbers is not None:
            value: Any = tuple(number.item() if is_numpy_scalar(number) else number for number in numbers)
            good = bool(value) and all(map(is_number, value))
        else:
            value = self.value.item() if is_numpy_scalar(self.value) else self.value
            shape = getattr(value, "shape", None)
            good = is_number(value) or (shape is not None and len(shape) <= 1)
        if not good:
            raise refuse("Constant(value)", "be a number, or one number per input channel", self.value)
        object.__setattr__(self, "value", value)


@dataclass(frozen=True, slots=True)
class Learned:
    """The padding mode `constant` with a trainable value per input channel, held by a Keras layer.

    Args:
        initializer: anything `keras.initializers.get` understands.

    Example:

    >>> import convpad
    >>> convpad.Learned("ones")
    Learned(initializer='ones')
    """

    initializer: Any = "zeros"

    def __post_init__(self) -> None:
        if not (isinstance(self.initializer, (str, dict)) or callable(self.initializer)):
            raise refuse("Learned(initializer)", "be what keras.initializers.get understands", self.initializer)


# How much

_PAIRS = "an int, or a pair (before, after) for each spatial axis"
_WORDS = f"one of {', '.join(map(repr, AMOUNTS))}, {_PAIRS}"

_NO_WINDOW = "There is no window here that it could depend on: give the numbers."

_FOREIGN_WORDS = {
    "same_upper": "ONNX's 'SAME_UPPER' is 'same' here.",
    "notset": "With ONNX's 'NOTSET' give its pads as pairs.",
    "none": "No padding is 'valid'.",
    "explicit": "Give the amounts themselves.",
}


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Reads amounts for an argument of that name, which may take words for them or numbers alone."""

    argument: str
    has_window: bool

    @property
    def allowed(self) -> str:
        return f"be {_WORDS if self.has_window else _PAIRS}"

    def named(self, word: str) -> Amount:
        known = word.lower()
        if known in AMOUNTS and self.has_window:
            return AMOUNTS[known]
        mend = _FOREIGN_WORDS.get(known, "") if self.has_window else ""
        if known in AMOUNTS:
            mend = _NO_WINDOW
        if known in MODES:
            mend = f"{known!r} says with what: give it as padding_mode=, and say here how much."
        raise refuse(self.argument, self.allowed, word, mend or (closest(word, AMOUNTS) if self.has_window else ""))

    def of_axis(self, entry: Any) -> Amount:
        """Read the amount of one axis: a word, an int for both sides, or a pair (before, after)."""
        if isinstance(entry, str):
            return self.named(entry)
        pair = listed(entry)
        if pair is None:
            if not is_int(entry):
                raise refuse(self.argument, self.allowed, entry)
            pair = [entry, entry]
        if len(pair) != 2 or any(isinstance(side, str) for side in pair):
            raise refuse(self.argument, "give two ints (before, after) for each spatial axis", entry)
        before, after = (integer(self.argument, side, 0, "To take values away, slice or crop.") for side in pair)
        return explicit(before, after)

    def read(self, padding: Any, rank: int) -> tuple[Amount, ...]:
        if isinstance(padding, str):
            amount = self.named(padding)
            # Time runs along one axis: the first.
            others = AMOUNTS["valid"] if amount.name == "causal" else amount
            return (amount, *(others,) * (rank - 1))
        entries = listed(padding)
        if entries is None:
            return (self.of_axis(padding),) * rank
        if rank == 1 and len(entries) == 2:
            entries = [padding]  # one axis: (before, after)
        if len(entries) != rank:
            mend = "((top, bottom), (left, right)) pads an image unevenly." if rank == 2 else ""
            raise refuse(self.argument, f"have one entry {each(rank)}", padding, mend)
        return tuple(self.of_axis(entry) for entry in entries)


# With what

ModeAndValue = tuple[Mode, Any]
"""The mode of one side, and the value that it carries: None where it carries none."""


def _read_side(entry: Any) -> ModeAndValue:
    if isinstance(entry, Mode):
        entry = entry.name
    if isinstance(entry, str):
        mode = mode_named(entry) if entry not in AMOUNTS else None
        if mode is None:
            raise refuse("padding_mode", "say with what", entry, f"{entry!r} says how much: give it as padding=.")
        if mode.takes_value:
            mend = "Give the number itself, Constant(value), or in a layer Learned()."
            raise refuse("padding_mode", "come with its value", entry, mend)
        return mode, None
    if isinstance(entry, Learned):
        return MODES["constant"], entry
    constant = entry if isinstance(entry, Constant) else Constant(entry) if is_number(entry) else None
    if constant is None:
        raise refuse("padding_mode", f"be one of {ALLOWED}", entry)
    return MODES["constant"], constant.value


def _read_axis(entry: Any) -> tuple[ModeAndValue, ModeAndValue]:
    pair = listed(entry)
    if pair is None:
        side = _read_side(entry)
        return side, side
    if len(pair) != 2:
        raise refuse("padding_mode", "be one mode, or a pair (before, after), on each spatial axis", entry)
    return _read_side(pair[0]), _read_side(pair[1])


def _read_mode(padding_mode: Any, rank: int) -> tuple[tuple[ModeAndValue, ModeAndValue], ...]:
    entries = listed(padding_mode)
    if entries is None:
        return (_read_axis(padding_mode),) * rank
    if rank == 1 and len(entries) == 2:
        entries = [padding_mode]  # one axis: (before, after)
    if len(entries) != rank:
        mend = "One number per channel is written Constant([...])." if entries and all(map(is_number, entries)) else ""
        raise refuse("padding_mode", f"have one entry {each(rank)}", padding_mode, mend)
    return tuple(_read_axis(entry) for entry in entries)


def _shortest(entries: Iterable[Any]) -> Any:
    """Return one entry instead of several equal ones."""
    entries = tuple(entries)
    return entries[0] if all(_is_same(entry, entries[0]) for entry in entries[1:]) else entries


def _is_same(entry: Any, other: Any) -> bool:
    """Return whether one entry may stand for both. Two equal `Learned` are two weights, and stay two."""
    if isinstance(entry, tuple) and isinstance(other, tuple) and len(entry) == len(other):  # pyright: ignore
        return all(_is_same(*pair) for pair in zip(entry, other, strict=True))  # pyright: ignore
    return entry is other if isinstance(entry, Learned) else entry == other


@dataclass(frozen=True, slots=True)
class TensorValue:
    """The place of a constant that is a tensor, or becomes one: its shape and dtype, None where they come later."""

    shape: tuple[int, ...] | None = None
    dtype: str | None = None


def dtype_name(tensor: Any) -> str:
    """Return NumPy's name for the dtype of a tensor of any framework."""
    return getattr(tensor.dtype, "name", str(tensor.dtype)).removeprefix("torch.")


def has_tensors(values: Iterable[tuple[Any, Any]]) -> bool:
    """Return whether a constant is a tensor, which may have a gradient, or becomes one."""
    return not all(isinstance(value, (int, float, tuple, type(None))) for pair in values for value in pair)


def _without_tensor(value: Any) -> Any:
    if isinstance(value, TensorValue):
        return value
    if hasattr(value, "shape"):
        return TensorValue(tuple(value.shape), dtype_name(value))
    return TensorValue() if isinstance(value, Learned) else value


@dataclass(frozen=True, slots=True)
class Padding:
    """How much and with what, for every spatial axis: the parsed form of `padding` and `padding_mode`.

    Args:
        amounts: one per axis.
        modes: `(before, after)` per axis.
        values: `(before, after)` per axis: what a `constant` carries (a number, a tuple with one per channel,
            a tensor, or a `Learned`), None for every other mode.

    Example:

    >>> import convpad
    >>> p = convpad.Padding.parse("same", ("reflect", "circular"), rank=2)
    >>> p
    Padding.parse('same', ('reflect', 'circular'), rank=2)
    >>> [(before.name, after.name) for before, after in p.modes]
    [('reflect', 'reflect'), ('circular', 'circular')]
    """

    amounts: tuple[Amount, ...]
    modes: tuple[tuple[Mode, Mode], ...]
    values: tuple[tuple[Any, Any], ...]

    @classmethod
    def parse(
        cls, padding: Any, padding_mode: Any = "zeros", *, rank: int, argument: str = "padding", has_window: bool = True
    ) -> Padding:
        """Read every accepted spelling into one form. A `Padding` is returned as it is.

        Args:
            padding: a `Padding`, or how much: a word ("valid", "same", "same_lower", "half", "full", "causal"), an
                int, or one entry per axis, each a word, an int or a pair `(before, after)`. With one axis, a pair.
            padding_mode: with what: a mode's name, a number, `Constant(...)` or `Learned(...)`; or one entry per
                axis, each one of these or a pair `(before, after)` of them.
            rank: the number of spatial axes.
            argument: what the caller calls `padding`, for refusals.
            has_window: False where there is no window, so that only numbers make sense.

        Raises:
            PaddingError: it is none of these.
        """
        rank = integer("rank", rank, 1)
        if isinstance(padding, Padding):
            return _checked(padding, padding_mode, rank, argument, has_window)
        rows = _read_mode(padding_mode, rank)
        modes = tuple((before[0], after[0]) for before, after in rows)
        return cls(
            _Amounts(argument, has_window).read(padding, rank),
            modes,
            tuple((before[1], after[1]) for before, after in rows),
        )

    @property
    def rank(self) -> int:
        """The number of spatial axes."""
        return len(self.amounts)

    @property
    def has_tensors(self) -> bool:
        """Whether any constant is a tensor, or becomes one."""
        return has_tensors(self.values)

    @property
    def learned(self) -> tuple[Learned, ...]:
        """The trained values, each once."""
        values = (value for pair in self.values for value in pair)
        return tuple({id(value): value for value in values if isinstance(value, Learned)}.values())

    def spelling(self) -> tuple[Any, Any]:
        """Return the shortest `(padding, padding_mode)` that parses to this padding.

        >>> import convpad
        >>> convpad.Padding.parse(((1, 1), (2, 0)), (0, "reflect"), rank=2).spelling()
        (((1, 1), (2, 0)), (0, 'reflect'))
        """
        words = tuple(amount.pair or amount.name for amount in self.amounts)
        if words == ("causal", *("valid",) * (self.rank - 1)):
            padding: Any = "causal"
        else:
            word = _shortest(words)
            padding = word if isinstance(word, str) and word != "causal" else words
        fills = [
            tuple(_spelled(mode, value) for mode, value in zip(modes, values, strict=True))
            for modes, values in zip(self.modes, self.values, strict=True)
        ]
        axes = tuple(_shortest(pair) for pair in fills)
        mode = _shortest(axes)
        return padding, axes if isinstance(mode, tuple) else mode

    def __repr__(self) -> str:
        padding, padding_mode = self.spelling()
        return f"Padding.parse({padding!r}, {padding_mode!r}, rank={self.rank})"

    def without_tensors(self) -> Padding:
        """Return this padding with a `TensorValue` in the place of every tensor and `Learned`, hashable by value."""
        if not has_tensors(self.values):
            return self
        values = tuple((_without_tensor(before), _without_tensor(after)) for before, after in self.values)
        return Padding(self.amounts, self.modes, values)

    def check_channels(self, channels: int | None) -> None:
        """Refuse constants per channel that have not one value for each channel."""
        for value in (value for pair in self.values for value in pair):
            shape = (len(value),) if isinstance(value, tuple) else tuple(getattr(value, "shape", None) or ())  # pyright: ignore
            count = shape[0] if shape else channels
            if channels is not None and count != channels:
                raise PaddingError(
                    "A constant per channel must have one value for each channel that is padded. Received: "
                    f"{count} for {channels} channels."
                )


def value_names(padding: Padding) -> tuple[tuple[str | None, str | None], ...]:
    """Return the name of the parameter with the trained value of each side of each axis; None without one."""
    written = enumerate(padding.learned)
    names = {id(each): f"padding_value_{place}" if place else "padding_value" for place, each in written}
    return tuple((names.get(id(before)), names.get(id(after))) for before, after in padding.values)


def check_for_any_rank(padding: Any, padding_mode: Any) -> None:
    """Refuse a change of padding that fits no number of axes; None keeps the amounts, or the mode."""
    amount, mode = "valid" if padding is None else padding, "zeros" if padding_mode is None else padding_mode
    refusal = PaddingError()
    for rank in (1, 3, 2):
        try:
            Padding.parse(amount, mode, rank=rank)
            return
        except PaddingError as error:
            refusal = error
    raise refusal


DEFAULT_MODES = ("zeros", "ignore")
"""The modes that operations have where none is given."""


def _checked(padding: Padding, padding_mode: Any, rank: int, argument: str, has_window: bool) -> Padding:
    """Return a parsed padding, or refuse it where its rank, or the mode given beside it, does not fit."""
    if not isinstance(padding_mode, str) or padding_mode not in DEFAULT_MODES:
        raise refuse("padding_mode", "be left out where `padding` is a Padding, which has its own", padding_mode)
    if padding.rank != rank:
        raise refuse(argument, f"have {rank} spatial {'axis' if rank == 1 else 'axes'}, like the input", padding)
    if not has_window and not all(amount.pair or amount.name == "valid" for amount in padding.amounts):
        word = next(amount.name for amount in padding.amounts if not amount.pair)
        raise refuse(argument, f"be {_PAIRS}", word, _NO_WINDOW)
    return padding


def _spelled(mode: Mode, value: Any) -> Any:
    if not mode.takes_value:
        return mode.name
    return value if is_number(value) or isinstance(value, Learned) else Constant(value)
