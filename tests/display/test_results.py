"""Every result of convpad at several widths, coloured and plain: every line fits, and nothing is lost."""

from __future__ import annotations

import ast
import re
from functools import cache
from html import unescape
from pathlib import Path
from textwrap import dedent
from typing import Any

import onnx
import pytest

import convpad
from convpad.benchmark.layer import make_layer
from convpad.benchmark.result import Bench, BenchRow
from convpad.changes import Change, Changes
from convpad.core.operation import OPS, POOLS
from convpad.display.result import Result
from convpad.display.table import Table
from convpad.display.wrap import wrapped, wrapped_code
from convpad.frameworks import NAMES

pytestmark = pytest.mark.needs("numpy")

LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
TABLE = """
name   op    size  kernel  stride  padding
image  -     224
features/block_1/a_rather_long_name_for_one_layer/conv1  conv  55  11  4  valid
pool1  pool  27    3       2
"""


def bench() -> Bench:
    layer = make_layer(
        (8, 224, 224, 64), (3, 3, 64, 128), op="conv", backend="numpy", strides=2, dilation_rate=1, padding="same"
    )
    rows = [
        BenchRow(mode, step, name, "jnp.pad, lax.conv_general_dilated", route, chosen, "it is so", *times, 9)
        for mode in ("zeros", "reflect,circular/symmetric_odd")
        for step in ("forward", "gradient")
        for name, route, chosen, *times in (
            ("convpad", "correction", True, 0.0123, 1.0, 0.98, 1.02),
            ("workaround", "", False, 1.234, 123.4, 120.25, 130.5),
        )
    ]
    machine = {"cpu": "a CPU (x86_64)", "cores": "2", "memory": "24 GiB", "system": "Linux 6.18.44"}
    return Bench(layer, "cpu", machine, {"python": "3.11.7", "jax": "0.10.2"}, tuple(rows), "")


RESULTS: dict[str, Any] = {
    **{
        name: lambda name=name: convpad.audit(LIGHT / f"light_{name}.onnx")
        for name in ("resnet50", "inception_v2", "densenet121", "shufflenet")
    },
    "two networks": lambda: convpad.compare(LIGHT / "light_resnet50.onnx", LIGHT / "light_densenet121.onnx"),
    "an open size": lambda: convpad.audit(open_model()),
    "two open sizes": lambda: convpad.compare(open_model(), open_model("[0, 0, 1, 1]")),
    "solutions": lambda: convpad.solve(224, 112, kernel_size=7, strides=2),
    "solutions of all": lambda: convpad.solve(224, 112),
    "no solution": lambda: convpad.solve(224, 55, kernel_size=11, strides=4, padding="valid"),
    "one solution": lambda: convpad.solve(224, 112)[0],
    "a table": lambda: convpad.solve_chain(TABLE),
    "bench": bench,
    "changes": lambda: Changes(
        "fold",
        (
            Change("model/backbone/stage_1/a_block_with_a_long_name/conv_pad", "ZeroPadding2D", "folded", "into conv"),
            Change("conv", "DepthwiseConv2D", "replaced", "DepthwiseConv2D, ((0, 1), (0, 1)) with 'zeros'"),
        ),
    ),
    **{
        f"explain {op}": lambda op=op: convpad.explain(
            (224, 321),
            (7, 5),
            strides=2,
            padding=((1, 2), (0, 3)),
            op=op,
            padding_mode=None if op in POOLS else "zeros",
        )
        for op in OPS
    },
    "explain causal": lambda: convpad.explain(16000, 2, padding="causal", padding_mode="reflect", dilation_rate=512),
}


