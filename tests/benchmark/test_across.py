"""Tests of the benchmarks across frameworks, of startup, and of compiled layers: small, or made up; nothing is timed."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import ENGINES

from benchmarks import across, across_networks, startup, verdict
from benchmarks.first_call import PHASES
from benchmarks.report import loaded, write
from benchmarks.results import Cell, Determinism, Memory, load, path_of, save
from benchmarks.rows import row_named
from benchmarks.startup import REPADDED, SECOND, TOTAL
from benchmarks.turns import time_turns
from benchmarks.worker import Prepared, Worker
from convpad.benchmark.timing import Budget, Rounds, Timing
from convpad.core.errors import DisagreementError

# Keras has one backend in a process.
BACKEND = os.environ.get("KERAS_BACKEND", "numpy")
HERE = [BACKEND] if BACKEND in ENGINES else []
ONE_ROUND = Budget(seconds=0, min_rounds=1, max_rounds=1)


def rounds(**seconds: float) -> Rounds:
    """Three rounds, of which the second takes twice as long for all."""
    return Rounds([{name.replace("_", " "): pace * each for name, each in seconds.items()} for pace in (1, 2, 1)])


# Turns.


def test_short_calls_are_repeated_within_a_turn_and_take_what_the_turn_says() -> None:
    made: dict[str, list[int]] = {"short": [], "long": []}

    def turn(name: str, seconds: float, calls: int) -> float:
        made[name].append(calls)
        return seconds * calls

    turns = {"short": lambda calls: turn("short", 1e-3, calls), "long": lambda calls: turn("long", 3.0, calls)}
    timings = time_turns(turns, Budget(seconds=0, min_rounds=2, max_rounds=2), block=8e-3).timings("long")
    assert made == {"short": [1, 1, 8, 8], "long": [1, 1, 1]}
    assert timings["short"].seconds == pytest.approx(1e-3)
    assert timings["long"].ratio == 1


# Across frameworks.


def test_jax_is_held_against_the_fastest_of_the_others() -> None:
    seconds = {"jax": 3, "jax_by_hand": 1, "torch": 4, "torch_by_hand": 2, "tensorflow": 8}
    cell = across.cell("resnext-28", "zeros", "forward", "native", rounds(**seconds))
    assert {name: (figure.seconds, figure.ratio) for name, figure in cell.figures.items()} == {
        "torch by hand": (2, 1),
        "jax": (3, 1.5),
        "jax by hand": (1, 0.5),
        "torch": (4, 2),
        "tensorflow": (8, 4),
    }
    assert list(cell.figures)[:2] == ["torch by hand", "jax"]


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("factor", [1.01, float("nan")])
def test_numbers_that_differ_are_not_timed(place: int, factor: float) -> None:
    right = tuple(np.full((2, 3), value, "float32") for value in (1, 2, 3))
    wrong = tuple(array * (factor if at == place else 1) for at, array in enumerate(right))
    across.verify("a row", {"jax": Prepared({"jax": right}, {}), "torch": Prepared({"torch": right}, {})})
    with pytest.raises(DisagreementError, match="torch next to jax, a row: the .* off, relative"):
        across.verify("a row", {"jax": Prepared({"jax": right}, {}), "torch": Prepared({"torch": wrong}, {})})


@pytest.mark.parametrize("backend", HERE)
def test_a_worker_answers_and_says_what_was_raised(backend: str) -> None:
    from benchmarks.candidates import Case

    worker = Worker(backend)
    try:
        prepared = worker.ask("prepare", Case(row_named("inception-17-1x7").shrunk(), "reflect"))
        assert list(prepared.answers)[:2] == [backend, f"{backend} by hand"]
        assert set(prepared.routes) == {"forward", "gradient"}
        for name in prepared.answers:
            assert worker.ask("turn", name, "gradient", 2) > 0
        with pytest.raises(KeyError, match="nobody"):
            worker.ask("turn", "nobody", "forward", 1)
    finally:
        worker.close()
    with pytest.raises(OSError, match="closed"):
        worker.ask("turn", backend, "forward", 1)


@pytest.mark.skipif(HERE != ["jax"], reason="runs all three frameworks, once")
def test_three_processes_agree_and_take_turns() -> None:
    if not (find_spec("torch") and find_spec("tensorflow")):
        pytest.skip("needs all three frameworks")
    row, said = row_named("resnext-28").shrunk(), list[str]()
    cells = list(across.measure([row], ["zeros"], budget=ONE_ROUND, on_step=said.append))
    assert [(cell.row, cell.mode, cell.step) for cell in cells] == [
        ("resnext-28", "zeros", "forward"),
        ("resnext-28", "zeros", "gradient"),
    ]
    both = {name for backend in ("jax", "torch", "tensorflow") for name in (backend, f"{backend} by hand")}
    assert {*cells[0].figures} == {*cells[1].figures} == both | {"torch by hand, channels first"}
    assert said == ["resnext-28 zeros"]


# Networks across frameworks.


class SmallNetworks(across_networks.Networks):
    """A network of two layers in the place of each; no framework but this process's is waited for."""

    def prepare(self, case: str) -> dict[str, Any]:
        import keras

        from benchmarks import networks

        start = keras.Input((9, 9, 4))
        x = keras.layers.DepthwiseConv2D(3, padding="same")(start)
        x = keras.layers.Conv2D(6, 3, groups=2, padding="same")(x)
        networks.GROUPED[case] = lambda: keras.Model(start, keras.layers.GlobalAveragePooling2D()(x))
        return super().prepare(case)


