"""How does a border come right without a padded copy? The operation is linear: what stands outside is added afterwards.

The zero-padded operation, and the operation of each thin slab of padding with those of its taps that meet it. What
constants add is the same for every image of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convpad.ops._backends import Backend, Pairs, Tensor
from convpad.ops.choice import sooner_padded
from convpad.ops.coverage import renormalised
from convpad.ops.pad import Values, extend, has_tensors, slab_filled
from convpad.ops.plan import Plan, Route
from convpad.ops.slabs import Slab, slabs

__all__ = ["Operation", "bordered"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A convolution or a pool. Its taps are a kernel, or the size of a window.

    Args:
        run: of a tensor, by these taps, padded with so many zeros.
        cut: the taps, and of them those that meet each slab.
    """

    run: Callable[[Tensor, Any, Pairs], Tensor]
    cut: Callable[[Any, Sequence[Slab]], Sequence[Any]]


def bordered(backend: Backend, plan: Plan, values: Values, operation: Operation, x: Tensor, taps: Any) -> Tensor:
    """What the operation gives for `x` padded as the plan's problem says, by its route."""
    problem = plan.problem

    def padded(x: Tensor) -> Tensor:
        return extend(backend, x, problem, values)

    def valid(padded: Tensor, taps: Any) -> Tensor:
        return operation.run(padded, taps, ((0, 0),) * problem.rank)

    def mended(x: Tensor, taps: Any) -> Tensor:
        return _mended(backend, plan, values, operation, x, taps)

    apart = plan.differentiated or (plan.route is Route.TAPS and problem.fills and sooner_padded(problem))
    if apart and not has_tensors(values):
        out = backend.unless_differentiated(lambda x, taps: valid(padded(x), taps), mended, x, taps)
    elif plan.materialises:
        out = backend.remade(padded, lambda padded: valid(padded, taps), x)
    elif not problem.fills:
        out = operation.run(x, taps, plan.pads)
    else:
        out = mended(x, taps)
    return renormalised(backend, out, x, problem)


def _mended(backend: Backend, plan: Plan, values: Values, operation: Operation, x: Tensor, taps: Any) -> Tensor:
    problem, none = plan.problem, ((0, 0),) * plan.problem.rank
    found: tuple[Slab, ...] = backend.settled(slabs, problem)
    leads = [(slice(None),) * problem.axes[slab.axis] for slab in found]
    taps, *met = operation.cut(taps, found)
    x, *sources = backend.parted(x, [(*lead, slice(*slab.source)) for lead, slab in zip(leads, found, strict=True)])
    added = [
        ((*lead, slice(*slab.outputs)), operation.run(slab_filled(backend, source, problem, values, slab), few, none))
        for lead, slab, few, source in zip(leads, found, met, sources, strict=True)
    ]
    return backend.summed(operation.run(x, taps, plan.problem.pads), added)