def open_model(pads: str = "[1, 1, 1, 1]") -> Any:
    return onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["": 17]>
        net (float[1, 3, h, w] x) => (float[1, 4, p, q] y) <float[4, 3, 3, 3] k = {{{", ".join("0" * 108)}}}> {{
            y = Conv <strides = [2, 2], pads = {pads}> (x, k)
        }}""")


@cache
def result(name: str) -> Result:
    return RESULTS[name]()


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_parts_of_a_result_are_short_too() -> None:
    audit, comparison = result("densenet121"), result("two networks")
    assert isinstance(audit, convpad.Audit) and isinstance(comparison, convpad.Comparison)
    row, pair = audit.rows[0], comparison.pairs[0]
    assert repr(row) == f"<AuditRow: {row.window.name}, conv 7x7 /2, pads 3,3 zeros>"
    assert repr(pair) == f"<WindowPair: {pair.a.name} and {pair.b.name}: equal paddings>"
    assert repr(row.window) == f"<PaddedWindow: {row.window.name}, Conv>"
    assert repr(audit.reading) == "<ModelWindows: 125 of light_densenet121.onnx>"
    plan = convpad.plan((1, 8, 8, 2), (3, 3, 2, 2), padding="same", backend="numpy")
    assert repr(plan) == f"<Plan: {plan}>" and "\n" not in repr(plan)


def texts(table: Table) -> list[str]:
    """What a table says: its title, cells, lines, notes and meanings."""
    table = table.without_empty_columns()
    cells = [cell.text for row in table.cells for cell in row if cell.text not in ("", "-")]
    meanings = [line for _, meaning in table.legend for line in meaning.splitlines()]
    return [table.title, *cells, *table.lines, *table.notes, *meanings]


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("width", [40, 60, 80, 100, None])
def test_every_line_fits_and_nothing_is_lost(name: str, width: int | None) -> None:
    shown = result(name)
    plain = shown.to_text(width)
    assert ANSI.sub("", shown.to_text(width, colour=True)) == plain
    assert "\x1b" not in plain
    lines = plain.splitlines()
    if width is None or width >= 60:
        assert max(map(len, lines)) <= (width or 10_000)
    if isinstance(shown, convpad.Explanation):
        said = [text for sentences in shown.sentences for text in sentences]
        said += [text for word in shown.words for text in (word.code, word.note)]
    else:
        said = [text for table in shown._tables() for text in texts(table)]
    for text in said:
        assert squeezed(text) in squeezed(plain), text
        for word in re.split(r"[\s/([{<]+", text):  # a name ends a line after a slash, code after a bracket
            assert len(word) > (width or 10_000) - 8 or any(word in line for line in lines), word


@pytest.mark.parametrize("name", RESULTS)
def test_a_terminal_of_60_columns_has_each_row_under_its_name(name: str) -> None:
    shown = result(name)
    if isinstance(shown, convpad.Explanation):
        return
    for table in shown._tables():
        lines = {line.strip() for line in shown.to_text(60).splitlines()}
        for row in table.cells:
            first = row[0].text
            assert any(line.startswith(wrapped(first, 56)[0]) for line in lines), first


@pytest.mark.parametrize("name", RESULTS)
def test_one_line_says_how_to_see_more(name: str) -> None:
    line = repr(result(name))
    assert "\n" not in line and len(line) < 330 and "print(...)" in line
    assert str(result(name)) == result(name).to_text(80)


@pytest.mark.parametrize("name", RESULTS)
def test_a_page_says_the_same_and_where_it_is_from(name: str) -> None:
    shown = result(name)
    for page in (shown.to_html(), shown._repr_html_()):
        # Of scripts a page has that of its drawing, whose words `tests/display/test_interactive.py` knows.
        scripts = re.findall(r"<script>.*?</script>", page, re.DOTALL)
        assert len(scripts) == name.startswith("explain")
        page = page.replace("".join(scripts), "")
        plain = squeezed(unescape(re.sub(r"<[^>]*>", "", page)))
        for table in shown._tables():
            assert all(squeezed(text) in plain for text in texts(table))
            assert all(squeezed(word + meaning) in plain for word, meaning in table.without_empty_columns().legend)
        assert re.search(rf"<footer>convpad {re.escape(convpad.__version__)}, \d{{4}}-\d\d-\d\d</footer>", page)
        for word in ("http:", "https:", "src=", "<script", "<link", "url(", "@import"):
            assert word not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "shufflenet"])
def test_a_notebook_folds_a_long_table_and_styles_nothing_else(name: str) -> None:
    page = result(name)._repr_html_()
    assert page.count("<details>") == page.count("</details>") == 1
    assert page.index("<details>") < page.index("<table>") < page.index("</details>") < page.index("<footer>")
    assert not re.search("<html|<body|<h1|<meta", page)
    style = re.sub(r"@media[^{]*\{", "", page.partition("<style>")[2].partition("</style>")[0])
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", style)
    assert all(".convpad" in part for selector in selectors for part in selector.split(","))


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("width", [56, 76])
def test_broken_code_is_still_code(op: str, width: int) -> None:
    for word in result(f"explain {op}").words:  # type: ignore[attr-defined]
        lines = wrapped_code(word.code, width)
        assert max(map(len, lines)) <= width
        text = "\n".join(lines)
        if word.framework in ("keras", "tensorflow", "torch", "theano"):
            assert ast.unparse(ast.parse(dedent(text))) == ast.unparse(ast.parse(word.code))
        elif word.framework == "onnx" and word.code:
            assert parsed(text) == parsed(word.code)
        assert squeezed(text) == squeezed(word.code)


def parsed(code: str) -> Any:
    for name in ("channels", "filters"):  # what is to be filled in
        code = re.sub(rf"\b{name}\b", "3", code)
    return onnx.parser.parse_graph(f"g (float[1, 3, 224, 321] x, float[8, 3, 7, 5] kernel) => (y) {{ {code} }}")


def test_there_is_code_of_each_framework() -> None:
    words = [word for op in OPS for word in result(f"explain {op}").words]  # type: ignore[attr-defined]
    assert {word.framework for word in words if word.code} == set(NAMES) - {"caffe"}  # which pads both sides alike
    even = convpad.explain((224, 321), 7, strides=2, padding="half").words
    assert all(word.code and squeezed(word.code) == squeezed("".join(wrapped_code(word.code, 56))) for word in even)


def test_open_sizes_name_the_argument() -> None:
    said = str(result("an open size"))
    assert "leaves a size open" in said
    assert "input_shape=(1, 3, 224, 224)" in said
    assert "input_shape" not in str(convpad.audit(open_model(), input_shape=(1, 3, 64, 64)))
    both = str(result("two open sizes"))
    assert "input_shape_a=(1, 3, 224, 224)" in both and "input_shape_b=(1, 3, 224, 224)" in both


@pytest.mark.parametrize(("text", "width", "lines"), [
    ("a name/with/slashes here", 12, ["a", "name/with/", "slashes here"]),
    ("a/long_name.of_parts", 8, ["a/long_", "name.of_", "parts"]),
    ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
    ("  indented words go on", 14, ["  indented", "  words go on"]),
    ("word  its meaning here", 14, ["word  its", "      meaning", "      here"]),
    ("層層 層", 4, ["層層", "層"]),
    ("", 4, [""]),
])  # fmt: skip
def test_lines(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines
    assert wrapped(text, None) == [text]
