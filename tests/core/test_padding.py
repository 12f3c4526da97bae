"""Parsing of paddings: every accepted spelling, and printing that parses back.

What is not accepted is in `refusals.py`.
"""

from __future__ import annotations

import math
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from convpad.core.amounts import AMOUNTS, explicit
from convpad.core.errors import PaddingError
from convpad.core.modes import MODES
from convpad.core.padding import Constant, Learned, Padding, TensorValue
from convpad.core.validation import integer, per_axis

pytestmark = pytest.mark.needs("numpy")

VALID, SAME, LOWER, HALF, FULL, CAUSAL = AMOUNTS.values()

AMOUNT_SPELLINGS = [
    # rank, padding, amounts
    (1, "valid", [VALID]),
    (1, "same", [SAME]),
    (1, "SAME", [SAME]),
    (1, "Same_Lower", [LOWER]),
    (1, "half", [HALF]),
    (1, "full", [FULL]),
    (1, "causal", [CAUSAL]),
    (2, "causal", [CAUSAL, VALID]),
    (3, "causal", [CAUSAL, VALID, VALID]),
    (2, "full", [FULL, FULL]),
    (3, "same", [SAME, SAME, SAME]),
    (1, 0, [explicit(0, 0)]),
    (1, 2, [explicit(2, 2)]),
    (2, 2, [explicit(2, 2)] * 2),
    (1, (1, 2), [explicit(1, 2)]),
    (1, [1, 2], [explicit(1, 2)]),
    (1, ((1, 2),), [explicit(1, 2)]),
    (1, (3,), [explicit(3, 3)]),
    (1, ("same",), [SAME]),
    (1, ("causal",), [CAUSAL]),
    (2, (1, 2), [explicit(1, 1), explicit(2, 2)]),
    (2, ((1, 2), (3, 4)), [explicit(1, 2), explicit(3, 4)]),
    (2, [[1, 2], 3], [explicit(1, 2), explicit(3, 3)]),
    (2, ("same", (0, 1)), [SAME, explicit(0, 1)]),
    (2, ("causal", "causal"), [CAUSAL, CAUSAL]),
    (2, (0, "causal"), [explicit(0, 0), CAUSAL]),
    (3, (1, 2, 3), [explicit(1, 1), explicit(2, 2), explicit(3, 3)]),
    (3, ("half", 1, (0, 2)), [HALF, explicit(1, 1), explicit(0, 2)]),
    (2, np.int64(2), [explicit(2, 2)] * 2),
    (2, np.array(2), [explicit(2, 2)] * 2),
    (2, np.array([1, 2]), [explicit(1, 1), explicit(2, 2)]),
    (2, np.array([[1, 2], [3, 4]]), [explicit(1, 2), explicit(3, 4)]),
]

ZEROS, REFLECT, CIRCULAR, CONSTANT, IGNORE = (
    MODES[name] for name in ("zeros", "reflect", "circular", "constant", "ignore")
)
LEARNED = Learned()

