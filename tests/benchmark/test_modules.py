"""Tests of the benchmark of modules on small rows and made-up rounds; nothing is timed."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from frameworks import ENGINES

from benchmarks import verdict
from benchmarks.modules import Contestant, arrays, cell, verify
from benchmarks.modules import report as pages
from benchmarks.modules.rows import AGAIN, MODES, OURS, ROWS, TINY
from benchmarks.results import Cell, load, save
from convpad.benchmark.timing import Rounds
from convpad.core.errors import DisagreementError

HERE = [name for name in ROWS if name in ENGINES]
DENSE, DEPTHWISE, STRIDED = "unet-64", "mobilenet-56", "stem-224"
TASKS = [(DENSE, mode) for mode in MODES[:4]] + [(DEPTHWISE, "zeros x circular"), (STRIDED, "same")]
if "jax" in HERE:  # where compiling takes most of the time
    TASKS = [
        (DENSE, "zeros"),
        (DENSE, "reflect"),
        (DEPTHWISE, "circular"),
        (STRIDED, "same"),
        (DENSE, "zeros x circular"),
    ]


def row_named(backend: str, name: str) -> Any:
    return next(row for row in ROWS[backend] if row.name == name)


@pytest.mark.parametrize("backend", ROWS)
def test_rows(backend: str) -> None:
    rows = ROWS[backend]
    assert len({row.name for row in rows}) == len(rows)
    assert TINY in {row.name for row in rows}
    for row in rows:
        assert set(row.compiled) <= set(row.modes) <= set(MODES)
        small = row.shrunk()
        x, weight, bias, cotangent = arrays(small)
        assert (weight.shape[0], *weight.shape[2:]) == (*bias.shape, row.window, row.window)
        assert weight.shape[1] == (1 if row.depthwise else small.channels)
        padded = [size + 2 * (row.window // 2) for size in x.shape[2:]]
        assert cotangent.shape[2:] == tuple((size - row.window) // row.stride + 1 for size in padded)


# The contestants.


def host_of(backend: str) -> Any:
    for name in ("flax", "equinox") if backend == "jax" else ():
        pytest.importorskip(name)
        pytest.importorskip(f"convpad.{name}")
    return import_module(f"benchmarks.modules.{backend}")


@pytest.mark.parametrize("backend", HERE)
@pytest.mark.parametrize(("name", "mode"), TASKS)
def test_all_contestants_agree(backend: str, name: str, mode: str) -> None:
    host = host_of(backend)
    row = replace(row_named(backend, name).shrunk(), compiled=())
    groups = list(host.groups(row, mode))
    assert len({group.variant for group in groups}) == len(groups) == 2
    for group in groups:
        names = list(group.contestants)
        assert (names[-1], len(names) > 1) == (OURS, True)
        verify(f"{name}, {mode}, {group.variant}", group.contestants)


@pytest.mark.parametrize("wrong", range(5))
def test_wrong_numbers_are_not_timed(wrong: int) -> None:
    numbers = [np.full((2, 3), value, "float32") for value in range(1, 6)]

    def contestant(factor: float) -> Contestant:
        results = [array * (factor if place == wrong else 1) for place, array in enumerate(numbers)]
        return Contestant(lambda: results[0], lambda: tuple(results[1:]), np.asarray)

    verify("equal", {"torch.nn": contestant(1), OURS: contestant(1)})
    with pytest.raises(DisagreementError, match=r"convpad next to torch\.nn, a row: the .* 1\.0e-02 off"):
        verify("a row", {"torch.nn": contestant(1), OURS: contestant(1.01)})


@pytest.mark.parametrize("backend", HERE)
def test_a_contestant_without_its_padding_is_seen(backend: str) -> None:
    host = host_of(backend)
    row = replace(row_named(backend, DENSE).shrunk(), compiled=())
    zeros, wrapped = (next(iter(host.groups(row, mode))).contestants for mode in ("zeros", "circular"))
    with pytest.raises(DisagreementError, match="the output without gradients is"):
        verify("a row", {"zeros": zeros[OURS], "circular": wrapped[OURS]})


# The figures.


def rounds(**seconds: float) -> Rounds:
    """Three rounds, of which the second takes twice as long for all."""
    return Rounds([{name: pace * each for name, each in seconds.items()} for pace in (1, 2, 1)])


def test_we_are_held_against_the_fastest_of_the_others() -> None:
    measured = cell(
        "unet-64", "zeros x circular", "forward", "contiguous, eager", rounds(slow=4, fast=2, convpad=3), 10
    )
    assert {name: (figure.seconds, figure.ratio) for name, figure in measured.figures.items()} == {
        "fast": (0.2, 1),
        "convpad": (0.3, 1.5),
        "slow": (0.4, 2),
    }
    assert list(measured.figures)[:2] == ["fast", OURS]
    again = cell("unet-64", "zeros", "forward", "contiguous, eager", rounds(theirs=4, again=2, convpad=3))
    assert list(again.figures) == ["theirs", OURS, AGAIN], "a second copy is noise and no rival"


def made_up(folder: Path) -> None:
    def one(row: str, mode: str, variant: str, **seconds: float) -> Cell:
        return cell(row, mode, "forward", variant, rounds(**seconds))

    eager, compiled = "contiguous, eager", "channels_last, compiled"
    torch = [
        one("unet-64", "zeros", eager, theirs=1, convpad=1.01, again=0.99),
        one("vae-128", "zeros", eager, theirs=1, convpad=1.03, again=1.01),
        one("unet-64", "zeros", compiled, theirs=1, convpad=1),
        one(TINY, "zeros", eager, theirs=8e-6, convpad=9e-6, again=8e-6),
        one(TINY, "circular", eager, theirs=8e-6, convpad=10e-6),
        one("unet-64", "circular", eager, theirs=2, convpad=1),
    ]
    save("modules", "torch", torch, folder)
    jax = [
        one("unet-64", "zeros", "flax", theirs=1, convpad=1.01),
        one("depthwise-124", "circular", "flax", theirs=20, convpad=1),
        one(TINY, "zeros", "equinox", theirs=8e-6, convpad=12e-6),
    ]
    save("modules", "jax", jax, folder)


def test_verdicts(tmp_path: Path) -> None:
    from benchmarks.report import loaded

    made_up(tmp_path)
    noise = "two copies of the same 0.99 to 1.01"
    worst = "1.03 (vae-128, zeros, forward, contiguous, eager); 1 of 2 above; geometric mean 1.02; "
    assert [(v.backend, v.target, v.wanted, v.reached, v.met) for v in verdict.verdicts(loaded(tmp_path))] == [
        ("jax", "modules, flax: time / flax's own: worst", "<= 1.02", "1.01 (unet-64, zeros, forward, flax); 0 of 2 above; geometric mean 0.22", True),
        ("jax", "modules, flax, depthwise, forward: times faster: geometric mean", ">= 10", "20.00", True),
        ("jax", "modules, equinox, tiny-8: us more than equinox's own", "<= 2", "4.00 (tiny-8, zeros, forward, equinox)", False),
        ("torch", "modules, zeros, eager: time / torch.nn: worst", "<= 1.02", worst + noise, False),
        ("torch", "modules, zeros, eager, tiny-8: us more than torch.nn", "<= 2", "1.00 (tiny-8, zeros, forward, contiguous, eager)", True),
        ("torch", "modules, other paddings, eager: time / the fastest that users write: worst", "<= 1.05", "1.25 (tiny-8, circular, forward, contiguous, eager); 1 of 2 above; geometric mean 0.79", False),
        ("torch", "modules, zeros, compiled: time / torch.nn: worst", "<= 1.02", "1.00 (unet-64, zeros, forward, channels_last, compiled); 0 of 1 above; geometric mean 1.00", True),
    ]  # fmt: skip


def test_the_report(tmp_path: Path) -> None:
    from benchmarks.report import write

    made_up(tmp_path)
    written = {path.name: path.read_text() for path in write(tmp_path)}
    assert sorted(written) == ["README.md", "modules-jax.md", "modules-torch.md"]
    line = "| zeros | forward | contiguous, eager | 3 | 1.05 | 1.12 (tiny-8) | 3 | 0 |"
    assert line in written["README.md"]
    cells = "| tiny-8 | circular | contiguous, eager | theirs | 8.0 us | 10.0 us | 1.25 (1.25 to 1.25) |  |"
    assert cells in written["modules-torch.md"]
    for page in written.values():
        tables = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
        assert tables
        assert all(len({row.count("|") for row in table}) == 1 for table in tables)
    assert pages.rows(["torch", "jax"]).count("| unet-64 |") == 1


def test_figures_of_other_variants_are_kept(tmp_path: Path) -> None:
    made_up(tmp_path)
    before = load(tmp_path / "modules-torch.json")
    anew = cell("unet-64", "zeros", "forward", "contiguous, eager", rounds(theirs=1, convpad=2))
    after = load(save("modules", "torch", [anew], tmp_path, kept=before))
    assert after.cells == [anew, *before.cells[1:]]


def test_the_command_line_refuses_what_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from benchmarks.__main__ import app

    for variable in ("KERAS_BACKEND", "CUDA_VISIBLE_DEVICES"):  # the command sets them
        monkeypatch.setenv(variable, "")
    asked = {"tensorflow": ["--backend", "tensorflow"], "vgg": ["--backend", "torch", "--row", "vgg"]}
    for wrong, options in asked.items():
        result = CliRunner().invoke(app, ["modules", *options])
        assert (result.exit_code, wrong in result.output) == (2, True)
