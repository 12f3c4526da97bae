"""Audits: against brute force, against the graphs of real networks, and as tables, JSON, pages and a command."""

from __future__ import annotations

import doctest
import json
from pathlib import Path
from typing import Any

import pytest
from frameworks import CHOSEN
from hypothesis import given
from hypothesis import strategies as st

if "numpy" not in CHOSEN:
    pytest.skip("once is enough", allow_module_level=True)

from graphs import LIGHT, graph, onnx
from typer.testing import CliRunner

import convpad
from convpad.cli.commands import app
from convpad.core.padding import Padding
from convpad.display.text import to_text
from convpad.models.audit import audit_row
from convpad.models.readers.walk import TensorInfo, Walk, explicit_padding
from convpad.models.windows import WindowConfig


@given(
    size=st.integers(1, 12), kernel=st.integers(1, 5), stride=st.integers(1, 4), dilation=st.integers(1, 3),
    own=st.tuples(st.integers(0, 3), st.integers(0, 3)), layer=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)  # fmt: skip
def test_what_is_read_of_the_padding(
    size: int, kernel: int, stride: int, dilation: int, own: tuple[int, int], layer: tuple[int, int]
) -> None:
    """Every place of the padded axis is marked by every tap of every window."""
    before, after = own[0] + layer[0], own[1] + layer[1]
    places = range(-before, size + after)
    span = (kernel - 1) * dilation + 1
    if len(places) < span:
        return
    starts = range(-before, size + after - span + 1, stride)
    read = {start + tap * dilation for start in starts for tap in range(kernel)}
    walk, padding = Walk(), Padding.parse([own], rank=1)
    signal = walk.add_pad(
        TensorInfo((None, size, 2)), "pad", "Pad", explicit_padding([layer], "zeros"), channels_last=True
    )
    config = WindowConfig("conv", padding, (kernel,), (stride,), (dilation,), filters=2, channels_last=True)
    made = walk.add_window(signal, "w", "Conv", config)
    (window,) = walk.windows
    (axis,) = audit_row(window).axes or ()
    assert (axis.read_before, axis.read_after) == (len([p for p in read if p < 0]), len([p for p in read if p >= size]))
    assert (axis.before, axis.after, axis.output) == (before, after, len(starts))
    assert made.shape == (None, len(starts), 2)
    assert axis.unread == len(set(range(size)) - read)


# Windows; those that use their padding unevenly; those that would have other values elsewhere.
NETWORKS = {
    "bvlc_alexnet": (8, 1, 1),
    "densenet121": (125, 2, 2),
    "inception_v1": (71, 2, 1),
    "inception_v2": (82, 9, 9),
    "resnet50": (55, 5, 5),
    "shufflenet": (54, 8, 8),
    "squeezenet": (29, 0, 0),
    "vgg19": (21, 0, 0),
    "zfnet512": (8, 0, 0),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str) -> None:
    path = LIGHT / f"light_{name}.onnx"
    audit = convpad.audit(path)
    rows, nodes = audit.rows, onnx.load(path).graph.node
    said = [attribute for node in nodes for attribute in node.attribute if attribute.name == "pads"]
    assert sum(row.window.pads_something for row in rows) == sum(any(attribute.ints) for attribute in said)
    uneven, other = sum(row.uneven is True for row in rows), sum(bool(row.portability_note) for row in rows)
    assert (len(audit.reading.windows), uneven, other) == NETWORKS[name]
    assert (audit.reading.unsupported, audit.copied_bytes) == ((), 0)


PADDED = graph('q = Pad <mode = "reflect"> (x, p)', "z = Conv <strides = [2, 2]> (q, k)", "y = Relu (z)")


def test_the_table() -> None:
    assert str(convpad.audit(PADDED)) == (
        "ONNX model: what this ONNX model pads\n"
        "\n"
        "layer  kind  window  padded  mode     input  output  used      copied  note\n"
        "---------------------------------------------------------------------------\n"
        "z      conv  3x3 /2  1,1     reflect  8x8    4x4     unevenly  1.2 kB  [1]\n"
        "\n"
        "window  size, /stride, *dilation\n"
        "padded  before,after on each axis\n"
        "used    unevenly: windows read more of the padding on one side than on the other\n"
        "copied  bytes that layers which only pad copy, for one input\n"
        "note    another framework's padding gives the same sizes and other values\n"
        "\n"
        "1 window, 1 of them padded, 1 unevenly used; 1 would have other values\n"
        "elsewhere. 1 layer that only pads copies 1.2 kB for one input.\n"
        '[1] This pads (1, 1). Keras\'s "same" pads (0, 1): the same sizes, other values.'
    )


