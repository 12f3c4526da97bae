"""The solver against brute force, and the order, text and refusals of its solutions."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convpad
from convpad.core.amounts import AMOUNTS
from convpad.core.errors import PaddingError
from convpad.core.inverse import ROUNDINGS, fit, fits
from convpad.core.problem import absorb_overhang
from convpad.core.window import Window, spanned
from convpad.frameworks import NAMES
from convpad.solver.chain import candidates
from convpad.solver.query import DILATIONS, KERNELS, STRIDES, parse_query
from convpad.solver.solution import KINDS, Solution
from convpad.solver.table import LayerRow

pytestmark = pytest.mark.needs("numpy")

# Brute force: windows are put down one by one and counted.


def counted(size: int, before: int, after: int, span: int, stride: int, rounding: str) -> int:
    """Windows on a padded axis, by walking along it."""
    padded, start, windows = before + size + after, 0, 0
    while start + span <= padded:
        windows, start = windows + 1, start + stride
    if rounding == "ceil":
        # One more, if less than a stride of it is missing and it starts before the padding after.
        windows += start + span - padded < stride and start < before + size
    return windows


def scattered(inputs: int, before: int, after: int, span: int, stride: int, output_padding: int) -> int:
    """Places that a transposed convolution writes to and keeps."""
    written = {place * stride + tap for place in range(inputs) for tap in range(span)}
    return max(written) + 1 + output_padding - before - after


def brute(size: int, output: int, kernel: int, stride: int, dilation: int, rounding: str) -> set[tuple[int, int]]:
    span = spanned(kernel, dilation)
    pairs = product(range(span), range(span))
    return {(b, a) for b, a in pairs if counted(size, b, a, span, stride, rounding) == output}


def pairs_of(windows: list[Window]) -> list[tuple[Any, Any]]:
    return [(window.before, window.after) for window in windows]


SMALL = st.integers(1, 4)
SIZES = st.integers(1, 24)


@settings(max_examples=300)
@given(size=SIZES, output=SIZES, kernel=st.integers(1, 7), stride=st.integers(1, 6), dilation=SMALL)
def test_fits_are_what_brute_force_finds(size: int, output: int, kernel: int, stride: int, dilation: int) -> None:
    for rounding in ROUNDINGS:
        pairs = pairs_of(fits(size, output, kernel, stride, dilation, (rounding,)))
        assert pairs == sorted(brute(size, output, kernel, stride, dilation, rounding))
    both = pairs_of(fits(size, output, kernel, stride, dilation))
    assert set(both) == brute(size, output, kernel, stride, dilation, "floor") | brute(
        size, output, kernel, stride, dilation, "ceil"
    )


def test_that_brute_force_can_disagree() -> None:
    assert counted(5, 0, 0, 3, 2, "floor") == 2
    assert counted(6, 0, 0, 3, 2, "floor") == 2
    assert counted(6, 0, 0, 3, 2, "ceil") == 3
    assert counted(2, 0, 0, 1, 2, "ceil") == 1, "a window that would start behind the axis is none"
    assert scattered(4, 1, 1, 4, 2, 0) == 8
    assert brute(224, 55, 11, 4, 1, "floor") >= {(1, 2), (2, 1), (2, 2)}
    assert (0, 0) not in brute(224, 55, 11, 4, 1, "floor")


@given(size=st.integers(1, 12), kernel=st.integers(1, 5), stride=st.integers(1, 5), dilation=st.integers(1, 3))
def test_every_size_within_reach_is_a_candidate(size: int, kernel: int, stride: int, dilation: int) -> None:
    for op in ("conv", "max_pool"):
        dilation = dilation if op == "conv" else 1
        options = {"dilation_rate": dilation} if op == "conv" else {}
        query = parse_query(1, 1, op=op, kernel_size=kernel, strides=stride, rank=1, **options)
        row = LayerRow("layer", query, None, None)
        reach = {(other,) for other in range(1, 120) if fits(size, other, kernel, stride, dilation, query.roundings)}
        assert reach <= set(candidates(row, (size,), forward=True))
        reach = {(other,) for other in range(1, 120) if fits(other, size, kernel, stride, dilation, query.roundings)}
        assert reach <= set(candidates(row, (size,), forward=False))


def test_a_window_that_is_not_known_fits_nothing() -> None:
    assert fit(Window(None, 3, 2, 1, 1, 1), 3) is None
    assert fit(Window(5, 3, 2, 1, None, None), 3) is None


@pytest.mark.parametrize(
    ("window", "output", "overhang", "spare"),
    [
        (Window(112, 3, 2, 1, 0, 1), 56, 0, 0),
        (Window(112, 3, 2, 1, 0, 0), 56, 1, 0),
        (Window(112, 3, 2, 1, 0, 0), 55, 0, 1),
        (Window(112, 3, 2, 1, 1, 1), 56, 0, 1),
        (Window(2, 3, 2, 1, 0, 0), 1, 1, 0),
    ],
)
def test_what_is_left_over_and_what_hangs_over(window: Window, output: int, overhang: int, spare: int) -> None:
    one = fit(window, output)
    assert one is not None
    assert (one.output, one.overhang, one.leftover) == (output, overhang, spare)


def test_a_window_that_starts_behind_the_axis_is_dropped_where_an_amount_is_given() -> None:
    """PyTorch's rule, which convpad's pools follow."""
    pool = {"op": "max_pool", "kernel_size": 1, "strides": 1, "padding": 1, "rounding": "ceil", "rank": 1}
    assert not convpad.solve(16, 18, **pool)
    [solution] = convpad.solve(16, 17, **pool)
    assert (solution.rounding, solution.problem.output_shape) == ("ceil", (None, 17, None))
    assert solution.reason == (
        "1 on both sides, so that some windows read padding alone, rounded up: ceil((16 + 1 + 1 - 1) / 1) = 17, without "
        "a window that starts behind the axis."
    )


# Whole answers


def key(solution: Solution) -> tuple[Any, ...]:
    overhang = tuple(window.overhang for window in solution.windows)
    return solution.kernel[0], solution.strides[0], solution.dilation_rate[0], solution.pads, overhang


@settings(max_examples=60)
@given(
    input=st.integers(1, 16),
    output=st.integers(1, 16),
    kernel=st.none() | st.integers(1, 6),
    strides=st.none() | st.integers(1, 5),
    dilation=st.none() | st.integers(1, 3),
    op=st.sampled_from(["conv", "max_pool"]),
    rounding=st.sampled_from([None, "floor", "ceil"]),
)
def test_solve_finds_exactly_what_brute_force_finds(
    input: int, output: int, kernel: int | None, strides: int | None, dilation: int | None, op: str, rounding: Any
) -> None:
    pool = op == "max_pool"
    rounding, dilation = rounding if pool else None, None if pool else dilation
    solved = convpad.solve(
        input, output, kernel_size=kernel, strides=strides, dilation_rate=dilation, op=op, rounding=rounding, rank=1
    )
    roundings = (rounding,) if rounding else ROUNDINGS if pool else ("floor",)
    want = {
        (k, s, d, pair)
        for k in ([kernel] if kernel else KERNELS)
        for s in ([strides] if strides else STRIDES)
        for d in ([dilation] if dilation else [1] if pool else DILATIONS)
        for r in roundings
        for pair in brute(input, output, k, s, d, r)
    }
    assert len({key(solution) for solution in solved}) == len(solved), "nothing is said twice"
    if want or pool:
        assert {(s.kernel[0], s.strides[0], s.dilation_rate[0], s.pads[0]) for s in solved} == want
    else:
        assert all(solution.pads[0][1] >= solution.windows[0].span for solution in solved)


@settings(max_examples=60)
@given(
    input=st.integers(1, 9),
    output=st.integers(1, 30),
    kernel=st.none() | st.integers(1, 5),
    strides=st.none() | st.integers(1, 4),
    dilation=st.integers(1, 3),
)
def test_transposed_finds_exactly_what_brute_force_finds(
    input: int, output: int, kernel: int | None, strides: int | None, dilation: int
) -> None:
    solved = convpad.solve(
        input, output, kernel_size=kernel, strides=strides, dilation_rate=dilation, op="conv_transpose", rank=1
    )
    want = {
        (k, s, (b, a), extra)
        for k in ([kernel] if kernel else KERNELS)
        for s in ([strides] if strides else STRIDES)
        for b, a in product(range(spanned(k, dilation)), repeat=2)
        for extra in range(s)
        if scattered(input, b, a, spanned(k, dilation), s, extra) == output
    }
    assert {(s.kernel[0], s.strides[0], s.pads[0], s.windows[0].leftover) for s in solved} == want
    assert len(solved) == len(want)


@settings(max_examples=60)
@given(data=st.data())
def test_every_solution_is_posed_as_it_says(data: st.DataObject) -> None:
    op = data.draw(st.sampled_from(["conv", "conv_transpose", "max_pool", "average_pool"]))
    rank = data.draw(st.integers(1, 3))
    sizes = st.tuples(*[st.integers(1, 12)] * rank)
    kernel, strides = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    input, output = data.draw(sizes), data.draw(sizes)
    for solution in convpad.solve(input, output, kernel_size=kernel, strides=strides, op=op):
        problem = solution.problem
        assert solution.input == input
        assert solution.output == output
        shapes = (problem.input_shape[1:-1], problem.output_shape[1:-1])
        assert shapes == (input, output)
        for window, one in zip(problem.windows, solution.windows, strict=True):
            assert (window.before, window.after, window.output) == (one.before, one.after, one.output)
        windows = absorb_overhang(problem).windows
        for window, one in zip(windows, solution.windows, strict=True):
            assert (window.before, window.after) == (one.before, (one.after or 0) + one.overhang)
            forward = input if op == "conv_transpose" else output
            assert window.output == forward[windows.index(window)] or windows.count(window) > 1
        for word in solution.words:
            assert convpad.Padding.parse(word, rank=rank).amounts == solution.amounts or word in solution.words[1:]


def test_every_word_is_found_where_it_explains_the_sizes() -> None:
    for size, kernel, stride in product((4, 7, 13), (1, 2, 3, 5), (1, 2, 3)):
        for word, amount in AMOUNTS.items():
            window = Window(size, kernel, stride, 1, *amount.pair_for(size, kernel, stride))
            if not window.output or window.output < 1:
                continue
            solved = convpad.solve(size, window.output, kernel_size=kernel, strides=stride, dilation_rate=1, rank=1)
            [named] = [solution for solution in solved if word in solution.words]
            assert named.pads == ((window.before, window.after),)


# The order

ORDER = [
    ((224, 112), {"kernel_size": 3, "strides": 2}, ["same", "half", "same_lower", "uneven"]),
    ((13, 13), {"kernel_size": 3, "strides": 1}, ["same", "uneven"]),
    ((30, 28), {"kernel_size": 3, "strides": 1}, ["valid"]),
    ((28, 30), {"kernel_size": 3, "strides": 1}, ["full"]),
    ((224, 55), {"kernel_size": 11, "strides": 4}, ["symmetric", "odd one after", "odd one before", "uneven"]),
    ((12, 12), {"kernel_size": 4, "strides": 1, "rank": 1}, ["same", "causal", "same_lower", "uneven"]),
]


@pytest.mark.parametrize(("sizes", "known", "kinds"), ORDER)
def test_the_order_of_kinds(sizes: tuple[int, int], known: dict[str, Any], kinds: list[str]) -> None:
    solved = convpad.solve(*sizes, dilation_rate=1, **known)
    assert list(dict.fromkeys(solution.kind for solution in solved)) == kinds


@given(input=st.integers(1, 30), output=st.integers(1, 30), kernel=st.integers(1, 8), strides=st.integers(1, 5))
def test_one_window_is_in_the_order_of_kinds(input: int, output: int, kernel: int, strides: int) -> None:
    solved = convpad.solve(input, output, kernel_size=kernel, strides=strides, dilation_rate=1, rank=1)
    places = [KINDS.index(solution.kind) for solution in solved]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("sizes", "op", "window"),
    [
        ((224, 224), "conv", "kernel 3, strides 1, padding 'same'"),
        ((28, 24), "conv", "kernel 5, strides 1, padding 'valid'"),
        ((224, 112), "conv", "kernel 3, strides 2, padding 'same'"),
        ((112, 56), "max_pool", "kernel 2, strides 2, padding 'valid'"),
        ((55, 27), "max_pool", "kernel 3, strides 2, padding 'valid'"),
        ((28, 56), "conv_transpose", "kernel 2, strides 2, padding 'valid'"),
    ],
)
def test_ordinary_windows_come_first(sizes: tuple[int, int], op: str, window: str) -> None:
    assert convpad.solve(*sizes, op=op)[0].summary == window


# A padding that is known


@pytest.mark.parametrize(
    ("sizes", "known", "window"),
    [
        ((32, 28), {"padding": "valid"}, (5, 1)),
        ((224, 112), {"padding": 3}, (7, 2)),
        ((224, 112), {"padding": "half", "kernel_size": 3}, (3, 2)),
        ((10, 18), {"padding": 5, "kernel_size": 3}, (3, 1)),  # more than the span is what was said
        ((4, 8), {"padding": "same", "op": "conv_transpose", "kernel_size": 5}, (5, 2)),
        ((4, 7), {"padding": 1, "op": "conv_transpose"}, (3, 2)),
    ],
)
def test_windows_of_a_known_padding(sizes: tuple[int, int], known: dict[str, Any], window: tuple[int, int]) -> None:
    solved = convpad.solve(*sizes, dilation_rate=1, **known)
    assert window in [(solution.kernel[0], solution.strides[0]) for solution in solved]
    for solution in solved:
        again = convpad.solve(
            *sizes,
            kernel_size=solution.kernel,
            strides=solution.strides,
            dilation_rate=1,
            **{name: value for name, value in known.items() if name != "kernel_size"},
        )
        assert solution in list(again)


def test_axes_of_their_own() -> None:
    solved = convpad.solve((480, 641), (240, 321), kernel_size=3, strides=2, dilation_rate=1)
    assert solved[0].pads == ((0, 1), (1, 1))
    assert solved[0].padding == "same"
    assert not convpad.solve((10, 10), (5, 4), kernel_size=3, strides=2, padding="valid")
    assert convpad.solve((10, 9), (8, 9), kernel_size=(3, 1), strides=1, padding="valid", dilation_rate=1)


# What frameworks can say


def test_a_framework_leaves_what_it_can_say_itself() -> None:
    sizes = {"kernel_size": 7, "strides": 2, "dilation_rate": 1}
    paddings = {name: [s.padding for s in convpad.solve(224, 112, framework=name, **sizes)] for name in NAMES}
    assert paddings["keras"] == ["same"]
    assert paddings["torch"] == paddings["caffe"] == ["half"]
    assert paddings["tensorflow"][:2] == ["same", "half"], "tf.nn.conv2d takes explicit amounts"
    assert paddings["onnx"] == [s.padding for s in convpad.solve(224, 112, **sizes)]


def test_caffes_pools_round_up_and_kerass_do_not() -> None:
    pool = {"kernel_size": 3, "strides": 2, "op": "max_pool"}
    [caffe] = convpad.solve(112, 56, framework="caffe", **pool)
    assert (caffe.padding, caffe.rounding) == ("valid", "ceil")
    [keras] = convpad.solve(112, 56, framework="keras", **pool)
    assert (keras.padding, keras.rounding) == ("same", "floor")
    torch = convpad.solve(112, 56, framework="torch", **pool)
    assert [(s.padding, s.rounding) for s in torch] == [("valid", "ceil"), ("half", "floor")]
    assert "ceil_mode=True" in torch[0].to_code("torch").code


def test_a_convolution_is_never_rounded_up() -> None:
    for name in (None, *NAMES):
        assert all(s.rounding == "floor" for s in convpad.solve(112, 56, kernel_size=3, strides=2, framework=name))


# Nothing explains it


def test_alexnet() -> None:
    printed = convpad.solve(224, 55, kernel_size=11, strides=4, dilation_rate=1, padding="valid")
    assert not printed
    assert printed.summary == (
        "224 -> 55, kernel 11, strides 4, dilation 1, padding 'valid': impossible. 'valid' gives 54, not 55."
    )
    assert printed.to_table().rows[0] == ("input 227 instead of 224", "no padding", "(227 - 11) / 4 + 1 = 55")
    assert len(printed.to_table().rows) == len(printed.nearest)
    assert re.search(
        r"^input 227 instead of 224\n  no padding +\(227 - 11\) / 4 \+ 1 = 55$", str(printed), re.MULTILINE
    )
    readings = [(reading.changed, reading.instead) for reading in printed.nearest]
    assert readings[:2] == [("input", "227"), ("padding", "(1, 2) or (2, 1)")]
    # Padding as such is not impossible, and three values more are the least.
    free = convpad.solve(224, 55, kernel_size=11, strides=4, dilation_rate=1)
    assert min(sum(solution.pads[0]) for solution in free) == 3
    assert free[0].padding == 2


@settings(max_examples=60)
@given(
    input=st.integers(1, 40),
    output=st.integers(1, 40),
    kernel=st.integers(1, 7),
    strides=st.integers(1, 4),
    padding=st.sampled_from(["valid", "same", "half", 1, None]),
)
def test_every_reading_works(input: int, output: int, kernel: int, strides: int, padding: Any) -> None:
    known = {"kernel_size": kernel, "strides": strides, "dilation_rate": 1, "padding": padding}
    solved = convpad.solve(input, output, rank=1, **known)
    assert bool(solved) != bool(solved.nearest) or not solved
    for reading in solved.nearest:
        query = reading.query
        again = convpad.solve(
            query.input,
            query.output,
            kernel_size=query.kernel,
            strides=query.strides,
            dilation_rate=1,
            padding=None if reading.changed == "padding" or padding is None else padding,
        )
        assert reading.solution in [*again]
        changes = [
            (query.input, (input,)),
            (query.output, (output,)),
            (query.kernel, (kernel,)),
            (query.strides, (strides,)),
        ]
        assert sum(a != b for a, b in changes) == (reading.changed != "padding"), "one thing alone"


def test_the_other_size_is_the_nearest() -> None:
    for input in range(200, 224):
        solved = convpad.solve(input, 55, kernel_size=11, strides=4, padding="valid", dilation_rate=1)
        [other] = [int(reading.instead) for reading in solved.nearest if reading.changed == "input"]
        works = [size for size in range(1, 300) if counted(size, 0, 0, 11, 4, "floor") == 55]
        assert abs(other - input) == min(abs(size - input) for size in works)


def test_a_framework_that_cannot_is_told_from_sizes_that_cannot() -> None:
    solved = convpad.solve(28, 30, kernel_size=3, strides=1, dilation_rate=1, framework="keras")
    assert [reading.changed for reading in solved.nearest][-1] == "framework"


# Texts


def test_text() -> None:
    solved = convpad.solve(224, 112, kernel_size=3, strides=2)
    assert solved.summary.endswith("5 of them without dilation. Tried: dilation 1 to 4.")
    assert repr(solved) == f"<Solutions: {solved.summary.rstrip('.')}; print(...) shows all>"
    table = solved.to_table()
    assert table.headings == ("padding", "dilation", "meaning", "arithmetic")
    meaning = "ceil(224 / 2) outputs, 0 before and 1 after"
    assert ("same", "1", meaning, "(224 + 1 - 3) / 2 + 1 = 112") in table.rows
    assert table.lines == (f"and {len(solved) - 10} more",)
    text = str(solved)
    assert f"same\n  dilation: 1; meaning: {meaning}\n  arithmetic: (224 + 1 - 3) / 2 + 1 = 112\n" in text
    assert f"\nand {len(solved) - 10} more\n" in text
    assert 'keras.layers.Conv2D(filters, 3, strides=2, padding="same")' in text
    assert max(map(len, text.splitlines())) <= 80
    assert len(convpad.solve(224, 112).to_table(limit=3).rows) == 3
    assert "more" not in solved.to_text(limit=None)


def test_pages() -> None:
    solved = convpad.solve(224, 112, kernel_size=3, strides=2)
    assert "<h2>kernel 3, strides 2, padding &#x27;same&#x27;</h2>" in solved.to_html()
    assert "&#x27;same&#x27;" in solved._repr_html_()
    assert "impossible" in convpad.solve(224, 55, kernel_size=11, strides=4, padding="valid").to_html()
    assert "keras.layers.Conv2D" in solved[0].to_html()
    assert solved[0].reason in str(solved[0])
    assert json.loads(solved[0].to_json()) == solved[0].to_dict()


@pytest.mark.parametrize(
    ("sizes", "known", "reason"),
    [
        ((30, 28), {"kernel_size": 3}, "no padding: (30 - 3) / 1 + 1 = 28."),
        ((28, 30), {"kernel_size": 3}, "3 - 1 on both sides: (28 + 2 + 2 - 3) / 1 + 1 = 30."),
        ((224, 112), {"kernel_size": 3, "padding": "half"}, "3 // 2 on both sides, as in PyTorch and Caffe: floor((224 + 1 + 1 - 3) / 2) + 1 = 112, 1 left over."),
        ((112, 56), {"kernel_size": 3, "op": "max_pool", "rounding": "ceil"}, "no padding, rounded up: ceil((112 - 3) / 2) + 1 = 56, 1 place over the end."),
        ((9, 9), {"kernel_size": 2, "rank": 1, "padding": "causal"}, "2 - 1 before and none after: (9 + 1 - 2) / 1 + 1 = 9."),
        ((9, 9), {"kernel_size": 2, "padding": "same_lower"}, "ceil(9 / 1) outputs, 1 before and 0 after: (9 + 1 - 2) / 1 + 1 = 9."),
        ((4, 8), {"kernel_size": 5, "strides": 2, "op": "conv_transpose"}, "the crop of 'same': (4 - 1) * 2 + 5 - 1 - 2 = 8."),
        ((4, 8), {"kernel_size": 5, "strides": 2, "op": "conv_transpose", "padding": 2}, "5 // 2 on both sides, as in PyTorch and Caffe: (4 - 1) * 2 + 5 - 2 - 2 + 1 = 8, the last one output_padding."),
        ((224, 55), {"kernel_size": 11, "strides": 4, "padding": (1, 2), "rank": 1}, "1 before and 2 after: (224 + 1 + 2 - 11) / 4 + 1 = 55."),
        ((224, 55), {"kernel_size": 11, "strides": 4}, "2 on both sides: floor((224 + 2 + 2 - 11) / 4) + 1 = 55, 1 left over."),
    ],
)  # fmt: skip
def test_reasons(sizes: tuple[int, int], known: dict[str, Any], reason: str) -> None:
    solved = convpad.solve(*sizes, **known)
    assert solved[0].reason == reason


def test_json() -> None:
    solved = convpad.solve(224, 112, kernel_size=7, strides=2, dilation_rate=1)
    data = json.loads(solved.to_json())
    assert data["query"] == "224 -> 112, kernel 7, strides 2, dilation 1"
    assert data["count"] == len(data["solutions"]) == len(solved)
    assert set(data["solutions"][0]["code"]) == set(NAMES)
    assert data["solutions"][0]["padding"] == "same"
    assert data["solutions"][0]["pads"] == [[2, 3], [2, 3]]
    assert data["why_not"] is None
    assert not data["nearest"]
    nothing = json.loads(convpad.solve(224, 55, kernel_size=11, strides=4, padding="valid").to_json())
    assert nothing["count"] == 0
    assert nothing["nearest"][0]["instead"] == "227"


# Refusals

REFUSED: list[tuple[Any, Any, dict[str, Any], str]] = [
    (0, 5, {}, "`input_size` must be a positive int. Received: 0."),
    (5, -1, {}, "`output_size` must be a positive int. Received: -1."),
    (5.5, 5, {}, "`input_size` must be a positive int. Received: 5.5."),
    ("5", 5, {}, "`input_size` must be a positive int. Received: '5'."),
    (5, None, {}, "`output_size` must be a positive int. Received: None."),
    (True, 5, {}, "`input_size` must be a positive int. Received: True."),
    ((5, 5), (5,), {}, "`input_size and output_size` must be ints, or have one size for each of the same one to three axes. Received: ((5, 5), (5,))."),
    ((), (), {}, "`input_size and output_size` must be ints, or have one size for each of the same one to three axes. Received: ((), ())."),
    ((5, 5), 5, {"rank": 1}, "`input_size and output_size` must be ints, or have one size for each of the same one to three axes. Received: ((5, 5), 5, 1)."),
    (5, 5, {"rank": 4}, "`input_size and output_size` must be ints, or have one size for each of the same one to three axes. Received: (5, 5, 4)."),
    (5, 5, {"rank": 0}, "`rank` must be a positive int. Received: 0. Give the spatial axes alone."),
    (5, 5, {"kernel_size": 0}, "`kernel_size` must be a positive int. Received: 0."),
    (5, 5, {"kernel_size": (3, 3, 3)}, "`kernel_size` must be an int, or one for each of the 2 spatial axes. Received: (3, 3, 3)."),
    (5, 5, {"strides": "2"}, "`strides` must be a positive int. Received: '2'."),
    (5, 5, {"dilation_rate": -1}, "`dilation_rate` must be a positive int. Received: -1."),
    (5, 5, {"op": "pool"}, "`op` must be one of 'conv', 'conv_transpose', 'max_pool', 'average_pool'. Received: 'pool'."),
    (5, 5, {"op": "max_pool", "dilation_rate": 2}, "`dilation_rate` must not be given to max_pool. Received: 2."),
    (5, 5, {"rounding": "up"}, "`rounding` must be 'floor' or 'ceil'. Received: 'up'."),
    (5, 5, {"rounding": "ceil"}, "`rounding` must be 'floor' for conv. Received: 'ceil'. Only pools round up, in some frameworks."),
    (5, 5, {"framework": "mxnet"}, "`framework` must be one of 'keras', 'tensorflow', 'torch', 'onnx', 'caffe', 'theano', 'flax'. Received: 'mxnet'."),
    (5, 5, {"kernel_size": 10**6, "strides": 1}, "`kernel_size, strides and dilation_rate` must leave at most 65536 pairs of amounts to try: span * min(span, stride). Received: (1000000, 1, 1). Say those that are known: a dilation_rate of 1 is not taken for granted."),
]  # fmt: skip


@pytest.mark.parametrize(("input", "output", "known", "text"), REFUSED)
def test_refusals(input: Any, output: Any, known: dict[str, Any], text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        convpad.solve(input, output, **known)
    assert str(refusal.value) == text


@pytest.mark.parametrize("padding", ["reflect", -1, (1, 2, 3), 1.5])
def test_paddings_are_refused_as_everywhere(padding: Any) -> None:
    with pytest.raises(PaddingError, match="^`padding` must "):
        convpad.solve(5, 5, padding=padding)


def test_the_largest_window_that_is_tried() -> None:
    assert convpad.solve(16000, 16000, kernel_size=2, dilation_rate=4096, strides=1, rank=1)[0].padding == "same"
    assert convpad.solve(224, 14, kernel_size=16, strides=16)[0].padding == "valid"
    assert not convpad.solve(10**9, 1, kernel_size=1, strides=1, dilation_rate=1)


@pytest.mark.parametrize(("sizes", "options", "pads", "reason"), [
    # FCN-8s pads its input by 100 (arXiv:1411.4038), which its first layer of 3 x 3 turns into 698.
    ((500, 698), {"kernel_size": 3, "strides": 1, "dilation_rate": 1}, (100, 100),
     "100 on both sides, so that some windows read padding alone: (500 + 100 + 100 - 3) / 1 + 1 = 698."),
    ((6, 300), {"kernel_size": 3, "strides": 2, "dilation_rate": 1}, (297, 298),
     "297 before and 298 after, so that some windows read padding alone: (6 + 297 + 298 - 3) / 2 + 1 = 300."),
])  # fmt: skip
def test_amounts_beyond_the_span_are_found_where_no_others_explain_it(
    sizes: Any, options: Any, pads: Any, reason: str
) -> None:
    solved = convpad.solve(*sizes, **options)
    assert next(solution for solution in solved if solution.pads == (pads, pads)).reason == reason
    for solution in solved:
        (before, after), _ = solution.pads
        assert after - before in (0, 1)
        assert before >= solution.windows[0].span - 1
        assert solution.problem.output_shape == (None, sizes[1], sizes[1], None)


def test_amounts_beyond_the_span_are_not_listed_among_others() -> None:
    for solution in convpad.solve(56, 60):
        assert max(map(max, solution.pads)) < solution.windows[0].span


def test_a_suggestion_says_the_dilation_that_it_takes() -> None:
    (near,) = convpad.solve(224, 54, kernel_size=7, strides=2).nearest
    assert near.change == "strides 4 instead of 2, with dilation 2"
    assert "none of them without dilation" in convpad.solve(224, 54, kernel_size=7, strides=4).summary
