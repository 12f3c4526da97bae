"""Comparisons checked by ONNX Runtime: equal where they say so, and equal with the code that they advise."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest
from frameworks import CHOSEN
from graphs import onnx

import convpad

runtime = pytest.importorskip("onnxruntime")

once = pytest.mark.skipif("numpy" not in CHOSEN, reason="once is enough")

LOWEST = -3.4028235e38


def model(nodes: list[str], size: int, kernel: int, transposed: bool) -> Any:
    channels = "3, 4" if transposed else "4, 3"
    return onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["": 18]> net (float[1, 3, {size}] x, float[{channels}, {kernel}] k) '
        f"=> (float[a, b, c] y) {{ {' '.join(nodes)} }}"
    )


def run(graph: Any, x: Any, kernel: Any) -> Any:
    """What the graph gives; None where ONNX Runtime has not all of ONNX."""
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    del graph.graph.output[:]
    graph.graph.output.append(onnx.ValueInfoProto(name="y"))
    session = runtime.InferenceSession(graph.SerializeToString(), options)
    feeds = {"x": x, "k": kernel}
    try:
        return session.run(None, {given.name: feeds[given.name] for given in session.get_inputs()})[0]
    except Exception:  # of a class of its own for each reason
        return None


def nodes_for(random: Random, op: str, kernel: int, stride: int, dilation: int, relu: bool) -> list[str]:
    """Nothing, or layers that pad in any way, and an operation that pads in any way."""
    nodes, source = (["r = Relu (x)"], "r") if relu else ([], "x")
    for place in range(random.choice((0, 0, 1, 1, 2))):
        mode = random.choice(("constant", "constant", "reflect", "edge", "wrap"))
        value = random.choice((0.0, 0.0, 1.5, LOWEST)) if mode == "constant" else 0.0
        nodes += [
            f"c{place} = Constant <value_ints = [0, 0, {random.randrange(3)}, 0, 0, {random.randrange(3)}]> ()",
            f"v{place} = Constant <value_float = {value!r}> ()",
            f'q{place} = Pad <mode = "{mode}"> ({source}, c{place}, v{place})',
        ]
        source = f"q{place}"
    pool, how = "Pool" in op, random.choice(("none", "pads", "pads", "SAME_UPPER", "SAME_LOWER"))
    said = [f"strides = [{stride}]"]
    said += [f"kernel_shape = [{kernel}]"] if pool else []
    if not pool or (op == "MaxPool" and how in ("none", "pads")):  # ONNX Runtime leaves the holes of a pool out of SAME
        said.append(f"dilations = [{dilation}]")
    if how == "pads":
        said.append(f"pads = [{random.randrange(min(3, kernel))}, {random.randrange(min(3, kernel))}]")
    elif how != "none":
        said.append(f'auto_pad = "{how}"')
    if pool and how in ("none", "pads") and random.random() < 0.3:
        said.append("ceil_mode = 1")
    if op == "AveragePool" and random.random() < 0.4:
        said.append("count_include_pad = 1")
    if op == "ConvTranspose" and stride > 1 and how in ("none", "pads") and random.random() < 0.4:
        said.append(f"output_padding = [{random.randrange(stride)}]")
    return [*nodes, f"y = {op} <{', '.join(said)}> ({source}{'' if pool else ', k'})"]


def outcome(seed: int) -> str:
    """What is said of two made-up graphs, and whether it is so."""
    random, rng = Random(seed), np.random.default_rng(seed)
    op = random.choice(("Conv", "Conv", "MaxPool", "AveragePool", "ConvTranspose"))
    kernel, stride, dilation = random.randrange(1, 5), random.randrange(1, 4), random.choice((1, 1, 2))
    size, relu, transposed = random.randrange(6, 12), random.random() < 0.3, op == "ConvTranspose"
    a, b = (nodes_for(random, op, kernel, stride, dilation, relu) for _ in range(2))
    graphs = [model(nodes, size, kernel, transposed) for nodes in (a, b)]
    weights = rng.normal(size=(3, 4, kernel) if transposed else (4, 3, kernel)).astype("float32")
    x = (rng.normal(size=(1, 3, size)) - (0 if relu else 2)).astype("float32")  # so that zeros win in a max pool
    try:
        comparison = convpad.compare(*graphs)
    except convpad.PaddingError:
        return "no such window"
    mine, other = (run(graph, x, weights) for graph in graphs)
    if mine is None or other is None or not comparison.pairs:
        return "not run"
    (pair,) = comparison.pairs
    alike = mine.shape == other.shape and np.allclose(mine, other, 1e-4, 1e-4)
    if comparison.agree:
        return "agree" if alike else f"said to agree: {a} {b}"
    if pair.padding is None or not pair.code:
        return "no advice"
    lines = [line.replace("kernel)", "k)") for line in pair.code.splitlines()]
    lines = ["r = Relu (x)", *(line.replace("(x", "(r") for line in lines)] if relu else lines
    mended = run(model(lines, size, kernel, transposed), x, weights)
    right = mended.shape == mine.shape and np.allclose(mended, mine, 1e-4, 1e-4)
    return "advice" if right else f"wrong advice {pair.code}: {a} {b}"


@once
@pytest.mark.parametrize("start", range(0, 2000, 500))
def test_what_is_said_is_so(start: int) -> None:
    found = Counter(outcome(seed) for seed in range(start, start + 500))
    assert not {said for said in found if said.startswith(("said", "wrong"))}
    assert found["agree"] > 10
    assert found["advice"] > 100


@once
def test_what_is_not_so_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    compare = convpad.compare
    monkeypatch.setattr(convpad, "compare", lambda a, b: compare(a, a))
    found = [outcome(seed) for seed in range(50)]
    assert any(said.startswith("said to agree") for said in found)


PADDED = "q = Pad (x, c)"
C = "c = Constant <value_ints = [0, 0, {}, 0, 0, {}]> ()"
D = "d = Constant <value_ints = [0, 0, {}, 0, 0, {}]> ()"
CONV = "y = Conv <strides = [2]> ({}, k)"


@once
@pytest.mark.parametrize(("a", "b", "said"), [
    # A mirror of a mirror is no larger mirror.
    ([C.format(1, 1), 'q = Pad <mode = "reflect"> (x, c)', D.format(2, 2), 'p = Pad <mode = "reflect"> (q, d)',
      "y = Conv (p, k)"], [C.format(3, 3), 'q = Pad <mode = "reflect"> (x, c)', "y = Conv (q, k)"],
     "reflect, then reflect, not reflect"),
    ([C.format(1, 1), 'q = Pad <mode = "reflect"> (x, c)', D.format(2, 2), 'p = Pad <mode = "reflect"> (q, d)',
      "y = Conv (p, k)"], [C.format(2, 2), 'q = Pad <mode = "reflect"> (x, c)', D.format(1, 1),
      'p = Pad <mode = "reflect"> (q, d)', "y = Conv (p, k)"],
     "reflect, then reflect, not reflect, then reflect"),
    # What pads ahead of a transposed convolution is no part of what it crops.
    ([C.format(1, 2), PADDED, "y = ConvTranspose (q, k)"], ["y = ConvTranspose (x, k)"],
     "(1, 2) of zeros ahead of it, not nothing"),
])  # fmt: skip
def test_layers_that_pad_one_after_the_other(a: list[str], b: list[str], said: str) -> None:
    transposed = "Transpose" in a[-1]
    one, other = (model(nodes, 8, 3, transposed) for nodes in (a, b))
    (pair,) = convpad.compare(one, other).differences
    assert (pair.differs, pair.padding, pair.fix) == ((said,), None, ("no single padding does",))
    assert convpad.compare(one, one).agree


@once
def test_zeros_ahead_of_what_pads_zeros_are_one_padding() -> None:
    one = model([C.format(1, 1), PADDED, 'y = Conv <auto_pad = "SAME_UPPER"> (q, k)'], 8, 3, False)
    other = model(["y = Conv <pads = [2, 2]> (x, k)"], 8, 3, False)
    assert convpad.compare(one, other).agree
