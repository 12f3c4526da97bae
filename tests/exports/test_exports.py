"""Every export of every layer and function: the artefact, in its own runtime, gives the eager numbers, without convpad.

`make test` runs some cells of each way to export, `make test-exports` enough to show every pair of two columns' values,
and `CONVPAD_EXPORTS=full make test-exports` all of them. What is left out, and why: `IMPOSSIBLE` of `impossible.py`.
"""

from __future__ import annotations

import doctest
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doctests import failures
from export_page import COLUMNS, PAGE, carriers, read
from export_routes import HERE, Different, Route, keras_export, module, quiet, run
from exports import KINDS, REFUSED, Cell, covering, exists, full, page, selected
from impossible import IMPOSSIBLE, Impossible, impossible, not_yet
from keras_layers import BACKEND, KNOWN_WARNINGS, numbers, ours
from runtimes import Runtimes

from convpad import tuning

pytestmark = [pytest.mark.needs("jax", "tensorflow", "torch"), KNOWN_WARNINGS]

WHOLE = os.environ.get("CONVPAD_EXPORTS") in ("covering", "full")
"""Whether this is `make test-exports`, where every package must be there."""


@pytest.fixture(scope="module")
def runtimes() -> Iterator[Runtimes]:
    process = Runtimes()
    yield process
    process.close()


def need(route: Route) -> None:
    """Skip a way to export whose packages `make test` does not install."""
    missing = route.missing()
    assert not (missing and WHOLE), f"{route.name} needs {missing}"
    if missing:
        pytest.skip(f"needs {', '.join(missing)}: make test-exports")


def cells_of(route: Route) -> list[Cell]:
    """What this run tests of a way to export; three cells of one that compiles for many seconds."""
    if not route.seldom:
        return [cell for cell in selected(route.name) if not impossible(route, cell)]
    return [cell for cell in page() if cell.mode in ("zeros", "circular", "ignore")] if WHOLE else []


def marked(route: Route, cell: Cell) -> Any:
    """The parameters of a test of one cell."""
    reason = not_yet(route, cell)
    marks = [pytest.mark.xfail(reason=reason, strict=False)] if reason else []
    return pytest.param(route, cell, id=f"{route.name}: {cell}", marks=marks)


CELLS = [marked(route, cell) for route in HERE for cell in cells_of(route)]


@pytest.mark.parametrize(("route", "cell"), CELLS)
def test_an_export_gives_the_eager_numbers(route: Route, cell: Cell, runtimes: Runtimes, tmp_path: Path) -> None:
    need(route)
    operations = run(route, cell, tmp_path, runtimes)
    if route.runtime in COLUMNS and cell in page(cell.portable):
        assert carriers(operations) in read(cell.portable)[COLUMNS[route.runtime]][cell.mode], "docs/exports.md"
    if cell.portable:
        assert not [name for name in operations if foreign(name)]


@pytest.mark.parametrize("mode", ("reflect", "mixed axes", "ignore") if WHOLE else ("reflect",))
@pytest.mark.skipif(BACKEND != "torch", reason="a compiler of PyTorch")
def test_a_compiled_module_gives_the_eager_numbers_at_every_size(mode: str) -> None:
    import torch

    cell = next(cell for cell in page() if cell.mode == mode)
    eager = module(cell)
    compiled = torch.compile(eager, fullgraph=True, dynamic=True)
    with quiet(), torch.no_grad():
        for x in map(torch.from_numpy, cell.inputs()):
            difference = (compiled(x) - eager(x)).abs().max() / eager(x).abs().max()
            assert difference <= 1e-5


@pytest.mark.parametrize("mode", ["reflect", "ignore"])
@pytest.mark.skipif(BACKEND != "tensorflow", reason="only there are large graphs updated in place")
def test_an_image_so_large_that_its_border_would_be_corrected(mode: str, runtimes: Runtimes, tmp_path: Path) -> None:
    [route] = [route for route in HERE if route.runtime == "litert"]
    need(route)
    cell = Cell("Conv", 2, mode, "same", 1, "batch", "channels_last")
    rows = [replace(row, min_size_per_side=min(row.min_size_per_side, 1)) for row in tuning.PREFERENCES]
    with quiet(), tuning.replace(preferences=rows, tensorflow_scale_parts_values=1):
        path, eager = route.write(cell, tmp_path)
    x = numbers(*cell.shapes()[1])
    [output], _ = runtimes.run(route.runtime, str(path), [x])
    assert np.abs(output - eager(x)).max() <= 1e-5 * np.abs(output).max()


