"""How is it computed, and why so? A `Plan`: a problem, the route taken, and the reason.

Pure: integers and names in, a frozen plan out. Which windows a backend pads by itself is the backend's to say
(`native` in its file); everything else about the choice is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from convpad.core.errors import refuse
from convpad.core.modes import MODES
from convpad.core.problem import POOLS, Problem, Shape
from convpad.core.window import Window
from convpad.ops.choice import Route, preferred

__all__ = ["Plan", "Route", "choose", "route_named"]


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
        differentiated: the route that is taken instead where a gradient is asked for, if that is known only then.

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
    differentiated: Route | None = None

    def of(self, step: str) -> Plan:
        """What is done for a step, `"forward"` or `"gradient"`: forward and backward."""
        if step == "forward" or self.differentiated is None:
            return self
        return Plan(self.problem, self.backend, self.differentiated, "it is sooner where it is differentiated")

    @property
    def windows(self) -> tuple[Window, ...]:
        """One per spatial axis."""
        return self.problem.windows

    @property
    def output_shape(self) -> Shape:
        """The shape of what comes out, None where unknown."""
        return self.problem.output_shape

    @property
    def materialises(self) -> bool:
        """Whether the route makes the padded tensor."""
        return self.route is Route.PADDED

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """(before, after) for each axis: what is left for the backend's own operation to pad."""
        return ((0, 0),) * self.problem.rank if self.materialises else self.problem.pads

    def __str__(self) -> str:
        other = f"; {self.differentiated} where it is differentiated" if self.differentiated else ""
        return f"{self.route} on {self.backend}: {self.reason}{other}"


def choose(problem: Problem, backend: str, device: str, native: Native, route: Route | None = None) -> Plan:
    """The plan for a problem: the fastest route known for it, or the one asked for if it can do the problem."""
    why_not = _refusals(problem, backend, native)
    if route is None:
        possible = [each for each, refusal in why_not.items() if not refusal]
        found = preferred(problem, backend, device, possible)
        if found:
            return Plan(problem, backend, found.route, f"{found.finding} ({found.benchmark})")
        taken = next(each for each in (Route.NATIVE, Route.RESCALE, Route.PADDED) if each in possible)
        later = preferred(problem, backend, f"{device}, differentiated", possible)
        return Plan(problem, backend, taken, _reason(problem, backend, taken, why_not), later and later.route)
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
    """Every route with what speaks against it; nothing speaks against `padded`."""
    return {
        Route.NATIVE: _common(problem) or _against_native(problem, native),
        Route.RESCALE: _common(problem) or _against_rescale(problem, native),
        Route.OFFSET: _against_offset(problem, native),
        Route.BORDER: _against_border(problem, native),
        Route.TAPS: _against_taps(problem, backend),
        Route.PADDED: "",
    }


def _common(problem: Problem) -> str:
    """What speaks against every route that leaves the padding to the backend."""
    if any(window.before is None for window in problem.windows):
        return "the amounts depend on a size that is not known yet"
    others = sorted(mode.name for mode in problem.padded_modes if mode.copies or mode.carries_value)
    return f"no backend pads with {', '.join(others)} itself" if others else ""


def _against_native(problem: Problem, native: Native) -> str:
    modes = problem.padded_modes
    ignored = MODES["ignore"] in modes
    if problem.op == "max_pool" and MODES["zeros"] in modes:
        return "the pool of every backend leaves its padding out, and zeros are to count"
    if len(modes) > 1:
        return "zeros count and 'ignore' does not"
    if ignored and problem.op not in POOLS:
        return "a convolution of every backend counts its padding"
    return native(problem, ignored)


def _against_rescale(problem: Problem, native: Native) -> str:
    if problem.op == "max_pool" or MODES["ignore"] not in problem.padded_modes:
        return "nothing is renormalised"
    return native(problem, False)


def _against_offset(problem: Problem, native: Native) -> str:
    modes = problem.padded_modes
    copies = sorted(mode.name for mode in modes if mode.copies)
    if copies:
        return f"what {', '.join(copies)} adds depends on the input"
    if not any(mode.carries_value for mode in modes):
        return "there is no constant to add"
    return _against_mending(problem, native)


def _against_border(problem: Problem, native: Native) -> str:
    if not problem.fills:
        return "nothing but zeros is padded"
    return _against_mending(problem, native)


def _against_taps(problem: Problem, backend: str) -> str:
    if problem.op not in ("depthwise_conv", "separable_conv"):
        return "only a depthwise convolution is a sum over taps"
    if backend == "numpy":
        return "NumPy arrays go to the oracle"
    if not problem.known:
        return "the sizes are not known yet"
    return ""


def _against_mending(problem: Problem, native: Native) -> str:
    """What speaks against a zero-padded operation whose border is mended afterwards."""
    if problem.op in ("max_pool", "conv_transpose"):
        return f"{problem.op} of zeros is no {problem.op} to start from"
    if not problem.known:
        return "where the border is depends on a size that is not known yet"
    return native(problem, False)


def _reason(problem: Problem, backend: str, taken: Route, why_not: dict[Route, str]) -> str:
    if taken is Route.NATIVE:
        if not problem.padded_modes:
            return "there is nothing to pad"
        return f"{backend} pads these windows itself, without a copy"
    if taken is Route.RESCALE:
        return "zeros, then every output is scaled to what its window covers"
    # Where the zero-padded operation is what renormalising lacks, that is the reason.
    renormalised = problem.op != "max_pool" and MODES["ignore"] in problem.padded_modes
    reason = why_not[Route.RESCALE if renormalised else Route.NATIVE]
    slower = next((each for each in (Route.OFFSET, Route.BORDER, Route.TAPS) if not why_not[each]), None)
    return f"{reason}, and {slower} was not found faster here" if slower else reason
