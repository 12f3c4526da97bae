"""The table of preferred routes and the thresholds."""

from __future__ import annotations

import ast
import shlex
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest
import typer

import convpad
from benchmarks.__main__ import BACKENDS, app
from convpad import tuning
from convpad.backends import NAMES, processor
from convpad.backends.base import Context
from convpad.core.operation import OPS
from convpad.core.padding import Padding
from convpad.core.problem import Problem, parse_problem
from convpad.ops import plan as planning
from convpad.ops.halo import halo_share
from convpad.ops.plan import Plan, Route, choose, preferred
from convpad.tuning import PREFERENCES, THRESHOLDS, Preference, Threshold

pytestmark = pytest.mark.needs("numpy")

COMMANDS: Any = typer.main.get_command(app)
DEVICES = ("cpu", "gpu")
CPU = Context("cpu")


class Backend:
    """A backend that refuses zeros for one reason."""

    dilated_pools = ()

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal

    def why_not_native(self, problem: Problem, *, ignored: bool) -> str:
        return self.refusal

    def kernel_name(self, *facts: Any) -> str:
        return "framework"

    def remakes_padded(self, *facts: Any) -> bool:
        return False


def matches(row: Preference, problem: Problem) -> bool:
    return planning._fits(row, problem)


def problem(op: str = "conv", mode: Any = "reflect", size: int = 8, padding: Any = 1, strides: int = 1) -> Problem:
    kernel = 3 if "pool" in op else (3, 3, 2, 2)
    pointwise = (1, 1, 4, 2) if op == "separable_conv" else ()
    parsed = Padding.parse(padding, mode, rank=2)
    return parse_problem(op, (1, size, size, 2), kernel, parsed, strides=strides, pointwise_shape=pointwise)


def measured_by(command: str) -> dict[str, Any]:
    """The arguments of a benchmark's command line, read by the program itself without running it."""
    python, option, module, name, *arguments = shlex.split(command)
    assert [python, option, module] == ["python", "-m", "benchmarks"]
    options: dict[str, Any] = COMMANDS.commands[name].make_context(name, arguments).params
    return options


def named(row: Preference) -> str:
    return f"{row.backend}-{row.gradient}-{row.eager}-{row.ops}-{row.max_halo_share}-{row.min_size_per_side}"


# The table


@pytest.mark.parametrize("row", PREFERENCES, ids=named)
def test_every_finding_names_the_command_that_shows_it(row: Preference) -> None:
    assert measured_by(row.command)["backend"] == row.backend
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
    assert Route(row.route) is not Route.PADDED, "that is what comes after all of them"
    assert row.device in DEVICES
    assert set(row.ops) <= set(OPS)
    assert 0 < row.max_halo_share <= 1
    assert row.min_size_per_side >= 0
    assert row.reason
    assert not row.reason.endswith(".")


@pytest.mark.parametrize("row", PREFERENCES, ids=named)
def test_every_finding_is_met(row: Preference) -> None:
    # None stands behind others that take all that it fits.
    modes = ("zeros", "ignore", 5, "reflect", (5, "circular"))
    asked = [problem(op, mode, size) for op in OPS for mode in modes for size in (4, 8, 16, 32, 64, 256, 1024, 4096)]
    context = Context(row.device, gradient=bool(row.gradient), eager=bool(row.eager))
    rows = [preferred(one, row.backend, context, list(Route)) for one in asked]
    assert row in rows


# How it is read


COMMAND = "python -m benchmarks layers --backend jax"


def row(route: str = "correction", **options: Any) -> Preference:
    return Preference(route, "swift", "cpu", "it was faster", COMMAND, **options)


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
    found = {name for name in ("conv", "depthwise_conv", "average_pool") if matches(row(ops=ops), problem(name))}
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
    assert matches(row(max_halo_share=share), asked) is fits
    assert halo_share(problem()) == pytest.approx(1 / 6)


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
    assert matches(row(min_size_per_side=least), asked) is fits


def test_a_finding_from_so_many_values_on_is_none_of_an_open_batch() -> None:
    asked = replace(problem(), input_shape=(None, 8, 8, 2))
    assert matches(row(min_size_per_side=0), asked)
    assert not matches(row(min_size_per_side=1), asked)


@pytest.mark.parametrize(("filters", "strides", "fits"), [(2, 1, True), (3, 1, False), (8, 2, True), (9, 2, False)])
def test_a_finding_that_is_none_where_outputs_are_more_than_inputs(filters: int, strides: int, fits: bool) -> None:
    parsed = Padding.parse("same", "reflect", rank=2)
    asked = parse_problem("conv", (1, 8, 8, 2), (3, 3, 2, filters), parsed, strides=strides)
    assert matches(row(not_for_growth=True), asked) is fits
    assert matches(row(), asked)


