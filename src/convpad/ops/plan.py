"""The plan of a padded operation: its route, the kernel that computes it, and the reason for both.

Pure: integers and names in, a frozen plan out. A backend says which windows it pads by itself (`why_not_native`) and
which kernel convolves (`kernel_name`); `tuning.py` holds the measurements that decide among the routes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from math import prod

from convpad.backends.base import Backend, Context, ConvWindow
from convpad.core.errors import refuse
from convpad.core.modes import MODES
from convpad.core.operation import POOLS
from convpad.core.problem import Problem, Shape, absorb_overhang, sources
from convpad.core.window import Window
from convpad.ops.halo import halo_share
from convpad.tuning import LIMITS, STATE, Preference


class Route(StrEnum):
    """How the padding gets into the result."""

    NATIVE = "native"
    """the backend's operation pads with zeros itself: nothing is copied"""
    RESCALE = "rescale"
    """`ignore`: the zero-padded operation times ``taps / taps covered``"""
    CORRECTION = "correction"
    """any mode: the zero-padded operation, and what thin slabs of padding add to it"""
    PADDED = "padded"
    """the padded tensor, then the operation without padding: always possible"""


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """How an operation is computed, and why so.

    Args:
        problem: the operation with its shapes.
        backend: `"jax"`, `"tensorflow"`, `"torch"`, or `"numpy"` (the oracle).
        route: how the padding gets into the result.
        reason: why this route, in a sentence.
        kernel: what computes the operation itself: `"framework"`, or the name of a kernel of convpad's own.
        evidence: the command that shows the measurement behind the choice; empty where none was needed.
        gradient_route: the route taken where a gradient is asked for, if it is another and known only then (JAX).
        remakes_padded: whether a gradient makes the padded tensor again, which then need not be kept for it.

    Example:

    >>> import convpad
    >>> plan = convpad.plan((8, 224, 224, 3), (7, 7, 3, 64), strides=2, padding="half", backend="jax")
    >>> print(plan)
    native on jax (gradient in strips): jax pads these windows itself, without a copy
    >>> plan.windows[0].before, plan.output_shape
    (3, (8, 112, 112, 64))
    """

    problem: Problem
    backend: str
    route: Route
    reason: str
    kernel: str = "framework"
    evidence: str = ""
    gradient_route: Route | None = None
    remakes_padded: bool = False

    def for_gradient(self) -> Plan:
        """Return the plan that is followed where a gradient is asked for."""
        if self.gradient_route is None:
            return self
        return replace(self, route=self.gradient_route, reason="it is faster with its gradient", gradient_route=None)

    @property
    def windows(self) -> tuple[Window, ...]:
        """One window per spatial axis."""
        return self.problem.windows

    @property
    def output_shape(self) -> Shape:
        """The shape of the output, None where unknown."""
        return self.problem.output_shape

    def __str__(self) -> str:
        kernel = "" if self.kernel == "framework" else f" ({self.kernel})"
        gradient = f"; {self.gradient_route} where it is differentiated" if self.gradient_route else ""
        return f"{self.route} on {self.backend}{kernel}: {self.reason}{gradient}"

    def __repr__(self) -> str:
        return f"<Plan: {self}>"


def choose(
    problem: Problem,
    backend: str,
    planner: Backend,
    context: Context,
    *,
    route: Route | None = None,
    dtype: str = "float32",
) -> Plan:
    """Return the plan for a problem: the fastest route known for it, or the given one if it is possible.

    Args:
        backend: the name by which `tuning.py` knows the backend.
        planner: the backend.

    Raises:
        PaddingError: the given route is not possible.
    """
    plain = absorb_overhang(problem)
    refusals = _refusals(plain, backend, planner)

    def plan(route: Route, reason: str, evidence: str = "", gradient_route: Route | None = None) -> Plan:
        kernel = _kernel(plain, route, planner, context, dtype)
        remakes = Route.PADDED in (route, gradient_route) and planner.remakes_padded(plain, dtype)
        return Plan(problem, backend, route, reason, kernel, evidence, gradient_route, remakes)

    if route is not None:
        if refusals[route]:
            raise refuse("route", "be able to do what is asked", str(route), f"Here it is not: {refusals[route]}.")
        return plan(route, "asked for")
    possible = [each for each, refusal in refusals.items() if not refusal and not _is_ours(each, context)]
    default = next(each for each in (Route.NATIVE, Route.RESCALE, Route.PADDED) if each in possible)
    forward = preferred(plain, backend, replace(context, gradient=bool(context.gradient)), possible)
    later = preferred(plain, backend, replace(context, gradient=True), possible) if context.gradient is None else None
    route_taken = Route(forward.route) if forward else default
    gradient_route = Route(later.route) if later and later.route != route_taken else None
    if forward:
        return plan(route_taken, forward.reason, forward.command, gradient_route)
    return plan(route_taken, _reason(plain, backend, context, route_taken, refusals), gradient_route=gradient_route)


