"""Flax's words for paddings, read as convpad's; and which arguments Flax's own operations take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convpad.backends.jax.values import as_numbers, owned
from convpad.core.amounts import AMOUNTS
from convpad.core.errors import PaddingError, refuse
from convpad.core.padding import Padding
from convpad.core.validation import each, is_int, listed, map_entries

_CENTRED = {"CIRCULAR": "circular", "REFLECT": "reflect"}
"""Flax's words that say how much and with what."""

_POOLED = ("SAME", "SAME_LOWER", "VALID")
"""The words of JAX's pools."""

_TRANSPOSED = ("SAME", "VALID", "CIRCULAR")
"""The words of Flax's transposed convolutions."""


def read_conv(padding: Any, padding_mode: Any, spans: Sequence[int]) -> tuple[Padding, bool]:
    """Return the padding of a convolution, and whether Flax's own call pads so.

    Args:
        padding: as Flax or convpad takes it.
        padding_mode: as convpad takes it; None where none was given.
        spans: the size of the dilated kernel on each axis.
    """
    rank = len(spans)
    if isinstance(padding, str) and padding in _CENTRED:
        mode = _CENTRED[padding]
        if padding_mode not in (None, mode):
            raise refuse_two_modes(padding, padding_mode)
        amounts = tuple(((span - 1) // 2, span // 2) for span in spans)
        return Padding.parse(amounts if rank > 1 else amounts[0], mode, rank=rank), True
    if padding == "CAUSAL" and rank > 1:
        mend = "convpad's 'causal' pads before the first axis; ('causal', 'same') is one word for each axis."
        raise refuse("padding", "be 'CAUSAL' along one spatial axis alone, as in Flax", padding, mend)
    parsed = parse(padding, "zeros" if padding_mode is None else padding_mode, rank)
    return parsed, is_zeros(padding_mode) and is_of_conv(padding, rank)


def read_transposed(padding: Any, padding_mode: Any, spans: Sequence[int]) -> tuple[Padding, tuple[int, ...]]:
    """Return the padding of the forward convolution whose adjoint is meant, and the output padding on each axis.

    Numbers are Flax's: zeros around the spread input, so that the forward convolution pads what they lack of the
    dilated kernel.
    """
    rank, mode = len(spans), "zeros" if padding_mode is None else padding_mode
    if isinstance(padding, (str, Padding)):
        return parse(_checked_word(padding), mode, rank), (0,) * rank
    entries = [padding] * rank if is_int(padding) else listed(padding) or []
    if rank == 1 and len(entries) == 2:
        entries = [padding]  # one axis: (before, after)
    if len(entries) != rank:
        raise refuse("padding", f"be a word, an int, or one word, int or pair {each(rank)}", padding)
    amounts, beyond = zip(*map(_amount_of_forward, entries, spans), strict=True)
    return parse(amounts, mode, rank), beyond


def _checked_word(word: Any) -> Any:
    if isinstance(word, str) and word not in _TRANSPOSED and not word.islower():
        mend = f"convpad's, in lower case, are {', '.join(map(repr, AMOUNTS))}."
        raise refuse("padding", f"be one of Flax's words here: {', '.join(map(repr, _TRANSPOSED))}", word, mend)
    return word


def _amount_of_forward(entry: Any, span: int) -> tuple[Any, int]:
    if isinstance(entry, str):
        return _checked_word(entry), 0
    pair = listed(entry)
    pair = [entry, entry] if pair is None else pair
    if len(pair) != 2 or not all(map(is_int, pair)):
        raise refuse("padding", "give an int, or two ints (before, after), for each spatial axis", entry)
    before, after = pair
    if not (0 <= before < span and after >= 0):
        mend = "As in Flax it is counted around the spread input. Words count what the forward convolution pads."
        raise refuse(
            "padding", f"be at least 0, and before an axis at most {span - 1}, the dilated kernel less one", entry, mend
        )
    return (span - 1 - before, max(span - 1 - after, 0)), max(after - span + 1, 0)


def is_zeros(padding_mode: Any) -> bool:
    """Return whether no mode is given but Flax's own."""
    return padding_mode is None or (isinstance(padding_mode, str) and padding_mode == "zeros")


def is_of_conv(padding: Any, rank: int) -> bool:
    """Return whether `padding` is of Flax's convolutions."""
    if isinstance(padding, str):
        is_amount = padding.upper() in _POOLED  # JAX reads them in any case
        return is_amount or padding in _CENTRED or (padding == "CAUSAL" and rank == 1)
    return is_numbers(padding, rank)


def is_of_transposed(padding: Any, rank: int) -> bool:
    """Return whether `padding` is of Flax's transposed convolutions."""
    return padding in _TRANSPOSED if isinstance(padding, str) else is_numbers(padding, rank)


def is_of_pool(padding: Any, rank: int) -> bool:
    """Return whether `padding` is of Flax's pools."""
    if isinstance(padding, str):
        return padding.upper() in _POOLED
    entries = listed(padding)
    return entries is not None and len(entries) == rank and all(map(_is_pair, entries))


def has_negative(padding: Any) -> bool:
    """Return whether amounts take values away, which Flax's own operation does."""
    entries = listed(padding)
    return any(map(has_negative, entries)) if entries else is_int(padding) and padding < 0


def is_numbers(padding: Any, rank: int) -> bool:
    """Return whether `padding` is Flax's in numbers: an int, or one int or pair for each axis."""
    if is_int(padding):
        return True
    entries = listed(padding)
    return entries is not None and len(entries) == rank and all(is_int(entry) or _is_pair(entry) for entry in entries)


def _is_pair(entry: Any) -> bool:
    pair = listed(entry)
    return pair is not None and len(pair) == 2 and all(map(is_int, pair))


def refuse_two_modes(padding: str, padding_mode: Any) -> PaddingError:
    """Return the refusal of a mode beside a word of Flax's that says one."""
    mend = "With a mode, say how much by itself: padding='same', or pairs."
    return refuse("padding_mode", f"be left out with Flax's {padding!r}, which says with what, too", padding_mode, mend)


# Constants and trained values

NO_VALUES = Padding((), (), ())
"""The padding of a layer that Flax's own call pads: it has no values."""


def parse(padding: Any, padding_mode: Any, rank: int) -> Padding:
    """Return the padding of a layer, in which every `Learned` that was written is an object of its own."""
    return Padding.parse(padding, map_entries(padding_mode, owned), rank=rank)


def frozen(argument: Any) -> Any:
    """Return an argument with its lists as tuples, and the constants of its arrays as numbers.

    The attributes of a module are compared and hashed.
    """
    return map_entries(argument, as_numbers)