MODE_SPELLINGS = [
    # rank, padding_mode, modes, values
    *((1, name, [(mode, mode)], [(None, None)]) for name, mode in MODES.items() if not mode.takes_value),
    (1, ZEROS, [(ZEROS, ZEROS)], [(None, None)]),
    (2, "reflect", [(REFLECT, REFLECT)] * 2, [(None, None)] * 2),
    (1, ("reflect", "circular"), [(REFLECT, CIRCULAR)], [(None, None)]),
    (1, (("reflect", "circular"),), [(REFLECT, CIRCULAR)], [(None, None)]),
    (1, ("reflect",), [(REFLECT, REFLECT)], [(None, None)]),
    (2, ("reflect", "circular"), [(REFLECT, REFLECT), (CIRCULAR, CIRCULAR)], [(None, None)] * 2),
    (2, [REFLECT, ["zeros", "ignore"]], [(REFLECT, REFLECT), (ZEROS, IGNORE)], [(None, None)] * 2),
    (2, (("reflect", 7), "zeros"), [(REFLECT, CONSTANT), (ZEROS, ZEROS)], [(None, 7), (None, None)]),
    (
        3,
        (1, ("zeros", 2), Constant(3)),
        [(CONSTANT,) * 2, (ZEROS, CONSTANT), (CONSTANT,) * 2],
        [(1, 1), (None, 2), (3, 3)],
    ),
    (1, 0, [(CONSTANT, CONSTANT)], [(0, 0)]),
    (1, -2.5, [(CONSTANT, CONSTANT)], [(-2.5, -2.5)]),
    (1, np.float32(0.5), [(CONSTANT, CONSTANT)], [(0.5, 0.5)]),
    (1, np.int8(3), [(CONSTANT, CONSTANT)], [(3, 3)]),
    (1, Constant([1, 2]), [(CONSTANT, CONSTANT)], [((1, 2), (1, 2))]),
    (1, (Constant([1, 2]), 3), [(CONSTANT, CONSTANT)], [((1, 2), 3)]),
    (1, (4, 5), [(CONSTANT, CONSTANT)], [(4, 5)]),
    (2, (4, 5), [(CONSTANT, CONSTANT)] * 2, [(4, 4), (5, 5)]),
    (1, LEARNED, [(CONSTANT, CONSTANT)], [(LEARNED, LEARNED)]),
    (
        2,
        (LEARNED, ("zeros", LEARNED)),
        [(CONSTANT, CONSTANT), (ZEROS, CONSTANT)],
        [(LEARNED, LEARNED), (None, LEARNED)],
    ),
]


@pytest.mark.parametrize(("rank", "padding", "amounts"), AMOUNT_SPELLINGS)
def test_how_much(rank: int, padding: Any, amounts: list[Any]) -> None:
    parsed = Padding.parse(padding, rank=rank)
    assert parsed.amounts == tuple(amounts)
    assert parsed.rank == rank
    assert parsed.modes == ((ZEROS, ZEROS),) * rank
    assert parsed.values == ((None, None),) * rank
    _same_again(parsed)


@pytest.mark.parametrize(("rank", "padding_mode", "modes", "values"), MODE_SPELLINGS)
def test_with_what(rank: int, padding_mode: Any, modes: list[Any], values: list[Any]) -> None:
    parsed = Padding.parse("same", padding_mode, rank=rank)
    assert parsed.modes == tuple(modes)
    assert parsed.values == tuple(values)
    assert parsed.amounts == (SAME,) * rank
    _same_again(parsed)


def _same_again(parsed: Padding) -> None:
    """What was parsed prints as something that is parsed to the same, and only when it is the same."""
    padding, padding_mode = parsed.spelling()
    assert Padding.parse(padding, padding_mode, rank=parsed.rank) == parsed
    names = {"Padding": Padding, "Constant": Constant, "Learned": Learned, "inf": math.inf}
    assert eval(repr(parsed), names) == parsed
    # The shortest spelling is one form: parsing it again gives it again.
    assert Padding.parse(padding, padding_mode, rank=parsed.rank).spelling() == (padding, padding_mode)


def test_every_padding_is_pickled() -> None:
    for amount in (*AMOUNTS, 1, (2, 0)):
        for mode in (*(name for name in MODES if name != "constant"), 7, Constant([1, 2]), Learned()):
            parsed = Padding.parse(amount, mode, rank=1)
            again = pickle.loads(pickle.dumps(parsed))
            assert again == parsed
            assert again.amounts[0].pair_for(5, 3, 2) == parsed.amounts[0].pair_for(5, 3, 2)
            assert again.modes[0][0] is parsed.modes[0][0]


class _Liar(Padding):
    """Spells something else than it is."""

    __slots__ = ()

    def spelling(self) -> tuple[Any, Any]:
        return "valid", "zeros"


def test_the_round_trip_can_fail() -> None:
    honest = Padding.parse("same", rank=1)
    with pytest.raises(AssertionError):
        _same_again(_Liar(honest.amounts, honest.modes, honest.values))


