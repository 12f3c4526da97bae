"""Explanations: facts counted by hand, text, JSON, pictures, and the command."""

from __future__ import annotations

import ast
import doctest
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from doctests import failures
from hypothesis import given, settings
from hypothesis import strategies as st
from spoken import Spoken, spoken
from typer.testing import CliRunner

import convpad
from convpad.cli.commands import app
from convpad.core.errors import PaddingError
from convpad.core.window import Window, places_read
from convpad.explanation import explain
from convpad.frameworks import NAMES

pytestmark = pytest.mark.needs("numpy")

ROOT = Path(__file__).parents[2]


def read_by_hand(window: Window) -> set[int]:
    """Every place that any window reads; 0 is the first value of the axis."""
    starts = [o * window.stride - (window.before or 0) for o in range(window.output or 0)]
    return {start + tap * window.dilation for start in starts for tap in range(window.kernel)}


@settings(max_examples=400)
@given(
    window=st.builds(Window, *(st.integers(1, n) for n in (12, 5, 4, 4)), st.integers(0, 6), st.integers(0, 6)),
    bounds=st.tuples(st.integers(-8, 20), st.integers(-8, 20)),
)
def test_places_read(window: Window, bounds: tuple[int, int]) -> None:
    assert places_read(window, *bounds) == len(read_by_hand(window) & set(range(*bounds)))


def explained(case: Spoken) -> Any:
    return explain(case.sizes, case.window, op=case.op, **case.options)


@settings(max_examples=200)
@given(case=spoken())
def test_facts(case: Spoken) -> None:
    facts, shape = explained(case), case.answer().shape[1:-1]
    assert [word.framework for word in facts.words] == [*NAMES]
    for axis, size, output in zip(facts.axes, case.sizes, shape, strict=True):
        assert (axis.input, axis.output) == (size, output)
        read, n = read_by_hand(axis.window), axis.window.size
        assert axis.read_before == len({place for place in read if -axis.before <= place < 0})
        assert axis.read_after == len({place for place in read if n <= place < n + axis.after})
        assert axis.unread == len(set(range(n)) - read)
        assert axis.even == (axis.read_before == axis.read_after)
        if axis.even_sizes:
            smaller, larger = axis.even_sizes
            assert smaller < size < larger
            for other in range(max(smaller, 1), larger + 1):
                window = replace(axis.window, size=other)
                if (window.output or 0) > 0 and other in (smaller, larger):
                    reads = read_by_hand(window)
                    assert len([p for p in reads if p < 0]) == len([p for p in reads if p >= other])


def test_text() -> None:
    text = str(explain((224, 112), 7, strides=2, padding="half"))
    assert text.startswith(
        "conv on 224x112: kernel 7, stride 2, padding='half', padding_mode='zeros'\n\n"
        "axis 0: 224 -> 112\n  padded by 3 before and 3 after\n"
        "  windows read 3 of it before and 2 after: used unevenly\n"
        "  an input of 223 or 225 would use it evenly\n\naxis 1: 112 -> 56\n"
    )
    assert "\n\nKeras (not in one operation)\n  keras.Sequential(" in text
    assert "\n\nPyTorch\n  torch.nn.Conv2d(channels, filters, 7, stride=2, padding=3)\n  This pads (3, 3)." in text
    assert "values that no window reads: 3 of 9" in str(explain(9, 3, strides=4))
    assert "outputs that no input reaches: 1 of 2" in str(explain(1, 1, strides=2, op="conv_transpose"))
    assert "1 cropped before and 1 after" in str(explain(4, 4, strides=2, padding="same", op="conv_transpose"))


