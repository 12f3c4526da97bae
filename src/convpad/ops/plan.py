"""How is it computed, and why so? A `Plan`: a problem, the route taken, and the reason.

Pure: integers and names in, a frozen plan out. Which windows a backend pads by itself is the backend's to say
(`native` in its file); everything else about the choice is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from convpad.errors import refuse
from convpad.geometry import Window
from convpad.modes import MODES, Mode
from convpad.problem import Problem, Shape

__all__ = ["Plan", "Route", "choose", "padded_modes", "route_named"]


class Route(StrEnum):
    """The ways from a problem to its answer."""

    NATIVE = "native"
    """the backend's operation pads with zeros itself: nothing is copied"""
    RESCALE = "rescale"
    """`ignore`: the zero-padded operation times ``taps / taps covered``"""
    PADDED = "padded"
    """materialise the padded tensor, then the operation without padding: always right"""


class Native(Protocol):
    """Asks a backend why it cannot pad the windows of a problem itself; an empty answer: it can."""

    def __call__(self, problem: Problem, ignored: bool) -> str: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, and why.

    Args:
        problem: what is asked.
        backend: `"jax"`, `"tensorflow"`, `"torch"`, or `"numpy"` (the oracle).
        route: how.
        reason: why so, in a sentence.

    Example:

    >>> import convpad
    >>> plan = convpad.plan((8, 224, 224, 3), (7, 7, 3, 64), strides=2, padding="half", backend="jax")
    >>> print(plan)
    native on jax: jax pads these windows itself, without a copy
    >>> plan.windows[0].before, plan.output_shape
    (3, (8, 112, 112, 64))
    """

    problem: Problem
    backend: str
    route: Route
    reason: str

    @property
    def windows(self) -> tuple[Window, ...]:
        """One per spatial axis."""
        return self.problem.windows

    @property
    def output_shape(self) -> Shape:
        """The shape of what comes out, None where unknown."""
        return self.problem.output_shape

    def __str__(self) -> str:
        return f"{self.route} on {self.backend}: {self.reason}"


def padded_modes(problem: Problem) -> set[Mode]:
    """The modes of the sides that get any padding; a side that gets none has no say."""
    modes: set[Mode] = set()
    for window, (before, after) in zip(problem.windows, problem.modes, strict=True):
        modes |= {before} if window.before != 0 else set()
        modes |= {after} if window.after != 0 else set()
    if problem.op == "conv_transpose":
        # Its constants do not depend on the input, so the adjoint does not see them.
        modes = {MODES["zeros"] if mode.carries_value else mode for mode in modes}
    return modes


def choose(problem: Problem, backend: str, native: Native, route: Route | None = None) -> Plan:
    """The plan for a problem: the first route that applies, or the one asked for if it can do the problem."""
    why_not = _refusals(problem, backend, native)
    if route is None:
        taken = next(possible for possible, refusal in why_not.items() if not refusal)
        return Plan(problem, backend, taken, _reason(problem, backend, taken, why_not))
    if why_not[route]:
        raise refuse("route", "be able to do what is asked", str(route), f"Here it is not: {why_not[route]}.")
    return Plan(problem, backend, route, "asked for")


def route_named(route: object) -> Route | None:
    """The route of that name; None is the best."""
    if route is None:
        return None
    if not isinstance(route, str) or route not in list(Route):
        raise refuse("route", f"be None or one of {', '.join(repr(str(possible)) for possible in Route)}", route)
    return Route(route)


def _refusals(problem: Problem, backend: str, native: Native) -> dict[Route, str]:
    """Every route, best first, with what speaks against it; nothing speaks against `padded`."""
    modes = padded_modes(problem)
    ignored = {mode for mode in modes if not mode.counts}
    pooled = problem.op in ("max_pool", "average_pool")
    against_native = against_rescale = ""
    if any(window.before is None for window in problem.windows):
        against_native = against_rescale = "the amounts depend on a size that is not known yet"
    elif modes - ignored - {MODES["zeros"]}:
        names = ", ".join(sorted(mode.name for mode in modes - {MODES["zeros"]}))
        against_native = against_rescale = f"no backend pads with {names} itself"
    else:
        if problem.op == "max_pool" and modes - ignored:
            against_native = "the pool of every backend leaves its padding out, and zeros are to count"
        elif len(modes) > 1 or (ignored and not pooled):
            against_native = "zeros count and 'ignore' does not"
        else:
            against_native = native(problem, bool(ignored))
        if problem.op in ("max_pool", "pad") or not ignored:
            against_rescale = "nothing is renormalised"
        else:
            against_rescale = native(problem, False)
    return {Route.NATIVE: against_native, Route.RESCALE: against_rescale, Route.PADDED: ""}


def _reason(problem: Problem, backend: str, taken: Route, why_not: dict[Route, str]) -> str:
    if taken is Route.NATIVE:
        if not padded_modes(problem):
            return "there is nothing to pad"
        return f"{backend} pads these windows itself, without a copy"
    if taken is Route.RESCALE:
        return "zeros, then every output is scaled to what its window covers"
    # Renormalising needs the zero-padded operation: where that is what is missing, say so.
    return why_not[Route.RESCALE if any(not mode.counts for mode in padded_modes(problem)) else Route.NATIVE]