def _is_ours(route: Route, context: Context) -> bool:
    """Return whether a route adds parts together that no reader of an exported program would take for a convolution."""
    return context.traced and route is Route.CORRECTION


def preferred(problem: Problem, backend: str, context: Context, possible: Collection[Route]) -> Preference | None:
    """Return the first measured preference that fits, among routes that are possible."""
    return next(
        (
            row
            for row in STATE.preferences
            if (row.backend, row.device) == (backend, context.device)
            and row.gradient in (None, context.gradient)
            and row.eager in (None, context.eager)
            and Route(row.route) in possible
            and _fits(row, problem)
        ),
        None,
    )


def _fits(row: Preference, problem: Problem) -> bool:
    """Return whether a preference was measured for such problems."""
    if problem.filters_first:
        return False
    if row.ops and problem.op not in row.ops:
        return False
    if row.only_ungrouped and problem.groups > 1:
        return False
    if row.only_constants and any(mode.copies_input for mode in problem.padded_modes):
        return False
    if row.unless_padded_is_faster and _padded_is_faster(problem):
        return False
    if not _is_large_enough(row, problem) or (row.not_for_growth and _grows(problem)):
        return False
    return row.max_halo_share == 1.0 or halo_share(problem) <= row.max_halo_share


def _is_large_enough(row: Preference, problem: Problem) -> bool:
    if not row.min_size_per_side:
        return True
    # Programs with an open batch are what converters read, which know no updates in place.
    sizes = [size for size in problem.input_shape if size is not None]
    return len(sizes) == len(problem.input_shape) and prod(sizes) >= row.min_size_per_side * _filled_sides(problem)


def _grows(problem: Problem) -> bool:
    """Return whether the outputs hold more values than the input; not where a size is unknown."""
    inputs = [size for size in problem.input_shape if size is not None]
    outputs = [size for size in problem.output_shape if size is not None]
    known = len(inputs) == len(problem.input_shape) and len(outputs) == len(problem.output_shape)
    return known and prod(outputs) > prod(inputs)


def _filled_sides(problem: Problem) -> int:
    """Return the number of sides that are padded with more than zeros."""
    axes = zip(problem.pads, problem.modes, strict=True)
    return sum(
        count > 0 and (mode.copies_input or mode.takes_value)
        for axis in axes
        for count, mode in zip(*axis, strict=True)
    )


def _padded_is_faster(problem: Problem) -> bool:
    """Return whether a sum over taps without a gradient is faster on a padded tensor than corrected.

    Slabs have outputs for every tap that reads them, 5 x 5 on a map of 7 x 7 half as many as the map; and a tensor that
    is padded with copies alone is one gather. The gradient of a padded tensor takes three times as long, whatever the
    window.
    """
    copies = any(mode.copies_input for mode in problem.padded_modes)
    one_pass = sources(problem) is not None if copies else set(problem.strides) == {1}
    return problem.taps > LIMITS["jax.taps_padded"] or one_pass


def route_named(route: object) -> Route | None:
    """Return the route of that name; None is the best one."""
    if route is None:
        return None
    if not isinstance(route, str) or route not in list(Route):
        raise refuse("route", f"be None or one of {', '.join(repr(str(possible)) for possible in Route)}", route)
    return Route(route)


def conv_window(problem: Problem) -> ConvWindow:
    """Return the zero-padded window of a problem, as backends take it."""
    return ConvWindow(
        strides=problem.strides,
        pads=problem.pads,
        dilation=problem.dilation,
        groups=problem.groups,
        channels_last=problem.channels_last,
        leftovers=problem.leftovers,
        size=tuple([window.kernel for window in problem.windows]) if problem.op in POOLS else (),
        filters_first=problem.filters_first,
    )