NUMBERS = st.one_of(st.integers(-9, 9), st.floats(allow_nan=False), st.integers().map(lambda n: n * 10**9))
CONSTANTS = st.one_of(
    NUMBERS,
    NUMBERS.map(Constant),
    st.lists(NUMBERS, min_size=1, max_size=4).map(Constant),
    st.sampled_from(["zeros", "ones", "glorot_uniform"]).map(Learned),
)
SIDE = st.one_of(st.sampled_from([name for name in MODES if name != "constant"]), CONSTANTS)
AXIS_MODE = st.one_of(SIDE, st.tuples(SIDE, SIDE))
AXIS_AMOUNT = st.one_of(
    st.sampled_from(list(AMOUNTS)), st.integers(0, 9), st.tuples(st.integers(0, 9), st.integers(0, 9))
)


def _paddings(rank: int) -> st.SearchStrategy[Padding]:
    amount = st.one_of(st.sampled_from(list(AMOUNTS)), st.integers(0, 9), st.tuples(*[AXIS_AMOUNT] * rank))
    mode = st.one_of(SIDE, st.tuples(*[AXIS_MODE] * rank))
    return st.builds(lambda how_much, with_what: Padding.parse(how_much, with_what, rank=rank), amount, mode)


@settings(max_examples=300)
@given(st.integers(1, 3).flatmap(_paddings))
@example(Padding.parse(("same", "valid"), rank=2))
@example(Padding.parse(("causal", "valid", "valid"), rank=3))
@example(Padding.parse(((1, 2), (1, 2)), rank=2))
@example(Padding.parse(("causal", "causal"), rank=2))
@example(Padding.parse(1, (("zeros", "reflect"), ("zeros", "reflect")), rank=2))
@example(Padding.parse(1, (("zeros", "reflect"), ("reflect", "zeros")), rank=2))
def test_what_was_parsed_prints_as_something_that_parses_back(padding: Padding) -> None:
    _same_again(padding)


@pytest.mark.parametrize(
    ("rank", "padding", "padding_mode", "spelling"),
    [
        (1, (2, 2), "zeros", (((2, 2),), "zeros")),
        (1, (2, 1), "zeros", (((2, 1),), "zeros")),
        (2, (2, 2), "zeros", (((2, 2), (2, 2)), "zeros")),
        (2, ((1, 2), (1, 2)), "zeros", (((1, 2), (1, 2)), "zeros")),
        (2, ("same", "same"), "zeros", ("same", "zeros")),
        (2, ("same", "half"), "zeros", (("same", "half"), "zeros")),
        (2, ("causal", "valid"), "zeros", ("causal", "zeros")),
        (1, ("causal",), "zeros", ("causal", "zeros")),
        (2, ("causal", "causal"), "zeros", (("causal", "causal"), "zeros")),
        (2, ("valid", "valid"), "zeros", ("valid", "zeros")),
        (2, "same", (("reflect", "reflect"), "reflect"), ("same", "reflect")),
        (2, "same", ("reflect", "zeros"), ("same", ("reflect", "zeros"))),
        (2, "same", (("reflect", "zeros"), ("reflect", "zeros")), ("same", (("reflect", "zeros"),) * 2)),
        (1, "same", ("reflect", "zeros"), ("same", (("reflect", "zeros"),))),
        (1, "same", Constant(3), ("same", 3)),
        (1, "same", Constant([3, 4]), ("same", Constant((3, 4)))),
        (2, "same", Learned("ones"), ("same", Learned("ones"))),
        (2, "same", (0, 0), ("same", 0)),
    ],
)
def test_the_shortest_spelling(rank: int, padding: Any, padding_mode: Any, spelling: Any) -> None:
    parsed = Padding.parse(padding, padding_mode, rank=rank)
    assert parsed.spelling() == spelling
    assert repr(parsed) == f"Padding.parse({spelling[0]!r}, {spelling[1]!r}, rank={rank})"


