"""How does a border come right without a padded copy? The operation is linear: what stands outside is added afterwards.

The zero-padded operation, and the operation of each thin slab of padding with those of its taps that meet it. What
constants add is the same for every image of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convpad.backends import Backend, Pairs, Tensor
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


Padded = Callable[[Tensor, Any], Tensor]
"""An operation, of a tensor by its taps."""


def bordered(backend: Backend, plan: Plan, values: Values, operation: Operation) -> Padded:
    """The operation of a tensor that is padded as the plan's problem says, by its route."""
    problem, run = plan.problem, _counted(backend, plan, values, operation)
    return (lambda x, taps: renormalised(backend, run(x, taps), x, problem)) if problem.ignores else run


def _counted(backend: Backend, plan: Plan, values: Values, operation: Operation) -> Padded:
    """The same with what is ignored counted as zeros."""
    problem, pads, none = plan.problem, plan.pads, ((0, 0),) * plan.problem.rank

    def padded(x: Tensor) -> Tensor:
        return extend(backend, x, problem, values)

    def of_padded(x: Tensor, taps: Any) -> Tensor:
        return operation.run(padded(x), taps, none)

    apart = plan.differentiated or (plan.route is Route.TAPS and problem.fills and sooner_padded(problem))
    if apart and not has_tensors(values):
        mended = _mended(backend, plan, values, operation)
        return lambda x, taps: backend.unless_differentiated(of_padded, mended, x, taps)
    if plan.materialises:
        return lambda x, taps: backend.remade(padded, lambda padded: operation.run(padded, taps, none), x)
    if problem.fills:
        return _mended(backend, plan, values, operation)
    return lambda x, taps: operation.run(x, taps, pads)


def _mended(backend: Backend, plan: Plan, values: Values, operation: Operation) -> Padded:
    problem, none = plan.problem, ((0, 0),) * plan.problem.rank
    found: tuple[Slab, ...] = backend.settled(slabs, problem)
    leads = [(slice(None),) * problem.axes[slab.axis] for slab in found]
    read = [(*lead, slice(*slab.source)) for lead, slab in zip(leads, found, strict=True)]
    boxes = [(*lead, slice(*slab.outputs)) for lead, slab in zip(leads, found, strict=True)]

    def mended(x: Tensor, taps: Any) -> Tensor:
        taps, *met = operation.cut(taps, found)
        x, *sources = backend.parted(x, read)
        added = [
            (box, operation.run(slab_filled(backend, source, problem, values, slab), few, none))
            for box, slab, few, source in zip(boxes, found, met, sources, strict=True)
        ]
        return backend.summed(operation.run(x, taps, problem.pads), added)

    return mended