def test_page_and_one_line() -> None:
    explanation = explain((6, 7), 3, strides=2, padding="half")
    assert (
        repr(explanation)
        == "<Explanation: conv on 6x7: kernel 3, stride 2, padding='half', padding_mode='zeros'; print(...) shows all>"
    )
    page = explanation.to_html()
    assert explanation.to_svg() in page
    assert explanation.to_svg() in explanation._repr_html_()
    assert '<p class="line">axis 0: 6 -&gt; 3: padded by 1 before and 1 after; ' in page
    assert page.count("<tr>") == 1 + len(NAMES)


def test_json() -> None:
    data = json.loads(explain(6, 3, strides=2, padding="same", op="max_pool").to_json())
    assert data["op"] == "max_pool"
    assert data["axes"] == [
        {
            "input": 6, "output": 3, "kernel": 3, "stride": 2, "dilation": 1, "before": 0, "after": 1,
            "modes": ["ignore", "ignore"], "read_before": 0, "read_after": 1, "even": False, "even_sizes": None, "unread": 0,
        }
    ]  # fmt: skip
    assert [*data["words"]] == [*NAMES]
    assert data["words"]["keras"]["exact"] is True


REFUSED = [
    (
        (8, 3),
        {"op": "pad"},
        "`op` must be one of 'conv', 'depthwise_conv', 'separable_conv', 'conv_transpose', 'max_pool', 'average_pool'. Received: 'pad'.",
    ),
    ((0, 3), {}, "`input_size` must be a positive int. Received: 0."),
    (
        ((8, 8), (3, 3, 3)),
        {},
        "`kernel_size` must be an int, or one for each of the 2 spatial axes. Received: (3, 3, 3).",
    ),
    ((10**9, 3), {}, "`input_size` must be at most 100,000. Received: 1000000000."),
    ((8, 10**9), {}, "`kernel_size` must be at most 100,000. Received: 1000000000."),
    ((8, 3), {"ceil_mode": True}, "`ceil_mode` must be left out but for a pool. Received: True."),
    ((8, 3), {"op": "max_pool", "ceil_mode": 1}, "`ceil_mode` must be True or False. Received: 1."),
    ((8, 3), {"output_padding": 1}, "`output_padding` must be left out but for conv_transpose. Received: 1."),
    (
        (2, 3),
        {},
        "The window must fit into the padded axis. Received: spatial axis 0 of size 2, padded by (0, 0), with a window that spans 3. Pad more, or use a smaller window.",
    ),
]