class _Tensor:
    """A tensor of no framework: a shape is all that is asked of it."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (3, 3),
        (-0.5, -0.5),
        (float("inf"), float("inf")),
        ([1, 2.5], (1, 2.5)),
        ((1,), (1,)),
        (np.float32(0.5), 0.5),
        (np.array(4), 4),
        (np.array([1.5, 2.0]), (1.5, 2.0)),
        (Fraction(1, 2), Fraction(1, 2)),
        ([np.int8(1), np.float32(0.5)], (1, 0.5)),
    ],
)
def test_constant(value: Any, held: Any) -> None:
    constant = Constant(value)
    assert constant.value == held
    assert type(constant.value) is type(held)
    if isinstance(held, tuple):
        assert [type(number) for number in constant.value] == [type(number) for number in held]
    assert constant == Constant(held)
    assert hash(constant) == hash(Constant(held))


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_constant_holds_a_tensor_as_it_is(shape: tuple[int, ...]) -> None:
    tensor = _Tensor(*shape)
    assert Constant(tensor).value is tensor
    parsed = Padding.parse(1, Constant(tensor), rank=1)
    assert parsed == Padding.parse(1, Constant(tensor), rank=1)
    assert parsed.values == ((tensor, tensor),)
    assert parsed.spelling() == (((1, 1),), Constant(tensor))


@pytest.mark.parametrize(
    "value", [None, "1", True, [], (), [True], [[1, 2]], ["1"], np.zeros((2, 2)), _Tensor(1, 1), 1j, {1}, np.add]
)
def test_a_constant_is_a_number_or_one_per_channel(value: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        Constant(value)
    assert str(refusal.value) == (
        f"`Constant(value)` must be a number, or one number per input channel. Received: {value!r}."
    )


def test_learned() -> None:
    assert Learned() == Learned("zeros") != Learned("ones")
    assert repr(Learned()) == "Learned(initializer='zeros')"
    assert Learned({"class_name": "Ones"}).initializer == {"class_name": "Ones"}
    assert Learned(abs).initializer is abs


@pytest.mark.parametrize("initializer", [None, 0.5, 3, ["ones"]])
def test_learned_is_started_by_what_keras_understands(initializer: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        Learned(initializer)
    assert str(refusal.value) == (
        f"`Learned(initializer)` must be what keras.initializers.get understands. Received: {initializer!r}."
    )


class _Index:
    def __index__(self) -> int:
        return 4


@pytest.mark.parametrize(("value", "minimum"), [(4, 4), (4, 0), (np.int32(4), 1), (np.array(4), 1), (_Index(), 1)])
def test_integer(value: Any, minimum: int) -> None:
    found = integer("strides", value, minimum)
    assert found == 4
    assert type(found) is int


@pytest.mark.parametrize(
    ("argument", "value", "minimum", "text"),
    [
        ("strides", 0, 1, "`strides` must be a positive int. Received: 0."),
        ("strides", np.int64(-1), 1, "`strides` must be a positive int. Received: -1."),
        ("strides", True, 1, "`strides` must be a positive int. Received: True."),
        ("strides", 1.0, 1, "`strides` must be a positive int. Received: 1.0."),
        ("groups", "2", 1, "`groups` must be a positive int. Received: '2'."),
        ("groups", None, 0, "`groups` must be an int of at least 0. Received: None."),
        ("x", 1, 2, "`x` must be an int of at least 2. Received: 1."),
    ],
)
def test_integer_refuses(argument: str, value: Any, minimum: int, text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        integer(argument, value, minimum)
    assert str(refusal.value) == text


def test_integer_says_how_to_mend_what_is_too_small_alone() -> None:
    with pytest.raises(PaddingError, match=r"^`x` must be an int of at least 0\. Received: -1\. Crop\.$"):
        integer("x", -1, 0, "Crop.")
    with pytest.raises(PaddingError, match=r"Received: None\.$"):
        integer("x", None, 0, "Crop.")


@pytest.mark.parametrize(
    ("value", "rank", "found"),
    [(2, 1, (2,)), (2, 3, (2, 2, 2)), ((1, 2), 2, (1, 2)), ([3], 1, (3,)), (np.array([1, 2, 3]), 3, (1, 2, 3))],
)
def test_per_axis(value: Any, rank: int, found: tuple[int, ...]) -> None:
    assert per_axis("strides", value, rank) == found


def test_per_axis_refuses() -> None:
    with pytest.raises(
        PaddingError,
        match=r"^`strides` must be an int, or one for each of the 2 spatial axes\. Received: \(1, 2, 3\)\.$",
    ):
        per_axis("strides", (1, 2, 3), 2)
    with pytest.raises(PaddingError, match=r"be an int, or one for the one spatial axis\. Received: \(1, 2\)\.$"):
        per_axis("strides", (1, 2), 1)
    with pytest.raises(PaddingError, match=r"^`strides` must be a positive int\. Received: 0\.$"):
        per_axis("strides", (1, 0), 2)
    with pytest.raises(PaddingError, match=r"^`more` must be an int of at least 0\. Received: -1\.$"):
        per_axis("more", (0, -1), 2, 0)
    assert per_axis("more", 0, 2, 0) == (0, 0)


def _parsed(padding_mode: Any) -> Padding:
    return Padding.parse(1, padding_mode, rank=2)


@pytest.mark.parametrize(
    ("padding_mode", "channels"),
    [
        ("zeros", 3),
        (5, 3),
        (Constant([1, 2, 3]), 3),
        (Constant([1, 2, 3]), None),
        ((Constant([1, 2]), ("reflect", Constant([3, 4]))), 2),
        (Constant(_Tensor()), 3),
        (Constant(_Tensor(3)), 3),
        (Constant(_Tensor(3)), None),
        (Learned(), 3),
    ],
)
def test_check_channels(padding_mode: Any, channels: int | None) -> None:
    parsed = _parsed(padding_mode)
    parsed.check_channels(channels)  # nothing is raised


@pytest.mark.parametrize(
    ("padding_mode", "count"),
    [
        (Constant([1, 2]), 2),
        (("zeros", ("zeros", Constant([1]))), 1),
        ((("zeros", Constant([1, 2, 3, 4])), 0), 4),
        (Constant(_Tensor(2)), 2),
    ],
)
def test_check_channels_refuses(padding_mode: Any, count: int) -> None:
    with pytest.raises(PaddingError) as refusal:
        _parsed(padding_mode).check_channels(3)
    assert str(refusal.value) == (
        f"A constant per channel must have one value for each channel that is padded. Received: {count} for 3 channels."
    )


NUMBERS_ALONE = "`amount` must be an int, or a pair (before, after) for each spatial axis. Received: "


@pytest.mark.parametrize(
    ("rank", "amount", "text"),
    [
        (1, "same", NUMBERS_ALONE + "'same'. There is no window here that it could depend on: give the numbers."),
        (2, (1, "HALF"), NUMBERS_ALONE + "'HALF'. There is no window here that it could depend on: give the numbers."),
        (1, "SAME_UPPER", NUMBERS_ALONE + "'SAME_UPPER'."),
        (
            1,
            "reflect",
            NUMBERS_ALONE + "'reflect'. 'reflect' says with what: give it as padding_mode=, and say here how much.",
        ),
        (1, 1.5, NUMBERS_ALONE + "1.5."),
        (1, -1, "`amount` must be an int of at least 0. Received: -1. To take values away, slice or crop."),
        (
            2,
            (1, (1, "same")),
            "`amount` must give two ints (before, after) for each spatial axis. Received: (1, 'same').",
        ),
        (3, (1, 2), "`amount` must have one entry for each of the 3 spatial axes. Received: (1, 2)."),
    ],
)
def test_where_there_is_no_window_there_are_no_words(rank: int, amount: Any, text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        Padding.parse(amount, rank=rank, argument="amount", has_window=False)
    assert str(refusal.value) == text


def test_numbers_are_read_the_same_without_words() -> None:
    for amount in (1, (1, 2), ((1, 2), 3)):
        assert Padding.parse(amount, rank=2, argument="amount", has_window=False) == Padding.parse(amount, rank=2)


@pytest.mark.parametrize("spelled", [1, "same", ((1, 2), 3), ("same", "valid")], ids=repr)
def test_a_padding_is_read_as_it_is(spelled: Any) -> None:
    parsed = Padding.parse(spelled, "reflect", rank=2)
    assert Padding.parse(parsed, rank=2) is parsed
    assert Padding.parse(parsed, "ignore", rank=2) is parsed  # the default of pools


@pytest.mark.parametrize(
    ("padding", "options", "text"),
    [
        (
            Padding.parse(1, rank=1),
            {"rank": 2},
            "`padding` must have 2 spatial axes, like the input. Received: Padding.parse(((1, 1),), 'zeros', rank=1).",
        ),
        (
            Padding.parse(1, rank=1),
            {"rank": 1, "padding_mode": "reflect"},
            "`padding_mode` must be left out where `padding` is a Padding, which has its own. Received: 'reflect'.",
        ),
        (
            Padding.parse("same", rank=1),
            {"rank": 1, "has_window": False},
            "`padding` must be an int, or a pair (before, after) for each spatial axis. Received: 'same'. There is no "
            "window here that it could depend on: give the numbers.",
        ),
    ],
)
def test_a_padding_that_does_not_fit_is_refused(padding: Padding, options: dict[str, Any], text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        Padding.parse(padding, **options)
    assert str(refusal.value) == text


@pytest.mark.parametrize("rank", [0, -1, "2", True, 1.0, None])
def test_a_rank_is_a_positive_int(rank: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        Padding.parse("same", rank=rank)
    assert str(refusal.value) == f"`rank` must be a positive int. Received: {rank!r}."


def test_what_numpy_makes_and_is_no_array_is_refused() -> None:
    for odd in (np.add, np.dtype("int8")):
        with pytest.raises(PaddingError):
            Padding.parse(odd, rank=1)
        with pytest.raises(PaddingError):
            per_axis("strides", odd, 1)


def test_a_misspelt_amount_is_meant() -> None:
    with pytest.raises(PaddingError, match=r" Received: 'smae'\. Did you mean 'same'\?$"):
        Padding.parse("smae", rank=2)
    with pytest.raises(PaddingError, match=r" Received: 'frame'\.$"):
        Padding.parse("frame", rank=2)


class Tensor:
    """A tensor, as the core sees one: a shape and a dtype, which has a name or is written as one."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = list(shape), dtype


