"""Is the table of what was found faster sound, and is it read from the top?"""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
import typer

from benchmarks.__main__ import BACKENDS, app
from convpad.backends import NAMES
from convpad.core.padding import Padding
from convpad.core.problem import OPS, Problem, pose
from convpad.ops import choice
from convpad.ops.choice import PREFERENCES, Preference, Route, preferred
from convpad.ops.plan import Plan, choose
from convpad.ops.slabs import slab_share

pytestmark = pytest.mark.needs("numpy")

COMMANDS: Any = typer.main.get_command(app)
DEVICES = ("cpu", "gpu", "cpu, for a gradient", "cpu, differentiated")


def problem(op: str = "conv", mode: Any = "reflect", size: int = 8, padding: Any = 1, strides: int = 1) -> Problem:
    kernel = 3 if "pool" in op else (3, 3, 2, 2)
    pointwise = (1, 1, 4, 2) if op == "separable_conv" else ()
    parsed = Padding.parse(padding, mode, rank=2)
    return pose(op, (1, size, size, 2), kernel, parsed, strides=strides, pointwise_shape=pointwise)


def measured_by(command: str) -> dict[str, Any]:
    """The arguments of a benchmark's command line, read by the program itself without running it."""
    python, option, module, name, *arguments = shlex.split(command)
    assert [python, option, module] == ["python", "-m", "benchmarks"]
    options: dict[str, Any] = COMMANDS.commands[name].make_context(name, arguments).params
    return options


def named(row: Preference) -> str:
    return f"{row.route}-{row.backend}-{row.device}-{row.ops}-{row.share}-{row.least}"


# The table


@pytest.mark.parametrize("row", PREFERENCES, ids=named)
def test_every_finding_names_the_command_that_shows_it(row: Preference) -> None:
    assert measured_by(row.benchmark)["backend"] == row.backend
    assert row.backend in BACKENDS
    assert row.backend in NAMES


def test_a_command_that_is_not_there_is_seen() -> None:
    for wrong in ("python -m benchmarks layer --backend jax", "python -m pytest layers", "python -m benchmarks"):
        with pytest.raises((KeyError, AssertionError, ValueError)):
            measured_by(wrong)
    with pytest.raises(Exception, match="No such option"):
        measured_by("python -m benchmarks layers --engine jax")


@pytest.mark.parametrize("row", PREFERENCES, ids=named)
def test_every_finding_is_well_formed(row: Preference) -> None:
    assert type(row.route) is Route
    assert row.route is not Route.PADDED, "that is what comes after all of them"
    assert row.device in DEVICES
    assert set(row.ops) <= set(OPS)
    assert 0 < row.share <= 1
    assert row.least >= 0
    assert row.finding
    assert not row.finding.endswith(".")


@pytest.mark.parametrize("row", PREFERENCES, ids=named)
def test_every_finding_is_met(row: Preference) -> None:
    # None stands behind others that take all that it fits.
    modes = ("zeros", "ignore", 5, "reflect", (5, "circular"))
    asked = [problem(op, mode, size) for op in OPS for mode in modes for size in (4, 8, 16, 32, 64, 256, 1024, 4096)]
    plans = [choose(one, row.backend, row.device, lambda problem, ignored: "") for one in asked]
    assert (row.route, f"{row.finding} ({row.benchmark})") in {(plan.route, plan.reason) for plan in plans}


# How it is read


def row(route: Route, **options: Any) -> Preference:
    return Preference(route, "swift", "cpu", "it was faster", "python -m benchmarks layers --backend jax", **options)


@pytest.mark.parametrize(
    ("ops", "fits"),
    [
        ((), {"conv", "depthwise_conv", "average_pool"}),
        (("conv",), {"conv"}),
        (("depthwise_conv", "conv"), {"conv", "depthwise_conv"}),
        (("max_pool",), set()),
    ],
)
def test_a_finding_fits_its_operations(ops: tuple[str, ...], fits: set[str]) -> None:
    found = {
        name for name in ("conv", "depthwise_conv", "average_pool") if row(Route.BORDER, ops=ops).fits(problem(name))
    }
    assert found == fits