@pytest.mark.parametrize("width", [60, 80])
def test_a_long_table_fits_and_loses_no_name(width: int) -> None:
    audit = convpad.audit(LIGHT / "light_inception_v2.onnx")
    lines = to_text(audit.to_table(), width).splitlines()
    assert max(map(len, lines)) <= width
    names = {row.window.name for row in audit.rows}
    assert names <= {line.split("  ")[0] for line in lines}
    assert repr(audit) == f"<Audit: {audit.summary.rstrip('.')}; print(...) shows all>"
    assert "\n" not in repr(audit)


def test_json() -> None:
    found = json.loads(convpad.audit(PADDED).to_json())
    (row,) = found["rows"]
    assert (found["windows"], found["copied"], row["amounts"], row["read"]) == (1, 1200, [[1, 1]] * 2, [[1, 0]] * 2)
    assert row["pads"] == [
        {"name": "q", "layer": "Pad", "amounts": [[1, 1]] * 2, "modes": [["reflect"] * 2] * 2, "copied": 1200}
    ]


def test_the_page_needs_nothing_else() -> None:
    page = convpad.audit(PADDED).to_html()
    for word in ("http:", "https:", "src=", "<script", "<link", "url(", "@import"):
        assert word not in page
    assert page.count("<tr>") == 2
    assert '<td class="warning" data-heading="used">unevenly</td>' in page


@pytest.mark.parametrize(("nodes", "said"), [
    (["y = Conv <pads = [1, 1, 1, 1]> (x, k)"], ""),
    (["y = Conv <strides = [2, 2], pads = [0, 0, 1, 1]> (x, k)"],
     "This pads (0, 1). PyTorch's and Caffe's habit, half the kernel on both sides, pads (1, 1): the same sizes, other "
     "values."),
    (["y = ConvTranspose <strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]> (x, t)"],
     "This crops (1, 0). Keras's \"same\" crops (0, 1): the same sizes, other values."),
    (["y = ConvTranspose <strides = [2, 2], pads = [0, 0, 1, 1]> (x, t)"],
     "This crops (0, 1). PyTorch's habit, padding with output_padding, crops (1, 0): the same sizes, other values."),
    (["y = ConvTranspose <strides = [2, 2]> (x, t)"], ""),
])  # fmt: skip
def test_where_values_differ(nodes: list[str], said: str) -> None:
    (row,) = convpad.audit(graph(*nodes)).rows
    assert row.portability_note == said


def test_padding_that_no_window_follows() -> None:
    audit = convpad.audit(graph("q = Pad (x, p)", "z = Relu (q)", "y = MaxPool <kernel_shape = [2, 2]> (z)"))
    assert ([pad.name for pad in audit.reading.unattached], audit.copied_bytes) == (["q"], 1200)
    assert "Layers that pad ahead of no window: q." in str(audit)
    assert audit.rows[0].window.amounts == ((0, 0), (0, 0))


def test_paddings_of_several_kinds() -> None:
    audit = convpad.audit(graph('q = Pad <mode = "wrap"> (x, p)', "y = Conv <pads = [1, 0, 1, 0]> (q, k)"))
    window = audit.rows[0].window
    assert (window.amounts, window.merged_padding) == (((2, 2), (1, 1)), None)
    assert "circular, then zeros, circular" in str(audit)


def test_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "audit.md"
    results = doctest.testfile(str(page), module_relative=False)
    assert (results.failed, results.attempted) == (0, 10)


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_the_command(tmp_path: Path) -> None:
    path, page = LIGHT / "light_vgg19.onnx", tmp_path / "audit.html"
    said = run("audit", path, "--html", page)
    assert (said.exit_code, "21 windows, 16 of them padded, 0 unevenly used." in said.stdout) == (0, True)
    assert page.read_text() == convpad.audit(path).to_html()
    assert json.loads(run("audit", path, "--json").stdout)["windows"] == 21
    again = run("audit", path, "--html", page)
    assert (again.exit_code, "Add --force" in again.stderr) == (2, True)
    assert run("audit", path, "--html", page, "--force").exit_code == 0
    wrong = run("audit", path, "--input-shape", "1x3")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)
    sized = run("audit", path, "--input-shape", "1x3x64x64", "--json")
    assert json.loads(sized.stdout)["rows"][0]["input"] == [64, 64]
