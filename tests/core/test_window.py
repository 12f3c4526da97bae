"""Amounts and windows in integers, against a count by hand or by brute force."""

from __future__ import annotations

from itertools import product

import pytest

from convpad.core.amounts import AMOUNTS, Amount, explicit, total_padding
from convpad.core.errors import ShapeError
from convpad.core.window import Window, padded_window, spanned, transposed_window

pytestmark = pytest.mark.needs("numpy")

GRID = list(product(range(1, 10), range(1, 6), range(1, 5), range(1, 4)))
"""size, kernel, stride, dilation"""

# size, span, stride -> (before, after) of each word, worked out by hand.
#                      valid   same    same_lower half    full    causal
BY_HAND = [
    ((4, 1, 1), ((0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0))),
    ((4, 2, 1), ((0, 0), (0, 1), (1, 0), (1, 1), (1, 1), (1, 0))),
    ((4, 3, 1), ((0, 0), (1, 1), (1, 1), (1, 1), (2, 2), (2, 0))),
    ((4, 4, 1), ((0, 0), (1, 2), (2, 1), (2, 2), (3, 3), (3, 0))),
    ((4, 5, 1), ((0, 0), (2, 2), (2, 2), (2, 2), (4, 4), (4, 0))),
    ((1, 5, 1), ((0, 0), (2, 2), (2, 2), (2, 2), (4, 4), (4, 0))),
    ((4, 3, 2), ((0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 0))),
    ((5, 3, 2), ((0, 0), (1, 1), (1, 1), (1, 1), (2, 2), (2, 0))),
    ((224, 7, 2), ((0, 0), (2, 3), (3, 2), (3, 3), (6, 6), (6, 0))),
    ((225, 7, 2), ((0, 0), (3, 3), (3, 3), (3, 3), (6, 6), (6, 0))),
    ((7, 1, 3), ((0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0))),
    ((8, 2, 3), ((0, 0), (0, 0), (0, 0), (1, 1), (1, 1), (1, 0))),
    ((7, 2, 3), ((0, 0), (0, 1), (1, 0), (1, 1), (1, 1), (1, 0))),
    ((9, 2, 4), ((0, 0), (0, 1), (1, 0), (1, 1), (1, 1), (1, 0))),
]


def test_the_words_are_exactly_these_in_this_order() -> None:
    assert list(AMOUNTS) == ["valid", "same", "same_lower", "half", "full", "causal"]
    assert all(name == amount.name and amount.pair is None for name, amount in AMOUNTS.items())
    assert [name for name, amount in AMOUNTS.items() if amount.follows_size] == ["same", "same_lower"]


@pytest.mark.parametrize(("asked", "answers"), BY_HAND)
def test_amounts_by_hand(asked: tuple[int, int, int], answers: tuple[tuple[int, int], ...]) -> None:
    assert tuple(amount.pair_for(*asked) for amount in AMOUNTS.values()) == answers
    assert tuple(amount.pair_or_none(*asked) for amount in AMOUNTS.values()) == answers