@pytest.mark.parametrize("backend", HERE)
def test_networks_of_a_process(backend: str) -> None:
    cells = list(
        across_networks.measure(["tiny"], budget=ONE_ROUND, frameworks=["jax"], make=SmallNetworks, on_step=str)
        if backend == "jax"
        else ()
    )
    assert [(cell.row, cell.mode, cell.step, list(cell.figures)) for cell in cells] == [
        ("tiny", "zeros", step, ["stock on jax", "jax"]) for step in ("forward", "training") if backend == "jax"
    ]
    if backend != "jax":  # where stock Keras is alone
        worker = Worker(backend, SmallNetworks)
        try:
            assert list(worker.ask("prepare", "tiny")) == [f"stock on {backend}"]
            assert worker.ask("turn", f"stock on {backend}", "training", 1) > 0
        finally:
            worker.close()


@pytest.mark.parametrize("backend", HERE)
def test_a_resnext_has_the_published_number_of_weights(backend: str) -> None:
    from benchmarks.networks import GROUPED

    network = GROUPED["ResNeXt50"]()
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == 25_028_904
    assert sum(getattr(layer, "groups", 1) == 32 for layer in network.layers) == 16


def test_networks_that_differ_are_not_timed() -> None:
    right = np.ones((2, 3), "float32")
    across_networks.verify("a network", {"jax": right, "stock on torch": right * 1.0001})
    with pytest.raises(DisagreementError, match="a network: stock on torch is 1.0e-02 off jax"):
        across_networks.verify("a network", {"jax": right, "stock on torch": right * 1.01})


@pytest.mark.parametrize("backend", HERE)
def test_a_candidate_by_hand_pads_as_convpad_does(backend: str) -> None:
    from benchmarks.candidates import Case, framework_of, plain
    from benchmarks.candidates.verify import verify

    runner = framework_of(backend)
    for name, mode in (("resnet-224", "zeros"), ("globe-181", "constant"), ("wavenet-16000", "zeros")):
        case = Case(row_named(name).shrunk(), mode)
        entries = runner.by_hand(case)
        assert {(entry.pairs, entry.modes) for entry in entries} == {(case.row.pairs, case.modes)}
        verify(runner, case, [runner.candidate(entry, case) for entry in (plain.convpad_function(case), *entries)])


# Under torch.compile.