def test_a_finding_that_is_none_of_groups() -> None:
    parsed = Padding.parse("same", "reflect", rank=2)
    for groups, fits in ((1, True), (2, False)):
        asked = parse_problem("conv", (1, 8, 8, 4), (3, 3, 4 // groups, 4), parsed, groups=groups)
        assert matches(row(only_ungrouped=True), asked) is fits
        assert matches(row(), asked)


def test_a_finding_fits_by_all_that_it_says() -> None:
    both = row(ops=("conv",), max_halo_share=0.2)
    assert matches(both, problem())
    assert not matches(both, problem("depthwise_conv"))
    assert not matches(both, problem(size=4))
    assert not matches(replace(both, min_size_per_side=250), problem())
    assert matches(replace(both, min_size_per_side=250), problem(size=32))


SLOW, FAST = row(), row("rescale")
BOTH = [Route.CORRECTION, Route.RESCALE]

# the table, backend, device, possible routes -> the row
READ = [
    ((), "swift", "cpu", BOTH, None),
    ((FAST, SLOW), "swift", "cpu", BOTH, FAST),
    ((SLOW, FAST), "swift", "cpu", BOTH, SLOW),
    ((FAST, SLOW), "swift", "cpu", [Route.CORRECTION, Route.PADDED], SLOW),
    ((FAST, SLOW), "swift", "cpu", [Route.PADDED], None),
    ((FAST, SLOW), "swift", "cpu", [], None),
    ((FAST, SLOW), "swift", "gpu", BOTH, None),
    ((FAST, SLOW), "other", "cpu", BOTH, None),
    ((replace(FAST, device="gpu"), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, device="gpu"), SLOW), "swift", "gpu", BOTH, replace(FAST, device="gpu")),
    ((replace(FAST, backend="other"), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, ops=("max_pool",)), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, max_halo_share=0.1), SLOW), "swift", "cpu", BOTH, SLOW),
    ((replace(FAST, max_halo_share=0.2), SLOW), "swift", "cpu", BOTH, replace(FAST, max_halo_share=0.2)),
]


@pytest.mark.parametrize(("table", "backend", "device", "possible", "found"), READ)
def test_the_first_that_fits_is_taken(
    table: Any, backend: str, device: str, possible: list[Route], found: Preference | None
) -> None:
    with tuning.replace(preferences=table):
        assert preferred(problem(), backend, Context(device), possible) == found


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
        plan = choose(problem(op, mode), backend, Backend(refusal), Context(device))
        assert plan.route is Route(route)


ITSELF = "swift pads these windows itself, without a copy"
SCALED = "zeros, then every output is scaled to what its window covers"
NO_REFLECT, NO_CONSTANT = "no backend's operation pads with reflect", "no backend's operation pads with constant"
SLOWER, UNMEASURED = ", and correction was not found faster here", ", and correction was not measured on gpu"
MIXED = (("symmetric", "zeros"), ("ignore", "circular"))

# op, mode, device, what the backend says of zeros -> route, reason
PREFERRED = [
    ("conv", 7, "cpu", "", "correction", "it was faster"),
    ("conv", 7, "gpu", "", "padded", NO_CONSTANT + UNMEASURED),
    ("conv", 7, "cpu", "no", "padded", NO_CONSTANT),
    ("conv", "reflect", "cpu", "", "correction", "it was faster"),
    ("conv", "reflect", "gpu", "", "padded", NO_REFLECT + UNMEASURED),
    ("conv", MIXED, "cpu", "", "correction", "it was faster"),
    ("conv", "zeros", "cpu", "", "native", ITSELF),
    ("conv", "ignore", "cpu", "", "rescale", SCALED),
    ("depthwise_conv", "reflect", "cpu", "", "padded", NO_REFLECT + SLOWER),
    ("depthwise_conv", 7, "gpu", "", "padded", NO_CONSTANT + UNMEASURED),
    ("average_pool", 7, "cpu", "", "correction", "it was faster"),
    ("max_pool", 7, "cpu", "", "padded", NO_CONSTANT),
    ("conv_transpose", "reflect", "cpu", "", "padded", NO_REFLECT),
]


@pytest.mark.parametrize(("op", "mode", "device", "zeros", "route", "reason"), PREFERRED)
def test_what_was_found_faster_is_taken(op: str, mode: Any, device: str, zeros: str, route: str, reason: str) -> None:
    asked = problem(op, mode, padding=((1, 2), (0, 1)))
    with tuning.replace(preferences=(row(ops=("conv", "average_pool")),)):
        plan = choose(asked, "swift", Backend(zeros), Context(device))
    evidence = COMMAND if reason == "it was faster" else ""
    assert plan == Plan(asked, "swift", Route(route), reason, evidence=evidence)


