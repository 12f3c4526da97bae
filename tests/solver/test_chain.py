"""Tables of sizes: reading, solving all layers together, refusals, and the command."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import convpad
from convpad.cli.commands import app
from convpad.core.errors import PaddingError
from convpad.display.text import to_text
from convpad.solver.table import read_table

pytestmark = pytest.mark.needs("numpy")

ALEXNET = """
name   op    size  kernel  stride  padding
image  -     224
conv1  conv  55    11      4       valid
pool1  pool  27    3       2       valid
"""

# One table in every spelling.
SPELLINGS = [
    "name out kernel strides\nimage 224\nconv1 112 7 2\npool1 56 3 2",
    "name,size,kernel,stride\nimage,224,,\nconv1,112,7,2\npool1,56,3,2",
    "name;size;kernel;stride\nimage;224;;\nconv1;112;7;2\npool1;56;3;2",
    "name\tsize\tkernel\tstride\nimage\t224\nconv1\t112\t7\t2\npool1\t56\t3\t2",
    "layer in out filter stride\nconv1 224 112 7 2\npool1 112 56 3 2",
    "layer in out window\nconv1 224 112 7/2\npool1 112x112 56 3x3/2",
    "NAME Size Kernel\n# a remark\n\nimage 224x224x3\nconv1 112x112x64 7x7/2\npool1 56×56 3×3/2",  # noqa: RUF001
    '"name", "size", "kernel", "stride"\nimage, 224\nconv1, "112", 7, 2\npool1, 56, 3, 2\n',
]


@pytest.mark.parametrize("table", SPELLINGS)
def test_spellings(table: str) -> None:
    chain = convpad.solve_chain(table)
    assert [row.name for row in chain] == ["conv1", "pool1"]
    assert [(row.input, row.output) for row in chain] == [((224, 224), (112, 112)), ((112, 112), (56, 56))]
    assert [row.solutions[0].kernel for row in chain if row.solutions] == [(7, 7), (3, 3)]
    assert [row.solutions[0].strides for row in chain if row.solutions] == [(2, 2), (2, 2)]


@pytest.mark.parametrize(
    ("cell", "rank", "pads"),
    [("valid", 2, (0, 0)), ("1", 2, (1, 1)), ('"0,1"', 2, (0, 1)), ('"1,0"', 1, (1, 0)), ("SAME", 2, (0, 1))],
)
def test_padding_in_a_table(cell: str, rank: int, pads: tuple[int, int]) -> None:
    output = 111 if cell == "valid" else 112
    chain = convpad.solve_chain(f"in,out,kernel,stride,padding\n224,{output},3,2,{cell}", rank=rank)
    assert chain[0].name == "1"
    assert chain[0].solutions is not None
    assert {solution.pads for solution in chain[0].solutions} == {(pads,) * rank}


def test_what_is_not_said_is_not_known_and_a_column_that_is_not_there_means_none() -> None:
    queries = [layer.query for layer in read_table("size kernel dilation\n9 - -\n7 ? ?\n5 3 2", rank=1)]
    # The first row says a size alone: it is the input.
    assert [(one.kernel, one.dilation_rate) for one in queries] == [(None, None), ((3,), (2,))]
    [layer] = read_table("in out\n9 7", rank=1)
    assert (layer.query.kernel, layer.query.strides, layer.query.dilation_rate) == (None, None, (1,))
    [layer] = read_table("in out op kernel\n9 7 pool 3", rank=1)
    assert (layer.query.op, layer.query.kernel, layer.query.dilation_rate) == ("max_pool", (3,), None)


# Solved together


def brute(first: int, last: int, layers: list[tuple[int, int]]) -> set[tuple[int, ...]]:
    """Every run of sizes that unpadded layers can have."""
    runs = {(first,)}
    for kernel, stride in layers:
        runs = {(*run, (run[-1] - kernel) // stride + 1) for run in runs if run[-1] >= kernel}
    return {run for run in runs if run[-1] == last}


@settings(max_examples=40)
@given(
    first=st.integers(8, 40),
    layers=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), min_size=1, max_size=4),
    hidden=st.integers(0, 4),
)
def test_sizes_that_are_left_out_follow(first: int, layers: list[tuple[int, int]], hidden: int) -> None:
    sizes = [first]
    for kernel, stride in layers:
        sizes.append((sizes[-1] - kernel) // stride + 1)
    if min(sizes) < 1:
        return
    # One size alone is said; the first or the last of the unpadded run.
    shown = [
        str(size) if (hidden and place == 0) or (not hidden and place == len(layers)) else "?"
        for place, size in enumerate(sizes)
    ]
    rows = [
        f"{a} {b} {kernel} {stride} valid" for (a, b), (kernel, stride) in zip(pairwise(shown), layers, strict=True)
    ]
    chain = convpad.solve_chain("\n".join(["in out kernel stride padding", *rows]), rank=1)
    assert chain.possible
    for row, after in pairwise(chain):
        assert row.output == after.input
    if hidden:
        assert [chain[0].input, *(row.output for row in chain)] == [(size,) for size in sizes]
    else:
        assert chain[-1].output == (sizes[-1],)
        path = tuple(size[0] for size in (chain[0].input, *(row.output for row in chain)) if size)
        assert path in brute(path[0], sizes[-1], layers)


@given(size=st.integers(1, 24), between=st.integers(1, 24), last=st.integers(1, 24))
@settings(max_examples=60)
def test_a_table_is_possible_exactly_where_each_layer_is(size: int, between: int, last: int) -> None:
    chain = convpad.solve_chain(f"size kernel stride padding\n{size}\n{between} 3 2 valid\n{last} 2 1 same", rank=1)
    first = convpad.solve(size, between, kernel_size=3, strides=2, padding="valid", dilation_rate=1, rank=1)
    second = convpad.solve(between, last, kernel_size=2, strides=1, padding="same", dilation_rate=1, rank=1)
    assert [row.possible for row in chain] == [bool(first), bool(second)]
    assert chain.possible == (bool(first) and bool(second))


def test_a_size_between_two_layers_suits_both() -> None:
    """Either layer alone has a likelier size between them."""
    chain = convpad.solve_chain("size kernel stride\n28\n? 5 1\n13 2 2", rank=1)
    assert chain.possible
    reachable = [
        between
        for between in range(1, 40)
        if convpad.solve(28, between, kernel_size=5, strides=1, dilation_rate=1, rank=1)
        and convpad.solve(between, 13, kernel_size=2, strides=2, dilation_rate=1, rank=1)
    ]
    assert len(reachable) > 1
    costs = {
        between: convpad.solve(28, between, kernel_size=5, strides=1, dilation_rate=1, rank=1)[0].order[0]
        + convpad.solve(between, 13, kernel_size=2, strides=2, dilation_rate=1, rank=1)[0].order[0]
        for between in reachable
    }
    assert costs[chain[0].output[0]] == min(costs.values())


def test_alexnet() -> None:
    chain = convpad.solve_chain(ALEXNET)
    assert not chain.possible
    assert [row.possible for row in chain] == [False, True]
    readings = [f"{one.changed} {one.instead}" for one in chain[0].solutions.nearest]
    assert readings[:3] == ["input 227", "padding (1, 2) or (2, 1)", "padding 2"]
    text = str(chain)
    assert "impossible" in text
    assert "'valid' gives 54, not 55." in text
    assert "input 227 instead of 224: no padding: (227 - 11) / 4 + 1 = 55." in text


def test_readings_agree_with_the_rows_around() -> None:
    # 12 instead of 13 would mend the second row and break the third.
    chain = convpad.solve_chain("size kernel stride padding\n30\n28 3 1 valid\n13 2 2 valid\n11 3 1 valid", rank=1)
    assert [row.possible for row in chain] == [True, False, True]
    for reading in chain[1].solutions.nearest:
        assert reading.changed not in ("output",) or reading.instead != "14"
        assert reading.changed != "input" or convpad.solve(
            30, int(reading.instead), kernel_size=3, strides=1, padding="valid", rank=1
        )


def test_rows_that_contradict_each_other() -> None:
    chain = convpad.solve_chain(
        "in out kernel stride padding\n30 28 3 1 valid\n27 25 3 1 valid\n? 23 3 1 valid", rank=1
    )
    assert [(row.input, row.output) for row in chain] == [((30,), (28,)), ((27,), (25,)), ((25,), (23,))]
    assert not chain.possible
    assert [row.possible for row in chain] == [True, False, True]
    assert chain.to_table().lines == ("2: it takes 27, and the row before gives 28.",)
    assert "2: it takes 27, and the row before gives 28." in str(chain).splitlines()
    assert json.loads(chain.to_json())["rows"][1]["row_before_gives"] == [28]
    both = convpad.solve_chain("in out kernel stride padding\n30 28 3 1 valid\n27 9 3 1 valid", rank=1)
    lines = both.to_table().lines
    assert lines[0] == "2: it takes 27, and the row before gives 28."
    assert "  output 25 instead of 9: no padding: (27 - 3) / 1 + 1 = 25." in lines


def test_a_layer_from_which_nothing_comes() -> None:
    chain = convpad.solve_chain("size kernel stride padding\n5\n? 9 1 valid\n? 3 1 valid", rank=1)
    assert not chain.possible
    assert "not reached" in str(chain)
    assert json.loads(chain.to_json())["rows"][0]["solved"] is None


def test_json() -> None:
    data = json.loads(convpad.solve_chain(ALEXNET).to_json())
    assert data["possible"] is False
    assert [row["possible"] for row in data["rows"]] == [False, True]
    assert data["rows"][0]["solved"]["nearest"][0]["instead"] == "227"
    assert data["rows"][1]["solved"]["solutions"][0]["padding"] == "valid"


def test_frameworks() -> None:
    table = "size op kernel stride\n112\n56 pool 3 2"
    assert convpad.solve_chain(table, framework="caffe")[0].solutions[0].rounding == "ceil"
    assert convpad.solve_chain(table, framework="keras")[0].solutions[0].padding == "same"


# Refusals

REFUSED = [
    ("", "`table` must have a row of headings and 1 to 1000 rows below it. Received: '0 lines'."),
    ("size kernel", "`table` must have a row of headings and 1 to 1000 rows below it. Received: '1 lines'."),
    ("size colour\n5 3", "`table` must have headings, each once, out of: name or layer; op or type; input or in; output or out or size; kernel or window or filter; strides or stride; dilation_rate or dilation; padding or pad; rounding. Received: 'colour'."),
    ("size out\n5 3", "`table` must have headings, each once, out of: name or layer; op or type; input or in; output or out or size; kernel or window or filter; strides or stride; dilation_rate or dilation; padding or pad; rounding. Received: 'out'."),
    ("size kernel\n5 3 1", "`table` must have 2 cells in each row, like its headings. Received: ['5', '3', '1']. Line 2."),
    ("size kernel\n5 0", "Line 2 of the table: `kernel_size` must be a positive int. Received: 0."),
    ("size kernel\n5 -3", "Line 2 of the table: `kernel` must be numbers of up to 9 digits, 'x' between them. Received: '-3'."),
    ("size kernel\n5 9999999999", "Line 2 of the table: `kernel` must be numbers of up to 9 digits, 'x' between them. Received: '9999999999'."),
    ("size kernel\n0 3", "Line 2 of the table: `size` must be one number, or 2 and perhaps the channels. Received: '0'."),
    ("size kernel\n5x5x5x5 3", "Line 2 of the table: `size` must be one number, or 2 and perhaps the channels. Received: '5x5x5x5'."),
    ("size op\n5\n5 dense", "Line 3 of the table: `op` must be one of 'conv', 'conv_transpose', 'max_pool', 'average_pool'. Received: 'dense'."),
    ("size padding\n5\n5 mirror", "Line 3 of the table: `padding` must be one of 'valid', 'same', 'same_lower', 'half', 'full', 'causal', an int, or a pair (before, after) for each spatial axis. Received: 'mirror'."),
    ("size kernel\n? 3\n? 3", "`table` must say at least one size. Received: 'none'."),
    ('size,kernel\n"5,3', "`table` must be CSV. Received: '\"5,3'. Line 2."),
    (5, "`table` must be text. Received: 5."),
]  # fmt: skip


@pytest.mark.parametrize(("table", "text"), REFUSED)
def test_refusals(table: Any, text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        convpad.solve_chain(table)
    assert str(refusal.value) == text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rank": 4}, "`rank` must be 1, 2 or 3. Received: 4."),
        ({"rank": 0}, "`rank` must be a positive int. Received: 0."),
        ({"framework": "mxnet"}, "`framework` must be one of 'keras', 'tensorflow', 'torch', 'onnx', 'caffe', 'theano', 'flax'. Received: 'mxnet'."),
    ],
)  # fmt: skip
def test_options_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        convpad.solve_chain(ALEXNET, **options)
    assert str(refusal.value) == text


def test_a_table_that_leaves_too_much_open_is_refused() -> None:
    with pytest.raises(PaddingError, match="leave fewer things open"):
        convpad.solve_chain("size\n224\n" + "?\n" * 4, rank=1)


CELLS = st.sampled_from(["5", "0", "224x224", "x", "3/2", "/", "valid", "?", "-", "", '"', "1,2", "9" * 30, "\x00", "é", "pool", "-1", "name", "size", "kernel", "stride", "op", "pad"])  # fmt: skip


@settings(max_examples=300)
@given(rows=st.lists(st.lists(CELLS, max_size=6), max_size=6), separator=st.sampled_from([" ", ",", "\t", ";"]))
def test_any_table_is_read_or_refused(rows: list[list[str]], separator: str) -> None:
    table = "\n".join(separator.join(row) for row in [["name", "size", "kernel"], *rows])
    try:
        str(convpad.solve_chain(table))
    except PaddingError as refusal:
        assert "must" in str(refusal)


@settings(max_examples=200)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(table: str) -> None:
    try:
        convpad.solve_chain(table)
    except PaddingError as refusal:
        assert "must" in str(refusal)


# The command


def run(*arguments: str, **options: Any) -> Any:
    return CliRunner().invoke(app, ["solve", *arguments], **options)


def test_command() -> None:
    done = run("224", "112", "--kernel", "7", "--stride", "2", "--dilation", "1")
    assert done.exit_code == 0
    assert done.stdout == f"{convpad.solve(224, 112, kernel_size=7, strides=2, dilation_rate=1).to_text(None)}\n"
    data = json.loads(run("224", "112", "--kernel", "7", "--stride", "2", "--json").stdout)
    assert data == convpad.solve(224, 112, kernel_size=7, strides=2).to_dict()
    everything = run("224", "112", "--kernel", "7", "--stride", "2", "--dilation", "1", "--all").stdout
    assert len(everything.splitlines()) > len(done.stdout.splitlines())
    assert "Example: convpad solve 224 112" in run("--help").stdout


def test_command_with_a_table(tmp_path: Path) -> None:
    file = tmp_path / "alexnet.txt"
    file.write_text(ALEXNET, encoding="utf-8")
    done = run("--table", str(file))
    assert (done.exit_code, done.stdout) == (1, to_text(convpad.solve_chain(ALEXNET).to_table(), None) + "\n")
    assert run("--table", "-", input=ALEXNET).stdout == done.stdout
    assert json.loads(run("--table", str(file), "--json").stdout)["possible"] is False


BAD = [
    ([], "convpad solve: Give two sizes"),
    (["5"], "convpad solve: Give two sizes"),
    (["5", "x"], "convpad solve: `OUTPUT` must be an int"),
    (["0", "5"], "convpad solve: `INPUT` must be a positive int"),
    (["5", "5", "--kernel", "a"], "convpad solve: `--kernel` must be an int"),
    (["5", "5", "--op", "dense"], "convpad solve: `--op` must be one of"),
    (["5", "5", "--padding", "mirror"], "convpad solve: `--padding` must be one of"),
    (["5", "5", "--framework", "mxnet"], "convpad solve: `--framework` must be one of"),
    (
        ["5", "5", "--kernel", "1000000", "--stride", "9"],
        "convpad solve: `--kernel, --stride and --dilation` must",
    ),
    (["5", "5", "--table", "-"], "convpad solve: --table goes with"),
    (["--table", "there/is/none"], "convpad solve: there/is/none cannot be read: No such file or directory."),
    (["--table", "."], "convpad solve: . cannot be read: Is a directory."),
    (["--table", "a\x00b"], "convpad solve: a\x00b cannot be read: embedded null byte."),
]


@pytest.mark.parametrize(("arguments", "text"), BAD)
def test_bad_arguments_get_one_line_and_status_2(arguments: list[str], text: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith(text)
    assert len(done.stderr.splitlines()) == 1
    assert not done.stdout


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"size,kernel\n5," + b"3" * 2_000_000, b"\x80PK", b"size kernel\n5 " + b"9" * 9999]
)
def test_bad_files_get_one_line_and_status_2(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "table"
    file.write_bytes(content)
    done = run("--table", str(file))
    assert done.exit_code == 2
    assert done.stderr.startswith("convpad solve: ")
    assert len(done.stderr.splitlines()) == 1


def test_it_starts_without_a_framework() -> None:
    program = (
        "import sys; from convpad.cli.commands import app; app(['solve', '224', '112', '--kernel', '7'], standalone_mode=False)\n"
        "heavy = {'jax', 'tensorflow', 'torch', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_long_table_is_solved() -> None:
    rows = [f"{place} 64 3 1 1" for place in range(200)]
    chain = convpad.solve_chain("\n".join(["name size kernel stride padding", "image 64", *rows]))
    assert chain.possible
    assert len(list(chain)) == 200


def test_sizes_between_layers_are_not_explained_by_padding_alone() -> None:
    table = "name,size,kernel,stride,padding\ninput,16,,,\na,?,3,1,\nb,16,3,1,"
    for layer in convpad.solve_chain(table):
        assert layer.solutions is not None
        assert max(layer.solutions[0].pads[0]) < 3