@pytest.mark.skipif(HERE != ["torch"], reason="PyTorch's alone")
def test_compiled_layers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from benchmarks.layers import measure

    compiled: list[bool] = []
    whole = torch.compile

    def traced(function: Any, **options: Any) -> Any:
        compiled.append(options["fullgraph"])
        return whole(function, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", traced)
    rows = [row_named("mobilenet-56-s2").shrunk(), row_named("resnext-28").shrunk()]
    options = {"dtype": "float32", "budget": ONE_ROUND, "on_step": str, "compiled": True}
    cells = list(measure("torch", rows, ["reflect"], **options))
    assert [cell.variant for cell in cells] == ["compiled"] * 4
    assert {"limit", "convpad", "convpad correction", "by hand"} <= {*cells[0].figures}
    assert not {"layer", "stock"} & {*cells[0].figures}
    assert True in compiled


# Startup.


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux keeps the mark")
def test_a_fresh_process_of_a_network(backend: str, tmp_path: Path) -> None:
    import keras

    start = keras.Input((9, 9, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, padding="same")(start))
    size = startup.prepare(keras.Model(start, keras.layers.Dense(2)(x)), tmp_path)
    assert size == startup.BATCH * 9 * 9 * 3 * 4
    for mode in REPADDED:
        assert f'"padding_mode": "{mode}"' in (tmp_path / f"{mode}.json").read_text()
    taken = startup._process(backend, tmp_path, "reflect")
    assert list(taken) == list(PHASES)
    assert min(taken.values()) > 0
    assert list(startup._process(backend, tmp_path, "stock", memory=True)) == ["peak"]
    (tmp_path / "zeros.json").write_text("{}")
    with pytest.raises(RuntimeError, match=f"zeros on {backend} did not start"):
        startup._process(backend, tmp_path, "zeros")


def test_processes_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def process(backend: str, folder: Path, name: str, *, memory: bool = False) -> dict[str, float]:
        ran.append(name)
        if memory:
            return {"peak": 100.0 + len(ran)}
        return dict.fromkeys(PHASES, 2.0 if name == "reflect" else 1.0)

    monkeypatch.setattr(startup, "_process", process)
    options = {"turns": 2, "memory_turns": 2, "input": 7, "on_step": str}
    *cells, memory = startup.compare("jax", "MobileNetV2", tmp_path, **options)
    assert ran[:8] == ["stock", "again", "zeros", "reflect", "again", "zeros", "reflect", "stock"]
    assert [cell.step for cell in cells] == [*PHASES, TOTAL]
    assert cells[-1].figures["stock"].seconds == len(PHASES)
    assert {name: figure.ratio for name, figure in cells[-1].figures.items()} == {
        "stock": 1, "again": 1, "zeros": 1, "reflect": 2,
    }  # fmt: skip
    assert memory.peak == {"stock": 109, "again": 110, "zeros": 111, "reflect": 112}


# The report.


def figures(**seconds: float) -> dict[str, Timing]:
    base = next(iter(seconds.values()))
    return {
        name.replace("_", " "): Timing(s, s / base, s / base - 0.1, s / base + 0.1, 9) for name, s in seconds.items()
    }


def made_up(folder: Path) -> None:
    """Figures of the commands above, with targets met and missed."""
    cells = [
        across.cell("resnet-56", "zeros", "forward", "native on jax: x", rounds(jax=2, torch=2, tensorflow=3)),
        across.cell("resnext-28", "zeros", "forward", "native on jax: x", rounds(jax=9, torch=3, torch_by_hand=1)),
    ]
    save("across", "jax", cells, folder)
    seconds = {"stock on jax": 8, "jax": 3, "stock on torch": 4, "stock on tensorflow": 2}
    network = across.cell("ResNet50", "zeros", "training", "", Rounds([seconds] * 3))
    save("across-networks", "jax", [network], folder)
    phases = [Cell("MobileNetV2", "", phase, "", figures(stock=1, again=1, zeros=1, reflect=1.2)) for phase in PHASES]
    total = Cell("MobileNetV2", "", TOTAL, "", figures(stock=4, again=4.1, zeros=4.2, reflect=4.8))
    memory = [
        Memory("MobileNetV2", "", "training", "", 600, {"stock": 100, SECOND: 101, "zeros": 101, "reflect": 103}, {})
    ]
    save("startup", "torch", [*phases, total, *memory], folder)
    compiled = [
        Cell("resnet-56", "reflect", "forward", "padded on torch: x", figures(limit=1, convpad=1.2, by_hand=1.5), "compiled"),
        Cell("resnet-28", "reflect", "forward", "padded on torch: x", figures(limit=1, convpad=1.2, by_hand=1), "compiled"),
    ]  # fmt: skip
    save("layers", "torch", compiled, folder, setting="compiled")


def test_verdicts(tmp_path: Path) -> None:
    made_up(tmp_path)
    assert [(v.backend, v.target, v.wanted, v.reached, v.met) for v in verdict.verdicts(loaded(tmp_path))] == [
        ("torch", "compiled, float32: time / what users write, forward: geometric mean", "<= 0.85", "0.98", False),
        ("torch", "compiled, float32: time / what users write, forward: worst", "<= 1.05", "1.20 (resnet-28, reflect, forward, compiled); 1 of 2 above", False),
        ("jax", "time / the fastest of PyTorch and TensorFlow, forward: geometric mean", "<= 1.5", "3.00", False),
        ("jax", "time / the fastest of PyTorch and TensorFlow, forward: worst", "<= 4", "9.00 (resnext-28, zeros, forward); 1 of 2 above", False),
        ("jax", "ResNet50, training: time / the fastest of stock Keras on three backends", "<= 1.3", "1.50 (stock on tensorflow)", False),
        ("torch", "MobileNetV2, zeros: peak memory of a step of training / stock's", "<= 1 and noise", "1.01 (0 MiB; stock twice 1.01)", True),
        ("torch", "MobileNetV2, reflect: peak memory of a step of training / stock's", "<= 1 and noise", "1.03 (0 MiB; stock twice 1.01)", False),
        ("torch", "MobileNetV2, zeros: startup and first calls / stock's", "<= 1.1", "1.05 (import 1.00, build 1.00, first forward pass 1.00, first step of training 1.00; stock twice 1.02, 0.92 to 1.12)", True),
        ("torch", "MobileNetV2, reflect: startup and first calls / stock's", "<= 1.1", "1.20 (import 1.20, build 1.20, first forward pass 1.20, first step of training 1.20; stock twice 1.02, 0.92 to 1.12)", False),
    ]  # fmt: skip


def tables_are_whole(page: str) -> bool:
    tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    return bool(tables) and all(len({line.count("|") for line in table}) == 1 for table in tables)


def test_the_report(tmp_path: Path) -> None:
    made_up(tmp_path)
    pages = {path.name: path.read_text() for path in write(tmp_path)}
    assert sorted(pages) == ["README.md", "across-jax.md", "layers-torch-compiled.md"]
    assert all(map(tables_are_whole, pages.values()))
    assert "| forward | zeros | 2 | 3.00 | 9.00 (resnext-28) | 1 |" in pages["README.md"]
    line = "| resnext-28 | zeros | native | 9000.000 | 3000.000 |  |  | 1000.000 |  | torch by hand | 9.00 (9.00 to 9.00) |"
    names = "| jax, ms | torch, ms | tensorflow, ms | torch by hand, ms |"
    assert names in pages["across-jax.md"]
    assert line.replace(" |  |  | ", " |  | ").replace(" |  | torch by", " | torch by") in pages["across-jax.md"]
    line = "| ResNet50 | training | 3000 | 8000 | 4000 | 2000 | stock on tensorflow | 1.50 (1.50 to 1.50) |"
    assert line in pages["README.md"]
    assert "| MobileNetV2 | memory of a step of training | 0 MiB | 1.01 | 1.01 | 1.03 |" in pages["README.md"]
    assert "| compiled | forward | reflect | 2 | 1.20 | 0.98 | 1.20 (resnet-28) |" in pages["README.md"]
    assert "| resnet-28 | reflect | compiled | padded | 1000.000 ms |" in pages["layers-torch-compiled.md"]


def test_settings_have_files_of_their_own(tmp_path: Path) -> None:
    names = [path_of("layers", "torch", tmp_path, dtype, setting).name for dtype, setting in (
        ("float32", ""), ("float32", "cuda"), ("bfloat16", "cuda"), ("bfloat16", ""),
    )]  # fmt: skip
    assert names == [
        "layers-torch.json", "layers-torch-cuda.json", "layers-torch-cuda-bfloat16.json", "layers-torch-bfloat16.json",
    ]  # fmt: skip
    measured = [
        Determinism("a row", "reflect", "gradient", "eager", {"by hand": False}, {"by hand": "refused"}),
        Memory("a row", "reflect", "gradient", "", 1, {"limit": 1}, {}, "eager"),
    ]
    path = save("memory", "torch", measured, tmp_path, setting="cuda", gpu="a GPU", unreached=["the rest"])
    result = load(path)
    assert [*result.determinism, *result.memory] == measured
    assert (result.setting, result.machine["gpu"], result.unreached) == ("cuda", "a GPU", ["the rest"])
    old = {
        key: value
        for key, value in json.loads(path.read_text()).items()
        if key not in ("setting", "determinism", "unreached")
    }
    path.write_text(json.dumps(old))
    assert load(path) == replace(result, setting="", determinism=[], unreached=[])


def test_the_command_line_refuses_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from benchmarks.__main__ import app

    for variable in ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES"):  # the command sets them
        monkeypatch.setenv(variable, "")
    wrong = {
        "no-such-row": ["across", "--row", "no-such-row"],
        "--compiled": ["layers", "--backend", "jax", "--compiled"],
        "AlexNet": ["across-networks", "--network", "AlexNet"],
        "mxnet": ["startup", "--backend", "mxnet"],
    }
    for word, arguments in wrong.items():
        result = CliRunner().invoke(app, arguments)
        assert (result.exit_code, word in result.output) == (2, True)
