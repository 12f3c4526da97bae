"""Tests of the suite on small layers and made-up figures; nothing is timed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import ENGINES

import convpad
from benchmarks import verdict
from benchmarks.results import Cell, Memory, load, save
from benchmarks.rows import MODES, ROWS, row_named
from convpad.benchmark.timing import Timing

# Keras has one backend in a process.
BACKEND = os.environ.get("KERAS_BACKEND", "numpy")
HERE = [BACKEND] if BACKEND in ENGINES else []

# One of each kind: a stride, a depthwise, two modes at once, one axis, three axes, groups, dilation, a transposed one.
KINDS = (
    "resnet-224",
    "mobilenet-56-s2",
    "globe-181",
    "wavenet-16000",
    "unet3d-64",
    "resnext-28",
    "aspp-33-d6",
    "dcgan-16",
)
SMALL = {name: row_named(name).shrunk() for name in KINDS}
TASKS = [(name, mode) for name in SMALL for mode in MODES]
if BACKEND == "jax":
    # There compiling takes most of the time: nearly every kind reflects, every mode is met with, every peer too.
    TASKS = [(name, "reflect") for name in SMALL if name not in ("mobilenet-56-s2", "aspp-33-d6")]
    TASKS += [("resnet-224", "zeros"), ("dcgan-16", "circular"), ("globe-181", "ignore"), ("unet3d-64", "constant")]
    TASKS += [("wavenet-16000", "replicate"), ("mobilenet-56-s2", "circular"), ("resnext-28", "zeros")]

# Keras's torch backend calls numpy.array on tensors, whose __array__ has no `copy` (keras 3.15.1, torch 2.13).
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_has_the_sizes_that_its_layer_has(row: Any) -> None:
    assert [row_named(row.name), len(row.kernel_shape)] == [row, row.rank + 2]
    expected = [-(-size // row.stride) for size in row.size]
    if row.transposed:
        expected = [size * row.stride for size in row.size]
    assert row.output_shape == (row.batch, *expected, row.filters)
    assert [sum(pair) for pair in row.pairs] <= [sum(pair) for pair in row.even_pairs]


def test_no_two_rows_have_one_name() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) == 25
    with pytest.raises(ValueError, match="row must be one of resnet-224, .* Received: 'resnet'"):
        row_named("resnet")


def test_a_globe_is_round_in_every_mode() -> None:
    row = row_named("globe-181")
    spelled = {mode: row.spelled(mode) for mode in ("reflect", "constant", "circular")}
    assert spelled == {"reflect": ("reflect", "circular"), "constant": (0.5, "circular"), "circular": "circular"}


# The candidates.


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize(("name", "mode"), TASKS)
def test_all_candidates_agree(backend: str, name: str, mode: str) -> None:
    from benchmarks.candidates import Case, framework_of, line_up
    from benchmarks.candidates.verify import verify

    row = SMALL[name]
    runner, case = framework_of(backend), Case(row, mode)
    candidates = line_up(runner, case)
    names = [candidate.name for candidate in candidates]
    assert names[:4] == ["limit", "convpad", "layer", "stock"]
    assert "framework" in names
    assert set(names[4:]) <= {"workaround", "framework", *verdict.PEERS}
    try:
        verify(runner, case, candidates)
    except Exception as error:
        # TensorFlow without oneDNN, which it leaves out on some processors, has no gradient of its own there.
        if backend == "tensorflow" and row.dilation > 1 and "not yet support d" in str(error):
            pytest.skip("TensorFlow differentiates no dilated convolution on this processor")
        raise


@pytest.mark.parametrize("backend", [name for name in HERE if name != "tensorflow"])
def test_the_peers_take_part(backend: str) -> None:
    from benchmarks.candidates import Case, framework_of

    if backend == "jax":
        pytest.importorskip("flax")
        pytest.importorskip("equinox")
    runner, row = framework_of(backend), SMALL["resnet-224"]
    found = {mode: {entry.name for entry in runner.peers(Case(row, mode))} for mode in MODES}
    both = {"flax", "equinox"} if backend == "jax" else {"torch.nn", "torch.nn channels_last"}
    edge = {"equinox"} if backend == "jax" else both
    expected = {"zeros": both, "reflect": both, "circular": both, "replicate": edge, "constant": set(), "ignore": set()}
    assert found == expected


@pytest.mark.parametrize("backend", HERE)
def test_what_they_are_held_against_is_the_oracle(backend: str) -> None:
    from benchmarks.candidates import Case, framework_of
    from benchmarks.candidates.plain import framework

    runner = framework_of(backend)
    for row in SMALL.values():
        case = Case(row, "ignore" if row.depthwise else "reflect")
        candidate = runner.candidate(framework(runner, case), case)
        out = candidate.answers()[0]
        x, kernel, _ = (array.astype("float64") for array in case.arrays)
        oracle = getattr(convpad, row.op)(x, kernel, padding_mode=row.spelled(case.mode), **row.layer().options)
        np.testing.assert_allclose(out, oracle, rtol=0, atol=1e-4 * np.abs(oracle).max())


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_wrong_numbers_are_not_timed(backend: str, place: int) -> None:
    from benchmarks.candidates import Case, framework_of, plain
    from benchmarks.candidates.verify import verify
    from convpad.core.errors import DisagreementError

    runner, case = framework_of(backend), Case(SMALL["mobilenet-56-s2"], "reflect")
    right = runner.candidate(plain.convpad_function(case), case)
    verify(runner, case, [right])

    def read(tensors: Any) -> Any:
        return tuple(array * (1.01 if at == place else 1) for at, array in enumerate(right.read(tensors)))

    with pytest.raises(DisagreementError, match=r"convpad on .* 1\.0e-02 off"):
        verify(runner, case, [replace(right, read=read)])
    with pytest.raises(DisagreementError, match="off, relative to its largest value"):
        verify(runner, case, [replace(right, modes=("zeros", "zeros"))])


@pytest.mark.parametrize("backend", HERE)
def test_a_network_keeps_its_numbers_and_loses_its_padding_layers(backend: str) -> None:
    import keras

    from benchmarks.candidates import framework_of
    from benchmarks.networks import repadded, worked_around

    x = start = keras.Input((9, 9, 3))
    x = keras.layers.Conv2D(4, 3, strides=2)(keras.layers.ZeroPadding2D(((0, 1), (1, 0)))(x))
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    model = keras.Model(start, keras.layers.Conv2D(2, 1)(keras.layers.ZeroPadding2D(1)(x)))
    images = np.random.default_rng(0).standard_normal((2, 9, 9, 3), dtype="float32")
    of = lambda network: keras.ops.convert_to_numpy(network(images))  # noqa: E731

    zeros = repadded(model, "zeros")
    np.testing.assert_allclose(of(zeros), of(model), atol=1e-5)
    assert not any(isinstance(layer, keras.layers.ZeroPadding2D) for layer in zeros.layers)
    reflected, worked = repadded(model, "reflect"), worked_around(framework_of(backend), model, "reflect")
    np.testing.assert_allclose(of(reflected), of(worked), atol=1e-5)
    assert np.abs(of(reflected) - of(zeros)).max() > 1e-2


# The report.


def figures(**seconds: float) -> dict[str, Timing]:
    base = next(iter(seconds.values()))
    return {name: Timing(s, s / base, s / base - 0.1, s / base + 0.1, 9) for name, s in seconds.items()}


def made_up(folder: Path) -> None:
    """Every command on JAX, with targets met and missed."""
    dense, fast = ("resnet-56", "reflect"), ("mobilenet-56-s1", "reflect", "forward", "native by taps on jax: x")
    forward = figures(limit=10, convpad=10, layer=10, stock=30, workaround=40, framework=20, flax=35)
    gradient = figures(limit=10, convpad=13, layer=12, stock=10, workaround=20, framework=10)
    layers = [
        Cell(*dense, "forward", "correction by strips on jax: x", forward),
        Cell(*dense, "gradient", "correction by strips on jax: x", gradient),
        Cell(*fast, figures(limit=20, convpad=1, layer=1, stock=20, workaround=21, framework=4)),
    ]
    save("layers", "jax", layers, folder)
    zeros, reflect = figures(stock=4, zeros=1), figures(zeros=1, reflect=1.2, workaround=3)
    steps = ("forward", "training")
    models = [Cell("MobileNetV2", "zeros", step, "", zeros) for step in steps]
    save("models", "jax", [*models, *(Cell("MobileNetV2", "reflect", step, "", reflect) for step in steps)], folder)
    scale = [
        Cell(
            str(edge),
            "reflect",
            step,
            "correction by strips on jax: x",
            figures(limit=1, convpad=1 + 2 / edge, framework=2),
        )
        for edge in (128, 2048)
        for step in ("forward", "gradient")
    ]
    save("scale", "jax", scale, folder)
    peaks = {"limit": 100, "convpad": 350, "workaround": 1100}
    memory = [
        Memory("resnet-56", mode, "forward", f"{route} on jax: x", 1000, {**peaks, "convpad": peak}, {})
        for mode, route, peak in (("reflect", "correction by strips", 350), ("circular", "padded", 900))
    ]
    save("memory", "jax", memory, folder)


def test_figures_come_back_as_they_were(tmp_path: Path) -> None:
    made_up(tmp_path)
    result = load(tmp_path / "layers-jax.json")
    assert (result.command, result.backend, result.dtype, result.quick) == ("layers", "jax", "float32", False)
    assert result.cells[0].figures["workaround"] == Timing(40, 4.0, 3.9, 4.1, 9)
    assert result.versions["numpy"] == np.__version__
    assert not {str(Path.home()), os.uname().nodename} & set(result.machine.values())


def test_figures_of_other_rows_are_kept_where_that_is_asked(tmp_path: Path) -> None:
    made_up(tmp_path)
    before = load(tmp_path / "layers-jax.json")
    anew = Cell("resnet-56", "reflect", "forward", "padded on jax: x", figures(limit=1, convpad=2))
    after = load(save("layers", "jax", [anew], tmp_path, kept=before))
    assert after.cells == [anew, *before.cells[1:]]
    assert load(save("layers", "jax", [anew], tmp_path)).cells == [anew]


def test_the_command_line_refuses_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from benchmarks.__main__ import app

    monkeypatch.setenv("KERAS_BACKEND", BACKEND)  # the command sets it
    for asked in (["layers", "--backend", "mxnet"], ["layers", "--backend", "jax", "--row", "resnet"]):
        result = CliRunner().invoke(app, asked)
        assert (result.exit_code, asked[-1] in result.output) == (2, True)


def test_verdicts(tmp_path: Path) -> None:
    from benchmarks.report import loaded

    made_up(tmp_path)
    worst = "1.20 (resnet-56, reflect, gradient); 1 of 3 above"
    alike = "0.60 (resnet-56, reflect, gradient); 0 of 3 above"
    hand = "1.30 (resnet-56, reflect, gradient); 1 of 1 above"
    assert [(v.target.partition(":")[0], v.wanted, v.reached, v.met) for v in verdict.verdicts(loaded(tmp_path))] == [
        ("time / the fastest of stock, workaround, peers", "<= 1.05", worst, False),
        ("time / the fastest of those that compute the same", "<= 1.05", alike, True),
        ("time / a pad and a convolution by hand, forward", "<= 0.85", "0.35", True),
        ("time / a pad and a convolution by hand, forward", "<= 1.05", "0.50 (resnet-56, reflect, forward); 0 of 2 above", True),
        ("time / a pad and a convolution by hand, gradient", "<= 0.85", "1.30", False),
        ("time / a pad and a convolution by hand, gradient", "<= 1.05", hand, False),
        ("time / limit, forward", "<= 1.05", "0.22", True),
        ("time / limit, gradient", "<= 1.15", "1.30", False),
        ("time / limit", "<= 1.25", "1.30 (resnet-56, reflect, gradient)", False),
        ("times faster than the workaround, dense rows, forward", ">= 2.5", "4.00 (the limit itself: 4.00)", True),
        ("times faster than stock, depthwise rows, forward", ">= 10", "20.00 (the limit itself: 1.00)", True),
        ("MobileNetV2, zeros, forward", ">= 3.5", "4.00", True),
        ("MobileNetV2, reflect, forward", "<= 1.05", "1.20", False),
        ("time / limit at 2048 squared", "<= 1.03", "1.00 (reflect, forward)", True),
        ("correction", "<= 0.1", "0.25 (resnet-56, reflect, forward); 1 of 1 above", False),
    ]  # fmt: skip


def test_the_report_and_the_charts(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.chart import draw
    from benchmarks.report import write

    made_up(tmp_path)
    pages = {path.name: path.read_text() for path in write(tmp_path)}
    assert sorted(pages) == ["README.md", "layers-jax.md", "memory-jax.md"]
    assert "| resnet-56 | 1.00 (0.90 to 1.10) |" in pages["README.md"]
    assert "| MobileNetV2 | forward | reflect | zeros | 1200 ms | 1.20 (1.10 to 1.30) |" in pages["README.md"]
    assert "| resnet-56 | reflect | correction by strips | 10000.00 ms |" in pages["layers-jax.md"]
    for page in pages.values():
        tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
        assert tables
        assert all(len({line.count("|") for line in table}) == 1 for table in tables)
    charts = draw(tmp_path, dpi=40)
    assert [path.name for path in charts] == ["layers.png", "models.png", "scale.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in charts)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux keeps the mark")
@pytest.mark.skipif(not HERE, reason="needs the package of candidates")
def test_the_peak_of_a_process() -> None:
    from benchmarks.resident import peak

    size = 64 * 2**20
    assert 0.9 * size < peak(lambda: np.ones(size // 8).sum()) < 1.5 * size
    assert peak(lambda: None) < 0.1 * size