@pytest.mark.parametrize("route", [route for route in HERE if WHOLE and not route.seldom], ids=lambda route: route.name)
def test_a_pad_beyond_a_size_that_was_open_is_right_or_refused(
    route: Route, runtimes: Runtimes, tmp_path: Path
) -> None:
    """A runtime that cannot repeat what it mirrors says so: it never gives other numbers."""
    need(route)
    cell = Cell("Padding", 2, "reflect", "uneven", 1, "open", "channels_last")
    with quiet():
        path, eager = route.write(cell, tmp_path)
    x = numbers(1, 2, 2, 4)
    try:
        [output], _ = runtimes.run(route.runtime, str(path), [x])
    except RuntimeError:
        return
    assert np.array_equal(output, eager(x))


def foreign(operation: str) -> bool:
    """Whether an operation pads in a way that some runtime does not have."""
    words = operation.lower().split()
    return (
        "mirror" in words[0]
        or any(word in ("reflect", "edge", "wrap", "symmetric", "circular", "replicate") for word in words[1:])
        or "reflection_pad" in words[0]
        or "replication_pad" in words[0]
    )


ENTRIES = [entry for entry in IMPOSSIBLE for route in HERE if route.name == entry.route]


@pytest.mark.parametrize("stock", [True, False], ids=["keras", "convpad"])
@pytest.mark.parametrize("entry", ENTRIES, ids=[f"{entry.route}: {entry.reason}" for entry in ENTRIES])
def test_what_is_impossible_is_so_for_keras_too(
    entry: Impossible, stock: bool, runtimes: Runtimes, tmp_path: Path
) -> None:
    route = next(route for route in HERE if route.name == entry.route)
    need(route)
    assert entry.covers(entry.example)
    write = keras_export(route.runtime, stock=stock)
    with pytest.raises(Exception):  # noqa: B017
        run(Route(route.name, route.backend, route.runtime, write), entry.example, tmp_path, runtimes)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kinds_and_modes_left_out_are_refused(kind: str) -> None:
    for cell in full():
        if cell.kind == kind and cell.amount == "even" and cell.data_format == "channels_last" and cell.strides == 1:
            ours(cell.layer)(**cell.arguments())
    for refused, mode in REFUSED:
        if refused == kind:
            cell = Cell(kind, 2, mode, "even", 1, "fixed", "channels_last")
            with pytest.raises(ValueError):
                ours(cell.layer)(**{**cell.arguments(), "padding_mode": cell.padding_mode})


def test_the_covering_cells_show_every_pair() -> None:
    chosen = covering("any")
    assert chosen == covering("any")
    assert len(chosen) < len(full()) / 50
    for kind, mode in {(cell.kind, cell.mode) for cell in full()}:
        assert any((cell.kind, cell.mode) == (kind, mode) for cell in chosen)
    assert all(map(exists, chosen))
    assert set(page()) <= set(full())


@pytest.mark.skipif(BACKEND != "jax", reason="an example in JAX")
def test_the_example_of_the_page_gives_what_it_shows() -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
    example = doctest.DocTestParser().get_doctest(code, {}, "docs/exports.md", None, 0)
    assert example.examples
    assert failures(example) == ""


class Shifted:
    """A way to export that gets one number wrong."""

    def __init__(self, write: Any) -> None:
        self.write = write

    def __call__(self, cell: Cell, folder: Path) -> Any:
        path, eager = self.write(cell, folder)
        return path, lambda x: eager(x) + np.eye(1, eager(x).size).reshape(eager(x).shape)


@pytest.mark.parametrize("route", HERE[:1], ids=lambda route: route.name)
def test_a_wrong_number_is_noticed(route: Route, runtimes: Runtimes, tmp_path: Path) -> None:
    need(route)
    wrong = Route(route.name, route.backend, route.runtime, Shifted(route.write))
    with pytest.raises(Different):
        run(wrong, page()[0], tmp_path, runtimes)


def test_the_runtimes_have_no_convpad(runtimes: Runtimes) -> None:
    with pytest.raises(RuntimeError, match="No module named 'convpad'"):
        runtimes.run("convpad", "", [])
