"""Tests of the clock and of the result: made-up times; no framework, no real clock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import convpad
from convpad.benchmark.layer import make_layer
from convpad.benchmark.machine import machine, versions
from convpad.benchmark.result import Bench, BenchRow
from convpad.benchmark.timing import Budget, Rounds, Timing, time_interleaved
from convpad.cli.commands import app
from convpad.display.format import format_seconds
from convpad.display.text import to_text

pytestmark = pytest.mark.needs("numpy")


class Clock:
    """Time that passes only when a contestant runs."""

    def __init__(self, **seconds: float) -> None:
        self.now, self.order = 0.0, []
        self.runs = {name: lambda name=name: self._run(name, seconds[name]) for name in seconds}

    def _run(self, name: str, seconds: float) -> None:
        self.now += seconds
        self.order.append(name)


def test_rounds_rotate() -> None:
    clock = Clock(limit=2.0, one=3.0, two=1.0)
    timings = time_interleaved(clock.runs, Budget(seconds=0, min_rounds=3), clock=lambda: clock.now).timings()
    assert clock.order == ["limit", "one", "two", "one", "two", "limit", "two", "limit", "one"]
    assert timings["one"] == Timing(seconds=3.0, ratio=1.5, low=1.5, high=1.5, rounds=3)
    assert list(timings) == ["limit", "one", "two"]


def test_who_takes_too_long_sits_out_and_the_limit_never() -> None:
    clock = Clock(limit=0.1, slow=10.0, quick=0.1)
    timings = time_interleaved(
        clock.runs, Budget(seconds=60, min_rounds=4, max_rounds=9, patience=1e9), clock=lambda: clock.now
    ).timings()
    assert {name: timing.rounds for name, timing in timings.items()} == {"limit": 9, "slow": 5, "quick": 9}
    assert timings["slow"].ratio == pytest.approx(100)


def test_patience_ends_with_three_rounds_of_everyone() -> None:
    clock = Clock(limit=5.0, slow=50.0)
    timings = time_interleaved(
        clock.runs, Budget(seconds=1, min_rounds=5, patience=8), clock=lambda: clock.now
    ).timings()
    assert {timing.rounds for timing in timings.values()} == {3}


def test_the_ratio_and_its_quartiles_are_those_of_rounds() -> None:
    rounds = Rounds([{"limit": 1.0, "one": n} for n in (1.0, 2.0, 3.0, 4.0, 5.0)])
    assert rounds.timings()["one"] == Timing(3.0, 3.0, 2.0, 4.0, 5)
    assert rounds.timings("one")["limit"].ratio == pytest.approx(1 / 3)
    # The medians of the runs are 8 and 1, and no round says that it takes eight times as long.
    rounds = Rounds([{"limit": base, "one": run} for base, run in ((1, 2), (1, 3), (10, 8), (10, 9), (1, 20))])
    timing = rounds.timings()["one"]
    assert (timing.seconds, timing.low, timing.ratio, timing.high) == (8, 0.9, 2, 3)


def test_the_machine_has_no_name_and_no_path() -> None:
    assert set(machine()) == {"cpu", "cores", "memory", "system"}
    assert not {str(Path.home()), os.uname().nodename} & set(machine().values())
    assert versions("jax")["convpad"] == convpad.__version__
    assert "pytest" in versions("jax", "pytest")


# What is shown.


def row(mode: str, step: str, candidate: str, ratio: float, route: str = "", *, chosen: bool = False) -> BenchRow:
    function = {"convpad": "convpad.conv", "workaround": "F.pad, F.conv2d", "keras": "keras.layers.Conv2D"}[candidate]
    spread = (ratio - 0.05, ratio + 0.05)
    return BenchRow(
        mode,
        step,
        candidate,
        function,
        route,
        chosen,
        "it is measured so" if chosen else "",
        ratio / 1e3,
        ratio,
        *spread,
        9,
    )


LAYER = make_layer(
    (1, 8, 9, 3), (3, 5, 3, 4), op="conv", backend="numpy", strides=(2, 1), dilation_rate=1, padding=((1, 1), (2, 0))
)
ROWS = (
    row("zeros", "forward", "convpad", 1.0, "native", chosen=True),
    row("zeros", "forward", "keras", 1.08),
    row("reflect", "forward", "convpad", 1.5, "padded", chosen=True),
    row("reflect", "forward", "convpad", 1.2, "correction"),
    row("reflect", "forward", "workaround", 1.3),
    row("zeros", "gradient", "convpad", 1.0, "native", chosen=True),
    row("zeros", "gradient", "keras", 1500.0),
    row("reflect", "gradient", "convpad", 1.2, "correction", chosen=True),
    row("reflect", "gradient", "workaround", 1.19),
)
MADE_UP = Bench(
    LAYER, "cpu", {"cpu": "a CPU", "cores": "2", "memory": "1 GiB", "system": "Linux 6"}, {"a": "1"}, ROWS, ""
)


def test_faster_is_whose_whole_spread_is_below() -> None:
    assert MADE_UP.faster(ROWS[2]) == (ROWS[3], ROWS[4])  # the fastest first; zeros are another mode
    assert [MADE_UP.faster(ROWS[place]) for place in (0, 1, 3, 7)] == [(), (), (), ()]


def test_the_table() -> None:
    lines = str(MADE_UP).splitlines()
    assert lines[0] == "conv 3x5 on 1x8x9x3, 4 filters, stride 2x1, padding 1,1 2,0; numpy on cpu"
    cells = [line.split() for line in str(to_text(MADE_UP.to_table(), None)).splitlines()[5:12]]
    assert cells == [
        ["zeros"],
        ["convpad", "native", "1", "ms", "1.00", "(0.95-1.05)", "*", "1", "ms", "1.00", "(0.95-1.05)", "*"],
        ["keras", "1.08", "ms", "1.08", "(1.03-1.13)", "1.50", "s", "1500.00", "(1499.95-1500.05)"],
        ["reflect"],
        ["convpad", "padded", "1.5", "ms", "1.50", "(1.45-1.55)", "*", "-", "-"],
        ["convpad", "correction", "1.2", "ms", "1.20", "(1.15-1.25)", "1.2", "ms", "1.20", "(1.15-1.25)", "*"],
        ["workaround", "1.3", "ms", "1.30", "(1.25-1.35)", "1.19", "ms", "1.19", "(1.14-1.24)"],
    ]
    assert {"            F.pad, F.conv2d", "keras       keras.layers.Conv2D"} <= set(lines)
    assert lines[lines.index("zeros: native, as it is measured so.") :] == [
        "zeros: native, as it is measured so.",
        "  forward and gradient: nothing was faster.",
        "reflect, forward: padded, as it is measured so.",
        "reflect, gradient: correction, as it is measured so.",
        "  forward: correction was faster: 0.80 of its time.",
        "  gradient: nothing was faster.",
        "",
        "a CPU, 2 cores, 1 GiB, Linux 6; a 1",
    ]


@pytest.mark.parametrize("rows", [ROWS, [one for one in ROWS if one.ratio < 100]])
@pytest.mark.parametrize("width", [60, 80])
def test_a_terminal_shows_every_mode_and_time(rows: Any, width: int) -> None:
    bench = replace(MADE_UP, rows=tuple(rows))
    lines = bench.to_text(width).splitlines()
    assert max(map(len, lines)) <= width
    assert {one.mode for one in rows} <= {line.strip() for line in lines}
    text = " ".join(" ".join(lines).split())
    for one in rows:
        assert f"{format_seconds(one.seconds)}" in text and f"{one.ratio:.2f} ({one.low:.2f}-{one.high:.2f})" in text


def test_one_line_and_a_page() -> None:
    assert repr(MADE_UP) == (
        "<Bench: conv 3x5 on 1x8x9x3, 4 filters, stride 2x1, padding 1,1 2,0; numpy on cpu; forward / zeros: reflect 1.50; print(...) shows all>"
    )
    assert {"reflect", "1.50 (1.45-1.55) *"} <= set(re.findall(r"[^<>]+", MADE_UP.to_html()))


def test_json() -> None:
    found = json.loads(MADE_UP.to_json())
    assert set(found) == {"layer", "device", "machine", "versions", "keras", "rows"}
    assert (found["layer"]["pairs"], found["layer"]["output_shape"]) == ([[1, 1], [2, 0]], [1, 4, 7, 4])
    assert [one["fastest"] for one in found["rows"][:5]] == [True, True, False, True, True]
    assert found["rows"][3] == {
        "mode": "reflect", "step": "forward", "candidate": "convpad", "function": "convpad.conv", "route": "correction", "chosen": False,
        "reason": "", "seconds": 0.0012, "ratio": 1.2, "low": 1.15, "high": 1.25, "rounds": 9, "fastest": True,
    }  # fmt: skip


# What is refused before any framework is asked; this process has none.


def test_a_backend_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = ((1, 8, 8, 3), (3, 3, 3, 4))
    with pytest.raises(convpad.PaddingError, match=r"needs jax, which is not installed\. .*: pip install jax$"):
        convpad.bench(*layer, backend="jax")
    with pytest.raises(convpad.PaddingError) as refused:
        convpad.bench(*layer, backend="mxnet")
    assert str(refused.value) == "`backend` must be one of 'jax', 'tensorflow', 'torch'. Received: 'mxnet'."
    monkeypatch.setenv("KERAS_BACKEND", "numpy")
    with pytest.raises(convpad.PaddingError, match=r"Received: 'numpy'\. It is what KERAS_BACKEND says\.$"):
        convpad.bench(*layer)


@pytest.mark.parametrize("asked", [
    ["56"], ["56x56xthree"], ["8x8x3", "--kernel", "a"], ["8x8x3", "--backend", "mxnet"], ["8x8x3", "--backend", "torch"],
    ["8x8x3", "--op", "depthwise_conv", "--filters", "4"], ["8x8x3", "--stride", "-"],
])  # fmt: skip
def test_bad_usage_is_one_line(asked: list[str]) -> None:
    said = CliRunner().invoke(app, ["bench", *asked, *([] if "--kernel" in asked else ["--kernel", "3"])])
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (2, "", 1)
    assert said.stderr.startswith("convpad bench: ")


def test_its_help_imports_nothing() -> None:
    program = (
        "import sys\nfrom convpad.cli.commands import app\napp(['bench', '--help'], standalone_mode=False)\n"
        "print(sorted({'numpy', 'rich', 'jax', 'keras', 'torch', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Example: convpad bench 56x56x144" in done.stdout, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