# Of 8 x 8 outputs each side meets 8, with a third of their taps: four sides multiply a sixth of the whole.
@pytest.mark.parametrize(
    ("share", "asked", "fits"),
    [
        (1.0, problem(), True),
        (0.1667, problem(), True),
        (0.1666, problem(), False),
        (0.0, problem(), False),
        (0.0, problem(padding=0), True),
        (0.0, problem(mode="zeros"), True),
        (0.1666, problem(size=9), True),
        (0.09, problem(mode=("reflect", "zeros")), True),
        (0.08, problem(mode=("reflect", "zeros")), False),
        (1.0, problem(size=1), True),
        (0.9999, problem(size=1), False),
    ],
)
def test_a_finding_fits_up_to_its_share_of_the_border(share: float, asked: Problem, fits: bool) -> None:
    assert row(Route.BORDER, share=share).fits(asked) is fits
    assert slab_share(problem()) == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("least", "asked", "fits"),
    [
        (0, problem(), True),
        (32, problem(), True),  # 1 x 8 x 8 x 2 values, and four sides
        (33, problem(), False),
        (33, problem(size=9), True),
        (64, problem(mode=("reflect", "zeros")), True),
        (65, problem(mode=("reflect", "zeros")), False),
    ],
)
def test_a_finding_fits_from_so_many_values_on(least: int, asked: Problem, fits: bool) -> None:
    assert row(Route.BORDER, least=least).fits(asked) is fits


def test_a_size_that_is_not_known_counts_as_one() -> None:
    asked = replace(problem(), input_shape=(None, 8, 8, 2))
    assert row(Route.BORDER, least=32).fits(asked)
    assert not row(Route.BORDER, least=33).fits(asked)


def test_a_finding_fits_by_all_that_it_says() -> None:
    both = row(Route.BORDER, ops=("conv",), share=0.2)
    assert both.fits(problem())
    assert not both.fits(problem("depthwise_conv"))
    assert not both.fits(problem(size=4))
    assert not replace(both, least=250).fits(problem())
    assert replace(both, least=250).fits(problem(size=32))


SLOW, FAST = row(Route.BORDER), row(Route.OFFSET)
BOTH = [Route.BORDER, Route.OFFSET]

# the table, backend, device, possible routes -> the row
READ = [
    ((), "swift", "cpu", BOTH, None),
    ((FAST, SLOW), "swift", "cpu", BOTH, FAST),
    ((SLOW, FAST), "swift", "cpu", BOTH, SLOW),
    ((FAST, SLOW), "swift", "cpu", [Route.BORDER, Route.PADDED], SLOW),
    ((FAST, SLOW), "swift", "cpu", [Route.PADDED], None),
    ((FAST, SLOW), "swift", "cpu", [], None),
    ((FAST, SLOW), "swift", "gpu", BOTH, None),
    ((FAST, SLOW), "other", "cpu", BOTH, None),
    ((replace(FAST, device="gpu"), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, device="gpu"), SLOW), "swift", "gpu", BOTH, replace(FAST, device="gpu")),
    ((replace(FAST, backend="other"), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, ops=("max_pool",)), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, share=0.1), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, share=0.2), SLOW), "swift", "cpu", BOTH, replace(FAST, share=0.2)),
]


@pytest.mark.parametrize(("table", "backend", "device", "possible", "found"), READ)
def test_the_first_that_fits_is_taken(
    monkeypatch: Any, table: Any, backend: str, device: str, possible: list[Route], found: Preference | None
) -> None:
    monkeypatch.setattr(choice, "PREFERENCES", table)
    assert preferred(problem(), backend, device, possible) == found


@pytest.mark.parametrize(
    ("mode", "refusal", "route"),
    [
        ("zeros", "", "native"),
        ("ignore", "", "rescale"),
        ("zeros", "no", "padded"),
        ("ignore", "no", "padded"),
        ("reflect", "", "padded"),
        (5, "", "padded"),
    ],
)
@pytest.mark.parametrize(("backend", "device"), [("jax", "tpu"), ("abacus", "cpu")])
def test_where_nothing_was_measured(mode: Any, refusal: str, route: str, backend: str, device: str) -> None:
    for op in ("conv", "depthwise_conv"):
        plan = choose(problem(op, mode), backend, device, lambda problem, ignored: refusal)
        assert plan.route is Route(route)


