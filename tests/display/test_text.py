"""Text of tables: each layout fits its width, and nothing is lost in it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convpad.display.table import Cell, Style, Table
from convpad.display.text import to_text

pytestmark = pytest.mark.needs("numpy")

NAMES = st.text("abcdefghij_/.", min_size=1, max_size=30)
CELLS = st.text("0123456789xz-", min_size=1, max_size=12)

MODEL = Table(
    "A model",
    ("layer", "kind", "window", "copied"),
    (("stem", "conv", "7x7 /2", Cell("1.2 kB", "warning")), ("block/depthwise", "depthwise_conv", "3x3", "-")),
    lines=("2 windows.",),
    notes=("Elsewhere it pads (0, 1).",),
    numeric=("copied",),
)

WIDE = """\
A model

layer            kind            window  copied
-----------------------------------------------
stem             conv            7x7 /2  1.2 kB
block/depthwise  depthwise_conv  3x3          -

2 windows.
[1] Elsewhere it pads (0, 1)."""

NAMED = """\
A model

  kind            window  copied
  ------------------------------
stem
  conv            7x7 /2  1.2 kB
block/depthwise
  depthwise_conv  3x3          -

2 windows.
[1] Elsewhere it pads (0, 1)."""

BLOCKS = """\
A model

stem
  kind: conv
  window: 7x7 /2
  copied: 1.2 kB
block/depthwise
  kind: depthwise_conv
  window: 3x3

2 windows.
[1] Elsewhere it pads
    (0, 1)."""


@pytest.mark.parametrize(
    ("width", "text"), [(None, WIDE), (80, WIDE), (47, WIDE), (46, NAMED), (32, NAMED), (22, BLOCKS)]
)
def test_layouts(width: int | None, text: str) -> None:
    assert to_text(MODEL, width) == text


@given(rows=st.lists(st.tuples(NAMES, CELLS, CELLS, CELLS), min_size=1, max_size=4), width=st.integers(40, 100))
def test_every_cell_is_there_and_every_line_fits(rows: list[tuple[str, ...]], width: int) -> None:
    text = to_text(Table("A model", ("layer", "kind", "window", "padded"), tuple(rows)), width)
    assert max(map(len, text.splitlines())) <= width
    for row in rows:
        assert all(cell in text for cell in row if cell != "-")
        assert row[0] in text.replace("  ", "\n").split("\n")


def test_code_is_broken_only_where_it_may_be() -> None:
    code = "keras.layers.Conv2D(filters, 3, strides=2)\nimport convpad, keras"
    table = Table("A model", ("layer", "code"), (("conv", Cell(code, "code")),))
    assert to_text(table, 32) == (
        "A model\n\nconv\n  code:\n    keras.layers.Conv2D(filters,\n        3, strides=2)\n    import convpad, keras"
    )
    assert to_text(table, None).endswith("strides=2)\n       import convpad, keras")
    assert to_text(table, 20) == (
        "A model\n\nconv\n  code:\n    keras.layers.Conv2D(\n        filters, 3,\n        strides=2)\n"
        "    import convpad, keras"
    )


def test_a_last_column_of_prose_is_wrapped() -> None:
    table = Table("", ("layer", "detail"), (("conv", "left as it is, because it pads nothing"), ("pool", "kept")))
    assert to_text(table, 31) == (
        "layer  detail\n-------------------------------\nconv   left as it is, because\n       it pads nothing\n"
        "pool   kept"
    )
    assert to_text(table, 28) == (
        "  detail\n  --------------------------\nconv\n  left as it is, because it\n  pads nothing\npool\n  kept"
    )
    assert to_text(table, 20) == ("conv\n  detail: left as it\n  is, because it\n  pads nothing\npool\n  detail: kept")


def test_a_row_of_one_cell_is_the_title_of_the_rows_below() -> None:
    table = Table("", ("name", "b"), (("first",), ("one/two", "2"), ("second",), ("three", "4")))
    assert to_text(table) == "  name     b\n  ----------\nfirst\n  one/two  2\nsecond\n  three    4"
    assert to_text(table, 10) == "    b\n    -\nfirst\n  one/two\n    2\nsecond\n  three\n    4"


def test_columns_that_say_nothing_are_left_out() -> None:
    table = Table("", ("a", "b", "c"), (("1", "-", "2"), ("3", "", "4")), legend=(("b", "words"), ("c", "more")))
    assert to_text(table) == "a  c\n----\n1  2\n3  4\n\nc  more"
    whole = Table("", ("a", "b"), (("-", "-"),))
    assert to_text(whole) == "a  b\n----\n-  -"


def test_notes_are_numbers_in_brackets() -> None:
    assert (
        to_text(Table("", ("a", "b"), (("1", Cell("2", "note")), ("3", Cell("", "note"))))) == "a  b\n------\n1  [2]\n3"
    )


@pytest.mark.parametrize("style", ["good", "warning", "bad", "code"])
def test_colours_change_no_letter(style: Style) -> None:
    table = Table("A model", ("a", "b"), (("one", Cell("two", style)), ("three", "four")))
    coloured = to_text(table, colour=True)
    assert f"\x1b[{'1;' if style == 'bad' else ''}3" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == to_text(table)


def test_control_characters_are_not_sent_to_a_terminal() -> None:
    text = to_text(Table("a\x1b[2Jb", ("c",), (("d\x07",),), lines=("e\u202e",), notes=("f\x00",)))
    assert text == "a?[2Jb\n\nc\n--\nd?\n\ne?\n[1] f?"


def test_wide_letters_take_two_columns() -> None:
    assert to_text(Table("", ("a", "b"), (("層", "1"), ("xyz", "2")))) == "a    b\n------\n層   1\nxyz  2"


def test_a_term_keeps_its_column() -> None:
    table = Table("", lines=("keras  Keras's own layer, which took no part", "", "  an indented line that goes on"))
    assert to_text(table, 26) == (
        "keras  Keras's own layer,\n       which took no part\n\n  an indented line that\n  goes on"
    )