def test_same_is_the_least_padding_that_gives_ceil_of_size_over_stride() -> None:
    for size, kernel, stride, dilation in GRID:
        span = spanned(kernel, dilation)
        outputs = -(-size // stride)
        least = next(total for total in range(99) if (size + total - span) // stride + 1 >= outputs)
        assert AMOUNTS["same"].pair_for(size, span, stride) == (least // 2, least - least // 2)
        assert AMOUNTS["same_lower"].pair_for(size, span, stride) == (least - least // 2, least // 2)
        assert total_padding(size, span, stride) == least


@pytest.mark.parametrize("name", AMOUNTS)
def test_an_unknown_size_is_a_known_amount_where_it_has_no_say(name: str) -> None:
    amount = AMOUNTS[name]
    for span, stride in product(range(1, 6), range(1, 4)):
        every = {amount.pair_for(size, span, stride) for size in range(1, 30)}
        if amount.follows_size and stride > 1:
            assert amount.pair_or_none(None, span, stride) is None
        else:
            assert every == {amount.pair_or_none(None, span, stride)}


def test_explicit() -> None:
    amount = explicit(3, 1)
    assert amount.pair == (3, 1)
    assert amount.name == "explicit"
    assert amount.meaning == "as given"
    assert not amount.follows_size
    assert amount.pair_for(5, 3, 2) == amount.pair_or_none(5, 3, 2) == amount.pair_or_none(None, 3, 2) == (3, 1)
    assert amount == explicit(3, 1) != explicit(1, 3)
    assert hash(amount) == hash(explicit(3, 1))
    assert repr(amount) == "Amount(name='explicit', pair=(3, 1))"


@pytest.mark.parametrize(
    ("kernel", "dilation", "span"), [(1, 1, 1), (1, 5, 1), (2, 1, 2), (2, 3, 4), (3, 2, 5), (5, 1, 5), (4, 3, 10)]
)
def test_span(kernel: int, dilation: int, span: int) -> None:
    assert spanned(kernel, dilation) == span
    assert Window(9, kernel, 1, dilation, 0, 0).span == span
    assert len(range(0, kernel * dilation, dilation)[:kernel]) == kernel
    assert [t * dilation for t in range(kernel)][-1] + 1 == span


def _starts(window: Window) -> list[int]:
    """Where the windows stand: every stride from the padded start on, while they fit."""
    padded = window.size + window.before + window.after
    return [start for start in range(0, padded, window.stride) if start + window.span <= padded]


def test_outputs_and_leftovers_are_counted() -> None:
    for size, kernel, stride, dilation in GRID:
        for before, after in product(range(4), range(4)):
            window = Window(size, kernel, stride, dilation, before, after)
            starts = _starts(window)
            if not starts:
                continue
            assert window.is_static
            assert window.padded == size + before + after
            assert window.output == len(starts)
            assert window.leftover == window.padded - (starts[-1] + window.span)


@pytest.mark.parametrize("unknown", [(None, 1, 1), (None, None, None), (5, None, None)])
def test_an_unknown_window(unknown: tuple[int | None, ...]) -> None:
    size, before, after = unknown
    window = Window(size, 3, 2, 1, before, after)
    assert not window.is_static
    assert window.padded is window.output is window.leftover is None
    assert window.span == 3


def test_a_window_that_is_known_on_one_side_alone_has_no_padded_size() -> None:
    assert Window(5, 3, 2, 1, 1, None).padded is None
    assert Window(5, 3, 2, 1, None, 1).padded is None


@pytest.mark.parametrize("name", AMOUNTS)
def test_padded_window(name: str) -> None:
    for size, kernel, stride, dilation in GRID:
        before, after = AMOUNTS[name].pair_for(size, spanned(kernel, dilation), stride)
        want = Window(size, kernel, stride, dilation, before, after)
        if _starts(want):
            assert padded_window(size, kernel, stride, dilation, AMOUNTS[name], 0) == want
            if name.startswith("same"):
                assert want.output == -(-size // stride)
        else:
            with pytest.raises(ShapeError):
                padded_window(size, kernel, stride, dilation, AMOUNTS[name], 0)


def test_padded_window_of_an_unknown_size() -> None:
    assert padded_window(None, 3, 2, 2, AMOUNTS["same"], 0) == Window(None, 3, 2, 2, None, None)
    assert padded_window(None, 3, 1, 2, AMOUNTS["same"], 0) == Window(None, 3, 1, 2, 2, 2)
    assert padded_window(None, 3, 2, 2, AMOUNTS["half"], 0) == Window(None, 3, 2, 2, 2, 2)
    assert padded_window(None, 3, 2, 1, explicit(1, 0), 0) == Window(None, 3, 2, 1, 1, 0)


def test_a_window_that_fits_exactly_fits() -> None:
    assert padded_window(2, 3, 5, 2, explicit(2, 1), 0).output == 1


@pytest.mark.parametrize(
    ("size", "amount", "text"),
    [
        (
            0,
            AMOUNTS["full"],
            (
                "Every spatial axis must hold at least one value. Received: spatial axis 2 of size 0. "
                "Drop the empty input before the window meets it."
            ),
        ),
        (
            3,
            explicit(0, 1),
            (
                "The window must fit into the padded axis. Received: spatial axis 2 of size 3, padded by (0, 1), with a "
                "window that spans 5. Pad more, or use a smaller window."
            ),
        ),
        (
            1,
            AMOUNTS["valid"],
            (
                "The window must fit into the padded axis. Received: spatial axis 2 of size 1, padded by (0, 0), with a "
                "window that spans 5. Pad more, or use a smaller window."
            ),
        ),
    ],
)
def test_windows_that_do_not_fit_are_refused(size: int, amount: Amount, text: str) -> None:
    with pytest.raises(ShapeError) as refusal:
        padded_window(size, 3, 1, 2, amount, 2)
    assert str(refusal.value) == text


# The transposed window

TRANSPOSED = [*AMOUNTS.values(), *(explicit(*pair) for pair in product(range(4), range(3)))]


def _keras_size(outputs: int, span: int, stride: int, word: str, output_padding: int | None) -> int:
    """Keras's rule as its documentation of Conv2DTranspose gives it, the kernel's holes counted in."""
    if output_padding is None:
        return outputs * stride if word == "same" else outputs * stride + max(span - stride, 0)
    if word == "same":
        return (outputs - 1) * stride + span - 2 * (span // 2) + output_padding
    return (outputs - 1) * stride + span + output_padding


@pytest.mark.parametrize("amount", TRANSPOSED, ids=lambda amount: f"{amount.name}{amount.pair or ''}")
def test_transposed_windows_are_adjoint_to_a_window_with_that_many_outputs(amount: Amount) -> None:
    for outputs, kernel, stride, dilation in GRID:
        span = spanned(kernel, dilation)
        # All the sizes of which the forward window makes this many outputs.
        possible = [
            size
            for size in range(1, 60)
            if (sum(amount.pair_for(size, span, stride)) + size - span) // stride + 1 == outputs
            and sum(amount.pair_for(size, span, stride)) + size >= span
        ]
        for output_padding in (None, *range(stride)):
            if amount.name in ("valid", "same", "same_lower"):
                word = "valid" if amount.name == "valid" else "same"
                size = _keras_size(outputs, span, stride, word, output_padding)
            else:
                smallest = (outputs - 1) * stride + span - sum(amount.pair_for(1, span, stride))
                size = smallest + (output_padding or 0)
            if size < 1:
                with pytest.raises(ShapeError):
                    transposed_window(outputs, kernel, stride, dilation, amount, output_padding, 0)
                continue
            window, leftover = transposed_window(outputs, kernel, stride, dilation, amount, output_padding, 0)
            assert (window.size, window.kernel, window.stride, window.dilation) == (size, kernel, stride, dilation)
            assert window.output == outputs
            assert window.leftover == leftover
            if size in possible:
                # The amounts are simply those of the forward window.
                assert (window.before, window.after) == amount.pair_for(size, span, stride)
            else:
                # Keras's `output_padding` with "same" may ask for a size whose "same" window makes fewer: the
                # kernel is cropped as evenly as it goes all the same.
                assert amount.follows_size
                assert output_padding is not None
            if not amount.follows_size:
                assert size in possible
                if output_padding is None and amount.name != "valid":
                    assert size == possible[0]


@pytest.mark.parametrize("amount", TRANSPOSED, ids=lambda amount: f"{amount.name}{amount.pair or ''}")
def test_a_transposed_window_of_unknown_size_has_the_same_amounts(amount: Amount) -> None:
    for kernel, stride, dilation in product(range(1, 6), range(1, 4), range(1, 3)):
        for output_padding in (None, *range(stride)):
            window, leftover = transposed_window(None, kernel, stride, dilation, amount, output_padding, 0)
            known, same = transposed_window(20, kernel, stride, dilation, amount, output_padding, 0)
            assert (window, leftover) == (Window(None, kernel, stride, dilation, known.before, known.after), same)


@pytest.mark.parametrize(
    ("outputs", "kernel", "stride", "dilation", "amount", "output_padding", "window", "leftover"),
    [
        (7, 4, 2, 1, AMOUNTS["same"], None, (14, 1, 1), 0),
        (7, 3, 2, 1, AMOUNTS["same"], None, (14, 0, 1), 0),
        (7, 3, 2, 1, AMOUNTS["same_lower"], None, (14, 1, 0), 0),
        (7, 3, 2, 1, AMOUNTS["same"], 0, (13, 1, 1), 0),
        (7, 4, 2, 1, AMOUNTS["same"], 0, (12, 2, 2), 0),
        (7, 4, 2, 1, AMOUNTS["same"], 1, (13, 1, 2), 0),
        (7, 1, 3, 1, AMOUNTS["same"], None, (21, 0, 0), 2),
        (7, 1, 3, 1, AMOUNTS["same"], 1, (20, 0, 0), 1),
        (7, 2, 3, 1, AMOUNTS["valid"], None, (21, 0, 0), 1),
        (7, 5, 3, 1, AMOUNTS["valid"], None, (23, 0, 0), 0),
        (7, 5, 3, 1, AMOUNTS["valid"], 2, (25, 0, 0), 2),
        (7, 3, 2, 2, AMOUNTS["valid"], 0, (17, 0, 0), 0),
        (7, 3, 2, 1, AMOUNTS["half"], None, (13, 1, 1), 0),
        (7, 3, 2, 1, AMOUNTS["half"], 1, (14, 1, 1), 1),
        (7, 3, 2, 1, AMOUNTS["full"], None, (11, 2, 2), 0),
        (7, 3, 2, 1, AMOUNTS["causal"], None, (13, 2, 0), 0),
        (3, 3, 3, 1, explicit(1, 1), None, (7, 1, 1), 0),
        (1, 2, 1, 1, explicit(1, 0), None, (1, 1, 0), 0),
    ],
)
def test_transposed_windows_by_hand(
    outputs: int,
    kernel: int,
    stride: int,
    dilation: int,
    amount: Amount,
    output_padding: int | None,
    window: tuple[int, int, int],
    leftover: int,
) -> None:
    size, before, after = window
    assert transposed_window(outputs, kernel, stride, dilation, amount, output_padding, 0) == (
        Window(size, kernel, stride, dilation, before, after),
        leftover,
    )


@pytest.mark.parametrize(
    ("outputs", "amount", "size"), [(0, AMOUNTS["valid"], 1), (1, explicit(2, 1), 0), (1, explicit(4, 0), -1)]
)
def test_a_transposed_window_that_gives_nothing_is_refused(outputs: int, amount: Amount, size: int) -> None:
    with pytest.raises(ShapeError) as refusal:
        transposed_window(outputs, 3, 2, 1, amount, 0, 1)
    assert str(refusal.value) == (
        f"A transposed convolution must have something to give. Received: spatial axis 1 of size {outputs}, which "
        f"would become {size}. Pad less, or use a larger kernel."
    )
