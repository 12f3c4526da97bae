"""Plans: the route that is chosen, and its reason."""

from __future__ import annotations

from typing import Any

import pytest

import convpad
from convpad.backends.base import Context
from convpad.core.errors import PaddingError
from convpad.core.modes import MODES
from convpad.core.padding import Padding
from convpad.core.problem import Problem, pad_problem, parse_problem
from convpad.ops.plan import Plan, Route, choose, route_named

pytestmark = pytest.mark.needs("numpy")


def _problem(
    op: str = "conv", padding: Any = 1, mode: Any = "zeros", shape: Any = (1, 8, 8, 2), **options: Any
) -> Problem:
    kernel = 3 if "pool" in op else (3, 3, 2, 2)
    parsed = Padding.parse(padding, mode, rank=2)
    if op == "pad":
        return pad_problem(shape, parsed)
    pointwise = (1, 1, 4, 2) if op == "separable_conv" else ()
    return parse_problem(op, shape, kernel, parsed, pointwise_shape=pointwise, **options)


class Native:
    """A backend that pads what it is told it can, and remembers what it was asked."""

    def __init__(self, zeros: str = "", ignored: str = "") -> None:
        self.answers = {False: zeros, True: ignored}
        self.asked: list[tuple[Problem, bool]] = []

    dilated_pools = ("max_pool",)

    def why_not_native(self, problem: Problem, *, ignored: bool) -> str:
        self.asked.append((problem, ignored))
        return self.answers[ignored]

    def kernel_name(self, *facts: Any) -> str:
        return "framework"

    def remakes_padded(self, *facts: Any) -> bool:
        return False


CPU = Context("cpu")


@pytest.mark.parametrize(
    ("op", "padding", "mode", "names"),
    [
        ("conv", 0, "reflect", []),
        ("conv", "valid", ("reflect", "ignore"), []),
        ("conv", 1, "zeros", ["zeros"]),
        ("conv", 1, ("zeros", "reflect"), ["reflect", "zeros"]),
        ("conv", ((0, 1), (1, 0)), (("reflect", "circular"), ("ignore", "zeros")), ["circular", "ignore"]),
        ("conv", (1, 0), ("symmetric", "reflect"), ["symmetric"]),
        ("conv", 1, 5, ["constant"]),
        ("max_pool", 1, ("ignore", 5), ["constant", "ignore"]),
        ("conv_transpose", 1, 5, ["zeros"]),
        ("conv_transpose", 1, ("reflect", 5), ["reflect", "zeros"]),
        ("conv_transpose", 1, "ignore", ["ignore"]),
        ("pad", ((0, 0), (0, 1)), (5, ("reflect", "circular")), ["circular"]),
    ],
)
def test_only_sides_that_are_padded_have_a_say(op: str, padding: Any, mode: Any, names: list[str]) -> None:
    assert sorted(mode.name for mode in _problem(op, padding, mode).padded_modes) == names


def test_a_side_whose_amount_is_unknown_is_padded() -> None:
    problem = _problem("conv", "same", ("reflect", ("circular", "zeros")), (1, 8, None, 2), strides=2)
    assert sorted(mode.name for mode in problem.padded_modes) == ["circular", "reflect", "zeros"]


UNKNOWN = "the amounts depend on a size that is not known yet"
ITSELF = "numpy-like pads these windows itself, without a copy"
NOTHING = "there is nothing to pad"
SCALED = "zeros, then every output is scaled to what its window covers"
COUNTS = "zeros count and 'ignore' does not"
POOL = "the pool of every backend leaves its padding out, and zeros are to count"
MIXED = (("symmetric", "zeros"), ("ignore", "circular"))