FASTER = "it was faster (python -m benchmarks layers --backend jax)"
ITSELF = "swift pads these windows itself, without a copy"
SCALED = "zeros, then every output is scaled to what its window covers"
NO_REFLECT, NO_CONSTANT = "no backend pads with reflect itself", "no backend pads with constant itself"
SLOWER = ", and {} was not found faster here"
MIXED = (("symmetric", "zeros"), ("ignore", "circular"))

# op, mode, device, what the backend says of zeros -> route, reason, whether the padded tensor is made
PREFERRED = [
    ("conv", 7, "cpu", "", "offset", FASTER, False),
    ("conv", 7, "gpu", "", "padded", NO_CONSTANT + SLOWER.format("offset"), True),
    ("conv", 7, "cpu", "no", "padded", NO_CONSTANT, True),
    ("conv", "reflect", "cpu", "", "border", FASTER, False),
    ("conv", "reflect", "gpu", "", "padded", NO_REFLECT + SLOWER.format("border"), True),
    ("conv", (7, "reflect"), "cpu", "", "border", FASTER, False),
    ("conv", MIXED, "cpu", "", "border", FASTER, False),
    ("conv", "zeros", "cpu", "", "native", ITSELF, False),
    ("conv", "ignore", "cpu", "", "rescale", SCALED, False),
    ("depthwise_conv", "reflect", "cpu", "no", "taps", FASTER, False),
    ("depthwise_conv", "zeros", "cpu", "", "taps", FASTER, False),
    ("depthwise_conv", 7, "gpu", "", "padded", NO_CONSTANT + SLOWER.format("offset"), True),
    ("average_pool", 7, "cpu", "", "offset", FASTER, False),
    ("average_pool", "reflect", "cpu", "", "border", FASTER, False),
    ("max_pool", 7, "cpu", "", "padded", NO_CONSTANT, True),
    ("conv_transpose", "reflect", "cpu", "", "padded", NO_REFLECT, True),
]


@pytest.mark.parametrize(("op", "mode", "device", "zeros", "route", "reason", "materialises"), PREFERRED)
def test_what_was_found_faster_is_taken(
    monkeypatch: Any, op: str, mode: Any, device: str, zeros: str, route: str, reason: str, materialises: bool
) -> None:
    table = (row(Route.TAPS, ops=("depthwise_conv",)), row(Route.OFFSET), row(Route.BORDER))
    monkeypatch.setattr(choice, "PREFERENCES", table)
    asked = problem(op, mode, padding=((1, 2), (0, 1)))
    plan = choose(asked, "swift", device, lambda problem, ignored: zeros)
    assert plan == Plan(asked, "swift", Route(route), reason)
    assert plan.materialises is materialises
    assert plan.pads == (((0, 0),) * 2 if materialises else ((1, 2), (0, 1)))


def test_a_gradient_known_only_later_has_a_route_of_its_own(monkeypatch: Any) -> None:
    later = replace(row(Route.BORDER, ops=("conv",)), device="cpu, differentiated")
    monkeypatch.setattr(choice, "PREFERENCES", (later,))
    plan = choose(problem(), "swift", "cpu", lambda problem, ignored: "")
    assert (plan.route, plan.differentiated) == (Route.PADDED, Route.BORDER)
    assert str(plan).endswith("; border where it is differentiated")
    assert plan.of("forward") is plan
    assert (plan.of("gradient").route, plan.of("gradient").differentiated) == (Route.BORDER, None)
    for other in (problem("average_pool"), problem(mode="zeros")):
        assert choose(other, "swift", "cpu", lambda problem, ignored: "").differentiated is None
    assert choose(problem(), "swift", "cpu", lambda problem, ignored: "", Route.PADDED).differentiated is None
    monkeypatch.setattr(choice, "PREFERENCES", (row(Route.BORDER), later))
    assert choose(problem(), "swift", "cpu", lambda problem, ignored: "").differentiated is None


def test_every_route_is_taken_by_some_row() -> None:
    assert {Route(row[4]) for row in PREFERRED} == set(Route)
