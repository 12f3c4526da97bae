"""How does a border come right without a padded copy? The operation is linear: what stands outside is added afterwards.

The zero-padded operation, and the operation of each thin slab of padding with those of its taps that meet it. What
constants add is the same for every image of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convpad.ops._backends import Backend, Pairs, Tensor
from convpad.ops.coverage import renormalised
from convpad.ops.pad import Values, extend, slab_filled
from convpad.ops.plan import Plan
from convpad.ops.slabs import Slab, slabs

__all__ = ["Operation", "bordered"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A convolution or a pool.

    Args:
        run: of a tensor, by these taps (a kernel, or the size of a pool's window), padded with so many zeros.
        taps: all of them.
        cut: all of them, and those that meet each slab.
    """

    run: Callable[[Tensor, Any, Pairs], Tensor]
    taps: Any
    cut: Callable[[Sequence[Slab]], Sequence[Any]]


def bordered(backend: Backend, plan: Plan, values: Values, x: Tensor, operation: Operation) -> Tensor:
    """What the operation gives for `x` padded as the plan's problem says, by its route."""
    problem = plan.problem
    if plan.materialises:

        def whole(x: Tensor) -> Tensor:
            padded = extend(backend, x, problem, values)
            with backend.remaking(padded, lambda: extend(backend, x, problem, values), x):
                return operation.run(padded, operation.taps, plan.pads)

        out = backend.recomputing(whole)(x)
    elif problem.fills:
        out = _mended(backend, plan, values, x, operation)
    else:
        out = operation.run(x, operation.taps, plan.pads)
    return renormalised(backend, out, x, problem)


def _mended(backend: Backend, plan: Plan, values: Values, x: Tensor, operation: Operation) -> Tensor:
    problem, none = plan.problem, [(0, 0)] * plan.problem.rank
    found: tuple[Slab, ...] = backend.settled(slabs, problem)
    leads = [(slice(None),) * problem.axes[slab.axis] for slab in found]
    taps, *met = operation.cut(found)
    x, *sources = backend.parted(x, [(*lead, slice(*slab.source)) for lead, slab in zip(leads, found, strict=True)])
    added = [
        ((*lead, slice(*slab.outputs)), operation.run(slab_filled(backend, source, problem, values, slab), few, none))
        for lead, slab, few, source in zip(leads, found, met, sources, strict=True)
    ]
    return backend.summed(operation.run(x, taps, plan.pads), added)