def test_a_gradient_known_only_later_has_a_route_of_its_own() -> None:
    later = row(ops=("conv",), gradient=True)
    with tuning.replace(preferences=(later,)):
        jax = Context("cpu", gradient=None)
        plan = choose(problem(), "swift", Backend(), jax)
        assert (plan.route, plan.gradient_route) == (Route.PADDED, Route.CORRECTION)
        assert str(plan).endswith("; correction where it is differentiated")
        assert (plan.for_gradient().route, plan.for_gradient().gradient_route) == (Route.CORRECTION, None)
        for other in (problem("average_pool"), problem(mode="zeros")):
            plan = choose(other, "swift", Backend(), jax)
            assert plan.gradient_route is None
            assert plan.for_gradient() is plan
        assert choose(problem(), "swift", Backend(), jax, route=Route.PADDED).gradient_route is None
    with tuning.replace(preferences=(row(), later)):
        assert choose(problem(), "swift", Backend(), jax).gradient_route is None


@pytest.mark.parametrize(("gradient", "route"), [(False, "padded"), (True, "correction")])
def test_a_gradient_known_before_has_its_own_rows(gradient: bool, route: str) -> None:
    with tuning.replace(preferences=(row(gradient=True),)):
        plan = choose(problem(), "swift", Backend(), Context("cpu", gradient))
    assert (plan.route, plan.gradient_route) == (Route(route), None)


def test_every_route_is_taken_by_some_row() -> None:
    assert {Route(row[4]) for row in PREFERRED} == set(Route)


# Thresholds


@pytest.mark.parametrize("threshold", THRESHOLDS.values(), ids=lambda threshold: threshold.name)
def test_every_threshold_names_the_command_that_shows_it(threshold: Threshold) -> None:
    backend, _ = threshold.name.split(".")
    assert measured_by(threshold.command)["backend"] == backend
    assert threshold.meaning
    assert tuning.LIMITS[threshold.name] == threshold.value


def test_thresholds_change_within_a_block_alone() -> None:
    usual, version = tuning.LIMITS["torch.keep_bytes"], tuning.STATE.version
    with tuning.replace(torch_keep_bytes=5, cpu_kernels=False):
        assert (tuning.LIMITS["torch.keep_bytes"], tuning.STATE.cpu_kernels) == (5, False)
        assert tuning.STATE.version != version
        with tuning.replace(torch_keep_bytes=6):
            assert (tuning.LIMITS["torch.keep_bytes"], tuning.STATE.cpu_kernels) == (6, False)
        assert tuning.LIMITS["torch.keep_bytes"] == 5
    assert (tuning.LIMITS["torch.keep_bytes"], tuning.STATE.cpu_kernels) == (usual, True)


@pytest.mark.parametrize(
    ("kernel", "bits"),
    [
        ("AVX512_SKX", 512),
        ("X86_V4", 512),
        ("FMA3 AVX2", 256),
        ("X86_V3", 256),
        ("NEON", inf),
        ("baseline(X86_V2)", inf),
        ("", inf),
    ],
)
def test_the_vectors_of_a_processor(kernel: str, bits: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the names of NumPy's kernels, as they were up to 2.3 and are from 2.4 on."""
    found = {"exp": {"ff": {"current": kernel, "available": kernel}}} if kernel else {}
    monkeypatch.setattr(processor.introspect, "opt_func_info", lambda **_: found)
    assert processor.vector_bits.__wrapped__() == bits


def test_a_threshold_that_is_not_there_is_refused() -> None:
    refusal = "^`torch_keep` must be one of jax.taps_padded, .* Received: 1.$"
    with pytest.raises(convpad.PaddingError, match=refusal), tuning.replace(torch_keep=1):
        pass


@pytest.mark.parametrize("folder", ["ops", "backends"])
def test_no_threshold_stands_elsewhere(folder: str) -> None:
    """Numbers beyond those of plain arithmetic are the sizes of caches alone."""
    package = Path(convpad.__file__).parent
    for file in (package / folder).rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        sizes = {
            id(k.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for k in node.keywords
            if k.arg == "maxsize"
        }
        numbers = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, (int, float))
            and not isinstance(node.value, bool)
        ]
        large = [
            f"{file.name}:{node.lineno} {node.value}" for node in numbers if node.value > 8 and id(node) not in sizes
        ]
        assert large == [], large