def _kernel(problem: Problem, route: Route, planner: Backend, context: Context, dtype: str) -> str:
    if problem.op in POOLS or not problem.kernel_shape:
        return "framework"
    window, shape = conv_window(problem), list(problem.input_shape)
    if route is Route.PADDED:
        window = window.without_pads()
        if problem.op != "conv_transpose":
            for axis, axis_window in zip(problem.axes, problem.windows, strict=True):
                shape[axis] = axis_window.padded
    op = "depthwise_conv" if problem.op == "separable_conv" else problem.op
    return planner.kernel_name(op, tuple(shape), problem.kernel_shape, window, dtype, context)


def _refusals(problem: Problem, backend: str, planner: Backend) -> dict[Route, str]:
    """Return the reason against every route, empty where it is possible; `padded` always is."""
    window = _against_window(problem, backend, planner)
    return {
        Route.NATIVE: window or _against_zeros(problem) or _against_native(problem, planner),
        Route.RESCALE: window or _against_zeros(problem) or _against_rescale(problem, planner),
        Route.CORRECTION: window or _against_correction(problem, planner),
        Route.PADDED: "",
    }


def _against_window(problem: Problem, backend: str, planner: Backend) -> str:
    """Return the reason against every route but `padded`: the backend has no such window."""
    if any(window.overhangs and window.is_static for window in problem.windows):
        return "the last window hangs over padding that counts"
    if problem.op in POOLS and max(problem.dilation) > 1 and problem.op not in planner.dilated_pools:
        return f"{backend} has no dilated {problem.op}"
    return ""


def _against_zeros(problem: Problem) -> str:
    """Return the reason against every route that leaves the padding to the backend."""
    if any(window.before is None or (window.ceil and window.size is None) for window in problem.windows):
        return "the amounts depend on a size that is not known yet"
    others = sorted(mode.name for mode in problem.padded_modes if mode.copies_input or mode.takes_value)
    return f"no backend's operation pads with {', '.join(others)}" if others else ""


def _against_native(problem: Problem, planner: Backend) -> str:
    modes = problem.padded_modes
    ignored = MODES["ignore"] in modes
    if problem.op == "max_pool" and MODES["zeros"] in modes:
        return "the pool of every backend leaves its padding out, and zeros are to count"
    if len(modes) > 1:
        return "zeros count and 'ignore' does not"
    if ignored and problem.op not in POOLS:
        return "a convolution of every backend counts its padding"
    return planner.why_not_native(problem, ignored=ignored)


def _against_rescale(problem: Problem, planner: Backend) -> str:
    if problem.op == "max_pool" or MODES["ignore"] not in problem.padded_modes:
        return "nothing is renormalised"
    return planner.why_not_native(problem, ignored=False)


def _against_correction(problem: Problem, planner: Backend) -> str:
    if not problem.pads_more_than_zeros:
        return "nothing but zeros is padded"
    if problem.op in ("max_pool", "conv_transpose"):
        return f"{problem.op} of zeros is no {problem.op} to start from"
    if problem.filters_first:
        return "a module of PyTorch computes what torch.nn's does, rounded alike"
    if not problem.is_static:
        return "where the border is depends on a size that is not known yet"
    return planner.why_not_native(problem, ignored=False)


def _reason(problem: Problem, backend: str, context: Context, route_taken: Route, refusals: dict[Route, str]) -> str:
    if route_taken is Route.NATIVE:
        if not problem.padded_modes:
            return "there is nothing to pad"
        return f"{backend} pads these windows itself, without a copy"
    if route_taken is Route.RESCALE:
        return "zeros, then every output is scaled to what its window covers"
    # Where the zero-padded operation is what renormalising lacks, that is the reason.
    renormalised = problem.op != "max_pool" and MODES["ignore"] in problem.padded_modes
    reason = refusals[Route.RESCALE if renormalised else Route.NATIVE]
    if refusals[Route.CORRECTION]:
        return reason
    if context.traced:
        return f"{reason}, and nothing is corrected in a program that something else runs"
    if not STATE.is_measured(backend, context.device):
        return f"{reason}, and correction was not measured on {context.device}"
    return f"{reason}, and correction was not found faster here"