# Where nothing was measured.
# op, padding, mode, what the backend says of zeros and of ignore -> route, reason, what it was asked (ignored?)
CHOICES = [
    ("conv", 0, "reflect", "", "", "native", NOTHING, {False}),
    ("conv", 1, "zeros", "", "", "native", ITSELF, {False}),
    ("conv", 1, "zeros", "it is even", "", "padded", "it is even", {False}),
    ("conv", (0, 1), ("reflect", "zeros"), "", "", "native", ITSELF, {False}),
    ("depthwise_conv", 1, "zeros", "", "no", "native", ITSELF, {False}),
    ("separable_conv", 1, "zeros", "", "no", "native", ITSELF, {False}),
    ("conv_transpose", 1, "zeros", "", "no", "native", ITSELF, {False}),
    ("conv_transpose", 1, 7, "", "no", "native", ITSELF, {False}),
    ("pad", 1, "zeros", "", "no", "native", ITSELF, {False}),
    ("pad", 1, "zeros", "never", "no", "padded", "never", {False}),
    (
        "conv",
        1,
        "reflect",
        "",
        "",
        "padded",
        "no backend's operation pads with reflect, and correction was not measured on cpu",
        {False},
    ),
    (
        "conv",
        1,
        7,
        "",
        "",
        "padded",
        "no backend's operation pads with constant, and correction was not measured on cpu",
        {False},
    ),
    (
        "depthwise_conv",
        1,
        7,
        "",
        "",
        "padded",
        "no backend's operation pads with constant, and correction was not measured on cpu",
        {False},
    ),
    (
        "conv",
        1,
        ("zeros", "reflect"),
        "",
        "",
        "padded",
        "no backend's operation pads with reflect, and correction was not measured on cpu",
        {False},
    ),
    (
        "conv",
        1,
        MIXED,
        "",
        "",
        "padded",
        "no backend's operation pads with circular, symmetric, and correction was not measured on cpu",
        {False},
    ),
    ("conv_transpose", 1, "reflect", "", "", "padded", "no backend's operation pads with reflect", set()),
    ("max_pool", 1, "reflect", "", "", "padded", "no backend's operation pads with reflect", set()),
    (
        "average_pool",
        1,
        "reflect",
        "",
        "",
        "padded",
        "no backend's operation pads with reflect, and correction was not measured on cpu",
        {False},
    ),
    ("conv", 1, "ignore", "", "", "rescale", SCALED, {False}),
    ("conv", 1, ("zeros", "ignore"), "", "", "rescale", SCALED, {False}),
    ("conv", 1, ("zeros", "ignore"), "no", "", "padded", "no", {False}),
    ("conv", 1, "ignore", "no", "", "padded", "no", {False}),
    ("conv_transpose", 1, "ignore", "", "", "rescale", SCALED, {False}),
    ("max_pool", 1, "ignore", "no", "", "native", ITSELF, {True}),
    ("max_pool", 1, "ignore", "", "too wide", "padded", "too wide", {True}),
    ("max_pool", 1, "zeros", "", "", "padded", POOL, set()),
    ("max_pool", 1, ("zeros", "ignore"), "", "", "padded", POOL, set()),
    ("max_pool", 0, "zeros", "", "no", "native", NOTHING, {False}),
    ("average_pool", 1, "zeros", "", "no", "native", ITSELF, {False}),
    ("average_pool", 1, "zeros", "no", "", "padded", "no", {False}),
    ("average_pool", 1, "ignore", "no", "", "native", ITSELF, {True, False}),
    ("average_pool", 1, "ignore", "", "no", "rescale", SCALED, {True, False}),
    ("average_pool", 1, "ignore", "no zeros", "no ignore", "padded", "no zeros", {True, False}),
    ("average_pool", 1, ("zeros", "ignore"), "", "", "rescale", SCALED, {False}),
    ("average_pool", 1, ("zeros", "ignore"), "no", "", "padded", "no", {False}),
]


@pytest.mark.parametrize(("op", "padding", "mode", "zeros", "ignored", "route", "reason", "asked"), CHOICES)
def test_choice(
    op: str, padding: Any, mode: Any, zeros: str, ignored: str, route: str, reason: str, asked: set[bool]
) -> None:
    problem, native = _problem(op, padding, mode), Native(zeros, ignored)
    plan = choose(problem, "numpy-like", native, CPU)
    assert plan.route is Route(route)
    assert plan.reason == reason
    assert plan.problem is problem
    assert plan.backend == "numpy-like"
    assert all(one is problem for one, _ in native.asked)
    assert {ignored for _, ignored in native.asked} == asked


@pytest.mark.parametrize("op", ["conv", "max_pool", "average_pool"])
def test_an_unknown_amount_is_padded_when_it_runs(op: str) -> None:
    native = Native()
    for mode in ("zeros", "ignore", "reflect"):
        plan = choose(_problem(op, "same", mode, (1, 8, None, 2), strides=2), "jax", native, CPU)
        assert (plan.route, plan.reason) == (Route.PADDED, UNKNOWN)
    assert native.asked == []


