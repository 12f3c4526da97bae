"""Padding modes: their pictures, and refusals of wrong names with the right one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from cases import NUMPY

from convpad.core.errors import PaddingError, ShapeError, refuse
from convpad.core.modes import MODES, Mode, mode_named, picture

pytestmark = pytest.mark.needs("numpy")

PICTURES = {
    "zeros": "0 0 | a b c d | 0 0",
    "constant": "k k | a b c d | k k",
    "reflect": "c b | a b c d | c b",
    "symmetric": "b a | a b c d | d c",
    "replicate": "a a | a b c d | d d",
    "circular": "c d | a b c d | a b",
    "reflect_odd": "2a-c 2a-b | a b c d | 2d-c 2d-b",
    "symmetric_odd": "2a-b a | a b c d | d 2d-c",
    "ignore": "- - | a b c d | - -",
}
"""The table of the modes, drawn by hand: the row that a new mode needs. (`symmetric_odd` begins with 2a-a: a.)"""


HINTS = [
    ("zero", " Keras's 'zero' is 'zeros' here."),
    ("CONSTANT", " TensorFlow's 'CONSTANT' is 'constant' here."),
    ("Zeros", " Did you mean 'zeros'?"),
    ("REFLECT", " TensorFlow's 'REFLECT' is 'reflect' here."),
    ("mirror", " scipy.ndimage's 'mirror' is 'reflect' here."),
    ("border_reflect_101", " OpenCV's 'BORDER_REFLECT_101' is 'reflect' here."),
    ("SYMMETRIC", " TensorFlow's 'SYMMETRIC' is 'symmetric' here."),
    ("grid-mirror", " scipy.ndimage's 'grid-mirror' is 'symmetric' here."),
    ("BORDER_REFLECT", " OpenCV's 'BORDER_REFLECT' is 'symmetric' here."),
    ("edge", " NumPy's 'edge' is 'replicate' here."),
    ("nearest", " Keras's 'nearest' is 'replicate' here."),
    ("Replicate", " Did you mean 'replicate'?"),
    ("BORDER_REPLICATE", " OpenCV's 'BORDER_REPLICATE' is 'replicate' here."),
    ("wrap", " NumPy's 'wrap' is 'circular' here."),
    ("CIRCULAR", " Flax's 'CIRCULAR' is 'circular' here."),
    ("grid-wrap", " scipy.ndimage's 'grid-wrap' is 'circular' here."),
    ("BORDER_WRAP", " OpenCV's 'BORDER_WRAP' is 'circular' here."),
    ("Periodic", " PhiFlow's 'periodic' is 'circular' here."),
    ("partial", " Liu et al.'s 'partial' is 'ignore' here."),
    ("bounce", ""),
]


def test_the_table_has_exactly_these_modes_in_this_order() -> None:
    assert list(MODES) == list(PICTURES)
    assert all(name == mode.name for name, mode in MODES.items())


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str) -> None:
    assert picture(MODES[name]) == PICTURES[name]


@pytest.mark.parametrize(
    ("name", "size", "amount", "drawn"),
    [
        ("reflect", 1, 3, "a a a | a | a a a"),
        ("reflect", 2, 3, "b a b | a b | a b a"),
        ("reflect", 3, 1, "b | a b c | b"),
        ("symmetric", 1, 2, "a a | a | a a"),
        ("symmetric", 2, 3, "b b a | a b | b a a"),
        ("circular", 1, 2, "a a | a | a a"),
        ("circular", 2, 3, "b a b | a b | a b a"),
        ("reflect_odd", 1, 1, "a | a | a"),
        ("reflect_odd", 2, 2, "3a-2b 2a-b | a b | 2b-a 3b-2a"),
        ("zeros", 3, 0, " | a b c | "),
        ("constant", 2, 1, "k | a b | k"),
    ],
)
def test_picture_of_another_axis(name: str, size: int, amount: int, drawn: str) -> None:
    assert picture(MODES[name], size, amount) == drawn


def _matrix(mode: Mode, size: int, amount: int) -> np.ndarray:
    """The extension as a matrix: a row for every position, a column for every value inside."""
    rows = np.zeros((size + 2 * amount, size))
    for row, position in zip(rows, range(-amount, size + amount), strict=True):
        for index, weight in mode.terms(position, size):
            row[index] += weight
    return rows


@pytest.mark.parametrize("size", range(1, 6))
@pytest.mark.parametrize("name", NUMPY)
def test_terms_are_numpys(name: str, size: int) -> None:
    # An identity matrix padded by NumPy shows what every position is made of. NumPy's odd reflection of an
    # axis of length 1 goes on as the plain one does, and so does ours.
    want = np.pad(np.eye(size), ((13, 13), (0, 0)), **NUMPY[name])
    np.testing.assert_array_equal(_matrix(MODES[name], size, 13), want)


@pytest.mark.parametrize("name", PICTURES)
def test_one_rule_serves_ints_and_tensors(name: str) -> None:
    positions = np.arange(-11, 17)
    for size in range(1, 6):
        made = MODES[name].rule(positions, np.array(size))
        for place, position in enumerate(positions.tolist()):
            at = [
                tuple(int(np.broadcast_to(part, positions.shape)[place]) for part in term)
                for term in made  # an index and a weight, each a number or one per position
            ]
            assert at == [tuple(map(int, term)) for term in MODES[name].rule(position, size)]
            assert all(0 <= index < size for index, _ in at)


def test_terms_are_gathered_and_sorted_and_never_weigh_nothing() -> None:
    twice = Mode("twice", lambda position, size: ((2, 1), (0, 3), (2, 4), (1, 5), (1, -5)), "for this test")
    assert twice.terms(9, 3) == ((0, 3), (2, 5))
    assert picture(twice, 3, 1) == "5c+3a | a b c | 5c+3a"


def test_what_modes_are() -> None:
    outside = {name: drawn.partition(" | ")[0] for name, drawn in PICTURES.items()}
    assert [name for name, mode in MODES.items() if mode.copies_input] == [
        n for n, o in outside.items() if set(o) & set("abcd")
    ]
    assert [name for name, mode in MODES.items() if mode.is_weighted] == [n for n, o in outside.items() if "2" in o]
    assert [name for name, mode in MODES.items() if mode.is_edge_alone] == ["zeros", "constant", "replicate", "ignore"]
    assert [name for name, mode in MODES.items() if not mode.keeps_nonnegative] == [
        "constant", "reflect_odd", "symmetric_odd",
    ]  # fmt: skip
    assert [name for name, mode in MODES.items() if mode.takes_value] == [n for n, o in outside.items() if o == "k k"]
    assert [name for name, mode in MODES.items() if not mode.is_counted] == [
        n for n, o in outside.items() if o == "- -"
    ]
    assert all(mode.meaning == mode.meaning.strip() != "" for mode in MODES.values())


def test_a_mode_is_its_name() -> None:
    twin = Mode("reflect", lambda position, size: (), "another meaning", takes_value=True, is_counted=False)
    assert twin == MODES["reflect"]
    assert hash(twin) == hash(MODES["reflect"])
    assert repr(twin) == "Mode(name='reflect')"
    assert twin != MODES["symmetric"]
    assert not twin.copies_input


@pytest.mark.parametrize("name", PICTURES)
def test_mode_named(name: str) -> None:
    assert mode_named(name) is MODES[name]


@pytest.mark.parametrize(("word", "hint"), HINTS)
def test_another_frameworks_name_is_answered_with_ours(word: str, hint: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        mode_named(word)
    names = ", ".join(repr(name) for name in PICTURES if name != "constant")  # it comes with its value
    assert str(refusal.value) == (
        f"`padding_mode` must be one of {names}, a number, Constant(...) or Learned(...). Received: {word!r}.{hint}"
    )


def test_a_word_that_differs_in_case_alone_is_meant() -> None:
    with pytest.raises(PaddingError, match=r" Received: 'Circular'\. Did you mean 'circular'\?$"):
        mode_named("Circular")


@pytest.mark.parametrize("name", PICTURES)
def test_a_mode_is_pickled_by_name(name: str) -> None:
    assert pickle.loads(pickle.dumps(MODES[name])) is MODES[name]


def test_a_refusal_names_the_argument_it_was_given() -> None:
    with pytest.raises(PaddingError, match="^`fill` must be one of"):
        mode_named("edge", "fill")


@pytest.mark.parametrize(("word", "meant"), [("refelct", "reflect"), ("symetric", "symmetric"), ("Zeroes", "zeros")])
def test_a_misspelt_mode_is_meant(word: str, meant: str) -> None:
    with pytest.raises(PaddingError, match=rf" Received: '{word}'\. Did you mean '{meant}'\?$"):
        mode_named(word)


def test_every_hint_has_a_row() -> None:
    words = {word.lower() for mode in MODES.values() for word in mode.aliases.values()}
    assert words == {word.lower() for word, hint in HINTS if hint}


def test_refuse() -> None:
    assert str(refuse("strides", "be a positive int", "1")) == "`strides` must be a positive int. Received: '1'."
    assert str(refuse("a", "be b", 0, "Mend.")) == "`a` must be b. Received: 0. Mend."
    assert type(refuse("a", "be b", 0)) is PaddingError
    assert issubclass(PaddingError, ValueError)
    assert issubclass(ShapeError, PaddingError)