@pytest.mark.parametrize(("dtype", "name"), [(np.dtype("float32"), "float32"), ("torch.bfloat16", "bfloat16")])
def test_tensors_are_named_by_shape_and_dtype(dtype: Any, name: str) -> None:
    one, other = (Padding.parse(1, Constant(Tensor((3,), dtype)), rank=1) for _ in range(2))
    assert one.has_tensors
    assert one != other
    plain = one.without_tensors()
    assert plain == other.without_tensors()
    assert hash(plain) == hash(other.without_tensors())
    assert (plain.amounts, plain.modes) == (one.amounts, one.modes)
    assert plain.values == ((TensorValue((3,), name), TensorValue((3,), name)),)


def test_each_side_without_its_tensor() -> None:
    mixed = Padding.parse(1, ((Constant(Tensor((), np.dtype("float64"))), 2.5), Learned()), rank=2)
    tensor = TensorValue((), "float64")
    assert mixed.without_tensors().values == ((tensor, 2.5), (TensorValue(), TensorValue()))
    numbers = Padding.parse(1, 2.5, rank=1)
    assert numbers.without_tensors() is numbers


def test_places_of_tensors_stay_when_a_padding_is_parsed_again() -> None:
    padding = Padding.parse(1, Learned(), rank=2).without_tensors()
    assert padding.without_tensors() == padding