def test_the_routes_that_need_no_measurement() -> None:
    assert {Route(row[5]) for row in CHOICES} == {Route.NATIVE, Route.RESCALE, Route.PADDED}


def test_a_plan_shows_itself() -> None:
    plan = choose(_problem(padding="same", strides=2), "jax", Native(), CPU)
    assert str(plan) == "native on jax: jax pads these windows itself, without a copy"
    assert plan.windows is plan.problem.windows
    assert plan.output_shape == (1, 4, 4, 2)
    assert plan == Plan(plan.problem, "jax", Route.NATIVE, plan.reason)


@pytest.mark.parametrize(
    ("op", "mode", "route"),
    [
        ("conv", "zeros", "native"),
        ("conv", "zeros", "padded"),
        ("conv", "reflect", "padded"),
        ("conv", "ignore", "rescale"),
        ("conv", "ignore", "padded"),
        ("conv", 5, "correction"),
        ("conv", (5, "zeros"), "correction"),
        ("conv", (5, "ignore"), "correction"),
        ("conv", "reflect", "correction"),
        ("conv", (5, "reflect"), "correction"),
        ("depthwise_conv", "reflect", "correction"),
        ("separable_conv", 5, "correction"),
        ("average_pool", 5, "correction"),
        ("average_pool", "reflect", "correction"),
        ("max_pool", "ignore", "native"),
        ("average_pool", "ignore", "rescale"),
    ],
)
def test_a_route_that_can_do_it_is_taken_when_asked_for(op: str, mode: Any, route: str) -> None:
    problem = _problem(op, 1, mode)
    plan = choose(problem, "jax", Native(), CPU, route=Route(route))
    assert plan == Plan(problem, "jax", Route(route), "asked for")
    assert str(plan) == f"{route} on jax: asked for"


@pytest.mark.parametrize(
    ("op", "mode", "route", "zeros", "why"),
    [
        ("conv", "reflect", "native", "", "no backend's operation pads with reflect"),
        ("conv", "reflect", "rescale", "", "no backend's operation pads with reflect"),
        ("conv", "zeros", "rescale", "", "nothing is renormalised"),
        ("pad", "zeros", "rescale", "", "nothing is renormalised"),
        ("conv", "zeros", "native", "it is even", "it is even"),
        ("conv", "ignore", "native", "", "a convolution of every backend counts its padding"),
        ("conv", ("zeros", "ignore"), "native", "", COUNTS),
        ("max_pool", ("reflect", "ignore"), "rescale", "", "no backend's operation pads with reflect"),
        ("max_pool", ("zeros", "ignore"), "rescale", "", "nothing is renormalised"),
        ("conv", "ignore", "rescale", "it is even", "it is even"),
        ("max_pool", "ignore", "rescale", "", "nothing is renormalised"),
        ("max_pool", "zeros", "native", "", POOL),
        ("average_pool", "zeros", "rescale", "", "nothing is renormalised"),
        ("average_pool", ("zeros", "ignore"), "native", "", COUNTS),
        ("conv", "zeros", "correction", "", "nothing but zeros is padded"),
        ("conv", "ignore", "correction", "", "nothing but zeros is padded"),
        ("conv_transpose", 5, "correction", "", "nothing but zeros is padded"),
        ("conv", "reflect", "correction", "it is even", "it is even"),
        ("conv", 5, "correction", "it is even", "it is even"),
        ("max_pool", "reflect", "correction", "", "max_pool of zeros is no max_pool to start from"),
        ("conv_transpose", "reflect", "correction", "", "conv_transpose of zeros is no conv_transpose to start from"),
    ],
)
def test_a_route_that_cannot_do_it_is_refused(op: str, mode: Any, route: str, zeros: str, why: str) -> None:
    with pytest.raises(PaddingError) as refusal:
        choose(_problem(op, 1, mode), "jax", Native(zeros), CPU, route=Route(route))
    assert str(refusal.value) == (
        f"`route` must be able to do what is asked. Received: {route!r}. Here it is not: {why}."
    )