@pytest.mark.parametrize(("sizes", "options", "text"), REFUSED)
def test_refused(sizes: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        explain(*sizes, **options)
    assert str(refusal.value) == text


# The picture


def shapes(svg: str) -> tuple[tuple[float, float], list[Any]]:
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    return (width, height), list(root)


def boxes(elements: list[Any], kind: str) -> list[tuple[float, float, float, float]]:
    """(left, top, right, bottom) of the cells (which have an edge), or of the marks on them (which have none)."""
    rectangles = []
    for element in elements[1:]:
        if element.tag.endswith("rect") and (element.get("stroke") is not None) == (kind == "cells"):
            x, y, w, h = (float(element.get(key, 0)) for key in ("x", "y", "width", "height"))
            rectangles.append((x, y, x + w, y + h))
    return rectangles


def overlapping(rectangles: list[tuple[float, float, float, float]]) -> bool:
    return any(
        one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
        for place, one in enumerate(rectangles)
        for other in rectangles[:place]
    )


@settings(max_examples=60)
@given(case=spoken(), far=st.sampled_from([0, 0, 30, 200]))
def test_picture(case: Spoken, far: int) -> None:
    case = Spoken(case.op, tuple(size + far for size in case.sizes), case.window, case.groups, case.options)
    (width, height), elements = shapes(explained(case).to_svg())
    names = [element.tag.rsplit("}")[-1] for element in elements]
    assert names[:2] == ["title", "desc"]
    cells, marks = boxes(elements[3:], "cells"), boxes(elements[3:], "marks")
    assert cells
    assert not overlapping(cells)
    assert not overlapping(marks)
    for left, top, right, bottom in [*cells, *marks]:
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    for element in elements:
        if element.tag.endswith("text"):
            x, y, size = (float(element.get(key)) for key in ("x", "y", "font-size"))
            wide = 0.62 * size * len(element.text)
            assert x - (wide / 2 if element.get("text-anchor") == "middle" else 0) >= 0
            assert x + (wide / 2 if element.get("text-anchor") == "middle" else wide) <= width, element.text
            assert size <= y <= height


def test_picture_counts() -> None:
    _, elements = shapes(explain(9, 3, dilation_rate=2, strides=3, padding=(3, 4)).to_svg())
    fills = [element.get("fill") for element in elements[3:] if element.get("stroke") and element.tag.endswith("rect")]
    # Nine values, of 3 + 4 added ones 2 + 1 read; and one of each in the legend.
    assert [fills.count(colour) for colour in ("#bfdcf2", "#f6d9a8", "#ffffff")] == [10, 4, 5]
    assert len(boxes(elements[3:], "marks")) == 4 * 3 + 1


@pytest.mark.parametrize("size", range(3, 12))
def test_a_last_window_beyond_the_axis(size: int) -> None:
    explanation = explain(size, 3, op="max_pool", strides=2, ceil_mode=True)
    (axis,) = explanation.axes
    fact = "the last window reaches 1 place beyond the padded axis"
    assert axis.output == -(-(size - 3) // 2) + 1
    assert (fact in explanation.sentences[0]) == (size % 2 == 0)
    assert ("rounded up" in explanation.summary) and explanation.to_svg().startswith("<svg")


def test_the_helper_sees_overlaps() -> None:
    assert overlapping([(0, 0, 2, 2), (1, 1, 3, 3)])
    assert not overlapping([(0, 0, 2, 2), (2, 0, 4, 2)])


def test_large_windows_are_explained_and_drawn_soon() -> None:
    began = time.process_time()
    assert len(explain((100_000, 100_000), 100_000, padding="full").to_svg()) < 10**7
    assert time.process_time() - began < 30


# The command


def invoke(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["explain", *arguments], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


CALLS: list[tuple[list[str], Any, dict[str, Any]]] = [
    (["224", "--kernel", "7", "--stride", "2", "--padding", "same"], (224, 7), {"strides": 2, "padding": "same"}),
    (["224\u00d7320", "--kernel", "7\u00d75", "--padding", "3\u00d72"], ((224, 320), (7, 5)), {"padding": (3, 2)}),
    (["224x320", "--kernel", "7,5", "--padding", "3x2"], ((224, 320), (7, 5)), {"padding": (3, 2)}),
    (["6", "--kernel", "3", "--padding", "1,2", "--mode", "reflect"], (6, 3), {"padding": (1, 2), "padding_mode": "reflect"}),
    (["6x6", "--kernel", "3", "--padding", "1,2x0,3"], ((6, 6), 3), {"padding": ((1, 2), (0, 3))}),
    (["6x6", "--kernel", "3", "--padding", "1", "--mode", "circular,-0.5"], ((6, 6), 3), {"padding": 1, "padding_mode": ("circular", -0.5)}),
    (["9", "--kernel", "3", "--dilation", "2"], (9, 3), {"dilation_rate": 2}),
    (["9", "--kernel", "3", "--op", "max_pool"], (9, 3), {"op": "max_pool"}),
    (["8", "--kernel", "3", "--op", "max_pool", "--stride", "2", "--ceil"], (8, 3), {"op": "max_pool", "strides": 2, "ceil_mode": True}),
    (["9", "--kernel", "3", "--op", "conv_transpose", "--stride", "2", "--output-padding", "1"], (9, 3), {"op": "conv_transpose", "strides": 2, "output_padding": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "sizes", "options"), CALLS)
def test_command(arguments: list[str], sizes: Any, options: dict[str, Any]) -> None:
    explanation = explain(*sizes, **options)
    assert invoke(*arguments) == (0, f"{explanation.to_text(None)}\n", "")
    assert invoke(*arguments, "--json") == (0, f"{explanation.to_json()}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["q", "--kernel", "7"], "`SIZE` must be an int, or one for each axis as in 224x320. Received: 'q'."),
        (["9", "--kernel", "3x"], "`--kernel` must be an int, or one for each axis as in 224x320. Received: '3x'."),
        (["9", "--kernel", "3", "--padding", "1,ax2"], "`--padding` must be an int, or one for each axis as in 224x320. Received: '1,ax2'."),
        (["9", "--kernel", "3", "--padding", "some"], "`--padding` must be one of"),
        (["9", "--kernel", "3", "--mode", "edge"], "NumPy's 'edge' is 'replicate' here."),
        (["2", "--kernel", "3"], "The window must fit into the padded axis."),
        (["9", "--kernel", "3", "--svg", "."], "--svg must be a file. Received: the folder ."),
        (["9", "--kernel", "3", "--svg", "nowhere/a.svg"], "to write a.svg into."),
        (["99999999999", "--kernel", "3"], "`SIZE` must be at most 100,000."),
    ],
)  # fmt: skip
def test_command_refuses(arguments: list[str], message: str) -> None:
    status, out, err = invoke(*arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.startswith("convpad explain: ")
    assert err.count("\n") == 1, "one line"


def test_command_draws(tmp_path: Path) -> None:
    path = tmp_path / "window.svg"
    assert invoke("6x7", "--kernel", "3", "--svg", str(path))[0] == 0
    assert path.read_text(encoding="utf-8") == explain((6, 7), 3).to_svg()
    assert [file.name for file in tmp_path.iterdir()] == ["window.svg"], "nothing half-written is left"
    path.write_text("mine")
    status, out, err = invoke("9", "--kernel", "3", "--svg", str(path))
    assert (status, out, path.read_text()) == (2, "", "mine")
    assert err == f"convpad explain: {path} exists. Add --force to replace it, or name another file with --svg.\n"
    assert invoke("9", "--kernel", "3", "--svg", str(path), "--force")[0] == 0
    assert path.read_text(encoding="utf-8").startswith("<svg")


def test_command_starts_at_once_and_without_a_framework() -> None:
    program = "from convpad.cli.commands import app\nimport sys\nprint(*{'rich', 'numpy', 'keras', 'jax', 'torch', 'tensorflow', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
    call = [sys.executable, "-c", "from convpad.cli import main; main()", "explain", "--help"]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"})
    assert "Example: convpad explain" in done.stdout
    assert re.search(r"--svg +<?path", done.stdout, re.IGNORECASE)


def test_page() -> None:
    page = (ROOT / "docs" / "explain.md").read_text(encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(page.replace("```", ""), {}, "explain.md", None, 0)
    assert len(test.examples) >= 12
    assert failures(test) == ""


def test_it_is_public() -> None:
    assert convpad.explain is explain


@pytest.mark.parametrize(
    ("padding", "written"),
    [
        (2, "padding=2"),
        (((2, 2), (2, 2)), "padding=2"),
        (((0, 2), (0, 2)), "padding=((0, 2), (0, 2))"),
        (("same", 1), "padding=('same', (1, 1))"),
        ("half", "padding='half'"),
    ],
)
def test_amounts_are_written_as_short_as_they_are_read(padding: Any, written: str) -> None:
    explained = convpad.explain((12, 12), 5, strides=3, padding=padding, padding_mode="symmetric")
    assert f", {written}, padding_mode='symmetric'" in explained.summary
    keras = explained.words[0].code
    assert f", {written.replace(chr(39), chr(34))}, padding_mode=" in keras
    read = ast.literal_eval(keras.split("padding=")[1].split(", padding_mode")[0])
    assert convpad.Padding.parse(read, "symmetric", rank=2) == explained.padding