@pytest.mark.parametrize(
    ("op", "mode", "route", "why"),
    [
        ("conv", "zeros", "native", UNKNOWN),
        ("conv", "ignore", "rescale", UNKNOWN),
        ("conv", 5, "correction", "where the border is depends on a size that is not known yet"),
        ("conv", "reflect", "correction", "where the border is depends on a size that is not known yet"),
    ],
)
def test_an_unknown_amount_refuses_every_quick_route(op: str, mode: Any, route: str, why: str) -> None:
    native = Native()
    with pytest.raises(PaddingError, match=f"Here it is not: {why}.$"):
        choose(_problem(op, "same", mode, (1, 8, None, 2), strides=2), "jax", native, CPU, route=Route(route))
    assert native.asked == []


ROUTES = "'native', 'rescale', 'correction', 'padded'"


@pytest.mark.parametrize("route", ["fast", "NATIVE", "", 1, ["native"], True])
def test_an_unknown_route_is_refused(route: Any) -> None:
    with pytest.raises(PaddingError) as refusal:
        route_named(route)
    assert str(refusal.value) == f"`route` must be None or one of {ROUTES}. Received: {route!r}."


def test_routes_by_name() -> None:
    assert route_named(None) is None
    assert [route_named(str(route)) for route in Route] == list(Route)
    assert all(type(route_named(str(route))) is Route for route in Route)
    assert all(route_named(route) is route for route in Route)


# convpad.plan, on shapes


@pytest.mark.parametrize(
    ("op", "kernel", "options", "output"),
    [
        ("conv", (3, 3, 2, 4), {"padding": "same", "strides": 2}, (1, 4, 4, 4)),
        ("depthwise_conv", (3, 3, 2, 4), {"padding": "full"}, (1, 10, 10, 8)),
        ("separable_conv", ((3, 3, 2, 4), (1, 1, 8, 5)), {}, (1, 6, 6, 5)),
        ("conv_transpose", (3, 3, 4, 2), {"strides": 2, "output_padding": 1}, (1, 18, 18, 4)),
        ("max_pool", 2, {}, (1, 4, 4, 2)),
        ("max_pool", 2, {"strides": None}, (1, 4, 4, 2)),
        ("average_pool", (3, 2), {"strides": 1}, (1, 6, 7, 2)),
    ],
)
def test_planned_on_shapes(op: str, kernel: Any, options: dict[str, Any], output: tuple[int, ...]) -> None:
    plan = convpad.plan((1, 8, 8, 2), kernel, op=op, **options)
    assert plan.output_shape == output
    assert plan.backend == "numpy"
    assert plan.route is Route.PADDED
    assert plan.problem.op == op


def test_planned_modes_are_those_of_the_operation() -> None:
    assert convpad.plan((1, 8, 2), 2, op="max_pool", padding=1).problem.modes == ((MODES["ignore"],) * 2,)
    assert convpad.plan((1, 8, 2), (3, 2, 2), padding=1).problem.modes == ((MODES["zeros"],) * 2,)
    assert convpad.plan((1, 8, 2), 2, op="max_pool", padding_mode="zeros").problem.modes == ((MODES["zeros"],) * 2,)


def test_numpy_is_the_oracle() -> None:
    assert (
        str(convpad.plan((1, 8, 2), (3, 2, 2), padding=1))
        == "padded on numpy: NumPy arrays go to the oracle, which pads"
    )


# Windows of pools


@pytest.mark.parametrize("op", ["max_pool", "average_pool"])
def test_dilated_pools_are_padded_where_the_backend_has_none(op: str) -> None:
    plan = choose(_problem(op, 1, "ignore", dilation_rate=2), "abacus", Native(), CPU)
    assert (plan.route, plan.reason) == (
        (Route.NATIVE, "abacus pads these windows itself, without a copy")
        if op == "max_pool"
        else (Route.PADDED, "abacus has no dilated average_pool")
    )


def test_an_overhang_of_ignored_padding_is_padding() -> None:
    problem = _problem("average_pool", 0, "zeros", strides=3, ceil_mode=True)
    plan = choose(problem, "abacus", Native(), CPU)
    assert (plan.route, plan.output_shape, plan.problem) == (Route.NATIVE, (1, 3, 3, 2), problem)
    plan = choose(_problem("average_pool", 1, "zeros", strides=4, ceil_mode=True), "abacus", Native(), CPU)
    assert (plan.route, plan.reason) == (Route.PADDED, "the last window hangs over padding that counts")
